/* labels: calibration */
#include "calibration/calibrate_solve.h"
#include "calibration/response_prior.h"
#include "calibration/skin_model.h"
#include "tests/unit/calibration/chart_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAMPLES = RUBOR_SPECTRUM_SAMPLES };

/* Camera times lamp, white-balanced. */
static void spectral_camera(double weights[3][SAMPLES], const char *camera, const char *lamp)
{
    for (int c = 0; c < 3; c++) {
        double sum = 0.0;
        for (int i = 0; i < SAMPLES; i++) {
            weights[c][i] = (double)rubor_camera_by_name(camera)->value[c][i] *
                            (double)rubor_illuminant_by_name(lamp)->value[i];
            sum += weights[c][i];
        }
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] /= sum;
    }
}

static rubor_calibration spectral_photo(const char *camera, const char *lamp)
{
    double weights[3][SAMPLES], linear[24][3] = {{0}};
    rubor_image_encoded image = {0};
    rubor_calibration calibration;
    rubor_error error = {0};
    chart_camera device = plain_camera;
    device.exposure = 0.9;
    spectral_camera(weights, camera, lamp);
    for (size_t k = 0; k < 24; k++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < SAMPLES; i++)
                linear[k][c] += weights[c][i] * (double)rubor_chart_reflectance(k)->value[i];
    picture_draw(&image, (const double(*)[3])linear, &device);
    if (picture_calibrate(&calibration, &image, NULL, &error) != RUBOR_OK)
        fail_msg("%s", error.message);
    rubor_image_encoded_finish(&image);
    return calibration;
}

/* The gain that the true spectra give after this calibration's matrix. */
static double true_gain(const rubor_calibration *calibration, const char *camera, const char *lamp)
{
    double weights[3][SAMPLES], out[3][SAMPLES], reference[3][SAMPLES], skin[SAMPLES], shape[SAMPLES];
    double own[3], seen[3];
    spectral_camera(weights, camera, lamp);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            out[c][i] = calibration->matrix[3 * c] * weights[0][i] +
                        calibration->matrix[3 * c + 1] * weights[1][i] +
                        calibration->matrix[3 * c + 2] * weights[2][i];
    rubor_reference_observer(reference);
    rubor_skin_reflectance(skin, (const double(*)[SAMPLES])reference, NULL);
    rubor_hemoglobin_shape(shape);
    rubor_od_slopes(own, (const double(*)[SAMPLES])out, skin, shape);
    rubor_od_slopes(seen, (const double(*)[SAMPLES])reference, skin, shape);
    return (own[1] - own[0]) / (seen[1] - seen[0]);
}

static void gain_of_cameras_and_lamps_outside_the_prior_is_found(void **state)
{
    (void)state; /* RUBOR_PRIOR_WITHOUT is set in main, before the prior is built */
    static const char *const lamps[] = {"LED-B1", "FL11", "A", "D50"};
    double worst = 0.0, largest = 0.0;
    for (size_t k = 0; k < 4; k++) {
        rubor_calibration c = spectral_photo("ampas_nikon_d7000", lamps[k]);
        rubor_directions d;
        rubor_calibration_directions(&d, &c, NULL);
        double truth = true_gain(&c, "ampas_nikon_d7000", lamps[k]);
        worst = fmax(worst, fabs(d.hemoglobin_gain / truth - 1.0));
        largest = fmax(largest, fabs(truth - 1.0));
        assert_true(d.hemoglobin_gain_sd > 0.01 && d.hemoglobin_gain_sd < 0.15);
    }
    assert_true(largest > 0.08); /* there is something to correct */
    assert_true(worst < 0.06);
}

static void same_lamp_is_near_and_another_lamp_is_far(void **state)
{
    (void)state;
    rubor_calibration one = spectral_photo("ampas_nikon_d7000", "LED-B1");
    rubor_calibration other = spectral_photo("ampas_nikon_d7000", "FL11"), none;
    assert_true(rubor_calibration_lighting_distance(&one, &one) < 1e-12);
    assert_true(rubor_calibration_lighting_distance(&one, &other) > 0.04);
    rubor_calibration_none(&none);
    assert_true(isnan(rubor_calibration_lighting_distance(&one, &none)));
}

/* OD that one calibrated photo reads above the other off medium skin, by the true spectra. */
static void true_offset(double od[3], const rubor_calibration calibrations[2], const char *camera,
                        const char *const lamps[2])
{
    double weights[3][SAMPLES], reference[3][SAMPLES], skin[SAMPLES], light[2][3] = {{0}};
    rubor_reference_observer(reference);
    rubor_skin_reflectance(skin, (const double(*)[SAMPLES])reference, NULL);
    for (int k = 0; k < 2; k++) {
        spectral_camera(weights, camera, lamps[k]);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < SAMPLES; i++)
                for (int raw = 0; raw < 3; raw++)
                    light[k][c] += calibrations[k].matrix[3 * c + raw] * weights[raw][i] * skin[i];
    }
    for (int c = 0; c < 3; c++)
        od[c] = log10(light[1][c] / light[0][c]);
}

