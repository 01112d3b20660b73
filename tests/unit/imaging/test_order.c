#include "imaging/order.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every rank that the code asks for, and some more. */
static void check_ranks(const float *values, size_t count)
{
    float *sorted = malloc(count * sizeof *sorted);
    assert_non_null(sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, rubor_compare_floats);
    const size_t ranks[] = {0, count / 4, count / 3, count / 2, 3 * count / 4, count - 1};
    for (size_t k = 0; k < sizeof ranks / sizeof ranks[0]; k++)
        assert_true(rubor_float_of_rank(values, count, ranks[k]) == sorted[ranks[k]]);
    free(sorted);
}

static void random_numbers_of_every_size_and_sign(void **state)
{
    (void)state;
    enum { MOST = 20000 };
    float *values = malloc(MOST * sizeof *values);
    uint32_t seed = 1;
    assert_non_null(values);
    for (int i = 0; i < MOST; i++) {
        do {
            seed = seed * 1664525u + 1013904223u;
            memcpy(&values[i], &seed, sizeof seed);
        } while (isnan(values[i]));
    }
    for (size_t count = 1; count < 40; count++)
        check_ranks(values + count, count);
    check_ranks(values, MOST);
    free(values);
}

static void numbers_that_differ_in_their_last_bit(void **state)
{
    (void)state;
    float values[3000];
    for (int i = 0; i < 3000; i++) {
        values[i] = 0.5f;
        for (int step = 0; step < i * 7 % 13; step++)
            values[i] = nextafterf(values[i], 1);
    }
    check_ranks(values, 3000);
}

static void all_numbers_alike_and_the_extremes(void **state)
{
    (void)state;
    const float extremes[] = {INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 0, -0.0f, FLT_MIN, -FLT_MIN, 1e-45f};
    float alike[100];
    for (int i = 0; i < 100; i++)
        alike[i] = -3.25f;
    check_ranks(alike, 100);
    check_ranks(extremes, sizeof extremes / sizeof extremes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_of_every_size_and_sign),
        cmocka_unit_test(numbers_that_differ_in_their_last_bit),
        cmocka_unit_test(all_numbers_alike_and_the_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
