#include "analyzer/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One-sided; see the header. */
static const double FLAG_Z = 4.0;
static const double REDNESS_SEEN_EI = 4.4; /* a delta a* of 2.8 */
static const int REDNESS_LAST_NORMAL_DAY = 7;
static const int CRUST_LAST_NORMAL_DAY = 7;
static const double CRUST_FLOOR_PERCENT = 1.0;
static const double BRUISE_FLOOR_PERCENT = 2.0;
static const int BRUISE_COMPLETE_DAY = 2;

/* One day's point of a curve. */
typedef struct point {
    int day;
    double value, sd;
    const rubor_record *record;
} point;

enum { POINTS_LAST = RUBOR_SERIES_VISITS };

static int verdict_rank(const char *verdict)
{
    return strcmp(verdict, "ok") == 0 ? 0 : strcmp(verdict, "warn") == 0 ? 1 : 2;
}

static double interval_width(const double interval[2])
{
    double width = interval[1] - interval[0];
    return isfinite(width) ? width : HUGE_VAL;
}

static bool can_be_in_curve(const rubor_visit *visit)
{
    const rubor_record *record = visit->record;
    return visit->day >= 0 && verdict_rank(record->quality.verdict) < 2 &&
           strcmp(record->reference, "baseline") == 0 && isfinite(record->redness.delta) &&
           !rubor_record_has_flag(record, "not_comparable");
}

/* By view, day, then the best photo of the day first. */
static int compare_visits(const void *one, const void *other)
{
    const rubor_visit *a = one, *b = other;
    int order = strcmp(a->view, b->view);
    if (order)
        return order;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    int usable_a = can_be_in_curve(a), usable_b = can_be_in_curve(b);
    if (usable_a != usable_b)
        return usable_b - usable_a;
    int rank_a = verdict_rank(a->record->quality.verdict), rank_b = verdict_rank(b->record->quality.verdict);
    if (rank_a != rank_b)
        return rank_a - rank_b;
    double width_a = interval_width(a->record->redness.delta_interval95);
    double width_b = interval_width(b->record->redness.delta_interval95);
    if (width_a != width_b)
        return width_a < width_b ? -1 : 1;
    return strcmp(a->record->photo.digest, b->record->photo.digest);
}

static size_t curve_of(point *out, const rubor_visit *visits, size_t count, bool pigment)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!visits[i].in_curve)
            continue;
        const rubor_score *score = pigment ? &visits[i].record->pigmentation : &visits[i].record->redness;
        double width = score->delta_interval95[1] - score->delta_interval95[0];
        if (!isfinite(score->delta) || !isfinite(width))
            continue;
        out[n++] = (point){visits[i].day, score->delta, width / (2 * 1.959964), visits[i].record};
    }
    return n;
}

/* Day at which the straight line from a to b meets level. */
static double crossing(const point *a, double value_a, const point *b, double value_b, double level)
{
    double span = value_a - value_b;
    return span > 0 ? a->day + (b->day - a->day) * (value_a - level) / span : b->day;
}

/* First day after the peak at which value + shift * sd has fallen to level; NaN if it never does. */
static double fall_to(const point *points, size_t count, size_t peak, double level, double shift)
{
    for (size_t i = peak + 1; i < count; i++) {
        double before = points[i - 1].value + shift * points[i - 1].sd;
        double now = points[i].value + shift * points[i].sd;
        if (now <= level)
            return crossing(&points[i - 1], fmax(before, level), &points[i], now, level);
    }
    return RUBOR_NULL;
}

/* First visit from which every later value + shift * sd stays at or below the floor; NaN if the last does
 * not. */
static double resolved_from(const point *points, size_t count, size_t peak, double floor_value, double shift)
{
    double day = RUBOR_NULL;
    for (size_t i = count; i-- > peak;) {
        if (points[i].value + shift * points[i].sd > floor_value)
            break;
        day = points[i].day;
    }
    return day;
}