static void what_two_lamps_make_of_the_same_skin_is_predicted(void **state)
{
    (void)state;
    static const char *const camera = "ampas_nikon_d7000", *const lamps[][2] = {{"D65", "A"},
                                                                                {"LED-B1", "D50"},
                                                                                {"FL11", "D65"}};
    double largest = 0.0;
    for (size_t k = 0; k < 3; k++) {
        rubor_calibration both[2] = {spectral_photo(camera, lamps[k][0]),
                                     spectral_photo(camera, lamps[k][1])};
        double truth[3], found[3];
        true_offset(truth, both, camera, lamps[k]);
        rubor_calibration_offset(found, &both[0], &both[1], NULL);
        double ei = 100.0 * (truth[1] - truth[0]), left = ei - 100.0 * (found[1] - found[0]);
        largest = fmax(largest, fabs(ei));
        assert_true(fabs(left) < 1.2);
        rubor_calibration_offset(found, &both[0], &both[0], NULL);
        assert_true(found[0] == 0.0 && found[1] == 0.0 && found[2] == 0.0);
    }
    assert_true(largest > 2.0); /* there is something to predict */
}

static void what_two_lamps_make_of_a_color_that_is_no_skin_is_bounded(void **state)
{
    (void)state;
    static const double blood[3] = {0.05, 0.002, 0.001};
    const rubor_calibration one = spectral_photo("ampas_nikon_d7000", "LED-B5"),
                            other = spectral_photo("ampas_canon_eos_5d_mark_ii", "A");
    double found[3];
    rubor_calibration_offset(found, &one, &other, blood);
    for (int c = 0; c < 3; c++)
        assert_true(fabs(found[c]) <= 0.2);
}

static void leaving_everything_out_is_refused(void **state)
{
    (void)state;
    rubor_error error = {0};
    rubor_response_prior *prior = malloc(sizeof *prior);
    assert_non_null(prior);
    assert_int_equal(rubor_response_prior_build(prior, "ampas,npl", &error), RUBOR_INVALID);
    assert_int_equal(rubor_response_prior_build(prior, "nothing of this name", &error), RUBOR_OK);
    double all = prior->mean[50];
    assert_int_equal(rubor_response_prior_build(prior, "canon,FL11", &error), RUBOR_OK);
    assert_true(fabs(prior->mean[50] - all) > 1e-9);
    for (int i = 0; i < RUBOR_PRIOR_RESPONSE; i++)
        assert_true(prior->covariance[i][i] >= -1e-12);
    free(prior);
}

static void without_a_chart_the_average_camera_and_veil_are_expected(void **state)
{
    (void)state;
    static const double dark[3] = {0.10, 0.05, 0.035}, light[3] = {0.55, 0.36, 0.28};
    const double *skins[] = {NULL, light, dark};
    rubor_calibration none;
    rubor_calibration_none(&none);
    double gain = 10, sd = 0;
    for (size_t k = 0; k < 3; k++) {
        rubor_directions d;
        rubor_calibration_directions(&d, &none, skins[k]);
        assert_true(d.hemoglobin_gain > 0.6 && d.hemoglobin_gain < 1.4);
        assert_true(d.melanin_gain > 0.6 && d.melanin_gain < 1.2);
        assert_true(fabs(100.0 * (d.reference_hemoglobin[1] - d.reference_hemoglobin[0]) - 1.0) < 1e-9);
        assert_true(fabs(100.0 * d.reference_melanin[0] - 1.0) < 1e-9);
        assert_true(d.hemoglobin[0] > 0.0 && d.hemoglobin[0] < 0.5 * d.hemoglobin[1]);
        assert_true(d.hemoglobin_spread[0] > 0.0 && d.hemoglobin_spread[8] > 0.0);
        /* stray light weakens what dark skin shows, and nobody knows by how much */
        assert_true(d.hemoglobin_gain < gain && d.hemoglobin_gain_sd > sd);
        gain = d.hemoglobin_gain;
        sd = d.hemoglobin_gain_sd;
    }
}

