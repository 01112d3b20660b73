#include "analyzer/registration_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Skin gives: neighboring nodes move apart by about this part of their distance. */
static const double strain = 0.012;
/* Structure is alike over about so many pixels, which are one observation together. */
static const double alike_px = 9;
static const double robust_scale = 0.8;
enum { GRID_DIVISIONS = 16, GRID_SAMPLES = 80000, GRID_SWEEPS = 40 };

typedef struct node {
    double a[3], b[2], step[2]; /* a: xx, xy, yy */
} node;

static void lay_grid(rubor_warp *warp)
{
    double columns = warp->unit_width * GRID_DIVISIONS + 1.5, rows = warp->unit_height * GRID_DIVISIONS + 1.5;
    warp->columns = columns < 3 ? 3 : columns > RUBOR_GRID ? RUBOR_GRID : (int)columns;
    warp->rows = rows < 3 ? 3 : rows > RUBOR_GRID ? RUBOR_GRID : (int)rows;
}

/* Adds one pixel's equation to its four nodes by nearness. */
static void add_pixel(node *nodes, const rubor_warp *warp, double ux, double uy, double gx, double gy,
                      double r)
{
    double x = (ux / warp->unit_width + 0.5) * (warp->columns - 1);
    double y = (uy / warp->unit_height + 0.5) * (warp->rows - 1);
    int i = (int)x, j = (int)y;
    i = i < 0 ? 0 : i > warp->columns - 2 ? warp->columns - 2 : i;
    j = j < 0 ? 0 : j > warp->rows - 2 ? warp->rows - 2 : j;
    double fx = x - i, fy = y - j, t = 1 + r * r / (robust_scale * robust_scale), robust = 1 / (t * t);
    for (int k = 0; k < 4; k++) {
        node *at = &nodes[(j + k / 2) * warp->columns + i + k % 2];
        double weight = robust * (k % 2 ? fx : 1 - fx) * (k / 2 ? fy : 1 - fy);
        at->a[0] += weight * gx * gx;
        at->a[1] += weight * gx * gy;
        at->a[2] += weight * gy * gy;
        at->b[0] += weight * gx * r;
        at->b[1] += weight * gy * r;
    }
}

/* Returns the mean squared residual, or a negative number when too little was seen. */
static double accumulate(node *nodes, const rubor_warp *warp, const rubor_structure_pyramid *visit,
                         const rubor_structure_pyramid *baseline, int level)
{
    const rubor_structure *v = &visit->level[level], *o = &baseline->level[level];
    int stride = rubor_structure_stride(v, GRID_SAMPLES);
    double sum = 0, n = 0;
    memset(nodes, 0, (size_t)warp->columns * (size_t)warp->rows * sizeof *nodes);
    for (int y = 0; y < v->height; y += stride)
        for (int x = 0; x < v->width; x += stride) {
            size_t i = (size_t)y * (size_t)v->width + (size_t)x;
            float s[3];
            if (!v->valid[i])
                continue;
            double ux = rubor_to_unit(x, v->width, visit->unit_width);
            double uy = rubor_to_unit(y, v->height, visit->unit_height);
            rubor_point q = rubor_warp_apply(warp, ux, uy);
            if (!rubor_structure_sample(o, rubor_from_unit(q.x, o->width, baseline->unit_width),
                                        rubor_from_unit(q.y, o->height, baseline->unit_height), s))
                continue;
            double r = v->s[i] - s[0];
            sum += r * r < 4 ? r * r : 4;
            n++;
            add_pixel(nodes, warp, ux, uy, s[1], s[2], r);
        }
    double scale = (double)stride * stride;
    for (int k = 0; k < warp->columns * warp->rows; k++) {
        for (int m = 0; m < 3; m++)
            nodes[k].a[m] *= scale;
        for (int m = 0; m < 2; m++)
            nodes[k].b[m] *= scale;
    }
    return n < 100 ? -1 : sum / n;
}

/* Gauss-Seidel on: data at each node, and neighbors that move alike. steps and displacements in px of the
 * level. */
static void solve(node *nodes, const rubor_warp *warp, double px_per_unit, double residual, double smoothness)
{
    double data = 1 / (alike_px * (residual > 0.05 ? residual : 0.05));
    for (int sweep = 0; sweep < GRID_SWEEPS; sweep++)
        for (int j = 0; j < warp->rows; j++)
            for (int i = 0; i < warp->columns; i++) {
                node *at = &nodes[j * warp->columns + i];
                double pull[2] = {0, 0}, neighbors = 0;
                const int around[4][2] = {{i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}};
                for (int k = 0; k < 4; k++) {
                    int ni = around[k][0], nj = around[k][1];
                    if (ni < 0 || nj < 0 || ni >= warp->columns || nj >= warp->rows)
                        continue;
                    neighbors++;
                    for (int m = 0; m < 2; m++)
                        pull[m] += (warp->grid[nj][ni][m] - warp->grid[j][i][m]) * px_per_unit +
                                   nodes[nj * warp->columns + ni].step[m];
                }
                double xx = data * at->a[0] + smoothness * neighbors + 1e-6, xy = data * at->a[1];
                double yy = data * at->a[2] + smoothness * neighbors + 1e-6;
                double bx = data * at->b[0] + smoothness * pull[0],
                       by = data * at->b[1] + smoothness * pull[1];
                double determinant = xx * yy - xy * xy;
                at->step[0] = (yy * bx - xy * by) / determinant;
                at->step[1] = (xx * by - xy * bx) / determinant;
            }
}

rubor_status rubor_align_grid(rubor_warp *warp, const rubor_structure_pyramid *visit,
                              const rubor_structure_pyramid *baseline, int level, int iterations,
                              rubor_error *error)
{
    if (warp->columns < 2)
        lay_grid(warp);
    node *nodes = malloc((size_t)RUBOR_GRID * RUBOR_GRID * sizeof *nodes);
    if (!nodes)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the local alignment");
    double px_per_unit = baseline->level[level].width / baseline->unit_width;
    double give_px = strain * warp->unit_width / (warp->columns - 1) * px_per_unit;
    for (int iteration = 0; iteration < iterations; iteration++) {
        double residual = accumulate(nodes, warp, visit, baseline, level);
        if (residual < 0)
            break;
        solve(nodes, warp, px_per_unit, residual, 1 / (give_px * give_px));
        for (int j = 0; j < warp->rows; j++)
            for (int i = 0; i < warp->columns; i++)
                for (int m = 0; m < 2; m++) {
                    double step = nodes[j * warp->columns + i].step[m];
                    step = step > 2 ? 2 : step < -2 ? -2 : step;
                    warp->grid[j][i][m] += step / px_per_unit;
                }
    }
    free(nodes);
    return RUBOR_OK;
}
