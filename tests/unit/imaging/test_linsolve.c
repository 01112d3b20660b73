#include "imaging/linsolve.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint32_t random_state = 1;

static double uniform(void)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (random_state >> 8) / 8388608.0 - 1;
}

static void known_answer_is_found_at_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 3}, {24, 10}, {24, 16}, {100, 32}, {512, 32}};
    static double a[512 * 32], b[512];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int m = sizes[s][0], n = sizes[s][1];
        double x[32], truth[32];
        for (int j = 0; j < n; j++)
            truth[j] = uniform() * 10;
        for (int i = 0; i < m; i++) {
            b[i] = 0;
            for (int j = 0; j < n; j++)
                b[i] += (a[i * n + j] = uniform()) * truth[j];
        }
        assert_int_equal(rubor_least_squares(x, a, b, m, n, NULL), RUBOR_OK);
        for (int j = 0; j < n; j++)
            assert_true(fabs(x[j] - truth[j]) < 1e-9);
    }
}

/* The residual of a least-squares answer is at right angles to every column. */
static void residual_is_orthogonal_to_the_columns(void **state)
{
    (void)state;
    enum { M = 60, N = 9 };
    double a[M * N], b[M], x[N];
    for (int i = 0; i < M * N; i++)
        a[i] = uniform() * (i % N == 3 ? 1e6 : 1); /* columns of very different size */
    for (int i = 0; i < M; i++)
        b[i] = uniform();
    assert_int_equal(rubor_least_squares(x, a, b, M, N, NULL), RUBOR_OK);
    for (int j = 0; j < N; j++) {
        double dot = 0, size = 0;
        for (int i = 0; i < M; i++) {
            double residual = b[i];
            for (int k = 0; k < N; k++)
                residual -= a[i * N + k] * x[k];
            dot += residual * a[i * N + j];
            size = fmax(size, fabs(a[i * N + j]));
        }
        assert_true(fabs(dot) < 1e-9 * size);
    }
}

static void undetermined_systems_are_refused(void **state)
{
    (void)state;
    double x[3];
    rubor_error error = {0};
    const double twice[9] = {1, 2, 3, 2, 4, 7, 3, 6, 1}, b[3] = {1, 2, 3};
    assert_int_equal(rubor_least_squares(x, twice, b, 3, 3, &error), RUBOR_REFUSED);
    const double zero[9] = {0};
    assert_int_equal(rubor_least_squares(x, zero, b, 3, 3, &error), RUBOR_REFUSED);
    assert_int_equal(rubor_least_squares(x, twice, b, 2, 3, &error), RUBOR_REFUSED);
    const double bad[4] = {1, NAN, 2, 3};
    assert_int_equal(rubor_least_squares(x, bad, b, 2, 2, &error), RUBOR_REFUSED);
    assert_non_null(strstr(error.message, "not a number"));
}

static void inverse_times_matrix_is_one(void **state)
{
    (void)state;
    enum { N = 12 };
    double root[N * N], a[N * N] = {0}, inverse[N * N];
    for (int i = 0; i < N * N; i++)
        root[i] = uniform();
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                a[i * N + j] += root[i * N + k] * root[j * N + k] + (i == j ? 0.01 : 0);
    assert_int_equal(rubor_spd_inverse(inverse, a, N, NULL), RUBOR_OK);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++)
                sum += a[i * N + k] * inverse[k * N + j];
            assert_true(fabs(sum - (i == j)) < 1e-8);
            assert_true(memcmp(&inverse[i * N + j], &inverse[j * N + i], sizeof(double)) == 0);
        }
    const double saddle[4] = {1, 2, 2, 1};
    assert_int_equal(rubor_spd_inverse(inverse, saddle, 2, NULL), RUBOR_REFUSED);
}

static void matrix3_inverse_and_product(void **state)
{
    (void)state;
    const double a[9] = {1.6, -0.4, -0.2, -0.3, 1.5, -0.2, 0.05, -0.6, 1.55};
    double inverse[9], one[9], in_place[9];
    assert_int_equal(rubor_matrix3_inverse(inverse, a, NULL), RUBOR_OK);
    rubor_matrix3_multiply(one, a, inverse);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(one[i] - (i % 4 == 0)) < 1e-12);
    memcpy(in_place, a, sizeof in_place);
    rubor_matrix3_multiply(in_place, in_place, inverse);
    assert_memory_equal(in_place, one, sizeof one);
    assert_int_equal(rubor_matrix3_inverse(in_place, a, NULL), RUBOR_OK);
    memcpy(in_place, a, sizeof in_place);
    assert_int_equal(rubor_matrix3_inverse(in_place, in_place, NULL), RUBOR_OK);
    assert_memory_equal(in_place, inverse, sizeof inverse);
    const double flat[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    rubor_error error = {0};
    assert_int_equal(rubor_matrix3_inverse(inverse, flat, &error), RUBOR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer_is_found_at_every_size),
        cmocka_unit_test(residual_is_orthogonal_to_the_columns),
        cmocka_unit_test(undetermined_systems_are_refused),
        cmocka_unit_test(inverse_times_matrix_is_one),
        cmocka_unit_test(matrix3_inverse_and_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
