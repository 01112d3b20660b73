/* One photo made ready to measure: decoded, calibrated, its skin found. Internal to the analyzer.
 * Ownership: rubor_frame_prepare initializes, rubor_frame_finish frees (NULL and zeroed allowed). Reentrant.
 */
#ifndef RUBOR_ANALYZER_FRAME_H
#define RUBOR_ANALYZER_FRAME_H

#include "analyzer/quality.h"
#include "analyzer/skin.h"
#include "calibration/profile.h"
#include "imaging/photo.h"

typedef struct rubor_frame_options {
    const rubor_point *corners_px; /* chart by hand, or NULL */
    rubor_chart_edition edition;
    const rubor_chart_table *table;
    const rubor_profile *profile;
    int64_t now; /* seconds since 1970; 0: a profile's age is not checked */
} rubor_frame_options;

typedef struct rubor_frame {
    char digest[RUBOR_DIGEST_SIZE];
    rubor_photo_info info;
    rubor_calibration calibration;
    rubor_image_calibrated image; /* working size */
    rubor_skin skin;
    rubor_quality quality;
    double scale_x, scale_y;   /* full-resolution px -> working px: (p + 0.5) * scale - 0.5 */
    double mm_per_px;          /* of the working image; NaN where unknown */
    bool profile_contradicted; /* the chart in the frame says another light than the profile */
    bool profile_refused;
    char refused[RUBOR_SENTENCE_SIZE]; /* why a profile or a chart could not be used; "" otherwise */
    double decode_ms, calibrate_ms;
} rubor_frame;

/* A damaged or refused photo is a status; a photo without a chart or skin is RUBOR_OK. */
rubor_status rubor_frame_prepare(rubor_frame *out, rubor_bytes bytes, const rubor_frame_options *options,
                                 rubor_error *error);
void rubor_frame_finish(rubor_frame *frame);

/* Standard uncertainty of the veiling glare, as a fraction of white. */
double rubor_frame_glare_sd(const rubor_frame *frame);

/* Milliseconds of the monotonic clock, for timing_ms only. */
double rubor_now_ms(void);

#endif
