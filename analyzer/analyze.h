/* One photo, or a visit against its baseline, to a record: the one entry into the measurement.
 *
 * photo and baseline are encoded files. Everything the caller may learn is in the record, also when the verdict is
 * retake; a status other than RUBOR_OK means that there is no record (unreadable, unsupported, corrupt, too
 * large, out of memory, invalid options). Thread rule: reentrant. No file, clock or network is touched except the
 * monotonic clock for timing_ms. */
#ifndef RUBOR_ANALYZER_ANALYZE_H
#define RUBOR_ANALYZER_ANALYZE_H

#include "analyzer/record.h"
#include "calibration/profile.h"
#include "imaging/encode.h"
#include "imaging/photo.h"

enum { RUBOR_DAY_UNKNOWN = -2, RUBOR_DAY_BEFORE = -1, RUBOR_DAY_LAST = 3650 };
/* Darkening up to about day 10 may be crust or bruise (DESIGN 2); from here on it is possible pigmentation. */
enum { RUBOR_PIH_FIRST_DAY = 11 };

typedef struct rubor_analyze_options {
    const rubor_polygon *region, *control;                   /* displayed px of photo; NULL: not given */
    const rubor_polygon *baseline_region, *baseline_control; /* displayed px of baseline; carried over */
    int day;                                                 /* RUBOR_DAY_... or 0..3650 */
    const rubor_profile *profile, *baseline_profile;         /* used where no chart is in the frame */
    const rubor_point *corners_px;                           /* chart by hand in photo: 4 points, or NULL */
    rubor_chart_edition edition;
    const rubor_chart_table *chart_table;
    int64_t now; /* seconds since 1970 for the age of a profile; 0: not checked */
} rubor_analyze_options;

/* Pictures at working size in the frame of photo. Zero-initialize; rubor_maps_finish frees. */
typedef struct rubor_maps {
    rubor_image_encoded working; /* calibrated, for viewing */
    rubor_plane ei, mi;          /* printed units (x100) of the calibrated photo; NaN off skin */
    rubor_plane delta_ei, delta_mi; /* change maps against the reference; data NULL where there is none */
    rubor_mask skin, erythema, pigment, findings;
    rubor_image_encoded overlay; /* working with the masks' outlines drawn */
    rubor_image_encoded aligned; /* the photo warped into the baseline's frame; rgb NULL where none */
} rubor_maps;

void rubor_maps_finish(rubor_maps *maps);

/* options and maps may be NULL; baseline.data may be NULL. */
rubor_status rubor_analyze(rubor_record *out, rubor_maps *maps, rubor_bytes photo, rubor_bytes baseline,
                           const rubor_analyze_options *options, rubor_error *error);

#endif
