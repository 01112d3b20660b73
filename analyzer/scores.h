/* Scores, deltas, grades and their intervals (DESIGN 4; docs/MEASUREMENT.md "Scores"). Internal; reentrant.
 */
#ifndef RUBOR_ANALYZER_SCORES_H
#define RUBOR_ANALYZER_SCORES_H

#include "analyzer/change.h"
#include "analyzer/findings.h"
#include "analyzer/masks.h"
#include "analyzer/record.h"
#include "analyzer/uncertainty.h"

/* full scale of the two scores, in printed units */
#define RUBOR_REDNESS_FULL 40.0
#define RUBOR_PIGMENT_FULL 30.0

/* Fills record->redness and record->pigmentation (areas included). */
rubor_status rubor_scores_fill(rubor_record *record, const rubor_change *change, const rubor_masks *masks,
                               const rubor_findings *findings, const rubor_uncertainty *uncertainty,
                               rubor_error *error);

#endif
