/* The OD change of each cell into hemoglobin and melanin (docs/MEASUREMENT.md "Change").
 *
 * Both photos are first read against their own control skin (or, without one, against the chart), each with
 * the directions of its own calibration, so that a lamp or camera that changed in between is converted to the
 * reference observer before the difference is taken. */
#include "analyzer/change.h"

#include "imaging/fixed_math.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Left over of each channel after calibration, OD: tone curve and matrix on skin colors. */
#define CHANNEL_SD 0.004
/* A change of this size is what the weights are made for: OD, and printed units. */
#define TYPICAL_OD 0.2
#define TYPICAL_UNITS 10.0
/* Light and pose between two photos of one pose that the control has anchored, that only the chart has, and
 * within one frame. The first two are floors: what the skin itself shows of uneven light is taken if it is
 * more. */
#define SHADING_CONTROL 0.006
#define SHADING_CHART 0.012
#define SHADING_WITHIN 0.5
#define SHADING_MOST 0.05
/* Standard deviation of the exponent of melanin's power law (published fits run from 3.0 to 3.6). */
#define MELANIN_EXPONENT_SD 0.12
static const double melanin_share[3] = {0.01, 0.015, 0.03};
static const double channel_nm[3] = {605, 545, 465}; /* centers of gravity on skin */

enum { SCRATCH = 65536, STEADY_SAMPLE = 8192 };
/* Control skin is steady where its change, smoothed over this share of the width, is within so many standard
 * deviations of the middle of the half that agrees best; at least so much of it must be. */
#define STEADY_WIDTH 0.012
#define STEADY_SDS 3.0
#define STEADY_SHARE 0.3
#define TRIAL_CELLS 2.0 /* Gaussian sigma */
#define LN10 2.302585092994046

/* Noise of one cell from what neighbors do not share: the median absolute difference of horizontal neighbors.
 */
static double cell_noise(const rubor_change *change, int c, float *scratch)
{
    size_t count = (size_t)change->width * (size_t)change->height, n = 0, stride = 1 + count / SCRATCH;
    const float *visit = change->visit_od[c].data, *reference = change->reference_od[c].data;
    for (size_t i = 0; i + 1 < count && n < SCRATCH; i += stride) {
        float step = visit[i + 1] - visit[i];
        if (reference)
            step -= reference[i + 1] - reference[i];
        if (!isnan(step))
            scratch[n++] = fabsf(step);
    }
    if (n < 16)
        return 0.01;
    return fmax((double)rubor_float_of_rank(scratch, n, n / 2) / 0.6745 / sqrt(2), 1e-4);
}

/* Mean OD per channel inside a mask, dropping what lies beyond three standard deviations in green. */
static bool robust_mean(double mean[3], const rubor_mask *mask, const rubor_plane planes[3])
{
    size_t count = (size_t)mask->width * (size_t)mask->height;
    double low = -1e9, high = 1e9;
    for (int pass = 0; pass < 3; pass++) {
        double sum[3] = {0}, squares = 0;
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            double g = (double)planes[1].data[i];
            if (mask->data[i] < 128 || isnan(g) || g < low || g > high)
                continue;
            for (int c = 0; c < 3; c++)
                sum[c] += (double)planes[c].data[i];
            squares += g * g;
            n++;
        }
        if (n < RUBOR_CONTROL_CELLS_LEAST)
            return false;
        for (int c = 0; c < 3; c++)
            mean[c] = sum[c] / (double)n;
        double sd = sqrt(fmax(0, squares / (double)n - mean[1] * mean[1]));
        low = mean[1] - 3 * sd;
        high = mean[1] + 3 * sd;
    }
    return true;
}

static rubor_status allocate(rubor_change *change, rubor_error *error)
{
    rubor_plane *planes[] = {&change->delta_ei, &change->delta_mi, &change->shade_od};
    for (int k = 0; k < 3; k++) {
        rubor_status status = rubor_plane_init(planes[k], change->width, change->height, error);
        if (status != RUBOR_OK)
            return status;
    }
    return RUBOR_OK;
}

/* Middle and width of the shortest interval that holds half of the values, which are put in order. Where a
 * highlight's soft edge covers half of them or more, their median lies on it. */
static float shortest_half(float *width, float *values, size_t count)
{
    size_t half = count / 2, best = 0;
    qsort(values, count, sizeof *values, rubor_compare_floats);
    for (size_t i = 1; i + half < count; i++)
        if (values[i + half] - values[i] < values[best + half] - values[best])
            best = i;
    *width = values[best + half] - values[best];
    return (values[best + half] + values[best]) / 2;
}

