/* Every kernel version against the plain C one, bit for bit, and the plain C one against libm. */
#include "imaging/kernels.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 100003 }; /* not a multiple of any vector width */

static uint32_t random_state = 7;

static uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Plain light values, then every bit pattern there is: subnormal, infinite, NaN with any payload. */
static void fill(float *values, bool any_bits)
{
    static const float telling[] = {0.0F,        -0.0F,       1.0F,         -1.0F,        FLT_MIN,
                                    FLT_MAX,     -FLT_MAX,    1e-45F,       INFINITY,     NAN,
                                    0.99999994F, 1.0000001F,  0.5F,         2.0F,         1e-30F,
                                    1e-6F,       0.70710678F, 0.707106769F, 0.707106828F, 1.41421354F};
    for (size_t i = 0; i < COUNT; i++)
        values[i] = any_bits ? float_of(random32()) : (float)(random32() >> 8) / 8388608.0F;
    memcpy(values + 1000, telling, sizeof telling);
}

typedef struct buffers {
    float in[3][COUNT], one[3][COUNT], other[3][COUNT];
} buffers;

/* NaN in, NaN out, but its payload is the CPU's business. */
static void assert_same(const float *one, const float *other, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(one + i, other + i, sizeof *one) != 0 && !(isnan(one[i]) && isnan(other[i])))
            fail_msg("%s differs at %zu: %.9g and %.9g", what, i, (double)one[i], (double)other[i]);
}

static void compare_known(const rubor_kernels *a, const rubor_kernels *b, buffers *t, size_t n)
{
    uint8_t *known = (uint8_t *)t->one[2], *other = (uint8_t *)t->other[2];
    memcpy(t->one[0], t->in[0], sizeof t->in[0]);
    memcpy(t->other[0], t->in[0], sizeof t->in[0]);
    a->find_known(known, t->one[0], n);
    b->find_known(other, t->other[0], n);
    assert_memory_equal(known, other, n);
    assert_memory_equal(t->one[0], t->other[0], n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(t->in[0][i]) ? known[i] == 1 && t->one[0][i] == t->in[0][i]
                                          : known[i] == 0 && t->one[0][i] == 0);
    a->divide_known(t->one[0], t->in[1], n);
    b->divide_known(t->other[0], t->in[1], n);
    assert_same(t->one[0], t->other[0], n, "divide_known");
}

static void compare_sums(const rubor_kernels *a, const rubor_kernels *b, buffers *t, size_t n)
{
    static const float weights[4] = {0.3F, -1.7F, 1e-20F, 2.0F};
    size_t part = n < COUNT / 4 ? n : COUNT / 4;
    memcpy(t->one[0], t->in[0], sizeof t->in[0]);
    memcpy(t->other[0], t->in[0], sizeof t->in[0]);
    a->add_four(t->one[0], t->in[1], COUNT / 4, weights, part);
    b->add_four(t->other[0], t->in[1], COUNT / 4, weights, part);
    assert_same(t->one[0], t->other[0], part, "add_four");
    a->add_taps(t->one[0], t->in[1] + 1, weights, part);
    b->add_taps(t->other[0], t->in[1] + 1, weights, part);
    assert_same(t->one[0], t->other[0], part, "add_taps");
}

static void compare_rows(const rubor_kernels *a, const rubor_kernels *b, buffers *t, size_t n)
{
    static const float parts[] = {1.0F, 0.3F, 0.0F};
    static float cells[RUBOR_ENCODE_CELLS + 1][2];
    uint16_t *one = (uint16_t *)t->one[1], *other = (uint16_t *)t->other[1];
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        cells[i][0] = (float)(random32() >> 16), cells[i][1] = (float)(random32() >> 20);
    memcpy(t->one[0], t->in[0], sizeof t->in[0]);
    memcpy(t->other[0], t->in[0], sizeof t->in[0]);
    for (size_t p = 0; p < 3; p++)
        for (int add = 1; add >= 0; add--) {
            a->scale_row(t->one[0], t->in[1], parts[p], add, n);
            b->scale_row(t->other[0], t->in[1], parts[p], add, n);
            assert_same(t->one[0], t->other[0], n, "scale_row");
        }
    a->encode(one, t->in[2], cells, n);
    b->encode(other, t->in[2], cells, n);
    assert_memory_equal(one, other, n * sizeof *one);
    bool finite = true;
    for (size_t i = 0; i < n; i++)
        finite = finite && fabsf(t->in[0][i]) <= 3.4e38F;
    assert_int_equal(a->all_finite(t->in[0], n), finite);
    assert_int_equal(b->all_finite(t->in[0], n), finite);
}

