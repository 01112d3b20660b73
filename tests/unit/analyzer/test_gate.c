/* labels: slow */
/* A small part of tests/bench/gate with the same checks: what spoils a rendered visit is told to the
 * operator. */
#include "analyzer/analyze.h"
#include "samples/sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const tones[] = {"light", "dark"};
enum { TONES = 2, DAY = 3 };
static rubor_sample_photo before[TONES];

static rubor_sample_options options_of(int tone)
{
    rubor_sample_options options;
    rubor_sample_options_default(&options);
    options.seed = 740001 + (uint64_t)tone;
    options.tone = tones[tone];
    options.width = 1000;
    options.height = 750;
    options.delta_ei = 12;
    options.delta_mi = 6;
    options.camera = "ampas_canon_xti";
    options.lamp = "D55";
    return options;
}

static int render_befores(void **state)
{
    (void)state;
    int failed = 0;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        failed |= rubor_sample_render(&before[tone], &options, -1, NULL) != RUBOR_OK;
    }
    return failed;
}

static int finish_befores(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++)
        rubor_sample_photo_finish(&before[tone]);
    return 0;
}

static rubor_record measure(const rubor_sample_options *options, int tone, double *error_ei)
{
    rubor_sample_photo visit = {0};
    rubor_record record;
    rubor_error error = {0};
    rubor_analyze_options how = {
        .baseline_region = &before[tone].region, .baseline_control = &before[tone].control, .day = DAY};
    if (rubor_sample_render(&visit, options, DAY, &error) != RUBOR_OK ||
        rubor_analyze(&record, NULL, (rubor_bytes){visit.jpeg.data, visit.jpeg.size},
                      (rubor_bytes){before[tone].jpeg.data, before[tone].jpeg.size}, &how,
                      &error) != RUBOR_OK)
        fail_msg("%s", error.message);
    *error_ei = fabs(record.redness.delta - visit.truth.delta_ei);
    rubor_sample_photo_finish(&visit);
    return record;
}

static bool says(const rubor_record *record, const char *codes)
{
    for (int i = 0; i < record->quality.reason_count; i++)
        if (strstr(codes, record->quality.reasons[i].code))
            return true;
    return false;
}

/* Names one of the codes in a sentence, and never calls the photo good. */
static void assert_told(const rubor_sample_options *options, int tone, const char *codes,
                        const char *verdicts)
{
    double error_ei;
    rubor_record record = measure(options, tone, &error_ei);
    if (!says(&record, codes) || !strstr(verdicts, record.quality.verdict))
        fail_msg("%s: %s, %s is not among its %d reasons (first: %s)", tones[tone], record.quality.verdict,
                 codes, record.quality.reason_count, record.quality.reasons[0].code);
    for (int i = 0; i < record.quality.reason_count; i++) {
        const char *message = record.quality.reasons[i].message;
        assert_true(strlen(message) > 20 && message[strlen(message) - 1] == '.');
    }
}

static void good_photos_are_called_good_and_measure_well(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        double error_ei;
        rubor_sample_options options = options_of(tone);
        rubor_record record = measure(&options, tone, &error_ei);
        assert_string_equal(record.quality.verdict, "ok");
        assert_true(error_ei < 1.5);
    }
}

static void soft_skin_beside_a_sharp_chart_is_noticed_on_every_tone(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        options.skin_blur_px = 3.5;
        assert_told(&options, tone, "blurred", "warn");
    }
}

static void whole_photo_out_of_focus_or_shaken_is_noticed(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        options.blur_px = 2;
        assert_told(&options, tone, "blurred motion", "warn retake");
        options.blur_px = 0;
        options.motion_px = 16;
        assert_told(&options, tone, "blurred motion", "warn retake");
    }
}

static void exposure_and_a_clipped_channel_are_noticed(void **state)
{
    (void)state;
    rubor_sample_options options = options_of(0);
    options.exposure = 3;
    assert_told(&options, 0, "overexposed", "retake");
    options.exposure = 1 / 16.0;
    assert_told(&options, 0, "underexposed", "warn retake");
    options.exposure = 1;
    options.red_gain = 2.2;
    assert_told(&options, 0, "overexposed channel_clipped chart_clipped", "warn retake");
}

static void two_stops_too_dark_is_noticed_three_refused_and_one_let_pass_on_every_tone(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        double error_ei;
        options.exposure = 1 / 4.0;
        assert_told(&options, tone, "underexposed", "warn");
        options.exposure = 1 / 8.0;
        assert_told(&options, tone, "underexposed", "retake");
        options.exposure = 1 / 2.0;
        rubor_record record = measure(&options, tone, &error_ei);
        assert_string_equal(record.quality.verdict, "ok");
    }
}

