#include "chart_drawing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static double chart[RUBOR_CHART_PATCHES][3];
static const double (*const chart_colors)[3] = (const double (*)[3])chart;

static rubor_status find_in(rubor_chart_location *out, const rubor_image_encoded *image, rubor_error *error)
{
    rubor_photo_info info = {.format = RUBOR_FORMAT_PNG, .width = image->width, .height = image->height};
    return rubor_chart_find(out, &info, image, (rubor_bytes){0}, error);
}

/* Largest distance of a center from where it was drawn, in patches. */
static double worst_center(const rubor_chart_location *location, const drawing *d)
{
    double worst = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        rubor_point p = drawing_project(d, i % 6 + 0.5, i / 6 + 0.5);
        double dx = location->centers_px[i].x - p.x, dy = location->centers_px[i].y - p.y;
        worst = fmax(worst, sqrt(dx * dx + dy * dy) / (d->pitch_px * d->fill[0]));
    }
    return worst;
}

static double worst_corner_px(const rubor_chart_location *location, const drawing *d)
{
    double gx = 0.5 * (1 - d->fill[0]), gy = 0.5 * (1 - d->fill[1]), worst = 0;
    double at[4][2] = {{gx, gy}, {6 - gx, gy}, {6 - gx, 4 - gy}, {gx, 4 - gy}};
    for (int k = 0; k < 4; k++) {
        rubor_point p = drawing_project(d, at[k][0], at[k][1]);
        worst = fmax(worst, hypot(location->corners_px[k].x - p.x, location->corners_px[k].y - p.y));
    }
    return worst;
}

/* Draws, searches, and expects every center within a share of a patch. */
static rubor_chart_location expect_found(const drawing *d, double blur_px, double within)
{
    rubor_image_encoded image = {0};
    rubor_chart_location location = {0};
    rubor_error error = {0};
    assert_true(drawing_render(&image, d));
    if (blur_px > 0)
        drawing_blur(&image, blur_px);
    rubor_status status = find_in(&location, &image, &error);
    rubor_image_encoded_finish(&image);
    if (status != RUBOR_OK)
        fail_msg("not found: %s", error.message);
    double worst = worst_center(&location, d);
    if (!(worst < within))
        fail_msg("a center is off by %.3f patch", worst);
    assert_true(location.confidence >= 0.5 && location.confidence <= 1);
    return location;
}

static rubor_error expect_refused(const drawing *d)
{
    rubor_image_encoded image = {0};
    rubor_chart_location location = {0};
    rubor_error error = {0};
    assert_true(drawing_render(&image, d));
    rubor_status status = find_in(&location, &image, &error);
    rubor_image_encoded_finish(&image);
    if (status != RUBOR_NOT_FOUND && status != RUBOR_REFUSED)
        fail_msg("status %s, confidence %.2f", rubor_status_name(status), location.confidence);
    assert_int_equal(error.status, status);
    return error;
}

static void chart_lying_straight_is_found_to_half_a_pixel(void **state)
{
    (void)state;
    drawing d = drawing_default(chart_colors);
    rubor_chart_location location = expect_found(&d, 0, 0.02);
    double corner = worst_corner_px(&location, &d);
    if (!(corner < 0.5))
        fail_msg("a corner is off by %.2f px", corner);
    assert_true(fabs(location.fill[0] - 0.87) < 0.02 && fabs(location.fill[1] - 0.87) < 0.02);
    assert_true(fabs(location.patch_px - 28 * 0.87) < 0.8);
    assert_string_equal(location.layout, "classic");
    assert_false(location.mirrored);
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        assert_false(location.covered[i]);
}

static void all_eight_orientations_are_told_by_color(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        drawing d = drawing_default(chart_colors);
        d.degrees = 90 * (k % 4) + 3;
        d.mirrored = k >= 4;
        d.pitch_px = 24;
        assert_int_equal(expect_found(&d, 0, 0.03).mirrored, d.mirrored);
    }
}

static void chart_rotated_by_45_degrees_is_found(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        drawing d = drawing_default(chart_colors);
        d.degrees = 45 + 90 * k;
        expect_found(&d, 0, 0.03);
    }
}

static void chart_seen_in_perspective_is_found(void **state)
{
    (void)state;
    drawing d = drawing_default(chart_colors);
    d.tilt = 0.3;
    d.degrees = 20;
    expect_found(&d, 0, 0.04);
}

static void layouts_are_named_by_their_gaps(void **state)
{
    (void)state;
    static const struct {
        double fill[2];
        const char *name;
    } layouts[] = {{{0.875, 0.875}, "classic"},
                   {{0.80, 0.80}, "mini"},
                   {{0.769, 0.787}, "passport"},
                   {{0.657, 0.625}, "nano"}};
    for (size_t k = 0; k < sizeof layouts / sizeof *layouts; k++) {
        drawing d = drawing_default(chart_colors);
        memcpy(d.fill, layouts[k].fill, sizeof d.fill);
        d.pitch_px = 40;
        assert_string_equal(expect_found(&d, 0, 0.03).layout, layouts[k].name);
    }
}

