/* Private to registration*.c.
 *
 * Unit coordinates: an image's center is (0, 0) and its long side is 1 wide, whatever its size, so that a
 * warp found on one level of the pyramid holds on every other, and photos of different cameras meet on equal
 * terms. */
#ifndef RUBOR_ANALYZER_REGISTRATION_INTERNAL_H
#define RUBOR_ANALYZER_REGISTRATION_INTERNAL_H

#include "analyzer/registration.h"

enum {
    RUBOR_ALIGN_LEVELS = 5,       /* 0 is the finest */
    RUBOR_ALIGN_FINEST_PX = 600,  /* long side of level 0 at most */
    RUBOR_ALIGN_COARSEST_PX = 32, /* long side of the last level at least */
    RUBOR_SEARCH_HITS = 6
};

/* GNU C vectors: what is done alike for x and y, or for a value and its slopes, is done at once, with the same bits. */
typedef double rubor_pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef float rubor_value __attribute__((vector_size(16))); /* [0] value, [1] and [2] its slopes along x and y, [3] 0 */

/* What redness does not change, at one size: OD freed of blood, or of all that is as smooth as redness, and
 * of shading, brought to unit local contrast. 0 where valid is 0. */
typedef struct rubor_structure {
    int width, height;
    double step;         /* working pixels a pixel of this level is wide */
    float *s;            /* value of each pixel */
    rubor_value *values; /* the same with its central differences */
    uint8_t *valid;
    uint8_t *corner;     /* this pixel, the next, and both below are valid */
    size_t valid_count;
} rubor_structure;

typedef struct rubor_structure_pyramid {
    int levels; /* level[levels - 1] is the coarsest */
    rubor_structure level[RUBOR_ALIGN_LEVELS];
    double image_width, image_height, side; /* working px; side is the longer one */
} rubor_structure_pyramid;

/* Unit coordinates of the template (visit) to those of the other (baseline). */
typedef struct rubor_warp {
    double h[9];
    int columns, rows;              /* 0: no local part */
    double unit_width, unit_height; /* of the template: what the grid is laid over */
    double grid[RUBOR_GRID][RUBOR_GRID][2];
} rubor_warp;

typedef struct rubor_search_hit {
    double h[9];
    double score; /* correlation over its chance deviation */
} rubor_search_hit;

/* What decides where the photos meet: on coarse levels what redness does not change (first attempt), or the
 * finer structure of luma, which patchy redness and pigment only cover in part. */
typedef enum rubor_signal { RUBOR_SIGNAL_COLOR, RUBOR_SIGNAL_LUMA } rubor_signal;

/* step: working pixels a pixel of level 0 is wide; each further level halves. */
rubor_status rubor_structure_build(rubor_structure_pyramid *out, const rubor_image_calibrated *image,
                                   const rubor_mask *skin, int step, rubor_signal signal, rubor_error *error);
void rubor_structure_finish(rubor_structure_pyramid *pyramid);
/* Sets corner by valid; to be called again when valid changes. */
void rubor_structure_find_corners(rubor_structure *level);

/* Pixels of a level to unit coordinates and back: (x + 0.5) * scale + offset. */
typedef struct rubor_unit_scale {
    double scale, offset[2], inverse;
} rubor_unit_scale;

static inline rubor_unit_scale rubor_unit_scale_of(const rubor_structure_pyramid *p, int level)
{
    rubor_unit_scale u = {p->level[level].step / p->side,
                          {-0.5 * p->image_width / p->side, -0.5 * p->image_height / p->side},
                          p->side / p->level[level].step};
    return u;
}

static inline rubor_point rubor_to_unit(const rubor_unit_scale *u, double x, double y)
{
    return (rubor_point){(x + 0.5) * u->scale + u->offset[0], (y + 0.5) * u->scale + u->offset[1]};
}

static inline rubor_pair rubor_from_unit(const rubor_unit_scale *u, rubor_pair p)
{
    return (p - *(const rubor_pair *)u->offset) * u->inverse - 0.5;
}

/* Bilinear value and slopes where all four neighbors are valid. */
static inline bool rubor_structure_sample(const rubor_structure *level, rubor_pair at, rubor_value *out)
{
    double x = at[0], y = at[1];
    if (!(x >= 0 && y >= 0 && x < level->width - 1 && y < level->height - 1))
        return false;
    int ix = (int)x, iy = (int)y;
    size_t i = (size_t)iy * (size_t)level->width + (size_t)ix;
    if (!level->corner[i])
        return false;
    float fx = (float)(x - ix), fy = (float)(y - iy);
    const rubor_value *p = level->values + i, *below = p + level->width;
    *out = (p[0] * (1 - fx) + p[1] * fx) * (1 - fy) + (below[0] * (1 - fx) + below[1] * fx) * fy;
    return true;
}

/* Between two nodes of a grid of displacements and the two below them, fx and fy of the way. */
static inline rubor_pair rubor_between_nodes(const double (*upper)[2], const double (*lower)[2], double fx, double fy)
{
    rubor_pair top = *(const rubor_pair *)upper[0] * (1 - fx) + *(const rubor_pair *)upper[1] * fx;
    rubor_pair bottom = *(const rubor_pair *)lower[0] * (1 - fx) + *(const rubor_pair *)lower[1] * fx;
    return top * (1 - fy) + bottom * fy;
}

/* Where the homography h takes (x, y). */
static inline rubor_pair rubor_project(const double h[9], double x, double y)
{
    const rubor_pair of_x = {h[0], h[3]}, of_y = {h[1], h[4]}, shift = {h[2], h[5]};
    return (of_x * x + of_y * y + shift) / (h[6] * x + h[7] * y + h[8]);
}

/* Step between pixels so that at most about that many valid ones are visited. */
int rubor_structure_stride(const rubor_structure *level, size_t samples);

/* In place, n = 2^k points per side, square, row-major interleaved complex. The spectrum lies transposed,
 * which a product of two spectra and the way back undo; the inverse is not scaled. n is 4 to 512. */
void rubor_fft_square(float *data, int n, bool inverse);

/* Best turns, zooms and shifts on level, best first; *count may be 0. */
rubor_status rubor_align_search(rubor_search_hit hits[RUBOR_SEARCH_HITS], int *count,
                                const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline,
                                int level, rubor_error *error);

void rubor_warp_init(rubor_warp *warp, const double h[9], const rubor_structure_pyramid *of);
rubor_pair rubor_warp_apply(const rubor_warp *warp, double x, double y);

/* Gauss-Newton with robust weights on one level. full: eight parameters, else six (affine). */
void rubor_align_refine(rubor_warp *warp, const rubor_structure_pyramid *visit,
                        const rubor_structure_pyramid *baseline, int level, bool full, int iterations);

/* Lays a grid over the visit if there is none and moves it to fit on level. */
rubor_status rubor_align_grid(rubor_warp *warp, const rubor_structure_pyramid *visit,
                              const rubor_structure_pyramid *baseline, int level, int iterations,
                              rubor_error *error);

/* Correlation of both structures where both are valid; *pixels gets how many that is. */
double rubor_align_correlation(const rubor_warp *warp, const rubor_structure_pyramid *visit,
                               const rubor_structure_pyramid *baseline, int level, size_t *pixels);

#endif
