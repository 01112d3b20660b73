/* Finding a 24-patch chart in a photo.
 *
 * Whole-photo search, no given position; all eight orientations (mirrors included) decided by color; a
 * refusal rather than a guess. RUBOR_NOT_FOUND: no chart. RUBOR_REFUSED: something like a chart that is not a
 * 24-patch ColorChecker, or one too unsure (the message names it). Reentrant. */
#ifndef RUBOR_CALIBRATION_CHART_FIND_H
#define RUBOR_CALIBRATION_CHART_FIND_H

#include "calibration/chart.h"
#include "imaging/photo.h"

/* working: the photo at working size; bytes: the encoded file, used to look closer at a crop (may be {0}: no
 * closer look). info gives the full size in whose pixels the location is answered. */
rubor_status rubor_chart_find(rubor_chart_location *out, const rubor_photo_info *info,
                              const rubor_image_encoded *working, rubor_bytes bytes, rubor_error *error);

/* Location from four corners given by hand (full-resolution pixels, order as in chart.h). The gaps are
 * measured in the image; RUBOR_INVALID for a degenerate or self-crossing quadrilateral. */
rubor_status rubor_chart_from_corners(rubor_chart_location *out, const rubor_point corners_px[4],
                                      const rubor_photo_info *info, const rubor_image_encoded *working,
                                      rubor_bytes bytes, rubor_error *error);

#endif
