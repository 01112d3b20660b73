/* What runs slowly across all skin is light: another lamp, another pose. A bent surface (second order in both
 * axes) through the means of squares follows it; Tukey's biweight leaves what lies in a part of the skin
 * only, a redness or a bruise, out of the fit. */
#include "analyzer/change.h"

#include "imaging/linsolve.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS = 6, BLOCKS_ACROSS = 24, BLOCKS_LEAST = 40, ROUNDS = 10 };
#define FAR 4.0 /* standard deviations from which a square has no weight */
#define SPREAD_LEAST 1e-5

typedef struct sample {
    double term[TERMS], value, rest;
} sample;

/* x and y in widths of the map. */
static void terms(double out[TERMS], double x, double y)
{
    const double all[TERMS] = {1, x, y, x * x, x * y, y * y};
    memcpy(out, all, sizeof all);
}

static double surface(const double fit[TERMS], const double term[TERMS])
{
    double sum = 0;
    for (int k = 0; k < TERMS; k++)
        sum += fit[k] * term[k];
    return sum;
}

/* Takes the surface off a row of the map. */
static void take_off(float *restrict row, int width, double y, const double fit[TERMS])
{
    const double f[TERMS] = {fit[0], fit[1], fit[2], fit[3], fit[4], fit[5]};
    for (int i = 0; i < width; i++) {
        double term[TERMS];
        terms(term, (i + 0.5) / width, y);
        row[i] -= (float)surface(f, term);
    }
}

static int collect(sample *samples, const rubor_plane *blocks)
{
    int count = 0;
    for (int y = 0; y < blocks->height; y++)
        for (int x = 0; x < blocks->width; x++) {
            float value = blocks->data[(size_t)y * (size_t)blocks->width + (size_t)x];
            if (isnan(value))
                continue;
            terms(samples[count].term, (x + 0.5) / blocks->width, (y + 0.5) / blocks->width);
            samples[count++].value = (double)value;
        }
    return count;
}

/* Least squares again and again, each time with less weight for what lies far off. */
static rubor_status fit_surface(double fit[TERMS], sample *samples, int count, rubor_error *error)
{
    double *a = malloc((size_t)count * (TERMS + 2) * sizeof *a);
    if (!a)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the light's surface");
    double *b = a + (size_t)count * TERMS, *far = b + count, limit = INFINITY;
    rubor_status status = RUBOR_OK;
    for (int round = 0; round < ROUNDS && status == RUBOR_OK; round++) {
        for (int i = 0; i < count; i++) {
            double off = isfinite(limit) ? samples[i].rest / limit : 0;
            double weight = fabs(off) < 1 ? 1 - off * off : 0; /* root of the biweight */
            for (int k = 0; k < TERMS; k++)
                a[(size_t)i * TERMS + (size_t)k] = weight * samples[i].term[k];
            b[i] = weight * samples[i].value;
        }
        status = rubor_least_squares(fit, a, b, count, TERMS, error);
        if (status != RUBOR_OK)
            break;
        for (int i = 0; i < count; i++) {
            samples[i].rest = samples[i].value - surface(fit, samples[i].term);
            far[i] = fabs(samples[i].rest);
        }
        qsort(far, (size_t)count, sizeof *far, rubor_compare_doubles);
        limit = FAR * fmax(SPREAD_LEAST, far[count / 2] / 0.6745);
    }
    free(a);
    return status;
}

/* How far the surface runs over the squares, its outermost twentieths left out. */
static double range_of(const double fit[TERMS], const sample *samples, int count)
{
    double values[RUBOR_LINSOLVE_ROWS];
    for (int i = 0; i < count; i++)
        values[i] = surface(fit, samples[i].term);
    qsort(values, (size_t)count, sizeof *values, rubor_compare_doubles);
    return values[count - 1 - count / 20] - values[count / 20];
}

rubor_status rubor_change_detrend(double *range, rubor_plane *map, const rubor_mask *without,
                                  rubor_error *error)
{
    rubor_plane kept = {0}, blocks = {0};
    int width = map->width < BLOCKS_ACROSS ? map->width : BLOCKS_ACROSS,
        height = (int)fmax(1, (double)map->height * width / map->width);
    size_t cells = (size_t)map->width * (size_t)map->height;
    sample *samples = NULL;
    if (range)
        *range = NAN;
    if (width * height > RUBOR_LINSOLVE_ROWS)
        height = RUBOR_LINSOLVE_ROWS / width;
    rubor_status status = rubor_plane_reserve(&kept, map->width, map->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < cells; i++)
        kept.data[i] = without->data && without->data[i] >= 128 ? NAN : map->data[i];
    if (status == RUBOR_OK)
        status = rubor_plane_shrink(&blocks, &kept, width, height, error);
    if (status == RUBOR_OK && !(samples = malloc((size_t)width * (size_t)height * sizeof *samples)))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the light's surface");
    if (status != RUBOR_OK)
        goto out;
    double fit[TERMS] = {0};
    int count = collect(samples, &blocks);
    if (count < BLOCKS_LEAST)
        goto out;
    status = fit_surface(fit, samples, count, error);
    if (status == RUBOR_OK && range)
        *range = range_of(fit, samples, count);
    for (int row = 0; status == RUBOR_OK && row < map->height; row++)
        take_off(map->data + (size_t)row * (size_t)map->width, map->width,
                 (row + 0.5) / map->height * height / width, fit);
    if (status == RUBOR_REFUSED) { /* skin in one line of squares: nothing to fit */
        status = RUBOR_OK;
        if (error)
            *error = (rubor_error){0};
    }
out:
    rubor_plane_finish(&kept);
    rubor_plane_finish(&blocks);
    free(samples);
    return status;
}
