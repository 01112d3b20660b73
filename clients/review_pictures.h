/* The exports that hold pictures: what the command and the page both hand over. Pictures are fetched one at a time, made
 * smaller and let go. Reentrant as far as call is. */
#ifndef RUBOR_CLIENTS_REVIEW_PICTURES_H
#define RUBOR_CLIENTS_REVIEW_PICTURES_H

#include "clients/mdp_client.h"

#include <jansson.h>

/* How the broker is asked for pictures. RUBOR_NOT_FOUND leaves a picture out, anything else ends the export. */
typedef struct rubor_picture_source {
    rubor_status (*call)(void *context, rubor_client_reply *reply, rubor_request *request, rubor_error *error);
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
