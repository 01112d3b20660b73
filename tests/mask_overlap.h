/* How well a found mask agrees with the true one: for tests and measurements. */
#ifndef RUBOR_TESTS_MASK_OVERLAP_H
#define RUBOR_TESTS_MASK_OVERLAP_H

#include "imaging/image.h"

#include <math.h>

/* Pixels of the truth's grid: of both, of the truth, of what was found. */
typedef struct mask_overlap {
    double both, truth, found;
} mask_overlap;

/* True when the mask is set (128 or more) under the center of pixel (x, y) of a grid of width x height. An
 * empty mask is set nowhere. */
static inline bool mask_inside(const rubor_mask *mask, int x, int y, int width, int height)
{
    if (!mask->data)
        return false;
    int u = (int)((x + 0.5) * mask->width / width), v = (int)((y + 0.5) * mask->height / height);
    return mask->data[(size_t)v * (size_t)mask->width + (size_t)u] >= 128;
}

static inline mask_overlap mask_compare(const rubor_mask *truth, const rubor_mask *found)
{
    mask_overlap o = {0};
    for (int y = 0; y < truth->height; y++)
        for (int x = 0; x < truth->width; x++) {
            bool t = mask_inside(truth, x, y, truth->width, truth->height);
            bool f = mask_inside(found, x, y, truth->width, truth->height);
            o.truth += t;
            o.found += f;
            o.both += t && f;
        }
    return o;
}

/* Intersection over union; 1 when both are empty. */
static inline double mask_iou(mask_overlap o)
{
    double any = o.truth + o.found - o.both;
    return any > 0 ? o.both / any : 1;
}

/* NAN when the truth is empty. */
static inline double mask_dice(mask_overlap o)
{
    return o.truth > 0 ? 2 * o.both / (o.truth + o.found) : NAN;
}

#endif
