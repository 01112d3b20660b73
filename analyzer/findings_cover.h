/* Make-up, cream or whatever else hides the skin's own color. Internal to findings.c; reentrant. */
#ifndef RUBOR_ANALYZER_FINDINGS_COVER_H
#define RUBOR_ANALYZER_FINDINGS_COVER_H

#include "analyzer/findings.h"

/* How the visit's color follows the baseline's mottling. Zeroed before use; rubor_mottling_finish frees. */
typedef struct rubor_mottling {
    bool known; /* untreated skin shows enough of it */
    rubor_plane both, before, now,
        inside; /* means over a window: products with and of either; can be judged */
    rubor_mask untreated;
    double kept, spread, noise, rest; /* of untreated skin: see learn() in findings_cover.c */
} rubor_mottling;

/* Fills findings->cover and cover_percent, and adds the covered cells to findings->cells (allocated).
 * cover_percent is NaN where too little untreated skin shows how much of the mottling this pair keeps. */
rubor_status rubor_findings_cover(rubor_findings *findings, rubor_mottling *mottling,
                                  const rubor_change *change, rubor_error *error);
/* After the bruises were found: what of them is cover is counted as such. */
rubor_status rubor_findings_cover_bruise(rubor_findings *findings, const rubor_mottling *mottling,
                                         const rubor_change *change, rubor_error *error);
void rubor_mottling_finish(rubor_mottling *mottling);

#endif
