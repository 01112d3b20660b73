#include "clients/review_sentence.h"

#include "clients/clock.h"

#include <stdio.h>
#include <string.h>

static bool is(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

static bool waits(const rubor_job_info *job)
{
    return is(job->state, "queued") || is(job->state, "running");
}

/* Adds the sentences of the quality gate, or otherwise when it has none. */
static void add_reasons(char *out, size_t size, const rubor_record *record, const char *otherwise)
{
    size_t used = strlen(out);
    for (int i = 0; i < record->quality.reason_count && used < size; i++) {
        snprintf(out + used, size - used, " %s", record->quality.reasons[i].message);
        used = strlen(out);
    }
    if (record->quality.reason_count == 0)
        snprintf(out + used, size - used, " %s", otherwise);
}

static void without_record(char *out, size_t size, const rubor_job_info *job)
{
    const char *why = job->error[0] ? job->error : "no reason was given";
    if (is(job->state, "queued"))
        snprintf(out, size, "Waiting to be measured%s.", job->attempts > 0 ? " again" : "");
    else if (is(job->state, "running"))
        snprintf(out, size, "Being measured now.");
    else if (is(job->state, "failed"))
        snprintf(out, size, "Could not be measured: %s.%s", why,
                 job->status == RUBOR_CORRUPT || job->status == RUBOR_UNSUPPORTED ||
                         job->status == RUBOR_TOO_LARGE
                     ? " Take the photo again."
                     : "");
    else if (is(job->state, "quarantined"))
        snprintf(
            out, size,
            "Set aside: measuring this photo failed again and again (%s). Take it again and tell who runs "
            "the service.",
            why);
    else if (is(job->state, "canceled"))
        snprintf(out, size, "Not measured: it was canceled.");
    else
        snprintf(out, size, "Not measured yet.");
}

/* Why a measured visit has no baseline: the contract's baseline is the latest photo before treatment of the
 * same view that need not be taken again. */
static void not_compared(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                         size_t count)
{
    const rubor_job_info *usable = NULL, *waiting = NULL, *refused = NULL;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].day != RUBOR_DAY_BEFORE || !is(jobs[i].view, job->view))
            continue;
        if (waits(&jobs[i]))
            waiting = &jobs[i];
        else if (jobs[i].record && !is(jobs[i].record->quality.verdict, "retake"))
            usable = &jobs[i];
        else
            refused = &jobs[i];
    }
    if (waiting)
        snprintf(out, size, "Not compared yet: the photo before treatment is still being measured.");
    else if (usable)
        snprintf(out, size, "Not compared yet: it will be measured against the photo before treatment.");
    else if (refused)
        snprintf(out, size, "Not compared: the photo before treatment could not be used.");
    else
        snprintf(out, size, "Not compared: no photo before treatment was filed for the view %s.", job->view);
}

static void baseline(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (jobs[i].day == RUBOR_DAY_BEFORE && is(jobs[i].view, job->view) &&
            jobs[i].sequence > job->sequence && jobs[i].record &&
            !is(jobs[i].record->quality.verdict, "retake")) {
            snprintf(out, size, "A later photo before treatment is used instead.");
            return;
        }
    snprintf(out, size, "The days are compared with this photo.");
    if (is(job->record->quality.verdict, "warn"))
        add_reasons(out, size, job->record, "Look at it before trusting the curve.");
}

static void day_name(char *out, size_t size, int day)
{
    if (day == RUBOR_DAY_BEFORE)
        snprintf(out, size, "before treatment");
    else
        snprintf(out, size, "day %d", day);
}

const rubor_job_info *rubor_review_same_photo(const rubor_job_info *job, const rubor_job_info *jobs, size_t count)
{
    const rubor_job_info *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (&jobs[i] != job && (jobs[i].day != job->day || !is(jobs[i].view, job->view)) &&
            is(jobs[i].digest, job->digest) && (!found || jobs[i].submitted_ms < found->submitted_ms))
            found = &jobs[i];
    return found;
}

static void left_out(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (&jobs[i] != job && jobs[i].in_curve && jobs[i].day == job->day && is(jobs[i].view, job->view)) {
            snprintf(out, size, "Measured, but a better photo of this day is in the curve.");
            return;
        }
    const rubor_job_info *same = rubor_review_same_photo(job, jobs, count);
    if (same && same->day != job->day) {
        char day[32], date[RUBOR_CLOCK_DATE_SIZE];
        day_name(day, sizeof day, same->day);
        rubor_clock_date(date, same->submitted_ms);
        snprintf(out, size, "Not in the curve: the very same photo %s filed under %s%s (sent %s); one of the two is wrong.",
                 same->submitted_ms <= job->submitted_ms ? "was already" : "is", day,
                 same->submitted_ms <= job->submitted_ms ? "" : " as well", date);
        return;
    }
    if (rubor_record_has_flag(job->record, "not_comparable")) {
        snprintf(out, size, "Measured, but not safely comparable, so not in the curve.");
        add_reasons(out, size, job->record,
                    "The light or the calibration differs from the photo before treatment.");
    } else {
        snprintf(out, size, "Not in the curve: the change could not be measured.");
        add_reasons(out, size, job->record, "Take the photo again.");
    }
}

/* Redness of a small region all but vanishes in the mean of all skin in the frame. */
static bool no_region(const rubor_record *record)
{
    return is(record->region.source, "skin");
}

void rubor_review_sentence(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                           size_t job_count)
{
    const rubor_record *record = job->record;
    if (!record) {
        without_record(out, size, job);
    } else if (is(record->quality.verdict, "retake")) {
        snprintf(out, size, "Take it again:");
        add_reasons(out, size, record, "it is not good enough to be measured.");
    } else if (job->day == RUBOR_DAY_BEFORE) {
        baseline(out, size, job, jobs, job_count);
    } else if (!is(record->reference, "baseline")) {
        not_compared(out, size, job, jobs, job_count);
    } else if (!job->in_curve) {
        left_out(out, size, job, jobs, job_count);
    } else if (is(record->quality.verdict, "warn")) {
        snprintf(out, size, "Measured, with care:");
        add_reasons(out, size, record, "the photo could be better.");
    } else {
        snprintf(out, size, "Measured against the photo before treatment.");
    }
    if (*job->also_filed && !rubor_review_same_photo(job, jobs, job_count) && strlen(out) + 1 < size)
        snprintf(out + strlen(out), size - strlen(out), " The very same photo is also filed under %s.", job->also_filed);
    if (record && job->in_curve && no_region(record) && strlen(out) + 1 < size)
        snprintf(out + strlen(out), size - strlen(out),
                 " No treated region is drawn: all skin was averaged, which hides what a part of it does.");
}

void rubor_review_flag(char out[RUBOR_FLAG_WORDS_SIZE], const char *code, int day)
{
    snprintf(out, RUBOR_FLAG_WORDS_SIZE, "%s%s", code, rubor_series_flag_is_usual(code, day) ? " (normal now)" : "");
    for (char *at = out; *at; at++)
        if (*at == '_')
            *at = ' ';
}
