#include "imaging/kernels.h"
#include "samples/tones.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/samples/small_sample.h"

static void same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    rubor_sample_photo one, again, other;
    render(&one, &options, 1);
    render(&again, &options, 1);
    options.seed++;
    render(&other, &options, 1);
    assert_int_equal(one.jpeg.size, again.jpeg.size);
    assert_memory_equal(one.jpeg.data, again.jpeg.data, one.jpeg.size);
    assert_memory_equal(one.skin.data, again.skin.data, (size_t)SMALL_WIDTH * SMALL_HEIGHT);
    assert_true(one.jpeg.size != other.jpeg.size ||
                memcmp(one.jpeg.data, other.jpeg.data, one.jpeg.size) != 0);
    rubor_sample_photo_finish(&one);
    rubor_sample_photo_finish(&again);
    rubor_sample_photo_finish(&other);
}

static void a_series_renders_what_single_calls_render(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    rubor_sample_series *series = NULL;
    rubor_sample_photo one, two;
    assert_int_equal(rubor_sample_series_create(&series, &options, NULL), RUBOR_OK);
    assert_int_equal(rubor_sample_series_render(&one, series, 3, NULL), RUBOR_OK);
    rubor_sample_series_destroy(&series);
    assert_null(series);
    render(&two, &options, 3);
    assert_int_equal(one.jpeg.size, two.jpeg.size);
    assert_memory_equal(one.jpeg.data, two.jpeg.data, one.jpeg.size);
    rubor_sample_photo_finish(&one);
    rubor_sample_photo_finish(&two);
}

static void the_skin_does_not_depend_on_how_a_visit_is_taken(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    rubor_sample_photo one, other;
    render(&one, &options, -1);
    options.movement = 5;
    options.closeness = 0.65;
    options.blur_px = 2;
    options.motion_px = 6;
    options.exposure = 0.5;
    options.skin_blur_px = 3;
    options.red_gain = 2;
    options.reflection_percent = 10;
    options.tilt_degrees = 30;
    options.skin_share = 0.5;
    options.visit_lamp = "A";
    options.visit_lamp2 = "FL11";
    options.delta_ei = 12;
    render(&other, &options, -1);
    assert_int_equal(one.jpeg.size, other.jpeg.size);
    assert_memory_equal(one.jpeg.data, other.jpeg.data, one.jpeg.size);
    rubor_sample_photo_finish(&one);
    rubor_sample_photo_finish(&other);
}

static void every_tone_has_the_ita_of_its_class(void **state)
{
    (void)state;
    for (int t = 0; t < RUBOR_TONE_COUNT; t++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            rubor_sample_options options = small("none");
            options.tone = rubor_tones[t].name;
            options.seed = seed;
            options.width = 240;
            options.height = 240;
            rubor_sample_photo photo;
            render(&photo, &options, -1);
            if (!(photo.truth.ita > rubor_tones[t].ita_low && photo.truth.ita < rubor_tones[t].ita_high))
                fail_msg("%s, seed %d: ITA %.1f", options.tone, (int)seed, photo.truth.ita);
            rubor_sample_photo_finish(&photo);
        }
}

static void nothing_changes_in_a_course_of_none(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    for (int day = -1; day < 9; day += 5) {
        rubor_sample_photo photo;
        render(&photo, &options, day);
        assert_true(photo.truth.delta_ei == 0 && photo.truth.delta_mi == 0);
        assert_true(photo.truth.delta_ei_total == 0 && photo.truth.delta_mi_total == 0);
        assert_int_equal(photo.truth.pinpoint_count, 0);
        assert_int_equal(rubor_mask_count(&photo.erythema) + rubor_mask_count(&photo.pigment), 0);
        rubor_sample_photo_finish(&photo);
    }
}

static void redness_alone_moves_total_mi_but_not_delta_mi(void **state)
{
    (void)state;
    for (int t = 0; t < RUBOR_TONE_COUNT; t++) {
        rubor_sample_options options = small("normal");
        options.tone = rubor_tones[t].name;
        options.delta_ei = 15;
        rubor_sample_photo photo;
        render(&photo, &options, 0);
        assert_true(fabs(photo.truth.delta_ei - 15) < 0.3);
        assert_true(photo.truth.delta_mi == 0);
        assert_true(fabs(photo.truth.delta_ei_total - photo.truth.delta_ei) < 1e-6);
        /* the red channel sees blood too: 4 to 5 at 15 by the measured shape, 1.2 more or less from one
         * person to the next */
        assert_true(photo.truth.delta_mi_total > 1.2 && photo.truth.delta_mi_total < 7.8);
        rubor_sample_photo_finish(&photo);
    }
}

