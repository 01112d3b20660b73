/* Is the skin itself in focus? Edges cannot tell: the strongest lie on the chart, the hair, the clothes. Skin
 * has structure of its own (furrows, pores) at a few pixels and mottling at a few more; defocus takes the
 * fine part and leaves the coarse. What noise adds to the fine part is measured on the chart's flat patches
 * of like brightness and taken off, most of it: where noise rules (dark skin, little light) the answer stays
 * open. */
#include "analyzer/quality.h"

#include "analyzer/quality_pair.h"
#include "imaging/fixed_math.h"
#include "imaging/order.h"
#include "imaging/srgb_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BANDS = 3,
    TILE = 32,
    MARGIN = 20,
    WINDOW = TILE + 2 * MARGIN,
    TILES_MOST = 96,
    TILES_LEAST = 8,
    MISSING_SHARE = 10, /* of a window, at most one in so many may be something else */
    TAPS_MOST = 2 * MARGIN + 1
};
/* Bands lie between these blurs (px of an image of 1,200 px across). */
static const double sigma_px[BANDS + 1] = {1.1, 2.0, 3.5, 6.0};
#define NOISE_SURE 0.65 /* share of the patches' noise that skin surely has as well */
#define NOISE_LEVEL_POWER                                                                                    \
    1.3                 /* relative noise energy falls so with brightness, between photons' 1 and dark's 2 */
#define NOISE_FALL 3.06 /* of white noise from one band to the next: (3.5 / 2)^2 */
/* What sharp rendered skin of all tones has in its bands against the coarsest, and what defocus leaves of it;
 * from docs/MEASUREMENT.md "Blur of the skin". */
#define FINE_SHARP 1.40
#define MIDDLE_SHARP 0.77
#define FINE_PAIR 1.0
#define MIDDLE_PAIR 0.75
static const double fine_left[][2] = {{0, 1}, {1, 0.46}, {1.5, 0.23}, {2, 0.11}, {3, 0.03}};
static const double middle_left[][2] = {{0, 1},    {1, 0.82}, {1.5, 0.67}, {2, 0.55},
                                        {3, 0.38}, {4, 0.30}, {6, 0.20}};

typedef struct tile {
    double level;         /* mean linear light */
    double energy[BANDS]; /* mean square of band / level */
} tile;

typedef struct filter {
    int radius[BANDS + 1];
    float weight[BANDS + 1][MARGIN + 1];
} filter;

static void filter_make(filter *f, double scale)
{
    for (int k = 0; k <= BANDS; k++) {
        double sigma = sigma_px[k] * scale, sum = 0, value[MARGIN + 1];
        int radius = (int)(3 * sigma + 0.5);
        f->radius[k] = radius = radius > MARGIN ? MARGIN : radius;
        for (int i = 0; i <= radius; i++) {
            value[i] = rubor_exp(-0.5 * i * i / (sigma * sigma));
            sum += i ? 2 * value[i] : value[i];
        }
        for (int i = 0; i <= radius; i++)
            f->weight[k][i] = (float)(value[i] / sum);
    }
}

/* TILE values from at, each with its neighbors up to radius steps to both sides. */
static void blur_row(float *restrict out, const float *restrict at, int step, const float *w, int radius)
{
    float sum[TILE];
    for (int x = 0; x < TILE; x++)
        sum[x] = w[0] * at[x];
    for (int i = 1; i <= radius; i++) {
        const float *before = at - i * step, *after = at + i * step;
        for (int x = 0; x < TILE; x++)
            sum[x] += w[i] * (before[x] + after[x]);
    }
    memcpy(out, sum, sizeof sum);
}

/* Blurs the window; out holds its inner TILE x TILE. */
static void blur_window(float out[TILE][TILE], const float in[WINDOW][WINDOW], const filter *f, int which)
{
    float rows[WINDOW][TILE];
    const float *w = f->weight[which];
    int radius = f->radius[which];
    for (int y = MARGIN - radius; y < TILE + MARGIN + radius;
         y++) /* one tap after the other along a whole row */
        blur_row(rows[y], in[y] + MARGIN, 1, w, radius);
    for (int y = 0; y < TILE; y++)
        blur_row(out[y], rows[y + MARGIN], TILE, w, radius);
}

typedef float bands[BANDS][TILE][TILE];

