/* Cells: flat, compact regions that could be a chart's patches.
 *
 * Edge strength is the range of each channel over 2 x 2 pixels, the largest of the channels; so a region is
 * closed off by a dark gap, a light gap or a plain change of color alike. Regions below several thresholds
 * are collected in one pass each over runs of pixels; of regions about the same center the largest that is
 * still compact stays. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t thresholds[] = {5, 10, 18, 32}, quick_thresholds[] = {6, 13, 26};

enum { CELL_LIMIT = 30000, AREA_MIN = 4, AREA_MAX = 1600 };

/* Sums over one region. */
typedef struct region {
    double area, x, y, xx, xy, yy;
} region;

typedef struct run {
    int first, last, label;
} run;

typedef struct labels {
    region *sum;
    int *parent;
    int count, capacity;
} labels;

static int find_root(int *parent, int i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static int label_new(labels *set)
{
    if (set->count == set->capacity) {
        int capacity = set->capacity ? 2 * set->capacity : 4096;
        region *sum = realloc(set->sum, (size_t)capacity * sizeof *sum);
        if (!sum)
            return -1;
        set->sum = sum;
        int *parent = realloc(set->parent, (size_t)capacity * sizeof *parent);
        if (!parent)
            return -1;
        set->parent = parent;
        set->capacity = capacity;
    }
    set->sum[set->count] = (region){0};
    set->parent[set->count] = set->count;
    return set->count++;
}

static void label_add(labels *set, int label, int first, int last, int y)
{
    double n = last - first + 1, mid = 0.5 * (first + last);
    region *s = &set->sum[label];
    s->area += n;
    s->x += n * mid;
    s->y += n * y;
    s->xx += n * (mid * mid + (n * n - 1) / 12);
    s->xy += n * mid * y;
    s->yy += n * (double)y * y;
}

/* Range over 2 x 2 pixels, largest channel; the last column and row are left at 255. */
static void edge_row(uint8_t *edge, uint8_t *high, uint8_t *low, const uint8_t *above, const uint8_t *below,
                     int width)
{
    int n = 3 * width;
    for (int i = 0; i < n; i++) {
        high[i] = above[i] > below[i] ? above[i] : below[i];
        low[i] = above[i] > below[i] ? below[i] : above[i];
    }
    for (int i = 0; i < n - 3; i++) {
        uint8_t hi = high[i] > high[i + 3] ? high[i] : high[i + 3];
        uint8_t lo = low[i] > low[i + 3] ? low[i + 3] : low[i];
        high[i] = (uint8_t)(hi - lo);
    }
    for (int x = 0; x < width - 1; x++) {
        uint8_t r = high[3 * x], g = high[3 * x + 1], b = high[3 * x + 2];
        uint8_t m = r > g ? r : g;
        edge[x] = m > b ? m : b;
    }
    edge[width - 1] = 255;
}

static rubor_status edge_image(uint8_t **out, const rubor_cf_image *image, rubor_error *error)
{
    size_t row = (size_t)image->width * 3;
    uint8_t *edge = malloc((size_t)image->width * (size_t)image->height);
    uint8_t *scratch = malloc(2 * row);
    if (!edge || !scratch) {
        free(edge);
        free(scratch);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search");
    }
    for (int y = 0; y < image->height - 1; y++)
        edge_row(edge + (size_t)y * (size_t)image->width, scratch, scratch + row,
                 image->rgb + (size_t)y * row, image->rgb + (size_t)(y + 1) * row, image->width);
    memset(edge + (size_t)(image->height - 1) * (size_t)image->width, 255, (size_t)image->width);
    free(scratch);
    *out = edge;
    return RUBOR_OK;
}

/* Joins the run with touching runs of the row above; returns its label or -1 without memory. */
static int run_label(labels *set, const run *above, int above_count, int *cursor, int first, int last)
{
    int label = -1;
    while (*cursor < above_count && above[*cursor].last < first)
        (*cursor)++;
    for (int i = *cursor; i < above_count && above[i].first <= last; i++) {
        int root = find_root(set->parent, above[i].label);
        if (label < 0)
            label = root;
        else if (root != label)
            set->parent[root] = label;
    }
    return label >= 0 ? label : label_new(set);
}

/* All regions of edge <= threshold; a run reaching the picture's border is collected like any other. */
static bool label_regions(labels *set, run *rows[2], const uint8_t *edge, int width, int height,
                          uint8_t threshold)
{
    int above_count = 0;
    set->count = 0;
    for (int y = 0; y < height; y++) {
        const uint8_t *e = edge + (size_t)y * (size_t)width;
        run *above = rows[(y + 1) & 1], *here = rows[y & 1];
        int count = 0, cursor = 0, x = 0;
        while (x < width) {
            while (x < width && e[x] > threshold)
                x++;
            if (x == width)
                break;
            int first = x;
            while (x < width && e[x] <= threshold)
                x++;
            if (x - first < 2) /* noise, or the tip of a diamond */
                continue;
            int label = run_label(set, above, above_count, &cursor, first, x - 1);
            if (label < 0)
                return false;
            label_add(set, label, first, x - 1, y);
            here[count++] = (run){first, x - 1, label};
        }
        above_count = count;
    }
    for (int i = 0; i < set->count; i++) {
        int root = find_root(set->parent, i);
        if (root == i)
            continue;
        region *to = &set->sum[root];
        const region *from = &set->sum[i];
        to->area += from->area;
        to->x += from->x;
        to->y += from->y;
        to->xx += from->xx;
        to->xy += from->xy;
        to->yy += from->yy;
    }
    return true;
}

/* A parallelogram has area = 12 sqrt(det of its covariance); ragged or long regions fall short of it. */
static bool region_is_cell(rubor_cf_cell *out, const region *s)
{
    if (s->area < AREA_MIN || s->area > AREA_MAX)
        return false;
    double x = s->x / s->area, y = s->y / s->area;
    double xx = s->xx / s->area - x * x + 1.0 / 12, yy = s->yy / s->area - y * y + 1.0 / 12;
    double xy = s->xy / s->area - x * y;
    double det = xx * yy - xy * xy, half = 0.5 * (xx + yy);
    if (det <= 0)
        return false;
    double root = sqrt(half * half > det ? half * half - det : 0);
    if (half + root > 5.0 * (half - root)) /* axis ratio above 2.2 */
        return false;
    if (s->area < 0.78 * 12 * sqrt(det))
        return false;
    /* the 2 x 2 range sits half a pixel to the lower right, and eats half a pixel on every side */
    *out =
        (rubor_cf_cell){.x = (float)(x + 0.5), .y = (float)(y + 0.5), .size = (float)(sqrt(s->area) + 1.0)};
    return true;
}

static rubor_status collect(rubor_cf_cells *out, const labels *set, rubor_error *error)
{
    for (int i = 0; i < set->count && out->count < CELL_LIMIT; i++) {
        rubor_cf_cell cell;
        if (set->parent[i] != i || !region_is_cell(&cell, &set->sum[i]))
            continue;
        if (out->count == out->capacity) {
            int capacity = out->capacity ? 2 * out->capacity : 1024;
            rubor_cf_cell *grown = realloc(out->cell, (size_t)capacity * sizeof *grown);
            if (!grown)
                return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search");
            out->cell = grown;
            out->capacity = capacity;
        }
        out->cell[out->count++] = cell;
    }
    return RUBOR_OK;
}

static int bin_of(const rubor_cf_cells *cells, double x, double y)
{
    int bx = (int)(x / cells->bin_px), by = (int)(y / cells->bin_px);
    bx = bx < 0 ? 0 : bx >= cells->bins_x ? cells->bins_x - 1 : bx;
    by = by < 0 ? 0 : by >= cells->bins_y ? cells->bins_y - 1 : by;
    return by * cells->bins_x + bx;
}

static rubor_status sort_into_bins(rubor_cf_cells *cells, int width, int height, rubor_error *error)
{
    cells->bin_px = 16;
    cells->bins_x = width / cells->bin_px + 1;
    cells->bins_y = height / cells->bin_px + 1;
    int bins = cells->bins_x * cells->bins_y;
    free(cells->bin_start);
    free(cells->bin_cell);
    cells->bin_start = calloc((size_t)bins + 2, sizeof *cells->bin_start);
    cells->bin_cell = malloc(((size_t)cells->count + 1) * sizeof *cells->bin_cell);
    if (!cells->bin_start || !cells->bin_cell)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search");
    for (int i = 0; i < cells->count; i++)
        cells->bin_start[bin_of(cells, cells->cell[i].x, cells->cell[i].y) + 2]++;
    for (int i = 0; i < bins; i++)
        cells->bin_start[i + 2] += cells->bin_start[i + 1];
    for (int i = 0; i < cells->count; i++) {
        int bin = bin_of(cells, cells->cell[i].x, cells->cell[i].y);
        cells->bin_cell[cells->bin_start[bin + 1]++] = i;
    }
    return RUBOR_OK;
}

/* Of cells about the same center keeps the largest. */
static void drop_repeats(rubor_cf_cells *cells)
{
    for (int i = 0; i < cells->count; i++) {
        const rubor_cf_cell *c = &cells->cell[i];
        int bx = (int)(c->x / cells->bin_px), by = (int)(c->y / cells->bin_px);
        bool repeat = false;
        for (int j = by > 0 ? by - 1 : 0; !repeat && j <= by + 1 && j < cells->bins_y; j++)
            for (int k = bx > 0 ? bx - 1 : 0; !repeat && k <= bx + 1 && k < cells->bins_x; k++) {
                int bin = j * cells->bins_x + k;
                for (int m = cells->bin_start[bin]; m < cells->bin_start[bin + 1]; m++) {
                    const rubor_cf_cell *o = &cells->cell[cells->bin_cell[m]];
                    float dx = o->x - c->x, dy = o->y - c->y, reach = 0.3f * o->size;
                    bool larger = o->size > c->size || (o->size == c->size && o < c);
                    if (larger && dx * dx + dy * dy < reach * reach) {
                        repeat = true;
                        break;
                    }
                }
            }
        cells->cell[i].in_lattice = repeat;
    }
    int kept = 0;
    for (int i = 0; i < cells->count; i++)
        if (!cells->cell[i].in_lattice)
            cells->cell[kept++] = cells->cell[i];
    cells->count = kept;
}

rubor_status rubor_cf_cells_find(rubor_cf_cells *out, const rubor_cf_image *image, bool quick,
                                 rubor_error *error)
{
    *out = (rubor_cf_cells){.size_ratio = 1.5f};
    labels set = {0};
    uint8_t *edge = NULL;
    run *rows[2] = {malloc((size_t)image->width * sizeof **rows),
                    malloc((size_t)image->width * sizeof **rows)};
    rubor_status status = edge_image(&edge, image, error);
    if (status == RUBOR_OK && (!rows[0] || !rows[1]))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search");
    const uint8_t *threshold = quick ? quick_thresholds : thresholds;
    size_t count = quick ? sizeof quick_thresholds : sizeof thresholds;
    for (size_t t = 0; status == RUBOR_OK && t < count; t++) {
        if (!label_regions(&set, rows, edge, image->width, image->height, threshold[t]))
            status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search");
        else
            status = collect(out, &set, error);
    }
    if (status == RUBOR_OK)
        status = sort_into_bins(out, image->width, image->height, error);
    if (status == RUBOR_OK) {
        drop_repeats(out);
        status = sort_into_bins(out, image->width, image->height, error);
    }
    for (int i = 0; status == RUBOR_OK && i < out->count; i++) {
        size_t x = (size_t)(out->cell[i].x + 0.5f), y = (size_t)(out->cell[i].y + 0.5f);
        memcpy(out->cell[i].rgb, image->rgb + 3 * (y * (size_t)image->width + x), 3);
    }
    free(edge);
    free(rows[0]);
    free(rows[1]);
    free(set.sum);
    free(set.parent);
    if (status != RUBOR_OK)
        rubor_cf_cells_finish(out);
    return status;
}

void rubor_cf_cells_finish(rubor_cf_cells *cells)
{
    if (!cells)
        return;
    free(cells->cell);
    free(cells->bin_start);
    free(cells->bin_cell);
    *cells = (rubor_cf_cells){0};
}

int rubor_cf_cells_nearest(const rubor_cf_cells *cells, double x, double y, double radius, double size)
{
    if (!(fabs(x) < 1e6 && fabs(y) < 1e6 && radius < 1e6))
        return -1;
    int x0 = (int)floor((x - radius) / cells->bin_px), x1 = (int)floor((x + radius) / cells->bin_px);
    int y0 = (int)floor((y - radius) / cells->bin_px), y1 = (int)floor((y + radius) / cells->bin_px);
    double best = radius * radius;
    int found = -1;
    for (int j = y0 > 0 ? y0 : 0; j <= y1 && j < cells->bins_y; j++)
        for (int i = x0 > 0 ? x0 : 0; i <= x1 && i < cells->bins_x; i++) {
            int bin = j * cells->bins_x + i;
            for (int m = cells->bin_start[bin]; m < cells->bin_start[bin + 1]; m++) {
                const rubor_cf_cell *c = &cells->cell[cells->bin_cell[m]];
                double d = (c->x - x) * (c->x - x) + (c->y - y) * (c->y - y);
                if (d < best && c->size * cells->size_ratio > size && c->size < cells->size_ratio * size) {
                    best = d;
                    found = cells->bin_cell[m];
                }
            }
        }
    return found;
}
