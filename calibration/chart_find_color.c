/* Which way the chart lies, by color, and whether it is the chart at all.
 *
 * Colors are compared as encoded values. A lamp, a white balance and an exposure act nearly as a gain and an
 * offset on each channel of them: the eight orientations of every 6 x 4 window are ranked by the correlation
 * of each channel, which no gain nor offset changes; the best are then fitted with an affine color model that
 * is held near one gain and offset a channel and leaves out patches that do not agree (covered, glaring). */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum { SPAN = RUBOR_CF_LATTICE_SPAN, HALF = RUBOR_CF_LATTICE_HALF, CANDIDATES = 8 };

/* Where no cell was seen the patch may be covered: it counts less. */
#define NO_CELL_WEIGHT 0.35f

/* Datacolor SpyderCheckr 24, before 2018, CIELAB D50, rows A to D: a chart of the same shape and nearly the
 * same colors in another order; known here so that it is named instead of taken for a ColorChecker. */
static const rubor_lab spydercheckr24[RUBOR_CHART_PATCHES] = {
    {96.04, 2.16, 2.60},    {80.44, 1.17, 2.05},    {65.52, 0.69, 1.86},     {49.62, 0.58, 1.56},
    {33.55, 0.35, 1.40},    {16.91, 1.43, -0.81},   {47.12, -32.50, -28.75}, {50.49, 53.45, -13.55},
    {83.61, 3.36, 87.02},   {41.05, 60.75, 31.17},  {54.14, -40.80, 34.75},  {24.75, 13.78, -49.48},
    {60.94, 38.21, 61.31},  {37.80, 7.30, -43.04},  {49.81, 48.50, 15.76},   {28.88, 19.36, -24.48},
    {72.45, -23.60, 60.47}, {71.65, 23.74, 72.28},  {70.19, -31.90, 1.98},   {54.38, 8.84, -25.71},
    {42.03, -15.80, 22.93}, {48.82, -5.11, -23.08}, {65.10, 18.14, 18.68},   {36.13, 14.15, 15.78},
};

/* Patch at column i, row j of a window under an orientation: 0..3 lie 6 x 4 (bit 0 flips x, bit 1 flips y),
 * 4..7 stand 4 x 6 (transposed first). */
static int oriented_patch(int orientation, int i, int j)
{
    int column = orientation < 4 ? i : j, row = orientation < 4 ? j : i;
    if (orientation & 1)
        column = RUBOR_CHART_COLUMNS - 1 - column;
    if (orientation & 2)
        row = RUBOR_CHART_ROWS - 1 - row;
    return row * RUBOR_CHART_COLUMNS + column;
}

/* Patterns of all orientations from the colors. */
static void reference_patterns(rubor_cf_reference *out)
{
    for (int o = 0; o < 8; o++)
        for (int c = 0; c < 3; c++) {
            float *p = out->pattern[o][c];
            double mean = 0, norm = 0;
            int columns = o < 4 ? 6 : 4;
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
                p[k] = (float)out->rgb[oriented_patch(o, k % columns, k / columns)][c];
                mean += p[k] / RUBOR_CHART_PATCHES;
            }
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
                norm += (p[k] - mean) * (p[k] - mean);
            for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
                p[k] = (float)((p[k] - mean) / sqrt(norm));
        }
}

static void reference_from_lab(rubor_cf_reference *out, const rubor_lab lab[RUBOR_CHART_PATCHES])
{
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double linear[3];
        rubor_lab_d50_to_linear(linear, lab[i]);
        /* whole numbers: the last bits of pow() may differ between processors */
        for (int c = 0; c < 3; c++)
            out->rgb[i][c] = floor(255 * rubor_srgb_encode(linear[c] > 0 ? linear[c] : 0) + 0.5);
    }
    reference_patterns(out);
}

void rubor_cf_reference_init(rubor_cf_reference *out)
{
    reference_from_lab(out, rubor_chart_table_get(RUBOR_EDITION_AFTER_2014)->lab_d50);
}

void rubor_cf_reference_init_foreign(rubor_cf_reference *out)
{
    reference_from_lab(out, spydercheckr24);
}

/* Color model of one channel: gain and a little of the other channels, offset, and some curvature. */
enum { TERMS = 5, CURVE = 3, OFFSET = 4 };

static void terms(double row[TERMS], const double reference[3], const double mean[3], int channel)
{
    for (int c = 0; c < 3; c++)
        row[c] = (reference[c] - mean[c]) / 64;
    row[CURVE] = row[channel] * row[channel] - 1;
    row[OFFSET] = 1;
}

/* Weighted fit of one channel, held near a gain and an offset of the same channel of the reference. guess
 * holds the values of the round before and is replaced: where a channel is clipped the guess beyond the limit
 * is believed. */
