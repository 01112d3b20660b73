/* A calibration for a person to judge: as the record's keys, patch by patch as JSON, and drawn over the
 * photo. */
#ifndef RUBOR_CLIENTS_CALIBRATION_VIEW_H
#define RUBOR_CLIENTS_CALIBRATION_VIEW_H

#include "analyzer/record.h"
#include "calibration/calibration.h"
#include "imaging/encode.h"
#include "imaging/photo.h"

#include <jansson.h>

/* Fills record->photo and record->calibration; the rest stays null. table: names of the patches. */
void rubor_calibration_to_record(rubor_record *record, const rubor_calibration *calibration,
                                 const rubor_photo_info *info, const rubor_image_encoded *working,
                                 rubor_bytes bytes);

/* [{name, use, corrected_lab, reference_lab, delta_e2000, center_px}] in chart order; NULL: out of memory. */
json_t *rubor_calibration_patches_json(const rubor_calibration *calibration, const rubor_chart_table *table);

/* "used", "clipped", "shadowed", "covered", "outlier". */
const char *rubor_patch_use_name(rubor_patch_use use);

/* The photo at working size with each patch outlined (green up to DeltaE2000 3, yellow up to 6, red above,
 * gray where not used), its measured color beside its reference, its DeltaE2000 written into it, and the
 * corners numbered 1 to 4 in the order of chart.h. Encoded as PNG. */
rubor_status rubor_calibration_draw(rubor_buffer *out, const rubor_calibration *calibration,
                                    const rubor_chart_table *table, const rubor_photo_info *info,
                                    const rubor_image_encoded *working, rubor_error *error);

/* The values that a calibration was fitted to: own when given, else of its edition. */
const rubor_chart_table *rubor_calibration_table(const rubor_calibration *calibration,
                                                 const rubor_chart_table *own);

#endif
