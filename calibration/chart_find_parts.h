/* Parts of the chart search, shared by calibration/chart_find*.c only.
 *
 * Flow: pyramid of 8-bit levels -> cells (flat compact regions, of either polarity) -> lattices of cells ->
 * which 6 x 4 window and which of eight orientations (by color) -> edges to a fraction of a pixel ->
 * location.
 *
 * Positions are in pixels of the level they were found in (pixel centers at integers) until chart_find.c
 * turns them into full-resolution pixels. "Lattice" coordinates count pitches; the chart plane is the lattice
 * with its origin at the outer corner of the dark skin cell: patch (column c, row r) is centered at (c + 0.5,
 * r + 0.5). */
#ifndef RUBOR_CALIBRATION_CHART_FIND_PARTS_H
#define RUBOR_CALIBRATION_CHART_FIND_PARTS_H

#include "calibration/chart_find.h"

enum { RUBOR_CF_MAX_LEVELS = 6, RUBOR_CF_LATTICE_SPAN = 25, RUBOR_CF_LATTICE_HALF = 12 };

/* 8 bits of sRGB encoding, R,G,B interleaved. */
typedef struct rubor_cf_image {
    int width, height;
    uint8_t *rgb;
} rubor_cf_image;

/* One flat compact region. */
typedef struct rubor_cf_cell {
    float x, y;
    float size;     /* px: side of a square of the region's area, the region's border included */
    uint8_t rgb[3]; /* at the middle */
    uint8_t in_lattice;
} rubor_cf_cell;

typedef struct rubor_cf_cells {
    rubor_cf_cell *cell;
    int count, capacity;
    float size_ratio; /* of two cells of one lattice, at most */
    /* cells sorted into square bins */
    int bin_px, bins_x, bins_y;
    int *bin_start; /* bins_x * bins_y + 1 */
    int *bin_cell;  /* count */
} rubor_cf_cells;

typedef struct rubor_cf_lattice {
    int node[RUBOR_CF_LATTICE_SPAN][RUBOR_CF_LATTICE_SPAN]; /* [b][a]: cell index or -1 */
    int count;
    int a_min, a_max, b_min, b_max; /* of assigned nodes, relative to the middle node */
    double homography[9];           /* lattice coordinates (middle node at 0,0) -> px */
} rubor_cf_lattice;

/* How well 24 sampled colors agree with the chart's. */
typedef struct rubor_cf_color_fit {
    double score;      /* 0..1 explained variance of the patches kept */
    double confidence; /* 0..1 */
    int inliers;
    int contradictions; /* cells of another color than the model says */
    bool inlier[RUBOR_CHART_PATCHES];
} rubor_cf_color_fit;

/* A hypothesis: chart plane -> px of the level. */
typedef struct rubor_cf_pose {
    double homography[9];
    double fill[2];
    int level;
    double sigma_px;  /* blur, standard deviation; 0 until the model was fitted */
    double explained; /* 0..1: share of the picture's variance over the chart that flat patches explain */
    double regular;   /* 0..1: share of edges found where they should be; 0 without */
    int cells;        /* lattice cells inside the window */
    bool cell[RUBOR_CHART_PATCHES];
    rubor_cf_color_fit fit;
    double confidence; /* 0..1, set after refinement */
} rubor_cf_pose;

/* --- chart_find_image.c --- */
rubor_status rubor_cf_image_from_encoded(rubor_cf_image *out, const rubor_image_encoded *image,
                                         rubor_error *error);
rubor_status rubor_cf_image_halve(rubor_cf_image *out, const rubor_cf_image *in, rubor_error *error);
/* Each 3 x 3 pixels become 2 x 2. */
rubor_status rubor_cf_image_two_thirds(rubor_cf_image *out, const rubor_cf_image *in, rubor_error *error);
void rubor_cf_image_finish(rubor_cf_image *image);
/* Mean color of a box of half side radius px about x, y; false when the center lies outside. */
bool rubor_cf_image_mean(double rgb[3], const rubor_cf_image *image, double x, double y, double radius);
/* Bilinear sample, clamped to the borders. */
void rubor_cf_image_at(double rgb[3], const rubor_cf_image *image, double x, double y);

