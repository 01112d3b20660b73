/* The picture with the masks' outlines drawn on it. Internal; reentrant. */
#ifndef RUBOR_ANALYZER_OVERLAY_H
#define RUBOR_ANALYZER_OVERLAY_H

#include "imaging/image.h"

typedef struct rubor_outline {
    const rubor_mask *mask; /* NULL or empty: skipped */
    uint8_t color[3];       /* sRGB */
} rubor_outline;

/* *out (initialized by the call) = picture with each mask's border drawn; the masks have the picture's size.
 */
rubor_status rubor_overlay_draw(rubor_image_encoded *out, const rubor_image_encoded *picture,
                                const rubor_outline *outlines, int outline_count, rubor_error *error);

#endif
