/* What changed between a visit and its reference, per cell of a coarser grid. Internal to the analyzer.
 *
 * Redness is a low-frequency signal: colors are averaged in linear light over cells of factor x factor
 * working pixels (valid skin only) before any logarithm, which keeps noise from bending it and costs a
 * quarter of the time. Ownership: rubor_change_init allocates, rubor_change_finish frees (NULL and zeroed
 * allowed). Reentrant. */
#ifndef RUBOR_ANALYZER_CHANGE_H
#define RUBOR_ANALYZER_CHANGE_H

#include "analyzer/chromophore.h"
#include "analyzer/frame.h"
#include "analyzer/registration.h"

enum { RUBOR_CONTROL_CELLS_LEAST = 50 }; /* fewer measured cells of control say nothing */

/* How the light runs across the frame otherwise than before: a plane through the OD change of untreated skin,
 * per channel. All zero where there is no baseline, no control or too little untreated skin. */
typedef struct rubor_light {
    bool known, taken;    /* taken: off the visit's colors, because it is surely there */
    double anchor[2];     /* middle of the control in widths of the grid: there the plane is zero */
    double slope[3][2];   /* OD per width of the grid, along x and y */
    double drift[3];      /* OD: region minus control */
    double covariance[9]; /* of drift */
} rubor_light;

typedef struct rubor_change {
    int width, height, factor;
    double mm_per_cell;  /* NaN where there is no scale */
    double smooth_cells; /* side of the square over which scores average: 2 mm or 1/100 of the width */

    rubor_plane visit_od[3], reference_od[3]; /* NaN: not skin, shine, or outside; reference may be empty */
    rubor_mask trial;                         /* cells of skin on trial (rubor_change_readmit) */
    rubor_mask region, control;               /* cells; 255 inside */
    bool control_known;
    double region_drawn;     /* cells of the drawn region, measured, hidden or out of the frame; NaN: none was
                                drawn */
    double control_measured; /* share of the drawn control that is; NaN: none was drawn */

    rubor_directions directions;           /* of the visit, for skin between before and now */
    rubor_directions reference_directions; /* of the baseline's photo; the same without a baseline */
    rubor_unmix unmix, reference_unmix;
    double noise_od[3];      /* per cell, standard deviation of the OD change */
    double systematic_od[3]; /* what averaging does not remove, per channel: tone curve, matrix, glare */
    double melanin_sd[3];    /* doubt about the direction, per unit of delta_mi, independent per channel */
    double melanin_tilt[3];  /* doubt about melanin's power law, per unit of delta_mi: one common factor */
    double zero_od[2][3];    /* OD of visit and reference that count as unchanged */
    double offset_od[3];     /* by how much the visit reads the same skin darker: lamps and cameras */
    /* mean colors: region now and before, control now (0 where unknown) */
    double region_linear[3], before_linear[3], control_linear[3];
    double shading_sd;     /* OD: what the unmixing allowed for light and pose */
    double skin_linear[3]; /* the region's color half way between before and now */

    double veil; /* linear: white on the skin in both photos that the chart does not show; taken off */
    rubor_light light;
    double control_ei; /* delta_ei of the control itself against the chart; NaN without control or baseline */

    rubor_plane delta_ei, delta_mi; /* x100; NaN where not measured */
    double suspected_mi;  /* part of the region's mean delta_mi that may be a bruise too faint to be found */
    rubor_plane shade_od; /* change common to all channels that is neither chromophore */
} rubor_change;

/* Allocates and averages the visit. */
rubor_status rubor_change_init(rubor_change *out, const rubor_frame *visit, rubor_error *error);
void rubor_change_finish(rubor_change *change);

/* Skin that the baseline shows and the visit's own search left out (too red, too dark, a crust) is taken back
 * on trial: marked RUBOR_SKIN_TRIAL in the visit's mask. rubor_change_unmix drops it again where the change
 * is none that skin can make (a hair, a collar). Call before rubor_change_init. */
enum { RUBOR_SKIN_TRIAL = 200 };
void rubor_change_readmit(rubor_frame *visit, const rubor_frame *baseline,
                          const rubor_registration *registration);
/* What stayed on trial becomes skin, what failed is cut out of the mask; updates the skin's area. */
void rubor_change_settle(rubor_frame *visit, const rubor_change *change);

/* The baseline seen in the visit's frame. */
rubor_status rubor_change_add_baseline(rubor_change *change, const rubor_frame *baseline,
                                       const rubor_registration *registration, rubor_error *error);

/* Finds change->light and takes it off the visit's colors where it is sure. region and control must be set,
 * and a baseline added. Called by rubor_change_unmix. */
rubor_status rubor_change_level(rubor_change *change, rubor_error *error);
/* row . drift and its standard deviation, for a row of the unmixing. */
double rubor_light_drift(const rubor_light *light, const double row[3]);
double rubor_light_sd(const rubor_light *light, const double row[3]);

/* Linear to OD in place; NaN stays. */
void rubor_change_to_od(rubor_plane planes[3]);

/* Finds change->veil and takes it off the colors of both photos. region, zero_od and directions must be set,
 * and a baseline added. Called by rubor_change_unmix. */
rubor_status rubor_change_unveil(rubor_change *change, double glare_sd, rubor_error *error);

/* Unmixes. change->region and change->control must be set; without a baseline the control must be known. */
rubor_status rubor_change_unmix(rubor_change *change, const rubor_frame *visit, const rubor_frame *baseline,
                                rubor_error *error);

/* Fills change->suspected_mi: what of the region's delta_mi may be a bruise too faint to be found. left_out:
 * findings. Nothing without a baseline. */
rubor_status rubor_change_suspect(rubor_change *change, const rubor_mask *left_out, rubor_error *error);

/* A map of the change grid without the cells of a mask (zeroed: none left out), smoothed by at least
 * sigma_cells and until its noise is below noise_most (in the map's unit): on dark skin, whose colors a JPEG
 * holds in few steps, that takes more. Cells of the mask are filled from around; what was not measured stays
 * NaN. *out is initialized by the call. */
rubor_status rubor_change_smooth(rubor_plane *out, const rubor_plane *map, const rubor_mask *without,
                                 double sigma_cells, double noise_most, rubor_error *error);

/* The median of a map over a mask, at most `most` away from zero: what most of the skin shares is, without
 * control skin, the chart's error as far as that may go. */
rubor_status rubor_change_shift(double *out, const rubor_plane *map, const rubor_mask *region, double most,
                                rubor_error *error);

/* Takes off a map what runs slowly across all of it (a surface of second order), whatever a part of it has
 * beside that. without: cells that say nothing about it. range (may be NULL): how far it runs, in the map's
 * unit. Where too little is measured the map is left as it is and range is NaN. */
rubor_status rubor_change_detrend(double *range, rubor_plane *map, const rubor_mask *without,
                                  rubor_error *error);

/* A cell plane at working size, bilinear; *out is initialized by the call. NaN where the nearest cell is. */
rubor_status rubor_change_enlarge(rubor_plane *out, const rubor_change *change, const rubor_plane *cells,
                                  int width, int height, rubor_error *error);

#endif
