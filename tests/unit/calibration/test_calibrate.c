/* labels: calibration */
#include "calibration/calibrate_fit.h"
#include "tests/unit/calibration/chart_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* A plain camera at this exposure. */
static chart_camera exposed(double exposure)
{
    chart_camera camera = plain_camera;
    camera.exposure = exposure;
    return camera;
}

/* The chart as camera sees it; other: a color in place of the patch's own, or NULL. */
static rubor_image_encoded pictured(const chart_camera *camera, int patch, const double other[3])
{
    double linear[24][3];
    rubor_image_encoded image = {0};
    picture_reference(linear, RUBOR_EDITION_AFTER_2014);
    if (other)
        memcpy(linear[patch], other, sizeof linear[patch]);
    picture_draw(&image, (const double(*)[3])linear, camera);
    return image;
}

/* Calibrates image and frees it. */
static rubor_calibration calibrated_from(rubor_image_encoded *image, const rubor_calibrate_options *options,
                                         rubor_status wanted, rubor_error *error)
{
    rubor_calibration calibration;
    rubor_status status = picture_calibrate(&calibration, image, options, error);
    rubor_image_encoded_finish(image);
    if (status != wanted)
        fail_msg("%s: %s", rubor_status_name(status), error->message);
    return calibration;
}

static rubor_calibration calibrated(const chart_camera *camera, const rubor_calibrate_options *options)
{
    rubor_error error = {0};
    rubor_image_encoded image = pictured(camera, 0, NULL);
    return calibrated_from(&image, options, RUBOR_OK, &error);
}

static void perfect_photo_is_left_as_it_is(void **state)
{
    (void)state;
    chart_camera camera = exposed(0.95);
    rubor_calibration c = calibrated(&camera, NULL);
    assert_int_equal(c.status, RUBOR_CALIBRATION_CHART);
    assert_int_equal(c.edition, RUBOR_EDITION_AFTER_2014);
    assert_true(c.patches_used >= 22);
    assert_true(c.delta_e2000_fit_mean < 0.8);
    assert_true(c.delta_e2000_loo_mean < 1.2);
    assert_true(c.delta_e2000_loo_mean >= c.delta_e2000_fit_mean);
    assert_true(c.response_known);
}

static void glare_fall_off_tone_and_white_balance_are_taken_out_together(void **state)
{
    (void)state;
    chart_camera camera = {0.9, 0.02, 0.85, 0.01, {1.0, 0.9, 0.7}, 0};
    rubor_calibration c = calibrated(&camera, NULL);
    assert_true(c.delta_e2000_fit_mean < 1.0);
    assert_true(c.delta_e2000_uncorrected > 5.0);
    assert_true(fabs(c.glare_percent - 2.2) < 1.2); /* 0.02 over channels of 1, 0.9 and 0.7 */
    assert_true(fabs(c.falloff_log10_per_px[0] * PITCH - 0.01) < 0.004);
    assert_true(fabs(c.falloff_log10_per_px[1] * PITCH) < 0.004);
}

static void halving_the_exposure_hardly_moves_skin_patches(void **state)
{
    (void)state;
    chart_camera camera = {0.95, 0.01, 0.9, 0.0, {1.0, 0.9, 0.8}, 0}, dark = camera;
    dark.exposure = 0.475;
    rubor_calibration one = calibrated(&camera, NULL), other = calibrated(&dark, NULL);
    for (int k = 0; k < 2; k++)
        assert_true(rubor_delta_e2000(rubor_linear_to_lab_d50(one.patches[k].corrected),
                                      rubor_linear_to_lab_d50(other.patches[k].corrected)) < 1.0);
}

static void overexposed_patches_are_dropped_and_the_rest_does_not_explode(void **state)
{
    (void)state;
    chart_camera camera = exposed(2.6);
    rubor_calibration c = calibrated(&camera, NULL);
    assert_int_equal(c.patches[18].use, RUBOR_PATCH_CLIPPED);
    assert_true(c.patches_used >= 8 && c.patches_used <= 18);
    assert_true(c.delta_e2000_loo_mean < 4.0);
    assert_true(isnan(c.patches[18].delta_e2000));
    /* the dropped ones are at least ordered right */
    assert_true(c.patches[18].corrected[1] > c.patches[21].corrected[1]);
}

