#include "imaging/fixed_math.h"

#include "imaging/srgb_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static double off(double got, double expected)
{
    if (got == expected || (isnan(got) && isnan(expected)))
        return 0;
    return fabs(got / expected - 1);
}

static void functions_agree_with_the_library(void **state)
{
    (void)state;
    double worst[8] = {0};
    for (int i = -200000; i <= 200000; i++) {
        double x = i * 0.00137, tiny = i * 1e-9, positive = exp(i * 0.003);
        worst[0] = fmax(worst[0], off(rubor_exp(x), exp(x)));
        worst[1] = fmax(worst[1], off(rubor_log(positive), log(positive)));
        worst[1] = fmax(worst[1], off(rubor_log(1 + tiny), log(1 + tiny)));
        worst[2] = fmax(worst[2], off(rubor_cbrt(positive), cbrt(positive)));
        worst[3] = fmax(worst[3], fabs(rubor_sin(x) - sin(x)));
        worst[4] = fmax(worst[4], fabs(rubor_cos(x) - cos(x)));
        worst[5] = fmax(worst[5], off(rubor_atan(x), atan(x)));
        worst[5] = fmax(worst[5], off(rubor_atan(tiny), atan(tiny)));
        worst[6] = fmax(worst[6], off(rubor_atan2(x, 1 - x * x), atan2(x, 1 - x * x)));
        worst[7] = fmax(worst[7], off(rubor_log10(positive), log10(positive)));
    }
    for (int i = 0; i < 8; i++)
        if (!(worst[i] < 1e-15))
            fail_msg("function %d is off by %.3g", i, worst[i]);
    for (int i = 0; i <= 1000; i++)
        assert_true(off(rubor_pow(i / 1000.0, 2.4), pow(i / 1000.0, 2.4)) < 1e-14);
}

static void ends_of_the_range_are_kept(void **state)
{
    (void)state;
    assert_true(rubor_exp(0) == 1 && rubor_exp(-800) == 0 && isinf(rubor_exp(800)) && isnan(rubor_exp(NAN)));
    assert_true(rubor_log(1) == 0 && isinf(rubor_log(0)) && isnan(rubor_log(-1)) && isnan(rubor_log(NAN)));
    assert_true(isinf(rubor_log(INFINITY)));
    assert_true(rubor_cbrt(0) == 0 && rubor_cbrt(27) == 3 && rubor_cbrt(-8) == -2 && rubor_cbrt(1) == 1);
    assert_true(fabs(rubor_cbrt(5e-324) / cbrt(5e-324) - 1) < 1e-15);
    assert_true(rubor_sin(0) == 0 && rubor_cos(0) == 1 && isnan(rubor_sin(INFINITY)));
    assert_true(rubor_atan2(0, 0) == 0 && rubor_atan2(0, -1) > 3.14 && rubor_atan2(-1, 0) < -1.57);
    assert_true(fabs(rubor_atan(INFINITY) - 1.5707963267948966) < 1e-15);
    assert_true(rubor_pow(0, 2.4) == 0 && rubor_pow(0, 0) == 1);
    for (int i = -300; i < 300; i++) /* a power of ten takes a shorter way, to the same bits */
        assert_true(rubor_pow(10, i / 37.0 + 0.001) == rubor_exp((i / 37.0 + 0.001) * rubor_log(10)));
}

#define DECODED 0x32c0eed9618065c6U
#define ENCODED 0x30bff35dbc2d8cdeU
#define FUNCTIONS 0x4680cabcc7180492U

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 1099511628211U;
    return h;
}

/* Every photo goes through these tables: their bits are written down here, so that a CPU, a compiler or a
 * library that makes others is noticed. */
static void tables_have_the_same_bits_everywhere(void **state)
{
    (void)state;
    uint64_t decoded = hash(14695981039346656037U, rubor_srgb_table(), 65536 * sizeof(float)), encoded = 1;
    for (int block = 0; block < 1000; block++) {
        float linear[256];
        uint16_t out[256];
        for (int i = 0; i < 256; i++)
            linear[i] = (float)(block * 256 + i) / 256000.0F;
        rubor_srgb_encode_row(out, linear, 256);
        encoded = hash(encoded, out, sizeof out);
    }
    double sums[3] = {0};
    for (int i = 1; i < 20000; i++) {
        double x = i * 0.001;
        sums[0] += rubor_exp(-x) + rubor_log(x);
        sums[1] += rubor_sin(x) + rubor_cos(x) + rubor_atan(x);
        sums[2] += rubor_cbrt(x) + rubor_pow(x, 0.7);
    }
    uint64_t functions = hash(14695981039346656037U, sums, sizeof sums);
    if (decoded != DECODED || encoded != ENCODED || functions != FUNCTIONS)
        fail_msg("0x%016llxU, 0x%016llxU, 0x%016llxU", (unsigned long long)decoded,
                 (unsigned long long)encoded, (unsigned long long)functions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_the_library),
        cmocka_unit_test(ends_of_the_range_are_kept),
        cmocka_unit_test(tables_have_the_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
