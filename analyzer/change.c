#include "analyzer/change.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_ACROSS_MIN = 400 }; /* cells are only joined from pixels while this many remain across */

void rubor_change_finish(rubor_change *change)
{
    if (!change)
        return;
    for (int c = 0; c < 3; c++) {
        rubor_plane_finish(&change->visit_od[c]);
        rubor_plane_finish(&change->reference_od[c]);
    }
    rubor_mask_finish(&change->region);
    rubor_mask_finish(&change->control);
    rubor_plane_finish(&change->delta_ei);
    rubor_plane_finish(&change->delta_mi);
    memset(change, 0, sizeof *change);
}

static bool measurable(const rubor_frame *frame, size_t at)
{
    if (frame->skin.skin.data[at] < 128 || (frame->skin.shine.data && frame->skin.shine.data[at] >= 128))
        return false;
    for (int c = 0; c < 3; c++)
        if (!(frame->image.plane[c][at] > RUBOR_LINEAR_FLOOR))
            return false;
    return true;
}

/* Means over the measurable pixels of each cell, linear light. */
static void average_cells(rubor_plane out[3], const rubor_frame *frame, int factor)
{
    int width = out[0].width, height = out[0].height;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double sum[3] = {0};
            int count = 0;
            for (int v = 0; v < factor; v++)
                for (int u = 0; u < factor; u++) {
                    size_t at =
                        (size_t)(y * factor + v) * (size_t)frame->image.width + (size_t)(x * factor + u);
                    if (!measurable(frame, at))
                        continue;
                    for (int c = 0; c < 3; c++)
                        sum[c] += frame->image.plane[c][at];
                    count++;
                }
            size_t cell = (size_t)y * (size_t)width + (size_t)x;
            for (int c = 0; c < 3; c++)
                out[c].data[cell] = 2 * count >= factor * factor ? (float)(sum[c] / count) : NAN;
        }
}

/* Linear to OD in place; NaN stays. */
static void to_od(rubor_plane planes[3])
{
    size_t count = (size_t)planes[0].width * (size_t)planes[0].height;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < count; i += 4096) {
            float *at = planes[c].data + i, keep[4096];
            size_t n = count - i < 4096 ? count - i : 4096;
            memcpy(keep, at, n * sizeof *keep);
            rubor_kernels_get()->optical_density(at, keep, RUBOR_LINEAR_FLOOR, n);
            for (size_t k = 0; k < n; k++)
                if (isnan(keep[k]))
                    at[k] = NAN;
        }
}

static rubor_status planes_init(rubor_plane planes[3], int width, int height, rubor_error *error)
{
    for (int c = 0; c < 3; c++) {
        rubor_status status = rubor_plane_init(&planes[c], width, height, error);
        if (status != RUBOR_OK)
            return status;
    }
    return RUBOR_OK;
}

rubor_status rubor_change_init(rubor_change *out, const rubor_frame *visit, rubor_error *error)
{
    memset(out, 0, sizeof *out);
    out->factor = visit->image.width / 2 >= CELLS_ACROSS_MIN ? 2 : 1;
    out->width = visit->image.width / out->factor;
    out->height = visit->image.height / out->factor;
    out->mm_per_cell = visit->mm_per_px * out->factor;
    out->smooth_cells = isfinite(out->mm_per_cell) ? 2 / out->mm_per_cell : out->width / 100.0;
    rubor_status status = planes_init(out->visit_od, out->width, out->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&out->region, out->width, out->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&out->control, out->width, out->height, error);
    if (status != RUBOR_OK) {
        rubor_change_finish(out);
        return status;
    }
    average_cells(out->visit_od, visit, out->factor);
    to_od(out->visit_od);
    return RUBOR_OK;
}