static bool fit_channel(double guess[RUBOR_CHART_PATCHES], double *gain, const rubor_cf_reference *reference,
                        const double (*rgb)[3], const double *weight, int channel, bool guess_known)
{
    double normal[TERMS * TERMS] = {0}, right[TERMS] = {0}, sum = 0, variance = 0, mean[3] = {0, 0, 0};
    double row[TERMS];
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        sum += weight[i];
        for (int c = 0; c < 3; c++)
            mean[c] += weight[i] * reference->rgb[i][c];
    }
    if (!(sum > 0.8))
        return false;
    for (int c = 0; c < 3; c++)
        mean[c] /= sum;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double value = rgb[i][channel];
        if (guess_known && ((value >= 250 && guess[i] > value) || (value <= 3 && guess[i] < value)))
            value = fmin(guess[i], 400);
        terms(row, reference->rgb[i], mean, channel);
        variance += weight[i] * row[channel] * row[channel];
        for (int a = 0; a < TERMS; a++) {
            for (int b = 0; b < TERMS; b++)
                normal[TERMS * a + b] += weight[i] * row[a] * row[b];
            right[a] += weight[i] * row[a] * value;
        }
    }
    for (int c = 0; c < 3; c++)
        normal[(TERMS + 1) * c] += (c != channel ? 0.15 : 0.0) * variance + 1e-6;
    normal[(TERMS + 1) * CURVE] += 0.3 * variance + 1e-6;
    if (!rubor_cf_solve(normal, right, TERMS))
        return false;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        terms(row, reference->rgb[i], mean, channel);
        guess[i] = 0;
        for (int a = 0; a < TERMS; a++)
            guess[i] += right[a] * row[a];
    }
    *gain = right[channel];
    return true;
}

/* Squared residual of every patch over the mean variance of the kept samples; returns explained variance. */
static double residuals(double *relative, const double (*rgb)[3], const double *weight,
                        const double guess[3][RUBOR_CHART_PATCHES])
{
    double explained = 0, total = 0, sum = 0, square[RUBOR_CHART_PATCHES] = {0};
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        sum += weight[i];
    for (int c = 0; c < 3; c++) {
        double mean = 0;
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
            mean += weight[i] * rgb[i][c] / sum;
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
            double e = rgb[i][c] - guess[c][i];
            if ((rgb[i][c] >= 250 && guess[c][i] > 250) || (rgb[i][c] <= 3 && guess[c][i] < 3))
                e = 0; /* clipped as the model says it should be */
            square[i] += e * e;
            total += weight[i] * (rgb[i][c] - mean) * (rgb[i][c] - mean);
            explained += weight[i] * e * e;
        }
    }
    double variance = total / sum;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        relative[i] = square[i] / (variance + 1e-9);
    return variance > 30 ? 1 - explained / total : 0;
}

/* Rounds of the fit: the first weigh residuals down gently (least absolute residuals), so that a few covered
 * patches of a glaring color cannot pull the model; the later ones leave out what lies beyond a shrinking
 * limit. */
enum { GENTLE_ROUNDS = 5, ROUNDS = 9 };

static void reweight(double *weight, const double *relative, const bool *valid, const bool *cell, int round)
{
    static const double cut[ROUNDS - GENTLE_ROUNDS] = {0.6, 0.45, 0.35, 0.35};
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        double t = 0;
        if (round < GENTLE_ROUNDS)
            t = 0.05 / (0.05 + sqrt(relative[i]));
        else if (relative[i] < cut[round - GENTLE_ROUNDS])
            t = (1 - relative[i] / cut[round - GENTLE_ROUNDS]) *
                (1 - relative[i] / cut[round - GENTLE_ROUNDS]);
        weight[i] = valid[i] ? t * (cell[i] || round > GENTLE_ROUNDS + 1 ? 1 : NO_CELL_WEIGHT) : 0;
    }
}

/* Fits the reference to sampled colors (patch order), leaving out what does not agree. cell: where a flat
 * cell was seen. */
static void fit_colors(rubor_cf_color_fit *out, const rubor_cf_reference *reference, const double (*rgb)[3],
                       const bool *valid, const bool *cell)
{
    double weight[RUBOR_CHART_PATCHES], relative[RUBOR_CHART_PATCHES], guess[3][RUBOR_CHART_PATCHES];
    *out = (rubor_cf_color_fit){0};
    int count = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        weight[i] = valid[i] ? (cell[i] ? 1 : NO_CELL_WEIGHT) : 0;
        count += valid[i];
    }
    if (count < 10)
        return;
    double score = 0, gain[3] = {0, 0, 0};
    for (int round = 0; round < ROUNDS; round++) {
        for (int c = 0; c < 3; c++)
            if (!fit_channel(guess[c], &gain[c], reference, rgb, weight, c, round > 0))
                return;
        score = residuals(relative, rgb, weight, (const double(*)[RUBOR_CHART_PATCHES])guess);
        reweight(weight, relative, valid, cell, round);
    }
    if (gain[0] <= 0 || gain[1] <= 0 || gain[2] <= 0)
        return;
    out->score = score;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        out->inlier[i] = valid[i] && relative[i] < 0.3;
        out->inliers += out->inlier[i];
        out->contradictions += valid[i] && cell[i] && !out->inlier[i];
    }
}

