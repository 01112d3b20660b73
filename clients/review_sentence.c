#include "clients/review_sentence.h"

#include "clients/clock.h"

#include <limits.h>
#include <math.h>
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

bool rubor_review_flag_is_about_photos(const char *code)
{
    return is(code, "not_comparable") || is(code, "same_photo");
}

/* ---- the headline ---- */

static bool in_view(const rubor_job_info *job, const char *view)
{
    return job->in_curve && job->record && is(job->view, view);
}

/* Whether the latest redness of this view lies above the usual course by more than its interval and what an
 * eye sees. */
static bool fades_slowly(const rubor_reply *series, const char *view)
{
    const rubor_job_info *last = NULL;
    double first = 0, low, high;
    for (size_t i = 0; i < series->job_count; i++) {
        const rubor_job_info *job = &series->jobs[i];
        if (!in_view(job, view))
            continue;
        if (job->day <= 1)
            first = fmax(first, job->record->redness.delta);
        if (!last || job->day > last->day)
            last = job;
    }
    if (!last || first <= 0)
        return false;
    rubor_series_expected(last->day, &low, &high);
    return last->record->redness.delta_interval95[0] >
           high * first + RUBOR_SERIES_REDNESS_FLOOR; /* false for NaN */
}

rubor_urgency rubor_review_headline(const char **text, const rubor_reply *series)
{
    bool lacks = false, look = false, slow = false, unsafe = false, undrawn = false;
    size_t retakes = 0, kept_before = 0; /* of all photos: to be taken again, usable before treatment */
    int earliest = INT_MAX, latest = -1;
    const rubor_series *found = series->series;
    for (int i = 0; found && i < found->flag_count; i++) {
        bool about_photos = rubor_review_flag_is_about_photos(found->flags[i].code);
        lacks = lacks || about_photos;
        unsafe = unsafe || is(found->flags[i].code, "not_comparable");
        look = look || !about_photos;
    }
    for (size_t i = 0; i < series->job_count; i++) {
        const rubor_job_info *job = &series->jobs[i];
        bool retake = job->record && is(job->record->quality.verdict, "retake");
        retakes += retake;
        kept_before += job->day == RUBOR_DAY_BEFORE && job->record && !retake;
        lacks = lacks || is(job->state, "failed") || is(job->state, "quarantined") || retake;
        if (!job->in_curve)
            continue;
        undrawn = undrawn || (job->record && no_region(job->record));
        latest = job->day > latest ? job->day : latest;
        earliest = job->day < earliest ? job->day : earliest;
    }
    for (int i = 0; found && i < found->view_count; i++)
        slow = slow || fades_slowly(series, found->views[i].view);
    bool no_day = series->job_count && kept_before == series->job_count;
    *text = look                   ? "Needs a clinician’s look."
            : no_day               ? "Only the photo before treatment is there."
            : series->job_count && retakes == series->job_count ? "No photo could be used: each must be taken again."
            : slow                 ? "Redness fades more slowly than usual."
            : latest < 0 && unsafe ? "No day can be compared safely with the photo before treatment."
            : latest < 0           ? "No day can be compared with a photo before treatment yet."
            : undrawn            ? "Nothing unusual in the mean of all skin: the treated region is not drawn."
            : lacks              ? "Nothing unusual was measured, but not every photo counts."
            : latest == 0        ? "The recovery has only begun."
            : earliest == latest ? "Only one day can be compared so far."
                                 : "Recovery looks as expected.";
    bool care = slow || (latest < 0 && !no_day) || (undrawn && !no_day) || lacks;
    return look ? RUBOR_URGENCY_LOOK : care ? RUBOR_URGENCY_CARE : RUBOR_URGENCY_NONE;
}
