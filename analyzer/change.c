#include "analyzer/change.h"

#include <assert.h>
#include <math.h>
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
    rubor_mask_finish(&change->trial);
    rubor_mask_finish(&change->region);
    rubor_mask_finish(&change->control);
    rubor_plane_finish(&change->delta_ei);
    rubor_plane_finish(&change->delta_mi);
    rubor_plane_finish(&change->shade_od);
    memset(change, 0, sizeof *change);
}

static bool measurable(const rubor_frame *frame, size_t at)
{
    return frame->skin.skin.data[at] >= 128 && !(frame->skin.shine.data && frame->skin.shine.data[at] >= 128);
}

/* Means over the measurable pixels of each cell, linear light. Noise that takes single pixels below zero is
 * averaged with the rest: cutting it off would brighten dark skin. Blue of very dark skin may end at the
 * floor; the unmixing trusts it accordingly little. */
static inline void average_squares(rubor_plane out[3], const rubor_frame *frame, int factor)
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
            bool enough = 2 * count >= factor * factor && sum[0] > RUBOR_LINEAR_FLOOR * count &&
                          sum[1] > RUBOR_LINEAR_FLOOR * count;
            for (int c = 0; c < 3; c++)
                out[c].data[cell] = enough ? (float)(sum[c] / count) : NAN;
        }
}

static void average_cells(rubor_plane out[3], const rubor_frame *frame, int factor)
{
    if (factor == 2) /* a constant: the loops over the square unroll */
        average_squares(out, frame, 2);
    else
        average_squares(out, frame, factor);
}

/* A highlight adds the lamp's white to all channels; pale skin beside new redness looks like one but is no
 * brighter than it was. Linear, against the perfect diffuser. */
static bool brighter_than_before(const rubor_frame *visit, size_t at, const rubor_frame *baseline,
                                 size_t there)
{
    float added = INFINITY;
    for (int c = 0; c < 3; c++)
        added = fminf(added, visit->image.plane[c][at] - baseline->image.plane[c][there]);
    return added > fmaxf(0.02f, 0.1f * baseline->image.plane[1][there]);
}

void rubor_change_readmit(rubor_frame *visit, const rubor_frame *baseline,
                          const rubor_registration *registration)
{
    rubor_mask *skin = &visit->skin.skin, *shine = &visit->skin.shine;
    const rubor_mask *before = &baseline->skin.skin;
    for (int y = 0; y < skin->height; y++) {
        rubor_registration_row row = rubor_registration_row_at(registration, y);
        for (int x = 0; x < skin->width; x++) {
            size_t at = (size_t)y * (size_t)skin->width + (size_t)x;
            bool shines = shine->data && shine->data[at] >= 128;
            if (skin->data[at] >= 128 && !shines)
                continue;
            rubor_point there = rubor_registration_map_in(&row, x);
            double u = there.x + 0.5, v = there.y + 0.5;
            if (!(u >= 0 && v >= 0 && u < before->width && v < before->height))
                continue;
            size_t from = (size_t)v * (size_t)before->width + (size_t)u;
            if (before->data[from] < 128 || (shines && brighter_than_before(visit, at, baseline, from)))
                continue;
            skin->data[at] = RUBOR_SKIN_TRIAL;
            if (shines)
                shine->data[at] = 0;
        }
    }
}

void rubor_change_settle(rubor_frame *visit, const rubor_change *change)
{
    rubor_mask *skin = &visit->skin.skin;
    size_t inside = 0;
    for (int y = 0; y < skin->height; y++)
        for (int x = 0; x < skin->width; x++) {
            size_t at = (size_t)y * (size_t)skin->width + (size_t)x;
            if (skin->data[at] == RUBOR_SKIN_TRIAL) {
                int cx = x / change->factor, cy = y / change->factor;
                bool kept = change->delta_ei.data && cx < change->width && cy < change->height &&
                            !isnan(change->delta_ei.data[(size_t)cy * (size_t)change->width + (size_t)cx]);
                skin->data[at] = kept ? 255 : 0;
            }
            inside += skin->data[at] >= 128;
        }
    visit->skin.area_percent = 100.0 * (double)inside / ((double)skin->width * skin->height);
}

static void mark_trial(rubor_mask *trial, const rubor_frame *visit, int factor)
{
    for (int y = 0; y < trial->height * factor; y++)
        for (int x = 0; x < trial->width * factor; x++)
            if (visit->skin.skin.data[(size_t)y * (size_t)visit->image.width + (size_t)x] == RUBOR_SKIN_TRIAL)
                trial->data[(size_t)(y / factor) * (size_t)trial->width + (size_t)(x / factor)] = 255;
}

void rubor_change_to_od(rubor_plane planes[3])
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

/* Not zeroed: average_cells and rubor_change_add_baseline set every cell. */
static rubor_status planes_init(rubor_plane planes[3], int width, int height, rubor_error *error)
{
    for (int c = 0; c < 3; c++) {
        rubor_status status = rubor_plane_reserve(&planes[c], width, height, error);
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
        status = rubor_mask_init(&out->trial, out->width, out->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&out->region, out->width, out->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&out->control, out->width, out->height, error);
    if (status != RUBOR_OK) {
        rubor_change_finish(out);
        return status;
    }
    average_cells(out->visit_od, visit, out->factor);
    mark_trial(&out->trial, visit, out->factor);
    rubor_change_to_od(out->visit_od);
    return RUBOR_OK;
}

rubor_status rubor_change_add_baseline(rubor_change *change, const rubor_frame *baseline,
                                       const rubor_registration *registration, rubor_error *error)
{
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
    for (int y = 0; y < change->height; y++) {
        rubor_registration_row row = rubor_registration_row_at(registration, y * change->factor + half);
        for (int x = 0; x < change->width; x++) {
            size_t cell = (size_t)y * (size_t)change->width + (size_t)x;
            bool measured = false;
            for (int c = 0; c < 3; c++) {
                change->reference_od[c].data[cell] = NAN;
                measured = measured || !isnan(change->visit_od[c].data[cell]);
            }
            if (!measured)
                continue;
            rubor_point there = rubor_registration_map_in(&row, x * change->factor + half);
            float before[3];
            rubor_planes_sample(before, cells, 3, (there.x - other_half) / factor,
                                (there.y - other_half) / factor);
            for (int c = 0; c < 3; c++)
                change->reference_od[c].data[cell] = isnan(change->visit_od[c].data[cell]) ? NAN : before[c];
        }
    }
    rubor_change_to_od(change->reference_od);
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

rubor_status rubor_change_enlarge(rubor_plane *out, const rubor_change *change, const rubor_plane *cells,
                                  int width, int height, rubor_error *error)
{
    rubor_status status = rubor_plane_init(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    int factor = change->factor, inside = cells->width * factor < width ? cells->width * factor : width;
    for (int y = 0; y < height; y++) {
        float *row = out->data + (size_t)y * (size_t)width;
        if (y / factor >= cells->height) {
            for (int x = 0; x < width; x++)
                row[x] = NAN;
            continue;
        }
        const float *nearest = cells->data + (size_t)(y / factor) * (size_t)cells->width;
        rubor_plane_enlarge_row(row, cells, factor, y, inside);
        for (int x = 0; x < inside;
             x++) { /* an unknown cell stays unknown; a known one keeps its value beside those */
            float own = nearest[factor == 2 ? x >> 1 : x / factor];
            row[x] = isnan(own) || isnan(row[x]) ? own : row[x];
        }
        for (int x = inside; x < width; x++)
            row[x] = NAN;
    }
    return RUBOR_OK;
}