/* Colors at the nodes of a lattice, sampled when first asked for. */
typedef enum node_state { NODE_UNKNOWN = 0, NODE_SEEN, NODE_OUTSIDE } node_state;

typedef struct node_colors {
    double rgb[SPAN][SPAN][3];
    uint8_t state[SPAN][SPAN];
    const rubor_cf_image *image;
    const double *homography;
} node_colors;

static bool node_sample(node_colors *nodes, int a, int b)
{
    uint8_t *state = &nodes->state[b][a];
    if (*state != NODE_UNKNOWN)
        return *state == NODE_SEEN;
    const double *h = nodes->homography;
    double la = a - HALF, lb = b - HALF, x, y, x1, y1, x2, y2;
    rubor_cf_project(&x, &y, h, la, lb);
    rubor_cf_project(&x1, &y1, h, la + 0.22, lb);
    rubor_cf_project(&x2, &y2, h, la, lb + 0.22);
    double r2 = fmin((x1 - x) * (x1 - x) + (y1 - y) * (y1 - y), (x2 - x) * (x2 - x) + (y2 - y) * (y2 - y));
    bool ahead = h[6] * la + h[7] * lb + h[8] > 0;
    bool seen = ahead && rubor_cf_image_mean(nodes->rgb[b][a], nodes->image, x, y, r2 < 100 ? sqrt(r2) : 10);
    *state = seen ? NODE_SEEN : NODE_OUTSIDE;
    return seen;
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

/* Correlation of one channel of weighted samples (mean removed) with one orientation's pattern. */
static float correlation(const float *sample, const float *weight, float sum, float variance,
                         const float *pattern)
{
    float mean = 0, square = 0, dot = 0;
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        float wp = weight[k] * pattern[k];
        mean += wp;
        square += wp * pattern[k];
        dot += wp * sample[k];
    }
    float pattern_variance = square - mean * mean / sum;
    return pattern_variance > 1e-3f ? dot / sqrtf(pattern_variance * variance) : 0;
}

/* Scores the orientations of one window shape at one place. */
static void rank_window(candidate *best, const rubor_cf_reference *reference, node_colors *nodes,
                        const rubor_cf_lattice *lattice, int a0, int b0, int columns)
{
    float sample[3][RUBOR_CHART_PATCHES], weight[RUBOR_CHART_PATCHES], variance[3], sum = 0;
    int outside = 0, cells = 0;
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        int a = a0 + k % columns + HALF, b = b0 + k / columns + HALF;
        bool valid = node_sample(nodes, a, b);
        weight[k] = !valid ? 0 : lattice->node[b][a] >= 0 ? 1 : NO_CELL_WEIGHT;
        outside += !valid;
        cells += lattice->node[b][a] >= 0;
        sum += weight[k];
        for (int c = 0; c < 3; c++)
            sample[c][k] = valid ? (float)nodes->rgb[b][a][c] : 0;
    }
    if (outside > 6)
        return;
    for (int c = 0; c < 3; c++) {
        float mean = 0;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
            mean += weight[k] * sample[c][k];
        mean /= sum;
        variance[c] = 0;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
            sample[c][k] -= mean;
            variance[c] += weight[k] * sample[c][k] * sample[c][k];
        }
        if (variance[c] < 9 * sum)
            return;
    }
    /* a window full of cells deserves the fit that bears covered patches, whatever its plain correlation */
    double bonus = cells >= 20 ? 0.6 : cells >= 16 ? 0.3 : 0;
    int first = columns == 6 ? 0 : 4;
    for (int o = first; o < first + 4; o++) {
        double score = 0;
        for (int c = 0; c < 3; c++)
            score += correlation(sample[c], weight, sum, variance[c], reference->pattern[o][c]) / 3;
        remember(best, score + bonus, a0, b0, o);
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

static void mark_cells(rubor_cf_pose *pose, const rubor_cf_lattice *lattice, const candidate *at)
{
    int columns = at->orientation < 4 ? 6 : 4;
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        int i = k % columns, j = k / columns, patch = oriented_patch(at->orientation, i, j);
        pose->cell[patch] = lattice->node[at->b + j + HALF][at->a + i + HALF] >= 0;
        pose->cells += pose->cell[patch];
    }
}

