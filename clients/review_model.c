#include "clients/review_model.h"

#include "clients/json.h"
#include "clients/review_sentence.h"

#include <stdlib.h>
#include <string.h>

static json_t *landmarks_json(const rubor_landmarks *found)
{
    json_t *out = json_object();
    const struct {
        const char *key;
        const double *pair;
    } pairs[] = {{"half_life_interval95", found->half_life_interval95},
                 {"resolved_interval95", found->resolved_interval95}};
    bool whole = rubor_json_set(out, "peak_day", rubor_json_number(found->peak_day, 0)) &&
                 rubor_json_set(out, "half_life_days", rubor_json_number(found->half_life_days, 2)) &&
                 rubor_json_set(out, "resolved_day", rubor_json_number(found->resolved_day, 0));
    for (size_t i = 0; whole && i < 2; i++)
        whole = rubor_json_set(out, pairs[i].key,
                               json_pack("[o,o]", rubor_json_number(pairs[i].pair[0], 2),
                                         rubor_json_number(pairs[i].pair[1], 2)));
    if (whole)
        return out;
    json_decref(out);
    return NULL;
}

static json_t *series_json(const rubor_series *series)
{
    json_t *out = json_array();
    for (int i = 0; series && i < series->view_count; i++) {
        const rubor_series_view *view = &series->views[i];
        json_array_append_new(out, json_pack("{s:o,s:o,s:o}", "view", rubor_json_text(view->view), "redness",
                                             landmarks_json(&view->redness), "pigmentation",
                                             landmarks_json(&view->pigmentation)));
    }
    return out;
}

static json_t *flags_json(const rubor_series *series)
{
    json_t *out = json_array();
    for (int i = 0; series && i < series->flag_count; i++) {
        const rubor_series_flag *flag = &series->flags[i];
        json_array_append_new(out, json_pack("{s:o,s:o,s:o,s:o}", "code", rubor_json_text(flag->code), "view",
                                             rubor_json_text(flag->view), "day",
                                             flag->day >= 0 ? json_integer(flag->day) : json_null(), "message",
                                             rubor_json_text(flag->message)));
    }
    return out;
}

/* The record's own sections, unchanged; null where the job has no record. */
static bool add_record(json_t *visit, const rubor_record *record)
{
    static const char *const keys[] = {"reference", "quality",  "calibration", "skin", "registration",
                                       "redness",   "pigmentation", "findings",  "flags"};
    json_t *whole = record ? rubor_json_record(record) : NULL;
    bool done = !record || whole;
    for (size_t i = 0; done && i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = whole ? json_incref(json_object_get(whole, keys[i])) : json_null();
        done = rubor_json_set(visit, keys[i], value);
    }
    json_decref(whole);
    return done;
}

/* Those of the record's flags that are normal on this day. */
static json_t *usual_flags(const rubor_job_info *job)
{
    json_t *out = json_array();
    for (int i = 0; job->record && i < job->record->flag_count; i++)
        if (rubor_series_flag_is_usual(job->record->flags[i], job->day))
            json_array_append_new(out, rubor_json_text(job->record->flags[i]));
    return out;
}

/* The record's flags in words, in their order. */
static json_t *flag_words(const rubor_job_info *job)
{
    json_t *out = json_array();
    for (int i = 0; job->record && i < job->record->flag_count; i++) {
        char words[RUBOR_FLAG_WORDS_SIZE];
        rubor_review_flag(words, job->record->flags[i], job->day);
        json_array_append_new(out, rubor_json_text(words));
    }
    return out;
}

