#include "analyzer/quality_pair.h"

#include <math.h>
#include <string.h>

#define REGION_MARGIN 0.04 /* of the grid's width: redness reaches past the line that was drawn */
#define SHARE_LEAST 0.10   /* of all measured cells: less untreated skin says nothing about the light */
#define SCALE_LEAST 0.1    /* OD x100: the fit need not be more robust than that */
#define VEILED_OD 4.0      /* x100 */
enum { ROUNDS = 4, SAMPLES_MOST = 20000, VEILED_LAST_DAY = 10 }; /* later, pigment may really have faded */

/* Thresholds from the table in docs/MEASUREMENT.md "Quality gate". */
#define COLOR_DRIFT_WARN                                                                                     \
    0.9 /* units of EI between region and control; the same lamps: at most 0.4, dark skin once above 0.6 */
#define COLOR_DRIFT_RETAKE 1.5
#define SHADE_DRIFT_WARN 3.0 /* OD x100; the same lamps: at most 0.7 */
#define SHADE_DRIFT_RETAKE 9.0
#define SHINE_WARN 7.0 /* % of the region */
#define SHINE_RETAKE 30.0
#define MEASURED_WARN 0.75 /* of the region */
#define MEASURED_RETAKE 0.4
#define DISTANCE_RATIO 1.25

/* Sums of a weighted fit of a plane a + b x + c y. */
typedef struct plane_fit {
    double n, x, y, xx, xy, yy, d, dx, dy;
    double a, b, c;
} plane_fit;

static void plane_add(plane_fit *f, double x, double y, double d, double w)
{
    f->n += w;
    f->x += w * x;
    f->y += w * y;
    f->xx += w * x * x;
    f->xy += w * x * y;
    f->yy += w * y * y;
    f->d += w * d;
    f->dx += w * d * x;
    f->dy += w * d * y;
}

static bool plane_solve(plane_fit *f)
{
    double mx = f->x / f->n, my = f->y / f->n, md = f->d / f->n;
    double xx = f->xx / f->n - mx * mx, xy = f->xy / f->n - mx * my, yy = f->yy / f->n - my * my;
    double dx = f->dx / f->n - md * mx, dy = f->dy / f->n - md * my, det = xx * yy - xy * xy;
    if (!(det > 1e-8))
        return false;
    f->b = (dx * yy - dy * xy) / det;
    f->c = (dy * xx - dx * xy) / det;
    f->a = md - f->b * mx - f->c * my;
    return true;
}

/* Change against the baseline, OD x100: of OD_G - OD_R (color true) or of OD_R alone. */
static double light_change(const rubor_change *change, size_t i, bool color)
{
    double red = (double)change->visit_od[0].data[i] - (double)change->reference_od[0].data[i];
    double green = (double)change->visit_od[1].data[i] - (double)change->reference_od[1].data[i];
    return 100 * (color ? green - red : red);
}

static bool untreated(const rubor_change *change, const rubor_mask *treated, size_t i)
{
    return treated->data[i] < 128 && isfinite(light_change(change, i, true));
}

static rubor_point middle(const rubor_mask *mask)
{
    double x = 0, y = 0, n = 0;
    for (int v = 0; v < mask->height; v++)
        for (int u = 0; u < mask->width; u++)
            if (mask->data[(size_t)v * (size_t)mask->width + (size_t)u] >= 128) {
                x += u;
                y += v;
                n++;
            }
    return (rubor_point){n > 0 ? x / n / mask->width : RUBOR_NULL, n > 0 ? y / n / mask->width : RUBOR_NULL};
}

/* One round: every step-th untreated cell, those far from the last plane weighing less (Huber). Gives the
 * mean distance from the last plane. */
static bool fit_round(plane_fit *fit, double *scale, const rubor_change *change, const rubor_mask *treated,
                      bool color, size_t step)
{
    plane_fit next = {0};
    double off = 0;
    size_t count = (size_t)change->width * (size_t)change->height, seen = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        if (!untreated(change, treated, i) || seen++ % step)
            continue;
        double x = (double)(i % (size_t)change->width) / change->width,
               y = (double)(i / (size_t)change->width) / change->width, d = light_change(change, i, color);
        double rest = fabs(d - fit->a - fit->b * x - fit->c * y), far = 2 * *scale;
        plane_add(&next, x, y, d, rest > far ? far / rest : 1);
        off += fmin(rest, 1.5 * far);
        used++;
    }
    if (!plane_solve(&next))
        return false;
    *fit = next;
    *scale = fmax(SCALE_LEAST, 1.25 * off / (double)used);
    return true;
}

/* Plane through the change of untreated skin. */
static bool fit_light(plane_fit *fit, const rubor_change *change, const rubor_mask *treated, bool color)
{
    size_t count = (size_t)change->width * (size_t)change->height, all = 0, outside = 0;
    for (size_t i = 0; i < count; i++) {
        all += isfinite(light_change(change, i, true));
        outside += untreated(change, treated, i);
    }
    if (!all || (double)outside < SHARE_LEAST * (double)all)
        return false;
    double scale = 1e6;
    memset(fit, 0, sizeof *fit);
    for (int round = 0; round < ROUNDS; round++) {
        if (!fit_round(fit, &scale, change, treated, color, outside / SAMPLES_MOST + 1))
            return false;
        scale = round == 0 ? 20 : scale; /* the first distance is from nothing */
    }
    return true;
}

