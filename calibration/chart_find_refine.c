/* Patch edges to a fraction of a pixel.
 *
 * From every patch's middle a strip of profiles runs out over each of its four sides; where the color has
 * gone half the way from the patch's to the gap's lies the edge. All edges together correct the homography (8
 * numbers) and give the width and height of the patches (2), by robust least squares. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum { STEPS_MAX = 64, SIDES = 4, LATERAL = 5, EDGES_MIN = 16, UNKNOWNS = 10 };

/* Between a patch and its gap, of 255, in nearly linear light. */
#define CONTRAST_MIN 5.0

#define PROFILE_FIRST 0.10
#define PROFILE_LAST 0.70

typedef struct edge {
    double x, y;  /* chart plane, by the pose so far */
    double ideal; /* boundary-free coordinate of the patch's middle along the axis */
    int axis;     /* 0: the edge fixes x, 1: y */
    int sign;
    double weight;
} edge;

/* Mean color across the strip at every step of the way from the middle of patch (a, b) over one side. */
static int profile(double (*out)[3], const rubor_cf_pose *pose, const rubor_cf_image *image, double a,
                   double b, int axis, int sign)
{
    double x0, y0, x1, y1;
    const double *h = pose->homography;
    double da = axis == 0 ? sign : 0, db = axis == 1 ? sign : 0;
    rubor_cf_project(&x0, &y0, h, a + PROFILE_FIRST * da, b + PROFILE_FIRST * db);
    rubor_cf_project(&x1, &y1, h, a + PROFILE_LAST * da, b + PROFILE_LAST * db);
    double length = rubor_cf_length(x1 - x0, y1 - y0);
    int steps = length * 2 < 16 ? 16 : length * 2 > STEPS_MAX ? STEPS_MAX : (int)(length * 2);
    if (!(x0 > 0 && y0 > 0 && x0 < image->width - 1 && y0 < image->height - 1))
        return 0;
    for (int i = 0; i < steps; i++) {
        double along = PROFILE_FIRST + (PROFILE_LAST - PROFILE_FIRST) * i / (steps - 1);
        memset(out[i], 0, sizeof out[i]);
        for (int k = 0; k < LATERAL; k++) {
            double across = 0.22 * (2.0 * k / (LATERAL - 1) - 1), x, y, rgb[3];
            rubor_cf_project(&x, &y, h, a + along * da + across * db, b + along * db + across * da);
            rubor_cf_image_at(rgb, image, x, y);
            for (int c = 0; c < 3; c++)
                out[i][c] +=
                    rgb[c] * rgb[c] / (255 * LATERAL); /* nearly linear light: there edges do not shift */
        }
    }
    return steps;
}

/* Distance from the middle, in pitches, at which the profile leaves the patch; 0 when it does not. */
static double leaving_point(double (*color)[3], int steps, double half_fill)
{
    double step = (PROFILE_LAST - PROFILE_FIRST) / (steps - 1), patch[3] = {0, 0, 0}, gap[3] = {0, 0, 0},
           far = 0;
    int inner = (int)((0.26 - PROFILE_FIRST) / step) + 1;
    for (int i = 0; i < inner; i++)
        for (int c = 0; c < 3; c++)
            patch[c] += color[i][c] / inner;
    /* the gap: most different color about where the gap should be */
    double first = half_fill - 0.06, last = 0.5 + (0.5 - half_fill) + 0.04;
    for (int i = inner; i < steps; i++) {
        double at = PROFILE_FIRST + step * i, d = 0;
        if (at < first || at > last)
            continue;
        for (int c = 0; c < 3; c++)
            d += (color[i][c] - patch[c]) * (color[i][c] - patch[c]);
        if (d > far) {
            far = d;
            memcpy(gap, color[i], sizeof gap);
        }
    }
    if (far < CONTRAST_MIN * CONTRAST_MIN)
        return 0;
    double before = 0;
    for (int i = 1; i < steps; i++) {
        double t = 0;
        for (int c = 0; c < 3; c++)
            t += (color[i][c] - patch[c]) * (gap[c] - patch[c]) / far;
        if (t >= 0.5)
            return PROFILE_FIRST + step * (i - 1 + (t > before ? (0.5 - before) / (t - before) : 0));
        before = t;
    }
    return 0;
}