static void photo_without_a_chart_bounds_its_stray_light_by_its_darkest(void **state)
{
    (void)state;
    static const double very_dark[3] = {0.075, 0.031, 0.015};
    rubor_calibration none;
    rubor_directions loose, bound;
    rubor_calibration_none(&none);
    rubor_calibration_directions(&loose, &none, very_dark);
    none.darkest = 0.002;
    rubor_calibration_directions(&bound, &none, very_dark);
    assert_true(bound.hemoglobin_gain > loose.hemoglobin_gain + 0.03);
    assert_true(bound.hemoglobin_gain_sd < loose.hemoglobin_gain_sd);
    /* what skin itself has of blue bounds it, too: a number of worthless doubt would be the other choice */
    assert_true(loose.hemoglobin_gain > 0.6 && loose.hemoglobin_gain_sd < 0.4);
}

static void darkest_of_a_photo_is_neither_noise_nor_a_saturated_color_nor_drawn(void **state)
{
    (void)state;
    rubor_image_encoded photo;
    assert_int_equal(rubor_image_encoded_init(&photo, 100, 100, NULL), RUBOR_OK);
    for (size_t i = 0; i < 30000; i++)
        photo.rgb[i] = i % 3 == 2 ? 40000 : 0; /* blue cloth */
    for (size_t i = 3000; i < 6000; i++)
        photo.rgb[i] = 10000; /* hair */
    for (size_t i = 0; i < 9; i++)
        photo.rgb[i] = 1000; /* noise: three pixels of those that are not near the bar */
    for (size_t i = 18000; i < 24300; i++)
        photo.rgb[i] = i < 18300 || i >= 24000 ? 3000 : 0; /* a black bar and its edge after JPEG */
    double level = rubor_srgb_decode(10000 / 65535.0);
    assert_true(fabs(rubor_calibration_darkest(&photo) / level - 1) < 0.01);
    rubor_image_encoded_finish(&photo);
}

static void skin_model_meets_the_color_it_is_given(void **state)
{
    (void)state;
    static const double colors[][3] = {{0.10, 0.05, 0.035}, {0.30, 0.17, 0.11}, {0.55, 0.36, 0.28}};
    double reference[3][SAMPLES], skin[SAMPLES];
    rubor_reference_observer(reference);
    for (size_t k = 0; k < 3; k++) {
        rubor_skin_reflectance(skin, (const double(*)[SAMPLES])reference, colors[k]);
        for (int c = 0; c < 3; c++) {
            double seen = 0.0;
            for (int i = 0; i < SAMPLES; i++)
                seen += reference[c][i] * skin[i];
            assert_true(fabs(seen / colors[k][c] - 1.0) < 0.1);
        }
    }
}

static void impossible_skin_still_gives_finite_directions(void **state)
{
    (void)state;
    static const double odd[][3] = {{0, 0, 0}, {1, 1, 1}, {0, 1, 0}, {-1, 2, 5}, {1e-9, 1e9, 0.5}};
    rubor_calibration c = spectral_photo("ampas_canon_xti", "D65");
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        rubor_directions d;
        rubor_calibration_directions(&d, &c, odd[k]);
        assert_true(isfinite(d.hemoglobin_gain) && isfinite(d.melanin_gain) &&
                    isfinite(d.hemoglobin_gain_sd));
    }
}

static void cholesky_solves_and_refuses_what_is_not_definite(void **state)
{
    (void)state;
    double a[9] = {4, 2, 1, 2, 5, 3, 1, 3, 6}, b[3] = {4 + 4 + 3, 2 + 10 + 9, 1 + 6 + 18};
    double indefinite[4] = {1, 2, 2, 1};
    assert_true(rubor_cholesky(a, 3));
    rubor_cholesky_solve(b, a, 3);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(b[i] - (i + 1)) < 1e-12);
    assert_false(rubor_cholesky(indefinite, 2));
}

int main(void)
{
    setenv("RUBOR_PRIOR_WITHOUT", "ampas_nikon_d7000,LED-B1,FL11", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gain_of_cameras_and_lamps_outside_the_prior_is_found),
        cmocka_unit_test(what_two_lamps_make_of_the_same_skin_is_predicted),
        cmocka_unit_test(what_two_lamps_make_of_a_color_that_is_no_skin_is_bounded),
        cmocka_unit_test(same_lamp_is_near_and_another_lamp_is_far),
        cmocka_unit_test(leaving_everything_out_is_refused),
        cmocka_unit_test(without_a_chart_the_average_camera_and_veil_are_expected),
        cmocka_unit_test(photo_without_a_chart_bounds_its_stray_light_by_its_darkest),
        cmocka_unit_test(darkest_of_a_photo_is_neither_noise_nor_a_saturated_color_nor_drawn),
        cmocka_unit_test(skin_model_meets_the_color_it_is_given),
        cmocka_unit_test(impossible_skin_still_gives_finite_directions),
        cmocka_unit_test(cholesky_solves_and_refuses_what_is_not_definite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