/* Structure of the window's inner part, each band relative to the light; gives the mean light. */
static double split_window(bands out, const float in[WINDOW][WINDOW], const filter *f)
{
    float blurred[2][TILE][TILE];
    double level = 0;
    blur_window(blurred[0], in, f, 0);
    for (int k = 0; k < BANDS; k++) {
        float(*fine)[TILE] = blurred[k % 2], (*coarse)[TILE] = blurred[1 - k % 2];
        blur_window(coarse, in, f, k + 1);
        for (int y = 0; y < TILE; y++)
            for (int x = 0; x < TILE; x++) {
                out[k][y][x] = (fine[y][x] - coarse[y][x]) / fmaxf(coarse[y][x], 1e-4f);
                level += k == 0 ? (double)coarse[y][x] : 0;
            }
    }
    return level / (TILE * TILE);
}

/* Mean product of two windows' bands over the pixels within reach of the middle. */
static void multiply_bands(double energy[BANDS], bands one, bands other, double reach)
{
    double count = 0, middle = (TILE - 1) / 2.0;
    memset(energy, 0, BANDS * sizeof *energy);
    for (int y = 0; y < TILE; y++)
        for (int x = 0; x < TILE; x++) {
            if (fabs(x - middle) > reach || fabs(y - middle) > reach)
                continue;
            for (int k = 0; k < BANDS; k++)
                energy[k] += (double)one[k][y][x] * (double)other[k][y][x];
            count++;
        }
    for (int k = 0; k < BANDS; k++)
        energy[k] /= count;
}

static void measure_window(tile *out, const float in[WINDOW][WINDOW], const filter *f, double reach)
{
    bands b;
    out->level = split_window(b, in, f);
    multiply_bands(out->energy, b, b, reach);
}

/* table: rubor_srgb_table() */
static float luma(const float *table, const rubor_image_encoded *working, int x, int y)
{
    const uint16_t *rgb = working->rgb + 3 * ((size_t)y * (size_t)working->width + (size_t)x);
    return (table[rgb[0]] + 2 * table[rgb[1]] + table[rgb[2]]) * 0.25f;
}

/* Pixels marked NaN (a hair, a mole's rim) get the mean of the others; false where they are too many. */
static bool fill_window(float window[WINDOW][WINDOW])
{
    int missing = 0;
    double sum = 0;
    for (int y = 0; y < WINDOW; y++)
        for (int x = 0; x < WINDOW; x++) {
            missing += isnan(window[y][x]);
            sum += isnan(window[y][x]) ? 0 : (double)window[y][x];
        }
    if (missing * MISSING_SHARE > WINDOW * WINDOW)
        return false;
    for (int y = 0; y < WINDOW && missing; y++)
        for (int x = 0; x < WINDOW; x++)
            if (isnan(window[y][x]))
                window[y][x] = (float)(sum / (WINDOW * WINDOW - missing));
    return true;
}

static bool is_skin(const rubor_mask *skin, int x, int y)
{
    return skin->data[(size_t)y * (size_t)skin->width + (size_t)x] >= 128;
}

/* Whether so much of the window is something else that fill_window would refuse it. */
static bool mostly_other(const rubor_mask *skin, int left, int top)
{
    int missing = 0;
    for (int y = 0; y < WINDOW; y++)
        for (int x = 0; x < WINDOW; x++)
            missing += !is_skin(skin, left + x, top + y);
    return missing * MISSING_SHARE > WINDOW * WINDOW;
}

static bool load_skin(float out[WINDOW][WINDOW], const rubor_image_encoded *working, const rubor_mask *skin,
                      int left, int top)
{
    const float *table = rubor_srgb_table();
    if (mostly_other(skin, left, top))
        return false;
    for (int y = 0; y < WINDOW; y++)
        for (int x = 0; x < WINDOW; x++)
            out[y][x] = is_skin(skin, left + x, top + y) ? luma(table, working, left + x, top + y) : NAN;
    return fill_window(out);
}

static int compare_fine(const void *one, const void *other)
{
    double a = ((const tile *)one)->energy[0], b = ((const tile *)other)->energy[0];
    return (a > b) - (a < b);
}

/* Mean of the tiles between the smoothest tenth and the third that hairs, moles and borders fill. */
static bool pool_tiles(tile *out, tile *tiles, int found)
{
    if (found < TILES_LEAST)
        return false;
    qsort(tiles, (size_t)found, sizeof tiles[0], compare_fine);
    int first = found / 10, last = found - found * 3 / 10;
    memset(out, 0, sizeof *out);
    for (int i = first; i < last; i++) {
        out->level += tiles[i].level / (last - first);
        for (int k = 0; k < BANDS; k++)
            out->energy[k] += tiles[i].energy[k] / (last - first);
    }
    return true;
}

/* Windows side by side over the frame, in an order of which any first part covers it evenly. */
typedef struct walk {
    int columns, count, step, at, done;
} walk;

