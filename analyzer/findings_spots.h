/* New dark spots at working resolution. Internal to findings.c; reentrant. */
#ifndef RUBOR_ANALYZER_FINDINGS_SPOTS_H
#define RUBOR_ANALYZER_FINDINGS_SPOTS_H

#include "analyzer/findings.h"

/* Fills findings->spots (allocated, zeroed), the counts and crust_percent. */
rubor_status rubor_findings_spots(rubor_findings *findings, const rubor_change *change,
                                  const rubor_frame *visit, const rubor_frame *baseline,
                                  const rubor_registration *registration, rubor_error *error);

#endif