static int measure_edges(edge *edges, const rubor_cf_pose *pose, const rubor_cf_image *image)
{
    double color[STEPS_MAX][3];
    int count = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        if (!pose->fit.inlier[i])
            continue;
        for (int side = 0; side < SIDES; side++) {
            int axis = side & 1, sign = side & 2 ? 1 : -1;
            double a = i % 6 + 0.5, b = i / 6 + 0.5;
            int steps = profile(color, pose, image, a, b, axis, sign);
            if (steps == 0)
                continue;
            double half_fill = 0.5 * pose->fill[axis], out = leaving_point(color, steps, half_fill);
            if (!(out > 0.22 && out < 0.62))
                continue;
            edges[count++] = (edge){.x = a + (axis == 0 ? sign * out : 0) - 3,
                                    .y = b + (axis == 1 ? sign * out : 0) - 2,
                                    .ideal = axis == 0 ? a - 3 : b - 2,
                                    .axis = axis,
                                    .sign = sign,
                                    .weight = 1};
        }
    }
    return count;
}

static void edge_row(double row[UNKNOWNS], const edge *e)
{
    memset(row, 0, UNKNOWNS * sizeof *row);
    row[3 * e->axis] = 1;
    row[3 * e->axis + 1] = e->x;
    row[3 * e->axis + 2] = e->y;
    row[6] = e->x * (e->axis == 0 ? e->x : e->y);
    row[7] = e->y * (e->axis == 0 ? e->x : e->y);
    row[8 + e->axis] = -0.5 * e->sign;
}

/* Correction of the plane and the fill that puts the edges where they belong; robust against strays. */
static bool solve(double unknown[UNKNOWNS], edge *edges, int count, const double fill[2])
{
    for (int round = 0; round < 4; round++) {
        double normal[UNKNOWNS * UNKNOWNS] = {0};
        memset(unknown, 0, UNKNOWNS * sizeof *unknown);
        for (int i = 0; i < count; i++) {
            double row[UNKNOWNS], value = edges[i].ideal - (edges[i].axis == 0 ? edges[i].x : edges[i].y);
            edge_row(row, &edges[i]);
            for (int j = 0; j < UNKNOWNS; j++) {
                for (int k = 0; k < UNKNOWNS; k++)
                    normal[UNKNOWNS * j + k] += edges[i].weight * row[j] * row[k];
                unknown[j] += edges[i].weight * row[j] * value;
            }
        }
        for (int j = 0; j < 8; j++)
            normal[UNKNOWNS * j + j] += j < 6 ? 1e-3 : 0.5;
        for (int j = 8; j < UNKNOWNS; j++) {
            normal[UNKNOWNS * j + j] += 0.2;
            unknown[j] += 0.2 * fill[j - 8];
        }
        if (!rubor_cf_solve(normal, unknown, UNKNOWNS))
            return false;
        for (int i = 0; i < count; i++) {
            double row[UNKNOWNS], r = (edges[i].axis == 0 ? edges[i].x : edges[i].y) - edges[i].ideal;
            edge_row(row, &edges[i]);
            for (int j = 0; j < UNKNOWNS; j++)
                r += row[j] * unknown[j];
            double t = r / (round == 0 ? 0.08 : 0.03);
            edges[i].weight = 1 / ((1 + t * t) * (1 + t * t));
        }
    }
    return true;
}

bool rubor_cf_pose_correct(rubor_cf_pose *pose, const double u[8])
{
    double correction[9] = {1 + u[1], u[2], u[0], u[4], 1 + u[5], u[3], -u[6], -u[7], 1}, inverse[9];
    static const double to_middle[9] = {1, 0, -3, 0, 1, -2, 0, 0, 1}, back[9] = {1, 0, 3, 0, 1, 2, 0, 0, 1};
    for (int j = 0; j < 8; j++)
        if (!(fabs(u[j]) < 0.6))
            return false;
    if (!rubor_cf_matrix_invert(inverse, correction))
        return false;
    double t[9];
    rubor_cf_matrix_multiply(t, back, inverse);
    rubor_cf_matrix_multiply(t, t, to_middle);
    rubor_cf_matrix_multiply(pose->homography, pose->homography, t);
    return true;
}

double rubor_cf_refine(rubor_cf_pose *pose, const rubor_cf_image *image)
{
    edge edges[RUBOR_CHART_PATCHES * SIDES];
    rubor_cf_pose moved = *pose;
    int count = 0;
    for (int round = 0; round < 3; round++) {
        double unknown[UNKNOWNS];
        count = measure_edges(edges, &moved, image);
        if (count < EDGES_MIN || !solve(unknown, edges, count, moved.fill) ||
            !rubor_cf_pose_correct(&moved, unknown))
            return 0;
        for (int k = 0; k < 2; k++)
            moved.fill[k] = fmax(0.45, fmin(0.99, unknown[8 + k]));
    }
    double agreeing = 0;
    for (int i = 0; i < count; i++)
        agreeing += edges[i].weight > 0.5;
    *pose = moved;
    return agreeing / (SIDES * pose->fit.inliers);
}