static void plateau_of_a_photo_darkened_after_clipping_is_found(void **state)
{
    (void)state;
    rubor_error error = {0};
    chart_camera camera = exposed(2.0);
    rubor_image_encoded image = pictured(&camera, 0, NULL);
    for (size_t i = 0; i < (size_t)3 * PICTURE_W * PICTURE_H; i++)
        image.rgb[i] =
            (uint16_t)(65535.0 * rubor_srgb_encode(0.5 * rubor_srgb_decode(image.rgb[i] / 65535.0)));
    rubor_calibration c = calibrated_from(&image, NULL, RUBOR_OK, &error);
    assert_int_equal(c.patches[18].use, RUBOR_PATCH_CLIPPED);
    assert_true(c.delta_e2000_fit_mean < 1.5);
}

static void striped_patches_are_called_covered(void **state)
{
    (void)state;
    chart_camera camera = exposed(0.95);
    camera.covered = 1u << 4 | 1u << 15;
    rubor_calibration c = calibrated(&camera, NULL);
    assert_int_equal(c.patches[4].use, RUBOR_PATCH_COVERED);
    assert_int_equal(c.patches[15].use, RUBOR_PATCH_COVERED);
    assert_true(c.delta_e2000_fit_mean < 0.8);
}

static void wrongly_colored_patch_is_an_outlier(void **state)
{
    (void)state;
    rubor_error error = {0};
    chart_camera camera = exposed(0.95);
    double reference[24][3];
    picture_reference(reference, RUBOR_EDITION_AFTER_2014);
    rubor_image_encoded image = pictured(&camera, 8, (const double[3]){0.05, 0.6, reference[8][2]});
    rubor_calibration c = calibrated_from(&image, NULL, RUBOR_OK, &error);
    assert_int_not_equal(c.patches[8].use, RUBOR_PATCH_USED);
    assert_true(c.delta_e2000_fit_mean < 1.0);
}

static void nearly_everything_clipped_is_refused_with_a_reason(void **state)
{
    (void)state;
    rubor_error error = {0};
    chart_camera camera = exposed(40.0);
    rubor_image_encoded image = pictured(&camera, 0, NULL);
    rubor_calibration c = calibrated_from(&image, NULL, RUBOR_REFUSED, &error);
    assert_int_equal(c.status, RUBOR_CALIBRATION_NONE);
    assert_non_null(strstr(error.message, "patches"));
}

static void same_photo_gives_the_same_bytes(void **state)
{
    (void)state;
    chart_camera camera = {0.9, 0.02, 0.85, 0.01, {1.0, 0.9, 0.7}, 0};
    rubor_calibration one = calibrated(&camera, NULL), other = calibrated(&camera, NULL);
    assert_memory_equal(one.tone, other.tone, sizeof one.tone);
    assert_memory_equal(one.matrix, other.matrix, sizeof one.matrix);
    assert_memory_equal(one.response, other.response, sizeof one.response);
}

static void users_table_with_other_colors_has_no_response(void **state)
{
    (void)state;
    chart_camera camera = exposed(0.95);
    rubor_chart_table table = *rubor_chart_table_get(RUBOR_EDITION_AFTER_2014);
    table.edition = RUBOR_EDITION_OWN;
    table.lab_d50[7].b += 20.0;
    rubor_calibrate_options options = {.table = &table};
    rubor_calibration c = calibrated(&camera, &options);
    assert_int_equal(c.edition, RUBOR_EDITION_OWN);
    assert_false(c.response_known);
}

