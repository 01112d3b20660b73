/* From colors to indices and chromophores. Internal to the analyzer; pure functions; reentrant.
 *
 * OD = -log10(linear), EI = 100 (OD_G - OD_R), MI = 100 OD_R. A change of OD between two photos of one place
 * is unmixed into a hemoglobin part (printed as the EI it causes) and a melanin part (printed as the MI it
 * causes) with the directions the photo's own calibration predicts. Method and sources: docs/MEASUREMENT.md
 * "Change". */
#ifndef RUBOR_ANALYZER_CHROMOPHORE_H
#define RUBOR_ANALYZER_CHROMOPHORE_H

#include "calibration/calibration.h"
#include "imaging/image.h"

/* Calibrated linear values below this are not told from zero: 0.1 % of the perfect diffuser. */
#define RUBOR_LINEAR_FLOOR 0.001f

/* delta_ei = sum ei[c] * dOD[c], delta_mi = sum mi[c] * dOD[c]; shade is what is common to all channels when
 * both chromophores and the light are free. */
typedef struct rubor_unmix {
    double ei[3], mi[3], shade[3];
} rubor_unmix;

/* Generalized least squares for two unknowns in three channels. covariance is what the OD change of the
 * channels may hold besides the two chromophores (noise, glare, light and pose, doubt about the directions):
 * symmetric, positive definite, OD squared, row-major. RUBOR_REFUSED when it is not, or when the directions
 * coincide. */
rubor_status rubor_unmix_solve(rubor_unmix *out, const double hemoglobin[3], const double melanin[3],
                               const double covariance[9], rubor_error *error);

/* EI and MI of the calibrated image, x100; NaN where skin is 0 or a channel is not above the floor. Outputs
 * are initialized by the call. */
rubor_status rubor_indices(rubor_plane *ei, rubor_plane *mi, const rubor_image_calibrated *image,
                           const rubor_mask *skin, rubor_error *error);

#endif