/* --- chart_find_cells.c --- */
/* quick: fewer thresholds, for the largest level. */
rubor_status rubor_cf_cells_find(rubor_cf_cells *out, const rubor_cf_image *image, bool quick,
                                 rubor_error *error);
void rubor_cf_cells_finish(rubor_cf_cells *cells);
/* Nearest free cell within radius whose size is within a factor of `size`; -1 if none. */
int rubor_cf_cells_nearest(const rubor_cf_cells *cells, double x, double y, double radius, double size);

/* --- chart_find_plane.c: homographies --- */
/* sqrt(dx dx + dy dy); hypot() may differ in its last bit from one processor to another. */
double rubor_cf_length(double dx, double dy);
void rubor_cf_project(double *x, double *y, const double h[9], double a, double b);
/* Fits h (a, b -> x, y) by weighted least squares; perspective is held back unless the points ask for it.
 * false when degenerate. weight may be NULL. */
bool rubor_cf_homography_fit(double h[9], const double (*ab)[2], const double (*xy)[2], const double *weight,
                             int count);
void rubor_cf_matrix_multiply(double out[9], const double a[9], const double b[9]);
bool rubor_cf_matrix_invert(double out[9], const double a[9]);
/* Solves the n x n system a x = b in place; false when singular. */
bool rubor_cf_solve(double *a, double *b, int n);

/* --- chart_find_lattice.c --- */
/* Calls visit for every lattice grown from the cells until it returns false. */
typedef bool rubor_cf_lattice_visit(const rubor_cf_lattice *lattice, void *context);
void rubor_cf_lattices_grow(rubor_cf_cells *cells, rubor_cf_lattice_visit *visit, void *context);

/* --- chart_find_color.c --- */
typedef struct rubor_cf_reference {
    double rgb[RUBOR_CHART_PATCHES][3];       /* encoded sRGB, 0..255 */
    float pattern[8][3][RUBOR_CHART_PATCHES]; /* by orientation, zero mean, unit norm */
} rubor_cf_reference;
void rubor_cf_reference_init(rubor_cf_reference *out);
/* The SpyderCheckr 24, so that it can be told apart. */
void rubor_cf_reference_init_foreign(rubor_cf_reference *out);
/* Most cells of the lattice that any 6 x 4 or 4 x 6 window holds. */
int rubor_cf_window_cells(const rubor_cf_lattice *lattice);
/* Best window of at least cells_min cells and its orientation; false when nothing comes near. */
bool rubor_cf_window_best(rubor_cf_pose *out, const rubor_cf_reference *reference,
                          const rubor_cf_image *image, const rubor_cf_lattice *lattice, int cells_min);
/* How promising a hypothesis is before refinement; 0: not at all. */
double rubor_cf_pose_rank(const rubor_cf_pose *pose);
/* How sure a refined pose is: 0..1, 0.5 is the least that is answered. From the patches whose color agrees,
 * cells that contradict, and how well flat patches explain the picture. */
double rubor_cf_pose_confidence(const rubor_cf_pose *pose);
/* Samples the 24 patches of a pose and fits the colors. */
void rubor_cf_pose_score(rubor_cf_pose *pose, const rubor_cf_reference *reference,
                         const rubor_cf_image *image);

/* --- chart_find_refine.c --- */
/* Moves the pose onto the patch edges and measures fill; leaves it when there are too few edges. Returns the
 * share of the agreeing patches' sides whose edge lies within about 0.02 pitch of where the result says. */
double rubor_cf_refine(rubor_cf_pose *pose, const rubor_cf_image *image);
/* Moves the chart plane: x' = x + u0 + u1 x + u2 y + u6 x x + u7 x y, y' = y + u3 + u4 x + u5 y + u6 x y + u7
 * y y, with x, y in pitches from the chart's middle. false for a correction too large to be one. */
bool rubor_cf_pose_correct(rubor_cf_pose *pose, const double u[8]);

/* Whether patches go on beyond the 6 x 4, as in a Digital SG, which holds the same 24. */
bool rubor_cf_pose_is_part(const rubor_cf_pose *pose, const rubor_cf_image *image);

/* --- chart_find_model.c --- */
/* Fits a blurred model of the chart in at most so many rounds; sets fill, sigma_px and explained. With 0
 * rounds only explained is measured. */
bool rubor_cf_model_fit(rubor_cf_pose *pose, const rubor_cf_image *image, int rounds);

#endif
