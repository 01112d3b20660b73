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
    RUBOR_ALIGN_FINEST_PX = 896,  /* long side of level 0; less for small photos */
    RUBOR_ALIGN_COARSEST_PX = 56, /* long side of the level that is searched */
    RUBOR_SEARCH_HITS = 6
};

/* What redness does not change, at one size: the part of the red OD that hemoglobin leaves alone, freed of
 * shading and brought to unit local contrast. 0 where valid is 0. */
typedef struct rubor_structure {
    int width, height;
    float *s, *gx, *gy; /* value and its central differences per pixel */
    uint8_t *valid;
    size_t valid_count;
} rubor_structure;

typedef struct rubor_structure_pyramid {
    int levels; /* level[levels - 1] is the coarsest */
    rubor_structure level[RUBOR_ALIGN_LEVELS];
    double unit_width, unit_height; /* of the image in unit coordinates; the larger is 1 */
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

/* finest_px: long side of level 0, at most that of the image. */
rubor_status rubor_structure_build(rubor_structure_pyramid *out, const rubor_image_calibrated *image,
                                   const rubor_mask *skin, int finest_px, rubor_error *error);
void rubor_structure_finish(rubor_structure_pyramid *pyramid);

static inline double rubor_to_unit(double pixel, int size, double unit_size)
{
    return ((pixel + 0.5) / size - 0.5) * unit_size;
}

static inline double rubor_from_unit(double unit, int size, double unit_size)
{
    return (unit / unit_size + 0.5) * size - 0.5;
}

/* Bilinear value and gradient (out[0], [1], [2]) where all four neighbors are valid. */
bool rubor_structure_sample(const rubor_structure *level, double x, double y, float out[3]);
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
