#include "analyzer/summary.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the headline is chosen by. */
typedef struct findings {
    bool look;                           /* a flag about the skin */
    bool lacks;                          /* not every photo counts */
    bool slow;                           /* redness lies above the usual course */
    bool unsafe, undrawn;                /* not comparable; no region is drawn */
    size_t photos, retakes, kept_before; /* kept_before: usable, before treatment */
    int earliest, latest;                /* days in the curve; latest -1: none */
} findings;

static bool must_be_taken_again(const rubor_record *record)
{
    return record && strcmp(record->quality.verdict, "retake") == 0;
}

/* Whether the latest redness of this view lies above the usual course by more than its interval and what an
 * eye sees. */
static bool fades_slowly(const rubor_course_photo *photos, size_t count, const char *view)
{
    const rubor_course_photo *last = NULL;
    double first = 0, low, high;
    for (size_t i = 0; i < count; i++) {
        const rubor_course_photo *photo = &photos[i];
        if (!photo->in_curve || !photo->record || strcmp(photo->view, view) != 0)
            continue;
        if (photo->day <= 1)
            first = fmax(first, photo->record->redness.delta);
        if (!last || photo->day > last->day)
            last = photo;
    }
    if (!last || first <= 0)
        return false;
    rubor_series_expected(last->day, &low, &high);
    return last->record->redness.delta_interval95[0] >
           high * first + RUBOR_SERIES_REDNESS_FLOOR; /* false for NaN */
}

static void look_at_photos(findings *f, const rubor_course_photo *photos, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const rubor_course_photo *photo = &photos[i];
        bool retake = must_be_taken_again(photo->record);
        f->retakes += retake;
        f->kept_before += photo->day == RUBOR_DAY_BEFORE && photo->record && !retake;
        f->lacks = f->lacks || photo->failed || retake;
        if (!photo->in_curve)
            continue;
        f->undrawn = f->undrawn || (photo->record && strcmp(photo->record->region.source, "skin") == 0);
        f->latest = photo->day > f->latest ? photo->day : f->latest;
        f->earliest = photo->day < f->earliest ? photo->day : f->earliest;
    }
}

static const char *headline_of(const findings *f)
{
    return f->look                                   ? "Needs a clinician’s look."
           : !f->photos                              ? "No photo has come yet."
           : f->kept_before == f->photos             ? "Only the photo before treatment is there."
           : f->retakes == f->photos                 ? "No photo could be used: each must be taken again."
           : f->slow                                 ? "Redness fades more slowly than usual."
           : f->latest < 0 && f->unsafe              ? "No day can be compared safely with the photo before treatment."
           : f->latest < 0                           ? "No day can be compared with a photo before treatment yet."
           : f->undrawn                              ? "Nothing unusual in the mean of all skin: the treated region is not drawn."
           : f->lacks                                ? "Nothing unusual was measured, but not every photo counts."
           : f->latest == 0                          ? "The recovery has only begun."
           : f->earliest == f->latest                ? "Only one day can be compared so far."
                                                     : "Recovery looks as expected.";
}

static void add_sign(rubor_summary *out, const rubor_series_flag *flag)
{
    size_t used = strlen(out->signs);
    int size = snprintf(out->signs + used, sizeof out->signs - used, "%s%s on day %d", used ? ", " : "", flag->code, flag->day);
    if (size < 0 || (size_t)size >= sizeof out->signs - used)
        out->signs[used] = '\0'; /* whole ones only */
    for (char *at = out->signs + used; *at; at++)
        if (*at == '_')
            *at = ' ';
}

void rubor_summarize(rubor_summary *out, const rubor_series *series, const rubor_course_photo *photos, size_t count)
{
    findings f = {.photos = count, .earliest = INT_MAX, .latest = -1};
    memset(out, 0, sizeof *out);
    for (int i = 0; series && i < series->flag_count; i++) {
        bool about_photos = rubor_series_flag_is_about_photos(series->flags[i].code);
        f.lacks = f.lacks || about_photos;
        f.unsafe = f.unsafe || strcmp(series->flags[i].code, "not_comparable") == 0;
        f.look = f.look || !about_photos;
        if (!about_photos)
            add_sign(out, &series->flags[i]);
    }
    look_at_photos(&f, photos, count);
    for (int i = 0; series && i < series->view_count; i++)
        f.slow = f.slow || fades_slowly(photos, count, series->views[i].view);
    bool only_before = count && f.kept_before == count;
    bool care = f.slow || f.lacks || (!only_before && (f.latest < 0 || f.undrawn));
    snprintf(out->urgency, sizeof out->urgency, "%s", f.look ? "look" : care ? "care" : "none");
    snprintf(out->headline, sizeof out->headline, "%s", headline_of(&f));
    snprintf(out->rules, sizeof out->rules, "%s", RUBOR_SUMMARY_RULES);
}

int rubor_urgency_rank(const char *urgency)
{
    static const char *const ranks[] = {"", "none", "care", "look"};
    for (int i = 3; i > 0; i--)
        if (strcmp(urgency, ranks[i]) == 0)
            return i;
    return 0;
}
