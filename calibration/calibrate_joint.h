/* Tone curve, glare, fall-off and spectral response estimated together.
 *
 * After the right tone curve, glare and fall-off the 24 patch signals of a camera, brought to linear sRGB by
 * a matrix, are the reference colors plus a deviation that the camera's and lamp's spectra explain; its mean
 * and covariance come from response_prior.h. Generalized least squares over matrix and tone parameters, with
 * a relative noise level chosen by evidence (a developed photo follows the model only to some percent).
 * Private to calibration/; reentrant. */
#ifndef RUBOR_CALIBRATION_CALIBRATE_JOINT_H
#define RUBOR_CALIBRATION_CALIBRATE_JOINT_H

#include "calibration/calibrate_fit.h"
#include "calibration/calibration.h"
#include "calibration/response_prior.h"

typedef struct rubor_joint {
    double theta[RUBOR_FIT_PARAMETERS]; /* as in rubor_fit; the matrix leads to linear sRGB */
    double relative;                    /* noise of a patch signal as part of its mean */
    double chi2;                        /* per degree of freedom, at that noise */
    double precision[RUBOR_FIT_TONES * RUBOR_FIT_TONES]; /* of the tone parameters by the data alone */
} rubor_joint;

/* start: gives middle, low, high and the starting theta. relative 0: chosen by evidence. False when the
 * patches cannot carry it. */
bool rubor_joint_estimate(rubor_joint *out, const rubor_fit *start, const rubor_fit_patch *patches,
                          const rubor_response_prior *prior, double relative);
/* Lets fit's tone parameters be drawn to the joint estimate. */
void rubor_joint_anchor(rubor_fit *fit, const rubor_joint *joint);

/* Fills response, response_sd, response_residual and the response's share of the direction uncertainties of
 * out for the finished fit (whose tone and matrix out already holds). */
void rubor_joint_response(rubor_calibration *out, const rubor_fit *fit, const rubor_joint *joint,
                          const rubor_fit_patch *patches, const rubor_response_prior *prior);

/* Used by both parts of the implementation: the used signals' whitening at a noise level. */
typedef struct rubor_joint_system {
    int rows, index[RUBOR_PRIOR_SIGNALS]; /* row -> signal */
    double mean[RUBOR_PRIOR_SIGNALS];
    double
        factor[RUBOR_PRIOR_SIGNALS * RUBOR_PRIOR_SIGNALS]; /* Cholesky of covariance + noise, rows x rows */
} rubor_joint_system;

bool rubor_joint_system_init(rubor_joint_system *system, const rubor_fit_patch *patches,
                             const rubor_response_prior *prior, double relative);
/* jacobian[column][row], columns in order of theta; residual[row] = color - mean; neither whitened. */
void rubor_joint_linearize(double *residual, double (*jacobian)[RUBOR_PRIOR_SIGNALS],
                           const rubor_joint_system *system, const rubor_fit *fit,
                           const rubor_fit_patch *patches);

#endif
