/* Which cells are the treated region and which are untreated control. Internal to the analyzer.
 *
 * Given by the caller, carried over from the baseline by the alignment, or found: the region is then all
 * valid skin, the control whatever skin lies well outside a given region. Reentrant. */
#ifndef RUBOR_ANALYZER_REGION_H
#define RUBOR_ANALYZER_REGION_H

#include "analyzer/analyze.h"
#include "analyzer/change.h"

/* Fills change->region, change->control, change->control_known and record->region. registration NULL: no
 * baseline, or none that fits. */
rubor_status rubor_region_find(rubor_change *change, rubor_record *record,
                               const rubor_analyze_options *options, const rubor_frame *visit,
                               const rubor_frame *baseline, const rubor_registration *registration,
                               rubor_error *error);

#endif
