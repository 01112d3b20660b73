/* What goes wrong when a photo is taken: defocus and shake. raw: interleaved light, 3 floats a pixel, changed
 * in place; edges are replicated. */
#ifndef RUBOR_SAMPLES_SPOIL_H
#define RUBOR_SAMPLES_SPOIL_H

#include "imaging/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Gaussian of sigma_px > 0. */
rubor_status rubor_defocus(float *raw, double sigma_px, int width, int height, rubor_error *error);
/* The same where part is at least 128 (chosen), the rest unchanged. */
rubor_status rubor_defocus_part(float *raw, const uint8_t *part, bool chosen, double sigma_px, int width,
                                int height, rubor_error *error);
/* Mean along a line of length_px > 0 about each pixel. */
rubor_status rubor_shake(float *raw, double length_px, double turns, int width, int height,
                         rubor_error *error);

#endif
