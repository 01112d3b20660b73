#include "imaging/srgb_table.h"

#include "imaging/color.h"
#include "imaging/kernels.h"

#include <pthread.h>
#include <string.h>

enum { SHIFT = 23 - RUBOR_ENCODE_BITS };

static const uint32_t first_bits = (uint32_t)(127 - RUBOR_ENCODE_OCTAVES) << 23;

static float decode_table[65536];
static float encode_table[RUBOR_ENCODE_CELLS + 1][2]; /* value at the cell's lower end, plus one half for rounding; slope */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static double value_at(uint32_t cell)
{
    uint32_t bits = first_bits + (cell << SHIFT);
    float linear;
    memcpy(&linear, &bits, sizeof linear);
    return linear;
}

static void build(void)
{
    for (int i = 0; i < 65536; i++)
        decode_table[i] = (float)rubor_srgb_decode(i / 65535.0);
    for (uint32_t i = 0; i < RUBOR_ENCODE_CELLS; i++) {
        double low = value_at(i), high = value_at(i + 1);
        double at_low = 65535.0 * rubor_srgb_encode(low), at_high = 65535.0 * rubor_srgb_encode(high);
        encode_table[i][0] = (float)(at_low + 0.5);
        encode_table[i][1] = (float)((at_high - at_low) / (high - low));
    }
    encode_table[RUBOR_ENCODE_CELLS][0] = 65535.5F;
}

const float *rubor_srgb_table(void)
{
    pthread_once(&once, build);
    return decode_table;
}

void rubor_srgb_encode_row(uint16_t *out, const float *linear, int count)
{
    pthread_once(&once, build);
    rubor_kernels_get()->encode(out, linear, encode_table, (size_t)count);
}
