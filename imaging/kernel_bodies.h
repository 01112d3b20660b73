/* The bodies of the pixel kernels. Included once by kernels_scalar.c (baseline) and once by kernels_avx2.c
 * (the same C, compiled with -mavx2 and without FMA): one source, so the same operations in the same order
 * and therefore the same bits. Room-internal. Each loop is branch-free so that the compiler vectorizes it. */
#ifndef RUBOR_IMAGING_KERNEL_BODIES_H
#define RUBOR_IMAGING_KERNEL_BODIES_H

#include "imaging/kernels.h"

#ifdef __AVX__
#include <immintrin.h>
#endif

#include <float.h>
#include <math.h>
#include <string.h>

enum { KERNEL_BLOCK = 128 };

static inline int32_t bits_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Blocks through locals: out may alias in, and the compiler need not prove that it does not. */
static void matrix3(float *const out[3], const float *const in[3], const float m[9], const float offset[3],
                    size_t n)
{
    for (size_t start = 0; start < n; start += KERNEL_BLOCK) {
        size_t count = n - start < KERNEL_BLOCK ? n - start : KERNEL_BLOCK;
        float a[KERNEL_BLOCK], b[KERNEL_BLOCK], c[KERNEL_BLOCK];
        memcpy(a, in[0] + start, count * sizeof *a);
        memcpy(b, in[1] + start, count * sizeof *b);
        memcpy(c, in[2] + start, count * sizeof *c);
        for (size_t row = 0; row < 3; row++) {
            float *to = out[row] + start;
            const float x = m[3 * row], y = m[3 * row + 1], z = m[3 * row + 2], w = offset[row];
            for (size_t i = 0; i < count; i++)
                to[i] = x * a[i] + y * b[i] + z * c[i] + w;
        }
    }
}

/* x = 2^e * m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), by its series in s^2
 * (|s| < 0.1716, next term below 1e-9 relative). m - 1 is exact near 1, so the relative error of the
 * logarithm holds there too. */
static void optical_density(float *od, const float *linear, float floor, size_t n)
{
    const int32_t half_root = 0x3f3504f3; /* sqrt(1/2) */
    const float least = floor > FLT_MIN ? floor : FLT_MIN;
    for (size_t i = 0; i < n; i++) {
        float x = linear[i];
        float clamped = x < least ? least : x; /* NaN stays NaN */
        clamped = clamped > FLT_MAX ? FLT_MAX : clamped;
        int32_t bits = bits_of(clamped) - half_root;
        int32_t exponent = bits >> 23;
        float m = float_of((bits & 0x7fffff) + half_root);
        float s = (m - 1.0F) / (m + 1.0F);
        float t = s * s;
        float series = 0.11111111F; /* 1/9 */
        series = series * t + 0.14285714F;
        series = series * t + 0.2F;
        series = series * t + 0.33333333F;
        series = series * t + 1.0F;
        float log_m = s * series * 0.868588964F; /* 2 / ln 10 */
        float result = -((float)exponent * 0.301029996F + log_m);
        od[i] = x == x ? result : x;
    }
}

/* First guess from a third of the exponent and mantissa bits (within 4 %), then two steps of Halley's method,
 * each cubing the error. */
static void cube_root(float *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = in[i];
        float a = x > 1e-30F ? x : 1e-30F;
        a = a < FLT_MAX ? a : FLT_MAX;
        float y = float_of((int32_t)((float)bits_of(a) * 0.33333334F) + 0x2a5137a0);
        for (int step = 0; step < 2; step++) {
            float cube = y * y * y;
            y = y * ((cube + (a + a)) / ((cube + cube) + a));
        }
        float result = x > 1e-30F ? y : 0.0F;
        out[i] = x == x ? result : x;
    }
}

/* Four lines at a time as GNU C vectors, which the compiler turns into what the CPU has: as plain loops over
 * arrays it keeps neither the sums in registers nor four of them together. */
typedef float lines_float __attribute__((vector_size(16), aligned(4), may_alias));
typedef double lines_double __attribute__((vector_size(32)));
enum { BOX_LINES = 4, BOX_GROUPS = RUBOR_LANES / BOX_LINES };

