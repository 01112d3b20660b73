/* labels: fast */
#include "analyzer/quality.h"
#include "analyzer/quality_pair.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300 };

/* Discs on a gray ground, blurred; shear smears them along x only. */
static void draw_discs(rubor_image_encoded *image, double sigma, double smear)
{
    rubor_plane plane;
    assert_int_equal(rubor_plane_init(&plane, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double dx = fmod(x, 100) - 50, dy = fmod(y, 100) - 50;
            plane.data[y * WIDTH + x] = dx * dx + dy * dy < 30 * 30 ? 0.7f : 0.3f;
        }
    assert_int_equal(rubor_plane_blur(&plane, sigma, NULL), RUBOR_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double sum = 0;
            int taps = 0;
            for (int k = (int)-smear; k <= (int)smear; k++, taps++)
                sum += (double)plane.data[y * WIDTH + (x + k < 0 ? 0 : x + k >= WIDTH ? WIDTH - 1 : x + k)];
            for (int c = 0; c < 3; c++)
                image->rgb[3 * (y * WIDTH + x) + c] = (uint16_t)(65535 * sum / taps);
        }
    rubor_plane_finish(&plane);
}

static void blur_of_known_width_is_measured(void **state)
{
    (void)state;
    rubor_image_encoded image;
    assert_int_equal(rubor_image_encoded_init(&image, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (double sigma = 1; sigma <= 4; sigma += 1) {
        double blur, ratio, smear;
        draw_discs(&image, sigma, 0);
        assert_int_equal(rubor_quality_blur(&blur, &ratio, &smear, &image, NULL), RUBOR_OK);
        assert_float_equal(blur, sigma, 0.25 * sigma + 0.1);
        assert_true(ratio < 1.4);
    }
    rubor_image_encoded_finish(&image);
}

static void smear_in_one_direction_is_told_from_defocus(void **state)
{
    (void)state;
    rubor_image_encoded image;
    double blur, ratio, smear;
    assert_int_equal(rubor_image_encoded_init(&image, WIDTH, HEIGHT, NULL), RUBOR_OK);
    draw_discs(&image, 0.8, 6);
    assert_int_equal(rubor_quality_blur(&blur, &ratio, &smear, &image, NULL), RUBOR_OK);
    assert_true(ratio > 1.8);
    assert_true(blur > 1.5);
    rubor_image_encoded_finish(&image);
}

static void flat_picture_has_no_blur_to_measure(void **state)
{
    (void)state;
    rubor_image_encoded image;
    double blur, ratio, smear;
    assert_int_equal(rubor_image_encoded_init(&image, WIDTH, HEIGHT, NULL), RUBOR_OK);
    assert_int_equal(rubor_quality_blur(&blur, &ratio, &smear, &image, NULL), RUBOR_OK);
    assert_true(isnan(blur));
    rubor_image_encoded_finish(&image);
}

static rubor_quality good(void)
{
    return (rubor_quality){.blur_px = 0.8,
                           .blur_ratio = 1.1,
                           .sharpness = 0.9,
                           .median = 0.5,
                           .skin_percent = 60,
                           .tilt_degrees = 5,
                           .white_linear = 0.8};
}

static const char *verdict_of(rubor_record *record, const rubor_quality *quality, int64_t width,
                              int64_t height)
{
    rubor_calibration calibration = {.status = RUBOR_CALIBRATION_CHART, .glare_percent = 1};
    rubor_record_init(record);
    record->photo.working_width = 1200;
    rubor_quality_judge(record, quality, &calibration, width, height, 0.1);
    return record->quality.verdict;
}

static void good_photo_of_900_by_600_passes_and_a_smaller_one_does_not(void **state)
{
    (void)state;
    rubor_record record;
    rubor_quality quality = good();
    assert_string_equal(verdict_of(&record, &quality, 900, 600), "ok");
    assert_int_equal(record.quality.reason_count, 0);
    assert_string_equal(verdict_of(&record, &quality, 600, 900), "ok");
    assert_string_equal(verdict_of(&record, &quality, 899, 600), "retake");
    assert_string_equal(record.quality.reasons[0].code, "too_small");
}

/* White at 0.9, red at 0.6 of it; the least channel of yellow, orange and cyan at the lower limit. */
static void chart_colors_outside_of_srgb_are_not_lost_by_exposure(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    rubor_image_encoded image = {.width = SIDE, .height = SIDE};
    rubor_mask skin = {.width = SIDE, .height = SIDE}, shine = {0};
    image.rgb = calloc(3 * SIDE * SIDE, sizeof *image.rgb);
    skin.data = calloc(SIDE * SIDE, 1);
    assert_non_null(image.rgb);
    assert_non_null(skin.data);
    rubor_calibration calibration = {.status = RUBOR_CALIBRATION_CHART};
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
        for (int c = 0; c < 3; c++)
            calibration.patches[k].linear[c] = k == 18 ? 0.9 : k == 23 ? 0.03 : 0.3;
    for (int k = 11; k < 18; k++) {
        calibration.patches[k].use = RUBOR_PATCH_CLIPPED;
        calibration.patches[k].linear[2] = 0;
    }
    rubor_quality quality;
    rubor_error error;
    assert_int_equal(rubor_quality_measure(&quality, &image, &skin, &shine, &calibration, SIDE, &error),
                     RUBOR_OK);
    assert_int_equal(quality.clipped_patches, 0);
    calibration.patches[18].use = RUBOR_PATCH_CLIPPED; /* at the top */
    calibration.patches[23].use = RUBOR_PATCH_CLIPPED;
    calibration.patches[23].linear[0] = calibration.patches[23].linear[1] = calibration.patches[23].linear[2] =
        0.001;
    assert_int_equal(rubor_quality_measure(&quality, &image, &skin, &shine, &calibration, SIDE, &error),
                     RUBOR_OK);
    assert_int_equal(quality.clipped_patches, 2);
    free(image.rgb);
    free(skin.data);
}

static void each_fault_has_its_own_code(void **state)
{
    (void)state;
    static const char *const codes[] = {"blurred",      "motion",          "overexposed",
                                        "underexposed", "channel_clipped", "no_skin",
                                        "tilt",         "chart_clipped",   "glare"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        rubor_quality q = good();
        rubor_record record;
        switch (i) {
        case 0:
            q.blur_px = 4;
            break;
        case 1:
            q.blur_px = 4;
            q.blur_ratio = 2.5;
            break;
        case 2:
            q.clipped_percent = 40;
            break;
        case 3:
            q.white_linear = 0.03;
            break;
        case 4:
            q.clipped_percent = q.channel_percent[0] = 6;
            break;
        case 5:
            q.skin_percent = 0;
            break;
        case 6:
            q.tilt_degrees = 50;
            break;
        case 7:
            q.clipped_patches = 4;
            break;
        case 8:
            q.shine_percent = 30;
            break;
        }
        assert_string_not_equal(verdict_of(&record, &q, 1200, 900), "ok");
        assert_int_equal(record.quality.reason_count, 1);
        assert_string_equal(record.quality.reasons[0].code, codes[i]);
        assert_true(strlen(record.quality.reasons[0].message) > 20);
    }
}

static rubor_record judged(const rubor_quality_pair *pair)
{
    rubor_record record;
    rubor_record_init(&record);
    rubor_quality_pair_judge(&record, pair);
    return record;
}

static rubor_quality_pair good_pair(void)
{
    return (rubor_quality_pair){.region_measured = 1, .control_measured = 1, .skin_blur_px = 0.2};
}

static void make_up_is_told_by_its_own_reason_and_not_called_another_light(void **state)
{
    (void)state;
    rubor_quality_pair pair = good_pair();
    for (int cover = 0; cover <= 100; cover += 20) {
        pair.cover_percent = cover;
        rubor_record record = judged(&pair);
        assert_string_equal(record.quality.verdict, cover == 0 ? "ok" : cover < 60 ? "warn" : "retake");
        assert_int_equal(record.quality.reason_count, cover > 0);
        if (cover)
            assert_string_equal(record.quality.reasons[0].code, "covered");
        assert_false(rubor_record_has_flag(&record, "not_comparable"));
    }
    pair = good_pair();
    pair.color_drift = 1.0;
    rubor_record record = judged(&pair);
    assert_string_equal(record.quality.reasons[0].code, "mixed_light");
    assert_true(rubor_record_has_flag(&record, "not_comparable"));
}

static void untreated_skin_that_is_hidden_is_told(void **state)
{
    (void)state;
    static const double measured[] = {1, 0.6, 0.2, 0};
    for (int k = 0; k < 4; k++) {
        rubor_quality_pair pair = good_pair();
        pair.control_measured = measured[k];
        rubor_record record = judged(&pair);
        assert_string_equal(record.quality.verdict, k < 2 ? "ok" : "warn");
        if (k >= 2)
            assert_string_equal(record.quality.reasons[0].code, "control_hidden");
    }
    rubor_quality_pair pair = good_pair();
    pair.control_measured = RUBOR_NULL; /* none was drawn */
    assert_int_equal(judged(&pair).quality.reason_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blur_of_known_width_is_measured),
        cmocka_unit_test(smear_in_one_direction_is_told_from_defocus),
        cmocka_unit_test(flat_picture_has_no_blur_to_measure),
        cmocka_unit_test(good_photo_of_900_by_600_passes_and_a_smaller_one_does_not),
        cmocka_unit_test(chart_colors_outside_of_srgb_are_not_lost_by_exposure),
        cmocka_unit_test(each_fault_has_its_own_code),
        cmocka_unit_test(make_up_is_told_by_its_own_reason_and_not_called_another_light),
        cmocka_unit_test(untreated_skin_that_is_hidden_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
