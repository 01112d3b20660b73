/* From chart patches to color: tone curve, veiling glare, light fall-off, color matrix, spectral gain.
 *
 * What every number means: docs/MEASUREMENT.md. All color is linear light relative to the perfect diffuser;
 * OD = -log10(linear). EI = 100 (OD_G - OD_R), MI = 100 OD_R (Takiwaki/Yamamoto form), as a D65 reference
 * observer in linear sRGB reads them.
 *
 * A rubor_calibration is a plain value: copy it freely, nothing to free. Thread rule: immutable once made. */
#ifndef RUBOR_CALIBRATION_CALIBRATION_H
#define RUBOR_CALIBRATION_CALIBRATION_H

#include "calibration/chart_find.h"

typedef enum rubor_calibration_status {
    RUBOR_CALIBRATION_NONE = 0,
    RUBOR_CALIBRATION_CHART = 1,
    RUBOR_CALIBRATION_PROFILE = 2
} rubor_calibration_status;

typedef enum rubor_patch_use {
    RUBOR_PATCH_USED = 0,
    RUBOR_PATCH_CLIPPED,  /* a channel at the encoding's limit */
    RUBOR_PATCH_SHADOWED, /* far darker than its neighbors explain */
    RUBOR_PATCH_COVERED,  /* not one flat color */
    RUBOR_PATCH_OUTLIER
} rubor_patch_use;

typedef struct rubor_patch {
    rubor_patch_use use;
    double linear[3];    /* mean over the patch, camera linear (sRGB curve removed), before correction */
    double noise[3];     /* standard deviation of a pixel within the patch, same unit */
    double corrected[3]; /* calibrated linear sRGB D65 after everything */
    double delta_e2000;  /* corrected against the reference, D50; NaN for an unused patch */
} rubor_patch;

enum { RUBOR_TONE_KNOTS = 65, RUBOR_FLAT_COLUMNS = 32, RUBOR_FLAT_ROWS = 24 };

/* How a chromophore change looks in this photo: OD change of the calibrated channels R, G, B.
 * Divide: an OD change d is unmixed as d = h * hemoglobin + m * melanin; then delta_ei = h, delta_mi = m. */
typedef struct rubor_directions {
    double hemoglobin[3];   /* per 1.0 of delta_ei (printed units, x100) by the reference observer */
    double melanin[3];      /* per 1.0 of delta_mi */
    double hemoglobin_gain; /* apparent EI change / true, 1 = as the reference observer sees it */
    double melanin_gain;    /* apparent MI change / true */
    /* relative standard uncertainty of each gain: the response estimate, and skin that is not the model's */
    double hemoglobin_gain_sd, melanin_gain_sd;
    /* covariance of hemoglobin from one person to the next (what blood does to skin differs), row by row; in
     * its unit squared; not in hemoglobin_gain_sd */
    double hemoglobin_spread[9];
    /* how reference-observer OD moves: the same two directions for reflectance seen by the reference itself
     */
    double reference_hemoglobin[3], reference_melanin[3];
} rubor_directions;