static void light_gaps_between_the_patches_do_not_matter(void **state)
{
    (void)state;
    drawing d = drawing_default(chart_colors);
    for (int c = 0; c < 3; c++)
        d.frame[c] = 0.75;
    expect_found(&d, 0, 0.03);
}

static void warm_and_cold_lamps_and_poor_exposure_do_not_matter(void **state)
{
    (void)state;
    static const double gains[][3] = {{1.3, 0.9, 0.35}, {0.6, 0.9, 1.2}, {0.25, 0.25, 0.25}, {1.9, 1.9, 1.9}};
    for (size_t k = 0; k < sizeof gains / sizeof *gains; k++) {
        drawing d = drawing_default(chart_colors);
        memcpy(d.gains, gains[k], sizeof d.gains);
        expect_found(&d, 0, 0.03);
    }
}

static void patches_of_eight_and_five_pixels_are_enough(void **state)
{
    (void)state;
    for (int px = 8; px >= 5; px -= 3) {
        drawing d = drawing_default(chart_colors);
        d.pitch_px = px / 0.87;
        d.degrees = 10;
        expect_found(&d, 0.4, 0.2);
    }
}

static void blur_of_a_third_of_a_patch_is_borne(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        drawing d = drawing_default(chart_colors);
        d.degrees = 45 * k;
        d.table[0] = d.table[1] = d.table[2] = 0.05;
        expect_found(&d, (k ? 0.15 : 0.3) * 28 * 0.87, 0.25);
    }
}

static void covered_patches_are_marked_and_the_rest_is_found(void **state)
{
    (void)state;
    static const int hidden[4] = {3, 8, 18, 22};
    double colors[RUBOR_CHART_PATCHES][3];
    memcpy(colors, chart, sizeof colors);
    for (int k = 0; k < 4; k++) {
        static const double purple[3] = {0.5, 0.1, 0.6};
        memcpy(colors[hidden[k]], purple, sizeof purple);
    }
    drawing d = drawing_default((const double(*)[3])colors);
    rubor_chart_location location = expect_found(&d, 0, 0.03);
    for (int k = 0; k < 4; k++)
        assert_true(location.covered[hidden[k]]);
    assert_false(location.covered[0]);
    assert_false(location.covered[14]);
}

static void positions_are_in_full_resolution_pixels(void **state)
{
    (void)state;
    drawing d = drawing_default(chart_colors);
    rubor_image_encoded image = {0};
    rubor_chart_location location = {0};
    assert_true(drawing_render(&image, &d));
    rubor_photo_info info = {.format = RUBOR_FORMAT_JPEG, .width = 1600, .height = 1200};
    assert_int_equal(rubor_chart_find(&location, &info, &image, (rubor_bytes){0}, NULL), RUBOR_OK);
    rubor_point p = drawing_project(&d, 0.5, 0.5);
    assert_true(fabs(location.centers_px[0].x - ((p.x + 0.5) * 4 - 0.5)) < 2);
    assert_true(fabs(location.centers_px[0].y - ((p.y + 0.5) * 4 - 0.5)) < 2);
    rubor_image_encoded_finish(&image);
}

static void shuffled_patches_are_refused(void **state)
{
    (void)state;
    double colors[RUBOR_CHART_PATCHES][3];
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        memcpy(colors[i], chart[(i * 7 + 5) % RUBOR_CHART_PATCHES], sizeof colors[i]);
    drawing d = drawing_default((const double(*)[3])colors);
    expect_refused(&d);
}

static void spydercheckr_is_named_and_refused(void **state)
{
    (void)state;
    /* rows and columns as on the card; the colors lie near those of a ColorChecker's patches */
    static const int same_as[RUBOR_CHART_PATCHES] = {18, 19, 20, 21, 22, 23, 17, 16, 15, 14, 13, 12,
                                                     6,  7,  8,  9,  10, 11, 5,  4,  3,  2,  1,  0};
    double colors[RUBOR_CHART_PATCHES][3];
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        memcpy(colors[i], chart[same_as[i]], sizeof colors[i]);
    drawing d = drawing_default((const double(*)[3])colors);
    d.degrees = 15;
    assert_non_null(strstr(expect_refused(&d).message, "SpyderCheckr"));
}

static void the_24_inside_a_larger_chart_are_refused(void **state)
{
    (void)state;
    double colors[10 * 8][3];
    for (int i = 0; i < 80; i++)
        for (int c = 0; c < 3; c++)
            colors[i][c] = 0.1 + 0.8 * ((i * 37 + c * 11) % 23) / 23;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        memcpy(colors[(i / 6 + 2) * 10 + i % 6 + 2], chart[i], sizeof chart[i]);
    drawing d = drawing_default((const double(*)[3])colors);
    d.columns = 10;
    d.rows = 8;
    assert_non_null(strstr(expect_refused(&d).message, "more patches"));
}

