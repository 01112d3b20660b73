/* The spectral skin model behind the directions: OD(nm) = a + m melanin(nm) + h hemoglobin(nm) + rest(nm, m).
 *
 * melanin: absorption of melanosomes (Jacques), an epidermal filter, 1 at 550 nm; hemoglobin: the measured
 * shape of calibration/spectra.h, 1 at 580 nm; a: everything flat;
 * rest: what these leave of measured skins, on average over skins as dark (m). Without it light skin is
 * steeper within a channel than the model, and new melanin on it reads as redness. Private to calibration/;
 * reentrant. */
#ifndef RUBOR_CALIBRATION_SKIN_MODEL_H
#define RUBOR_CALIBRATION_SKIN_MODEL_H

#include "calibration/spectra.h"

/* Spectral weights of the reference observer: linear sRGB channels under D65, each with sum 1 so that the
 * perfect diffuser reads 1. Weights may be negative. */
void rubor_reference_observer(double weights[3][RUBOR_SPECTRUM_SAMPLES]);

/* Melanin OD shape, 1 at 550 nm: absorption falling as nm^-3.33 (Jacques). */
void rubor_melanin_shape(double shape[RUBOR_SPECTRUM_SAMPLES]);

/* OD shape of a hemoglobin change, 1 at 580 nm: the measured shape is one man's, the 0.38th power of
 * oxygenated blood's absorption comes close to it but keeps more of the red; the best guess is a quarter of
 * the way. */
void rubor_hemoglobin_shape(double shape[RUBOR_SPECTRUM_SAMPLES]);

/* Reflectance of skin that channels with these weights read as color (linear); NULL: medium skin. The three
 * unknowns are found by damped least squares in log light with wide priors, so an impossible color gives the
 * nearest plausible skin. */
void rubor_skin_reflectance(double reflectance[RUBOR_SPECTRUM_SAMPLES],
                            const double weights[3][RUBOR_SPECTRUM_SAMPLES], const double color[3]);

/* Slope of each channel's OD for a small spectral OD change of this shape. */
void rubor_od_slopes(double slopes[3], const double weights[3][RUBOR_SPECTRUM_SAMPLES],
                     const double reflectance[RUBOR_SPECTRUM_SAMPLES],
                     const double shape[RUBOR_SPECTRUM_SAMPLES]);

#endif