/* Leaves out of the mask where one channel's change, smoothed, is far from that of most of the mask. */
static rubor_status drop_unsteady(rubor_mask *mask, const rubor_plane *visit, const rubor_plane *reference,
                                  rubor_error *error)
{
    size_t count = (size_t)mask->width * (size_t)mask->height, n = 0, seen = 0;
    size_t stride = 1 + rubor_mask_count(mask) / STEADY_SAMPLE;
    rubor_plane change = {0};
    float *values = malloc(2 * STEADY_SAMPLE * sizeof *values);
    rubor_status status = values ? rubor_plane_init(&change, mask->width, mask->height, error)
                                 : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for control skin");
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        change.data[i] = mask->data[i] >= 128 ? visit->data[i] - reference->data[i] : NAN;
    if (status == RUBOR_OK)
        status = rubor_plane_blur(&change, fmax(1, STEADY_WIDTH * mask->width), error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        if (mask->data[i] >= 128 && !isnan(change.data[i]) && seen++ % stride == 0)
            values[n++] = change.data[i];
    if (n > 1) {
        float width, middle = shortest_half(&width, values, n);
        float reach = (float)(STEADY_SDS / 0.6745 / 2) * width;
        for (size_t i = 0; i < count; i++)
            if (mask->data[i] >= 128 && !(fabsf(change.data[i] - middle) <= reach))
                mask->data[i] = 0;
    }
    rubor_plane_finish(&change);
    free(values);
    return status;
}

/* Leaves out of the control what came or went on it, a highlight or a spot: it would shift the zero. */
static rubor_status keep_steady(rubor_change *change, rubor_error *error)
{
    rubor_mask steady = {0};
    rubor_status status = rubor_mask_init(&steady, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t bytes = (size_t)change->width * (size_t)change->height;
    memcpy(steady.data, change->control.data, bytes);
    for (size_t i = 0; i < bytes; i++) /* cells that only one photo shows tell nothing */
        if (isnan(change->visit_od[0].data[i]) || isnan(change->reference_od[0].data[i]))
            steady.data[i] = 0;
    double known = (double)rubor_mask_count(&steady);
    for (int c = 0; c < 3 && status == RUBOR_OK; c++)
        status = drop_unsteady(&steady, &change->visit_od[c], &change->reference_od[c], error);
    if (status == RUBOR_OK && (double)rubor_mask_count(&steady) >= STEADY_SHARE * known)
        memcpy(change->control.data, steady.data, bytes);
    rubor_mask_finish(&steady);
    return status;
}

/* Which OD counts as zero in both photos, and the color half way between before and now. */
static void find_zero(rubor_change *change, const rubor_frame *frame, const rubor_frame *baseline)
{
    bool pair = baseline != NULL;
    double visit[3] = {0.3, 0.5, 0.6}, reference[3];
    robust_mean(visit, &change->region, change->visit_od);
    memcpy(reference, visit, sizeof reference);
    if (pair)
        robust_mean(reference, &change->region, change->reference_od);
    double *zero_visit = change->zero_od[0], *zero_reference = change->zero_od[1];
    if (change->control_known)
        change->control_known =
            robust_mean(zero_visit, &change->control, change->visit_od) &&
            (!pair || robust_mean(zero_reference, &change->control, change->reference_od));
    if (!pair && change->control_known) {
        memcpy(zero_reference, zero_visit, sizeof change->zero_od[1]);
        memcpy(reference, zero_visit, sizeof reference);
    }
    for (int c = 0; c < 3; c++)
        change->skin_linear[c] = rubor_pow(10, -(visit[c] + reference[c]) / 2);
    memset(change->offset_od, 0, sizeof change->offset_od);
    if (pair)
        rubor_calibration_offset(change->offset_od, &frame->calibration, &baseline->calibration,
                                 change->skin_linear);
    for (int c = 0; c < 3; c++) {
        double middle = (visit[c] + reference[c]) / 2, half = change->offset_od[c] / 2;
        if (!change->control_known) {
            zero_visit[c] = middle + half;
            zero_reference[c] = middle - half;
        }
        change->region_linear[c] = rubor_pow(10, -visit[c]);
        change->before_linear[c] = rubor_pow(10, -reference[c]);
        change->control_linear[c] = change->control_known ? rubor_pow(10, -zero_visit[c]) : 0;
    }
}

/* Uneven light between both photos as the skin shows it: spread of the common change over the control, or
 * (unknown control) over all skin, by the median absolute deviation of averages over squares. */
static double shading_seen(const rubor_change *change, float *scratch)
{
    const rubor_unmix *u = &change->unmix, *v = &change->reference_unmix;
    int side = change->width / 40 + 1;
    size_t n = 0;
    for (int y = 0; y + side <= change->height; y += side)
        for (int x = 0; x + side <= change->width; x += side) {
            double sum = 0;
            int inside = 0;
            for (int k = 0; k < side * side; k++) {
                size_t i = (size_t)(y + k / side) * (size_t)change->width + (size_t)(x + k % side);
                if (isnan(change->visit_od[0].data[i]) || change->trial.data[i] ||
                    (change->control_known && change->control.data[i] < 128))
                    continue;
                for (int c = 0; c < 3; c++)
                    sum += u->shade[c] * ((double)change->visit_od[c].data[i] - change->zero_od[0][c]) -
                           v->shade[c] * ((double)change->reference_od[c].data[i] - change->zero_od[1][c]);
                inside++;
            }
            if (2 * inside > side * side && n < SCRATCH)
                scratch[n++] = (float)(sum / inside);
        }
    if (n < 8)
        return 0;
    float middle = rubor_float_of_rank(scratch, n, n / 2);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabsf(scratch[i] - middle);
    return (double)rubor_float_of_rank(scratch, n, n / 2) / 0.6745;
}

static rubor_status solve(rubor_change *change, rubor_error *error)
{
    double covariance[9], s2 = change->shading_sd * change->shading_sd;
    const double t2 = TYPICAL_UNITS * TYPICAL_UNITS;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            covariance[3 * i + j] = s2 + t2 * (change->directions.hemoglobin_spread[3 * i + j] +
                                               change->melanin_tilt[i] * change->melanin_tilt[j]);
            if (i == j)
                covariance[3 * i + j] += change->systematic_od[i] * change->systematic_od[i] +
                                         t2 * change->melanin_sd[i] * change->melanin_sd[i];
        }
    rubor_status status = rubor_unmix_solve(&change->unmix, change->directions.hemoglobin,
                                            change->directions.melanin, covariance, error);
    if (status != RUBOR_OK)
        return status;
    return rubor_unmix_solve(&change->reference_unmix, change->reference_directions.hemoglobin,
                             change->reference_directions.melanin, covariance, error);
}

/* Noise bends the logarithm: -log10 of a noisy value is too large by 1.15 times the squared OD noise on
 * average. How much of that differs between the two photos is not known. */
static double noise_bend(double noise_od)
{
    return 2 * 1.15 * noise_od * noise_od;
}

static rubor_status find_unmix(rubor_change *change, const rubor_frame *visit, const rubor_frame *baseline,
                               float *scratch, rubor_error *error)
{
    rubor_calibration_directions(&change->directions, &visit->calibration, change->skin_linear);
    change->reference_directions = change->directions;
    bool blind = visit->calibration.status == RUBOR_CALIBRATION_NONE; /* both guessed alike */
    if (baseline && !(blind && baseline->calibration.status == RUBOR_CALIBRATION_NONE))
        rubor_calibration_directions(&change->reference_directions, &baseline->calibration,
                                     change->skin_linear);
    for (int c = 0; c < 3; c++) {
        double veil = TYPICAL_OD * rubor_frame_glare_sd(visit) / fmax(change->skin_linear[c], 0.003);
        double bend = noise_bend(change->noise_od[c]);
        change->systematic_od[c] = sqrt(CHANNEL_SD * CHANNEL_SD + veil * veil + bend * bend);
        change->melanin_sd[c] = melanin_share[c] * fabs(change->directions.melanin[c]);
        change->melanin_tilt[c] =
            MELANIN_EXPONENT_SD * rubor_log(channel_nm[0] / channel_nm[c]) * change->directions.melanin[c];
    }
    change->shading_sd = !baseline ? SHADING_WITHIN : change->control_known ? SHADING_CONTROL : SHADING_CHART;
    rubor_status status = solve(change, error);
    if (status != RUBOR_OK || !baseline)
        return status;
    change->shading_sd = fmin(SHADING_MOST, fmax(change->shading_sd, shading_seen(change, scratch)));
    return solve(change, error);
}

/* What blood, melanin, a bruise and the light can do to skin between two photos; a hair or a collar does
 * more. A large change is described less well, and some of it ends up as shade. */
static bool skin_can(double ei, double mi, double shade, double doubt)
{
    return ei > -15 && ei < 70 && mi > -15 && mi < 80 && shade > -0.12 - doubt &&
           shade < 0.25 + 0.004 * fmax(fabs(ei), fabs(mi));
}

static void unmix_cells(rubor_change *change, bool pair)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    const rubor_unmix *now = &change->unmix, *before = &change->reference_unmix;
    for (size_t i = 0; i < count; i++) {
        double ei = 0, mi = 0, shade = 0;
        for (int c = 0; c < 3; c++) {
            double d = (double)change->visit_od[c].data[i] - change->zero_od[0][c];
            ei += now->ei[c] * d;
            mi += now->mi[c] * d;
            shade += now->shade[c] * d;
            if (!pair)
                continue;
            d = (double)change->reference_od[c].data[i] - change->zero_od[1][c];
            ei -= before->ei[c] * d;
            mi -= before->mi[c] * d;
            shade -= before->shade[c] * d;
        }
        change->delta_ei.data[i] = (float)ei;
        change->delta_mi.data[i] = (float)mi;
        change->shade_od.data[i] = (float)shade;
    }
}

