#include "analyzer/uncertainty.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shares of each source that the mean over a region keeps, fitted so that 95 % intervals hold the truth of
 * rendered pairs as often as they say (docs/MEASUREMENT.md "Uncertainty"). */
#define SHADING_SHARE 0.5
#define SHADING_SHARE_LEVEL 0.25 /* where the light's plane is known, whose doubt is a source of its own */
#define GLARE_SHARE 0.7
#define VEIL_SHARE 0.12 /* of what a wrong glare does to a region that got darker */
/* Standard deviation per unit of delta_mi that may be a bruise: its darkness is read as melanin, its faint
 * rim (half as much again) is not suspected, and because it is none as half as much less redness. */
#define BRUISE_SHARE_MI 0.8
#define BRUISE_SHARE_EI 0.4
#define RESIDUAL_CONTROL 0.03 /* both photos see region and control through one calibration */
#define RESIDUAL_CHART 0.5
#define OFFSET_SHARE 0.4 /* of what lamps and cameras are predicted to change of skin's reading */
#define LIGHT_SHARE 0.15 /* of the light's drift that a plane does not follow */
/* Of the perfect diffuser per root of % of the region that shines: the skin along the rim of what was left
 * out is veiled, too, and a rim grows with the root of an area. */
#define SHINE_VEIL 0.0005
#define REGISTRATION_UNITS 0.05 /* printed units per px of residual */
#define UNCALIBRATED_DE 10.0    /* Delta E2000 of a photo without chart or profile */
/* What the parts below leave out (uneven light, blocks that are not independent), beside the floor; by
 * rendered pairs without change. More where the chart alone sets the zero. */
static const double zero_share[2] = {0.4, 0.4}, zero_share_chart[2] = {0.7, 0.7};
/* Nothing is known better than this, however well lit the photo: printed units, and 8-bit levels of each
 * channel (what rounding, tone curve and veil leave between region and control), which are worth more OD on
 * dark skin. Errors without change are not normal (one in twenty is four times the median), so the decision
 * whether something changed needs more than an interval of 95 %. */
#define ZERO_FLOOR 0.03
#define ZERO_FLOOR_DECISION 0.1
#define LEVELS 0.03
#define LEVELS_DECISION 2.2 /* times as much */
#define GAIN_FLOOR 0.01
/* Of melanin's doubt, taken as if each channel erred on its own, in the size of delta_mi: the channels of
 * measured skins err together, 0.007 to 0.011 of delta_mi where that sum says 0.015 to 0.06
 * (tests/bench/second_renderer/skin_rest.py). In delta_ei it shows as it is. */
#define MELANIN_SHARE_MI 0.5
/* Untreated skin differs from place to place: without a photo of the same place before, this much of a
 * difference to the control means nothing (printed units; neighboring sites of one person). */
static const double site_sd[2] = {1.5, 2.0};

static double square(double x)
{
    return x * x;
}

static double length(const double *parts, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += square(parts[i]);
    return sqrt(sum);
}

/* Spread of the change over blocks of the averaging size, inside a mask: what is left of skin texture,
 * misalignment and light where nothing should have changed. */
static void block_spread(double spread[2], size_t *blocks, const rubor_change *change, const rubor_mask *mask)
{
    int side = (int)fmax(2, change->smooth_cells);
    double sum[2] = {0}, squares[2] = {0};
    size_t n = 0;
    for (int y = 0; y + side <= change->height; y += side)
        for (int x = 0; x + side <= change->width; x += side) {
            double block[2] = {0};
            int inside = 0;
            for (int v = 0; v < side; v++)
                for (int u = 0; u < side; u++) {
                    size_t at = (size_t)(y + v) * (size_t)change->width + (size_t)(x + u);
                    if (mask->data[at] < 128 || isnan(change->delta_ei.data[at]))
                        continue;
                    block[0] += change->delta_ei.data[at];
                    block[1] += change->delta_mi.data[at];
                    inside++;
                }
            if (2 * inside < side * side)
                continue;
            for (int k = 0; k < 2; k++) {
                sum[k] += block[k] / inside;
                squares[k] += square(block[k] / inside);
            }
            n++;
        }
    *blocks = n;
    for (int k = 0; k < 2; k++)
        spread[k] = n > 1 ? sqrt(fmax(0, (squares[k] - sum[k] * sum[k] / (double)n) / (double)(n - 1))) : 1;
}

/* OD error of each channel that the chart left behind on skin-like colors, one photo: one Delta E2000 is
 * about 0.006 OD there. */
static double residual_od(const rubor_calibration *calibration)
{
    double error = calibration->delta_e2000_loo_mean;
    return 0.006 * (isfinite(error) ? error : UNCALIBRATED_DE);
}

static double through(const double row[3], const double od[3])
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum += square(row[c] * od[c]);
    return sqrt(sum);
}

/* Doubt about how blood changes this person's skin, through a row. */
static double through_shape(const double row[3], const rubor_directions *directions)
{
    double variance = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            variance += row[i] * directions->hemoglobin_spread[3 * i + j] * row[j];
    return sqrt(fmax(0, variance));
}

