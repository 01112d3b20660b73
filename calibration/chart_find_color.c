/* Which way the chart lies, by color, and whether it is the chart at all.
 *
 * Colors are compared as encoded values. A lamp, a white balance and an exposure act nearly as a gain and an
 * offset on each channel of them: the eight orientations of every 6 x 4 window are ranked by the correlation
 * of each channel, which no gain nor offset changes; the best are then fitted with an affine color model that
 * is held near one gain and offset a channel and leaves out patches that do not agree (covered, glaring). */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum { SPAN = RUBOR_CF_LATTICE_SPAN, HALF = RUBOR_CF_LATTICE_HALF, CANDIDATES = 4 };

void rubor_cf_reference_init(rubor_cf_reference *out)
{
    const rubor_chart_table *table = rubor_chart_table_get(RUBOR_EDITION_AFTER_2014);
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double linear[3];
        rubor_lab_d50_to_linear(linear, table->lab_d50[i]);
        for (int c = 0; c < 3; c++)
            out->rgb[i][c] = 255 * rubor_srgb_encode(linear[c] > 0 ? linear[c] : 0);
    }
    for (int o = 0; o < 8; o++)
        for (int c = 0; c < 3; c++) {
            float *p = out->pattern[o][c];
            double mean = 0, norm = 0;
            int columns = o < 4 ? 6 : 4;
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
                p[k] = (float)out->rgb[rubor_cf_oriented_patch(o, k % columns, k / columns)][c];
                mean += p[k] / RUBOR_CHART_PATCHES;
            }
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
                norm += (p[k] - mean) * (p[k] - mean);
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
                p[k] = (float)((p[k] - mean) / sqrt(norm));
        }
}

int rubor_cf_oriented_patch(int orientation, int i, int j)
{
    int column = orientation < 4 ? i : j, row = orientation < 4 ? j : i;
    if (orientation & 1)
        column = RUBOR_CHART_COLUMNS - 1 - column;
    if (orientation & 2)
        row = RUBOR_CHART_ROWS - 1 - row;
    return row * RUBOR_CHART_COLUMNS + column;
}

/* Weighted affine fit of one channel, held near gain and offset of the same channel of the reference. */
static bool fit_channel(double model[4], const rubor_cf_reference *reference, const double (*rgb)[3],
                        const double *weight, int channel)
{
    double normal[16] = {0}, right[4] = {0}, sum = 0, variance = 0, mean[3] = {0, 0, 0};
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        sum += weight[i];
        for (int c = 0; c < 3; c++)
            mean[c] += weight[i] * reference->rgb[i][c];
    }
    if (!(sum > 3))
        return false;
    for (int c = 0; c < 3; c++)
        mean[c] /= sum;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double row[4] = {reference->rgb[i][0] - mean[0], reference->rgb[i][1] - mean[1],
                         reference->rgb[i][2] - mean[2], 1};
        variance += weight[i] * row[channel] * row[channel];
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 4; b++)
                normal[4 * a + b] += weight[i] * row[a] * row[b];
            right[a] += weight[i] * row[a] * rgb[i][channel];
        }
    }
    for (int c = 0; c < 3; c++)
        if (c != channel)
            normal[5 * c] += 0.15 * variance + 1e-6;
    normal[5 * channel] += 1e-6;
    if (!rubor_cf_solve(normal, right, 4))
        return false;
    for (int c = 0; c < 3; c++)
        model[c] = right[c];
    model[3] = right[3] - right[0] * mean[0] - right[1] * mean[1] - right[2] * mean[2];
    return true;
}

/* Squared residual of every patch over the mean variance of the kept samples; returns explained variance. */
static double residuals(double *relative, const rubor_cf_reference *reference, const double (*rgb)[3],
                        const double *weight, const double model[3][4])
{
    double explained = 0, total = 0, sum = 0, square[RUBOR_CHART_PATCHES] = {0};
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        sum += weight[i];
    for (int c = 0; c < 3; c++) {
        double mean = 0;
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
            mean += weight[i] * rgb[i][c] / sum;
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
            const double *r = reference->rgb[i];
            double guess = model[c][0] * r[0] + model[c][1] * r[1] + model[c][2] * r[2] + model[c][3];
            double e = rgb[i][c] - guess;
            if ((rgb[i][c] >= 250 && guess > 250) || (rgb[i][c] <= 3 && guess < 3))
                e = 0; /* clipped as the model says it should be */
            square[i] += e * e;
            total += weight[i] * (rgb[i][c] - mean) * (rgb[i][c] - mean);
            explained += weight[i] * e * e;
        }
    }
    double variance = total / sum;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        relative[i] = square[i] / (variance + 1e-9);
    return total > 24 * 30 ? 1 - explained / total : 0;
}

