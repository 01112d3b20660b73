/* Highlights that only one of the two photos has. Internal to findings.c; reentrant. */
#ifndef RUBOR_ANALYZER_FINDINGS_SHINE_H
#define RUBOR_ANALYZER_FINDINGS_SHINE_H

#include "analyzer/findings.h"

/* Adds such cells to findings->cells. A highlight adds the lamp's white w to all channels (dichromatic
 * reflection, Shafer 1985); from the local ratio t of blue to red of the skin, w = (blue - t red) / (1 - t).
 * Where only the baseline has it, skin reads darker than before, and on dark skin as pigment; where only the
 * visit has it, brighter, and it counts in shine_percent. Needs change's maps. */
rubor_status rubor_findings_shine(rubor_findings *findings, const rubor_change *change, rubor_error *error);

#endif