typedef struct rubor_calibration {
    rubor_calibration_status status;

    /* chart evidence; all zero without a chart */
    rubor_chart_location location;
    char chart_type[32];
    rubor_chart_edition edition;
    rubor_patch patches[RUBOR_CHART_PATCHES];
    int patches_used;
    double delta_e2000_uncorrected, delta_e2000_fit_mean, delta_e2000_fit_max,
        delta_e2000_loo_mean; /* NaN: n/a */

    /* camera linear -> calibrated: v = tone[c](linear_c) - glare[c]; out = matrix * v, divided by the light
     * field when the flat field is known (profile) */
    float tone[3][RUBOR_TONE_KNOTS]; /* output at sRGB-encoded knots k / 64 of each channel, monotone */
    double glare[3];                 /* in the unit of tone's output, >= 0 */
    double glare_percent;            /* veiling glare as % of white; NaN where unknown */
    double glare_percent_sd;         /* NaN where unknown */
    double matrix[9];                /* camera -> linear sRGB D65, row-major */
    /* light fall-off over the chart: log10 of relative light = x * dx + y * dy per full-resolution pixel
     * about the chart center; reported, used for the patches, not applied to the photo */
    double falloff_log10_per_px[2];

    /* effective response of each camera channel (camera x lamp), estimated from the patches */
    bool response_known;
    float response[3][36];    /* 380..730 nm by 10 nm, for v above (before the matrix), unit: sum = white */
    float response_sd[3][36]; /* posterior standard deviation */
    double response_residual; /* chi-square per degree of freedom of the fit */
    double response_noise; /* how far the patches were allowed to be off, part of their signal, by evidence */
    /* covariance of the directions (below) that comes from the response and tone estimates, 3 x 3 each */
    double hemoglobin_covariance[9], melanin_covariance[9];

    double darkest; /* status NONE: light of the darkest of the photo, 0..1 (1 where unknown): bounds stray
                       light */

    double mm_per_px; /* full-resolution pixel, at the chart; NaN where unknown */
    double mm_per_px_sd;
    char profile_name[64];                           /* "" unless status is PROFILE */
    bool flat_known;                                 /* only with a profile */
    float flat[RUBOR_FLAT_ROWS][RUBOR_FLAT_COLUMNS]; /* relative light over the frame, mean 1; divided out */
} rubor_calibration;

typedef struct rubor_calibrate_options {
    const rubor_point *corners_px;  /* 4 points by hand, or NULL to search */
    rubor_chart_edition edition;    /* GUESS by default */
    const rubor_chart_table *table; /* a user's own values, or NULL */
} rubor_calibrate_options;

/* Calibrates from the chart in the photo. RUBOR_NOT_FOUND / RUBOR_REFUSED (*out then has status NONE and, if
 * a chart was located but could not be used, its location and patches). options may be NULL. */
rubor_status rubor_calibrate(rubor_calibration *out, const rubor_photo_info *info,
                             const rubor_image_encoded *working, rubor_bytes bytes,
                             const rubor_calibrate_options *options, rubor_error *error);

/* Status NONE: the sRGB curve and identity matrix, gains NaN. */
void rubor_calibration_none(rubor_calibration *out);

/* Light of the darkest thousandth of a photo's pixels (the brightest channel of each), 0..1 by the sRGB
 * curve: light that lies over the whole photo cannot be more. */
double rubor_calibration_darkest(const rubor_image_encoded *working);

/* Applies to the working image; out is initialized by this call. full_width/height place falloff. */
rubor_status rubor_calibration_apply(rubor_image_calibrated *out, const rubor_image_encoded *working,
                                     const rubor_calibration *calibration, rubor_error *error);

/* Directions for skin whose calibrated linear color is skin_linear (NULL: medium skin). With status NONE
 * the average camera's, weakened by the stray light that calibration->darkest and the skin allow, with a gain
 * sd of 0.20 and that light's. */
void rubor_calibration_directions(rubor_directions *out, const rubor_calibration *calibration,
                                  const double skin_linear[3]);

/* How much darker (OD of each calibrated channel) one reads the same skin than other does, for skin of this
 * calibrated linear color (NULL: medium skin): what the matrices, made on a chart's colors, leave of lamps and
 * cameras on skin, predicted from both effective responses. 0 where a response is not known. */
void rubor_calibration_offset(double od[3], const rubor_calibration *one, const rubor_calibration *other,
                              const double skin_linear[3]);

/* How differently two photos were lit, as one number: expected relative standard error of delta_ei that comes
 * from the difference of both effective responses beyond what the gains correct; 0 for the same lamp. */
double rubor_calibration_lighting_distance(const rubor_calibration *one, const rubor_calibration *other);

/* Builds the tables that all calibrations share (6 ms) and that the first would build otherwise: for a
 * process that forks one child for each. */
void rubor_calibration_prepare(void);

#endif