void rubor_cf_color_fit_run(rubor_cf_color_fit *out, const rubor_cf_reference *reference,
                            const double (*rgb)[3], const bool *valid)
{
    static const double cut[] = {1.5, 0.9, 0.6, 0.45, 0.35, 0.35};
    double weight[RUBOR_CHART_PATCHES], relative[RUBOR_CHART_PATCHES], model[3][4];
    *out = (rubor_cf_color_fit){0};
    int count = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        weight[i] = valid[i] ? 1 : 0;
        count += valid[i];
    }
    if (count < 10)
        return;
    for (size_t round = 0; round < sizeof cut / sizeof *cut; round++) {
        for (int c = 0; c < 3; c++)
            if (!fit_channel(model[c], reference, rgb, weight, c))
                return;
        out->score = residuals(relative, reference, rgb, weight, (const double(*)[4])model);
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
            double t = 1 - relative[i] / cut[round];
            weight[i] = valid[i] && t > 0 ? t * t : 0;
        }
    }
    for (int c = 0; c < 3; c++)
        if (model[c][c] <= 0)
            return;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        out->inlier[i] = valid[i] && relative[i] < 0.3;
        out->inliers += out->inlier[i];
    }
    /* 0.5 at 14 patches explained to 90 %, 1 at 22 explained to 97 % */
    double by_count = 0.5 + (out->inliers - 14) / 16.0, by_score = 0.5 + (out->score - 0.88) / 0.14;
    double confidence = fmin(by_count, by_score);
    out->confidence = confidence < 0 ? 0 : confidence > 1 ? 1 : confidence;
}

typedef struct node_colors {
    double rgb[SPAN][SPAN][3];
    bool valid[SPAN][SPAN];
    int a_min, a_max, b_min, b_max;
} node_colors;

static void sample_nodes(node_colors *out, const rubor_cf_image *image, const rubor_cf_lattice *lattice)
{
    out->a_min = lattice->a_min - 4 < -HALF ? -HALF : lattice->a_min - 4;
    out->a_max = lattice->a_max + 4 > HALF ? HALF : lattice->a_max + 4;
    out->b_min = lattice->b_min - 4 < -HALF ? -HALF : lattice->b_min - 4;
    out->b_max = lattice->b_max + 4 > HALF ? HALF : lattice->b_max + 4;
    const double *h = lattice->homography;
    for (int b = out->b_min; b <= out->b_max; b++)
        for (int a = out->a_min; a <= out->a_max; a++) {
            double x, y, x1, y1, x2, y2;
            rubor_cf_project(&x, &y, h, a, b);
            rubor_cf_project(&x1, &y1, h, a + 0.22, b);
            rubor_cf_project(&x2, &y2, h, a, b + 0.22);
            double radius = fmin(hypot(x1 - x, y1 - y), hypot(x2 - x, y2 - y));
            bool ahead = h[6] * a + h[7] * b + h[8] > 0;
            out->valid[b + HALF][a + HALF] = ahead && rubor_cf_image_mean(out->rgb[b + HALF][a + HALF], image,
                                                                          x, y, radius < 40 ? radius : 40);
        }
}

typedef struct candidate {
    double score;
    int a, b, orientation;
} candidate;

static void remember(candidate *best, double score, int a, int b, int orientation)
{
    int at = CANDIDATES - 1;
    if (score <= best[at].score)
        return;
    while (at > 0 && best[at - 1].score < score) {
        best[at] = best[at - 1];
        at--;
    }
    best[at] = (candidate){score, a, b, orientation};
}

