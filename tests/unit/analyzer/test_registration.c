#include "moved_skin.h"

#include "analyzer/registration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const skin_scene scene_640 = {.seed = 7,
                                     .width = 640,
                                     .height = 480,
                                     .pores = 5000,
                                     .spots = 60,
                                     .contrast = .02,
                                     .noise = .004,
                                     .base_od = {.35, .55, .7}};

typedef struct pair {
    rubor_image_calibrated visit, baseline;
    rubor_mask visit_skin, baseline_skin;
} pair;

static void pair_draw(pair *p, const skin_scene *visit, const skin_scene *baseline, const movement *move)
{
    draw_scene(&p->visit, &p->visit_skin, visit, move, 1);
    draw_scene(&p->baseline, &p->baseline_skin, baseline, NULL, 2);
}

static void pair_finish(pair *p)
{
    rubor_image_calibrated_finish(&p->visit);
    rubor_image_calibrated_finish(&p->baseline);
    rubor_mask_finish(&p->visit_skin);
    rubor_mask_finish(&p->baseline_skin);
}

static rubor_status pair_register(rubor_registration *r, const pair *p, rubor_error *error)
{
    return rubor_register(r, &p->visit, &p->visit_skin, &p->baseline, &p->baseline_skin, error);
}

static void assert_found_within(const movement *move, const skin_scene *visit, double limit_px)
{
    pair p;
    rubor_registration r;
    rubor_error error = {0};
    pair_draw(&p, visit, &scene_640, move);
    assert_int_equal(pair_register(&r, &p, &error), RUBOR_OK);
    assert_true(movement_error(&r, move, visit, &scene_640) < limit_px);
    assert_true(r.residual_px < limit_px);
    assert_true(r.overlap_percent > 70);
    pair_finish(&p);
}

static void ten_percent_shift_comes_out_within_a_pixel(void **state)
{
    (void)state;
    const movement move = {.shift_x = .1, .shift_y = -.06, .zoom = 1};
    assert_found_within(&move, &scene_640, 1);
}

static void ten_degrees_and_ten_percent_zoom_come_out_within_a_pixel(void **state)
{
    (void)state;
    const movement move = {.turn_degrees = -10, .zoom = 1.1};
    assert_found_within(&move, &scene_640, 1);
}

static void perspective_and_stretch_come_out_within_a_pixel(void **state)
{
    (void)state;
    const movement move = {.zoom = 1, .tilt_x = .08, .tilt_y = -.05, .stretch = .003};
    assert_found_within(&move, &scene_640, 1);
}

static void fading_redness_does_not_pull_it(void **state)
{
    (void)state;
    const movement move = {.shift_x = .03, .turn_degrees = 3, .zoom = .97};
    skin_scene red = scene_640;
    red.redness = .25;
    assert_found_within(&move, &red, 1);
}

static void a_larger_photo_of_another_camera_meets_the_baseline(void **state)
{
    (void)state;
    const movement move = {.shift_x = .03, .turn_degrees = 3, .zoom = .97};
    skin_scene large = scene_640;
    large.width = 960;
    large.height = 720;
    assert_found_within(&move, &large, 1);
}

static void another_place_is_refused_as_misaligned(void **state)
{
    (void)state;
    const movement still = {.zoom = 1};
    for (uint64_t seed = 50; seed < 53; seed++) {
        pair p;
        rubor_registration r;
        rubor_error error = {0};
        skin_scene other = scene_640;
        other.seed = seed;
        pair_draw(&p, &other, &scene_640, &still);
        assert_int_equal(pair_register(&r, &p, &error), RUBOR_REFUSED);
        assert_non_null(strstr(error.message, "misaligned"));
        pair_finish(&p);
    }
}

static void a_visit_without_skin_is_refused(void **state)
{
    (void)state;
    const movement still = {.zoom = 1};
    pair p;
    rubor_registration r;
    rubor_error error = {0};
    pair_draw(&p, &scene_640, &scene_640, &still);
    memset(p.visit_skin.data, 0, (size_t)p.visit_skin.width * (size_t)p.visit_skin.height);
    assert_int_equal(pair_register(&r, &p, &error), RUBOR_REFUSED);
    pair_finish(&p);
}

static void the_same_pair_gives_the_same_numbers(void **state)
{
    (void)state;
    const movement move = {.shift_x = .02, .turn_degrees = 2, .zoom = 1.02};
    pair p;
    rubor_registration one, two;
    pair_draw(&p, &scene_640, &scene_640, &move);
    assert_int_equal(pair_register(&one, &p, NULL), RUBOR_OK);
    assert_int_equal(pair_register(&two, &p, NULL), RUBOR_OK);
    assert_memory_equal(&one, &two, sizeof one);
    pair_finish(&p);
}

static void between_knots_of_the_grid_the_map_goes_straight(void **state)
{
    (void)state;
    rubor_registration r = {.homography = {1, 0, 2.5, 0, 1, -1, 0, 0, 1}, .width = 40, .height = 30};
    rubor_point to = rubor_registration_map(&r, (rubor_point){7, 5});
    assert_true(to.x == 9.5 && to.y == 4);
    r.grid_columns = 3, r.grid_rows = 2; /* knots at the rims of the picture and in its middle column */
    r.grid[0][1][0] = 4, r.grid[1][1][1] = 8;
    to = rubor_registration_map(&r, (rubor_point){19.5, -0.5});
    assert_true(to.x == 26 && to.y == -1.5);
    to = rubor_registration_map(&r, (rubor_point){19.5, 14.5});
    assert_true(to.x == 24 && to.y == 17.5);
    to = rubor_registration_map(&r, (rubor_point){9.5, 14.5});
    assert_true(to.x == 13 && to.y == 15.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_percent_shift_comes_out_within_a_pixel),
        cmocka_unit_test(ten_degrees_and_ten_percent_zoom_come_out_within_a_pixel),
        cmocka_unit_test(perspective_and_stretch_come_out_within_a_pixel),
        cmocka_unit_test(fading_redness_does_not_pull_it),
        cmocka_unit_test(a_larger_photo_of_another_camera_meets_the_baseline),
        cmocka_unit_test(another_place_is_refused_as_misaligned),
        cmocka_unit_test(a_visit_without_skin_is_refused),
        cmocka_unit_test(the_same_pair_gives_the_same_numbers),
        cmocka_unit_test(between_knots_of_the_grid_the_map_goes_straight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
