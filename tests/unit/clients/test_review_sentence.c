/* labels: fast */
#include "clients/review_sentence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4 };

typedef struct session {
    rubor_job_info jobs[MOST];
    rubor_record records[MOST];
    size_t count;
} session;

static int setup(void **state)
{
    *state = calloc(1, sizeof(session));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static rubor_job_info *file(session *s, int day, const char *job_state)
{
    rubor_job_info *job = &s->jobs[s->count++];
    job->day = day;
    job->sequence = (int64_t)s->count;
    snprintf(job->view, sizeof job->view, "front");
    snprintf(job->digest, sizeof job->digest, "%064d", (int)s->count);
    snprintf(job->state, sizeof job->state, "%s", job_state);
    return job;
}

static rubor_record *measured(session *s, int day, const char *reference)
{
    rubor_record *record = &s->records[s->count];
    rubor_record_init(record);
    snprintf(record->reference, sizeof record->reference, "%s", reference);
    rubor_job_info *job = file(s, day, "done");
    job->record = record;
    job->in_curve = strcmp(reference, "baseline") == 0;
    return record;
}

static void says(const session *s, size_t job, const char *wanted)
{
    char text[800];
    rubor_review_sentence(text, sizeof text, &s->jobs[job], s->jobs, s->count);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
}

static void a_failed_photo_says_why(void **state)
{
    session *s = *state;
    snprintf(file(s, 3, "failed")->error, RUBOR_ERROR_MESSAGE_SIZE, "the JPEG ends early");
    snprintf(file(s, 4, "quarantined")->error, RUBOR_ERROR_MESSAGE_SIZE, "the worker died");
    s->jobs[0].status = RUBOR_CORRUPT;
    says(s, 0, "Could not be measured: the JPEG ends early. Take the photo again.");
    s->jobs[0].status = RUBOR_INVALID;
    says(s, 0, "Could not be measured: the JPEG ends early.");
    says(s, 1, "Set aside");
    says(s, 1, "the worker died");
}

static void a_photo_in_the_queue_waits_and_one_being_measured_says_so(void **state)
{
    session *s = *state;
    file(s, 0, "queued");
    file(s, 1, "running");
    file(s, 2, "queued")->attempts = 2;
    file(s, 3, "canceled");
    says(s, 0, "Waiting to be measured.");
    says(s, 1, "Being measured");
    says(s, 2, "again");
    says(s, 3, "canceled");
}

static void a_photo_to_retake_gives_the_operators_sentence(void **state)
{
    session *s = *state;
    rubor_record_reason(measured(s, 2, "baseline"), "retake", "blurred", "Hold still.");
    s->jobs[0].in_curve = false;
    says(s, 0, "Take it again: Hold still.");
}

static void a_visit_without_baseline_says_what_became_of_it(void **state)
{
    session *s = *state;
    measured(s, 1, "within_frame");
    says(s, 0, "no photo before treatment was filed for the view front");
    file(s, RUBOR_DAY_BEFORE, "running");
    says(s, 0, "still being measured");
    s->count--;
    rubor_record_reason(measured(s, RUBOR_DAY_BEFORE, "within_frame"), "retake", "blurred", "Hold still.");
    says(s, 0, "could not be used");
    s->count--;
    measured(s, RUBOR_DAY_BEFORE, "within_frame");
    says(s, 0, "will be measured against");
}

static void a_visit_left_out_of_the_curve_says_why(void **state)
{
    session *s = *state;
    rubor_record_flag(measured(s, 1, "baseline"), "not_comparable");
    s->jobs[0].in_curve = false;
    says(s, 0, "not safely comparable");
    says(s, 0, "light");
    rubor_record_reason(&s->records[0], "warn", "lighting_changed", "Use the same lamp.");
    says(s, 0, "Use the same lamp.");
    measured(s, 5, "baseline");
    snprintf(s->jobs[1].digest, sizeof s->jobs[1].digest, "%s", s->jobs[0].digest);
    s->jobs[0].submitted_ms = INT64_C(1767000000000); /* 2025-12-29 */
    s->jobs[1].submitted_ms = INT64_C(1767600000000); /* 2026-01-05 */
    s->jobs[1].in_curve = false;
    says(s, 0, "the very same photo is filed under day 5 as well (sent 2026-01-05)");
    says(s, 1, "the very same photo was already filed under day 1 (sent 2025-12-29)");
    measured(s, 1, "baseline");
    says(s, 0, "a better photo of this day");
}

static void a_photo_that_another_patient_has_too_says_so(void **state)
{
    session *s = *state;
    measured(s, 1, "baseline");
    snprintf(s->jobs[0].also_filed, sizeof s->jobs[0].also_filed, "another patient, sent 2026-01-05");
    says(s, 0, "Measured against the photo before treatment. The very same photo is also filed under another patient, sent 2026-01-05.");
    measured(s, 2, "baseline");
    snprintf(s->jobs[1].digest, sizeof s->jobs[1].digest, "%s", s->jobs[0].digest);
    s->jobs[0].in_curve = false; /* of the same session there is a sentence of its own */
    char text[800];
    rubor_review_sentence(text, sizeof text, &s->jobs[0], s->jobs, s->count);
    assert_null(strstr(text, "another patient"));
}

static void a_flag_that_is_normal_on_its_day_is_told_so_in_the_same_words_everywhere(void **state)
{
    (void)state;
    char words[RUBOR_FLAG_WORDS_SIZE];
    rubor_review_flag(words, "crusting", 3);
    assert_string_equal(words, "crusting (normal now)");
    rubor_review_flag(words, "crusting", 12);
    assert_string_equal(words, "crusting");
    rubor_review_flag(words, "not_comparable", RUBOR_DAY_UNKNOWN);
    assert_string_equal(words, "not comparable");
}

static void the_latest_usable_photo_before_treatment_is_the_one_compared_with(void **state)
{
    session *s = *state;
    measured(s, RUBOR_DAY_BEFORE, "within_frame");
    measured(s, RUBOR_DAY_BEFORE, "within_frame");
    rubor_record_reason(measured(s, RUBOR_DAY_BEFORE, "within_frame"), "retake", "blurred", "Hold still.");
    says(s, 0, "A later photo");
    says(s, 1, "The days are compared with this photo.");
    says(s, 2, "Take it again");
}

static void a_measured_visit_says_so_and_a_warning_is_not_kept_back(void **state)
{
    session *s = *state;
    measured(s, 1, "baseline");
    rubor_record_reason(measured(s, 2, "baseline"), "warn", "glare", "Turn the lamp.");
    says(s, 0, "Measured against the photo before treatment.");
    says(s, 1, "with care: Turn the lamp.");
}

static void a_short_buffer_is_not_overrun(void **state)
{
    session *s = *state;
    char text[12];
    rubor_record_reason(measured(s, 2, "baseline"), "retake", "blurred", "Hold still.");
    rubor_review_sentence(text, sizeof text, &s->jobs[0], s->jobs, s->count);
    assert_int_equal(strlen(text), sizeof text - 1);
}

static void a_visit_without_a_drawn_region_says_what_that_hides(void **state)
{
    session *s = *state;
    rubor_record *record = measured(s, 3, "baseline");
    snprintf(record->region.source, sizeof record->region.source, "skin");
    says(s, 0, "No treated region is drawn");
    snprintf(record->region.source, sizeof record->region.source, "baseline");
    says(s, 0, "Measured against the photo before treatment.");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_visit_without_a_drawn_region_says_what_that_hides),
        TEST(a_failed_photo_says_why),
        TEST(a_photo_in_the_queue_waits_and_one_being_measured_says_so),
        TEST(a_photo_to_retake_gives_the_operators_sentence),
        TEST(a_visit_without_baseline_says_what_became_of_it),
        TEST(a_photo_that_another_patient_has_too_says_so),
        TEST(a_flag_that_is_normal_on_its_day_is_told_so_in_the_same_words_everywhere),
        TEST(a_visit_left_out_of_the_curve_says_why),
        TEST(the_latest_usable_photo_before_treatment_is_the_one_compared_with),
        TEST(a_measured_visit_says_so_and_a_warning_is_not_kept_back),
        TEST(a_short_buffer_is_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
