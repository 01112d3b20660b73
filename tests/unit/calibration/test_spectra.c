/* labels: calibration */
#include "calibration/spectra.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static double xyz_of(const rubor_spectrum *lamp, const float *reflectance, int channel)
{
    const float(*cmf)[RUBOR_SPECTRUM_SAMPLES] = rubor_cie1931_cmf();
    double sum = 0.0, white = 0.0;
    for (int i = 0; i < RUBOR_SPECTRUM_SAMPLES; i++) {
        double r = reflectance ? (double)reflectance[i] : 1.0;
        sum += (double)cmf[channel][i] * (double)lamp->value[i] * r;
        white += (double)cmf[1][i] * (double)lamp->value[i];
    }
    return sum / white;
}

static void white_under_d65_has_the_published_xyz(void **state)
{
    (void)state;
    const rubor_spectrum *d65 = rubor_illuminant_by_name("D65");
    assert_non_null(d65);
    assert_true(fabs(xyz_of(d65, NULL, 0) - 0.9504) < 0.003);
    assert_true(fabs(xyz_of(d65, NULL, 2) - 1.0888) < 0.005);
}

static void chart_white_and_black_have_their_known_luminance(void **state)
{
    (void)state;
    const rubor_spectrum *d50 = rubor_illuminant_by_name("D50");
    assert_true(fabs(xyz_of(d50, rubor_chart_reflectance(18)->value, 1) - 0.90) < 0.02);
    assert_true(fabs(xyz_of(d50, rubor_chart_reflectance(23)->value, 1) - 0.031) < 0.004);
}

static void every_table_is_finite_and_named(void **state)
{
    (void)state;
    assert_int_equal(rubor_illuminant_count(), 14);
    assert_int_equal(rubor_camera_count(), 12);
    for (size_t k = 0; k < rubor_camera_count(); k++) {
        const rubor_camera_sensitivity *camera = rubor_camera(k);
        assert_ptr_equal(rubor_camera_by_name(camera->name), camera);
        double peak = 0.0;
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < RUBOR_SPECTRUM_SAMPLES; i++)
                peak = fmax(peak, (double)camera->value[c][i]);
        assert_true(fabs(peak - 1.0) < 1e-6);
    }
    for (size_t k = 0; k < rubor_illuminant_count(); k++)
        for (int i = 0; i < RUBOR_SPECTRUM_SAMPLES; i++)
            assert_true(isfinite(rubor_illuminant(k)->value[i]) && rubor_illuminant(k)->value[i] >= 0.0F);
    assert_null(rubor_camera_by_name("no such camera"));
    assert_null(rubor_illuminant_by_name(""));
}

static void hemoglobin_change_is_one_at_580_and_small_in_the_red(void **state)
{
    (void)state;
    const rubor_spectrum *shape = rubor_hemoglobin_change_shape();
    assert_true(shape->value[20] == 1.0F);
    assert_true(shape->value[28] < 0.05F);
    assert_true(rubor_absorption_melanosome()->value[0] > rubor_absorption_melanosome()->value[35]);
    assert_true(rubor_absorption_oxyblood()->value[16] > rubor_absorption_oxyblood()->value[25]);
    assert_true(rubor_absorption_skin_baseline()->value[0] > rubor_absorption_skin_baseline()->value[35]);
}

static void components_of_the_spread_of_blood_come_by_size_and_are_independent(void **state)
{
    (void)state;
    double before = INFINITY;
    for (size_t k = 0; k < RUBOR_HEMOGLOBIN_SPREADS; k++) {
        double product[RUBOR_HEMOGLOBIN_SPREADS] = {0};
        for (size_t j = 0; j <= k; j++)
            for (int i = 2; i < RUBOR_SPECTRUM_SAMPLES; i++)
                product[j] += (double)rubor_hemoglobin_change_spread(k)->value[i] *
                              (double)rubor_hemoglobin_change_spread(j)->value[i];
        assert_true(product[k] > 0 && product[k] < before);
        for (size_t j = 0; j < k; j++) /* below 400 nm they are extended */
            assert_true(fabs(product[j]) < 0.25 * product[k]);
        before = product[k];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_under_d65_has_the_published_xyz),
        cmocka_unit_test(chart_white_and_black_have_their_known_luminance),
        cmocka_unit_test(every_table_is_finite_and_named),
        cmocka_unit_test(hemoglobin_change_is_one_at_580_and_small_in_the_red),
        cmocka_unit_test(components_of_the_spread_of_blood_come_by_size_and_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