static void applying_gives_the_patches_their_corrected_colors(void **state)
{
    (void)state;
    rubor_image_calibrated out = {0};
    rubor_calibration c;
    rubor_error error = {0};
    chart_camera camera = {0.9, 0.02, 0.85, 0.0, {1.0, 0.9, 0.7}, 0};
    rubor_image_encoded image = pictured(&camera, 0, NULL);
    assert_int_equal(picture_calibrate(&c, &image, NULL, &error), RUBOR_OK);
    assert_int_equal(rubor_calibration_apply(&out, &image, &c, &error), RUBOR_OK);
    for (int k = 0; k < 24; k++) {
        int x = MARGIN + k % 6 * PITCH + PITCH / 2, y = MARGIN + k / 6 * PITCH + PITCH / 2;
        for (int i = 0; i < 3; i++) {
            double sum = 0.0;
            for (int dy = -3; dy <= 3; dy++)
                for (int dx = -3; dx <= 3; dx++)
                    sum += (double)out.plane[i][(y + dy) * PICTURE_W + x + dx] / 49.0;
            assert_true(fabs(sum - c.patches[k].corrected[i]) < 0.01 + 0.03 * fabs(sum));
        }
    }
    rubor_image_calibrated_finish(&out);
    rubor_image_encoded_finish(&image);
}

static void without_a_chart_the_srgb_curve_is_all_there_is(void **state)
{
    (void)state;
    rubor_image_encoded image = {0};
    rubor_image_calibrated out = {0};
    rubor_calibration c;
    rubor_directions d;
    rubor_error error = {0};
    rubor_calibration_none(&c);
    assert_int_equal(rubor_image_encoded_init(&image, 64, 1, &error), RUBOR_OK);
    for (int i = 0; i < 192; i++)
        image.rgb[i] = (uint16_t)(i * 65535 / 191);
    assert_int_equal(rubor_calibration_apply(&out, &image, &c, &error), RUBOR_OK);
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 3; k++) {
            double expected = rubor_srgb_decode(image.rgb[3 * i + k] / 65535.0);
            assert_true(fabs((double)out.plane[k][i] - expected) < 1e-4 + 2e-3 * expected);
        }
    rubor_calibration_directions(&d, &c, NULL);
    assert_true(fabs(d.hemoglobin_gain - 1.0) < 0.3 && fabs(d.melanin_gain - 1.0) < 0.3);
    assert_true(d.hemoglobin_gain_sd >= 0.15);
    assert_true(isnan(c.glare_percent) && isnan(c.mm_per_px) && isnan(c.delta_e2000_loo_mean));
    rubor_image_calibrated_finish(&out);
    rubor_image_encoded_finish(&image);
}

static void vector_residual_is_as_long_as_the_difference(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (int i = 0; i < 2000; i++) {
        rubor_lab one = {50 + 100 * pseudo_noise(&seed), 160 * pseudo_noise(&seed),
                         160 * pseudo_noise(&seed)};
        rubor_lab other = {one.L + 20 * pseudo_noise(&seed), one.a + 20 * pseudo_noise(&seed),
                           one.b + 20 * pseudo_noise(&seed)};
        double r[3];
        rubor_delta_e2000_vector(r, one, other);
        double length = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
        assert_true(fabs(length - rubor_delta_e2000(one, other)) < 1e-6 * (1.0 + length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect_photo_is_left_as_it_is),
        cmocka_unit_test(glare_fall_off_tone_and_white_balance_are_taken_out_together),
        cmocka_unit_test(halving_the_exposure_hardly_moves_skin_patches),
        cmocka_unit_test(overexposed_patches_are_dropped_and_the_rest_does_not_explode),
        cmocka_unit_test(plateau_of_a_photo_darkened_after_clipping_is_found),
        cmocka_unit_test(striped_patches_are_called_covered),
        cmocka_unit_test(wrongly_colored_patch_is_an_outlier),
        cmocka_unit_test(nearly_everything_clipped_is_refused_with_a_reason),
        cmocka_unit_test(same_photo_gives_the_same_bytes),
        cmocka_unit_test(users_table_with_other_colors_has_no_response),
        cmocka_unit_test(applying_gives_the_patches_their_corrected_colors),
        cmocka_unit_test(without_a_chart_the_srgb_curve_is_all_there_is),
        cmocka_unit_test(vector_residual_is_as_long_as_the_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