static double along(const double row[3], const double od[3])
{
    return fabs(row[0] * od[0] + row[1] * od[1] + row[2] * od[2]);
}

void rubor_uncertainty_slopes(double *per_ei, double *per_mi, const rubor_change *change, const double row[3])
{
    *per_ei = through_shape(row, &change->directions);
    *per_mi = length((double[]){through(row, change->melanin_sd), along(row, change->melanin_tilt)}, 2);
}

/* What a wrong glare does to the OD change of each channel: before any change, where region and control are
 * not equally bright (zero); and as the region itself gets darker (change). */
static void glare_od(double zero[3], double change_od[3], const rubor_change *change,
                     const rubor_frame *visit)
{
    double glare = rubor_frame_glare_sd(visit);
    for (int c = 0; c < 3; c++) {
        double before = 1 / fmax(change->before_linear[c], 0.003);
        double now = 1 / fmax(change->region_linear[c], 0.003);
        double control = change->control_known ? 1 / fmax(change->control_linear[c], 0.003) : 0;
        zero[c] = 0.4343 * glare * (before - control);
        change_od[c] = 0.4343 * glare * (now - before);
    }
}

/* [0] delta_ei, [1] delta_mi */
typedef struct parts {
    double block[2], noise[2], control[2], shading[2], residual[2], glare[2], veil[2], registration[2],
        site[2], light[2], shine[2], levels[2];
} parts;

/* White light over the whole region, through a row. */
static double veiled(const rubor_change *change, const double row[3], double veil)
{
    double od[3];
    for (int c = 0; c < 3; c++)
        od[c] = 0.4343 * veil / fmax(change->region_linear[c], 0.003);
    return along(row, od);
}

/* OD of one 8-bit level, encoded by a power of 1/2.2. */
static double level_od(double linear)
{
    return 2.2 * 0.4343 / (255 * rubor_pow(fmax(linear, 0.003), 1 / 2.2));
}

static void zero_parts(parts *out, const rubor_change *change, const rubor_frame *visit,
                       const rubor_frame *baseline, const rubor_registration *registration,
                       double shine_percent)
{
    memset(out, 0, sizeof *out);
    const double *rows[2] = {change->unmix.ei, change->unmix.mi};
    double elsewhere[2], veil[3], veil_change[3];
    size_t control_blocks, cells = rubor_mask_count(&change->region);
    block_spread(elsewhere, &control_blocks, change, &change->control);
    glare_od(veil, veil_change, change, visit);
    double residual = residual_od(&visit->calibration);
    if (baseline)
        residual = sqrt((square(residual) + square(residual_od(&baseline->calibration))) / 2);
    const double ones[3] = {1, 1, 1}, each[3] = {residual, residual, residual};
    const double *share = change->control_known ? zero_share : zero_share_chart;
    double shine = SHINE_VEIL * sqrt(shine_percent > 0 ? shine_percent : 0), levels[3];
    for (int c = 0; c < 3; c++)
        levels[c] = level_od(change->region_linear[c]);
    for (int k = 0; k < 2; k++) {
        double area = fmax(1, change->smooth_cells * change->smooth_cells);
        double grain = through(rows[k], change->noise_od) * 2 / sqrt(area);
        bool seen = change->control_known && control_blocks > 8;
        out->block[k] =
            seen ? elsewhere[k] : grain; /* without control: the noise of cells, shared by neighbors */
        out->noise[k] = through(rows[k], change->noise_od) * 3 / sqrt(fmax(1, (double)cells));
        out->control[k] = seen ? elsewhere[k] / sqrt((double)control_blocks) : 0;
        out->shading[k] = (change->light.known ? SHADING_SHARE_LEVEL : SHADING_SHARE) * along(rows[k], ones) *
                          change->shading_sd;
        out->glare[k] = GLARE_SHARE * along(rows[k], veil);
        out->veil[k] = VEIL_SHARE * along(rows[k], veil_change);
        out->residual[k] = change->control_known
                               ? RESIDUAL_CONTROL * through(rows[k], each)
                               : length((double[]){RESIDUAL_CHART * through(rows[k], each),
                                                   OFFSET_SHARE * along(rows[k], change->offset_od)},
                                        2);
        out->site[k] = baseline ? 0 : site_sd[k];
        out->shine[k] = veiled(change, rows[k], shine);
        out->levels[k] = LEVELS * through(rows[k], levels);
        out->light[k] = length((double[]){rubor_light_sd(&change->light, rows[k]),
                                          LIGHT_SHARE * rubor_light_drift(&change->light, rows[k])},
                               2);
        if (registration)
            out->registration[k] = REGISTRATION_UNITS * registration->residual_px;
        double *scaled[] = {&out->noise[k], &out->control[k],  &out->shading[k],
                            &out->glare[k], &out->residual[k], &out->registration[k]};
        for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++)
            *scaled[i] *= share[k];
    }
}

