/* A whole course in one line, for a reader of ten seconds: how urgent it is, a headline, and what about the skin stands out.
 * Pure function of its input; reentrant. */
#ifndef RUBOR_ANALYZER_SUMMARY_H
#define RUBOR_ANALYZER_SUMMARY_H

#include "analyzer/series.h"

/* Kept summaries are made again when this changes: raise the number when the words or rules below change and the
 * algorithm does not. */
#define RUBOR_SUMMARY_RULES RUBOR_ALGORITHM "/1"

enum { RUBOR_HEADLINE_SIZE = 96, RUBOR_SIGNS_SIZE = 128 };

typedef struct rubor_summary {
    char urgency[8]; /* "none": nothing to do; "care": not all is known, or slower than usual; "look": a clinician should; "": not
                        known */
    char headline[RUBOR_HEADLINE_SIZE];
    char signs[RUBOR_SIGNS_SIZE]; /* "rebound on day 5, possible pih on day 21"; "": none */
    char rules[RUBOR_CODE_SIZE];  /* RUBOR_SUMMARY_RULES of who made it */
} rubor_summary;

/* A photo of the session, measured or not. */
typedef struct rubor_course_photo {
    int day; /* RUBOR_DAY_BEFORE or 0..3650 */
    const char *view;
    const rubor_record *record; /* borrowed; NULL: none (yet) */
    bool in_curve, failed;      /* failed: it could not be measured */
} rubor_course_photo;

/* series: of these photos; NULL where there are none. */
void rubor_summarize(rubor_summary *out, const rubor_series *series, const rubor_course_photo *photos, size_t count);
/* 0: not known, 1: none, 2: care, 3: look. */
int rubor_urgency_rank(const char *urgency);

#endif
