#include "analyzer/scores.h"

#include "imaging/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* clear < 2, almost clear < 8, mild < 20, moderate < 40, severe: 0..4; -1 for NaN. A mapping, not a
 * clinician's. */
static int redness_grade(double score)
{
    static const double below[] = {2, 8, 20, 40};
    if (isnan(score))
        return -1;
    int grade = 0;
    while (grade < 4 && score >= below[grade])
        grade++;
    return grade;
}

typedef struct score_input {
    const rubor_change *change;
    const rubor_findings *findings;
    const rubor_plane *delta, *other; /* the own change and the other chromophore's */
    rubor_plane averaged;             /* delta over the averaging square, findings left out */
    double *counted, *counted_other; /* of what counts, cell by cell: averaged, and other (0 where unknown) */
    size_t counted_cells;
    double full, zero_sd, gain_sd, leak_sd, veil_sd, bruise_sd;
    double null_sd;  /* of the mean if this component did not change: every doubt but the gain */
    double block_sd; /* spread of the averaged change where nothing changed */
} score_input;

static bool counts(const rubor_change *change, const rubor_findings *findings, const rubor_plane *plane,
                   size_t i)
{
    return change->region.data[i] >= 128 && findings->cells.data[i] < 128 && !isnan(plane->data[i]);
}

/* Ways to bend the map: the plain one, then each doubt down, then each doubt up. */
enum { DOUBTS = 5, BENDS = 1 + 2 * DOUBTS };
typedef struct bends {
    double gain[BENDS], leak[BENDS], offset[BENDS];
} bends;

static bends bends_of(const score_input *in)
{
    bends b;
    for (int k = 0; k < BENDS; k++) {
        int doubt = k ? (k - 1) % DOUBTS : -1;
        double z = k <= DOUBTS ? -RUBOR_Z95 : RUBOR_Z95;
        b.gain[k] = doubt == 0 ? 1 + z * in->gain_sd : 1;
        b.leak[k] = doubt == 1 ? z * in->leak_sd : 0;
        b.offset[k] = doubt == 2   ? z * in->zero_sd
                      : doubt == 3 ? z * in->veil_sd
                      : doubt == 4 ? z * in->bruise_sd
                                   : 0;
    }
    return b;
}

/* 100 x mean over the region of clamp((gain * delta + leak * other + offset) / full, 0, 1), of all bends in one
 * pass over the cells. */
static void clamped_means(double mean[BENDS], const score_input *in, const bends *how)
{
    double sum[BENDS] = {0};
    for (size_t i = 0; i < in->counted_cells; i++)
        for (int k = 0; k < BENDS; k++) {
            double part = (how->gain[k] * in->counted[i] + how->leak[k] * in->counted_other[i] +
                           how->offset[k]) /
                          in->full;
            part = part > 0 ? part : 0;
            sum[k] += part < 1 ? part : 1;
        }
    for (int k = 0; k < BENDS; k++)
        mean[k] = in->counted_cells ? 100 * sum[k] / (double)in->counted_cells : RUBOR_NULL;
}

static rubor_status collect_counted(score_input *in, rubor_error *error)
{
    size_t count = (size_t)in->change->width * (size_t)in->change->height, n = 0;
    for (size_t i = 0; i < count; i++)
        n += counts(in->change, in->findings, &in->averaged, i);
    in->counted = malloc((2 * n + 1) * sizeof *in->counted);
    if (!in->counted)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the scores of %zu cells", n);
    in->counted_other = in->counted + n;
    for (size_t i = 0; i < count; i++)
        if (counts(in->change, in->findings, &in->averaged, i)) {
            double other = (double)in->other->data[i];
            in->counted_other[in->counted_cells] = isnan(other) ? 0 : other;
            in->counted[in->counted_cells++] = (double)in->averaged.data[i];
        }
    return RUBOR_OK;
}

/* What noise of this spread adds to the score where nothing changed: half of it is cut off at zero. */
static double noise_share(const score_input *in, double score_zero_sd)
{
    size_t n = in->counted_cells, near_zero = 0;
    for (size_t i = 0; i < n; i++)
        near_zero += fabs(in->counted[i]) < 2.5 * score_zero_sd;
    return n ? 100 * 0.4 * score_zero_sd / in->full * (double)near_zero / (double)n : 0;
}

/* Each doubt bends the map by one standard deviation up and down; the score's steps add in quadrature around
 * the score without what noise adds, which is known to half of itself. */
static void score_interval(rubor_score *score, const score_input *in)
{
    double mean[BENDS], base, noise = noise_share(in, in->block_sd);
    bends how = bends_of(in);
    clamped_means(mean, in, &how);
    base = mean[0];
    for (int side = 0; side < 2; side++) {
        double sign = side ? 1 : -1, step = 0;
        for (int k = 1; k <= DOUBTS; k++) {
            double moved = mean[side * DOUBTS + k] - base;
            step += moved * moved;
        }
        double end = base - noise + sign * sqrt(step + noise * noise);
        score->interval95[side] = fmin(100, fmax(0, end));
    }
    score->score = base;
}

static double plain_mean(const rubor_change *change, const rubor_findings *findings, const rubor_plane *plane)
{
    size_t count = (size_t)change->width * (size_t)change->height, n = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        if (counts(change, findings, plane, i)) {
            sum += plane->data[i];
            n++;
        }
    return n ? sum / (double)n : RUBOR_NULL;
}