static void veil_and_a_mirrored_lamp_are_noticed(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        options.reflection_percent = 10;
        assert_told(&options, tone, "glare", "warn retake");
        options.reflection_percent = 0;
        options.glare_percent = 14;
        assert_told(&options, tone, "glare", "warn retake");
    }
}

static void light_of_another_color_is_noticed(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        options.visit_lamp = "A";
        assert_told(&options, tone, "lighting_changed", "warn");
        options.visit_lamp = NULL;
        options.visit_lamp2 = "A";
        options.lamp2_share = 0.35;
        assert_told(&options, tone, "mixed_light light_moved", "warn retake");
    }
}

/* Nobody drew untreated skin: the chart alone says what is unchanged, under an incandescent lamp where it was
 * daylight. What the chart's colors do not see of the lamps is predicted from both responses. */
static void another_lamp_alone_is_no_redness_where_nobody_marked_untreated_skin(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        options.visit_lamp = "A";
        options.delta_ei = options.delta_mi = 0;
        rubor_sample_photo visit = {0};
        rubor_record record;
        assert_int_equal(rubor_sample_render(&visit, &options, DAY, NULL), RUBOR_OK);
        rubor_analyze_options how = {.day = DAY};
        assert_int_equal(rubor_analyze(&record, NULL, (rubor_bytes){visit.jpeg.data, visit.jpeg.size},
                                       (rubor_bytes){before[tone].jpeg.data, before[tone].jpeg.size}, &how,
                                       NULL),
                         RUBOR_OK);
        rubor_sample_photo_finish(&visit);
        assert_string_equal(record.region.control, "none");
        assert_true(fabs(record.redness.delta) < 2);
        assert_true(record.redness.delta_interval95[0] < 0 && record.redness.delta_interval95[1] > 0);
        assert_int_equal(record.redness.changed, 0);
        assert_true(rubor_record_has_flag(&record, "not_comparable"));
    }
}

/* Make-up of the skin's own color: left out of the numbers, told, and no bruise. */
static void make_up_on_the_treated_skin_is_told_and_not_measured(void **state)
{
    (void)state;
    static const char *const covered[] = {"light", "brown"};
    for (int k = 0; k < 2; k++) {
        rubor_sample_options options = options_of(0);
        rubor_sample_photo bare = {0}, visit = {0};
        rubor_record record;
        options.seed = 740101 + (uint64_t)k;
        options.tone = covered[k];
        options.course = "makeup";
        options.delta_ei = options.delta_mi = NAN;
        assert_int_equal(rubor_sample_render(&bare, &options, -1, NULL), RUBOR_OK);
        assert_int_equal(rubor_sample_render(&visit, &options, DAY, NULL), RUBOR_OK);
        rubor_analyze_options how = {
            .baseline_region = &bare.region, .baseline_control = &bare.control, .day = DAY};
        assert_int_equal(rubor_analyze(&record, NULL, (rubor_bytes){visit.jpeg.data, visit.jpeg.size},
                                       (rubor_bytes){bare.jpeg.data, bare.jpeg.size}, &how, NULL),
                         RUBOR_OK);
        assert_true(says(&record, "covered"));
        assert_false(rubor_record_has_flag(&record, "bruise"));
        assert_true(fabs(record.redness.delta - visit.truth.delta_ei) < 1);
        rubor_sample_photo_finish(&bare);
        rubor_sample_photo_finish(&visit);
    }
}

/* The control is drawn where the chart lies: skin outside of the region stands in, and it is told. */
static void untreated_skin_that_is_hidden_is_told_and_other_skin_stands_in(void **state)
{
    (void)state;
    for (int tone = 0; tone < TONES; tone++) {
        rubor_sample_options options = options_of(tone);
        rubor_sample_photo visit = {0};
        rubor_record seen, record;
        assert_int_equal(rubor_sample_render(&visit, &options, DAY, NULL), RUBOR_OK);
        rubor_bytes photo = {visit.jpeg.data, visit.jpeg.size};
        rubor_bytes bare = {before[tone].jpeg.data, before[tone].jpeg.size};
        rubor_analyze_options how = {
            .baseline_region = &before[tone].region, .baseline_control = &before[tone].control, .day = DAY};
        assert_int_equal(rubor_analyze(&seen, NULL, photo, bare, &how, NULL), RUBOR_OK);
        assert_string_equal(seen.region.control, "baseline");
        assert_false(says(&seen, "control_hidden"));
        rubor_polygon chart = {.count = 4};
        for (int k = 0; k < 4; k++)
            chart.points[k] = (rubor_point){seen.calibration.chart.corners_px[2 * k],
                                            seen.calibration.chart.corners_px[2 * k + 1]};
        how.control = &chart;
        assert_int_equal(rubor_analyze(&record, NULL, photo, bare, &how, NULL), RUBOR_OK);
        assert_true(says(&record, "control_hidden"));
        assert_string_equal(record.quality.verdict, "warn");
        assert_string_equal(record.region.control, "found");
        assert_true(fabs(record.redness.delta - visit.truth.delta_ei) < 1.5);
        rubor_sample_photo_finish(&visit);
    }
}