/* How far below the truth the shade of a cell may be read: a veil taken off too much makes the darkest
 * channel darker than it is, blue of dark skin by any amount. Two standard deviations of the glare. */
static double shade_doubt(const rubor_change *change, size_t cell, double glare_sd)
{
    double doubt = 0;
    for (int c = 0; c < 3; c++) {
        double linear = rubor_exp(-LN10 * (double)change->visit_od[c].data[cell]);
        doubt += 2 * glare_sd / (LN10 * linear) * fmax(0, -change->unmix.shade[c]);
    }
    return doubt;
}

/* Drops the cells on trial whose change is none that skin can make, judged by the mean over their neighbors
 * on trial: single cells of very dark skin are too noisy. */
static rubor_status judge_trial(rubor_change *change, double glare_sd, rubor_error *error)
{
    rubor_plane mean[3] = {{0}};
    rubor_plane *planes[3] = {&change->delta_ei, &change->delta_mi, &change->shade_od};
    rubor_plane *const means[3] = {&mean[0], &mean[1], &mean[2]};
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_status status = RUBOR_OK;
    if (!rubor_mask_count(&change->trial))
        return RUBOR_OK;
    for (int k = 0; k < 3 && status == RUBOR_OK; k++) {
        status = rubor_plane_init(&mean[k], change->width, change->height, error);
        for (size_t i = 0; i < count && status == RUBOR_OK; i++)
            mean[k].data[i] = change->trial.data[i] ? planes[k]->data[i] : NAN;
    }
    if (status == RUBOR_OK)
        status = rubor_planes_blur(means, 3, TRIAL_CELLS, error);
    for (size_t i = 0; i < count && status == RUBOR_OK; i++)
        if (change->trial.data[i] && !skin_can((double)mean[0].data[i], (double)mean[1].data[i],
                                               (double)mean[2].data[i], shade_doubt(change, i, glare_sd)))
            for (int k = 0; k < 3; k++)
                planes[k]->data[i] = NAN;
    for (int k = 0; k < 3; k++)
        rubor_plane_finish(&mean[k]);
    return status;
}

