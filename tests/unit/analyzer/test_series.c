/* labels: fast */
#include "analyzer/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LAST = 32 };

typedef struct course {
    rubor_record records[LAST];
    rubor_visit visits[LAST];
    size_t count;
} course;

static rubor_record *add(course *c, int day, double ei, double mi, double sd)
{
    rubor_record *record = &c->records[c->count];
    rubor_visit *visit = &c->visits[c->count++];
    rubor_record_init(record);
    snprintf(record->reference, sizeof record->reference, "baseline");
    snprintf(record->photo.digest, sizeof record->photo.digest, "%064d", day);
    record->redness.delta = ei;
    record->redness.delta_interval95[0] = ei - 1.96 * sd;
    record->redness.delta_interval95[1] = ei + 1.96 * sd;
    record->pigmentation.delta = mi;
    record->pigmentation.delta_interval95[0] = mi - 1.96 * sd;
    record->pigmentation.delta_interval95[1] = mi + 1.96 * sd;
    record->findings.crust_percent = 0;
    record->findings.bruise_percent = 0;
    visit->day = day;
    visit->record = record;
    snprintf(visit->view, sizeof visit->view, "front");
    return record;
}

static const rubor_series_flag *find(const rubor_series *series, const char *code)
{
    for (int i = 0; i < series->flag_count; i++)
        if (strcmp(series->flags[i].code, code) == 0)
            return &series->flags[i];
    return NULL;
}

/* Deterministic noise, roughly normal (sum of 12 uniforms). */
static double noise(uint32_t *state)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *state = *state * 1664525u + 1013904223u;
        sum += *state / 4294967296.0;
    }
    return sum - 6;
}

static rubor_series run(course *c)
{
    rubor_series series;
    rubor_error error = {0};
    assert_int_equal(rubor_series_analyze(&series, c->visits, c->count, &error), RUBOR_OK);
    return series;
}

static void redness_that_settles_within_a_week_has_landmarks_and_no_flag(void **state)
{
    (void)state;
    course c = {0};
    for (int day = 10; day >= 0; day--)
        add(&c, day, 20 * exp2(-day / 1.5), 0, 0.4);
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 0);
    assert_int_equal(series.view_count, 1);
    assert_true(series.views[0].redness.peak_day == 0);
    assert_true(fabs(series.views[0].redness.half_life_days - 1.5) < 0.2);
    assert_true(series.views[0].redness.resolved_day == 5);
    assert_true(series.views[0].redness.resolved_interval95[0] <= 5);
    assert_true(series.views[0].redness.resolved_interval95[1] >= 5);
    assert_true(isnan(series.views[0].pigmentation.peak_day));
}

static void noise_alone_raises_at_most_one_flag_in_a_thousand_courses(void **state)
{
    (void)state;
    uint32_t seed = 7;
    int flags = 0;
    for (int trial = 0; trial < 1000; trial++) {
        course c = {0};
        for (int day = 0; day <= 28; day += day < 10 ? 1 : 6)
            add(&c, day, 20 * exp2(-day / 1.2) + 0.8 * noise(&seed), 0.8 * noise(&seed), 0.8);
        flags += run(&c).flag_count;
    }
    assert_true(flags <= 1);
}

static void redness_on_day_8_is_persistent_and_day_8_is_named(void **state)
{
    (void)state;
    course c = {0};
    for (int day = 0; day <= 10; day++)
        add(&c, day, 20 * exp2(-day / 6.0), 0, 0.6);
    rubor_series series = run(&c);
    const rubor_series_flag *flag = find(&series, "persistent_redness");
    assert_non_null(flag);
    assert_int_equal(flag->day, 8);
    assert_non_null(strstr(flag->message, "day 8"));
    assert_true(isnan(series.views[0].redness.resolved_day));
}

static void faint_redness_of_one_late_day_after_a_clear_one_is_no_flag_and_a_visible_one_is(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 10, 0.5, 0, 0.3);
    add(&c, 14, 2.6, 0, 0.3);
    assert_int_equal(run(&c).flag_count, 0);
    add(&c, 21, 6, 0, 0.3);
    rubor_series series = run(&c);
    assert_int_equal(find(&series, "persistent_redness")->day, 21);
}

