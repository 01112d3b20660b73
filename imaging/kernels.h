/* Passes over rows of pixels. The plain C version is the reference; others must give the same bits
 * (tests/unit/imaging checks kernel against kernel on random and extreme inputs).
 * RUBOR_KERNELS=scalar in the environment forces plain C. Reentrant after the first call. */
#ifndef RUBOR_IMAGING_KERNELS_H
#define RUBOR_IMAGING_KERNELS_H

#include "imaging/image.h"

/* A box of 2 radius + 1 whole pixels and, at both ends, one pixel weighted edge (0 <= edge < 1): Gwosdek and
 * others 2011, "extended box filter", so that three passes meet any sigma exactly. */
typedef struct rubor_box {
    int radius;
    double edge;
} rubor_box;
enum { RUBOR_LANES = 16 };
/* The table that light is encoded by: from 2^-21 on (what is darker is less than half a step of 65535), so many cells an
 * octave. */
enum { RUBOR_ENCODE_OCTAVES = 21, RUBOR_ENCODE_BITS = 7, RUBOR_ENCODE_CELLS = RUBOR_ENCODE_OCTAVES << RUBOR_ENCODE_BITS };

typedef struct rubor_kernels {
    const char *name; /* "scalar" or "avx2" */
    /* out[i] = sum_j matrix[3*i+j] * in[j] + offset[i], n pixels; out may alias in. */
    void (*matrix3)(float *const out[3], const float *const in[3], const float matrix[9],
                    const float offset[3], size_t n);
    /* od = -log10(max(linear, floor)); relative error of log10 below 2e-6. */
    void (*optical_density)(float *od, const float *linear, float floor, size_t n);
    /* cube root of 0..2, relative error below 2e-6. */
    void (*cube_root)(float *out, const float *in, size_t n);
    /* One box pass along RUBOR_LANES interleaved lines of this length, ends replicated; out must not alias
     * in. Sums in double, in order: a running sum over 20,000 floats stays good to float precision. */
    void (*box_lanes)(float *out, const float *in, int length, rubor_box box);
    /* n pixels of three 8-bit samples, add[channel][pixel] levels more, as 16-bit RGB; ycc: they are YCbCr after
     * ITU-R BT.601 as JFIF has it. rgb must not alias the inputs. */
    void (*jpeg_row)(uint16_t *rgb, const uint8_t *samples, const float *const add[3], bool ycc, size_t n);
    /* known[i] = 1 where values[i] is finite; else 0, and values[i] becomes 0. */
    void (*find_known)(uint8_t *known, float *values, size_t n);
    /* values[i] /= share[i]; NaN where no more than 1e-6 is known: rounding of the running sums, or as good
     * as nothing. */
    void (*divide_known)(float *values, const float *share, size_t n);
    /* to[i] += weights[0..3] times four planes of n values, pitch apart, one product after the other. */
    void (*add_four)(float *to, const float *from, size_t pitch, const float weights[4], size_t n);
    /* to[i] = part * from[i]; add: added to what is there. to must not alias from. */
    void (*scale_row)(float *to, const float *from, float part, bool add, size_t n);
    /* Whether all are finite and at most 3.4e38 in size. */
    bool (*all_finite)(const float *values, size_t n);
    /* Clamped to 2^-21..1 (NaN: the least) and looked up in RUBOR_ENCODE_CELLS + 1 cells of value and slope: value + slope *
     * (linear - lower end of the cell), cut to a whole number. */
    void (*encode)(uint16_t *out, const float *linear, const float (*cells)[2], size_t n);
    /* to[i] += weights[0..2] times from[i - 1], from[i], from[i + 1], one product after the other. */
    void (*add_taps)(float *to, const float *from, const float weights[3], size_t n);
} rubor_kernels;

const rubor_kernels *rubor_kernels_get(void);
/* NULL where this CPU or build has no such version. */
const rubor_kernels *rubor_kernels_by_name(const char *name);

/* Gaussian-like blur: three box passes, edges replicated; NaN pixels are left out of the averages (normalized
 * convolution) and stay NaN only where a whole window is NaN. sigma_px >= 0. */
rubor_status rubor_plane_blur(rubor_plane *plane, double sigma_px, rubor_error *error);
/* Planes of one size, each as rubor_plane_blur does it; cheaper where they miss the same pixels. count >= 1.
 */
rubor_status rubor_planes_blur(rubor_plane *const planes[], int count, double sigma_px, rubor_error *error);
/* Box mean of (2 radius + 1) squared, same NaN rule. */
rubor_status rubor_plane_box(rubor_plane *plane, int radius_px, rubor_error *error);
/* Area average to width x height (never larger than in); out is initialized by the call. */
rubor_status rubor_plane_shrink(rubor_plane *out, const rubor_plane *in, int width, int height,
                                rubor_error *error);
/* Bilinear sample; NaN outside the plane by more than half a pixel. */
float rubor_plane_sample(const rubor_plane *plane, double x, double y);
/* The same of several planes of one size. */
void rubor_planes_sample(float *out, const rubor_plane *planes, int count, double x, double y);

/* Row y of the plane enlarged by a whole factor, width pixels of it: what rubor_plane_sample gives at
 * (x - half) / factor and (y - half) / factor with half = (factor - 1) / 2, to the bit. */
void rubor_plane_enlarge_row(float *out, const rubor_plane *plane, int factor, int y, int width);

/* Morphology on masks (values >= 128 are inside) with a square of side 2 radius + 1. */
rubor_status rubor_mask_dilate(rubor_mask *mask, int radius_px, rubor_error *error);
rubor_status rubor_mask_erode(rubor_mask *mask, int radius_px, rubor_error *error);
size_t rubor_mask_count(const rubor_mask *mask);

#endif