static rubor_landmarks find_landmarks(const point *points, size_t count, double floor_value)
{
    rubor_landmarks out = {
        RUBOR_NULL, RUBOR_NULL, {RUBOR_NULL, RUBOR_NULL}, RUBOR_NULL, {RUBOR_NULL, RUBOR_NULL}};
    size_t peak = 0;
    for (size_t i = 1; i < count; i++)
        if (points[i].value > points[peak].value)
            peak = i;
    /* A curve that never leaves the floor has no peak, no half-life and nothing to resolve. */
    if (count == 0 || points[peak].value - 1.959964 * points[peak].sd <= 0 ||
        points[peak].value <= floor_value)
        return out;
    out.peak_day = points[peak].day;
    double half = points[peak].value / 2;
    out.half_life_days = fall_to(points, count, peak, half, 0) - out.peak_day;
    out.half_life_interval95[0] = fall_to(points, count, peak, half, -1.959964) - out.peak_day;
    out.half_life_interval95[1] = fall_to(points, count, peak, half, 1.959964) - out.peak_day;
    out.resolved_day = resolved_from(points, count, peak, floor_value, 0);
    out.resolved_interval95[0] = resolved_from(points, count, peak, floor_value, -1.959964);
    out.resolved_interval95[1] = resolved_from(points, count, peak, floor_value, 1.959964);
    return out;
}

static rubor_series_flag *raise_flag(rubor_series *out, const char *code, const char *view, int day)
{
    for (int i = 0; i < out->flag_count; i++)
        if (strcmp(out->flags[i].code, code) == 0 && strcmp(out->flags[i].view, view) == 0)
            return NULL; /* the first day it could be known stays */
    if (out->flag_count == RUBOR_SERIES_FLAGS)
        return NULL;
    rubor_series_flag *flag = &out->flags[out->flag_count++];
    snprintf(flag->code, sizeof flag->code, "%s", code);
    snprintf(flag->view, sizeof flag->view, "%s", view);
    flag->day = day;
    return flag;
}

static bool surely_above(const point *p, double floor_value)
{
    return p->value - FLAG_Z * p->sd > 0 && p->value > floor_value;
}

static void flag_persistent(rubor_series *out, const char *view, const point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* What was not there the visit before must be seen, not only measured: one bad photo is no redness. */
        bool new_redness = i > 0 && points[i - 1].value <= RUBOR_SERIES_REDNESS_FLOOR;
        double least = new_redness ? REDNESS_SEEN_EI : RUBOR_SERIES_REDNESS_FLOOR;
        if (points[i].day <= REDNESS_LAST_NORMAL_DAY || !surely_above(&points[i], least))
            continue;
        rubor_series_flag *flag = raise_flag(out, "persistent_redness", view, points[i].day);
        if (flag)
            snprintf(flag->message, sizeof flag->message,
                     "Redness is still above the photo before treatment on day %d (%.1f, at least %.1f); it "
                     "should be "
                     "gone within 7 days.",
                     points[i].day, points[i].value, points[i].value - 1.959964 * points[i].sd);
    }
}

/* A rise from the lowest point since the peak, after a fall that was itself sure. */
static void flag_rebound(rubor_series *out, const char *view, const point *points, size_t count)
{
    size_t top = 0, low = 0;
    for (size_t i = 1; i < count; i++) {
        const point *now = &points[i], *lowest = &points[low];
        double rise = now->value - lowest->value, rise_sd = hypot(now->sd, lowest->sd);
        double fall = points[top].value - lowest->value, fall_sd = hypot(points[top].sd, lowest->sd);
        if (low > top && fall > FLAG_Z / 2 * fall_sd && rise > FLAG_Z * rise_sd && rise > RUBOR_SERIES_REDNESS_FLOOR) {
            rubor_series_flag *flag = raise_flag(out, "rebound", view, now->day);
            if (flag)
                snprintf(
                    flag->message, sizeof flag->message,
                    "Redness rose from day %d to day %d (by %.1f) by more than the measurement can explain.",
                    lowest->day, now->day, rise);
            return;
        }
        if (now->value > points[top].value)
            top = low = i;
        else if (now->value < lowest->value)
            low = i;
    }
}

static void flag_pih(rubor_series *out, const char *view, const point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (points[i].day < RUBOR_PIH_FIRST_DAY || !surely_above(&points[i], RUBOR_SERIES_PIGMENT_FLOOR))
            continue;
        rubor_series_flag *flag = raise_flag(out, "possible_pih", view, points[i].day);
        if (flag)
            snprintf(flag->message, sizeof flag->message,
                     "The treated skin is darker than before treatment on day %d (%.1f, at least %.1f), too "
                     "late for "
                     "crust or bruise: possible pigmentation.",
                     points[i].day, points[i].value, points[i].value - 1.959964 * points[i].sd);
    }
}

