/* Rendered treatments with known truth: layered skin over the visible spectrum, a chart, a lamp, a camera.
 * Used by `rubor sample`, tests and benchmarks only. Same options, same bytes. See docs/MEASUREMENT.md "Samples".
 * Reentrant. */
#ifndef RUBOR_SAMPLES_SAMPLE_H
#define RUBOR_SAMPLES_SAMPLE_H

#include "imaging/encode.h"
#include "imaging/image.h"

typedef struct rubor_sample_options {
    uint64_t seed;
    const char *tone;    /* very_light | light | intermediate | tan | brown | dark */
    const char *course;  /* normal | persistent | rebound | pih | none | ... */
    const char *camera;  /* name in calibration/spectra.h */
    const char *lamp;
    int width, height;   /* px */
    double glare_percent; /* veiling glare, % of white; negative: drawn from the seed, 0..4 */
} rubor_sample_options;

void rubor_sample_options_default(rubor_sample_options *options);

/* Mean over the treated region against before, as a D65 reference observer in linear sRGB reads them, x100:
 * hemoglobin part alone, melanin part alone, and totals. */
typedef struct rubor_sample_truth {
    double delta_ei, delta_mi;             /* components, as the record's keys mean them */
    double delta_ei_total, delta_mi_total; /* both together */
    int pinpoint_count;
    double crust_percent, erythema_percent, pigment_percent;
    double ita;
} rubor_sample_truth;

/* One rendered photo. */
typedef struct rubor_sample_photo {
    rubor_buffer jpeg;
    rubor_mask skin, erythema, pigment, findings; /* truth at the photo's size */
    rubor_polygon region, control;                /* in this photo's pixels */
    rubor_point chart_corners[4];                 /* order of calibration/chart.h */
    rubor_sample_truth truth;
} rubor_sample_photo;

void rubor_sample_photo_finish(rubor_sample_photo *photo);

/* day: -1 before, 0 right after, 1.. RUBOR_INVALID names an unknown tone, course, camera or lamp. */
rubor_status rubor_sample_render(rubor_sample_photo *out, const rubor_sample_options *options, int day,
                                 rubor_error *error);

/* Writes before.jpg, dayNN.jpg, masks, region.txt, control.txt and truth.json into dir (made if absent).
 * days: list such as "0-10,14,21,28". */
rubor_status rubor_sample_write(const char *dir, const rubor_sample_options *options, const char *days,
                                rubor_error *error);

#endif
