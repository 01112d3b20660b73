/* Shine of the baseline that the visit no longer shows. Internal to findings.c; reentrant. */
#ifndef RUBOR_ANALYZER_FINDINGS_SHINE_H
#define RUBOR_ANALYZER_FINDINGS_SHINE_H

#include "analyzer/findings.h"

/* Adds such cells to findings->cells. A highlight adds the lamp's white w to all channels (dichromatic
 * reflection, Shafer 1985); from the local ratio t of blue to red of the skin, w = (blue - t red) / (1 - t).
 * Where it lay on the baseline and is gone at the visit, skin reads darker than before, and on dark skin as
 * pigment. */
rubor_status rubor_findings_lost_shine(rubor_findings *findings, const rubor_change *change,
                                       rubor_error *error);

#endif