/* What the plane says of region minus control. */
static double drift(const rubor_change *change, const plane_fit *fit)
{
    rubor_point here = middle(&change->region), there = middle(&change->control);
    return fit->b * (here.x - there.x) + fit->c * (here.y - there.y);
}

/* Percent of the region whose red is brighter than before by more than the light explains: blood and pigment
 * only darken it, a mirrored lamp brightens it. */
static double veiled_percent(const rubor_change *change, const plane_fit *fit)
{
    size_t count = (size_t)change->width * (size_t)change->height, all = 0, veiled = 0;
    for (size_t i = 0; i < count; i++) {
        double d = light_change(change, i, false);
        if (change->region.data[i] < 128 || !isfinite(d))
            continue;
        double x = (double)(i % (size_t)change->width) / change->width,
               y = (double)(i / (size_t)change->width) / change->width;
        all++;
        veiled += d - fit->a - fit->b * x - fit->c * y < -VEILED_OD;
    }
    return all ? 100.0 * (double)veiled / (double)all : RUBOR_NULL;
}

rubor_status rubor_quality_pair_measure(rubor_quality_pair *out, const rubor_change *change,
                                        const rubor_findings *findings, const rubor_frame *visit,
                                        const rubor_frame *baseline, const rubor_registration *registration,
                                        int day, rubor_error *error)
{
    rubor_mask treated = {0};
    out->color_drift = out->shade_drift = out->skin_blur_px = RUBOR_NULL;
    out->region_measured = change->region_measured;
    out->shine_percent = findings->shine_percent;
    if (!baseline || !change->reference_od[0].data)
        return RUBOR_OK;
    if (!(baseline->quality.skin_blur_px >= RUBOR_SKIN_BLUR_WARN_PX))
        rubor_quality_pair_blur(&out->skin_blur_px, visit, baseline, registration);
    if (!change->control_known)
        return RUBOR_OK;
    rubor_status status = rubor_mask_init(&treated, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    memcpy(treated.data, change->region.data, (size_t)change->width * (size_t)change->height);
    status = rubor_mask_dilate(&treated, (int)(REGION_MARGIN * change->width) + 1, error);
    plane_fit fit;
    if (status == RUBOR_OK && fit_light(&fit, change, &treated, true))
        out->color_drift = drift(change, &fit);
    if (status == RUBOR_OK && fit_light(&fit, change, &treated, false)) {
        out->shade_drift = drift(change, &fit);
        if (day >= 0 && day <= VEILED_LAST_DAY)
            out->shine_percent =
                fmax(isnan(out->shine_percent) ? 0 : out->shine_percent, veiled_percent(change, &fit));
    }
    rubor_mask_finish(&treated);
    return status;
}

void rubor_quality_judge_nothing(rubor_record *record)
{
    if (strcmp(record->quality.verdict, "retake") != 0)
        rubor_record_reason(
            record, "retake", "region_hidden",
            "The treated region could not be measured: uncover it, dab it dry, light it evenly.");
}

void rubor_quality_pair_judge(rubor_record *record, const rubor_quality_pair *pair)
{
    if (pair->skin_blur_px >= RUBOR_SKIN_BLUR_WARN_PX)
        rubor_record_reason(
            record, "warn", "blurred",
            "The skin is softer than in the photo before treatment: focus on the treated skin.");
    if (pair->region_measured < MEASURED_WARN)
        rubor_record_reason(record, pair->region_measured < MEASURED_RETAKE ? "retake" : "warn",
                            "region_hidden",
                            "Part of the treated region cannot be measured: uncover it and light it evenly.");
    if (pair->shine_percent >= SHINE_WARN)
        rubor_record_reason(
            record, pair->shine_percent >= SHINE_RETAKE ? "retake" : "warn", "glare",
            "The treated skin reflects the lamp: dab it dry, turn the lamp or use a polarizing filter.");
    double color = fabs(pair->color_drift), shade = fabs(pair->shade_drift);
    const char *verdict = color >= COLOR_DRIFT_RETAKE || shade >= SHADE_DRIFT_RETAKE ? "retake" : "warn";
    if (color >= COLOR_DRIFT_WARN)
        rubor_record_reason(
            record, verdict, "mixed_light",
            "Light of two colors falls on the skin: switch other lamps off, close the blinds.");
    else if (shade >= SHADE_DRIFT_WARN)
        rubor_record_reason(
            record, verdict, "light_moved",
            "The light comes from another side than in the photo before treatment: put the lamp back.");
    if (color >= COLOR_DRIFT_WARN || shade >= SHADE_DRIFT_RETAKE)
        rubor_record_flag(record, "not_comparable");
}

void rubor_quality_judge_distance(rubor_record *record, const rubor_frame *visit, const rubor_frame *baseline)
{
    double ratio = visit->mm_per_px * visit->image.width / (baseline->mm_per_px * baseline->image.width);
    if (ratio >= DISTANCE_RATIO)
        rubor_record_reason(record, "warn", "distance",
                            "The camera is farther away than in the photo before treatment: come closer.");
    else if (ratio <= 1 / DISTANCE_RATIO)
        rubor_record_reason(record, "warn", "distance",
                            "The camera is closer than in the photo before treatment: step back.");
}
