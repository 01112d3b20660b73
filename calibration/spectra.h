/* Tabulated spectra, 380..730 nm by 10 nm (36 samples), each with its source in spectra.c and
 * calibration/tables/README.md: facts, used by the response estimate and by the sample renderer. Immutable.
 */
#ifndef RUBOR_CALIBRATION_SPECTRA_H
#define RUBOR_CALIBRATION_SPECTRA_H

#include <stddef.h>

enum { RUBOR_SPECTRUM_SAMPLES = 36, RUBOR_SPECTRUM_FIRST_NM = 380, RUBOR_SPECTRUM_STEP_NM = 10 };

typedef struct rubor_spectrum {
    const char *name;
    float value[RUBOR_SPECTRUM_SAMPLES];
} rubor_spectrum;

typedef struct rubor_camera_sensitivity {
    const char *name;
    float value[3][RUBOR_SPECTRUM_SAMPLES]; /* R, G, B, peak of the largest = 1 */
} rubor_camera_sensitivity;

const float (*rubor_cie1931_cmf(void))[RUBOR_SPECTRUM_SAMPLES]; /* [3][36]: xbar, ybar, zbar */
size_t rubor_illuminant_count(void);
const rubor_spectrum *rubor_illuminant(size_t index);             /* "A", "D50", ... "LED-RGB1" */
const rubor_spectrum *rubor_illuminant_by_name(const char *name); /* NULL if unknown */
size_t rubor_camera_count(void);
const rubor_camera_sensitivity *rubor_camera(size_t index);
const rubor_camera_sensitivity *rubor_camera_by_name(const char *name);
const rubor_spectrum *rubor_chart_reflectance(size_t patch); /* 24, average of 30 charts */

/* Absorption, 1/cm: melanosome, bloodless skin, oxygenated whole blood at 150 g/L. */
const rubor_spectrum *rubor_absorption_melanosome(void);
const rubor_spectrum *rubor_absorption_skin_baseline(void);
const rubor_spectrum *rubor_absorption_oxyblood(void);
/* Measured OD change between red and pale sites of one person, 1 at 580 nm (docs/MEASUREMENT.md). */
const rubor_spectrum *rubor_hemoglobin_change_shape(void);
/* How differently blood changes measured people's skin: principal components of the deviations of 13 pairs of
 * sites from the assumed shape, each a standard deviation, OD x 100 per unit of EI (docs/MEASUREMENT.md
 * "Uncertainty"). index below RUBOR_HEMOGLOBIN_SPREADS. */
enum { RUBOR_HEMOGLOBIN_SPREADS = 3 };
const rubor_spectrum *rubor_hemoglobin_change_spread(size_t index);
/* OD of measured skins beyond the model of calibration/skin_model.h: where its melanin is 0, and per unit of
 * it. */
const rubor_spectrum *rubor_skin_rest(void);
const rubor_spectrum *rubor_skin_rest_per_melanin(void);

#endif
