#include "analyzer/masks.h"

#include "imaging/kernels.h"

#include <math.h>
#include <string.h>

/* Smoothing before the threshold, as a fraction of the 2 mm over which scores average. */
#define MASK_SIGMA 0.3

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

/* The change map without the findings, smoothed; what was not measured stays NaN. */
static rubor_status smooth(rubor_plane *out, const rubor_plane *delta, const rubor_mask *findings,
                           double sigma, rubor_error *error)
{
    rubor_status status = rubor_plane_init(out, delta->width, delta->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)delta->width * (size_t)delta->height;
    for (size_t i = 0; i < count; i++)
        out->data[i] = findings->data && findings->data[i] >= 128 ? NAN : delta->data[i];
    status = rubor_plane_blur(out, sigma, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        if (isnan(delta->data[i]))
            out->data[i] = NAN;
    return status;
}

static rubor_status threshold(rubor_mask *out, const rubor_plane *smoothed, double least, rubor_error *error)
{
    rubor_status status = rubor_mask_init(out, smoothed->width, smoothed->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)smoothed->width * (size_t)smoothed->height;
    for (size_t i = 0; i < count; i++)
        out->data[i] = smoothed->data[i] >= least ? 255 : 0;
    return RUBOR_OK;
}

rubor_status rubor_masks_find(rubor_masks *out, const rubor_change *change, const rubor_mask *findings,
                              rubor_error *error)
{
    memset(out, 0, sizeof *out);
    double sigma = MASK_SIGMA * change->smooth_cells;
    rubor_status status = smooth(&out->smooth_ei, &change->delta_ei, findings, sigma, error);
    if (status == RUBOR_OK)
        status = smooth(&out->smooth_mi, &change->delta_mi, findings, sigma, error);
    if (status == RUBOR_OK)
        status = threshold(&out->erythema, &out->smooth_ei, RUBOR_ERYTHEMA_THRESHOLD, error);
    if (status == RUBOR_OK)
        status = threshold(&out->pigment, &out->smooth_mi, RUBOR_PIGMENT_THRESHOLD, error);
    if (status != RUBOR_OK)
        rubor_masks_finish(out);
    return status;
}
