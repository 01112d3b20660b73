/* The exports that hold pictures: what the command and the page both hand over. Pictures are fetched one at a time, made
 * smaller and let go. Reentrant as far as fetch is. */
#ifndef RUBOR_CLIENTS_REVIEW_PICTURES_H
#define RUBOR_CLIENTS_REVIEW_PICTURES_H

#include "imaging/encode.h"
#include "protocol/messages.h"

#include <jansson.h>

/* Where pictures come from. fetch gives the bytes of one as the worker made it (finish with rubor_buffer_finish);
 * RUBOR_NOT_FOUND leaves it out, anything else ends the export. */
typedef struct rubor_picture_source {
    rubor_status (*fetch)(void *context, rubor_buffer *out, const char *job, const char *name, rubor_error *error);
    void *context;
} rubor_picture_source;

/* One self-contained page (rubor_review_html): of each visit every map at the strip's size and one picture of screen size
 * for the slider. Notes, which name their authors, stay out. series: the jobs model was made from, in its order. */
rubor_status rubor_review_html_whole(rubor_buffer *out, const json_t *model, const rubor_reply *series,
                                     const rubor_picture_source *source, rubor_error *error);

/* rubor_review_pdf with the photo of each day. */
rubor_status rubor_review_pdf_whole(rubor_buffer *out, const json_t *model, const rubor_reply *series,
                                    const rubor_picture_source *source, rubor_error *error);

#endif