/* Scores the orientations of one window shape at one place. */
static void rank_window(candidate *best, const rubor_cf_reference *reference, const node_colors *nodes,
                        int a0, int b0, int columns)
{
    float sample[3][RUBOR_CHART_PATCHES], norm[3];
    bool valid[RUBOR_CHART_PATCHES];
    int outside = 0;
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        int a = a0 + k % columns + HALF, b = b0 + k / columns + HALF;
        valid[k] = nodes->valid[b][a];
        outside += !valid[k];
        for (int c = 0; c < 3; c++)
            sample[c][k] = valid[k] ? (float)nodes->rgb[b][a][c] : 0;
    }
    if (outside > 6)
        return;
    for (int c = 0; c < 3; c++) {
        float mean = 0, sum = 0;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
            mean += sample[c][k];
        mean /= (float)(RUBOR_CHART_PATCHES - outside);
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
            sample[c][k] = valid[k] ? sample[c][k] - mean : 0;
            sum += sample[c][k] * sample[c][k];
        }
        norm[c] = sqrtf(sum);
        if (norm[c] < 20)
            return;
    }
    int first = columns == 6 ? 0 : 4;
    for (int o = first; o < first + 4; o++) {
        double score = 0;
        for (int c = 0; c < 3; c++) {
            float dot = 0;
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
                dot += sample[c][k] * reference->pattern[o][c][k];
            score += dot / norm[c] / 3;
        }
        remember(best, score, a0, b0, o);
    }
}

/* Chart plane -> lattice coordinates for a window's corner node and orientation. */
static void window_matrix(double m[9], int a0, int b0, int orientation)
{
    double sx = orientation & 1 ? -1 : 1, sy = orientation & 2 ? -1 : 1;
    double ox = orientation & 1 ? 5.5 : -0.5, oy = orientation & 2 ? 3.5 : -0.5;
    memset(m, 0, 9 * sizeof *m);
    m[8] = 1;
    if (orientation < 4) {
        m[0] = sx;
        m[2] = a0 + ox;
        m[4] = sy;
        m[5] = b0 + oy;
    } else {
        m[1] = sy;
        m[2] = a0 + oy;
        m[3] = sx;
        m[5] = b0 + ox;
    }
}

static int cells_inside(const rubor_cf_lattice *lattice, int a0, int b0, int columns)
{
    int count = 0, rows = RUBOR_CHART_PATCHES / columns;
    for (int b = b0; b < b0 + rows; b++)
        for (int a = a0; a < a0 + columns; a++)
            count += lattice->node[b + HALF][a + HALF] >= 0;
    return count;
}

bool rubor_cf_window_best(rubor_cf_pose *out, const rubor_cf_reference *reference,
                          const rubor_cf_image *image, const rubor_cf_lattice *lattice)
{
    node_colors nodes;
    candidate best[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++)
        best[i] = (candidate){0.45, 0, 0, -1};
    sample_nodes(&nodes, image, lattice);
    for (int columns = 6; columns >= 4; columns -= 2) {
        int rows = RUBOR_CHART_PATCHES / columns;
        for (int b = nodes.b_min; b + rows - 1 <= nodes.b_max; b++)
            for (int a = nodes.a_min; a + columns - 1 <= nodes.a_max; a++)
                if (cells_inside(lattice, a, b, columns) >= 5)
                    rank_window(best, reference, &nodes, a, b, columns);
    }
    bool found = false;
    out->fit = (rubor_cf_color_fit){0};
    for (int i = 0; i < CANDIDATES && best[i].orientation >= 0; i++) {
        rubor_cf_pose pose = {.fill = {0.8, 0.8}};
        double m[9];
        window_matrix(m, best[i].a, best[i].b, best[i].orientation);
        rubor_cf_matrix_multiply(pose.homography, lattice->homography, m);
        rubor_cf_pose_score(&pose, reference, image);
        if (pose.fit.confidence > out->fit.confidence) {
            *out = pose;
            found = true;
        }
    }
    return found;
}

void rubor_cf_pose_score(rubor_cf_pose *pose, const rubor_cf_reference *reference,
                         const rubor_cf_image *image)
{
    double rgb[RUBOR_CHART_PATCHES][3] = {{0}};
    bool valid[RUBOR_CHART_PATCHES];
    const double *h = pose->homography;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double a = i % 6 + 0.5, b = i / 6 + 0.5, x, y, x1, y1, x2, y2;
        rubor_cf_project(&x, &y, h, a, b);
        rubor_cf_project(&x1, &y1, h, a + 0.25, b);
        rubor_cf_project(&x2, &y2, h, a, b + 0.25);
        double radius = fmin(hypot(x1 - x, y1 - y), hypot(x2 - x, y2 - y));
        valid[i] = h[6] * a + h[7] * b + h[8] > 0 &&
                   rubor_cf_image_mean(rgb[i], image, x, y, radius < 60 ? radius : 60);
    }
    rubor_cf_color_fit_run(&pose->fit, reference, (const double(*)[3])rgb, valid);
}
