/* Light that runs across the frame otherwise than before is taken off the visit, redness is not. */
#include "analyzer/change.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300, LEFT = 60, RIGHT = 190, TOP = 80, BOTTOM = 220 };
static const double blood[3] = {0.02, 0.12, 0.08};

static double noise(void)
{
    return (rand() / (double)RAND_MAX - 0.5) * 0.02;
}

static bool in_region(int x, int y)
{
    return x >= LEFT && x < RIGHT && y >= TOP && y < BOTTOM;
}

/* Skin with a redness that reaches spill cells past the drawn region, under light that grows to the right. */
static void make(rubor_change *change, double light_per_width, int spill)
{
    change_grid_make(change, WIDTH, HEIGHT);
    srand(1);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            size_t i = (size_t)y * WIDTH + (size_t)x;
            bool red = x >= LEFT - spill && x < RIGHT + spill && y >= TOP - spill && y < BOTTOM + spill;
            change->region.data[i] = in_region(x, y) ? 255 : 0;
            change->control.data[i] = x >= 290 && x < 370 && y < 100 ? 255 : 0;
            for (int c = 0; c < 3; c++) {
                double light = light_per_width * (c == 2 ? 1.5 : 1) * x / WIDTH;
                change->reference_od[c].data[i] = (float)(0.4 + noise());
                change->visit_od[c].data[i] = (float)(0.4 + noise() - light + (red ? blood[c] : 0));
            }
        }
}

/* Mean change inside a mask in one channel. */
static double mean_change(const rubor_change *change, const rubor_mask *mask, int c)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        if (mask->data[i] >= 128 && !isnan(change->visit_od[c].data[i])) {
            sum += (double)change->visit_od[c].data[i] - (double)change->reference_od[c].data[i];
            n++;
        }
    return sum / n;
}

static void assert_redness_kept(const rubor_change *change, double tolerance)
{
    for (int c = 0; c < 3; c++) {
        double seen = mean_change(change, &change->region, c) - mean_change(change, &change->control, c);
        assert_true(fabs(seen - blood[c]) < tolerance);
    }
}

static void light_from_the_other_side_is_taken_off_and_redness_stays(void **state)
{
    (void)state;
    rubor_change change;
    make(&change, 0.3, 0);
    assert_int_equal(rubor_change_level(&change, NULL), RUBOR_OK);
    assert_true(change.light.known && change.light.taken);
    assert_true(fabs(change.light.slope[0][0] + 0.3) < 0.01);
    assert_true(fabs(change.light.slope[2][0] + 0.45) < 0.01);
    assert_redness_kept(&change, 0.003);
    rubor_change_finish(&change);
}

static void the_same_light_is_left_alone(void **state)
{
    (void)state;
    rubor_change change;
    make(&change, 0, 0);
    assert_int_equal(rubor_change_level(&change, NULL), RUBOR_OK);
    assert_true(change.light.known);
    assert_false(change.light.taken);
    assert_redness_kept(&change, 0.001);
    rubor_change_finish(&change);
}

static void redness_past_the_drawn_line_is_not_taken_for_light(void **state)
{
    (void)state;
    rubor_change change;
    make(&change, 0.2, 25); /* 6 % of the width */
    assert_int_equal(rubor_change_level(&change, NULL), RUBOR_OK);
    assert_redness_kept(&change, 0.012);
    rubor_change_finish(&change);
}

static void too_little_untreated_skin_says_nothing(void **state)
{
    (void)state;
    rubor_change change;
    make(&change, 0.3, 0);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                if (!in_region(x, y) && (x < 350 || y > 40))
                    change.visit_od[c].data[(size_t)y * WIDTH + (size_t)x] = NAN;
    assert_int_equal(rubor_change_level(&change, NULL), RUBOR_OK);
    assert_false(change.light.known || change.light.taken);
    rubor_change_finish(&change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_from_the_other_side_is_taken_off_and_redness_stays),
        cmocka_unit_test(the_same_light_is_left_alone),
        cmocka_unit_test(redness_past_the_drawn_line_is_not_taken_for_light),
        cmocka_unit_test(too_little_untreated_skin_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