static void areas(rubor_score *score, const rubor_change *change, const rubor_mask *mask)
{
    size_t count = (size_t)change->width * (size_t)change->height, inside = 0, all = 0;
    for (size_t i = 0; i < count; i++)
        if (change->region.data[i] >= 128) {
            all++;
            inside += mask->data[i] >= 128;
        }
    if (!all)
        return;
    score->area_percent = 100.0 * (double)inside / (double)all;
    if (isfinite(change->mm_per_cell))
        score->area_cm2 = (double)inside * change->mm_per_cell * change->mm_per_cell / 100;
}

static rubor_status fill(rubor_score *score, score_input *in, double sd, rubor_error *error)
{
    const rubor_change *change = in->change;
    rubor_status status = rubor_plane_reserve(&in->averaged, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)change->width * (size_t)change->height;
    for (size_t i = 0; i < count; i++)
        in->averaged.data[i] = in->findings->cells.data[i] >= 128 ? NAN : in->delta->data[i];
    status = rubor_plane_box(&in->averaged, (int)(change->smooth_cells / 2), error);
    if (status != RUBOR_OK)
        goto out;
    score->delta = plain_mean(change, in->findings, in->delta);
    if (isnan(score->delta))
        goto out;
    score->delta_interval95[0] = score->delta - RUBOR_Z95 * sd;
    score->delta_interval95[1] = score->delta + RUBOR_Z95 * sd;
    status = collect_counted(in, error);
    if (status != RUBOR_OK)
        goto out;
    score_interval(score, in);
    score->mdc = RUBOR_Z995 * in->null_sd;
    score->changed = fabs(score->delta) > score->mdc;
out:
    rubor_plane_finish(&in->averaged);
    free(in->counted);
    return status;
}

/* The doubts by which a component is called changed, as if it had not: what a wrong glare does to a darker
 * region then comes from the other component's part of the darkening (of green) only. */
static rubor_uncertainty without_own_change(const rubor_uncertainty *all, const rubor_directions *directions,
                                            double ei, double mi)
{
    rubor_uncertainty null = *all;
    double blood = fabs(ei * directions->hemoglobin[1]), melanin = fabs(mi * directions->melanin[1]);
    double both = blood + melanin;
    null.zero_ei = all->decision_ei;
    null.zero_mi = all->decision_mi;
    if (isfinite(both) && both > 0) {
        null.veil_ei *= melanin / both;
        null.veil_mi *= blood / both;
    }
    return null;
}

rubor_status rubor_scores_fill(rubor_record *record, const rubor_change *change, const rubor_masks *masks,
                               const rubor_findings *findings, const rubor_uncertainty *uncertainty,
                               rubor_error *error)
{
    double ei = plain_mean(change, findings, &change->delta_ei);
    double mi = plain_mean(change, findings, &change->delta_mi);
    rubor_uncertainty null = without_own_change(uncertainty, &change->directions, ei, mi);
    score_input redness = {.change = change,
                           .findings = findings,
                           .delta = &change->delta_ei,
                           .other = &change->delta_mi,
                           .full = RUBOR_REDNESS_FULL,
                           .zero_sd = uncertainty->zero_ei,
                           .gain_sd = uncertainty->gain_ei,
                           .leak_sd = uncertainty->leak_ei,
                           .veil_sd = uncertainty->veil_ei,
                           .bruise_sd = uncertainty->bruise_ei,
                           .null_sd = rubor_uncertainty_ei(&null, 0, mi),
                           .block_sd = uncertainty->block_ei};
    score_input pigment = {.change = change,
                           .findings = findings,
                           .delta = &change->delta_mi,
                           .other = &change->delta_ei,
                           .full = RUBOR_PIGMENT_FULL,
                           .zero_sd = uncertainty->zero_mi,
                           .gain_sd = uncertainty->gain_mi,
                           .leak_sd = uncertainty->leak_mi,
                           .veil_sd = uncertainty->veil_mi,
                           .bruise_sd = uncertainty->bruise_mi,
                           .null_sd = rubor_uncertainty_mi(&null, ei, 0),
                           .block_sd = uncertainty->block_mi};
    rubor_status status = fill(&record->redness, &redness, rubor_uncertainty_ei(uncertainty, ei, mi), error);
    if (status != RUBOR_OK)
        return status;
    status = fill(&record->pigmentation, &pigment, rubor_uncertainty_mi(uncertainty, ei, mi), error);
    if (status != RUBOR_OK)
        return status;
    record->redness.grade = redness_grade(record->redness.score);
    areas(&record->redness, change, &masks->erythema);
    areas(&record->pigmentation, change, &masks->pigment);
    /* the same change after the chart's matrix only: neither unmixed nor gain-corrected */
    size_t count = (size_t)change->width * (size_t)change->height, n = 0;
    double raw = 0;
    bool pair = change->reference_od[0].data != NULL;
    for (size_t i = 0; i < count; i++)
        if (counts(change, findings, &change->delta_ei, i)) {
            raw += change->visit_od[1].data[i] - change->visit_od[0].data[i];
            if (pair)
                raw -= change->reference_od[1].data[i] - change->reference_od[0].data[i];
            n++;
        }
    double offset = change->zero_od[0][1] - change->zero_od[0][0];
    if (pair)
        offset -= change->zero_od[1][1] - change->zero_od[1][0];
    if (n)
        record->redness.delta_raw = 100 * (raw / (double)n - offset);
    return RUBOR_OK;
}
