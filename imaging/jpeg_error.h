/* libjpeg's errors as values (room-internal): no message is printed, no process is ended. */
#ifndef RUBOR_IMAGING_JPEG_ERROR_H
#define RUBOR_IMAGING_JPEG_ERROR_H

#include "imaging/status.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h> /* jpeglib.h needs FILE */

#include <jpeglib.h>

typedef struct rubor_jpeg_error {
    struct jpeg_error_mgr base; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    rubor_status status; /* what the error means */
    bool bogus_icc;      /* the color profile comes in pieces that do not fit together */
    char message[JMSG_LENGTH_MAX];
} rubor_jpeg_error;

/* What to put into cinfo.err. */
struct jpeg_error_mgr *rubor_jpeg_error_init(rubor_jpeg_error *handler);

#endif
