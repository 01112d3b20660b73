/* The quality gate: what is wrong with a photo, told before its numbers are believed.
 *
 * rubor_quality_measure looks at the encoded working image (before calibration, so that clipping shows);
 * rubor_quality_judge turns measurements into the record's verdict and reasons, each one sentence a camera
 * operator can act on. Thresholds are in quality_judge.c beside the table they were chosen from
 * (docs/MEASUREMENT.md, "Quality gate"). Reentrant. */
#ifndef RUBOR_ANALYZER_QUALITY_H
#define RUBOR_ANALYZER_QUALITY_H

#include "analyzer/record.h"
#include "calibration/calibration.h"
#include "imaging/kernels.h"

/* Skin that is softer than this (px of an image of 1,200 px across) is out of focus: rendered sharp skin
 * reads up to 1.5 alone and 0.5 against its baseline. */
#define RUBOR_SKIN_BLUR_WARN_PX 1.6

typedef struct rubor_quality {
    double blur_px;      /* standard deviation of the edge spread, bluntest direction; NaN: no edges */
    double blur_ratio;   /* the blurrier direction / the sharper one; NaN: edges lie in one direction only */
    double smear;        /* gradient along / across the strongest edges: means motion where a chart is */
    double skin_blur_px; /* defocus of the skin alone, at least (quality_skin.c); NaN: too little skin */
    double skin_fine, skin_middle; /* structure of the skin in two bands against its coarser mottling */
    double skin_noise;             /* noise's share of the fine band by the chart's patches */
    double sharpness;              /* 0..1: 0.7 px / blur, at most 1; NaN where blur_px is */
    double clipped_percent;        /* of skin and shine: any channel at the encoding's upper limit */
    double channel_percent[3];     /* likewise per channel R, G, B */
    double black_percent;          /* of the skin: any channel at the lower limit */
    double bright_percent;         /* of the frame: all channels at the upper limit */
    double median;                 /* skin, green, encoded 0..1; NaN: no skin */
    double shine_percent;          /* of skin and shine together */
    double skin_percent;           /* of the frame */
    double tilt_degrees; /* of the chart against the sensor, from its foreshortening; NaN: no chart */
    double white_linear; /* the chart's white patch, brightest channel, camera linear; NaN: no chart */
    int clipped_patches; /* lost by exposure; a color outside of sRGB with one channel at 0 is none */
} rubor_quality;

rubor_status rubor_quality_measure(rubor_quality *out, const rubor_image_encoded *working,
                                   const rubor_mask *skin, const rubor_mask *shine,
                                   const rubor_calibration *calibration, int64_t full_width,
                                   rubor_error *error);

/* Standard deviation of the edge spread (px) of the strongest edges in their bluntest direction, and blurrier
 * / sharper direction. */
rubor_status rubor_quality_blur(double *blur_px, double *ratio, double *smear,
                                const rubor_image_encoded *working, rubor_error *error);

/* Fills the skin_ members. full_width: of the photo, places the chart. */
void rubor_quality_skin_blur(rubor_quality *out, const rubor_image_encoded *working, const rubor_mask *skin,
                             const rubor_calibration *calibration, int64_t full_width);

/* width, height: of the full photo. mm_per_px: of the working image, NaN where unknown. */
void rubor_quality_judge(rubor_record *record, const rubor_quality *quality,
                         const rubor_calibration *calibration, int64_t width, int64_t height,
                         double mm_per_px);

#endif
