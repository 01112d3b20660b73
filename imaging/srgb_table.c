#include "imaging/srgb_table.h"

#include "imaging/color.h"

#include <pthread.h>
#include <string.h>

enum {
    MANTISSA_BITS = 7,
    OCTAVES = 9, /* 2^-9 .. 1: below 2^-9 the curve is the straight part */
    ENTRIES = OCTAVES << MANTISSA_BITS,
    SHIFT = 23 - MANTISSA_BITS
};

static const uint32_t first_bits = (uint32_t)(127 - OCTAVES) << 23;

static float decode_table[65536];
static float encode_value[ENTRIES + 1]; /* at the cell's lower end, plus one half for rounding */
static float encode_slope[ENTRIES + 1];
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
    for (uint32_t i = 0; i < ENTRIES; i++) {
        double low = value_at(i), high = value_at(i + 1);
        double at_low = 65535.0 * rubor_srgb_encode(low), at_high = 65535.0 * rubor_srgb_encode(high);
        encode_value[i] = (float)(at_low + 0.5);
        encode_slope[i] = (float)((at_high - at_low) / (high - low));
    }
    encode_value[ENTRIES] = 65535.5F;
    encode_slope[ENTRIES] = 0.0F;
}

const float *rubor_srgb_table(void)
{
    pthread_once(&once, build);
    return decode_table;
}

void rubor_srgb_encode_row(uint16_t *out, const float *linear, int count)
{
    pthread_once(&once, build);
    for (int i = 0; i < count; i++) {
        float value = linear[i] > 0.0F ? linear[i] : 0.0F; /* NaN becomes 0 */
        value = value < 1.0F ? value : 1.0F;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (bits < first_bits) {
            out[i] = (uint16_t)(value * (65535.0F * 12.92F) + 0.5F);
            continue;
        }
        uint32_t cell = (bits - first_bits) >> SHIFT, low_bits = bits & ~((1U << SHIFT) - 1);
        float low;
        memcpy(&low, &low_bits, sizeof low);
        out[i] = (uint16_t)(encode_value[cell] + (value - low) * encode_slope[cell]);
    }
}
