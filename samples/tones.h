/* Measured human skin as the start of every rendered tone, and the six tone classes by ITA (Chardon 1991).
 *
 * Source: ISSA skin reflectances, Lu et al., Scientific Data 2025;12:487, CC BY 4.0; the records named below.
 * The instrument (di:8, specular included) adds about 0.028 of surface reflection to every value; it is taken
 * off here, because a photo shows it as shine in some places and not in others. */
#ifndef RUBOR_SAMPLES_TONES_H
#define RUBOR_SAMPLES_TONES_H

#include "calibration/spectra.h"
#include "imaging/status.h"

#include <stdint.h>

enum { RUBOR_TONE_COUNT = 6, RUBOR_TONE_BASES = 3 };

typedef struct rubor_tone {
    const char *name;
    double ita_low, ita_high;           /* the class, degrees */
    double draw_low, draw_high;         /* targets drawn from the seed: well inside the class */
    const char *base[RUBOR_TONE_BASES]; /* ISSA records near this class */
} rubor_tone;

extern const rubor_tone rubor_tones[RUBOR_TONE_COUNT];

/* NULL if unknown. */
const rubor_tone *rubor_tone_by_name(const char *name);
/* Diffuse reflectance of an ISSA record (surface reflection taken off), 0..1; NULL if unknown. */
const rubor_spectrum *rubor_skin_measured(const char *record);
#define RUBOR_SKIN_SURFACE_REFLECTION 0.028

#endif
