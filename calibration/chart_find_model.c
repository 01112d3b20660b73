/* Fits a whole blurred chart to the picture.
 *
 * The model: 24 flat patches of unknown color on one gap color, seen through a blur. It needs no visible
 * edges, so it works where blur has eaten the gaps or a patch is a few pixels wide. Position (8 numbers),
 * patch width and height and the blur are moved together by damped Gauss-Newton steps; the colors are solved
 * for in between. The blur's shape is the cubic B-spline, close to a Gaussian and free of transcendental
 * functions. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum {
    GRID_MAX = 14,
    GRID_GUESS = 8,
    COLORS = RUBOR_CHART_PATCHES + 1,
    GAP = RUBOR_CHART_PATCHES,
    UNKNOWNS = 11
};

/* Below this at the start there is no chart to be fitted. */
#define EXPLAINED_MIN 0.5
/* From here on the blur taken for granted is near enough. */
#define EXPLAINED_WELL 0.94

/* Standard deviation of the cubic B-spline with unit knots. */
#define SPLINE_SIGMA 0.57735026918962576

/* How much of the own patch and its two neighbors is seen at each offset along one axis, and how that changes
 * with the offset, the fill and the blur. */
typedef struct axis {
    double value[GRID_MAX][3], by_offset[GRID_MAX][3], by_fill[GRID_MAX][3], by_blur[GRID_MAX][3];
    bool seen[GRID_MAX][3]; /* any of these is not 0 */
} axis;

typedef struct model {
    rubor_cf_pose pose;
    double sigma_px;
    int grid;
    double pitch_px[2];
    axis axis[2];
    double color[COLORS][3]; /* differences from the gap; last the gap itself */
    double sample[RUBOR_CHART_PATCHES][GRID_MAX][GRID_MAX][3];
    double weight[RUBOR_CHART_PATCHES][GRID_MAX][GRID_MAX];
    double explained;
} model;

static double spline(double t)
{
    t = fabs(t);
    if (t >= 2)
        return 0;
    return t < 1 ? 2.0 / 3 - t * t + 0.5 * t * t * t : (2 - t) * (2 - t) * (2 - t) / 6;
}

static double spline_integral(double t)
{
    double a = fabs(t), above;
    if (a >= 2)
        above = 0.5;
    else if (a < 1)
        above = 2 * a / 3 - a * a * a / 3 + a * a * a * a / 8;
    else
        above = 0.5 - (2 - a) * (2 - a) * (2 - a) * (2 - a) / 24;
    return t < 0 ? 0.5 - above : 0.5 + above;
}

static void axis_make(axis *out, int grid, double fill, double sigma)
{
    double k = SPLINE_SIGMA / sigma;
    for (int i = 0; i < grid; i++)
        for (int j = 0; j < 3; j++) {
            double u = (i + 0.5) / grid - 0.5 - (j - 1), low = k * (u - 0.5 * fill),
                   high = k * (u + 0.5 * fill);
            double at_low = spline(low), at_high = spline(high);
            out->seen[i][j] = low < 2 && high > -2;
            out->value[i][j] = spline_integral(high) - spline_integral(low);
            out->by_offset[i][j] = k * (at_high - at_low);
            out->by_fill[i][j] = 0.5 * k * (at_high + at_low);
            out->by_blur[i][j] = -(at_high * high - at_low * low) / sigma;
        }
}

static double distance(const double h[9], double a0, double b0, double a1, double b1)
{
    double x0, y0, x1, y1;
    rubor_cf_project(&x0, &y0, h, a0, b0);
    rubor_cf_project(&x1, &y1, h, a1, b1);
    return sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0));
}

static void prepare(model *m)
{
    const double *h = m->pose.homography;
    m->pitch_px[0] = distance(h, 1, 2, 5, 2) / 4;
    m->pitch_px[1] = distance(h, 3, 1, 3, 3) / 2;
    for (int k = 0; k < 2; k++)
        axis_make(&m->axis[k], m->grid, m->pose.fill[k], m->sigma_px / m->pitch_px[k]);
}

static bool take_samples(model *m, const rubor_cf_image *image)
{
    int inside = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        for (int l = 0; l < m->grid; l++)
            for (int k = 0; k < m->grid; k++) {
                double a = i % 6 + (k + 0.5) / m->grid, b = i / 6 + (l + 0.5) / m->grid, x, y;
                rubor_cf_project(&x, &y, m->pose.homography, a, b);
                bool in = x >= 0 && y >= 0 && x <= image->width - 1 && y <= image->height - 1;
                if (in)
                    rubor_cf_image_at(m->sample[i][l][k], image, x, y);
                /* the blurred surroundings reach into the outer gaps */
                bool outer = a < 0.2 || a > 5.8 || b < 0.2 || b > 3.8;
                m->weight[i][l][k] = in && m->pose.fit.inlier[i] ? (outer ? 0.1 : 1) : 0;
                inside += in;
            }
    return inside * 2 > RUBOR_CHART_PATCHES * m->grid * m->grid;
}

