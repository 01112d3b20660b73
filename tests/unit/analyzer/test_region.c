/* labels: fast */
/* Which cells are the treated region and the control, and how much of what was drawn is there. */
#include "analyzer/region.h"
#include "change_grid.h"

#include <math.h>
#include <string.h>

enum { W = 300, H = 200 };

/* Skin everywhere left of `until`. */
static void skin_until(rubor_change *change, rubor_record *record, int until)
{
    change_grid_make(change, W, H);
    change->control_known = false;
    rubor_record_init(record);
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < 3; c++)
            change->visit_od[c].data[i] = change->reference_od[c].data[i] = i % W < until ? 0.4F : NAN;
}

/* Cells left of a region over nearly all skin, a third of it on trial, with so many cells on trial beyond its margin. */
static size_t measured_with_fringe(int fringe)
{
    rubor_change change;
    rubor_record record;
    skin_until(&change, &record, 280);
    for (int i = 0; i < W * H; i++)
        change.trial.data[i] = i % W >= 100 && i % W < 200 ? 255 : 0;
    for (int k = 0; k < fringe; k++) {
        int i = (20 + k) * W + W - 2;
        change.trial.data[i] = 255;
        for (int c = 0; c < 3; c++)
            change.visit_od[c].data[i] = change.reference_od[c].data[i] = 0.4F;
    }
    rubor_frame visit = {.image = {.width = W, .height = H}, .scale_x = 1, .scale_y = 1};
    rubor_polygon region = {4, {{0, 0}, {280, 0}, {280, H}, {0, H}}};
    rubor_analyze_options options = {.region = &region};
    assert_int_equal(rubor_region_find(&change, &record, &options, &visit, &visit, NULL, NULL), RUBOR_OK);
    size_t measured = rubor_mask_count(&change.region);
    rubor_change_finish(&change);
    return measured;
}

static void a_few_cells_beside_a_region_over_all_skin_do_not_decide_about_its_marks(void **state)
{
    (void)state;
    size_t whole = measured_with_fringe(0);
    assert_int_equal(whole, 280 * H);
    assert_int_equal(measured_with_fringe(1), whole);
    assert_int_equal(measured_with_fringe(100), whole);
}

/* The control is 60 cells wide at the right rim of the baseline; the visit shows so many of them. */
static double control_share(int visible, double zoom)
{
    rubor_change change;
    rubor_record record;
    skin_until(&change, &record, W);
    rubor_frame visit = {.image = {.width = W, .height = H}, .scale_x = 1, .scale_y = 1};
    /* where a visit's pixel lies on the baseline */
    rubor_registration moved = {
        .model = "homography", .homography = {zoom, 0, visible - 60, 0, zoom, 0, 0, 0, 1}, .width = W, .height = H};
    rubor_polygon region = {4, {{60, 0}, {120, 0}, {120, H}, {60, H}}},
                  control = {4, {{240, 0}, {300, 0}, {300, H}, {240, H}}};
    rubor_analyze_options options = {.baseline_region = &region, .baseline_control = &control};
    assert_int_equal(rubor_region_find(&change, &record, &options, &visit, &visit, &moved, NULL), RUBOR_OK);
    double share = change.control_measured;
    rubor_change_finish(&change);
    return share;
}

static void control_skin_that_left_the_frame_counts_as_not_measured(void **state)
{
    (void)state;
    assert_true(fabs(control_share(60, 1) - 1) < 0.05);
    assert_true(fabs(control_share(40, 1) - 0.67) < 0.1);
    assert_true(fabs(control_share(20, 1) - 0.33) < 0.1);
    assert_true(control_share(0, 1) == 0);
}

static void another_distance_is_not_control_skin_out_of_the_frame(void **state)
{
    (void)state;
    assert_true(fabs(control_share(60, 1.25) - 1) < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_cells_beside_a_region_over_all_skin_do_not_decide_about_its_marks),
        cmocka_unit_test(control_skin_that_left_the_frame_counts_as_not_measured),
        cmocka_unit_test(another_distance_is_not_control_skin_out_of_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
