/* The quality gate: what is wrong with a photo, told before its numbers are believed.
 *
 * rubor_quality_measure looks at the encoded working image (before calibration, so that clipping shows);
 * rubor_quality_judge turns measurements into the record's verdict and reasons, each one sentence a camera
 * operator can act on. Thresholds are in quality.c beside the table they were chosen from
 * (docs/MEASUREMENT.md, "Quality gate"). Pure functions; reentrant. */
#ifndef RUBOR_ANALYZER_QUALITY_H
#define RUBOR_ANALYZER_QUALITY_H

#include "analyzer/record.h"
#include "calibration/calibration.h"
#include "imaging/kernels.h"

typedef struct rubor_quality {
    double edge_px;    /* chart edge blur: standard deviation of the edge spread, working px; NaN: no chart */
    double edge_ratio; /* blur of the blurrier axis / sharper axis at the chart; NaN: no chart */
    double sharpness;  /* 0..1, fine structure of the skin against coarser; NaN: no skin */
    double anisotropy; /* fine structure across / along the weaker direction, >= 1; NaN: no skin */
    double clipped_percent;    /* of the skin: any channel at the encoding's upper limit */
    double channel_percent[3]; /* of the skin, per channel R, G, B: at the upper limit */
    double black_percent[3];   /* of the skin, per channel: at the lower limit */
    double median[3];          /* skin, encoded 0..1 */
    double shine_percent;      /* of skin and shine together */
    double skin_percent;       /* of the frame */
    double tilt_degrees; /* of the chart's plane against the sensor, from its perspective; NaN: no chart */
} rubor_quality;

rubor_status rubor_quality_measure(rubor_quality *out, const rubor_image_encoded *working,
                                   const rubor_mask *skin, const rubor_mask *shine,
                                   const rubor_calibration *calibration, double scale, rubor_error *error);

/* width, height: of the full photo. region_percent: of the working frame, NaN where there is no region. */
void rubor_quality_judge(rubor_record *record, const rubor_quality *quality,
                         const rubor_calibration *calibration, int64_t width, int64_t height);

#endif
