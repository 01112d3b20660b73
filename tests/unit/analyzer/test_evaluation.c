/* labels: slow */
/* A small part of tests/bench/evaluate with the same checks; bounds are those of the big run widened for few
 * pairs. */
#include "tests/bench/evaluation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static evaluation_result run_sized(uint64_t seed, int tone, evaluation_kind kind, int width, int height)
{
    evaluation_plan plan = {.seed = seed, .tone = tone, .kind = kind, .width = width, .height = height};
    evaluation_result result;
    evaluation_run(&result, &plan);
    if (!result.done)
        fail_msg("%s", result.failure);
    assert_string_equal(result.record.reference, "baseline");
    assert_string_not_equal(result.record.quality.verdict, "retake");
    return result;
}

static evaluation_result run(uint64_t seed, int tone, evaluation_kind kind)
{
    return run_sized(seed, tone, kind, 960, 720);
}

static bool holds(const double interval[2], double truth)
{
    return interval[0] <= truth && truth <= interval[1];
}

static void redness_of_light_and_dark_skin_reads_the_same_truth(void **state)
{
    (void)state;
    const int tones[] = {1, 4};
    for (int i = 0; i < 2; i++) {
        evaluation_result r = run(900008 + (uint64_t)i, tones[i], EVALUATION_RED);
        assert_float_equal(r.record.redness.delta / r.truth.delta_ei, 1, 0.12);
        assert_true(holds(r.record.redness.delta_interval95, r.truth.delta_ei));
        assert_true(fabs(r.record.pigmentation.delta) < 2);
        assert_true(r.erythema_dice > 0.92);
        assert_true(r.skin_iou > 0.85);
        assert_int_equal(r.record.redness.changed, 1);
        assert_true(r.record.doubt_count > 3);
        for (int k = 1; k < r.record.doubt_count; k++)
            assert_true(r.record.doubts[k - 1].delta_ei_sd >= r.record.doubts[k].delta_ei_sd);
    }
}

static void new_pigment_is_not_read_as_redness(void **state)
{
    (void)state;
    evaluation_result r = run(900016, 3, EVALUATION_PIGMENT);
    assert_float_equal(r.record.pigmentation.delta / r.truth.delta_mi, 1, 0.15);
    assert_true(fabs(r.record.redness.delta) < 2);
    assert_true(r.pigment_dice > 0.88);
    assert_true(rubor_record_has_flag(&r.record, "possible_pih"));
}

static void unchanged_skin_is_left_alone(void **state)
{
    (void)state;
    evaluation_result r = run(900003, 2, EVALUATION_NONE);
    assert_int_equal(r.record.redness.changed, 0);
    assert_int_equal(r.record.pigmentation.changed, 0);
    assert_true(r.marked_percent < 0.5);
    assert_true(r.record.redness.mdc < 1.5);
    assert_int_equal(r.record.redness.grade, 0);
}

/* Once refused as another place: redness and pigment in patches hid the little structure of dark skin. */
static void patchy_redness_and_pigment_on_dark_skin_are_aligned_and_told_apart(void **state)
{
    (void)state;
    evaluation_result r = run_sized(970022, 5, EVALUATION_BOTH, 1200, 900);
    assert_true(r.erythema_dice > 0.9);
    assert_true(r.pigment_dice > 0.88);
    assert_true(holds(r.record.redness.delta_interval95, r.truth.delta_ei));
    assert_true(holds(r.record.pigmentation.delta_interval95, r.truth.delta_mi));
}

/* Once 5 % of it was marked: the noise of a dark photo crossed the threshold. */
static void noise_of_unchanged_dark_skin_is_not_marked(void **state)
{
    (void)state;
    evaluation_result r = run_sized(970001, 5, EVALUATION_NONE, 1200, 900);
    assert_int_equal(r.record.redness.changed, 0);
    assert_true(r.marked_percent < 0.5);
}

/* Once 2.4 % of it was marked: dark skin reads as pigment where a highlight of the baseline is gone. */
static void shine_that_only_the_baseline_had_is_not_marked(void **state)
{
    (void)state;
    evaluation_result r = run(916009, 5, EVALUATION_NONE);
    assert_int_equal(r.record.pigmentation.changed, 0);
    assert_true(r.marked_percent < 0.75);
}

