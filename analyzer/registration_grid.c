#include "analyzer/registration_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Skin gives: neighboring nodes move apart by about this part of their distance, and that changes from one to
 * the next by about that. */
static const double strain = 0.1, bending = 0.025;
/* Structure is alike over about so many pixels, which are one observation together. */
static const double alike_px = 9;
static const double robust_factor = 2;
enum { GRID_DIVISIONS = 16, GRID_SAMPLES = 80000, GRID_SWEEPS = 40 };

typedef struct node {
    rubor_pair x, b; /* x: xx and xy of the equations */
    double yy;
    double total[2]; /* displacement, px of the level */
} node;

static void lay_grid(rubor_warp *warp)
{
    double columns = warp->unit_width * GRID_DIVISIONS + 1.5, rows = warp->unit_height * GRID_DIVISIONS + 1.5;
    warp->columns = columns < 3 ? 3 : columns > RUBOR_GRID ? RUBOR_GRID : (int)columns;
    warp->rows = rows < 3 ? 3 : rows > RUBOR_GRID ? RUBOR_GRID : (int)rows;
}

/* Where a column or a row of the level lies on the grid: between line and the next, part of the way. */
typedef struct grid_place {
    double unit; /* unit coordinate */
    double part;
    int line;
} grid_place;

static grid_place place_on_grid(double unit, double unit_size, int lines)
{
    double at = (unit / unit_size + 0.5) * (lines - 1);
    at = at < 0 ? 0 : at > lines - 1 ? lines - 1 : at;
    int line = (int)at;
    line = line > lines - 2 ? lines - 2 : line;
    return (grid_place){unit, at - line, line};
}

/* rubor_warp_apply at a place of the template that is already found on the grid: the same sums. */
static inline rubor_pair apply_at(const rubor_warp *warp, const grid_place *column, const grid_place *row)
{
    const double(*upper)[2] = &warp->grid[row->line][column->line], (*lower)[2] = upper + RUBOR_GRID;
    return rubor_project(warp->h, column->unit, row->unit) +
           rubor_between_nodes(upper, lower, column->part, row->part);
}

/* Adds one pixel's equation to its four nodes by nearness. */
static inline void add_pixel(node *nodes, int columns, const grid_place *column, const grid_place *row,
                             rubor_value s, double r, double robust)
{
    const rubor_pair slopes = {s[1], s[2]}, across = {1 - column->part, column->part};
    double t = 1 + r * r * robust, certain = 1 / (t * t);
    const rubor_pair weights[2] = {certain * across * (1 - row->part), certain * across * row->part};
    node *at = &nodes[row->line * columns + column->line];
    for (int k = 0; k < 4; k++) {
        node *to = at + (k / 2) * columns + k % 2;
        rubor_pair weighted = weights[k / 2][k % 2] * slopes;
        to->x += weighted[0] * slopes;
        to->b += weighted * r;
        to->yy += weighted[1] * slopes[1];
    }
}

/* Mean squared residual, how many pixels it is of, and their products. */
typedef struct fit {
    double sum, n, vv, oo, vo;
} fit;

static void add_row(node *nodes, fit *f, const rubor_warp *warp, const rubor_structure *v, int y, int stride,
                    const grid_place *columns, const rubor_structure *o, const rubor_unit_scale *to,
                    const grid_place *row, double robust)
{
    fit sums = *f;
    for (int x = 0; x < v->width; x += stride) {
        size_t i = (size_t)y * (size_t)v->width + (size_t)x;
        rubor_value s;
        if (!v->valid[i] || !rubor_structure_sample(o, rubor_from_unit(to, apply_at(warp, &columns[x], row)), &s))
            continue;
        double r = v->s[i] - s[0];
        sums.sum += r * r < 9 ? r * r : 9;
        sums.vv += v->s[i] * v->s[i];
        sums.oo += s[0] * s[0];
        sums.vo += v->s[i] * s[0];
        sums.n++;
        add_pixel(nodes, warp->columns, &columns[x], row, s, r, robust);
    }
    *f = sums;
}

/* columns: room for the level's width. Returns the mean squared residual, or a negative number when too little
 * was seen. */
static double accumulate(node *nodes, grid_place *columns, const rubor_warp *warp,
                         const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline,
                         int level, double residual)
{
    const rubor_structure *v = &visit->level[level], *o = &baseline->level[level];
    rubor_unit_scale from = rubor_unit_scale_of(visit, level), to = rubor_unit_scale_of(baseline, level);
    int stride = rubor_structure_stride(v, GRID_SAMPLES);
    double robust = 1 / (robust_factor * robust_factor * residual);
    fit f = {0};
    memset(nodes, 0, (size_t)warp->columns * (size_t)warp->rows * sizeof *nodes);
    for (int x = 0; x < v->width; x += stride)
        columns[x] = place_on_grid(rubor_to_unit(&from, x, 0).x, warp->unit_width, warp->columns);
    for (int y = 0; y < v->height; y += stride) {
        grid_place row = place_on_grid(rubor_to_unit(&from, 0, y).y, warp->unit_height, warp->rows);
        add_row(nodes, &f, warp, v, y, stride, columns, o, &to, &row, robust);
    }
    /* Noise has gradients too: only the correlated part of them knows where the skin is. */
    double both = sqrt(f.vv * f.oo), known = f.vo > 0.02 * both ? f.vo / sqrt(f.vv * f.oo + 1e-12) : 0.02;
    double scale = known * stride * stride;
    for (int k = 0; k < warp->columns * warp->rows; k++) {
        nodes[k].x *= scale;
        nodes[k].b *= scale;
        nodes[k].yy *= scale;
    }
    return f.n < 100 ? -1 : f.sum > 0.05 * f.n ? f.sum / f.n : 0.05;
}

