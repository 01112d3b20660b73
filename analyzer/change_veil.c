/* White light on the skin that the chart does not show: the surface's own reflection, and what is left of the
 * veil. On dark skin and new pigment it hides a part of every change, of blue's most of all: blue that fell
 * less than red and green say leaves a rest, and one veil for both photos that explains it is taken off.
 *
 * With the veil P and skin S (linear, region averaged over blocks; before and now read against the control):
 * red and green of S - P give blood and melanin, these predict blue, and blue_now - P - prediction is the
 * misfit. Its square over what directions and light leave open, mean over the changed blocks, plus P squared
 * over the prior's variance is least at the veil. Light skin and small changes hardly move it from zero, and
 * zero change stays zero under any veil. */
#include "analyzer/change.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_ACROSS = 60, STEPS_DOWN = 30, STEPS_UP = 60 };
#define LN10 2.302585092994046
#define STEP 0.0005 /* of the perfect diffuser */
/* Surface reflection of skin beside highlights: 0.028 of it when lit from all sides (ISSA's di:8 geometry),
 * little under one lamp, so half a percent is given as its standard deviation around none. */
#define SURFACE_SD 0.005
#define LIGHT_DOUBT 0.02 /* of blue before: shade and noise */
/* Of blue's change that blood and that melanin make: measured people's blood (docs/MEASUREMENT.md
 * "Uncertainty"), and melanin's power law. */
#define BLOOD_DOUBT 0.10
#define MELANIN_DOUBT 0.05
#define FULL_WEIGHT_OD 0.15 /* of green: changes below weigh less */
#define LEAST_WEIGHT 3.0    /* blocks */
#define SILENT 0.02         /* weight of a block that costs time only: green changed by 0.02 OD */
#define FAR 3.0             /* misfits from which a block counts less: a bruise, a thing that is not skin */

typedef struct block {
    double now[3], before[3], weight;
} block;

static bool block_mean(block *out, const rubor_change *change, int left, int top, int side)
{
    int n = 0;
    memset(out, 0, sizeof *out);
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++) {
            size_t i = (size_t)y * (size_t)change->width + (size_t)x;
            if (change->region.data[i] < 128 || isnan(change->visit_od[0].data[i]) ||
                isnan(change->reference_od[0].data[i]))
                continue;
            n++;
            for (int c = 0; c < 3; c++) {
                out->now[c] += rubor_pow(10, -(double)change->visit_od[c].data[i]);
                out->before[c] += rubor_pow(10, -(double)change->reference_od[c].data[i]);
            }
        }
    for (int c = 0; c < 3; c++) {
        out->now[c] /= n ? n : 1;
        out->before[c] /= n ? n : 1;
    }
    if (2 * n < side * side)
        return false;
    double darker = rubor_log10(out->before[1] / out->now[1]) - change->zero_od[1][1] + change->zero_od[0][1];
    out->weight = fmin(1, darker * darker / (FULL_WEIGHT_OD * FULL_WEIGHT_OD));
    return darker > 0 && out->weight > SILENT;
}

/* Blue's misfit over what may be left of it; NaN where the veil is more than the skin. */
static double misfit(const block *b, const double control[2][3], const rubor_directions *directions,
                     double veil)
{
    double d[3] = {0}; /* OD */
    const double *h = directions->hemoglobin, *m = directions->melanin;
    for (int c = 0; c < 3; c++) {
        double now = b->now[c] - veil, before = b->before[c] - veil;
        double other_now = control[0][c] - veil, other_before = control[1][c] - veil;
        if (!(before > RUBOR_LINEAR_FLOOR && other_now > RUBOR_LINEAR_FLOOR &&
              other_before > RUBOR_LINEAR_FLOOR) ||
            (c < 2 && !(now > RUBOR_LINEAR_FLOOR)))
            return NAN;
        if (c < 2)
            d[c] = rubor_log10(before / now * other_now / other_before);
    }
    double determinant = h[0] * m[1] - h[1] * m[0];
    double blood = (d[0] * m[1] - d[1] * m[0]) / determinant;
    double melanin = (h[0] * d[1] - h[1] * d[0]) / determinant;
    double before = (b->before[2] - veil) * (control[0][2] - veil) / (control[1][2] - veil);
    double predicted = before * rubor_pow(10, -(blood * h[2] + melanin * m[2]));
    double of_blood = BLOOD_DOUBT * blood * h[2], of_melanin = MELANIN_DOUBT * melanin * m[2];
    double slope = LN10 * sqrt(before * predicted); /* linear per OD, in the middle of the change */
    double light = LIGHT_DOUBT * before,
           direction = slope * sqrt(of_blood * of_blood + of_melanin * of_melanin);
    return (b->now[2] - veil - predicted) / sqrt(light * light + direction * direction);
}

/* The veil that explains blue best; 0 where too little has changed. */
static double find_veil(const block *blocks, int count, const rubor_change *change, double glare_sd)
{
    double control[2][3], all = 0, best = 0, least = INFINITY;
    for (int k = 0; k < 2; k++)
        for (int c = 0; c < 3; c++)
            control[k][c] = rubor_pow(10, -change->zero_od[k][c]);
    for (int i = 0; i < count; i++)
        all += blocks[i].weight;
    if (all < LEAST_WEIGHT)
        return 0;
    for (int step = -STEPS_DOWN; step <= STEPS_UP; step++) {
        double veil = step * STEP;
        double cost = veil * veil / (glare_sd * glare_sd + SURFACE_SD * SURFACE_SD), sum = 0;
        for (int i = 0; i < count; i++) {
            double x = misfit(&blocks[i], control, &change->directions, veil);
            sum += blocks[i].weight * (isnan(x) ? FAR * FAR : x * x / (1 + x * x / (FAR * FAR)));
        }
        cost += sum / all;
        if (cost < least) {
            least = cost;
            best = veil;
        }
    }
    return best;
}

static void take_off(rubor_plane planes[3], double veil)
{
    size_t count = (size_t)planes[0].width * (size_t)planes[0].height;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < count; i++)
            if (!isnan(planes[c].data[i]))
                planes[c].data[i] = (float)(rubor_exp(-LN10 * (double)planes[c].data[i]) - veil);
    rubor_change_to_od(planes);
}

rubor_status rubor_change_unveil(rubor_change *change, double glare_sd, rubor_error *error)
{
    int side = change->width / BLOCKS_ACROSS + 1, count = 0;
    size_t most = (size_t)(change->width / side + 1) * (size_t)(change->height / side + 1);
    block *blocks = malloc(most * sizeof *blocks);
    if (!blocks)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the veil on the skin");
    for (int top = 0; top + side <= change->height; top += side)
        for (int left = 0; left + side <= change->width; left += side)
            count += block_mean(&blocks[count], change, left, top, side);
    change->veil = find_veil(blocks, count, change, glare_sd);
    if (fabs(change->veil) >= STEP) {
        take_off(change->visit_od, change->veil);
        take_off(change->reference_od, change->veil);
    }
    free(blocks);
    return RUBOR_OK;
}
