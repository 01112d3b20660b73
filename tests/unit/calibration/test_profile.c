#include "calibration/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static rubor_calibration chart_calibration(void)
{
    rubor_calibration calibration;
    rubor_calibration_none(&calibration);
    calibration.status = RUBOR_CALIBRATION_CHART;
    snprintf(calibration.chart_type, sizeof calibration.chart_type, "colorchecker24");
    calibration.matrix[0] = 1.25;
    calibration.patches_used = 24;
    calibration.delta_e2000_loo_mean = 2.5;
    calibration.glare[1] = 0.0125;
    calibration.response_known = true;
    for (int i = 0; i < 36; i++)
        calibration.response[1][i] = 0.01f * (float)i;
    return calibration;
}

static const rubor_photo_info info = {.format = RUBOR_FORMAT_JPEG, .width = 4000, .height = 3000, .orientation = 1};

/* A sheet brighter on the left: light falls from 1.2 to 0.8 of the mean. */
static rubor_image_encoded sheet(double level)
{
    rubor_image_encoded image;
    assert_int_equal(rubor_image_encoded_init(&image, 320, 240, NULL), RUBOR_OK);
    for (int y = 0; y < 240; y++)
        for (int x = 0; x < 320; x++)
            for (int c = 0; c < 3; c++)
                image.rgb[3 * (y * 320 + x) + c] =
                    (uint16_t)(65535.0 * rubor_srgb_encode(level * (1.2 - 0.4 * (x + 0.5) / 320)));
    return image;
}

static rubor_profile made(const rubor_image_encoded *flat)
{
    rubor_profile profile;
    rubor_error error = {0};
    rubor_calibration calibration = chart_calibration();
    calibration.matrix[0] = 1.0;
    calibration.glare[1] = 0.0;
    assert_int_equal(rubor_profile_make(&profile, "room 2", &info, &calibration, flat, &error), RUBOR_OK);
    return profile;
}

static void a_profile_written_and_read_again_is_the_same(void **state)
{
    (void)state;
    char *json = NULL;
    rubor_profile profile, again;
    rubor_error error = {0};
    rubor_calibration calibration = chart_calibration();
    assert_int_equal(rubor_profile_make(&profile, "room 2", &info, &calibration, NULL, &error), RUBOR_OK);
    assert_int_equal(rubor_profile_write(&json, &profile, &error), RUBOR_OK);
    assert_int_equal(rubor_profile_read(&again, json, strlen(json), &error), RUBOR_OK);
    assert_string_equal(again.name, "room 2");
    assert_int_equal(again.width, 4000);
    assert_true(again.calibration.matrix[0] == 1.25 && again.calibration.glare[1] == 0.0125);
    assert_memory_equal(again.calibration.response, profile.calibration.response, sizeof again.calibration.response);
    assert_memory_equal(again.calibration.tone, profile.calibration.tone, sizeof again.calibration.tone);
    assert_true(isnan(again.calibration.mm_per_px));
    free(json);
}

static void a_profile_cut_or_bent_anywhere_is_refused_and_never_crashes(void **state)
{
    (void)state;
    char *json = NULL;
    rubor_profile profile = made(NULL), again;
    rubor_error error = {0};
    assert_int_equal(rubor_profile_write(&json, &profile, &error), RUBOR_OK);
    size_t size = strlen(json);
    for (size_t cut = 0; cut < size - 1; cut += 97)
        assert_int_not_equal(rubor_profile_read(&again, json, cut, &error), RUBOR_OK);
    char *key = strstr(json, "\"glare_percent\"");
    assert_non_null(key);
    key[1] = 'X';
    assert_int_equal(rubor_profile_read(&again, json, size, &error), RUBOR_CORRUPT);
    assert_non_null(strstr(error.message, "glare_percent"));
    free(json);
}

