#include "analyzer/uncertainty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 4096 };

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

/* OD error of each channel that the chart left behind for skin-like colors, one photo. */
static void residual_od(double out[3], const rubor_calibration *calibration)
{
    double fit = calibration->delta_e2000_loo_mean;
    if (!isfinite(fit))
        fit = 6;
    /* one Delta E of chroma or lightness is about 0.006 OD on skin colors */
    for (int c = 0; c < 3; c++)
        out[c] = 0.006 * fit / 3;
}

static double through(const double row[3], const double od[3])
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum += square(row[c] * od[c]);
    return sqrt(sum);
}

static double sum3(const double row[3])
{
    return row[0] + row[1] + row[2];
}

typedef struct parts {
    double block[2], noise[2], control[2], shading[2], residual[2], glare[2], registration[2];
} parts;

static void zero_parts(parts *out, const rubor_change *change, const rubor_frame *visit,
                       const rubor_frame *baseline, const rubor_registration *registration)
{
    memset(out, 0, sizeof *out);
    const double *rows[2] = {change->unmix.ei, change->unmix.mi};
    double spread[2], elsewhere[2], od[3] = {0}, other[3] = {0};
    size_t blocks, control_blocks;
    block_spread(spread, &blocks, change, &change->region);
    block_spread(elsewhere, &control_blocks, change, &change->control);
    size_t cells = rubor_mask_count(&change->region);
    for (int k = 0; k < 2; k++) /* without control the noise of cells, which neighbors share in part */
        out->block[k] = control_blocks > 8
                            ? elsewhere[k]
                            : through(rows[k], change->noise_od) * 2 / fmax(1, change->smooth_cells);
    residual_od(od, &visit->calibration);
    if (baseline)
        residual_od(other, &baseline->calibration);
    for (int k = 0; k < 2; k++) {
        out->noise[k] = through(rows[k], change->noise_od) / sqrt(cells > 1 ? (double)cells : 1) * 3;
        if (change->control_known) {
            out->control[k] = elsewhere[k] / sqrt(control_blocks > 1 ? (double)control_blocks : 1);
            out->residual[k] = 0.15 * sqrt(square(through(rows[k], od)) + square(through(rows[k], other)));
        } else {
            out->residual[k] = sqrt(square(through(rows[k], od)) + square(through(rows[k], other)));
        }
        out->shading[k] = fabs(sum3(rows[k])) * 0.5 * change->shading_sd;
        if (registration)
            out->registration[k] = 0.05 * registration->residual_px;
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

void rubor_uncertainty_find(rubor_uncertainty *out, const rubor_change *change, const rubor_frame *visit,
                            const rubor_frame *baseline, const rubor_registration *registration,
                            double delta_ei, double delta_mi)
{
    memset(out, 0, sizeof *out);
    parts p;
    zero_parts(&p, change, visit, baseline, registration);
    double ei[] = {p.noise[0], p.control[0], p.shading[0], p.residual[0], p.registration[0]};
    double mi[] = {p.noise[1], p.control[1], p.shading[1], p.residual[1], p.registration[1]};
    out->block_ei = p.block[0];
    out->block_mi = p.block[1];
    out->zero_ei = length(ei, 5);
    out->zero_mi = length(mi, 5);
    double lighting =
        baseline ? rubor_calibration_lighting_distance(&visit->calibration, &baseline->calibration) : 0;
    if (!isfinite(lighting))
        lighting = 0;
    const rubor_directions *d = &change->directions;
    out->gain_ei = sqrt(square(d->hemoglobin_gain_sd) + square(lighting));
    out->gain_mi = sqrt(square(d->melanin_gain_sd) + square(lighting));
    out->leak_ei = d->mel_to_ei_leak_sd;
    out->leak_mi = d->hb_to_mi_leak_sd;
    add_doubt(out, "noise", p.noise[0]);
    add_doubt(out, "control", p.control[0]);
    add_doubt(out, "shading", p.shading[0]);
    add_doubt(out, "chart_residual", p.residual[0]);
    add_doubt(out, "registration", p.registration[0]);
    add_doubt(out, "gain", fabs(delta_ei) * d->hemoglobin_gain_sd);
    add_doubt(out, "lighting", fabs(delta_ei) * lighting);
    add_doubt(out, "leak", fabs(delta_mi) * d->mel_to_ei_leak_sd);
    qsort(out->doubts, (size_t)out->doubt_count, sizeof out->doubts[0], by_size);
}

double rubor_uncertainty_ei(const rubor_uncertainty *u, double delta_ei, double delta_mi)
{
    double all[] = {u->zero_ei, u->gain_ei * delta_ei, u->leak_ei * delta_mi};
    return length(all, 3);
}

double rubor_uncertainty_mi(const rubor_uncertainty *u, double delta_ei, double delta_mi)
{
    double all[] = {u->zero_mi, u->gain_mi * delta_mi, u->leak_mi * delta_ei};
    return length(all, 3);
}
