#include "analyzer/scores.h"

#include "imaging/kernels.h"

#include <math.h>
#include <string.h>

int rubor_redness_grade(double score)
{
    static const double below[] = {2, 8, 20, 40};
    if (isnan(score))
        return -1;
    int grade = 0;
    while (grade < 4 && score >= below[grade])
        grade++;
    return grade;
}

static bool counts(const rubor_change *change, const rubor_findings *findings, const rubor_plane *plane,
                   size_t i)
{
    return change->region.data[i] >= 128 && findings->cells.data[i] < 128 && !isnan(plane->data[i]);
}

/* 100 x mean over the region of clamp((gain * delta + offset) / full, 0, 1) */
static double clamped_mean(const rubor_change *change, const rubor_findings *findings,
                           const rubor_plane *averaged, double gain, double offset, double full)
{
    size_t count = (size_t)change->width * (size_t)change->height, n = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        if (counts(change, findings, averaged, i)) {
            sum += fmin(1, fmax(0, (gain * (double)averaged->data[i] + offset) / full));
            n++;
        }
    return n ? 100 * sum / (double)n : RUBOR_NULL;
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

typedef struct scale {
    const rubor_plane *delta;
    double full, zero_sd, sd; /* sd of the mean change itself */
} scale;

static rubor_status fill(rubor_score *score, const rubor_change *change, const rubor_findings *findings,
                         const scale *how, rubor_error *error)
{
    rubor_plane averaged = {0};
    rubor_status status = rubor_plane_init(&averaged, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)change->width * (size_t)change->height;
    for (size_t i = 0; i < count; i++)
        averaged.data[i] = findings->cells.data[i] >= 128 ? NAN : how->delta->data[i];
    status = rubor_plane_box(&averaged, (int)(change->smooth_cells / 2), error);
    if (status != RUBOR_OK)
        goto out;
    score->delta = plain_mean(change, findings, how->delta);
    if (isnan(score->delta))
        goto out;
    double relative = 0, rest = how->sd;
    (void)relative;
    score->delta_interval95[0] = score->delta - RUBOR_Z95 * how->sd;
    score->delta_interval95[1] = score->delta + RUBOR_Z95 * how->sd;
    score->score = clamped_mean(change, findings, &averaged, 1, 0, how->full);
    score->interval95[0] = clamped_mean(change, findings, &averaged, 1, -RUBOR_Z95 * rest, how->full);
    score->interval95[1] = clamped_mean(change, findings, &averaged, 1, RUBOR_Z95 * rest, how->full);
    score->mdc = RUBOR_Z995 * how->zero_sd;
    score->changed = fabs(score->delta) > RUBOR_Z995 * how->zero_sd;
out:
    rubor_plane_finish(&averaged);
    return status;
}

rubor_status rubor_scores_fill(rubor_record *record, const rubor_change *change, const rubor_masks *masks,
                               const rubor_findings *findings, const rubor_uncertainty *uncertainty,
                               rubor_error *error)
{
    double ei = plain_mean(change, findings, &change->delta_ei);
    double mi = plain_mean(change, findings, &change->delta_mi);
    scale redness = {&change->delta_ei, RUBOR_REDNESS_FULL, uncertainty->zero_ei,
                     rubor_uncertainty_ei(uncertainty, ei, mi)};
    scale pigment = {&change->delta_mi, RUBOR_PIGMENT_FULL, uncertainty->zero_mi,
                     rubor_uncertainty_mi(uncertainty, ei, mi)};
    rubor_status status = fill(&record->redness, change, findings, &redness, error);
    if (status != RUBOR_OK)
        return status;
    status = fill(&record->pigmentation, change, findings, &pigment, error);
    if (status != RUBOR_OK)
        return status;
    record->redness.grade = rubor_redness_grade(record->redness.score);
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
