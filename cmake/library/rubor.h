/* librubor: one photo, a visit against its baseline, or a course, measured in this process. Start at
 * analyzer/analyze.h (rubor_analyze) and analyzer/series.h (rubor_series_analyze); protocol/ is for clients of the
 * broker. Photos are decoded here, without a sandbox: give strangers' photos to the service instead.
 * The ABI may change with each minor version before 1.0. */
#ifndef RUBOR_H
#define RUBOR_H

#include "analyzer/analyze.h"
#include "analyzer/series.h"
#include "protocol/messages.h"
#include "protocol/worker_wire.h"

#endif