/* Cloth over the region and most of the rest: red cloth is no redness, gray cloth no pallor. */
static void cloth_over_the_region_is_never_measured_as_a_change(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        const char *tone;
        double skin_share;
    } covered[] = {{1490008, "light", 0.25}, {1490013, "very_light", 0.25}, {1500007, "very_light", 0.5}};
    for (int k = 0; k < 3; k++) {
        rubor_sample_options options;
        rubor_sample_photo bare = {0}, visit = {0};
        rubor_record record;
        rubor_sample_options_default(&options);
        options.seed = covered[k].seed;
        options.tone = covered[k].tone;
        options.width = 960;
        options.height = 720;
        options.delta_ei = 12;
        options.delta_mi = 6;
        assert_int_equal(rubor_sample_render(&bare, &options, -1, NULL), RUBOR_OK);
        options.skin_share = covered[k].skin_share;
        assert_int_equal(rubor_sample_render(&visit, &options, DAY, NULL), RUBOR_OK);
        rubor_analyze_options how = {
            .baseline_region = &bare.region, .baseline_control = &bare.control, .day = DAY};
        assert_int_equal(rubor_analyze(&record, NULL, (rubor_bytes){visit.jpeg.data, visit.jpeg.size},
                                       (rubor_bytes){bare.jpeg.data, bare.jpeg.size}, &how, NULL),
                         RUBOR_OK);
        assert_string_equal(record.quality.verdict, "retake");
        assert_true(says(&record, "region_hidden region_empty misaligned"));
        if (k < 2) /* the third shows a piece of the region */
            assert_true(isnan(record.redness.score));
        how.baseline_region = how.baseline_control =
            NULL; /* with nothing drawn there is no telling, but no praise either */
        assert_int_equal(rubor_analyze(&record, NULL, (rubor_bytes){visit.jpeg.data, visit.jpeg.size},
                                       (rubor_bytes){bare.jpeg.data, bare.jpeg.size}, &how, NULL),
                         RUBOR_OK);
        if (k < 2)
            assert_string_not_equal(record.quality.verdict, "ok");
        rubor_sample_photo_finish(&bare);
        rubor_sample_photo_finish(&visit);
    }
}

static void tilt_distance_and_missing_skin_are_noticed(void **state)
{
    (void)state;
    rubor_sample_options options = options_of(0);
    options.tilt_degrees = 42;
    assert_told(&options, 0, "tilt misaligned", "warn retake");
    options.tilt_degrees = 0;
    options.closeness = 0.7;
    assert_told(&options, 0, "distance", "warn retake");
    options.closeness = 1;
    options.skin_share = 0;
    assert_told(&options, 0, "no_skin", "retake");
    options.skin_share = 0.4;
    assert_told(&options, 0, "region_hidden region_empty misaligned", "retake");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_photos_are_called_good_and_measure_well),
        cmocka_unit_test(soft_skin_beside_a_sharp_chart_is_noticed_on_every_tone),
        cmocka_unit_test(whole_photo_out_of_focus_or_shaken_is_noticed),
        cmocka_unit_test(exposure_and_a_clipped_channel_are_noticed),
        cmocka_unit_test(two_stops_too_dark_is_noticed_three_refused_and_one_let_pass_on_every_tone),
        cmocka_unit_test(veil_and_a_mirrored_lamp_are_noticed),
        cmocka_unit_test(light_of_another_color_is_noticed),
        cmocka_unit_test(another_lamp_alone_is_no_redness_where_nobody_marked_untreated_skin),
        cmocka_unit_test(make_up_on_the_treated_skin_is_told_and_not_measured),
        cmocka_unit_test(untreated_skin_that_is_hidden_is_told_and_other_skin_stands_in),
        cmocka_unit_test(cloth_over_the_region_is_never_measured_as_a_change),
        cmocka_unit_test(tilt_distance_and_missing_skin_are_noticed),
    };
    return cmocka_run_group_tests(tests, render_befores, finish_befores);
}