static void pigment_alone_moves_total_ei_but_not_delta_ei(void **state)
{
    (void)state;
    for (int t = 0; t < RUBOR_TONE_COUNT; t++) {
        rubor_sample_options options = small("normal");
        options.tone = rubor_tones[t].name;
        options.delta_mi = 10;
        options.pattern = "uniform";
        rubor_sample_photo photo;
        render(&photo, &options, 14);
        assert_true(photo.truth.delta_ei == 0);
        assert_true(fabs(photo.truth.delta_mi - 10) < 0.3);
        assert_true(photo.truth.delta_ei_total > 6 && photo.truth.delta_ei_total < 10.5);
        assert_true(photo.truth.pigment_percent > 95);
        rubor_sample_photo_finish(&photo);
    }
}

static void requested_changes_are_met_for_every_pattern(void **state)
{
    (void)state;
    static const char *const patterns[] = {NULL, "soft", "uniform", "patchy"};
    for (int k = 0; k < 4; k++) {
        rubor_sample_options options = small("normal");
        options.pattern = patterns[k];
        options.delta_ei = 10;
        options.delta_mi = 7;
        rubor_sample_photo photo;
        render(&photo, &options, 0);
        if (!(fabs(photo.truth.delta_ei - 10) < 0.5 && fabs(photo.truth.delta_mi - 7) < 0.4))
            fail_msg("pattern %d: %.2f %.2f", k, photo.truth.delta_ei, photo.truth.delta_mi);
        assert_int_equal(photo.truth.pinpoint_count + photo.truth.crust_count, 0);
        rubor_sample_photo_finish(&photo);
    }
}

static double ei_on(const rubor_sample_options *options, int day, double *mi)
{
    rubor_sample_photo photo;
    render(&photo, options, day);
    double ei = photo.truth.delta_ei;
    if (mi)
        *mi = photo.truth.delta_mi;
    rubor_sample_photo_finish(&photo);
    return ei;
}

static void courses_run_as_their_names_say(void **state)
{
    (void)state;
    rubor_sample_options normal = small("normal"), persistent = small("persistent"),
                         rebound = small("rebound"), pih = small("pih");
    double first = ei_on(&normal, 0, NULL), late_mi, early_mi;
    assert_true(first > 9 && first < 26);
    assert_true(ei_on(&normal, 3, NULL) < 0.5 * first);
    assert_true(ei_on(&normal, 7, NULL) < 1.0);
    assert_true(ei_on(&persistent, 10, NULL) > 0.3 * first);
    assert_true(ei_on(&rebound, 8, NULL) > ei_on(&rebound, 4, NULL) + 2);
    ei_on(&pih, 10, &early_mi);
    ei_on(&pih, 28, &late_mi);
    assert_true(early_mi == 0 && late_mi > 7);
}

static void findings_come_and_go_on_their_days(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    options.width = 800;
    options.height = 600;
    rubor_sample_photo photo;
    render(&photo, &options, 0);
    assert_true(photo.truth.pinpoint_count >= 10 && photo.truth.crust_count == 0);
    rubor_sample_photo_finish(&photo);
    render(&photo, &options, 3);
    assert_true(photo.truth.pinpoint_count == 0 && photo.truth.crust_count >= 8);
    assert_true(photo.truth.crust_percent > 0.05);
    rubor_sample_photo_finish(&photo);
    render(&photo, &options, 7);
    assert_true(photo.truth.pinpoint_count == 0 && photo.truth.crust_count == 0);
    rubor_sample_photo_finish(&photo);
    options.course = "bruise";
    render(&photo, &options, 1);
    assert_true(photo.truth.bruise_percent > 2);
    rubor_sample_photo_finish(&photo);
}

