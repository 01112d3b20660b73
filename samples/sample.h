/* Rendered treatments with known truth: layered skin over the visible spectrum, a chart, a lamp, a camera.
 * Used by `rubor sample`, tests and benchmarks only. Same options, same bytes. See docs/EVALUATION.md
 * "Samples". Reentrant. */
#ifndef RUBOR_SAMPLES_SAMPLE_H
#define RUBOR_SAMPLES_SAMPLE_H

#include "imaging/encode.h"
#include "imaging/image.h"

/* Start from rubor_sample_options_default: not every field means its default when zero. */
typedef struct rubor_sample_options {
    uint64_t seed;
    const char *tone;     /* very_light | light | intermediate | tan | brown | dark */
    const char *course;   /* a name in samples/course.c */
    const char *camera;   /* name in calibration/spectra.h; NULL: drawn from the seed */
    const char *lamp;     /* likewise */
    int width, height;    /* px, 320x240 .. 8000x6000 */
    double glare_percent; /* veiling glare, % of white; negative: drawn from the seed, 0..4 */

    bool chart; /* default true; false: no chart in the frame */
    /* Exact changes for evaluations: mean over the region, hemoglobin part alone and melanin part alone, as
     * truth.delta_ei and delta_mi. NaN (default): as the course says. With either given, the other is 0 when
     * NaN, findings are left out, and every day from 0 on shows the same change. */
    double delta_ei, delta_mi;
    const char *pattern; /* NULL or "soft": full inside with a soft border; "uniform"; "patchy" */
    const char *border;  /* what lies at the frame's edge; NULL: drawn from the seed; a name of
                            rubor_border_names (samples/layout.h) */
    const char *object;  /* worn on or in the skin beside and over the region; NULL: none; a name of
                            rubor_sample_objects() */
    /* Factors on what the seed draws; default 1, 0: none. */
    double movement;    /* shift 1.5 %, turn 1.5 degrees, zoom 1.5 % as largest values at 1 */
    double perspective; /* between days */
    double stretch;     /* of the skin between days */
    double noise;
    double shading;
    double shine;
    double lamp_drift;  /* exposure and lamp color between days */
    const char *lamp2;  /* a second lamp from the other side; NULL: none */
    double lamp2_share; /* its part of the light in the middle, 0..1; NaN: drawn from the seed, 0.25..0.5 */
    /* What spoils a photo; on days 0 and later, never before. */
    double blur_px;                       /* defocus, Gaussian sigma; 0 */
    double skin_blur_px, chart_blur_px;   /* defocus of all but the chart, of the chart alone; 0 */
    double motion_px;                     /* length of a shake; 0 */
    double exposure;                      /* factor on the light; 1 */
    double red_gain;                      /* factor on the red channel alone; 1 */
    double reflection_percent;            /* of the frame: a lamp's reflection over the region; 0 */
    double closeness;                     /* factor on the scale of skin and chart; 1; 0.3 .. 2 */
    double tilt_degrees;                  /* camera turned to the side, the chart's side away; 0; up to 50 */
    double skin_share;                    /* of the frame's width; cloth covers the rest; 1 */
    const char *visit_lamp, *visit_lamp2; /* lamps of these days; NULL: lamp and lamp2 */
    int jpeg_quality;                     /* 1..100; 0: drawn from the seed, 90..96 */
} rubor_sample_options;

void rubor_sample_options_default(rubor_sample_options *options);

/* What `object` may be; ends with NULL. */
const char *const *rubor_sample_objects(void);

/* A pixel belongs to the truth's erythema (pigment) mask where its hemoglobin-only EI change (melanin-only MI
 * change), control subtracted, is at least this. */
#define RUBOR_SAMPLE_ERYTHEMA_EI 3.0
#define RUBOR_SAMPLE_PIGMENT_MI 3.0

/* Values in the findings mask. */
enum {
    RUBOR_SAMPLE_SHINE = 64,
    RUBOR_SAMPLE_BRUISE = 128,
    RUBOR_SAMPLE_CRUST = 192,
    RUBOR_SAMPLE_PINPOINT = 255
};

/* Mean over the treated region against before, as a D65 reference observer in linear sRGB reads them, x100:
 * hemoglobin part alone, melanin part alone, and totals; treated minus control. Pixels that are not skin in
 * this photo and findings (pinpoint bleeding, crust, bruise) are left out of these means. */
typedef struct rubor_sample_truth {
    double delta_ei, delta_mi;             /* components, as the record's keys mean them */
    double delta_ei_total, delta_mi_total; /* both together */
    /* 100 x mean over the region of clamp(delta_ei / 40, 0, 1) and clamp(delta_mi / 30, 0, 1), control
     * subtracted, pixels averaged to 1/100 of the width, findings left out: what the record's scores
     * estimate. */
    double redness_score, pigment_score;
    double control_ei, control_mi;   /* what was subtracted: the components on control skin */
    double skin_ei, skin_mi;         /* mean of the components over all skin, nothing subtracted */
    int pinpoint_count, crust_count; /* visible in the region */
    double crust_percent, bruise_percent, erythema_percent, pigment_percent; /* of the region */
    double ita; /* of the untreated skin, median shading left out */
    double glare_percent;
    double mm_per_px; /* at the chart; NaN without one */
} rubor_sample_truth;

/* One rendered photo. */
typedef struct rubor_sample_photo {
    rubor_buffer jpeg;
    rubor_mask skin, erythema, pigment, findings; /* truth at the photo's size */
    rubor_polygon region, control;                /* in this photo's pixels */
    rubor_point chart_corners[4];                 /* order of calibration/chart.h; zero without a chart */
    /* before photo -> this photo: where the skin seen at grid point (i, j) of the before photo lies here;
     * grid of 9 x 7 points from corner to corner */
    rubor_point grid[7][9];
    rubor_sample_truth truth;
} rubor_sample_photo;

void rubor_sample_photo_finish(rubor_sample_photo *photo);

/* day: -1 before, 0 right after, 1.. RUBOR_INVALID names an unknown tone, course, camera or lamp and lists
 * the known ones. */
rubor_status rubor_sample_render(rubor_sample_photo *out, const rubor_sample_options *options, int day,
                                 rubor_error *error);

/* Several photos of one treatment: the scene is built once. The options and their strings are copied or
 * looked up; one series belongs to one thread. */
typedef struct rubor_sample_series rubor_sample_series;
rubor_status rubor_sample_series_create(rubor_sample_series **out, const rubor_sample_options *options,
                                        rubor_error *error);
void rubor_sample_series_destroy(rubor_sample_series **series);
rubor_status rubor_sample_series_render(rubor_sample_photo *out, const rubor_sample_series *series, int day,
                                        rubor_error *error);

/* Writes before.jpg, dayNN.jpg, masks (dayNN_skin.png, _erythema, _pigment, _findings), region.txt,
 * control.txt (for before.jpg) and truth.json into dir (made if absent). days: list such as "0-10,14,21,28".
 */
rubor_status rubor_sample_write(const char *dir, const rubor_sample_options *options, const char *days,
                                rubor_error *error);

#endif