static void late_redness_without_an_earlier_visit_is_persistent(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 12, 2.6, 0, 0.3);
    rubor_series series = run(&c);
    assert_non_null(find(&series, "persistent_redness"));
}

static void redness_that_rises_again_after_falling_is_a_rebound(void **state)
{
    (void)state;
    course c = {0};
    const double ei[] = {18, 11, 6, 4, 4, 10, 8};
    for (int day = 0; day < 7; day++)
        add(&c, day, ei[day], 0, 0.7);
    rubor_series series = run(&c);
    const rubor_series_flag *flag = find(&series, "rebound");
    assert_non_null(flag);
    assert_int_equal(flag->day, 5);
    assert_null(find(&series, "persistent_redness"));
}

static void a_slow_rise_to_the_first_peak_is_no_rebound(void **state)
{
    (void)state;
    course c = {0};
    const double ei[] = {8, 14, 18, 9, 3, 1};
    for (int day = 0; day < 6; day++)
        add(&c, day, ei[day], 0, 0.7);
    assert_int_equal(run(&c).flag_count, 0);
}

static void darkening_before_day_11_is_not_called_pih_and_later_is(void **state)
{
    (void)state;
    course c = {0};
    for (int day = 0; day <= 10; day++)
        add(&c, day, 0, 6, 0.5);
    rubor_series early = run(&c);
    assert_null(find(&early, "possible_pih"));
    add(&c, 14, 0, 6, 0.5);
    rubor_series late = run(&c);
    assert_non_null(find(&late, "possible_pih"));
    assert_int_equal(find(&late, "possible_pih")->day, 14);
}

static void a_photo_to_retake_or_without_baseline_stays_out_of_the_curve(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 20, 0, 0.5);
    rubor_record_reason(add(&c, 9, 20, 0, 0.5), "retake", "blurred", "Hold still.");
    snprintf(add(&c, 10, 20, 0, 0.5)->reference, 16, "within_frame");
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 0);
    assert_true(c.visits[0].in_curve);
    assert_false(c.visits[1].in_curve);
    assert_false(c.visits[2].in_curve);
}

static void a_day_under_another_lamp_supplies_neither_peak_nor_flag(void **state)
{
    (void)state;
    course c = {0};
    const double ei[] = {10, 6, 3, 1};
    for (int day = 0; day < 4; day++)
        add(&c, day, ei[day], 0, 0.5);
    rubor_record_flag(add(&c, 4, 30, 30, 0.5), "not_comparable");
    rubor_record_flag(add(&c, 12, 30, 30, 0.5), "not_comparable");
    rubor_series series = run(&c);
    assert_true(series.views[0].redness.peak_day == 0);
    assert_true(series.views[0].redness.resolved_day == 3);
    assert_true(isnan(series.views[0].pigmentation.peak_day));
    assert_int_equal(series.flag_count, 1);
    assert_int_equal(find(&series, "not_comparable")->day, 4);
    assert_non_null(strstr(find(&series, "not_comparable")->message, "day 4 and 1 more"));
    assert_false(c.visits[4].in_curve);
}

static void a_comparable_photo_of_the_same_day_stands_for_one_under_another_lamp(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 10, 0, 0.5);
    rubor_record_flag(add(&c, 1, 30, 0, 0.1), "not_comparable");
    rubor_record_reason(add(&c, 1, 5, 0, 0.9), "warn", "glare", "Turn the lamp.");
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 0);
    assert_true(series.views[0].redness.peak_day == 0);
    assert_true(c.visits[1].in_curve && c.visits[1].record->redness.delta == 5);
}

static void a_photo_before_treatment_that_cannot_be_compared_is_not_called_a_day(void **state)
{
    (void)state;
    course c = {0};
    rubor_record_flag(add(&c, RUBOR_DAY_BEFORE, 0, 0, 0.5), "not_comparable");
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 1);
    assert_null(strstr(series.flags[0].message, "day"));
}

static void missing_days_leave_landmarks_between_the_days_there_are(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 1, 16, 0, 0.4);
    add(&c, 5, 8, 0, 0.4);
    add(&c, 9, 0.5, 0, 0.4);
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 0);
    assert_true(series.views[0].redness.peak_day == 1);
    assert_true(fabs(series.views[0].redness.half_life_days - 4) < 0.01);
    assert_true(series.views[0].redness.resolved_day == 9);
}

