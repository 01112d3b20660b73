/* Records of one treatment session over its days: curves, landmarks and flags (DESIGN "Series").
 *
 * Pure function of its input; nothing to free; reentrant. Visits whose verdict is retake, or whose reference is not the
 * baseline, are kept in the list and left out of the curve. Of several photos of one day and view the best-graded
 * counts (ok before warn, then the narrower interval). */
#ifndef RUBOR_ANALYZER_SERIES_H
#define RUBOR_ANALYZER_SERIES_H

#include "analyzer/record.h"

enum { RUBOR_SERIES_VISITS = 512, RUBOR_SERIES_VIEWS = 16, RUBOR_SERIES_FLAGS = 64 };

typedef struct rubor_visit {
    int day;             /* RUBOR_DAY_BEFORE or 0..3650 */
    char view[64];
    const rubor_record *record; /* borrowed */
    bool in_curve;       /* out: used for the curve */
} rubor_visit;

typedef struct rubor_landmarks {
    double peak_day, half_life_days, resolved_day; /* NaN: not known (yet) */
} rubor_landmarks;

typedef struct rubor_series_flag {
    char code[RUBOR_CODE_SIZE]; /* persistent_redness, rebound, possible_pih, bruise_spreading, crusting,
                                   not_comparable */
    char view[64];
    int day;                    /* the first day at which it could be known */
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

#endif