static inline size_t line_at(int index, int length)
{
    return (size_t)(index < 0 ? 0 : index >= length ? length - 1 : index) * RUBOR_LANES;
}

#ifdef __AVX__ /* gcc 12 makes four instructions of what the CPU does in one */
#define BOX_LINES_AT(place) ((lines_double)_mm256_cvtps_pd(_mm_loadu_ps(place)))
#else
#define BOX_LINES_AT(place) __builtin_convertvector(*(const lines_float *)(place), lines_double)
#endif

static void box_lanes(float *restrict out, const float *restrict in, int length, rubor_box b)
{
    const double scale = 1 / (2 * b.radius + 1 + 2 * b.edge), edge = b.edge;
    lines_double sums[BOX_GROUPS] = {{0}}, before[BOX_GROUPS];
    for (int i = -b.radius; i <= b.radius; i++)
        for (size_t g = 0; g < BOX_GROUPS; g++)
            sums[g] += BOX_LINES_AT(in + line_at(i, length) + g * BOX_LINES);
    for (size_t g = 0; g < BOX_GROUPS; g++) /* what left the box on its way to the next pixel */
        before[g] = BOX_LINES_AT(in + g * BOX_LINES);
    const float *leaving = in, *after = in + line_at(b.radius + 1, length);
    const float *last = in + line_at(length - 1, length);
    for (int i = 0; i < length; i++, out += RUBOR_LANES) {
        for (size_t g = 0; g < BOX_GROUPS; g++) {
            lines_double next = BOX_LINES_AT(after + g * BOX_LINES);
            lines_double mean = (sums[g] + edge * (before[g] + next)) * scale;
            *(lines_float *)(out + g * BOX_LINES) = __builtin_convertvector(mean, lines_float);
            before[g] = BOX_LINES_AT(leaving + g * BOX_LINES);
            sums[g] += next - before[g];
        }
        leaving += i >= b.radius ? RUBOR_LANES : 0;
        after += after < last ? RUBOR_LANES : 0;
    }
}

/* A level of 255 as 16 bits. */
static inline float level16(float level)
{
    float value = level * 257 + 0.5F;
    value = value > 0 ? value : 0;
    return value < 65535 ? value : 65535;
}

static void jpeg_row(uint16_t *restrict rgb, const uint8_t *restrict samples, const float *const add[3],
                     bool ycc, size_t n)
{
    for (size_t start = 0; start < n; start += KERNEL_BLOCK) {
        size_t count = n - start < KERNEL_BLOCK ? n - start : KERNEL_BLOCK;
        const float *restrict first = add[0] + start, *restrict second = add[1] + start;
        const float *restrict third = add[2] + start;
        const uint8_t *restrict in = samples + 3 * start;
        uint16_t *restrict out = rgb + 3 * start;
        float a[KERNEL_BLOCK], b[KERNEL_BLOCK], c[KERNEL_BLOCK];
        for (size_t i = 0; i < count; i++) {
            a[i] = (float)in[3 * i] + first[i];
            b[i] = (float)in[3 * i + 1] + second[i];
            c[i] = (float)in[3 * i + 2] + third[i];
        }
        if (ycc)
            for (size_t i = 0; i < count; i++) {
                float cb = b[i] - 128, cr = c[i] - 128;
                b[i] = a[i] - 0.344136F * cb - 0.714136F * cr;
                c[i] = a[i] + 1.772F * cb;
                a[i] += 1.402F * cr;
            }
        for (size_t i = 0; i < count; i++) {
            a[i] = level16(a[i]);
            b[i] = level16(b[i]);
            c[i] = level16(c[i]);
        }
        for (size_t i = 0; i < count; i++) {
            out[3 * i] = (uint16_t)(int32_t)a[i];
            out[3 * i + 1] = (uint16_t)(int32_t)b[i];
            out[3 * i + 2] = (uint16_t)(int32_t)c[i];
        }
    }
}

