/* Blood under the skin. Internal to findings.c; reentrant. */
#ifndef RUBOR_ANALYZER_FINDINGS_BRUISE_H
#define RUBOR_ANALYZER_FINDINGS_BRUISE_H

#include "analyzer/findings.h"

/* Fills findings->bruise (allocated, zeroed), bruise_percent and light_drift, and adds the bruise to findings->cells. Spots
 * and cover must have been found. day as in rubor_analyze_options. */
rubor_status rubor_findings_bruise(rubor_findings *findings, const rubor_change *change, bool calibrated,
                                   int day, rubor_error *error);

#endif