static void flag_crusting(rubor_series *out, const char *view, const point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double crust = points[i].record->findings.crust_percent;
        if (points[i].day <= CRUST_LAST_NORMAL_DAY || !(crust > CRUST_FLOOR_PERCENT))
            continue;
        rubor_series_flag *flag = raise_flag(out, "crusting", view, points[i].day);
        if (flag)
            snprintf(flag->message, sizeof flag->message,
                     "Crust still covers %.1f %% of the region on day %d; it is usually gone by day 6.", crust,
                     points[i].day);
    }
}

/* A bruise of the treatment is there within two days and is largest then; one that is much larger later has spread. What
 * turns up later where there was none, at first or the visit before, is crust, pigment or another injury. */
static void flag_bruise(rubor_series *out, const char *view, const point *points, size_t count)
{
    double first = 0;
    for (size_t i = 0; i < count; i++) {
        double now = points[i].record->findings.bruise_percent;
        if (i == 0 || points[i].day <= BRUISE_COMPLETE_DAY) {
            first = fmax(first, now); /* fmax passes over NaN */
            continue;
        }
        bool stayed = points[i - 1].record->findings.bruise_percent > BRUISE_FLOOR_PERCENT;
        if (!stayed || !(first > BRUISE_FLOOR_PERCENT) || !(now > 1.5 * first + BRUISE_FLOOR_PERCENT))
            continue;
        rubor_series_flag *flag = raise_flag(out, "bruise_spreading", view, points[i].day);
        if (flag)
            snprintf(flag->message, sizeof flag->message,
                     "The bruised area grew from %.1f %% in the first days to %.1f %% on day %d.", first, now,
                     points[i].day);
    }
}

static bool day_is_in_curve(const rubor_visit *visits, size_t count, int day)
{
    for (size_t i = 0; i < count; i++)
        if (visits[i].in_curve && visits[i].day == day)
            return true;
    return false;
}

/* A photo to be taken again speaks for itself, and a day that another photo stands for lacks nothing. */
static bool lacks_comparison(const rubor_visit *visits, size_t count, size_t i)
{
    return rubor_record_has_flag(visits[i].record, "not_comparable") &&
           verdict_rank(visits[i].record->quality.verdict) < 2 && !day_is_in_curve(visits, count, visits[i].day);
}

static void flag_not_comparable(rubor_series *out, const char *view, const rubor_visit *visits, size_t count)
{
    size_t first = 0, more = 0;
    while (first < count && !lacks_comparison(visits, count, first))
        first++;
    for (size_t i = first + 1; i < count; i++)
        more += lacks_comparison(visits, count, i);
    rubor_series_flag *flag =
        first < count ? raise_flag(out, "not_comparable", view, visits[first].day) : NULL;
    if (flag && visits[first].day == RUBOR_DAY_BEFORE)
        snprintf(flag->message, sizeof flag->message,
                 "The photo before treatment cannot be compared safely; see its quality sentence.");
    else if (flag && more)
        snprintf(flag->message, sizeof flag->message,
                 "The photo of day %d and %zu more cannot be compared safely with the one before treatment; see "
                 "their quality sentences. They are not in the curve.",
                 visits[first].day, more);
    else if (flag)
        snprintf(flag->message, sizeof flag->message,
                 "The photo of day %d cannot be compared safely with the one before treatment; see its "
                 "quality sentence. It is not in the curve.",
                 visits[first].day);
}

/* One file under two days: one of them was filed wrongly, and neither can be trusted. */
static void set_aside_copies(rubor_series *out, rubor_visit *visits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++) {
            const char *one = visits[i].record->photo.digest, *other = visits[k].record->photo.digest;
            if (visits[i].day == visits[k].day || !one[0] || strcmp(one, other) != 0)
                continue;
            visits[i].in_curve = visits[k].in_curve = false;
            rubor_series_flag *flag = raise_flag(out, "same_photo", visits[k].view, visits[k].day);
            if (flag && visits[i].day == RUBOR_DAY_BEFORE)
                snprintf(flag->message, sizeof flag->message,
                         "Day %d and the day before treatment have the very same photo: one was filed wrongly.",
                         visits[k].day);
            else if (flag)
                snprintf(flag->message, sizeof flag->message,
                         "Days %d and %d have the very same photo: one was filed wrongly; neither is in the curve.",
                         visits[i].day, visits[k].day);
        }
}