rubor_status rubor_change_add_baseline(rubor_change *change, const rubor_frame *visit,
                                       const rubor_frame *baseline, const rubor_registration *registration,
                                       rubor_error *error)
{
    (void)visit;
    rubor_plane cells[3] = {{0}};
    int factor = baseline->image.width / 2 >= CELLS_ACROSS_MIN ? 2 : 1;
    rubor_status status =
        planes_init(cells, baseline->image.width / factor, baseline->image.height / factor, error);
    if (status != RUBOR_OK)
        goto out;
    average_cells(cells, baseline, factor);
    status = planes_init(change->reference_od, change->width, change->height, error);
    if (status != RUBOR_OK)
        goto out;
    double half = (change->factor - 1) / 2.0, other_half = (factor - 1) / 2.0;
    for (int y = 0; y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            rubor_point at = {x * change->factor + half, y * change->factor + half};
            rubor_point there = rubor_registration_map(registration, at);
            size_t cell = (size_t)y * (size_t)change->width + (size_t)x;
            for (int c = 0; c < 3; c++)
                change->reference_od[c].data[cell] =
                    isnan(change->visit_od[c].data[cell])
                        ? NAN
                        : rubor_plane_sample(&cells[c], (there.x - other_half) / factor,
                                             (there.y - other_half) / factor);
        }
    to_od(change->reference_od);
    size_t count = (size_t)change->width * (size_t)change->height;
    for (int c = 0; c < 3; c++) /* a cell is measured in both or in none */
        for (size_t i = 0; i < count; i++)
            if (isnan(change->reference_od[c].data[i]))
                change->visit_od[c].data[i] = NAN;
out:
    for (int c = 0; c < 3; c++)
        rubor_plane_finish(&cells[c]);
    return status;
}

static int compare_float(const void *one, const void *other)
{
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

/* Noise of one cell from what neighbors do not share: the median absolute difference of horizontal neighbors.
 */
static double cell_noise(const rubor_change *change, int c, float *scratch, size_t capacity)
{
    size_t n = 0, stride = 1 + (size_t)change->width * (size_t)change->height / capacity;
    size_t count = (size_t)change->width * (size_t)change->height;
    const float *visit = change->visit_od[c].data, *reference = change->reference_od[c].data;
    for (size_t i = 0; i + 1 < count && n < capacity; i += stride) {
        float step = visit[i + 1] - visit[i];
        if (reference)
            step -= reference[i + 1] - reference[i];
        if (!isnan(step))
            scratch[n++] = fabsf(step);
    }
    if (n < 16)
        return 0.01;
    qsort(scratch, n, sizeof *scratch, compare_float);
    double noise = scratch[n / 2] / 0.6745 / sqrt(2);
    return noise > 1e-4 ? noise : 1e-4;
}

/* Mean OD change per channel over the control, after dropping what lies beyond three standard deviations. */
static bool control_mean(double mean[3], const rubor_change *change, const rubor_plane planes[3])
{
    size_t count = (size_t)change->width * (size_t)change->height;
    double low = -1e9, high = 1e9;
    for (int pass = 0; pass < 3; pass++) {
        double sum[3] = {0}, square = 0;
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            float g = planes[1].data[i];
            if (change->control.data[i] < 128 || isnan(g) || g < low || g > high)
                continue;
            for (int c = 0; c < 3; c++)
                sum[c] += planes[c].data[i];
            square += (double)g * g;
            n++;
        }
        if (n < 50)
            return false;
        for (int c = 0; c < 3; c++)
            mean[c] = sum[c] / (double)n;
        double sd = sqrt(fmax(0, square / (double)n - mean[1] * mean[1]));
        low = mean[1] - 3 * sd;
        high = mean[1] + 3 * sd;
    }
    return true;
}

static void mean_linear(double linear[3], const rubor_plane od[3])
{
    size_t count = (size_t)od[0].width * (size_t)od[0].height, n = 0;
    double sum[3] = {0};
    for (size_t i = 0; i < count; i++)
        if (!isnan(od[0].data[i])) {
            for (int c = 0; c < 3; c++)
                sum[c] += od[c].data[i];
            n++;
        }
    for (int c = 0; c < 3; c++)
        linear[c] = n ? pow(10, -sum[c] / (double)n) : 0.3;
}

