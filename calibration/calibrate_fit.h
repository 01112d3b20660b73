/* The color fit: from patch means to a tone curve per channel, veiling glare, light fall-off and a 3x3
 * matrix.
 *
 * Model of one patch, per channel c: e the sRGB-encoded value of the camera's linear light times scale (which
 * brings the chart's brightest to a usual exposure); y = e - contrast e (1 - e) (2 e - 1) takes back the
 * contrast curve that cameras' standard styles lay over sRGB; l = the sRGB curve of y; x = ln l - middle,
 * middle the mean of ln l over the used patches: tone_c(e) = exp(middle + (1 + gamma_c) x + k2 x^2 + k3 x^3)
 * (straight in log-log outside the patches) v_c       = (tone_c(l) - glare_c) * 10^-(falloff . position)
 *   color     = matrix v                                          (linear sRGB, D65, perfect diffuser = 1)
 * With the scale, and as a polynomial in ln l stays of its family when the exposure changes, the corrected
 * color does not depend on exposure.
 *
 * All parameters are estimated together by Levenberg-Marquardt on CIEDE2000 (as a three-component residual)
 * with a Gaussian prior on each, so that few patches lean on the prior instead of exploding. Private to
 * calibration/; reentrant. */
#ifndef RUBOR_CALIBRATION_CALIBRATE_FIT_H
#define RUBOR_CALIBRATION_CALIBRATE_FIT_H

#include "calibration/chart.h"

enum {
    RUBOR_FIT_MATRIX = 0,   /* 9 */
    RUBOR_FIT_GAMMA = 9,    /* common part, and two differences: R - mean, G - mean */
    RUBOR_FIT_CURVE = 12,   /* k2, k3 */
    RUBOR_FIT_GLARE = 14,   /* common part; two differences: R - mean, G - mean */
    RUBOR_FIT_FALLOFF = 17, /* log10 of relative light per patch pitch, x and y */
    RUBOR_FIT_CONTRAST = 19,
    RUBOR_FIT_PARAMETERS = 20,
    RUBOR_FIT_TONE = 9, /* where everything but the matrix begins, and how much it is */
    RUBOR_FIT_TONES = RUBOR_FIT_PARAMETERS - RUBOR_FIT_TONE,
    RUBOR_FIT_MIN_PATCHES = 6
};

typedef struct rubor_fit_patch {
    double linear[3];  /* sRGB-decoded camera values, > 0 */
    double encoded[3]; /* the same, sRGB-encoded at the usual scale: by rubor_fit_prepare */
    double weight;     /* 0: not used */
    double x, y;       /* pitches from the chart's center */
} rubor_fit_patch;

typedef struct rubor_fit {
    double theta[RUBOR_FIT_PARAMETERS];
    double middle; /* mean ln l of the used patches */
    double scale, log_scale;
    double low, high; /* x outside of which the tone curve goes on straight in log-log */
    double cost;      /* half the sum of squared residuals, priors included */
    double covariance[RUBOR_FIT_PARAMETERS * RUBOR_FIT_PARAMETERS]; /* posterior, if asked for */
    /* What another estimate says of the parameters after the matrix, as a quadratic about tone_at:
     * gradient . d + d' precision d / 2 (all zero: nothing). */
    double tone_at[RUBOR_FIT_TONES], tone_gradient[RUBOR_FIT_TONES];
    double tone_precision[RUBOR_FIT_TONES * RUBOR_FIT_TONES];
} rubor_fit;

/* All arrays hold 24 patches. Fills encoded from linear of all patches, used or not. */
void rubor_fit_prepare(rubor_fit_patch *patches);
/* A starting point (least squares in linear light) from the patches with
 * weight > 0. */
rubor_status rubor_fit_start(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference_d50,
                             rubor_error *error);
/* Improves fit in place until a step gains less than tolerance of the cost. */
void rubor_fit_improve(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference_d50,
                       double tolerance);
/* Fills fit->covariance at the present theta. */
void rubor_fit_covariance(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference_d50);

/* tone of channel at linear (sRGB-decoded camera value), before glare. */
double rubor_fit_tone(const rubor_fit *fit, int channel, double linear);
double rubor_fit_glare(const rubor_fit *fit, int channel); /* >= 0 */
/* Corrected color of one patch; values may leave 0..1. v (may be NULL): before the matrix. */
void rubor_fit_color(double color[3], double v[3], const rubor_fit *fit, const rubor_fit_patch *patch);

/* d color / d theta of one patch. */
void rubor_fit_jacobian(double out[3][RUBOR_FIT_PARAMETERS], const rubor_fit *fit,
                        const rubor_fit_patch *patch);
/* Mean and standard deviation of the prior of a parameter after the matrix, index RUBOR_FIT_TONE.. */
double rubor_fit_prior_mean(int parameter);
double rubor_fit_prior_sd(int parameter);

/* Rounds to 22 significant bits: the last bits of an iteration depend on the CPU's math library, these do
 * not. */
double rubor_settled(double value);

/* Residual whose Euclidean length is CIEDE2000. */
void rubor_delta_e2000_vector(double out[3], rubor_lab one, rubor_lab other);

#endif
