/* Records of one treatment session over its days: curves, landmarks and flags (DESIGN "Series").
 *
 * Pure function of its input; nothing to free; reentrant. Visits whose verdict is retake, whose reference is
 * not the baseline, or which are not comparable (another light, no calibration) are kept in the list and left
 * out of the curve, its landmarks and its flags. Of several photos of one day and view the best-graded counts
 * (ok before warn, then the narrower interval).
 *
 * Flags keep the false alarms near one in a thousand treatments: each is a one-sided test at z = 4 (p = 3e-5)
 * on at most about 30 pairs or days, and must clear a floor below which a change is too small to be seen. */
#ifndef RUBOR_ANALYZER_SERIES_H
#define RUBOR_ANALYZER_SERIES_H

#include "analyzer/analyze.h"

enum { RUBOR_SERIES_VISITS = 512, RUBOR_SERIES_VIEWS = 16, RUBOR_SERIES_FLAGS = 64 };

/* Below these a change cannot be seen: delta_ei 4.4 goes with a delta a* of 2.8, about one just noticeable step;
 * delta_mi 2 is 4.5 % less red light, a delta L* of about 1. In units of delta_ei and delta_mi. */
#define RUBOR_SERIES_REDNESS_FLOOR 2.0
#define RUBOR_SERIES_PIGMENT_FLOOR 2.0

typedef struct rubor_visit {
    int day; /* RUBOR_DAY_BEFORE or 0..3650 */
    char view[64];
    const rubor_record *record; /* borrowed */
    bool in_curve;              /* out: used for the curve */
} rubor_visit;

/* NaN: not known (yet). An interval's end is NaN where the visits do not bound it. */
typedef struct rubor_landmarks {
    double peak_day;
    double half_life_days, half_life_interval95[2]; /* from the peak, linear between visits */
    double resolved_day, resolved_interval95[2]; /* first visit from which nothing above the floor is left */
} rubor_landmarks;

typedef struct rubor_series_flag {
    char code[RUBOR_CODE_SIZE]; /* persistent_redness, rebound, possible_pih, bruise_spreading, crusting,
                                   not_comparable, same_photo */
    char view[64];
    int day; /* the first day at which it could be known */
    char message[RUBOR_SENTENCE_SIZE];
} rubor_series_flag;

typedef struct rubor_series_view {
    char view[64];
    rubor_landmarks redness, pigmentation;
} rubor_series_view;

typedef struct rubor_series {
    int view_count, flag_count;
    rubor_series_view views[RUBOR_SERIES_VIEWS];
    rubor_series_flag flags[RUBOR_SERIES_FLAGS];
} rubor_series;

/* visits is sorted in place by view, day and quality. RUBOR_TOO_LARGE beyond the enum's limits. */
rubor_status rubor_series_analyze(rubor_series *out, rubor_visit *visits, size_t visit_count,
                                  rubor_error *error);

/* Whether this flag of a record names something that is normal on that day: crusts until day 7. */
bool rubor_series_flag_is_usual(const char *code, int day);
/* Whether a flag of the series is about photos (not comparable, filed twice) and not about the skin. */
bool rubor_series_flag_is_about_photos(const char *code);

/* The expected share of the peak redness left on a day after treatment, as a band for the curve: mostly gone
 * in 24 to 72 hours, gone within 7 days (85 studies, 2,805 patients: transient events last at most 7 days).
 * day >= 0; fractions 0..1. */
void rubor_series_expected(double day, double *low, double *high);
/* Where the band comes from, for whoever sees it. */
#define RUBOR_SERIES_EXPECTED_SOURCE                                                                         \
    "drawn after 85 published studies of 2,805 patients, whose transient events lasted at most 7 days; not a percentile"

#endif