static void checkerboard_and_gray_ramp_are_no_chart(void **state)
{
    (void)state;
    double colors[48][3];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 48; i++)
            for (int c = 0; c < 3; c++)
                colors[i][c] = k ? 0.02 * (i + 1) : (i % 8 + i / 8) % 2 ? 0.02 : 0.85;
        drawing d = drawing_default((const double(*)[3])colors);
        d.columns = 8;
        d.rows = 6;
        expect_refused(&d);
    }
}

static void pictures_without_anything_are_not_found(void **state)
{
    (void)state;
    static const int sizes[][2] = {{16, 16}, {1, 700}, {700, 1}, {2, 2}, {300, 200}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int noise = 0; noise < 2; noise++) {
            rubor_image_encoded image = {0};
            rubor_chart_location location;
            unsigned seed = 7;
            assert_int_equal(rubor_image_encoded_init(&image, sizes[k][0], sizes[k][1], NULL), RUBOR_OK);
            for (int i = 0; i < 3 * image.width * image.height; i++) {
                seed = seed * 1664525u + 1013904223u;
                image.rgb[i] = noise ? (uint16_t)(seed >> 16) : 30000;
            }
            assert_int_equal(find_in(&location, &image, NULL), RUBOR_NOT_FOUND);
            rubor_image_encoded_finish(&image);
        }
}

static void corners_by_hand_are_kept_and_the_gaps_measured(void **state)
{
    (void)state;
    drawing d = drawing_default(chart_colors);
    d.fill[0] = 0.66;
    d.fill[1] = 0.62;
    d.degrees = 30;
    rubor_image_encoded image = {0};
    rubor_chart_location location = {0};
    assert_true(drawing_render(&image, &d));
    rubor_photo_info info = {.width = d.width, .height = d.height};
    rubor_point corners[4] = {drawing_project(&d, 0.17, 0.19), drawing_project(&d, 5.83, 0.19),
                              drawing_project(&d, 5.83, 3.81), drawing_project(&d, 0.17, 3.81)};
    assert_int_equal(rubor_chart_from_corners(&location, corners, &info, &image, (rubor_bytes){0}, NULL),
                     RUBOR_OK);
    assert_string_equal(location.layout, "manual");
    assert_true(fabs(location.fill[0] - 0.66) < 0.03 && fabs(location.fill[1] - 0.62) < 0.03);
    assert_true(worst_center(&location, &d) < 0.03);
    rubor_image_encoded_finish(&image);
}

static void crossed_or_flat_corners_by_hand_are_invalid(void **state)
{
    (void)state;
    static const rubor_point bad[][4] = {{{10, 10}, {90, 10}, {10, 60}, {90, 60}},
                                         {{10, 10}, {20, 20}, {30, 30}, {40, 40}},
                                         {{10, 10}, {10, 10}, {90, 60}, {10, 60}},
                                         {{NAN, 10}, {90, 10}, {90, 60}, {10, 60}}};
    drawing d = drawing_default(chart_colors);
    rubor_image_encoded image = {0};
    assert_true(drawing_render(&image, &d));
    rubor_photo_info info = {.width = d.width, .height = d.height};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        rubor_chart_location location;
        rubor_error error = {0};
        assert_int_equal(rubor_chart_from_corners(&location, bad[k], &info, &image, (rubor_bytes){0}, &error),
                         RUBOR_INVALID);
        assert_true(strlen(error.message) > 20);
    }
    rubor_image_encoded_finish(&image);
}

int main(void)
{
    drawing_chart_colors(chart);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chart_lying_straight_is_found_to_half_a_pixel),
        cmocka_unit_test(all_eight_orientations_are_told_by_color),
        cmocka_unit_test(chart_rotated_by_45_degrees_is_found),
        cmocka_unit_test(chart_seen_in_perspective_is_found),
        cmocka_unit_test(layouts_are_named_by_their_gaps),
        cmocka_unit_test(light_gaps_between_the_patches_do_not_matter),
        cmocka_unit_test(warm_and_cold_lamps_and_poor_exposure_do_not_matter),
        cmocka_unit_test(patches_of_eight_and_five_pixels_are_enough),
        cmocka_unit_test(blur_of_a_third_of_a_patch_is_borne),
        cmocka_unit_test(covered_patches_are_marked_and_the_rest_is_found),
        cmocka_unit_test(positions_are_in_full_resolution_pixels),
        cmocka_unit_test(shuffled_patches_are_refused),
        cmocka_unit_test(spydercheckr_is_named_and_refused),
        cmocka_unit_test(the_24_inside_a_larger_chart_are_refused),
        cmocka_unit_test(checkerboard_and_gray_ramp_are_no_chart),
        cmocka_unit_test(pictures_without_anything_are_not_found),
        cmocka_unit_test(corners_by_hand_are_kept_and_the_gaps_measured),
        cmocka_unit_test(crossed_or_flat_corners_by_hand_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