static void two_views_have_their_own_curves_and_flags(void **state)
{
    (void)state;
    course c = {0};
    for (int day = 0; day <= 9; day++) {
        add(&c, day, 20 * exp2(-day / 1.0), 0, 0.4);
        add(&c, day, 20 * exp2(-day / 8.0), 0, 0.4);
        c.records[c.count - 1].photo.digest[0] = 'f';
        snprintf(c.visits[c.count - 1].view, sizeof c.visits[0].view, "side");
    }
    rubor_series series = run(&c);
    assert_int_equal(series.view_count, 2);
    assert_int_equal(series.flag_count, 1);
    assert_string_equal(find(&series, "persistent_redness")->view, "side");
}

static void crusts_are_usual_until_day_7_and_nothing_else_is(void **state)
{
    (void)state;
    assert_true(rubor_series_flag_is_usual("crusting", 2));
    assert_true(rubor_series_flag_is_usual("crusting", 7));
    assert_false(rubor_series_flag_is_usual("crusting", 8));
    assert_false(rubor_series_flag_is_usual("crusting", RUBOR_DAY_BEFORE));
    assert_false(rubor_series_flag_is_usual("bruise", 3));
    assert_false(rubor_series_flag_is_usual("not_comparable", 3));
}

static void of_two_photos_of_a_day_the_better_graded_counts(void **state)
{
    (void)state;
    course c = {0};
    rubor_record_reason(add(&c, 3, 9, 0, 0.2), "warn", "glare", "Turn the lamp.");
    add(&c, 3, 5, 0, 0.5);
    run(&c);
    assert_true(c.visits[0].in_curve && c.visits[0].record->redness.delta == 5);
    assert_false(c.visits[1].in_curve);
}

static void crusts_of_the_first_week_are_normal_and_later_ones_flagged(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 4, 3, 0, 0.5)->findings.crust_percent = 5;
    assert_int_equal(run(&c).flag_count, 0);
    add(&c, 9, 0, 0, 0.5)->findings.crust_percent = 5;
    rubor_series series = run(&c);
    assert_non_null(find(&series, "crusting"));
}

static void a_bruise_much_larger_than_in_the_first_days_has_spread(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 3, 0, 0.5)->findings.bruise_percent = 14;
    add(&c, 2, 3, 0, 0.5)->findings.bruise_percent = 20;
    add(&c, 3, 3, 0, 0.5)->findings.bruise_percent = 28;
    assert_int_equal(run(&c).flag_count, 0);
    add(&c, 5, 1, 0, 0.5)->findings.bruise_percent = 39;
    rubor_series series = run(&c);
    const rubor_series_flag *flag = find(&series, "bruise_spreading");
    assert_non_null(flag);
    assert_int_equal(flag->day, 5);
    assert_non_null(strstr(flag->message, "20.0 %"));
    assert_non_null(strstr(flag->message, "39.0 %"));
}

static void what_looks_like_a_bruise_where_there_was_none_has_not_spread(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 3, 0, 0.5);
    add(&c, 2, 3, 0, 0.5)->findings.bruise_percent = RUBOR_NULL;
    add(&c, 3, 3, 0, 0.5)->findings.bruise_percent = 12;
    add(&c, 14, 0, 0, 0.5)->findings.bruise_percent = 30;
    assert_int_equal(run(&c).flag_count, 0);
    course gone = {0};
    add(&gone, 2, 1, 0, 0.5)->findings.bruise_percent = 17;
    add(&gone, 4, 1, 0, 0.5);
    add(&gone, 6, 1, 0, 0.5)->findings.bruise_percent = 70;
    assert_int_equal(run(&gone).flag_count, 0);
}

static void without_the_first_days_a_bruise_is_followed_from_the_first_visit(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 4, 2, 0, 0.5)->findings.bruise_percent = 10;
    add(&c, 6, 1, 0, 0.5)->findings.bruise_percent = 40;
    rubor_series series = run(&c);
    assert_non_null(find(&series, "bruise_spreading"));
}