rubor_status rubor_change_unmix(rubor_change *change, const rubor_frame *visit, const rubor_frame *baseline,
                                rubor_error *error)
{
    bool pair = baseline && change->reference_od[0].data;
    float *scratch = malloc(SCRATCH * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the noise estimate");
    for (int c = 0; c < 3; c++)
        change->noise_od[c] = cell_noise(change, c, scratch);
    rubor_status status = allocate(change, error);
    if (status == RUBOR_OK && pair && change->control_known)
        status = rubor_change_level(change, error);
    if (status == RUBOR_OK && pair && change->control_known)
        status = keep_steady(change, error);
    if (status != RUBOR_OK)
        goto out;
    find_zero(change, visit, pair ? baseline : NULL);
    status = find_unmix(change, visit, pair ? baseline : NULL, scratch, error);
    if (status == RUBOR_OK && pair && change->control_known)
        status = rubor_change_unveil(change, rubor_frame_glare_sd(visit), error);
    if (status == RUBOR_OK && change->veil != 0) {
        find_zero(change, visit, baseline);
        status = find_unmix(change, visit, baseline, scratch, error);
    }
    if (status != RUBOR_OK)
        goto out;
    change->control_ei = pair && change->control_known ? 0 : NAN;
    for (int c = 0; c < 3; c++) /* against the chart: a burn of the control would hide one of the region */
        change->control_ei +=
            change->unmix.ei[c] * (change->zero_od[0][c] - change->zero_od[1][c] - change->offset_od[c]);
    unmix_cells(change, pair);
    status = judge_trial(change, rubor_frame_glare_sd(visit), error);
    if (status != RUBOR_OK)
        goto out;
    size_t count = (size_t)change->width * (size_t)change->height;
    for (size_t i = 0; i < count; i++)
        if (isnan(change->delta_ei.data[i]))
            change->region.data[i] = change->control.data[i] = 0;
out:
    free(scratch);
    return status;
}
