/* What only shows against the baseline: light whose color or strength runs across the frame otherwise than
 * before (a window, a second lamp), a treated region that is hidden, a lamp mirrored on it, softer skin,
 * another distance. Internal to the analyzer; thresholds in quality_pair.c beside the table they were chosen
 * from (docs/MEASUREMENT.md "Quality gate"). Reentrant. */
#ifndef RUBOR_ANALYZER_QUALITY_PAIR_H
#define RUBOR_ANALYZER_QUALITY_PAIR_H

#include "analyzer/change.h"
#include "analyzer/findings.h"
#include "analyzer/record.h"

typedef struct rubor_quality_pair {
    /* change->light, region minus control: OD_G - OD_R (units of EI) and OD_R (x100). Without control or with
     * too little untreated skin NaN, and half of what the light runs across all skin (x100). */
    double color_drift, shade_drift;
    double region_measured; /* share of the drawn region that is measurable, 0..1; NaN: none was drawn */
    double control_measured; /* likewise of the drawn control */
    double shine_percent;   /* of the region: the findings', or red brighter than before; may be NaN */
    double cover_percent;   /* of the region: make-up; NaN: cannot be told */
    double skin_blur_px; /* see rubor_quality_pair_blur; NaN also where the baseline's skin is soft itself */
} rubor_quality_pair;

/* Defocus of the visit's skin, px of an image of 1,200 px across: what is left of the structure that the
 * aligned baseline shows, which the noise of neither photo can feign (quality_skin.c). NaN: too little skin
 * in common. */
void rubor_quality_pair_blur(double *blur_px, const rubor_frame *visit, const rubor_frame *baseline,
                             const rubor_registration *registration);

/* baseline and registration: NULL within one frame; then only what the region itself says is measured. */
void rubor_quality_pair_measure(rubor_quality_pair *out, const rubor_change *change,
                                const rubor_findings *findings, const rubor_frame *visit,
                                const rubor_frame *baseline, const rubor_registration *registration, int day);
void rubor_quality_pair_judge(rubor_record *record, const rubor_quality_pair *pair);
/* A visit with a baseline that gave no number is never presented as good. */
void rubor_quality_judge_nothing(rubor_record *record);

/* Before the alignment, which refuses what is far from the baseline's scale. Silent without two scales. */
void rubor_quality_judge_distance(rubor_record *record, const rubor_frame *visit,
                                  const rubor_frame *baseline);

#endif
