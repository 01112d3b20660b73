/* The sRGB curve for whole images: tables built once per process (room-internal header). */
#ifndef RUBOR_IMAGING_SRGB_TABLE_H
#define RUBOR_IMAGING_SRGB_TABLE_H

#include <stdint.h>

/* 65536 entries: encoded value / 65535 -> linear 0..1, rounded once from double. Thread-safe. */
const float *rubor_srgb_table(void);
/* Linear light (clamped to 0..1; NaN is 0) to the nearest of 0..65535: a table over the float's exponent and
 * leading mantissa bits with linear interpolation, within 0.05 of a step of the exact curve. */
void rubor_srgb_encode_row(uint16_t *out, const float *linear, int count);

#endif
