/* How much redness, pigment and damage a treated skin shows on which day. Sources: docs/EVALUATION.md
 * "Samples". */
#ifndef RUBOR_SAMPLES_COURSE_H
#define RUBOR_SAMPLES_COURSE_H

#include "samples/numeric.h"

#include <stdbool.h>

typedef enum rubor_course_kind {
    RUBOR_COURSE_NORMAL,
    RUBOR_COURSE_PERSISTENT,
    RUBOR_COURSE_REBOUND,
    RUBOR_COURSE_PIH,
    RUBOR_COURSE_NONE,
    RUBOR_COURSE_SUNBURN,
    RUBOR_COURSE_BRUISE,
    RUBOR_COURSE_BRUISE_SPREADING,
    RUBOR_COURSE_MAKEUP
} rubor_course_kind;

typedef struct rubor_course {
    const char *name;
    rubor_course_kind kind;
} rubor_course;

/* Drawn once per treatment. */
typedef struct rubor_course_amounts {
    double redness; /* delta_ei on day 0 */
    double decay_days;
    double plateau;           /* share of redness that stays (persistent) or comes back (rebound) */
    double pigment;           /* largest delta_mi of PIH */
    double pinpoints, crusts; /* counts at their peak */
    double sunburn;           /* delta_ei of all skin, control included, at its peak */
    double bruise;            /* 0..1 */
} rubor_course_amounts;

/* Means over the region (findings: shares of the counts drawn). */
typedef struct rubor_course_day {
    double delta_ei, delta_mi; /* of the treatment */
    double everywhere_ei;      /* on all skin */
    double pinpoint_share, crust_share;
    double bruise_new, bruise_old, bruise_size; /* strengths 0..1; size as a factor */
    double makeup;                              /* opacity 0..1 */
    double shine;                               /* serum: added to the usual shine, factor */
} rubor_course_day;

extern const rubor_course rubor_courses[];
extern const int rubor_course_count;

const rubor_course *rubor_course_by_name(const char *name); /* NULL if unknown */
void rubor_course_draw(rubor_course_amounts *out, rubor_random *random);
/* day -1: before. */
void rubor_course_on_day(rubor_course_day *out, const rubor_course *course,
                         const rubor_course_amounts *amounts, int day);

#endif
