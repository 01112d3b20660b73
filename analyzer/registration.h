/* Alignment of a visit to its baseline: on coarse levels what redness does not change (the red channel freed
 * of blood), on fine ones luma. Coarse to fine, a gentle local refinement, a forward-backward check; a pair
 * that is not the same place is refused (RUBOR_REFUSED, "misaligned"), not forced. Reentrant. */
#ifndef RUBOR_ANALYZER_REGISTRATION_H
#define RUBOR_ANALYZER_REGISTRATION_H

#include "imaging/kernels.h"

enum { RUBOR_GRID = 24 };

/* A plain value. Maps working pixels of the visit to working pixels of the baseline: a homography, then a
 * smooth displacement read bilinearly from a grid laid over the visit. */
typedef struct rubor_registration {
    char model[24];              /* "homography", "homography+grid" */
    double homography[9];        /* row-major, visit -> baseline */
    int width, height;           /* of the visit's working image */
    int grid_columns, grid_rows; /* 0: no local part; at most RUBOR_GRID each */
    float grid[RUBOR_GRID][RUBOR_GRID]
              [2];          /* px of the baseline's working image, added after the homography */
    double residual_px;     /* forward-backward RMS over the overlap, working px */
    double overlap_percent; /* of the visit's skin that falls on the baseline's skin */
} rubor_registration;

/* The red planes (calibrated linear) and the skin masks of both. */
rubor_status rubor_register(rubor_registration *out, const rubor_image_calibrated *visit,
                            const rubor_mask *visit_skin, const rubor_image_calibrated *baseline,
                            const rubor_mask *baseline_skin, rubor_error *error);

/* Where a working pixel of the visit lies on the baseline. */
rubor_point rubor_registration_map(const rubor_registration *registration, rubor_point visit_px);

/* The same, to the bit, for many pixels of one row of the visit. */
typedef struct rubor_registration_row {
    const rubor_registration *of; /* borrowed */
    double by_y[3];               /* the homography's terms of y: in x, y and the divisor */
    double width, steps, part;    /* columns and steps of the grid across; part of the way from line to the next */
    int line;
    bool grid;
} rubor_registration_row;
rubor_registration_row rubor_registration_row_at(const rubor_registration *registration, double y);
rubor_point rubor_registration_map_in(const rubor_registration_row *row, double x);

#endif