static int common_divisor(int a, int b)
{
    while (b) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool walk_begin(walk *w, int width, int height)
{
    int rows = (height - WINDOW) / TILE;
    w->columns = (width - WINDOW) / TILE;
    if (w->columns <= 0 || rows <= 0)
        return false;
    w->count = w->columns * rows;
    w->step = (int)(0.618 * w->count) + 1;
    while (common_divisor(w->step, w->count) > 1)
        w->step--;
    w->at = w->done = 0;
    return true;
}

static bool walk_next(walk *w, int *left, int *top)
{
    if (w->done++ >= w->count)
        return false;
    *left = w->at % w->columns * TILE;
    *top = w->at / w->columns * TILE;
    w->at = (w->at + w->step) % w->count;
    return true;
}

static bool measure_skin(tile *out, const rubor_image_encoded *working, const rubor_mask *skin,
                         const filter *f)
{
    tile tiles[TILES_MOST];
    float window[WINDOW][WINDOW];
    walk w;
    int found = 0, left, top;
    if (!walk_begin(&w, working->width, working->height))
        return false;
    while (found < TILES_MOST && walk_next(&w, &left, &top))
        if (load_skin(window, working, skin, left, top))
            measure_window(&tiles[found++], (const float(*)[WINDOW])window, f, TILE);
    return pool_tiles(out, tiles, found);
}

/* The largest upright square inside a patch, as half its side in working px. */
static double patch_half(const rubor_chart_location *location, double scale)
{
    const rubor_point *c = location->corners_px;
    double dx = c[1].x - c[0].x, dy = c[1].y - c[0].y, length = sqrt(dx * dx + dy * dy);
    if (!(length > 0) || !(location->patch_px > 0))
        return 0;
    return 0.42 * location->patch_px * scale * length / (fabs(dx) + fabs(dy));
}

static bool load_patch(float out[WINDOW][WINDOW], const rubor_image_encoded *working, double cx, double cy,
                       int half)
{
    int x0 = (int)floor(cx + 0.5), y0 = (int)floor(cy + 0.5);
    if (x0 - half < 0 || y0 - half < 0 || x0 + half >= working->width || y0 + half >= working->height)
        return false;
    const float *table = rubor_srgb_table();
    for (int y = 0; y < WINDOW; y++)
        for (int x = 0; x < WINDOW; x++) {
            int dx = x - WINDOW / 2, dy = y - WINDOW / 2;
            dx = dx < -half ? -half : dx > half ? half : dx;
            dy = dy < -half ? -half : dy > half ? half : dy;
            out[y][x] = luma(table, working, x0 + dx, y0 + dy);
        }
    return true;
}

/* Energy that noise alone has in each band at this level; zeros without a usable chart. */
static void measure_noise(double noise[BANDS], const rubor_image_encoded *working,
                          const rubor_chart_location *location, double scale, double level, const filter *f)
{
    double value[2][RUBOR_CHART_PATCHES];
    float window[WINDOW][WINDOW];
    int used = 0, half = (int)patch_half(location, scale);
    memset(noise, 0, BANDS * sizeof *noise);
    for (int i = 0; i < RUBOR_CHART_PATCHES && half >= 6; i++) {
        double cx = (location->centers_px[i].x + 0.5) * scale - 0.5,
               cy = (location->centers_px[i].y + 0.5) * scale - 0.5;
        tile patch;
        if (location->covered[i] || !load_patch(window, working, cx, cy, half))
            continue;
        measure_window(&patch, (const float(*)[WINDOW])window, f, half - 2);
        if (!(patch.level > level / 3 && patch.level < level * 3))
            continue;
        double factor = rubor_pow(patch.level / level, NOISE_LEVEL_POWER);
        for (int k = 0; k < 2; k++)
            value[k][used] = patch.energy[k] * factor;
        used++;
    }
    for (int k = 0; k < 2 && used >= 4; k++) {
        qsort(value[k], (size_t)used, sizeof value[k][0], rubor_compare_doubles);
        noise[k] = value[k][used / 2];
    }
    noise[2] = noise[1] / NOISE_FALL;
}

/* The defocus that leaves this share of a band. */
static double defocus_of(const double (*left)[2], int rows, double share)
{
    if (share >= left[0][1])
        return 0;
    for (int i = 1; i < rows; i++)
        if (share > left[i][1])
            return left[i - 1][0] +
                   (left[i][0] - left[i - 1][0]) * (left[i - 1][1] - share) / (left[i - 1][1] - left[i][1]);
    return left[rows - 1][0];
}

/* What defocus leaves at half its strength: of one photo of two. */
static double defocus_of_one(const double (*left)[2], int rows, double share)
{
    return share > 0 ? defocus_of(left, rows, share * share) : left[rows - 1][0];
}

void rubor_quality_skin_blur(rubor_quality *out, const rubor_image_encoded *working, const rubor_mask *skin,
                             const rubor_calibration *calibration, int64_t full_width)
{
    tile pooled;
    filter f;
    double noise[BANDS] = {0}, scale = fmin(1.5, fmax(0.7, working->width / 1200.0));
    out->skin_blur_px = out->skin_fine = out->skin_middle = out->skin_noise = RUBOR_NULL;
    filter_make(&f, scale);
    if (!measure_skin(&pooled, working, skin, &f) || !(pooled.level > 0))
        return;
    if (calibration->status == RUBOR_CALIBRATION_CHART && full_width > 0)
        measure_noise(noise, working, &calibration->location, (double)working->width / (double)full_width,
                      pooled.level, &f);
    double coarse = fmax(pooled.energy[2] - noise[2], 0.3 * pooled.energy[2]);
    if (!(coarse > 0))
        return;
    out->skin_fine = (pooled.energy[0] - NOISE_SURE * noise[0]) / coarse;
    out->skin_middle = (pooled.energy[1] - NOISE_SURE * noise[1]) / coarse;
    out->skin_noise = noise[0] / pooled.energy[0];
    double a =
        defocus_of(fine_left, (int)(sizeof fine_left / sizeof fine_left[0]), out->skin_fine / FINE_SHARP);
    double b = defocus_of(middle_left, (int)(sizeof middle_left / sizeof middle_left[0]),
                          out->skin_middle / MIDDLE_SHARP);
    out->skin_blur_px = scale * (a + b) / 2; /* people differ in either band; defocus lowers both */
}

/* Green of both photos in one window of the visit; false where too little of it is skin in both. */
static bool load_pair(float visit[WINDOW][WINDOW], float before[WINDOW][WINDOW], const rubor_frame *now,
                      const rubor_frame *baseline, const rubor_registration *registration, int left, int top)
{
    rubor_plane green = {
        .width = baseline->image.width, .height = baseline->image.height, .data = baseline->image.plane[1]};
    if (mostly_other(&now->skin.skin, left, top))
        return false;
    for (int y = 0; y < WINDOW; y++) {
        rubor_registration_row row = rubor_registration_row_at(registration, (double)top + y);
        for (int x = 0; x < WINDOW; x++) {
            rubor_point there = rubor_registration_map_in(&row, (double)left + x);
            if (!(there.x >= 0 && there.y >= 0 && there.x < green.width - 1 && there.y < green.height - 1))
                return false;
            bool both = is_skin(&now->skin.skin, left + x, top + y) &&
                        is_skin(&baseline->skin.skin, (int)there.x, (int)there.y);
            size_t i = (size_t)(top + y) * (size_t)now->image.width + (size_t)(left + x);
            visit[y][x] = both ? now->image.plane[1][i] : NAN;
            before[y][x] = both ? rubor_plane_sample(&green, there.x, there.y) : NAN;
        }
    }
    return fill_window(visit) && fill_window(before);
}

void rubor_quality_pair_blur(double *blur_px, const rubor_frame *visit, const rubor_frame *baseline,
                             const rubor_registration *registration)
{
    tile tiles[TILES_MOST], pooled;
    float now[WINDOW][WINDOW], before[WINDOW][WINDOW];
    bands one, other;
    filter f;
    walk w;
    double scale = fmin(1.5, fmax(0.7, visit->image.width / 1200.0));
    int found = 0, left, top;
    *blur_px = RUBOR_NULL;
    filter_make(&f, scale);
    if (!walk_begin(&w, visit->image.width, visit->image.height))
        return;
    while (found < TILES_MOST && walk_next(&w, &left, &top)) {
        if (!load_pair(now, before, visit, baseline, registration, left, top))
            continue;
        tiles[found].level = split_window(one, (const float(*)[WINDOW])now, &f);
        split_window(other, (const float(*)[WINDOW])before, &f);
        multiply_bands(tiles[found++].energy, one, other, TILE);
    }
    if (!pool_tiles(&pooled, tiles, found) || !(pooled.energy[2] > 0))
        return;
    double fine = pooled.energy[0] / pooled.energy[2], middle = pooled.energy[1] / pooled.energy[2];
    double a = defocus_of_one(fine_left, (int)(sizeof fine_left / sizeof fine_left[0]), fine / FINE_PAIR);
    double b =
        defocus_of_one(middle_left, (int)(sizeof middle_left / sizeof middle_left[0]), middle / MIDDLE_PAIR);
    *blur_px = (a + b) / 2;
}