static void sunburn_reddens_control_skin_too(void **state)
{
    (void)state;
    rubor_sample_options options = small("sunburn");
    rubor_sample_photo photo;
    render(&photo, &options, 2);
    assert_true(photo.truth.control_ei > 4);
    rubor_sample_photo_finish(&photo);
}

static void assert_refused(rubor_sample_options options, const char *word)
{
    rubor_error error = {0};
    rubor_sample_photo photo;
    assert_int_equal(rubor_sample_render(&photo, &options, -1, &error), RUBOR_INVALID);
    assert_null(photo.jpeg.data);
    if (!strstr(error.message, word))
        fail_msg("'%s' does not name %s", error.message, word);
}

static void unknown_names_are_refused_with_the_known_ones(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    options.tone = "purple";
    assert_refused(options, "intermediate");
    options = small("holiday");
    assert_refused(options, "rebound");
    options = small("normal");
    options.camera = "shoe box";
    assert_refused(options, "ampas_canon_xti");
    options.camera = NULL;
    options.lamp = "candle";
    assert_refused(options, "LED-B3");
    options.lamp = NULL;
    options.lamp2 = "candle";
    assert_refused(options, "D65");
    options.lamp2 = NULL;
    options.border = "moat";
    assert_refused(options, "clothing");
    options.border = NULL;
    options.pattern = "tartan";
    assert_refused(options, "patchy");
    options.pattern = NULL;
    options.object = "hat";
    assert_refused(options, "earring");
    options.object = NULL;
    options.visit_lamp = "candle";
    assert_refused(options, "visit_lamp");
}

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    rubor_sample_options options = small("normal");
    options.width = 100;
    assert_refused(options, "100x240");
    options = small("normal");
    options.width = 8000;
    options.height = SMALL_HEIGHT;
    assert_refused(options, "ratio");
    options = small("normal");
    options.movement = NAN;
    assert_refused(options, "nan");
    options = small("normal");
    options.delta_ei = 200;
    assert_refused(options, "200");
    options = small("normal");
    options.tilt_degrees = 80;
    assert_refused(options, "tilt");
    rubor_sample_photo photo;
    options = small("normal");
    assert_int_equal(rubor_sample_render(&photo, &options, -2, NULL), RUBOR_INVALID);
}

static void region_and_control_lie_on_visible_skin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        rubor_sample_options options = small("none");
        options.seed = seed;
        options.shine = 0;
        rubor_sample_photo photo;
        render(&photo, &options, 2);
        const rubor_polygon *polygons[] = {&photo.region, &photo.control};
        for (int k = 0; k < 2; k++) {
            rubor_mask inside = {0};
            size_t count = 0, skin = 0;
            assert_int_equal(rubor_mask_init(&inside, SMALL_WIDTH, SMALL_HEIGHT, NULL), RUBOR_OK);
            rubor_polygon_rasterize(&inside, polygons[k], 1, 1);
            for (size_t i = 0; i < (size_t)SMALL_WIDTH * SMALL_HEIGHT; i++) {
                count += inside.data[i] >= 128;
                skin += inside.data[i] >= 128 && photo.skin.data[i] >= 128;
            }
            if (!(count > 2000 && (double)skin > 0.93 * (double)count))
                fail_msg("seed %d, polygon %d: %zu of %zu pixels are skin", (int)seed, k, skin, count);
            rubor_mask_finish(&inside);
        }
        rubor_sample_photo_finish(&photo);
    }
}

static rubor_point in_chart(const rubor_point corners[4], double u, double v)
{
    double a = (1 - u) * (1 - v), b = u * (1 - v), c = u * v, d = (1 - u) * v;
    rubor_point p = {a * corners[0].x + b * corners[1].x + c * corners[2].x + d * corners[3].x,
                     a * corners[0].y + b * corners[1].y + c * corners[2].y + d * corners[3].y};
    return p;
}

static void chart_corners_say_where_the_patches_are(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        rubor_sample_options options = small("none");
        options.width = 600;
        options.height = 450;
        options.seed = seed;
        rubor_sample_photo photo;
        render(&photo, &options, 1);
        rubor_image_encoded image = decode(&photo);
        int before = 70000;
        for (int column = 0; column < 6; column++) { /* the gray row falls from white to black */
            rubor_point at = in_chart(photo.chart_corners, (column + 0.5) / 6, 3.5 / 4);
            const uint16_t *rgb = image.rgb + 3 * ((size_t)at.y * (size_t)image.width + (size_t)at.x);
            assert_true(rgb[1] < before - 2000);
            assert_true(abs(rgb[0] - rgb[1]) < 6000 && abs(rgb[2] - rgb[1]) < 6000);
            before = rgb[1];
        }
        rubor_image_encoded_finish(&image);
        rubor_sample_photo_finish(&photo);
    }
}

