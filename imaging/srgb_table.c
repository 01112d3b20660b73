#include "imaging/srgb_table.h"

#include "imaging/color.h"

#include <pthread.h>
#include <string.h>

enum {
    MANTISSA_BITS = 7,
    OCTAVES = 21, /* 2^-21 .. 1: what is darker is less than half a step of 65535 */
    ENTRIES = OCTAVES << MANTISSA_BITS,
    SHIFT = 23 - MANTISSA_BITS
};

static const uint32_t first_bits = (uint32_t)(127 - OCTAVES) << 23;

static float decode_table[65536];
static struct {
    float value; /* at the cell's lower end, plus one half for rounding */
    float slope;
} encode_table[ENTRIES + 1];
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
        encode_table[i].value = (float)(at_low + 0.5);
        encode_table[i].slope = (float)((at_high - at_low) / (high - low));
    }
    encode_table[ENTRIES].value = 65535.5F;
}

const float *rubor_srgb_table(void)
{
    pthread_once(&once, build);
    return decode_table;
}

/* The clamped values' cells and how far beyond their lower ends they lie. */
static void find_cells(int32_t *restrict cell, float *restrict beyond, const float *restrict linear, int count)
{
    for (int i = 0; i < count; i++) /* loop by loop: together they are no plain vectors */
        beyond[i] = linear[i] > 0x1p-21F ? linear[i] : 0x1p-21F; /* NaN too; encodes to 0 */
    for (int i = 0; i < count; i++)
        beyond[i] = beyond[i] < 1.0F ? beyond[i] : 1.0F;
    for (int i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &beyond[i], sizeof bits);
        int32_t low_bits = bits & ~((1 << SHIFT) - 1);
        float low;
        memcpy(&low, &low_bits, sizeof low);
        cell[i] = (bits - (int32_t)first_bits) >> SHIFT;
        beyond[i] -= low;
    }
}

void rubor_srgb_encode_row(uint16_t *out, const float *linear, int count)
{
    enum { BLOCK = 128 }; /* in steps that are vectors but for the look into the table */
    pthread_once(&once, build);
    for (int start = 0; start < count; start += BLOCK) {
        int n = count - start < BLOCK ? count - start : BLOCK;
        int32_t cell[BLOCK];
        float encoded[BLOCK];
        find_cells(cell, encoded, linear + start, n);
        for (int i = 0; i < n; i++)
            encoded[i] = encode_table[cell[i]].value + encoded[i] * encode_table[cell[i]].slope;
        for (int i = 0; i < n; i++)
            out[start + i] = (uint16_t)(int32_t)encoded[i];
    }
}
