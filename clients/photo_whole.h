/* Whether a photo file has been written to its end. */
#ifndef RUBOR_CLIENTS_PHOTO_WHOLE_H
#define RUBOR_CLIENTS_PHOTO_WHOLE_H

#include "imaging/photo.h"

typedef enum rubor_photo_shape {
    RUBOR_SHAPE_WHOLE,   /* a JPEG or PNG with its end marker */
    RUBOR_SHAPE_PARTIAL, /* begins like one and does not end */
    RUBOR_SHAPE_OTHER    /* neither */
} rubor_photo_shape;

/* Looks at the frame only: JPEG markers from SOI to EOI (trailing bytes allowed), PNG chunks to IEND.
 * Reentrant. */
rubor_photo_shape rubor_photo_shape_of(rubor_bytes bytes);

#endif
