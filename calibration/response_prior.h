/* What effective responses (camera x lamp, after the best matrix) look like: a Gaussian over the three
 * calibrated channels, computed from the tabulated cameras and lamps, with lamps mixed in pairs and thermal
 * radiators added.
 *
 * Each camera-lamp pair is first brought to linear sRGB by the matrix that fits the 24 patches best; what a
 * matrix inside the camera did cancels there. 108 numbers: R, G, B channel, 36 wavelengths each. Private to
 * calibration/, tests and benchmarks. A built prior is immutable. */
#ifndef RUBOR_CALIBRATION_RESPONSE_PRIOR_H
#define RUBOR_CALIBRATION_RESPONSE_PRIOR_H

#include "calibration/chart.h"
#include "calibration/spectra.h"

enum {
    RUBOR_PRIOR_RESPONSE = 3 * RUBOR_SPECTRUM_SAMPLES,
    RUBOR_PRIOR_SIGNALS = 3 * RUBOR_CHART_PATCHES /* patch-major: 3 * patch + channel */
};

typedef struct rubor_response_prior {
    double mean[RUBOR_PRIOR_RESPONSE];
    double covariance[RUBOR_PRIOR_RESPONSE][RUBOR_PRIOR_RESPONSE];
    /* of the patch signals that such responses give */
    double signal_mean[RUBOR_PRIOR_SIGNALS];
    double signal_covariance[RUBOR_PRIOR_SIGNALS][RUBOR_PRIOR_SIGNALS];
    double cross[RUBOR_PRIOR_RESPONSE][RUBOR_PRIOR_SIGNALS]; /* response against signals */
} rubor_response_prior;

/* without: NULL, or names of cameras and lamps to leave out, separated by commas (for honest evaluation; a
 * camera name leaves out every camera whose name contains it). RUBOR_INVALID when nothing is left. */
rubor_status rubor_response_prior_build(rubor_response_prior *out, const char *without, rubor_error *error);
/* Built once from all tables, or without those named by the environment variable RUBOR_PRIOR_WITHOUT. */
const rubor_response_prior *rubor_response_prior_default(void);

/* Linear sRGB under D65 of the tabulated patch reflectances, perfect diffuser = 1. */
void rubor_patch_reference(double linear[RUBOR_CHART_PATCHES][3]);

#endif
