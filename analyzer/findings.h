/* What is told apart from diffuse redness: pinpoint bleeding, crust, bruise, shine, and what covers the skin.
 * Internal; reentrant. Ownership: rubor_findings_find allocates, rubor_findings_finish frees (NULL and zeroed
 * allowed). */
#ifndef RUBOR_ANALYZER_FINDINGS_H
#define RUBOR_ANALYZER_FINDINGS_H

#include "analyzer/change.h"

/* Values in the mask of small findings at working size. */
enum { RUBOR_FINDING_CRUST = 192, RUBOR_FINDING_PINPOINT = 255 };

typedef struct rubor_findings {
    rubor_mask spots;       /* working size: RUBOR_FINDING_... */
    rubor_mask bruise;      /* cells */
    rubor_mask cover;       /* cells: make-up; nothing of what lies below can be seen */
    rubor_mask cells;       /* union of all findings on the change grid, kept out of both scores */
    int64_t pinpoint_count; /* -1: not measured */
    int64_t crust_count;
    double crust_percent, bruise_percent, shine_percent, cover_percent; /* of the region; NaN: not measured */
    double
        light_drift; /* OD: how far a change that neither blood nor melanin makes runs across all skin; NaN */
} rubor_findings;

/* A bruise's color is gone two weeks after; an unknown day is below zero. */
enum { RUBOR_BRUISE_LAST_DAY = 14 };

/* Nothing measured but the shine. Without a baseline spots that the skin always had cannot be told from new
 * ones. */
rubor_status rubor_findings_none(rubor_findings *out, const rubor_change *change, const rubor_frame *visit,
                                 rubor_error *error);
/* Against an aligned baseline, after rubor_change_unmix. day as in rubor_analyze_options. */
rubor_status rubor_findings_find(rubor_findings *out, const rubor_change *change, const rubor_frame *visit,
                                 const rubor_frame *baseline, const rubor_registration *registration, int day,
                                 rubor_error *error);
/* Adds so many cells of the region's to shine_percent. */
void rubor_findings_add_shine(rubor_findings *findings, size_t cells, size_t region);
void rubor_findings_finish(rubor_findings *findings);

#endif
