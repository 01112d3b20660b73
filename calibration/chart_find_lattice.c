/* Lattices of cells.
 *
 * Four neighboring cells start one; it grows cell by cell from its own local steps, so that perspective and a
 * different gap per axis need no model, then jumps over missing cells with a homography through what it has.
 */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum { NEIGHBORS = 8, CELLS_MIN = 6, SEED_SPREAD_MIN = 30 };

/* In pitches: how far from where it is expected a cell may lie while growing, and in the end. */
#define GROW_REACH 0.18
#define KEEP_REACH 0.14

typedef struct neighbor {
    int cell;
    double dx, dy, distance2;
} neighbor;

typedef struct point {
    double x, y;
} point;

static int *node_at(rubor_cf_lattice *lattice, int a, int b)
{
    return &lattice->node[b + RUBOR_CF_LATTICE_HALF][a + RUBOR_CF_LATTICE_HALF];
}

static bool node_get(point *out, const rubor_cf_lattice *lattice, const rubor_cf_cells *cells, int a, int b)
{
    if (a < -RUBOR_CF_LATTICE_HALF || a > RUBOR_CF_LATTICE_HALF || b < -RUBOR_CF_LATTICE_HALF ||
        b > RUBOR_CF_LATTICE_HALF)
        return false;
    int cell = lattice->node[b + RUBOR_CF_LATTICE_HALF][a + RUBOR_CF_LATTICE_HALF];
    if (cell < 0)
        return false;
    *out = (point){cells->cell[cell].x, cells->cell[cell].y};
    return true;
}

static bool holds(const rubor_cf_lattice *lattice, int cell)
{
    for (int b = lattice->b_min; b <= lattice->b_max; b++)
        for (int a = lattice->a_min; a <= lattice->a_max; a++)
            if (lattice->node[b + RUBOR_CF_LATTICE_HALF][a + RUBOR_CF_LATTICE_HALF] == cell)
                return true;
    return false;
}

static void put(rubor_cf_lattice *lattice, int a, int b, int cell)
{
    *node_at(lattice, a, b) = cell;
    lattice->count++;
    if (a < lattice->a_min)
        lattice->a_min = a;
    if (a > lattice->a_max)
        lattice->a_max = a;
    if (b < lattice->b_min)
        lattice->b_min = b;
    if (b > lattice->b_max)
        lattice->b_max = b;
}

/* Cells near one cell, nearest first. */
static int neighbors_of(neighbor *out, const rubor_cf_cells *cells, int index)
{
    const rubor_cf_cell *c = &cells->cell[index];
    /* blurred cells are small for their pitch */
    double reach = (cells->size_ratio < 2 ? 2.6 : 3.8) * c->size + 2;
    int count = 0;
    int x0 = (int)((c->x - reach) / cells->bin_px), x1 = (int)((c->x + reach) / cells->bin_px);
    int y0 = (int)((c->y - reach) / cells->bin_px), y1 = (int)((c->y + reach) / cells->bin_px);
    for (int j = y0 > 0 ? y0 : 0; j <= y1 && j < cells->bins_y; j++)
        for (int i = x0 > 0 ? x0 : 0; i <= x1 && i < cells->bins_x; i++) {
            int bin = j * cells->bins_x + i;
            for (int m = cells->bin_start[bin]; m < cells->bin_start[bin + 1]; m++) {
                int other = cells->bin_cell[m];
                const rubor_cf_cell *o = &cells->cell[other];
                double dx = o->x - c->x, dy = o->y - c->y, d2 = dx * dx + dy * dy;
                if (other == index || d2 > reach * reach || o->size > cells->size_ratio * c->size ||
                    c->size > cells->size_ratio * o->size || d2 < 0.4 * c->size * c->size)
                    continue;
                if (count == NEIGHBORS && d2 >= out[count - 1].distance2)
                    continue;
                int at = count < NEIGHBORS ? count++ : count - 1;
                while (at > 0 && out[at - 1].distance2 > d2) {
                    out[at] = out[at - 1];
                    at--;
                }
                out[at] = (neighbor){other, dx, dy, d2};
            }
        }
    return count;
}

/* Where an empty node should be, from the steps around it: mean of what straight lines and parallelograms
 * say. */