static void the_flat_field_evens_out_the_light_of_its_lamp(void **state)
{
    (void)state;
    rubor_image_encoded flat = sheet(0.5);
    rubor_profile profile = made(&flat);
    rubor_calibration calibration;
    rubor_image_calibrated image;
    rubor_error error = {0};
    assert_int_equal(rubor_profile_calibration(&calibration, &profile, &info, 0, &error), RUBOR_OK);
    assert_int_equal(calibration.status, RUBOR_CALIBRATION_PROFILE);
    assert_int_equal(rubor_calibration_apply(&image, &flat, &calibration, &error), RUBOR_OK);
    double low = 9, high = 0;
    for (int x = 5; x < 315; x++) {
        double value = (double)image.plane[1][120 * 320 + x];
        low = fmin(low, value);
        high = fmax(high, value);
    }
    assert_true(high / low < 1.01);
    rubor_image_calibrated_finish(&image);
    rubor_image_encoded_finish(&flat);
}

static void a_clipped_or_colored_sheet_is_refused_with_what_to_do(void **state)
{
    (void)state;
    rubor_profile profile;
    rubor_error error = {0};
    rubor_calibration calibration = chart_calibration();
    rubor_image_encoded bright = sheet(0.95), colored = sheet(0.5);
    for (size_t i = 0; i < 320 * 240; i++)
        colored.rgb[3 * i] = colored.rgb[3 * i] / 2;
    calibration.matrix[0] = 1.0;
    assert_int_equal(rubor_profile_make(&profile, "x", &info, &calibration, &bright, &error), RUBOR_REFUSED);
    assert_non_null(strstr(error.message, "bright"));
    assert_int_equal(rubor_profile_make(&profile, "x", &info, &calibration, &colored, &error), RUBOR_REFUSED);
    assert_non_null(strstr(error.message, "neutral"));
    rubor_image_encoded_finish(&bright);
    rubor_image_encoded_finish(&colored);
}

static void a_profile_of_last_year_and_a_photo_of_another_shape_are_refused(void **state)
{
    (void)state;
    rubor_profile profile = made(NULL);
    rubor_calibration calibration;
    rubor_error error = {0};
    snprintf(profile.made_at, sizeof profile.made_at, "2026-01-01T10:00:00Z");
    int64_t made_s = 1767261600; /* date -u -d 2026-01-01T10:00 +%s */
    assert_int_equal(rubor_profile_calibration(&calibration, &profile, &info, made_s + 179 * 86400, &error), RUBOR_OK);
    assert_int_equal(rubor_profile_calibration(&calibration, &profile, &info, made_s + 200 * 86400, &error),
                     RUBOR_REFUSED);
    assert_non_null(strstr(error.message, "200 days old"));
    rubor_photo_info upright = info;
    upright.width = 3000;
    upright.height = 4000;
    assert_int_equal(rubor_profile_calibration(&calibration, &profile, &upright, 0, &error), RUBOR_REFUSED);
}

static void a_chart_with_too_few_usable_patches_makes_no_profile(void **state)
{
    (void)state;
    rubor_profile profile;
    rubor_error error = {0};
    rubor_calibration few = chart_calibration(), poor = chart_calibration();
    few.patches_used = 9;
    poor.delta_e2000_loo_mean = 7.5;
    assert_int_equal(rubor_profile_make(&profile, "x", &info, &few, NULL, &error), RUBOR_REFUSED);
    assert_non_null(strstr(error.message, "9 of 24"));
    assert_int_equal(rubor_profile_make(&profile, "x", &info, &poor, NULL, &error), RUBOR_REFUSED);
}

static void a_photo_without_a_chart_makes_no_profile(void **state)
{
    (void)state;
    rubor_profile profile;
    rubor_calibration calibration;
    rubor_error error = {0};
    rubor_calibration_none(&calibration);
    assert_int_equal(rubor_profile_make(&profile, "x", &info, &calibration, NULL, &error), RUBOR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_written_and_read_again_is_the_same),
        cmocka_unit_test(a_profile_cut_or_bent_anywhere_is_refused_and_never_crashes),
        cmocka_unit_test(the_flat_field_evens_out_the_light_of_its_lamp),
        cmocka_unit_test(a_clipped_or_colored_sheet_is_refused_with_what_to_do),
        cmocka_unit_test(a_profile_of_last_year_and_a_photo_of_another_shape_are_refused),
        cmocka_unit_test(a_chart_with_too_few_usable_patches_makes_no_profile),
        cmocka_unit_test(a_photo_without_a_chart_makes_no_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
