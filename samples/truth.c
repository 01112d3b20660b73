#include "samples/truth.h"

#include "imaging/kernels.h"

#include <stdlib.h>

rubor_status rubor_truth_maps_init(rubor_truth_maps *maps, int width, int height, rubor_error *error)
{
    maps->width = width;
    maps->height = height;
    maps->change = malloc((size_t)width * (size_t)height * sizeof *maps->change);
    return maps->change ? RUBOR_OK
                        : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a sample's truth");
}

void rubor_truth_maps_finish(rubor_truth_maps *maps)
{
    free(maps->change);
    *maps = (rubor_truth_maps){0};
}

/* Means over skin without findings inside the polygon's mask (NULL: everywhere); all NaN when none of it is
 * seen. */
static void mean_change(double mean[4], const rubor_mask *inside, const rubor_sample_photo *photo,
                        const rubor_truth_maps *maps)
{
    double sum[4] = {0}, count = 0;
    size_t pixels = (size_t)maps->width * (size_t)maps->height;
    for (size_t i = 0; i < pixels; i++) {
        if ((inside && inside->data[i] < 128) || photo->skin.data[i] < 128 ||
            photo->findings.data[i] >= RUBOR_SAMPLE_BRUISE)
            continue;
        for (int k = 0; k < 4; k++)
            sum[k] += (double)maps->change[i][k];
        count++;
    }
    for (int k = 0; k < 4; k++)
        mean[k] = count > 0 ? sum[k] / count : NAN;
}

/* 100 x mean of clamp((change - control) / full, 0, 1) over counted pixels of the region, averaged to 1/100
 * of the width. */
static rubor_status score(double *out, const rubor_mask *region, const rubor_sample_photo *photo,
                          const rubor_truth_maps *maps, int which, double control, double full,
                          rubor_error *error)
{
    rubor_plane plane;
    *out = NAN;
    rubor_status status = rubor_plane_init(&plane, maps->width, maps->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t pixels = (size_t)maps->width * (size_t)maps->height, count = 0;
    for (size_t i = 0; i < pixels; i++) {
        bool counts = photo->skin.data[i] >= 128 && photo->findings.data[i] < RUBOR_SAMPLE_BRUISE;
        plane.data[i] = counts ? maps->change[i][which] : NAN;
    }
    status = rubor_plane_box(&plane, maps->width / 200, error);
    double sum = 0;
    for (size_t i = 0; i < pixels && status == RUBOR_OK; i++) {
        if (region->data[i] < 128 || photo->skin.data[i] < 128 ||
            photo->findings.data[i] >= RUBOR_SAMPLE_BRUISE)
            continue;
        sum += fmin(1, fmax(0, ((double)plane.data[i] - (isnan(control) ? 0 : control)) / full));
        count++;
    }
    if (count)
        *out = 100 * sum / (double)count;
    rubor_plane_finish(&plane);
    return status;
}

static void threshold(rubor_sample_photo *photo, const rubor_truth_maps *maps, const double control[4])
{
    size_t pixels = (size_t)maps->width * (size_t)maps->height;
    float ei = (float)(RUBOR_SAMPLE_ERYTHEMA_EI + (isnan(control[0]) ? 0 : control[0]));
    float mi = (float)(RUBOR_SAMPLE_PIGMENT_MI + (isnan(control[1]) ? 0 : control[1]));
    for (size_t i = 0; i < pixels; i++) {
        bool counts = photo->skin.data[i] >= 128 && photo->findings.data[i] < RUBOR_SAMPLE_BRUISE;
        photo->erythema.data[i] = counts && maps->change[i][0] >= ei ? 255 : 0;
        photo->pigment.data[i] = counts && maps->change[i][1] >= mi ? 255 : 0;
    }
}

static void areas(rubor_sample_photo *photo, const rubor_mask *region)
{
    rubor_sample_truth *t = &photo->truth;
    size_t pixels = (size_t)region->width * (size_t)region->height, count = 0, crust = 0, bruise = 0, red = 0,
           dark = 0;
    for (size_t i = 0; i < pixels; i++) {
        if (region->data[i] < 128)
            continue;
        count++;
        crust += photo->findings.data[i] == RUBOR_SAMPLE_CRUST;
        bruise += photo->findings.data[i] == RUBOR_SAMPLE_BRUISE;
        red += photo->erythema.data[i] >= 128;
        dark += photo->pigment.data[i] >= 128;
    }
    double scale = count > 0 ? 100.0 / (double)count : NAN;
    t->crust_percent = (double)crust * scale;
    t->bruise_percent = (double)bruise * scale;
    t->erythema_percent = (double)red * scale;
    t->pigment_percent = (double)dark * scale;
}

/* Connected patches (8 neighbors) of one finding inside the region. */
static rubor_status count_patches(int *out, const rubor_mask *findings, const rubor_mask *region,
                                  uint8_t value, rubor_error *error)
{
    int w = findings->width, h = findings->height;
    size_t pixels = (size_t)w * (size_t)h, top = 0;
    uint8_t *seen = calloc(pixels, 1);
    size_t *stack = malloc(pixels * sizeof *stack);
    rubor_status status = RUBOR_OK;
    *out = 0;
    if (!seen || !stack) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to count a sample's findings");
        goto out;
    }
    for (size_t start = 0; start < pixels; start++) {
        if (seen[start] || findings->data[start] != value || region->data[start] < 128)
            continue;
        ++*out;
        seen[start] = 1;
        stack[top++] = start;
        while (top > 0) {
            size_t i = stack[--top];
            int x = (int)(i % (size_t)w), y = (int)(i / (size_t)w);
            for (int k = 0; k < 9; k++) {
                int nx = x + k % 3 - 1, ny = y + k / 3 - 1;
                if (nx < 0 || ny < 0 || nx >= w || ny >= h)
                    continue;
                size_t n = (size_t)ny * (size_t)w + (size_t)nx;
                if (!seen[n] && findings->data[n] == value) {
                    seen[n] = 1;
                    stack[top++] = n;
                }
            }
        }
    }
out:
    free(seen);
    free(stack);
    return status;
}