static void one_photo_filed_under_two_days_is_flagged_and_left_out(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 18, 0, 0.5);
    add(&c, 1, 9, 0, 0.5);
    rubor_record *copy = add(&c, 11, 18, 0, 0.5);
    snprintf(copy->photo.digest, sizeof copy->photo.digest, "%064d", 0);
    rubor_series series = run(&c);
    assert_int_equal(series.flag_count, 1);
    assert_non_null(find(&series, "same_photo"));
    assert_false(c.visits[0].in_curve);
    assert_true(c.visits[1].in_curve);
    assert_false(c.visits[2].in_curve);
}

static void a_copy_from_another_day_gives_way_to_the_days_own_second_photo(void **state)
{
    (void)state;
    course c = {0};
    add(&c, 0, 18, 0, 0.5);
    rubor_record *copy = add(&c, 3, 18, 0, 0.1);
    snprintf(copy->photo.digest, sizeof copy->photo.digest, "%064d", 0);
    add(&c, 3, 4, 0, 0.9);
    rubor_series series = run(&c);
    assert_non_null(find(&series, "same_photo"));
    for (size_t i = 0; i < c.count; i++)
        assert_true(c.visits[i].in_curve == (c.visits[i].record->redness.delta == 4));
}

static void too_many_visits_are_refused(void **state)
{
    (void)state;
    rubor_series series;
    rubor_error error = {0};
    rubor_visit *visits = calloc(RUBOR_SERIES_VISITS + 1, sizeof *visits);
    assert_non_null(visits);
    assert_int_equal(rubor_series_analyze(&series, visits, RUBOR_SERIES_VISITS + 1, &error), RUBOR_TOO_LARGE);
    free(visits);
}

static void the_expected_band_narrows_to_nothing_by_day_7(void **state)
{
    (void)state;
    double low, high, last = 2;
    for (int day = 0; day <= 14; day++) {
        rubor_series_expected(day, &low, &high);
        assert_true(low >= 0 && low <= high && high <= 1 && high <= last);
        last = high;
    }
    assert_true(last <= 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redness_that_settles_within_a_week_has_landmarks_and_no_flag),
        cmocka_unit_test(noise_alone_raises_at_most_one_flag_in_a_thousand_courses),
        cmocka_unit_test(redness_on_day_8_is_persistent_and_day_8_is_named),
        cmocka_unit_test(faint_redness_of_one_late_day_after_a_clear_one_is_no_flag_and_a_visible_one_is),
        cmocka_unit_test(late_redness_without_an_earlier_visit_is_persistent),
        cmocka_unit_test(redness_that_rises_again_after_falling_is_a_rebound),
        cmocka_unit_test(a_slow_rise_to_the_first_peak_is_no_rebound),
        cmocka_unit_test(darkening_before_day_11_is_not_called_pih_and_later_is),
        cmocka_unit_test(a_photo_to_retake_or_without_baseline_stays_out_of_the_curve),
        cmocka_unit_test(a_day_under_another_lamp_supplies_neither_peak_nor_flag),
        cmocka_unit_test(a_comparable_photo_of_the_same_day_stands_for_one_under_another_lamp),
        cmocka_unit_test(a_photo_before_treatment_that_cannot_be_compared_is_not_called_a_day),
        cmocka_unit_test(missing_days_leave_landmarks_between_the_days_there_are),
        cmocka_unit_test(two_views_have_their_own_curves_and_flags),
        cmocka_unit_test(crusts_are_usual_until_day_7_and_nothing_else_is),
        cmocka_unit_test(of_two_photos_of_a_day_the_better_graded_counts),
        cmocka_unit_test(crusts_of_the_first_week_are_normal_and_later_ones_flagged),
        cmocka_unit_test(a_bruise_much_larger_than_in_the_first_days_has_spread),
        cmocka_unit_test(what_looks_like_a_bruise_where_there_was_none_has_not_spread),
        cmocka_unit_test(without_the_first_days_a_bruise_is_followed_from_the_first_visit),
        cmocka_unit_test(one_photo_filed_under_two_days_is_flagged_and_left_out),
        cmocka_unit_test(a_copy_from_another_day_gives_way_to_the_days_own_second_photo),
        cmocka_unit_test(too_many_visits_are_refused),
        cmocka_unit_test(the_expected_band_narrows_to_nothing_by_day_7),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