static void compare_versions(const rubor_kernels *a, const rubor_kernels *b, buffers *t, bool any_bits)
{
    const float matrix[9] = {1.6F, -0.4F, -0.2F, -0.3F, 1.5F, -0.2F, 0.05F, -0.6F, 1.55F};
    const float offset[3] = {0.001F, -0.002F, 1e-20F};
    for (int c = 0; c < 3; c++)
        fill(t->in[c], any_bits);
    const float *const in[3] = {t->in[0], t->in[1], t->in[2]};
    static const size_t counts[] = {0, 1, 7, 8, 127, 128, 129, COUNT};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t n = counts[i];
        float *const to_one[3] = {t->one[0], t->one[1], t->one[2]};
        float *const to_other[3] = {t->other[0], t->other[1], t->other[2]};
        a->matrix3(to_one, in, matrix, offset, n);
        b->matrix3(to_other, in, matrix, offset, n);
        for (int c = 0; c < 3; c++)
            assert_same(t->one[c], t->other[c], n, "matrix3");
        static const float floors[] = {1e-4F, 0.0F, -1.0F, 1e-40F};
        for (size_t f = 0; f < 4; f++) {
            a->optical_density(t->one[0], in[0], floors[f], n);
            b->optical_density(t->other[0], in[0], floors[f], n);
            assert_same(t->one[0], t->other[0], n, "optical_density");
        }
        a->cube_root(t->one[0], in[0], n);
        b->cube_root(t->other[0], in[0], n);
        assert_same(t->one[0], t->other[0], n, "cube_root");
        compare_known(a, b, t, n);
        compare_sums(a, b, t, n);
        compare_rows(a, b, t, n);
    }
}

/* Reaches from none to far past the ends of the lines. */
static void compare_boxes(const rubor_kernels *a, const rubor_kernels *b, buffers *t)
{
    static const rubor_box boxes[] = {{0, 0}, {0, 0.9}, {1, 0.25}, {7, 0}, {40, 0.5}, {5000, 0.125}};
    static const int lengths[] = {1, 2, 15, 700};
    fill(t->in[0], false);
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            a->box_lanes(t->one[0], t->in[0], lengths[l], boxes[i]);
            b->box_lanes(t->other[0], t->in[0], lengths[l], boxes[i]);
            assert_same(t->one[0], t->other[0], (size_t)lengths[l] * RUBOR_LANES, "box_lanes");
        }
}

/* Samples of all levels, with what is missing in them, and a row that ends in the middle of a vector. */
static void compare_jpeg_rows(const rubor_kernels *a, const rubor_kernels *b, buffers *t)
{
    static const size_t counts[] = {0, 1, 15, 127, 128, 129, 5001};
    uint8_t *samples = (uint8_t *)t->in[0];
    uint16_t *one = (uint16_t *)t->one[0], *other = (uint16_t *)t->other[0];
    const float *const missing[3] = {t->in[1], t->in[2], t->in[1] + 1};
    for (size_t i = 0; i < 3 * 5001; i++)
        samples[i] = (uint8_t)random32();
    for (int c = 1; c < 3; c++)
        for (size_t i = 0; i < COUNT; i++)
            t->in[c][i] = (float)(random32() >> 8) / 16777216.0F - 0.5F;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int ycc = 0; ycc < 2; ycc++) {
            a->jpeg_row(one, samples, missing, ycc, counts[i]);
            b->jpeg_row(other, samples, missing, ycc, counts[i]);
            assert_memory_equal(one, other, 3 * counts[i] * sizeof *one);
        }
}