static void find_known(uint8_t *restrict known, float *restrict values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t bits = bits_of(values[i]), finite = (bits & 0x7fffffff) < 0x7f800000 ? -1 : 0;
        known[i] = (uint8_t)(finite & 1);
        values[i] = float_of(bits & finite);
    }
}

static void divide_known(float *restrict values, const float *restrict share, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float mean = values[i] / share[i];
        values[i] = share[i] > 1e-6F ? mean : NAN;
    }
}

static void add_four(float *restrict to, const float *restrict from, size_t pitch, const float w[4], size_t n)
{
    const float *restrict a = from, *restrict b = a + pitch, *restrict c = b + pitch, *restrict d = c + pitch;
    for (size_t i = 0; i < n; i++)
        to[i] = to[i] + w[0] * a[i] + w[1] * b[i] + w[2] * c[i] + w[3] * d[i];
}

static void scale_row(float *restrict to, const float *restrict from, float part, bool add, size_t n)
{
    if (add && part == 1.0F)
        for (size_t i = 0; i < n; i++)
            to[i] += from[i];
    else if (add)
        for (size_t i = 0; i < n; i++)
            to[i] += part * from[i];
    else
        for (size_t i = 0; i < n; i++)
            to[i] = part * from[i];
}

static bool all_finite(const float *values, size_t n)
{
    enum { RUN = 1024 }; /* after which a first missing one is noticed */
    for (size_t start = 0; start < n; start += RUN) {
        size_t end = n - start < RUN ? n : start + RUN;
        int32_t missing = 0;
        for (size_t i = start; i < end; i++)
            missing |= (bits_of(values[i]) & 0x7fffffff) > 0x7f7fc99e ? -1 : 0; /* 3.4e38 */
        if (missing)
            return false;
    }
    return true;
}

static void encode(uint16_t *restrict out, const float *restrict linear, const float (*restrict cells)[2], size_t n)
{
    enum { SHIFT = 23 - RUBOR_ENCODE_BITS, FIRST = (127 - RUBOR_ENCODE_OCTAVES) << 23 };
    for (size_t start = 0; start < n; start += KERNEL_BLOCK) { /* in steps that are vectors but for the look into the table */
        int count = (int)(n - start < KERNEL_BLOCK ? n - start : KERNEL_BLOCK);
        int32_t cell[KERNEL_BLOCK];
        float beyond[KERNEL_BLOCK];
        for (int i = 0; i < count; i++)
            beyond[i] = linear[start + (size_t)i] > 0x1p-21F ? linear[start + (size_t)i] : 0x1p-21F;
        for (int i = 0; i < count; i++)
            beyond[i] = beyond[i] < 1.0F ? beyond[i] : 1.0F;
        for (int i = 0; i < count; i++) {
            int32_t bits = bits_of(beyond[i]);
            cell[i] = (bits - FIRST) >> SHIFT;
            beyond[i] -= float_of(bits & ~((1 << SHIFT) - 1));
        }
        for (int i = 0; i < count; i++)
            beyond[i] = cells[cell[i]][0] + beyond[i] * cells[cell[i]][1];
        for (int i = 0; i < count; i++)
            out[start + (size_t)i] = (uint16_t)(int32_t)beyond[i];
    }
}

static void add_taps(float *restrict to, const float *restrict from, const float w[3], size_t n)
{
    const float *restrict left = from - 1, *restrict right = from + 1;
    for (size_t i = 0; i < n; i++)
        to[i] = to[i] + w[0] * left[i] + w[1] * from[i] + w[2] * right[i];
}

/* The table of the file that includes this. */
#define KERNELS_OF_THIS_FILE(title)                                                                          \
    {                                                                                                        \
        .name = (title), .matrix3 = matrix3, .optical_density = optical_density, .cube_root = cube_root,     \
        .box_lanes = box_lanes, .jpeg_row = jpeg_row, .find_known = find_known,                              \
        .divide_known = divide_known, .add_four = add_four, .scale_row = scale_row, .all_finite = all_finite, .encode = encode,            \
        .add_taps = add_taps                             \
    }

#endif
