/* labels: fast */
/* What one line says of a whole course. */
#include "analyzer/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4 };

typedef struct course {
    rubor_course_photo photos[MOST];
    rubor_record records[MOST];
    size_t count;
    rubor_summary summary;
} course;

static int setup(void **state)
{
    *state = calloc(1, sizeof(course));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* In the queue still, unless it failed. */
static void unmeasured(course *c, int day, bool failed)
{
    c->photos[c->count++] = (rubor_course_photo){day, "front", NULL, false, failed};
}

static rubor_record *measured(course *c, int day, bool in_curve)
{
    rubor_record *record = &c->records[c->count];
    rubor_record_init(record);
    c->photos[c->count++] = (rubor_course_photo){day, "front", record, in_curve, false};
    return record;
}

static void redness(course *c, int day, double ei)
{
    rubor_record *record = measured(c, day, true);
    record->redness.delta = ei;
    record->redness.delta_interval95[0] = ei - 1;
    record->redness.delta_interval95[1] = ei + 1;
}

/* With these flags of the series, by comma, raised on days 5, 6, ... */
static void says(course *c, const char *flags, const char *urgency, const char *words)
{
    rubor_series *series = calloc(1, sizeof *series);
    assert_non_null(series);
    series->view_count = 1;
    snprintf(series->views[0].view, sizeof series->views[0].view, "front");
    for (size_t size; *flags; flags += size + (flags[size] == ',')) {
        rubor_series_flag *flag = &series->flags[series->flag_count];
        size = strcspn(flags, ",");
        snprintf(flag->code, sizeof flag->code, "%.*s", (int)size, flags);
        flag->day = 5 + series->flag_count++;
    }
    rubor_summarize(&c->summary, series, c->photos, c->count);
    free(series);
    assert_string_equal(c->summary.urgency, urgency);
    if (!strstr(c->summary.headline, words))
        fail_msg("\"%s\" does not say \"%s\"", c->summary.headline, words);
}

static void the_worst_is_told_first(void **state)
{
    course *c = *state;
    says(c, "", "care", "No photo has come yet.");
    unmeasured(c, 0, false);
    says(c, "", "care", "No day can be compared with a photo before treatment yet");
    says(c, "not_comparable", "care", "compared safely");
    c->count = 0;
    redness(c, 0, 20);
    says(c, "", "none", "only begun");
    redness(c, 3, 6);
    says(c, "", "none", "as expected");
    says(c, "not_comparable", "care", "not every photo counts");
    redness(c, 5, 15);
    says(c, "not_comparable", "care", "more slowly");
    says(c, "rebound", "look", "clinician");
}

static void what_is_about_the_skin_stands_beside_the_headline_whole_or_not_at_all(void **state)
{
    course *c = *state;
    redness(c, 0, 20);
    says(c, "rebound,not_comparable,possible_pih", "look", "clinician");
    assert_string_equal(c->summary.signs, "rebound on day 5, possible pih on day 7");
    says(c, "bruise_spreading,persistent_redness,bruise_spreading,persistent_redness,bruise_spreading", "look", "clinician");
    assert_string_equal(c->summary.signs, "bruise spreading on day 5, persistent redness on day 6, bruise spreading on day 7, "
                                          "persistent redness on day 8");
}

static void a_photo_that_failed_keeps_it_from_saying_all_is_well(void **state)
{
    course *c = *state;
    redness(c, 0, 20);
    redness(c, 3, 6);
    unmeasured(c, 4, false);
    says(c, "", "none", "as expected");
    c->photos[2].failed = true;
    says(c, "", "care", "not every photo counts");
}

static void without_a_drawn_region_it_does_not_say_all_is_well(void **state)
{
    course *c = *state;
    redness(c, 0, 20);
    redness(c, 3, 6);
    snprintf(c->records[1].region.source, sizeof c->records[1].region.source, "skin");
    says(c, "", "care", "not drawn");
    snprintf(c->records[1].region.source, sizeof c->records[1].region.source, "baseline");
    says(c, "", "none", "as expected");
}

static void before_the_first_day_after_treatment_nothing_is_amiss(void **state)
{
    course *c = *state;
    measured(c, RUBOR_DAY_BEFORE, false);
    says(c, "", "none", "Only the photo before treatment is there.");
    measured(c, 1, false);
    says(c, "", "care", "No day can be compared");
}

static void photos_that_must_all_be_taken_again_are_said_to_be(void **state)
{
    course *c = *state;
    rubor_record_reason(measured(c, RUBOR_DAY_BEFORE, false), "retake", "too_small", "Larger.");
    rubor_record_reason(measured(c, 1, false), "retake", "too_small", "Larger.");
    says(c, "", "care", "No photo could be used: each must be taken again.");
}

static void one_later_day_alone_is_not_called_as_expected(void **state)
{
    course *c = *state;
    redness(c, 3, 6);
    says(c, "", "none", "Only one day");
}

static void urgencies_are_ranked_and_an_unknown_one_is_last(void **state)
{
    (void)state;
    assert_true(rubor_urgency_rank("look") > rubor_urgency_rank("care"));
    assert_true(rubor_urgency_rank("care") > rubor_urgency_rank("none"));
    assert_true(rubor_urgency_rank("none") > rubor_urgency_rank("soon"));
    assert_int_equal(rubor_urgency_rank(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_worst_is_told_first),
        TEST(what_is_about_the_skin_stands_beside_the_headline_whole_or_not_at_all),
        TEST(a_photo_that_failed_keeps_it_from_saying_all_is_well),
        TEST(without_a_drawn_region_it_does_not_say_all_is_well),
        TEST(before_the_first_day_after_treatment_nothing_is_amiss),
        TEST(photos_that_must_all_be_taken_again_are_said_to_be),
        TEST(one_later_day_alone_is_not_called_as_expected),
        TEST(urgencies_are_ranked_and_an_unknown_one_is_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
