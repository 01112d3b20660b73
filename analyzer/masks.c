#include "analyzer/masks.h"

#include "analyzer/uncertainty.h"

#include "imaging/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Smoothing before the threshold: a share of the 2 mm over which scores average, and not less than a share of
 * the width (a coarse scale leaves the noise of single pixels). */
#define MASK_SIGMA 0.3
#define MASK_SIGMA_WIDTH 0.0022
#define NOISE_MOST 0.7 /* printed units */
/* Patches smaller than this share of the grid's width squared are noise, not findings. */
#define PATCH_LEAST 0.00012

void rubor_masks_finish(rubor_masks *masks)
{
    if (!masks)
        return;
    rubor_plane_finish(&masks->smooth_ei);
    rubor_plane_finish(&masks->smooth_mi);
    rubor_mask_finish(&masks->erythema);
    rubor_mask_finish(&masks->pigment);
    memset(masks, 0, sizeof *masks);
}

/* Clears 4-connected patches of fewer than least cells. */
static void drop_small(rubor_mask *mask, int least, int *stack)
{
    int width = mask->width, height = mask->height;
    for (int start = 0; start < width * height; start++) {
        if (mask->data[start] != 255)
            continue;
        int count = 1, next = 0;
        stack[0] = start;
        mask->data[start] = 254;
        while (next < count) {
            int at = stack[next++], x = at % width, y = at / width;
            const int around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at, y > 0 ? at - width : at,
                                   y + 1 < height ? at + width : at};
            for (int k = 0; k < 4; k++)
                if (mask->data[around[k]] == 255) {
                    mask->data[around[k]] = 254;
                    stack[count++] = around[k];
                }
        }
        if (count < least)
            for (int k = 0; k < count; k++)
                mask->data[stack[k]] = 0;
    }
    for (int i = 0; i < width * height; i++)
        mask->data[i] = mask->data[i] ? 255 : 0;
}

/* Dropped patches are lowered under the threshold in the smoothed map too: the working-size mask is cut from
 * it. */
static rubor_status threshold(rubor_mask *out, rubor_plane *smoothed, double least, rubor_error *error)
{
    rubor_status status = rubor_mask_init(out, smoothed->width, smoothed->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)smoothed->width * (size_t)smoothed->height;
    int *stack = malloc(count * sizeof *stack);
    if (!stack)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a mask");
    for (size_t i = 0; i < count; i++)
        out->data[i] = (double)smoothed->data[i] >= least ? 255 : 0;
    drop_small(out, (int)(PATCH_LEAST * smoothed->width * smoothed->width), stack);
    free(stack);
    for (size_t i = 0; i < count; i++)
        if (!out->data[i] && (double)smoothed->data[i] >= least)
            smoothed->data[i] = (float)(least - 0.5);
    return RUBOR_OK;
}

/* Takes off a smoothed map what most of the region shares, at most so much. */
static rubor_status take_shift(rubor_plane *smoothed, const rubor_mask *region, double most,
                               rubor_error *error)
{
    double shift;
    rubor_status status = rubor_change_shift(&shift, smoothed, region, most, error);
    size_t count = (size_t)smoothed->width * (size_t)smoothed->height;
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        smoothed->data[i] -= (float)shift;
    return status;
}

rubor_status rubor_masks_find(rubor_masks *out, const rubor_change *change, const rubor_mask *findings,
                              const double zero_sd[2], rubor_error *error)
{
    memset(out, 0, sizeof *out);
    double sigma = fmax(MASK_SIGMA * change->smooth_cells, MASK_SIGMA_WIDTH * change->width);
    rubor_status status =
        rubor_change_smooth(&out->smooth_ei, &change->delta_ei, findings, sigma, NOISE_MOST, error);
    if (status == RUBOR_OK)
        status = rubor_change_smooth(&out->smooth_mi, &change->delta_mi, findings, sigma, NOISE_MOST, error);
    if (status == RUBOR_OK && !change->control_known)
        status = take_shift(&out->smooth_ei, &change->region, RUBOR_Z95 * zero_sd[0], error);
    if (status == RUBOR_OK && !change->control_known)
        status = take_shift(&out->smooth_mi, &change->region, RUBOR_Z95 * zero_sd[1], error);
    if (status == RUBOR_OK)
        status = threshold(&out->erythema, &out->smooth_ei, RUBOR_ERYTHEMA_THRESHOLD, error);
    if (status == RUBOR_OK)
        status = threshold(&out->pigment, &out->smooth_mi, RUBOR_PIGMENT_THRESHOLD, error);
    if (status != RUBOR_OK)
        rubor_masks_finish(out);
    return status;
}