static json_t *visit_json(const rubor_job_info *job, const rubor_job_info *jobs, size_t job_count)
{
    char what[4 * RUBOR_SENTENCE_SIZE];
    rubor_review_sentence(what, sizeof what, job, jobs, job_count);
    bool before = job->day == RUBOR_DAY_BEFORE;
    json_t *visit = json_pack("{s:o,s:s,s:o,s:o,s:o,s:o,s:b}", "day", before ? json_null() : json_integer(job->day),
                              "phase", before ? "before" : "after", "view", rubor_json_text(job->view), "photo",
                              rubor_json_text(job->digest), "job", rubor_json_text(job->job), "state",
                              rubor_json_text(job->state), "in_curve", job->in_curve);
    const rubor_job_info *same = rubor_review_same_photo(job, jobs, job_count);
    if (visit && same)
        rubor_json_set(visit, "same_photo",
                       json_pack("{s:o,s:o,s:I}", "day", same->day == RUBOR_DAY_BEFORE ? json_null() : json_integer(same->day),
                                 "view", rubor_json_text(same->view), "submitted_ms", (json_int_t)same->submitted_ms));
    const rubor_record *record = job->record;
    if (visit && record && record->photo.width > 0 && record->photo.height > 0)
        rubor_json_set(visit, "size_px",
                       json_pack("[I,I]", (json_int_t)record->photo.width, (json_int_t)record->photo.height));
    bool done = visit && rubor_json_set(visit, "error", rubor_json_text(job->error)) && add_record(visit, job->record) &&
                rubor_json_set(visit, "what", rubor_json_text(what)) &&
                rubor_json_set(visit, "also_filed", rubor_json_text(job->also_filed)) &&
                rubor_json_set(visit, "usual_flags", usual_flags(job)) &&
                rubor_json_set(visit, "flag_words", flag_words(job)) &&
                rubor_json_set(visit, "submitted_ms", json_integer(job->submitted_ms));
    if (done)
        return visit;
    json_decref(visit);
    return NULL;
}

static json_t *treatment_json(const rubor_session_info *session)
{
    if (!session)
        return json_null();
    return json_pack("{s:o,s:o,s:o,s:o}", "date", rubor_json_text(session->date), "site",
                     rubor_json_text(session->site), "device", rubor_json_text(session->device), "needle_mm",
                     rubor_json_number(session->needle_mm, 2));
}

/* Points enough to draw the band as straight lines, however long the course: whoever draws it ends it with the axis. */
static json_t *expected_json(void)
{
    static const double days[] = {0, 1, 2, 3, 5, 7, RUBOR_DAY_LAST};
    json_t *out = json_array();
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        double low, high;
        rubor_series_expected(days[i], &low, &high);
        json_array_append_new(out, json_pack("{s:f,s:f,s:f}", "day", days[i], "low", low, "high", high));
    }
    return out;
}

/* By view, then day (before treatment first), then as they were submitted. */
static int compare_jobs(const void *left, const void *right)
{
    const rubor_job_info *a = left, *b = right;
    int views = strcmp(a->view, b->view);
    if (views != 0)
        return views;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

rubor_status rubor_review_model(json_t **out, rubor_reply *series, const rubor_session_info *session,
                                rubor_error *error)
{
    const rubor_job_info *first = series->job_count ? &series->jobs[0] : NULL; /* all are of one session */
    const char *patient = first ? first->patient : session ? session->patient : "";
    const char *name = first ? first->session : session ? session->session : "";
    if (series->job_count)
        qsort(series->jobs, series->job_count, sizeof *series->jobs, compare_jobs);
    json_t *days = json_array();
    bool whole = days != NULL;
    for (size_t i = 0; whole && i < series->job_count; i++)
        whole = json_array_append_new(days, visit_json(&series->jobs[i], series->jobs, series->job_count)) == 0;
    rubor_summary summary = series->summary;
    if (!series->series)
        rubor_summarize(&summary, NULL, NULL, 0);
    *out = json_pack("{s:o,s:o,s:o,s:{s:s,s:s},s:{s:s,s:s},s:o,s:o,s:o,s:o,s:s,s:i}", "patient", rubor_json_text(patient), "session",
                     rubor_json_text(name), "treatment", treatment_json(session), "rubor", "version", RUBOR_VERSION,
                     "algorithm", RUBOR_ALGORITHM, "summary", "urgency", summary.urgency, "headline", summary.headline, "days", days, "series", series_json(series->series), "flags",
                     flags_json(series->series), "expected", expected_json(), "expected_source",
                     RUBOR_SERIES_EXPECTED_SOURCE, "course_days", RUBOR_REVIEW_COURSE_DAYS);
    if (*out && whole)
        return RUBOR_OK;
    json_decref(*out);
    *out = NULL;
    return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the review");
}
