/* Light that falls otherwise on the skin than it did before: another side, a window, a second lamp. Blood and
 * melanin of untreated skin have not changed, so what runs across the frame there is light; a plane through
 * it, per channel, also holds for the treated skin between. Only blocks away from the region carry the fit,
 * so that a broad redness is not taken for light. */
#include "analyzer/change.h"

#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REGION_MARGIN 0.04 /* of the grid's width: redness reaches past the line that was drawn */
#define SHARE_LEAST 0.10   /* of all measured cells: less untreated skin says nothing about the light */
#define SURE 3.0           /* standard deviations of the drift from which it is taken off */
#define OD_LEAST 0.001     /* the fit need not be more robust than that */
#define KIN 4.0            /* neighboring blocks share their deviation: so many count as one */
enum { ROUNDS = 5, BLOCKS_ACROSS = 40, BLOCKS_LEAST = 24 };

typedef struct block {
    double x, y, d[3], weight; /* middle in widths of the grid; OD change */
} block;

typedef struct fit {
    double mean[2], inverse[3];    /* weighted middle; inverse of the 2 x 2 scatter: xx, xy, yy */
    double offset[3], slope[3][2]; /* of each channel, around the middle */
    double weights;
} fit;

static double od_change(const rubor_change *change, int c, size_t i)
{
    return (double)change->visit_od[c].data[i] - (double)change->reference_od[c].data[i];
}

static bool block_mean(block *out, const rubor_change *change, const rubor_mask *treated, int left, int top,
                       int side)
{
    int inside = 0;
    *out = (block){.weight = 1};
    for (int k = 0; k < side * side; k++) {
        int x = left + k % side, y = top + k / side;
        size_t i = (size_t)y * (size_t)change->width + (size_t)x;
        if (treated->data[i] >= 128 || change->trial.data[i] || isnan(change->visit_od[0].data[i]))
            continue;
        out->x += x;
        out->y += y;
        for (int c = 0; c < 3; c++)
            out->d[c] += od_change(change, c, i);
        inside++;
    }
    if (2 * inside < side * side)
        return false;
    out->x /= (double)inside * change->width;
    out->y /= (double)inside * change->width;
    for (int c = 0; c < 3; c++)
        out->d[c] /= inside;
    return true;
}

static bool fit_planes(fit *f, const block *blocks, int count)
{
    double xx = 0, xy = 0, yy = 0;
    memset(f, 0, sizeof *f);
    for (int i = 0; i < count; i++) {
        f->weights += blocks[i].weight;
        f->mean[0] += blocks[i].weight * blocks[i].x;
        f->mean[1] += blocks[i].weight * blocks[i].y;
        for (int c = 0; c < 3; c++)
            f->offset[c] += blocks[i].weight * blocks[i].d[c];
    }
    for (int k = 0; k < 2; k++)
        f->mean[k] /= f->weights;
    for (int c = 0; c < 3; c++)
        f->offset[c] /= f->weights;
    double along[3][2] = {{0}};
    for (int i = 0; i < count; i++) {
        double x = blocks[i].x - f->mean[0], y = blocks[i].y - f->mean[1], w = blocks[i].weight;
        xx += w * x * x;
        xy += w * x * y;
        yy += w * y * y;
        for (int c = 0; c < 3; c++) {
            along[c][0] += w * x * (blocks[i].d[c] - f->offset[c]);
            along[c][1] += w * y * (blocks[i].d[c] - f->offset[c]);
        }
    }
    double det = xx * yy - xy * xy;
    if (!(det > 1e-8 * f->weights * f->weights))
        return false;
    f->inverse[0] = yy / det;
    f->inverse[1] = -xy / det;
    f->inverse[2] = xx / det;
    for (int c = 0; c < 3; c++) {
        f->slope[c][0] = f->inverse[0] * along[c][0] + f->inverse[1] * along[c][1];
        f->slope[c][1] = f->inverse[1] * along[c][0] + f->inverse[2] * along[c][1];
    }
    return true;
}

static double rest_of(const fit *f, const block *at, int c)
{
    return at->d[c] - f->offset[c] - f->slope[c][0] * (at->x - f->mean[0]) -
           f->slope[c][1] * (at->y - f->mean[1]);
}

/* Blocks far from the planes weigh less (Huber), in brightness (red) or in color (green over red). */
static void weigh(block *blocks, int count, const fit *f, double *scratch)
{
    double far[2];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < count; i++)
            scratch[i] = fabs(rest_of(f, &blocks[i], k) - (k ? rest_of(f, &blocks[i], 0) : 0));
        qsort(scratch, (size_t)count, sizeof *scratch, rubor_compare_doubles);
        far[k] = 2 * fmax(OD_LEAST, scratch[count / 2] / 0.6745);
    }
    for (int i = 0; i < count; i++) {
        double red = fabs(rest_of(f, &blocks[i], 0)),
               color = fabs(rest_of(f, &blocks[i], 1) - rest_of(f, &blocks[i], 0));
        blocks[i].weight = fmin(1, fmin(far[0] / fmax(red, 1e-9), far[1] / fmax(color, 1e-9)));
    }
}

