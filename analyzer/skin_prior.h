/* The color prior of the skin mask: how much likelier a color is on skin than elsewhere. Trained by
 * analyzer/skin_prior.py, which says from what. Immutable. */
#ifndef RUBOR_ANALYZER_SKIN_PRIOR_H
#define RUBOR_ANALYZER_SKIN_PRIOR_H

#include <stdint.h>

enum { RUBOR_PRIOR_BINS = 48 };
/* Cell [j][i] is centered at v = FIRST + (j + 0.5) STEP, u = FIRST + (i + 0.5) STEP, with
 * u = log10((R + FLOOR) / (G + FLOOR)), v = log10((G + FLOOR) / (B + FLOOR)) of linear light. */
#define RUBOR_PRIOR_FIRST (-0.30f)
#define RUBOR_PRIOR_STEP 0.025f
#define RUBOR_PRIOR_FLOOR 0.004f
#define RUBOR_PRIOR_SCALE 20.0f /* table units per natural log */

extern const int8_t rubor_prior_uncalibrated[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS];
extern const int8_t rubor_prior_calibrated[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS];

#endif