/* The patches seen from patch i at one offset: index and share; returns how many. */
static int seen_from(int index[9], double share[9], const model *m, int i, int l, int k)
{
    int count = 0;
    for (int dr = -1; dr <= 1; dr++)
        for (int dc = -1; dc <= 1; dc++) {
            int c = i % 6 + dc, r = i / 6 + dr;
            double s = m->axis[0].value[k][dc + 1] * m->axis[1].value[l][dr + 1];
            if (c < 0 || c > 5 || r < 0 || r > 3 || s < 1e-6)
                continue;
            index[count] = r * 6 + c;
            share[count++] = s;
        }
    return count;
}

static bool solve_colors(model *m)
{
    double normal[COLORS * COLORS] = {0}, right[3][COLORS] = {{0}};
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        for (int l = 0; l < m->grid; l++)
            for (int k = 0; k < m->grid; k++) {
                int index[10];
                double share[10], w = m->weight[i][l][k];
                if (w <= 0)
                    continue;
                int count = seen_from(index, share, m, i, l, k);
                index[count] = GAP;
                share[count++] = 1;
                for (int p = 0; p < count; p++) {
                    for (int q = 0; q < count; q++)
                        normal[index[p] * COLORS + index[q]] += w * share[p] * share[q];
                    for (int c = 0; c < 3; c++)
                        right[c][index[p]] += w * share[p] * m->sample[i][l][k][c];
                }
            }
    for (int p = 0; p < COLORS; p++)
        normal[p * COLORS + p] += 1e-3 * m->grid;
    for (int c = 0; c < 3; c++) {
        double a[COLORS * COLORS];
        memcpy(a, normal, sizeof a);
        if (!rubor_cf_solve(a, right[c], COLORS))
            return false;
        for (int p = 0; p < COLORS; p++)
            m->color[p][c] = right[c][p];
    }
    return true;
}

/* Model value and slopes at one sample: [0] value, [1] by x, [2] by y, [3] by fill x, [4] by fill y, [5] by
 * blur. */
static void model_at(double out[6][3], const model *m, int i, int l, int k)
{
    const axis *ax = &m->axis[0], *ay = &m->axis[1];
    memset(out, 0, 6 * sizeof *out);
    for (int dr = -1; dr <= 1; dr++)
        for (int dc = -1; dc <= 1; dc++) {
            int c = i % 6 + dc, r = i / 6 + dr, p = dc + 1, q = dr + 1;
            if (c < 0 || c > 5 || r < 0 || r > 3 || !ax->seen[k][p] || !ay->seen[l][q])
                continue;
            const double *color = m->color[r * 6 + c];
            double vx = ax->value[k][p], vy = ay->value[l][q];
            double slope[6] = {vx * vy,
                               ax->by_offset[k][p] * vy,
                               vx * ay->by_offset[l][q],
                               ax->by_fill[k][p] * vy,
                               vx * ay->by_fill[l][q],
                               ax->by_blur[k][p] * vy / m->pitch_px[0] +
                                   vx * ay->by_blur[l][q] / m->pitch_px[1]};
            for (int s = 0; s < 6; s++)
                for (int ch = 0; ch < 3; ch++)
                    out[s][ch] += slope[s] * color[ch];
        }
    for (int ch = 0; ch < 3; ch++)
        out[0][ch] += m->color[GAP][ch];
}

/* Weights against what the model cannot explain, and how much of the variance it does. */
static void reweight(model *m, bool robust)
{
    double sum = 0, residual = 0, mean[3] = {0, 0, 0}, square = 0;
    double r2[RUBOR_CHART_PATCHES][GRID_MAX][GRID_MAX];
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        for (int l = 0; l < m->grid; l++)
            for (int k = 0; k < m->grid; k++) {
                double at[6][3], r = 0;
                double w = m->weight[i][l][k];
                r2[i][l][k] = 0;
                if (w <= 0)
                    continue;
                model_at(at, m, i, l, k);
                for (int c = 0; c < 3; c++) {
                    double v = m->sample[i][l][k][c], e = v - at[0][c];
                    r += e * e;
                    mean[c] += w * v;
                    square += w * v * v;
                }
                r2[i][l][k] = r;
                residual += w * r;
                sum += w;
            }
    if (sum < 1)
        return;
    double total = square - (mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2]) / sum;
    m->explained = total > 0 ? 1 - residual / total : 0;
    if (!robust)
        return;
    double scale = 6 * residual / sum + 12;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        for (int l = 0; l < m->grid; l++)
            for (int k = 0; k < m->grid; k++)
                if (m->weight[i][l][k] > 0)
                    m->weight[i][l][k] *= 1 / (1 + r2[i][l][k] / scale);
}

