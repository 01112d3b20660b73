/* Where the camera stands on one day: photo pixels <-> scene coordinates, and where the chart lies. */
#ifndef RUBOR_SAMPLES_VIEW_H
#define RUBOR_SAMPLES_VIEW_H

#include "samples/scene.h"

typedef struct rubor_view {
    double to_scene[9];   /* homography photo -> scene, row-major */
    double stretch_px;    /* largest displacement of the skin */
    double wave[2][2][3]; /* per axis two waves: cycles per width in x, in y, phase */
    double width;
    /* chart: plane (0..6 x 0..4 in patch pitches) -> photo */
    double chart_to_photo[9], photo_to_chart[9];
    double fill[2]; /* patch width and height as a share of the pitch */
    rubor_point chart_corners[4];
    double mm_per_px;
    char layout[16];
} rubor_view;

/* How far beyond the frame a far or tilted camera sees, in widths. */
double rubor_view_reach(const rubor_sample_options *options);
void rubor_view_draw(rubor_view *out, const rubor_scene *scene, int day);
void rubor_view_to_scene(const rubor_view *view, double *sx, double *sy, double x, double y);
void rubor_view_to_photo(const rubor_view *view, double *x, double *y, double sx, double sy);
void rubor_homography_apply(const double h[9], double *u, double *v, double x, double y);

#endif
