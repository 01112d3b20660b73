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

/* What redness does not change, at one size: OD freed of blood, or of all that is as smooth as redness, and
 * of shading, brought to unit local contrast. 0 where valid is 0. */
typedef struct rubor_structure {
    int width, height;
    double step;        /* working pixels a pixel of this level is wide */
    float *s, *gx, *gy; /* value and its central differences per pixel */
    uint8_t *valid;
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

/* Pixels of a level to unit coordinates and back: (x + 0.5) * scale + offset. */
typedef struct rubor_unit_scale {
    double scale, offset_x, offset_y, inverse;
} rubor_unit_scale;

static inline rubor_unit_scale rubor_unit_scale_of(const rubor_structure_pyramid *p, int level)
{
    rubor_unit_scale u = {p->level[level].step / p->side, -0.5 * p->image_width / p->side,
                          -0.5 * p->image_height / p->side, p->side / p->level[level].step};
    return u;
}

static inline rubor_point rubor_to_unit(const rubor_unit_scale *u, double x, double y)
{
    rubor_point p = {(x + 0.5) * u->scale + u->offset_x, (y + 0.5) * u->scale + u->offset_y};
    return p;
}

static inline rubor_point rubor_from_unit(const rubor_unit_scale *u, rubor_point p)
{
    rubor_point q = {(p.x - u->offset_x) * u->inverse - 0.5, (p.y - u->offset_y) * u->inverse - 0.5};
    return q;
}

/* Bilinear value and gradient (out[0], [1], [2]) where all four neighbors are valid. */
static inline bool rubor_structure_sample(const rubor_structure *level, double x, double y, float out[3])
{
    if (!(x >= 0 && y >= 0 && x < level->width - 1 && y < level->height - 1))
        return false;
    int ix = (int)x, iy = (int)y;
    size_t i = (size_t)iy * (size_t)level->width + (size_t)ix, row = (size_t)level->width;
    if (!level->valid[i] || !level->valid[i + 1] || !level->valid[i + row] || !level->valid[i + row + 1])
        return false;
    float fx = (float)(x - ix), fy = (float)(y - iy);
    const float *planes[3] = {level->s, level->gx, level->gy};
    for (int k = 0; k < 3; k++) {
        const float *p = planes[k] + i;
        out[k] = (p[0] * (1 - fx) + p[1] * fx) * (1 - fy) + (p[row] * (1 - fx) + p[row + 1] * fx) * fy;
    }
    return true;
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
rubor_point rubor_warp_apply(const rubor_warp *warp, double x, double y);

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