/* One Gauss-Newton step of position, fill and blur. */
static bool step(model *m, double strength)
{
    double normal[UNKNOWNS * UNKNOWNS] = {0}, right[UNKNOWNS] = {0}, total = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        for (int l = 0; l < m->grid; l++)
            for (int k = 0; k < m->grid; k++) {
                double at[6][3], w = m->weight[i][l][k];
                if (w <= 0)
                    continue;
                model_at(at, m, i, l, k);
                double x = i % 6 + (k + 0.5) / m->grid - 3, y = i / 6 + (l + 0.5) / m->grid - 2;
                for (int c = 0; c < 3; c++) {
                    double gx = at[1][c], gy = at[2][c], e = m->sample[i][l][k][c] - at[0][c];
                    double row[UNKNOWNS] = {gx,
                                            gx * x,
                                            gx * y,
                                            gy,
                                            gy * x,
                                            gy * y,
                                            x * (gx * x + gy * y),
                                            y * (gx * x + gy * y),
                                            at[3][c],
                                            at[4][c],
                                            at[5][c]};
                    for (int p = 0; p < UNKNOWNS; p++) {
                        for (int q = 0; q <= p; q++)
                            normal[p * UNKNOWNS + q] += w * row[p] * row[q];
                        right[p] += w * row[p] * e;
                    }
                    total += w * (gx * gx + gy * gy);
                }
            }
    for (int p = 0; p < UNKNOWNS; p++)
        for (int q = 0; q < p; q++)
            normal[q * UNKNOWNS + p] = normal[p * UNKNOWNS + q];
    /* held back a little: perspective, fill and blur more than position */
    static const double damping[UNKNOWNS] = {1e-4, 1e-3, 1e-3, 1e-4, 1e-3, 1e-3, 0.02, 0.02, 0.1, 0.1, 0};
    for (int p = 0; p < UNKNOWNS; p++)
        normal[p * UNKNOWNS + p] += strength * damping[p] * total + 1e-9;
    normal[(UNKNOWNS - 1) * (UNKNOWNS + 1)] += strength * 0.02 * total / (m->pitch_px[0] * m->pitch_px[1]);
    if (!rubor_cf_solve(normal, right, UNKNOWNS))
        return false;
    for (int p = 0; p < 8; p++)
        if (!(fabs(right[p]) < 0.6))
            return false;
    for (int k = 0; k < 2; k++) {
        double fill = m->pose.fill[k] + fmax(-0.08, fmin(0.08, right[8 + k]));
        m->pose.fill[k] = fmax(0.5, fmin(0.97, fill));
    }
    double limit = 0.2 * m->sigma_px + 0.2;
    m->sigma_px += fmax(-limit, fmin(limit, right[10]));
    m->sigma_px = fmax(0.35, fmin(0.45 * fmin(m->pitch_px[0], m->pitch_px[1]), m->sigma_px));
    return rubor_cf_pose_correct(&m->pose, right);
}

/* Colors and explained share at the model's present position and blur. */
static bool evaluate(model *m, const rubor_cf_image *image, bool robust)
{
    prepare(m);
    if (!take_samples(m, image) || !solve_colors(m))
        return false;
    reweight(m, robust);
    return true;
}

/* The blur that explains most, position as it is. */
static bool guess_blur(model *m, const rubor_cf_image *image)
{
    static const double shares[] = {0.05, 0.11, 0.18, 0.26};
    double pitch = fmin(m->pitch_px[0], m->pitch_px[1]), best = -1, at = 1;
    int grid = m->grid;
    m->grid = GRID_GUESS;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        m->sigma_px = fmax(0.4, shares[i] * pitch);
        if (!evaluate(m, image, false))
            break;
        if (m->explained > best) {
            best = m->explained;
            at = m->sigma_px;
        }
    }
    m->grid = grid;
    m->sigma_px = at;
    return best > EXPLAINED_MIN;
}

bool rubor_cf_model_fit(rubor_cf_pose *pose, const rubor_cf_image *image, int rounds)
{
    model m = {.pose = *pose, .sigma_px = pose->sigma_px > 0 ? pose->sigma_px : 1};
    double pitch = fmin(distance(pose->homography, 3, 2, 4, 2), distance(pose->homography, 3, 2, 3, 3));
    int most = rounds == 0 ? 10 : GRID_MAX;
    m.grid = pitch < 8 ? 8 : pitch > most ? most : (int)pitch;
    prepare(&m);
    if (rounds > 0 && pose->sigma_px <= 0 && !guess_blur(&m, image))
        return false;
    if (!evaluate(&m, image, rounds > 0))
        return false;
    if (rounds == 0 && m.explained < EXPLAINED_WELL &&
        (!guess_blur(&m, image) || !evaluate(&m, image, false)))
        return false;
    double damping = 1;
    for (int round = 0; round < rounds; round++) {
        model next = m;
        if (!solve_colors(&next) || !step(&next, damping) || !evaluate(&next, image, true) ||
            next.explained < m.explained) {
            damping *= 8;
            continue;
        }
        bool settled = next.explained < m.explained + 1e-3;
        damping = fmax(1, damping / 4);
        m = next;
        if (settled)
            break;
    }
    *pose = m.pose;
    pose->sigma_px = m.sigma_px;
    pose->explained = m.explained;
    return true;
}