rubor_status rubor_change_unmix(rubor_change *change, const rubor_frame *visit, const rubor_frame *baseline,
                                rubor_error *error)
{
    enum { SCRATCH = 65536 };
    bool pair = baseline && change->reference_od[0].data;
    float *scratch = malloc(SCRATCH * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the noise estimate");
    for (int c = 0; c < 3; c++)
        change->noise_od[c] = cell_noise(change, c, scratch, SCRATCH);
    free(scratch);
    rubor_status status = rubor_plane_init(&change->delta_ei, change->width, change->height, error);
    if (status == RUBOR_OK)
        status = rubor_plane_init(&change->delta_mi, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;

    double linear[3], visit_zero[3] = {0}, reference_zero[3] = {0};
    mean_linear(linear, change->visit_od);
    rubor_calibration_directions(&change->directions, &visit->calibration, linear);
    change->reference_directions = change->directions;
    if (pair) {
        mean_linear(linear, change->reference_od);
        rubor_calibration_directions(&change->reference_directions, &baseline->calibration, linear);
    }
    change->control_known = change->control_known && control_mean(visit_zero, change, change->visit_od);
    if (change->control_known && pair)
        change->control_known = control_mean(reference_zero, change, change->reference_od);
    if (!change->control_known)
        for (int c = 0; c < 3; c++)
            visit_zero[c] = reference_zero[c] = -log10(linear[c]);
    /* Within one frame the light falls off by much more than between two frames of one pose. */
    change->shading_sd = !pair ? 0.2 : change->control_known ? 0.01 : 0.02;
    double noise[3];
    for (int c = 0; c < 3; c++) {
        noise[c] = fmax(change->noise_od[c], 0.003);
        change->offset_od[c] = visit_zero[c] - reference_zero[c];
    }
    rubor_unmix_solve(&change->unmix, change->directions.hemoglobin, change->directions.melanin, noise,
                      change->shading_sd);
    rubor_unmix_solve(&change->reference_unmix, change->reference_directions.hemoglobin,
                      change->reference_directions.melanin, noise, change->shading_sd);
    size_t count = (size_t)change->width * (size_t)change->height;
    for (size_t i = 0; i < count; i++) {
        double ei = 0, mi = 0;
        for (int c = 0; c < 3; c++) {
            double d = change->visit_od[c].data[i] - visit_zero[c];
            ei += change->unmix.ei[c] * d;
            mi += change->unmix.mi[c] * d;
            if (pair) {
                d = change->reference_od[c].data[i] - reference_zero[c];
                ei -= change->reference_unmix.ei[c] * d;
                mi -= change->reference_unmix.mi[c] * d;
            }
        }
        change->delta_ei.data[i] = (float)ei;
        change->delta_mi.data[i] = (float)mi;
    }
    return RUBOR_OK;
}

rubor_status rubor_change_enlarge(rubor_plane *out, const rubor_change *change, const rubor_plane *cells,
                                  int width, int height, rubor_error *error)
{
    rubor_status status = rubor_plane_init(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    double half = (change->factor - 1) / 2.0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double u = (x - half) / change->factor, v = (y - half) / change->factor;
            int nx = x / change->factor, ny = y / change->factor;
            float value = NAN;
            if (nx < cells->width && ny < cells->height) {
                float nearest = cells->data[(size_t)ny * (size_t)cells->width + (size_t)nx];
                value = isnan(nearest) ? NAN : rubor_plane_sample(cells, u, v);
                if (isnan(value))
                    value = nearest;
            }
            out->data[(size_t)y * (size_t)width + (size_t)x] = value;
        }
    return RUBOR_OK;
}
