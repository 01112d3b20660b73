/* Skin and only skin: background, clothes, chart, hair, brows, beard shadow, eyes, lips, nostrils, shine, flat
 * make-up-like patches and deep shadow left out. The same thresholds on every skin tone. */
#ifndef RUBOR_ANALYZER_SKIN_H
#define RUBOR_ANALYZER_SKIN_H

#include "calibration/calibration.h"
#include "imaging/kernels.h"

typedef struct rubor_skin {
    rubor_mask skin;     /* 255: measurable skin */
    rubor_mask shine;    /* 255: specular highlight on or beside skin */
    double area_percent; /* of the frame */
    double lab[3], ita;  /* D65, median over the mask; NaN when there is no skin */
} rubor_skin;

void rubor_skin_finish(rubor_skin *skin);

/* *out initialized by the call. full_width/full_height: the photo's full size (places the chart, which is cut
 * out). An empty mask is RUBOR_OK with area_percent 0. Reentrant. */
rubor_status rubor_skin_find(rubor_skin *out, const rubor_image_calibrated *image,
                             const rubor_calibration *calibration, int full_width, int full_height,
                             rubor_error *error);

/* very_light | light | intermediate | tan | brown | dark by ITA 55, 41, 28, 10, -30 (Chardon 1991, Del Bino 2013);
 * "" for NaN. */
const char *rubor_skin_tone(double ita);

#endif
