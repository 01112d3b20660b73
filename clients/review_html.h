/* The review of one treatment as one self-contained HTML file: no other file, no network.
 * Reentrant. */
#ifndef RUBOR_CLIENTS_REVIEW_HTML_H
#define RUBOR_CLIENTS_REVIEW_HTML_H

#include "imaging/encode.h"

#include <jansson.h>

/* model: what `rubor review --json` prints, each member of days with optional objects "images" (for the slider) and "small"
 * (for the strip) whose values are data: URIs by picture name. *out is malloc'ed text (finish with rubor_buffer_finish).
 * RUBOR_NO_MEMORY. */
rubor_status rubor_review_html(rubor_buffer *out, const json_t *model, rubor_error *error);

/* "data:<type>;base64,..." of bytes; malloc'ed, NULL without memory. */
char *rubor_data_uri(const char *type, const void *data, size_t size);

#endif
