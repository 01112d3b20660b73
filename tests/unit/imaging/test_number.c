#include "imaging/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void halves_are_rounded_away_from_zero(void **state)
{
    (void)state;
    assert_true(rubor_number_round(2.25, 1) == 2.3 && rubor_number_round(-2.25, 1) == -2.3);
    assert_true(rubor_number_round(0.5, 0) == 1 && rubor_number_round(2.5, 0) == 3);
    assert_true(rubor_number_round(17.05, 1) == 17.1);
    assert_true(rubor_number_round(1.45, 1) == 1.5);
    assert_true(rubor_number_round(2.2499, 2) == 2.25 && rubor_number_round(2.2499, 1) == 2.2);
    assert_true(rubor_number_round(123456.789, 3) == 123456.789);
}

static void nothing_is_never_minus_nothing(void **state)
{
    (void)state;
    double none = rubor_number_round(-0.04, 1);
    assert_true(none == 0 && !signbit(none));
    none = rubor_number_round(-0.0, 2);
    assert_true(none == 0 && !signbit(none));
}

static void what_is_not_finite_stays(void **state)
{
    (void)state;
    assert_true(isnan(rubor_number_round(NAN, 1)));
    assert_true(rubor_number_round(INFINITY, 3) == INFINITY);
    assert_true(rubor_number_round(1e308, 6) == 1e308);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_rounded_away_from_zero),
        cmocka_unit_test(nothing_is_never_minus_nothing),
        cmocka_unit_test(what_is_not_finite_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
