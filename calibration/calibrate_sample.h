/* Patch means from the pixels of a photo. Private to calibration/; reentrant. */
#ifndef RUBOR_CALIBRATION_CALIBRATE_SAMPLE_H
#define RUBOR_CALIBRATION_CALIBRATE_SAMPLE_H

#include "calibration/calibration.h"

/* 24 patches each. Fills linear, noise and use (USED, CLIPPED or COVERED) of every patch. Reads the working
 * image, or a closer crop of bytes when patches are only a few working pixels wide. linear_reference: the
 * chart's colors in linear sRGB, used to tell a clipped plateau from two patches of the same color. */
rubor_status rubor_patches_sample(rubor_patch *patches, const rubor_chart_location *location,
                                  const rubor_photo_info *info, const rubor_image_encoded *working,
                                  rubor_bytes bytes, const double (*linear_reference)[3], rubor_error *error);

#endif
