/* White light on top of skin that got darker hides part of the change on dark skin; it is told by what blood
 * and melanin cannot do. */
#include "analyzer/change.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 300, HEIGHT = 200, CELLS = WIDTH * HEIGHT };
static const double blood[3] = {0.0024, 0.0128, 0.0115}, melanin[3] = {0.0100, 0.0174, 0.0335};
static const double dark[3] = {0.15, 0.06, 0.03}, light[3] = {0.50, 0.32, 0.24};

/* delta_ei 12, delta_mi 8 everywhere; a veil lies, before and now, over the left part of the region. */
static void make(rubor_change *change, const double skin[3], double veil, int veiled_until)
{
    *change = (rubor_change){.width = WIDTH, .height = HEIGHT, .factor = 1};
    double covariance[9] = {0};
    for (int c = 0; c < 3; c++) {
        covariance[4 * c] = c == 2 ? 0.0016 : 0.0001; /* of blue little is known on dark skin */
        assert_int_equal(rubor_plane_init(&change->visit_od[c], WIDTH, HEIGHT, NULL), RUBOR_OK);
        assert_int_equal(rubor_plane_init(&change->reference_od[c], WIDTH, HEIGHT, NULL), RUBOR_OK);
    }
    rubor_plane *maps[3] = {&change->delta_ei, &change->delta_mi, &change->shade_od};
    for (int k = 0; k < 3; k++)
        assert_int_equal(rubor_plane_init(maps[k], WIDTH, HEIGHT, NULL), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&change->region, WIDTH, HEIGHT, NULL), RUBOR_OK);
    assert_int_equal(rubor_unmix_solve(&change->unmix, blood, melanin, covariance, NULL), RUBOR_OK);
    for (int i = 0; i < CELLS; i++) {
        double g = i % WIDTH < veiled_until ? veil : 0, d[3];
        change->region.data[i] = 255;
        for (int c = 0; c < 3; c++) {
            double now = skin[c] * pow(10, -12 * blood[c] - 8 * melanin[c]);
            change->visit_od[c].data[i] = (float)-log10(now + g);
            change->reference_od[c].data[i] = (float)-log10(skin[c] + g);
            d[c] = (double)change->visit_od[c].data[i] - (double)change->reference_od[c].data[i];
            change->delta_ei.data[i] += (float)(change->unmix.ei[c] * d[c]);
            change->delta_mi.data[i] += (float)(change->unmix.mi[c] * d[c]);
            change->shade_od.data[i] += (float)(change->unmix.shade[c] * d[c]);
        }
    }
}

/* Mean over columns from..to. */
static double mean(const rubor_plane *map, int from, int to)
{
    double sum = 0;
    for (int i = 0; i < CELLS; i++)
        if (i % WIDTH >= from && i % WIDTH < to)
            sum += (double)map->data[i];
    return sum / ((to - from) * (double)HEIGHT);
}

static void gloss_on_dark_skin_hides_redness_and_is_taken_off(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, dark, 0.01, 80);
    double hidden = 12 - mean(&change.delta_ei, 0, 70);
    assert_true(hidden > 2);
    assert_int_equal(rubor_change_unveil(&change, &nothing, NULL), RUBOR_OK);
    assert_true(fabs(12 - mean(&change.delta_ei, 0, 70)) < hidden / 3);
    assert_true(fabs(12 - mean(&change.delta_ei, 100, WIDTH)) < 0.1);
    rubor_change_finish(&change);
}

static void the_same_gloss_on_light_skin_is_next_to_nothing(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, light, 0.01, 80);
    double before = mean(&change.delta_ei, 0, 70);
    assert_int_equal(rubor_change_unveil(&change, &nothing, NULL), RUBOR_OK);
    assert_true(fabs(mean(&change.delta_ei, 0, 70) - before) < 0.2);
    rubor_change_finish(&change);
}

static void a_veil_over_the_whole_region_is_mostly_left_to_the_doubt(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, dark, 0.004, WIDTH);
    double before = mean(&change.delta_ei, 0, WIDTH);
    assert_int_equal(rubor_change_unveil(&change, &nothing, NULL), RUBOR_OK);
    double after = mean(&change.delta_ei, 0, WIDTH);
    assert_true(after > before && after - before < 0.6 * (12 - before));
    rubor_change_finish(&change);
}

static void what_a_finding_shows_is_not_read_as_gloss(void **state)
{
    (void)state;
    rubor_change change;
    rubor_mask found = {0};
    make(&change, dark, 0, 0);
    assert_int_equal(rubor_mask_init(&found, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (int i = 0; i < CELLS; i++)
        if (i % WIDTH < 60) { /* a bruise: all channels darker */
            found.data[i] = 255;
            change.shade_od.data[i] += 0.15f;
        }
    assert_int_equal(rubor_change_unveil(&change, &found, NULL), RUBOR_OK);
    assert_true(fabs(12 - mean(&change.delta_ei, 80, WIDTH)) < 0.1);
    rubor_mask_finish(&found);
    rubor_change_finish(&change);
}

static void a_region_too_small_to_tell_stays_as_it_is(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, dark, 0.01, 80);
    memset(change.region.data, 0, CELLS);
    change.region.data[0] = 255;
    float before = change.delta_ei.data[0];
    assert_int_equal(rubor_change_unveil(&change, &nothing, NULL), RUBOR_OK);
    assert_true(change.delta_ei.data[0] == before);
    rubor_change_finish(&change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gloss_on_dark_skin_hides_redness_and_is_taken_off),
        cmocka_unit_test(the_same_gloss_on_light_skin_is_next_to_nothing),
        cmocka_unit_test(a_veil_over_the_whole_region_is_mostly_left_to_the_doubt),
        cmocka_unit_test(what_a_finding_shows_is_not_read_as_gloss),
        cmocka_unit_test(a_region_too_small_to_tell_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