rubor_status rubor_truth_measure(rubor_sample_photo *photo, const rubor_truth_maps *maps,
                                 const rubor_scene *scene, rubor_error *error)
{
    rubor_mask region = {0}, control = {0};
    double treated[4], untreated[4], everywhere[4];
    rubor_sample_truth *t = &photo->truth;
    rubor_status status = rubor_mask_init(&region, maps->width, maps->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&control, maps->width, maps->height, error);
    if (status != RUBOR_OK)
        goto out;
    rubor_polygon_rasterize(&region, &photo->region, 1, 1);
    rubor_polygon_rasterize(&control, &photo->control, 1, 1);
    mean_change(treated, &region, photo, maps);
    mean_change(untreated, &control, photo, maps);
    mean_change(everywhere, NULL, photo, maps);
    threshold(photo, maps, untreated);
    areas(photo, &region);
    t->delta_ei = treated[0] - untreated[0];
    t->delta_mi = treated[1] - untreated[1];
    t->delta_ei_total = treated[2] - untreated[2];
    t->delta_mi_total = treated[3] - untreated[3];
    t->control_ei = untreated[0];
    t->control_mi = untreated[1];
    t->skin_ei = everywhere[0];
    t->skin_mi = everywhere[1];
    t->ita = scene->skin.ita;
    status = score(&t->redness_score, &region, photo, maps, 0, untreated[0], 40, error);
    if (status == RUBOR_OK)
        status = score(&t->pigment_score, &region, photo, maps, 1, untreated[1], 30, error);
    if (status == RUBOR_OK)
        status = count_patches(&t->pinpoint_count, &photo->findings, &region, RUBOR_SAMPLE_PINPOINT, error);
    if (status == RUBOR_OK)
        status = count_patches(&t->crust_count, &photo->findings, &region, RUBOR_SAMPLE_CRUST, error);
out:
    rubor_mask_finish(&region);
    rubor_mask_finish(&control);
    return status;
}