/* What neighbors ask of node (i, j): diagonal weight returned, pull added. Neighbors move alike (stiff), and
 * along each line three in a row keep the middle one in the middle (bend). */
static double neighbors_pull(double pull[2], const node *nodes, int columns, int rows, int i, int j,
                             double stiff, double bend)
{
    static const int steps[2][2] = {{1, 0}, {0, 1}};
    double diagonal = 0;
    pull[0] = pull[1] = 0;
    for (int axis = 0; axis < 2; axis++) {
        int di = steps[axis][0], dj = steps[axis][1], at = axis ? j : i, count = axis ? rows : columns;
        const node *here = &nodes[j * columns + i];
        ptrdiff_t stride = (ptrdiff_t)dj * columns + di;
        for (int side = -1; side <= 1; side += 2) {
            if (at + side < 0 || at + side >= count)
                continue;
            diagonal += stiff;
            for (int m = 0; m < 2; m++)
                pull[m] += stiff * here[side * stride].total[m];
            if (at + 2 * side < 0 || at + 2 * side >= count)
                continue;
            diagonal += bend;
            for (int m = 0; m < 2; m++)
                pull[m] += bend * (2 * here[side * stride].total[m] - here[2 * side * stride].total[m]);
        }
        if (at > 0 && at < count - 1) {
            diagonal += 4 * bend;
            for (int m = 0; m < 2; m++)
                pull[m] += 2 * bend * (here[-stride].total[m] + here[stride].total[m]);
        }
    }
    return diagonal;
}

/* Gauss-Seidel over the nodes' displacements, px of the level: data against what neighbors ask. */
static void solve(node *nodes, int columns, int rows, double residual, double stiff, double bend)
{
    double data = 1 / (alike_px * residual);
    for (int k = 0; k < columns * rows; k++) { /* from an equation for the step to one for the total */
        node *at = &nodes[k];
        at->b[0] += at->x[0] * at->total[0] + at->x[1] * at->total[1];
        at->b[1] += at->x[1] * at->total[0] + at->yy * at->total[1];
    }
    for (int sweep = 0; sweep < GRID_SWEEPS; sweep++)
        for (int j = 0; j < rows; j++)
            for (int i = 0; i < columns; i++) {
                node *at = &nodes[j * columns + i];
                double pull[2], diagonal = neighbors_pull(pull, nodes, columns, rows, i, j, stiff, bend);
                double xx = data * at->x[0] + diagonal, xy = data * at->x[1], yy = data * at->yy + diagonal;
                double bx = data * at->b[0] + pull[0], by = data * at->b[1] + pull[1];
                double determinant = xx * yy - xy * xy;
                at->total[0] = (yy * bx - xy * by) / determinant;
                at->total[1] = (xx * by - xy * bx) / determinant;
            }
}

rubor_status rubor_align_grid(rubor_warp *warp, const rubor_structure_pyramid *visit,
                              const rubor_structure_pyramid *baseline, int level, int iterations,
                              rubor_error *error)
{
    if (warp->columns < 2)
        lay_grid(warp);
    node *nodes = malloc((size_t)RUBOR_GRID * RUBOR_GRID * sizeof *nodes);
    grid_place *places = malloc((size_t)visit->level[level].width * sizeof *places);
    if (!nodes || !places) {
        free(nodes);
        free(places);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the local alignment");
    }
    double px_per_unit = baseline->side / baseline->level[level].step;
    double spacing_px = warp->unit_width / (warp->columns - 1) * px_per_unit;
    double give_px = strain * spacing_px, bend_px = bending * spacing_px;
    double residual = 1;
    for (int iteration = 0; iteration < iterations; iteration++) {
        residual = accumulate(nodes, places, warp, visit, baseline, level, residual);
        if (residual < 0)
            break;
        for (int k = 0; k < warp->columns * warp->rows; k++)
            for (int m = 0; m < 2; m++)
                nodes[k].total[m] = warp->grid[k / warp->columns][k % warp->columns][m] * px_per_unit;
        solve(nodes, warp->columns, warp->rows, residual, 1 / (give_px * give_px), 1 / (bend_px * bend_px));
        for (int k = 0; k < warp->columns * warp->rows; k++)
            for (int m = 0; m < 2; m++) {
                double *to = &warp->grid[k / warp->columns][k % warp->columns][m];
                double step = nodes[k].total[m] - *to * px_per_unit;
                *to += (step > 2 ? 2 : step < -2 ? -2 : step) / px_per_unit;
            }
    }
    free(nodes);
    free(places);
    return RUBOR_OK;
}