static bool predict(point *out, double *pitch, const rubor_cf_lattice *lattice, const rubor_cf_cells *cells,
                    int a, int b)
{
    static const int steps[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    double x = 0, y = 0, step = 0;
    int votes = 0;
    for (int k = 0; k < 4; k++) {
        int da = steps[k][0], db = steps[k][1];
        point one, two, side, side_next;
        if (!node_get(&one, lattice, cells, a + da, b + db))
            continue;
        if (node_get(&two, lattice, cells, a + 2 * da, b + 2 * db)) {
            x += 2 * one.x - two.x;
            y += 2 * one.y - two.y;
            step += rubor_cf_length(one.x - two.x, one.y - two.y);
            votes++;
        }
        for (int s = -1; s <= 1; s += 2) {
            int ea = s * db, eb = s * da; /* across the step */
            if (node_get(&side, lattice, cells, a + ea, b + eb) &&
                node_get(&side_next, lattice, cells, a + da + ea, b + db + eb)) {
                x += one.x + side.x - side_next.x;
                y += one.y + side.y - side_next.y;
                step += rubor_cf_length(side.x - side_next.x, side.y - side_next.y);
                votes++;
            }
        }
    }
    if (votes == 0)
        return false;
    *out = (point){x / votes, y / votes};
    *pitch = step / votes;
    return true;
}

static bool grow_once(rubor_cf_lattice *lattice, const rubor_cf_cells *cells, double size)
{
    bool grown = false;
    int a0 = lattice->a_min - 1, a1 = lattice->a_max + 1, b0 = lattice->b_min - 1, b1 = lattice->b_max + 1;
    for (int b = b0; b <= b1; b++)
        for (int a = a0; a <= a1; a++) {
            if (a <= -RUBOR_CF_LATTICE_HALF || a >= RUBOR_CF_LATTICE_HALF || b <= -RUBOR_CF_LATTICE_HALF ||
                b >= RUBOR_CF_LATTICE_HALF || *node_at(lattice, a, b) >= 0)
                continue;
            point at;
            double pitch;
            if (!predict(&at, &pitch, lattice, cells, a, b))
                continue;
            int cell = rubor_cf_cells_nearest(cells, at.x, at.y, GROW_REACH * pitch, size);
            if (cell >= 0 && !holds(lattice, cell)) {
                put(lattice, a, b, cell);
                grown = true;
            }
        }
    return grown;
}

static bool fit(rubor_cf_lattice *lattice, const rubor_cf_cells *cells)
{
    double ab[RUBOR_CF_LATTICE_SPAN * RUBOR_CF_LATTICE_SPAN][2],
        xy[RUBOR_CF_LATTICE_SPAN * RUBOR_CF_LATTICE_SPAN][2];
    int count = 0;
    for (int b = lattice->b_min; b <= lattice->b_max; b++)
        for (int a = lattice->a_min; a <= lattice->a_max; a++) {
            point p;
            if (!node_get(&p, lattice, cells, a, b))
                continue;
            ab[count][0] = a;
            ab[count][1] = b;
            xy[count][0] = p.x;
            xy[count][1] = p.y;
            count++;
        }
    return rubor_cf_homography_fit(lattice->homography, (const double(*)[2])ab, (const double(*)[2])xy, NULL,
                                   count);
}

/* Looks for cells up to two nodes outside and in the holes, where the homography says they would be. */
static bool jump_once(rubor_cf_lattice *lattice, const rubor_cf_cells *cells, double size)
{
    bool grown = false;
    int a0 = lattice->a_min - 2, a1 = lattice->a_max + 2, b0 = lattice->b_min - 2, b1 = lattice->b_max + 2;
    for (int b = b0; b <= b1; b++)
        for (int a = a0; a <= a1; a++) {
            if (a <= -RUBOR_CF_LATTICE_HALF || a >= RUBOR_CF_LATTICE_HALF || b <= -RUBOR_CF_LATTICE_HALF ||
                b >= RUBOR_CF_LATTICE_HALF || *node_at(lattice, a, b) >= 0)
                continue;
            double x, y, x1, y1, x2, y2;
            rubor_cf_project(&x, &y, lattice->homography, a, b);
            rubor_cf_project(&x1, &y1, lattice->homography, a + 1, b);
            rubor_cf_project(&x2, &y2, lattice->homography, a, b + 1);
            double pitch = fmin(rubor_cf_length(x1 - x, y1 - y), rubor_cf_length(x2 - x, y2 - y));
            int cell = rubor_cf_cells_nearest(cells, x, y, GROW_REACH * pitch, size);
            if (cell >= 0 && !holds(lattice, cell)) {
                put(lattice, a, b, cell);
                grown = true;
            }
        }
    return grown;
}

/* Takes out nodes that do not lie where the homography through all says; false when too few are left. */
static bool prune(rubor_cf_lattice *lattice, const rubor_cf_cells *cells)
{
    int removed = 0;
    for (int b = lattice->b_min; b <= lattice->b_max; b++)
        for (int a = lattice->a_min; a <= lattice->a_max; a++) {
            point p;
            double x, y, x1, y1, x2, y2;
            if (!node_get(&p, lattice, cells, a, b))
                continue;
            rubor_cf_project(&x, &y, lattice->homography, a, b);
            rubor_cf_project(&x1, &y1, lattice->homography, a + 1, b);
            rubor_cf_project(&x2, &y2, lattice->homography, a, b + 1);
            double pitch2 =
                fmin((x1 - x) * (x1 - x) + (y1 - y) * (y1 - y), (x2 - x) * (x2 - x) + (y2 - y) * (y2 - y));
            double off2 = (p.x - x) * (p.x - x) + (p.y - y) * (p.y - y);
            if (off2 > KEEP_REACH * KEEP_REACH * pitch2) {
                *node_at(lattice, a, b) = -1;
                removed++;
            }
        }
    lattice->count -= removed;
    if (lattice->count < CELLS_MIN || removed > lattice->count)
        return false;
    return removed == 0 || fit(lattice, cells);
}

static bool grow(rubor_cf_lattice *lattice, const rubor_cf_cells *cells, const int seed[4])
{
    memset(lattice->node, -1, sizeof lattice->node);
    lattice->count = 0;
    lattice->a_min = lattice->a_max = lattice->b_min = lattice->b_max = 0;
    double size = 0;
    for (int k = 0; k < 4; k++) {
        put(lattice, k & 1, k >> 1, seed[k]);
        size += 0.25 * cells->cell[seed[k]].size;
    }
    for (int round = 0; round < 12; round++)
        if (!grow_once(lattice, cells, size))
            break;
    if (lattice->count < CELLS_MIN || !fit(lattice, cells))
        return false;
    for (int round = 0; round < 4; round++) {
        if (!jump_once(lattice, cells, size) || !fit(lattice, cells))
            break;
        while (grow_once(lattice, cells, size))
            ;
    }
    return fit(lattice, cells) && prune(lattice, cells) && prune(lattice, cells);
}

/* Whether u, v could be a lattice's two steps, and which cell would close the parallelogram. */
static int closing_cell(const rubor_cf_cells *cells, int index, const neighbor *u, const neighbor *v)
{
    double dot = u->dx * v->dx + u->dy * v->dy;
    /* u is the shorter step; a v that leans more than half of u is a diagonal of a better pair */
    if (fabs(dot) > 0.55 * u->distance2 || dot * dot > 0.4 * u->distance2 * v->distance2 ||
        v->distance2 > 4.0 * u->distance2)
        return -1;
    const rubor_cf_cell *c = &cells->cell[index];
    int cell = rubor_cf_cells_nearest(cells, c->x + u->dx + v->dx, c->y + u->dy + v->dy,
                                      0.25 * sqrt(u->distance2), c->size);
    return cell == index || cell == u->cell || cell == v->cell ? -1 : cell;
}

/* Four neighbors on a chart are never of one color; in textures they mostly are. */
static bool colorful(const rubor_cf_cells *cells, const int seed[4])
{
    int spread = 0;
    for (int c = 0; c < 3; c++) {
        int low = 255, high = 0;
        for (int k = 0; k < 4; k++) {
            int v = cells->cell[seed[k]].rgb[c];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        spread += high - low;
    }
    return spread >= SEED_SPREAD_MIN;
}

void rubor_cf_lattices_grow(rubor_cf_cells *cells, rubor_cf_lattice_visit *visit, void *context)
{
    rubor_cf_lattice lattice;
    for (int i = 0; i < cells->count; i++)
        cells->cell[i].in_lattice = 0;
    for (int i = 0; i < cells->count; i++) {
        neighbor near[NEIGHBORS];
        if (cells->cell[i].in_lattice)
            continue;
        int count = neighbors_of(near, cells, i);
        for (int j = 0; j < count && !cells->cell[i].in_lattice; j++)
            for (int k = j + 1; k < count && !cells->cell[i].in_lattice; k++) {
                int closing = closing_cell(cells, i, &near[j], &near[k]);
                if (closing < 0)
                    continue;
                int seed[4] = {i, near[j].cell, near[k].cell, closing};
                if (!colorful(cells, seed) || !grow(&lattice, cells, seed))
                    continue;
                if (!visit(&lattice, context))
                    return;
                if (lattice.count < 9)
                    continue;
                for (int b = lattice.b_min; b <= lattice.b_max; b++)
                    for (int a = lattice.a_min; a <= lattice.a_max; a++)
                        if (*node_at(&lattice, a, b) >= 0)
                            cells->cell[*node_at(&lattice, a, b)].in_lattice = 1;
            }
    }
}