/* Once 6.6 % of it, in a third of the unchanged pairs of dark skin without drawn region and control. */
static void noise_of_dark_skin_without_control_is_no_bruise(void **state)
{
    (void)state;
    evaluation_result r = run_sized(921003, 5, EVALUATION_NONE, 1200, 900);
    assert_string_equal(r.unguided.region.control, "none");
    assert_false(rubor_record_has_flag(&r.unguided, "bruise"));
    evaluation_result bruised = run_sized(920021, 2, EVALUATION_BRUISE, 1200, 900);
    assert_true(rubor_record_has_flag(&bruised.unguided, "bruise"));
}

/* Once the whole photo was refused: the mark was taken for the skin's core and shut its surroundings out. */
static void skin_around_strong_redness_or_pigment_stays_skin(void **state)
{
    (void)state;
    evaluation_result red = run_sized(1100009, 2, EVALUATION_RED, 1200, 900);
    evaluation_result pigment = run_sized(1100285, 2, EVALUATION_PIGMENT, 1200, 900);
    assert_true(red.skin_iou > 0.9);
    assert_true(pigment.skin_iou > 0.9);
}

/* Once 62 % of it was marked: only the chart says what is unchanged here, and it was off by the threshold. */
static void an_error_of_the_chart_alone_does_not_mark_all_skin(void **state)
{
    (void)state;
    evaluation_result r = run_sized(1100276, 5, EVALUATION_NONE, 1200, 900);
    assert_string_equal(r.unguided.region.control, "none");
    assert_true(r.marked_percent < 10);
}

static void sunburn_is_flagged_and_a_bruise_is_none(void **state)
{
    (void)state;
    evaluation_result burnt = run(970008, 1, EVALUATION_SUNBURN), bruised = run(970003, 2, EVALUATION_BRUISE);
    assert_true(burnt.truth.control_ei > 5);
    assert_true(rubor_record_has_flag(&burnt.record, "sunburn"));
    assert_false(rubor_record_has_flag(&burnt.record, "bruise"));
    assert_true(fabs(burnt.record.redness.delta - burnt.truth.delta_ei) < 1.5);
    assert_false(rubor_record_has_flag(&bruised.record, "sunburn"));
    assert_true(rubor_record_has_flag(&bruised.record, "bruise"));
    assert_true(bruised.record.findings.bruise_percent < 2 * bruised.truth.bruise_percent);
    assert_true(bruised.record.findings.bruise_percent > 0.6 * bruised.truth.bruise_percent);
}

static void another_lamp_and_control_that_must_be_found_leave_the_redness(void **state)
{
    (void)state;
    evaluation_result lamp = run(970023, 4, EVALUATION_LAMP), found = run(970038, 1, EVALUATION_FOUND);
    assert_true(holds(lamp.record.redness.delta_interval95, lamp.truth.delta_ei));
    assert_string_equal(found.record.region.control, "found");
    assert_true(holds(found.record.redness.delta_interval95, found.truth.delta_ei));
}

static void without_a_chart_the_record_says_that_it_cannot_be_compared(void **state)
{
    (void)state;
    evaluation_result r = run(970034, 3, EVALUATION_NO_CHART);
    assert_string_equal(r.record.quality.verdict, "warn");
    assert_true(rubor_record_has_flag(&r.record, "not_comparable"));
    assert_true(holds(r.record.redness.delta_interval95, r.truth.delta_ei));
}

static void an_object_on_the_skin_is_not_measured_as_redness(void **state)
{
    (void)state;
    evaluation_result r = run(970065, 4, EVALUATION_OBJECT);
    assert_true(r.cover_percent > 0.5);
    assert_true(fabs(r.record.redness.delta - r.truth.delta_ei) < 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redness_of_light_and_dark_skin_reads_the_same_truth),
        cmocka_unit_test(new_pigment_is_not_read_as_redness),
        cmocka_unit_test(unchanged_skin_is_left_alone),
        cmocka_unit_test(patchy_redness_and_pigment_on_dark_skin_are_aligned_and_told_apart),
        cmocka_unit_test(noise_of_unchanged_dark_skin_is_not_marked),
        cmocka_unit_test(shine_that_only_the_baseline_had_is_not_marked),
        cmocka_unit_test(noise_of_dark_skin_without_control_is_no_bruise),
        cmocka_unit_test(skin_around_strong_redness_or_pigment_stays_skin),
        cmocka_unit_test(an_error_of_the_chart_alone_does_not_mark_all_skin),
        cmocka_unit_test(sunburn_is_flagged_and_a_bruise_is_none),
        cmocka_unit_test(another_lamp_and_control_that_must_be_found_leave_the_redness),
        cmocka_unit_test(without_a_chart_the_record_says_that_it_cannot_be_compared),
        cmocka_unit_test(an_object_on_the_skin_is_not_measured_as_redness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