/* Of each day the best photo that can be in the curve and was not set aside. */
static void choose_for_curve(rubor_visit *visits, size_t count)
{
    bool taken = false;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || visits[i].day != visits[i - 1].day)
            taken = false;
        visits[i].in_curve = visits[i].in_curve && !taken;
        taken = taken || visits[i].in_curve;
    }
}

static void analyze_view(rubor_series *out, rubor_visit *visits, size_t count, point *points)
{
    const char *view = visits[0].view;
    rubor_series_view *summary = &out->views[out->view_count++];
    snprintf(summary->view, sizeof summary->view, "%s", view);
    for (size_t i = 0; i < count; i++)
        visits[i].in_curve = can_be_in_curve(&visits[i]);
    set_aside_copies(out, visits, count);
    choose_for_curve(visits, count);
    size_t n = curve_of(points, visits, count, false);
    summary->redness = find_landmarks(points, n, RUBOR_SERIES_REDNESS_FLOOR);
    flag_persistent(out, view, points, n);
    flag_rebound(out, view, points, n);
    flag_crusting(out, view, points, n);
    flag_bruise(out, view, points, n);
    n = curve_of(points, visits, count, true);
    summary->pigmentation = find_landmarks(points, n, RUBOR_SERIES_PIGMENT_FLOOR);
    flag_pih(out, view, points, n);
    flag_not_comparable(out, view, visits, count);
}

rubor_status rubor_series_analyze(rubor_series *out, rubor_visit *visits, size_t visit_count,
                                  rubor_error *error)
{
    memset(out, 0, sizeof *out);
    if (visit_count > RUBOR_SERIES_VISITS)
        return rubor_error_set(error, RUBOR_TOO_LARGE, "a session of %zu photos is over the limit of %d",
                               visit_count, RUBOR_SERIES_VISITS);
    if (visit_count == 0)
        return RUBOR_OK;
    qsort(visits, visit_count, sizeof *visits, compare_visits);
    point *points = calloc(POINTS_LAST, sizeof *points);
    if (!points)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a curve of %zu visits", visit_count);
    rubor_status status = RUBOR_OK;
    for (size_t begin = 0, end; begin < visit_count; begin = end) {
        for (end = begin + 1; end < visit_count && strcmp(visits[end].view, visits[begin].view) == 0;)
            end++;
        if (out->view_count == RUBOR_SERIES_VIEWS) {
            status = rubor_error_set(error, RUBOR_TOO_LARGE, "a session of more than %d views",
                                     RUBOR_SERIES_VIEWS);
            break;
        }
        analyze_view(out, visits + begin, end - begin, points);
    }
    free(points);
    return status;
}

bool rubor_series_flag_is_usual(const char *code, int day)
{
    return strcmp(code, "crusting") == 0 && day >= 0 && day <= CRUST_LAST_NORMAL_DAY;
}

bool rubor_series_flag_is_about_photos(const char *code)
{
    return strcmp(code, "not_comparable") == 0 || strcmp(code, "same_photo") == 0;
}

void rubor_series_expected(double day, double *low, double *high)
{
    static const struct {
        double day, low, high;
    } band[] = {{0, 1.0, 1.0}, {1, 0.25, 1.0}, {2, 0.05, 0.75}, {3, 0.0, 0.5}, {5, 0.0, 0.2}, {7, 0.0, 0.05}};
    const size_t last = sizeof band / sizeof band[0] - 1;
    if (day >= band[last].day) {
        *low = band[last].low;
        *high = band[last].high;
        return;
    }
    size_t i = 0;
    while (i + 1 < last && day > band[i + 1].day)
        i++;
    double t = (fmax(day, 0) - band[i].day) / (band[i + 1].day - band[i].day);
    *low = band[i].low + t * (band[i + 1].low - band[i].low);
    *high = band[i].high + t * (band[i + 1].high - band[i].high);
}