/* Fits the colors of the candidates and keeps the best. */
static bool best_candidate(rubor_cf_pose *out, const rubor_cf_reference *reference,
                           const rubor_cf_image *image, const rubor_cf_lattice *lattice,
                           const candidate *best)
{
    bool found = false;
    *out = (rubor_cf_pose){0};
    for (int i = 0; i < CANDIDATES && best[i].orientation >= 0; i++) {
        rubor_cf_pose pose = {.fill = {0.8, 0.8}};
        double m[9];
        window_matrix(m, best[i].a, best[i].b, best[i].orientation);
        rubor_cf_matrix_multiply(pose.homography, lattice->homography, m);
        mark_cells(&pose, lattice, &best[i]);
        rubor_cf_pose_score(&pose, reference, image);
        if (rubor_cf_pose_rank(&pose) > rubor_cf_pose_rank(out)) {
            *out = pose;
            found = true;
        }
    }
    return found;
}

/* Corner nodes a window of so many columns may have. */
typedef struct range {
    int a_first, a_last, b_first, b_last;
} range;

static range window_range(const rubor_cf_lattice *lattice, int columns)
{
    int rows = RUBOR_CHART_PATCHES / columns;
    range r = {lattice->a_min - columns + 2, lattice->a_max - 1, lattice->b_min - rows + 2,
               lattice->b_max - 1};
    r.a_first = r.a_first < -HALF ? -HALF : r.a_first;
    r.b_first = r.b_first < -HALF ? -HALF : r.b_first;
    r.a_last = r.a_last > HALF - columns + 1 ? HALF - columns + 1 : r.a_last;
    r.b_last = r.b_last > HALF - rows + 1 ? HALF - rows + 1 : r.b_last;
    return r;
}

int rubor_cf_window_cells(const rubor_cf_lattice *lattice)
{
    int most = 0;
    for (int columns = 6; columns >= 4; columns -= 2) {
        range r = window_range(lattice, columns);
        for (int b = r.b_first; b <= r.b_last; b++)
            for (int a = r.a_first; a <= r.a_last; a++) {
                int cells = cells_inside(lattice, a, b, columns);
                most = cells > most ? cells : most;
            }
    }
    return most;
}

bool rubor_cf_window_best(rubor_cf_pose *out, const rubor_cf_reference *reference,
                          const rubor_cf_image *image, const rubor_cf_lattice *lattice, int cells_min)
{
    node_colors nodes;
    candidate best[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++)
        best[i] = (candidate){0.3, 0, 0, -1};
    memset(nodes.state, NODE_UNKNOWN, sizeof nodes.state);
    nodes.image = image;
    nodes.homography = lattice->homography;
    for (int columns = 6; columns >= 4; columns -= 2) {
        range r = window_range(lattice, columns);
        for (int b = r.b_first; b <= r.b_last; b++)
            for (int a = r.a_first; a <= r.a_last; a++)
                if (cells_inside(lattice, a, b, columns) >= cells_min)
                    rank_window(best, reference, &nodes, lattice, a, b, columns);
    }
    return best_candidate(out, reference, image, lattice, best);
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
        double radius = fmin(rubor_cf_length(x1 - x, y1 - y), rubor_cf_length(x2 - x, y2 - y));
        valid[i] = h[6] * a + h[7] * b + h[8] > 0 &&
                   rubor_cf_image_mean(rgb[i], image, x, y, radius < 60 ? radius : 60);
    }
    fit_colors(&pose->fit, reference, (const double(*)[3])rgb, valid, pose->cell);
}

double rubor_cf_pose_rank(const rubor_cf_pose *pose)
{
    const rubor_cf_color_fit *fit = &pose->fit;
    return fit->score < 0.8 ? 0 : fit->inliers + 0.25 * pose->cells - 0.75 * fit->contradictions;
}

static double between(double x, double at_half, double at_one)
{
    double t = 0.5 + 0.5 * (x - at_half) / (at_one - at_half);
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

double rubor_cf_pose_confidence(const rubor_cf_pose *pose)
{
    const rubor_cf_color_fit *fit = &pose->fit;
    double color = fmin(between(fit->inliers, 17.5, 22), between(fit->score, 0.88, 0.96));
    double whole = fmin(color, between(pose->explained, 0.72, 0.92));
    /* fewer patches in sight: then the rest must be seen as sharp cells of the right color */
    double part = 0;
    if (fit->inliers >= 13 && fit->inliers - fit->contradictions >= 8 && pose->cells >= 10 &&
        2 * fit->inliers + pose->cells >= 40 && fit->contradictions <= 6)
        part = fmin(0.7, fmin(between(fit->inliers, 13, 18), between(pose->explained, 0.93, 0.99)));
    return fmax(whole, part);
}