static void every_version_gives_the_same_bits(void **state)
{
    (void)state;
    const rubor_kernels *scalar = rubor_kernels_by_name("scalar"), *avx2 = rubor_kernels_by_name("avx2");
    assert_non_null(scalar);
    if (!avx2)
        skip();
    buffers *t = malloc(sizeof *t);
    for (int turn = 0; turn < 4; turn++)
        compare_versions(scalar, avx2, t, turn % 2 != 0);
    compare_boxes(scalar, avx2, t);
    compare_jpeg_rows(scalar, avx2, t);
    free(t);
}

static void output_may_be_the_input(void **state)
{
    (void)state;
    static const char *const names[] = {"scalar", "avx2"};
    const float matrix[9] = {0.5F, 0.25F, 0.125F, -1, 2, 3, 0, 1, 0}, offset[3] = {0};
    buffers *t = malloc(sizeof *t);
    for (size_t v = 0; v < 2; v++) {
        const rubor_kernels *k = rubor_kernels_by_name(names[v]);
        if (!k)
            continue;
        for (int c = 0; c < 3; c++)
            fill(t->in[c], false);
        float *const out[3] = {t->one[0], t->one[1], t->one[2]};
        float *const same[3] = {t->in[0], t->in[1], t->in[2]};
        const float *const in[3] = {t->in[0], t->in[1], t->in[2]};
        k->matrix3(out, in, matrix, offset, COUNT);
        k->matrix3(same, in, matrix, offset, COUNT);
        for (int c = 0; c < 3; c++)
            assert_same(t->one[c], t->in[c], COUNT, "matrix3 in place");
    }
    free(t);
}

static void logarithm_and_root_are_as_exact_as_promised(void **state)
{
    (void)state;
    const rubor_kernels *k = rubor_kernels_by_name("scalar");
    enum { N = 4096 };
    float in[N], out[N];
    double worst_log = 0, worst_root = 0;
    for (uint32_t base = 0x00800000; base < 0x7f000000; base += 0x1f3571) {
        for (uint32_t i = 0; i < N; i++)
            in[i] = float_of(base + i * 511);
        k->optical_density(out, in, 0, N);
        for (int i = 0; i < N; i++)
            if (in[i] != 1.0F)
                worst_log = fmax(worst_log, fabs((double)out[i] / -log10((double)in[i]) - 1));
        k->cube_root(out, in, N);
        for (int i = 0; i < N; i++)
            if (in[i] > 1e-29F && in[i] < 1e30F)
                worst_root = fmax(worst_root, fabs((double)out[i] / cbrt((double)in[i]) - 1));
    }
    if (worst_log > 2e-6 || worst_root > 2e-6)
        fail_msg("relative error of log10 %.3g, of the cube root %.3g", worst_log, worst_root);
}

static void not_measured_stays_not_measured(void **state)
{
    (void)state;
    const rubor_kernels *k = rubor_kernels_get();
    float in[5] = {NAN, 0, -1, INFINITY, 1}, out[5];
    k->optical_density(out, in, 1e-4F, 5);
    assert_true(isnan(out[0]));
    assert_true(fabsf(out[1] - 4.0F) < 1e-5F && out[2] == out[1]);
    assert_true(isfinite(out[3]));
    assert_true(out[4] == 0.0F);
    k->cube_root(out, in, 5);
    assert_true(isnan(out[0]));
    assert_true(out[1] == 0.0F && out[2] == 0.0F);
    assert_true(fabsf(out[4] - 1.0F) < 1e-6F);
}

static void environment_chooses_plain_c(void **state)
{
    (void)state;
    const char *wanted = getenv("RUBOR_KERNELS");
    const char *name = rubor_kernels_get()->name;
    if (wanted && strcmp(wanted, "scalar") == 0)
        assert_string_equal(name, "scalar");
    else
        assert_string_equal(name, rubor_kernels_by_name("avx2") ? "avx2" : "scalar");
    assert_null(rubor_kernels_by_name("neon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_gives_the_same_bits),
        cmocka_unit_test(output_may_be_the_input),
        cmocka_unit_test(logarithm_and_root_are_as_exact_as_promised),
        cmocka_unit_test(not_measured_stays_not_measured),
        cmocka_unit_test(environment_chooses_plain_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