static int by_size(const void *one, const void *other)
{
    double a = ((const rubor_doubt *)one)->delta_ei_sd, b = ((const rubor_doubt *)other)->delta_ei_sd;
    return (a < b) - (a > b);
}

static void add_doubt(rubor_uncertainty *out, const char *source, double sd)
{
    if (out->doubt_count == RUBOR_RECORD_DOUBTS || !(sd > 0))
        return;
    rubor_doubt *doubt = &out->doubts[out->doubt_count++];
    snprintf(doubt->source, sizeof doubt->source, "%s", source);
    doubt->delta_ei_sd = sd;
}

/* Parts of the doubt that grows with delta_ei. */
enum { GAIN, LIGHTING, SHAPE, FLOOR, GAINS };

static void list_doubts(rubor_uncertainty *out, const parts *p, double delta_ei, double delta_mi,
                        const double gain[GAINS])
{
    add_doubt(out, "floor", ZERO_FLOOR);
    add_doubt(out, "levels", p->levels[0]);
    add_doubt(out, "noise", p->noise[0]);
    add_doubt(out, "control", p->control[0]);
    add_doubt(out, "shading", p->shading[0]);
    add_doubt(out, "light_drift", p->light[0]);
    add_doubt(out, "chart_residual", p->residual[0]);
    add_doubt(out, "site", p->site[0]);
    add_doubt(out, "registration", p->registration[0]);
    add_doubt(out, "glare", length((double[]){p->glare[0], p->veil[0]}, 2));
    add_doubt(out, "shine", p->shine[0]);
    add_doubt(out, "bruise", out->bruise_ei);
    add_doubt(out, "gain", fabs(delta_ei) * gain[GAIN]);
    add_doubt(out, "shape", fabs(delta_ei) * length((double[]){gain[SHAPE], GAIN_FLOOR}, 2));
    add_doubt(out, "lighting", fabs(delta_ei) * gain[LIGHTING]);
    add_doubt(out, "leak", fabs(delta_mi) * out->leak_ei);
    qsort(out->doubts, (size_t)out->doubt_count, sizeof out->doubts[0], by_size);
}

void rubor_uncertainty_find(rubor_uncertainty *out, const rubor_change *change, const rubor_frame *visit,
                            const rubor_frame *baseline, const rubor_registration *registration,
                            double shine_percent, double delta_ei, double delta_mi)
{
    memset(out, 0, sizeof *out);
    parts p;
    zero_parts(&p, change, visit, baseline, registration, shine_percent);
    double zero[2], decision[2];
    for (int k = 0; k < 2; k++) {
        double seen[] = {p.noise[k],        p.control[k], p.shading[k], p.residual[k], p.glare[k],
                         p.registration[k], p.site[k],    p.light[k],   p.shine[k]};
        double rest = length(seen, sizeof seen / sizeof seen[0]);
        zero[k] = length((double[]){rest, p.levels[k], ZERO_FLOOR}, 3);
        decision[k] = length((double[]){rest, LEVELS_DECISION * p.levels[k], ZERO_FLOOR_DECISION}, 3);
    }
    out->zero_ei = zero[0];
    out->zero_mi = zero[1];
    out->decision_ei = decision[0];
    out->decision_mi = decision[1];
    out->block_ei = p.block[0];
    out->block_mi = p.block[1];
    double lighting =
        baseline ? rubor_calibration_lighting_distance(&visit->calibration, &baseline->calibration) : 0;
    if (!isfinite(lighting))
        lighting = 0;
    out->veil_ei = p.veil[0];
    out->veil_mi = p.veil[1];
    out->bruise_ei = BRUISE_SHARE_EI * change->suspected_mi;
    out->bruise_mi = BRUISE_SHARE_MI * change->suspected_mi;
    const rubor_directions *d = &change->directions;
    const rubor_unmix *u = &change->unmix;
    const double gain[GAINS] = {d->hemoglobin_gain_sd, lighting, through_shape(u->ei, d), GAIN_FLOOR};
    double own, melanin_doubt;
    rubor_uncertainty_slopes(&out->leak_mi, &melanin_doubt, change, u->mi);
    rubor_uncertainty_slopes(&own, &out->leak_ei, change, u->ei);
    double melanin[] = {d->melanin_gain_sd, lighting, MELANIN_SHARE_MI * melanin_doubt, GAIN_FLOOR};
    out->gain_ei = length(gain, GAINS);
    out->gain_mi = length(melanin, 4);
    list_doubts(out, &p, delta_ei, delta_mi, gain);
}

double rubor_uncertainty_ei(const rubor_uncertainty *u, double delta_ei, double delta_mi)
{
    double all[] = {u->zero_ei, u->gain_ei * delta_ei, u->leak_ei * delta_mi, u->veil_ei, u->bruise_ei};
    return length(all, 5);
}

double rubor_uncertainty_mi(const rubor_uncertainty *u, double delta_ei, double delta_mi)
{
    double all[] = {u->zero_mi, u->gain_mi * delta_mi, u->leak_mi * delta_ei, u->veil_mi, u->bruise_mi};
    return length(all, 5);
}