static bool middle(double out[2], const rubor_change *change, const rubor_mask *mask)
{
    double n = 0;
    out[0] = out[1] = 0;
    for (int y = 0; y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            size_t i = (size_t)y * (size_t)change->width + (size_t)x;
            if (mask->data[i] < 128 || isnan(change->visit_od[0].data[i]))
                continue;
            out[0] += x;
            out[1] += y;
            n++;
        }
    out[0] /= n * change->width;
    out[1] /= n * change->width;
    return n > 0;
}

/* What the planes say of region minus control, and how sure: spread of the blocks around the planes times the
 * distance that the planes have to carry. */
static void read_drift(rubor_light *out, const rubor_change *change, const fit *f, const block *blocks,
                       int count)
{
    double here[2];
    out->known = middle(here, change, &change->region) && middle(out->anchor, change, &change->control);
    if (!out->known)
        return;
    double x = here[0] - out->anchor[0], y = here[1] - out->anchor[1];
    double carried = f->inverse[0] * x * x + 2 * f->inverse[1] * x * y + f->inverse[2] * y * y;
    for (int c = 0; c < 3; c++) {
        out->drift[c] = f->slope[c][0] * x + f->slope[c][1] * y;
        memcpy(out->slope[c], f->slope[c], sizeof out->slope[c]);
    }
    for (int i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            for (int d = 0; d < 3; d++)
                out->covariance[3 * c + d] += blocks[i].weight * rest_of(f, &blocks[i], c) *
                                              rest_of(f, &blocks[i], d) / f->weights * carried * KIN;
}

double rubor_light_sd(const rubor_light *light, const double row[3])
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        for (int d = 0; d < 3; d++)
            sum += row[c] * light->covariance[3 * c + d] * row[d];
    return sqrt(fmax(0, sum));
}

double rubor_light_drift(const rubor_light *light, const double row[3])
{
    return row[0] * light->drift[0] + row[1] * light->drift[1] + row[2] * light->drift[2];
}

/* The visit as it would look under the light of before; unchanged in the middle of the control. */
static void take_off(rubor_change *change)
{
    const rubor_light *light = &change->light;
    for (int y = 0; y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            double u = (double)x / change->width - light->anchor[0],
                   v = (double)y / change->width - light->anchor[1];
            size_t i = (size_t)y * (size_t)change->width + (size_t)x;
            for (int c = 0; c < 3; c++)
                change->visit_od[c].data[i] -= (float)(light->slope[c][0] * u + light->slope[c][1] * v);
        }
}

static int collect(block *blocks, const rubor_change *change, const rubor_mask *treated, int side)
{
    int count = 0;
    for (int top = 0; top + side <= change->height; top += side)
        for (int left = 0; left + side <= change->width; left += side)
            count += block_mean(&blocks[count], change, treated, left, top, side);
    return count;
}

static bool enough(const rubor_change *change, const rubor_mask *treated)
{
    size_t cells = (size_t)change->width * (size_t)change->height, all = 0, outside = 0;
    for (size_t i = 0; i < cells; i++) {
        bool measured = !isnan(change->visit_od[0].data[i]);
        all += measured;
        outside += measured && treated->data[i] < 128;
    }
    return all && (double)outside >= SHARE_LEAST * (double)all;
}

rubor_status rubor_change_level(rubor_change *change, rubor_error *error)
{
    static const double red[3] = {1, 0, 0}, color[3] = {-1, 1, 0};
    rubor_mask treated = {0};
    int side = change->width / BLOCKS_ACROSS + 1;
    size_t most = (size_t)(change->width / side + 1) * (size_t)(change->height / side + 1);
    block *blocks = malloc(most * (sizeof *blocks + sizeof(double)));
    rubor_status status =
        blocks ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the light's plane");
    if (status == RUBOR_OK)
        status = rubor_mask_init(&treated, change->width, change->height, error);
    if (status != RUBOR_OK)
        goto out;
    memcpy(treated.data, change->region.data, (size_t)change->width * (size_t)change->height);
    status = rubor_mask_dilate(&treated, (int)(REGION_MARGIN * change->width) + 1, error);
    if (status != RUBOR_OK || !enough(change, &treated))
        goto out;
    int count = collect(blocks, change, &treated, side);
    double *scratch = (double *)(blocks + most);
    fit f;
    if (count < BLOCKS_LEAST)
        goto out;
    for (int round = 0; round < ROUNDS; round++) {
        if (!fit_planes(&f, blocks, count))
            goto out;
        if (round + 1 < ROUNDS)
            weigh(blocks, count, &f, scratch);
    }
    rubor_light *light = &change->light;
    read_drift(light, change, &f, blocks, count);
    light->taken =
        light->known && (fabs(rubor_light_drift(light, red)) > SURE * rubor_light_sd(light, red) ||
                         fabs(rubor_light_drift(light, color)) > SURE * rubor_light_sd(light, color));
    if (light->taken)
        take_off(change);
out:
    rubor_mask_finish(&treated);
    free(blocks);
    return status;
}