static double green_at(const rubor_image_encoded *image, rubor_point at)
{
    int x = (int)at.x, y = (int)at.y;
    double u = at.x - x, v = at.y - y;
    const uint16_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x) + 1;
    const uint16_t *q = p + 3 * (size_t)image->width;
    return (1 - v) * ((1 - u) * p[0] + u * p[3]) + v * ((1 - u) * q[0] + u * q[3]);
}

/* Bilinear in the truth's grid: where the skin at (x, y) of the before photo lies in the visit. */
static rubor_point carried(const rubor_sample_photo *photo, int width, int height, double x, double y)
{
    double u = x / ((width - 1) / 8.0), v = y / ((height - 1) / 6.0);
    int i = (int)u, j = (int)v;
    u -= i;
    v -= j;
    const rubor_point *a = &photo->grid[j][i], *b = &photo->grid[j + 1][i];
    rubor_point at = {(1 - v) * ((1 - u) * a[0].x + u * a[1].x) + v * ((1 - u) * b[0].x + u * b[1].x),
                      (1 - v) * ((1 - u) * a[0].y + u * a[1].y) + v * ((1 - u) * b[0].y + u * b[1].y)};
    return at;
}

static void the_grid_says_where_the_skin_went(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.width = 800;
    options.height = 600;
    options.chart = false;
    options.noise = options.shading = options.shine = options.lamp_drift = 0;
    options.border = "none";
    options.jpeg_quality = 100;
    options.movement = options.stretch = options.perspective = 4;
    rubor_sample_photo before, visit;
    render(&before, &options, -1);
    render(&visit, &options, 1);
    rubor_image_encoded one = decode(&before), two = decode(&visit);
    double right = 0, shifted = 0;
    for (int y = 120; y < 480; y += 3)
        for (int x = 160; x < 640; x += 3) {
            rubor_point here = {x, y}, there = carried(&visit, 800, 600, x, y), off = {there.x + 3, there.y};
            right += fabs(green_at(&one, here) - green_at(&two, there));
            shifted += fabs(green_at(&one, here) - green_at(&two, off));
        }
    if (!(right < 0.5 * shifted))
        fail_msg("difference %.0f where the grid says, %.0f three pixels beside", right, shifted);
    rubor_image_encoded_finish(&one);
    rubor_image_encoded_finish(&two);
    rubor_sample_photo_finish(&before);
    rubor_sample_photo_finish(&visit);
}

static void without_a_chart_there_are_no_corners(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.chart = false;
    rubor_sample_photo photo;
    render(&photo, &options, 0);
    assert_true(photo.chart_corners[2].x == 0 && isnan(photo.truth.mm_per_px));
    rubor_sample_photo_finish(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_bytes),
        cmocka_unit_test(a_series_renders_what_single_calls_render),
        cmocka_unit_test(the_skin_does_not_depend_on_how_a_visit_is_taken),
        cmocka_unit_test(every_tone_has_the_ita_of_its_class),
        cmocka_unit_test(nothing_changes_in_a_course_of_none),
        cmocka_unit_test(redness_alone_moves_total_mi_but_not_delta_mi),
        cmocka_unit_test(pigment_alone_moves_total_ei_but_not_delta_ei),
        cmocka_unit_test(requested_changes_are_met_for_every_pattern),
        cmocka_unit_test(courses_run_as_their_names_say),
        cmocka_unit_test(findings_come_and_go_on_their_days),
        cmocka_unit_test(sunburn_reddens_control_skin_too),
        cmocka_unit_test(unknown_names_are_refused_with_the_known_ones),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(region_and_control_lie_on_visible_skin),
        cmocka_unit_test(chart_corners_say_where_the_patches_are),
        cmocka_unit_test(the_grid_says_where_the_skin_went),
        cmocka_unit_test(without_a_chart_there_are_no_corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
