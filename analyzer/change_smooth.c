#include "analyzer/change.h"

#include "imaging/kernels.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>

#define SIGMA_MOST 0.012        /* of the grid's width */
enum { NOISE_SAMPLES = 16384 }; /* of a map, for a quantile */

/* What noise is left in a smoothed map: differences between cells so far apart that they share none of it,
 * but that a soft border hardly separates; three quarters of them are smaller than this times 1.15 times the
 * square root of two. Light that falls off makes one side of a photo noisier, so the median would be too
 * mild. */
static double noise_left(const rubor_plane *map, int apart, float *scratch)
{
    size_t count = (size_t)map->width * (size_t)map->height, n = 0, stride = 1 + count / NOISE_SAMPLES;
    for (size_t i = 0; i + (size_t)apart < count && n < NOISE_SAMPLES; i += stride) {
        float step = map->data[i + (size_t)apart] - map->data[i];
        if (!isnan(step) && i % (size_t)map->width + (size_t)apart < (size_t)map->width)
            scratch[n++] = fabsf(step);
    }
    if (n < 16)
        return 0;
    return (double)rubor_float_of_rank(scratch, n, 3 * n / 4) / (1.15 * 1.41421356);
}

rubor_status rubor_change_smooth(rubor_plane *out, const rubor_plane *map, const rubor_mask *without,
                                 double sigma_cells, double noise_most, rubor_error *error)
{
    float *scratch = malloc(NOISE_SAMPLES * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the noise of a map");
    rubor_status status = rubor_plane_reserve(out, map->width, map->height, error);
    size_t count = (size_t)map->width * (size_t)map->height;
    double sigma = sigma_cells, most = fmax(sigma, SIGMA_MOST * map->width);
    while (status == RUBOR_OK) {
        for (size_t i = 0; i < count; i++)
            out->data[i] = without->data && without->data[i] >= 128 ? NAN : map->data[i];
        status = rubor_plane_blur(out, sigma, error);
        double excess = status == RUBOR_OK ? noise_left(out, (int)(3 * sigma) + 1, scratch) / noise_most : 0;
        if (excess <= 1 || sigma >= most)
            break;
        sigma = fmin(most, sigma * fmin(2, fmax(1.15, excess)));
    }
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        if (isnan(map->data[i]))
            out->data[i] = NAN;
    free(scratch);
    return status;
}

rubor_status rubor_change_shift(double *out, const rubor_plane *map, const rubor_mask *region, double most,
                                rubor_error *error)
{
    size_t count = (size_t)map->width * (size_t)map->height, n = 0, stride = 1 + count / NOISE_SAMPLES;
    float *values = malloc(NOISE_SAMPLES * sizeof *values);
    if (!values)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a median");
    for (size_t i = 0; i < count && n < NOISE_SAMPLES; i += stride)
        if (region->data[i] >= 128 && !isnan(map->data[i]))
            values[n++] = map->data[i];
    *out = n ? fmax(-most, fmin(most, (double)rubor_float_of_rank(values, n, n / 2))) : 0;
    free(values);
    return RUBOR_OK;
}
