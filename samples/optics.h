/* Skin over the visible spectrum, and what a lamp and a camera make of it.
 *
 * Layers: an epidermis that light crosses twice, OD_epi = 2 d (f mu_melanosome + (1 - f) mu_baseline) / ln
 * 10, over a dermis whose blood changes OD along the measured flat shape (docs/EVALUATION.md "Samples"). A measured
 * spectrum of the tone is the start; each pixel moves from it by m (melanin) and h (hemoglobin). Units: h =
 * 0.1 is +10 EI and m = 0.1 is +10 MI for the reference observer on this skin.
 *
 * Spectral sums are done once per table; a pixel is a bilinear look-up. Immutable once made. */
#ifndef RUBOR_SAMPLES_OPTICS_H
#define RUBOR_SAMPLES_OPTICS_H

#include "calibration/spectra.h"
#include "samples/numeric.h"
#include "samples/tones.h"

enum { RUBOR_OPTICS_M = 101, RUBOR_OPTICS_H = 81, RUBOR_OPTICS_N = RUBOR_SPECTRUM_SAMPLES };
#define RUBOR_OPTICS_M_FIRST (-0.40f)
#define RUBOR_OPTICS_M_STEP 0.0125f
#define RUBOR_OPTICS_H_FIRST (-0.20f)
#define RUBOR_OPTICS_H_STEP 0.01f

typedef struct rubor_skin_optics {
    double base[RUBOR_OPTICS_N];                        /* diffuse reflectance at m = h = 0 */
    double melanin[RUBOR_OPTICS_N];                     /* OD per unit m */
    double hemoglobin[RUBOR_OPTICS_N];                  /* OD per unit h */
    double ita;                                         /* of base */
    float reference[RUBOR_OPTICS_M][RUBOR_OPTICS_H][2]; /* EI, MI of the reference observer, x100 */
} rubor_skin_optics;

/* Things other than bare skin, as light seen by the camera under one lamp; perfect diffuser = 1. */
typedef enum rubor_material {
    RUBOR_MATERIAL_HAIR,
    RUBOR_MATERIAL_CLOTH,
    RUBOR_MATERIAL_BACKGROUND,
    RUBOR_MATERIAL_FRAME, /* the chart's dark frame */
    RUBOR_MATERIAL_MAKEUP,
    RUBOR_MATERIAL_METAL,
    /* films on skin: factors on the light, not light */
    RUBOR_MATERIAL_BLOOD_FILM,
    RUBOR_MATERIAL_CRUST_FILM,
    RUBOR_MATERIAL_BRUISE_NEW_FILM,
    RUBOR_MATERIAL_BRUISE_OLD_FILM,
    RUBOR_MATERIAL_INK_FILM,
    RUBOR_MATERIAL_COUNT
} rubor_material;

typedef struct rubor_lamp_optics {
    float weight[3][RUBOR_OPTICS_N]; /* lamp x camera; the main lamp's sum to 1 */
    float skin[RUBOR_OPTICS_M][RUBOR_OPTICS_H][3];
    float chart[24][3];
    float material[RUBOR_MATERIAL_COUNT][3];
    float white[3]; /* perfect diffuser */
} rubor_lamp_optics;

/* What the seed decides about hair, cloth and background. */
typedef struct rubor_material_choice {
    double hair_melanin; /* 0 blond .. 1 black */
    int cloth_patch;     /* chart reflectance used for dye */
    double cloth_level;  /* factor on it */
    double background_level;
} rubor_material_choice;

void rubor_skin_optics_make(rubor_skin_optics *out, const rubor_tone *tone, rubor_random *random);

/* weight of (camera, lamp) such that the perfect diffuser is 1 in each channel. tilt: lamp color as a power
 * of wavelength. */
void rubor_optics_weights(double weight[3][RUBOR_OPTICS_N], const rubor_camera_sensitivity *camera,
                          const rubor_spectrum *lamp, double tilt);
/* The weights of a second lamp of the same brightness in green, white-balanced for the first. */
void rubor_optics_weights_second(double weight[3][RUBOR_OPTICS_N], const rubor_camera_sensitivity *camera,
                                 const rubor_spectrum *first, const rubor_spectrum *second);
void rubor_lamp_optics_make(rubor_lamp_optics *out, const rubor_skin_optics *skin,
                            const rubor_material_choice *choice, const double weight[3][RUBOR_OPTICS_N]);

/* Bilinear look-ups; m and h are clamped to the table. */
void rubor_optics_skin(float out[3], const rubor_lamp_optics *lamp, float m, float h);
void rubor_optics_indices(float *ei, float *mi, const rubor_skin_optics *skin, float m, float h);

/* The h (m) whose EI (MI) change on the base skin is delta printed units. */
double rubor_optics_hemoglobin_for(const rubor_skin_optics *skin, double delta_ei);
double rubor_optics_melanin_for(const rubor_skin_optics *skin, double delta_mi);

/* Linear sRGB (D65, perfect diffuser 1) of a reflectance. */
void rubor_optics_linear(double linear[3], const double reflectance[RUBOR_OPTICS_N]);

#endif
