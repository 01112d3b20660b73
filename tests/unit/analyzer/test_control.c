/* labels: fast */
/* Untreated skin sets the zero, as far as nothing came or went on it. */
#include "analyzer/change.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WIDTH = 200, HEIGHT = 120, REGION_WIDTH = 100 };

/* Mean delta_mi of an unchanged region where the visit shows white light on some columns of the control,
 * fading from the middle of them to nothing if soft, and the photo before ends at a column. */
static double zero_error(int lit_from, int lit_until, bool soft, int before_ends, double *kept)
{
    rubor_change change;
    rubor_frame visit = {.calibration.glare_percent_sd = 0.3}, baseline = visit;
    change_grid_make(&change, WIDTH, HEIGHT);
    srand(7);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int x = i % WIDTH;
        bool treated = x < REGION_WIDTH, lit = x >= lit_from && x < lit_until;
        double middle = (lit_from + lit_until) / 2.0, reach = (lit_until - lit_from) / 2.0;
        double white = !lit ? 0 : soft ? 0.03 * (1 - fabs(x - middle) / reach) : 0.03;
        change.region.data[i] = treated ? 255 : 0;
        change.control.data[i] = treated ? 0 : 255;
        for (int c = 0; c < 3; c++) {
            double before = 0.5 + 0.25 * c, now = -log10(pow(10, -before) + white);
            change.reference_od[c].data[i] = x < before_ends ? (float)before : NAN;
            change.visit_od[c].data[i] = (float)(now + 0.01 * (rand() / (double)RAND_MAX - 0.5));
        }
    }
    assert_int_equal(rubor_change_unmix(&change, &visit, &baseline, NULL), RUBOR_OK);
    double sum = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        sum += i % WIDTH < REGION_WIDTH ? (double)change.delta_mi.data[i] : 0;
    *kept = (double)rubor_mask_count(&change.control) / ((WIDTH - REGION_WIDTH) * HEIGHT);
    rubor_change_finish(&change);
    return sum / (REGION_WIDTH * HEIGHT);
}

static void a_highlight_on_untreated_skin_does_not_shift_the_zero(void **state)
{
    (void)state;
    double kept;
    assert_true(fabs(zero_error(0, 0, false, WIDTH, &kept)) < 0.1);
    assert_true(kept > 0.9);
    assert_true(fabs(zero_error(140, 160, false, WIDTH, &kept)) < 0.2);
    assert_true(kept > 0.6 && kept < 0.85);
}

static void the_soft_edge_of_a_highlight_over_most_of_the_untreated_skin_does_not_shift_the_zero(void **state)
{
    (void)state;
    double kept;
    assert_true(fabs(zero_error(119, 181, true, WIDTH, &kept)) < 0.2);
    assert_true(kept > 0.3 && kept < 0.45);
}

/* 58 % of the control is in one photo only and must not count as what stays. */
static void a_highlight_is_left_out_where_the_photo_before_ends_on_the_control_too(void **state)
{
    (void)state;
    double kept;
    assert_true(fabs(zero_error(125, 132, false, 142, &kept)) < 0.2);
    assert_true(kept < 0.36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_highlight_on_untreated_skin_does_not_shift_the_zero),
        cmocka_unit_test(
            the_soft_edge_of_a_highlight_over_most_of_the_untreated_skin_does_not_shift_the_zero),
        cmocka_unit_test(a_highlight_is_left_out_where_the_photo_before_ends_on_the_control_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
