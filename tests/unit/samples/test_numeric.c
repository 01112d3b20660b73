#include "samples/numeric.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_close(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fmax(fabs(expected), 1e-3)))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void exponential_and_logarithm_agree_with_the_library(void **state)
{
    (void)state;
    for (double x = -30; x < 30; x += 0.37) {
        assert_close(rubor_numeric_exp(x), exp(x), 1e-13);
        assert_close(rubor_numeric_log(exp(x)), x, 1e-12);
    }
    assert_close(rubor_numeric_log10(1000), 3, 1e-14);
    assert_close(rubor_numeric_pow(0.2, 1 / 2.4), pow(0.2, 1 / 2.4), 1e-13);
    assert_true(rubor_numeric_pow(0, 2) == 0);
}

static void sine_in_turns_agrees_with_the_library(void **state)
{
    (void)state;
    for (double turns = -3; turns < 3; turns += 0.013) {
        assert_close(rubor_numeric_sin_turns(turns), sin(turns * 2 * M_PI), 1e-11);
        assert_close(rubor_numeric_cos_turns(turns), cos(turns * 2 * M_PI), 1e-11);
    }
}

/* Bits, not tolerances: these may not differ between CPUs or compilers. */
static void results_are_the_same_bits_everywhere(void **state)
{
    (void)state;
    assert_true(rubor_numeric_exp(1) == 0x1.5bf0a8b14576ap+1);
    assert_true(rubor_numeric_log(10) == 0x1.26bb1bbb55516p+1);
    assert_true(rubor_numeric_sin_turns(0.1) == 0x1.2cf2304755a5ep-1);
    rubor_random random = rubor_random_stream(1, 2);
    assert_true(rubor_random_next(&random) == 0x19e02eb5a04a258du);
    assert_true(rubor_noise2(5, 1.3f, -2.7f) == 0x1.09eb9cp-3f);
}

static void streams_of_one_seed_differ_and_repeat(void **state)
{
    (void)state;
    rubor_random one = rubor_random_stream(7, 1), again = rubor_random_stream(7, 1),
                 other = rubor_random_stream(7, 2);
    uint64_t first = rubor_random_next(&one);
    assert_true(first == rubor_random_next(&again));
    assert_true(first != rubor_random_next(&other));
}

static void normal_numbers_have_mean_0_and_deviation_1(void **state)
{
    (void)state;
    rubor_random random = rubor_random_stream(3, 3);
    double sum = 0, squares = 0;
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        double x = rubor_random_normal(&random);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / N) < 0.03);
    assert_true(fabs(squares / N - 1) < 0.04);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_and_logarithm_agree_with_the_library),
        cmocka_unit_test(sine_in_turns_agrees_with_the_library),
        cmocka_unit_test(results_are_the_same_bits_everywhere),
        cmocka_unit_test(streams_of_one_seed_differ_and_repeat),
        cmocka_unit_test(normal_numbers_have_mean_0_and_deviation_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
