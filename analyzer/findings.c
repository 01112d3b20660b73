#include "analyzer/findings.h"

#include "analyzer/findings_bruise.h"
#include "analyzer/findings_cover.h"
#include "analyzer/findings_shine.h"
#include "analyzer/findings_spots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOOD_RED_SDS 2.5 /* blood may darken red so much less: by what people differ */
#define GLOSS_RED 0.008   /* OD, besides a standard deviation of light and pose */
#define GLOSS_MOST 0.6    /* of the region */
enum { GLOSS_LAST_DAY = 6 };

void rubor_findings_finish(rubor_findings *findings)
{
    if (!findings)
        return;
    rubor_mask_finish(&findings->spots);
    rubor_mask_finish(&findings->bruise);
    rubor_mask_finish(&findings->cover);
    rubor_mask_finish(&findings->cells);
    memset(findings, 0, sizeof *findings);
}

void rubor_findings_add_shine(rubor_findings *findings, size_t cells, size_t region)
{
    double before = isnan(findings->shine_percent) ? 0 : findings->shine_percent;
    findings->shine_percent = fmin(100, before + 100.0 * (double)cells / (double)region);
}

/* Percent of the region that shines: shining pixels within reach of the measured region. */
static rubor_status shine_percent(double *out, const rubor_change *change, const rubor_frame *visit,
                                  rubor_error *error)
{
    rubor_mask around = {0};
    *out = RUBOR_NULL;
    size_t cells = rubor_mask_count(&change->region);
    if (!visit->skin.shine.data || !cells)
        return RUBOR_OK;
    rubor_status status = rubor_mask_init(&around, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    memcpy(around.data, change->region.data, (size_t)change->width * (size_t)change->height);
    int reach = change->width / 100 + 1;
    status = rubor_mask_dilate(&around, reach, error);
    if (status == RUBOR_OK)
        status = rubor_mask_erode(&around, reach, error);
    size_t shining = 0, all = 0;
    for (int y = 0; status == RUBOR_OK && y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            if (around.data[(size_t)y * (size_t)change->width + (size_t)x] < 128)
                continue;
            size_t at =
                (size_t)(y * change->factor) * (size_t)visit->image.width + (size_t)(x * change->factor);
            all++;
            shining += visit->skin.shine.data[at] >= 128;
        }
    if (status == RUBOR_OK && all)
        *out = 100.0 * (double)shining / (double)all;
    rubor_mask_finish(&around);
    return status;
}

rubor_status rubor_findings_none(rubor_findings *out, const rubor_change *change, const rubor_frame *visit,
                                 rubor_error *error)
{
    memset(out, 0, sizeof *out);
    out->pinpoint_count = out->crust_count = -1;
    out->crust_percent = out->bruise_percent = out->cover_percent = out->light_drift = RUBOR_NULL;
    rubor_status status = rubor_mask_init(&out->cells, change->width, change->height, error);
    if (status == RUBOR_OK)
        status = shine_percent(&out->shine_percent, change, visit, error);
    if (status != RUBOR_OK)
        rubor_findings_finish(out);
    return status;
}

/* Spots and their soft borders onto the cells. */
static rubor_status spots_to_cells(rubor_findings *out, const rubor_change *change, rubor_error *error)
{
    int width = change->width * change->factor;
    for (int y = 0; y < change->height * change->factor; y++) {
        const uint8_t *row = out->spots.data + (size_t)y * (size_t)out->spots.width, *at = row;
        uint8_t *cells = out->cells.data + (size_t)(y / change->factor) * (size_t)change->width;
        const uint8_t kinds[2] = {RUBOR_FINDING_PINPOINT, RUBOR_FINDING_CRUST};
        for (int k = 0; k < 2; k++)
            for (at = row; (at = memchr(at, kinds[k], (size_t)(row + width - at))); at++)
                cells[(at - row) / change->factor] = 255;
    }
    return rubor_mask_dilate(&out->cells, 1, error);
}

/* Serum shine of the first days adds the lamp's white and so hides redness; on dark skin even a faint one
 * does. Blood and melanin only darken red, so red that is brighter than before (beyond what light and pose
 * allow) is shine. From GLOSS_LAST_DAY on pigment may really fade. */
static rubor_status find_gloss(rubor_findings *out, const rubor_change *change, int day, rubor_error *error)
{
    if (day < 0 || day > GLOSS_LAST_DAY)
        return RUBOR_OK;
    rubor_plane red = {0};
    rubor_status status = rubor_plane_init(&red, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)change->width * (size_t)change->height, glossy = 0;
    size_t region = rubor_mask_count(&change->region);
    const double *h = change->directions.hemoglobin;
    double red_least = h[0] - BLOOD_RED_SDS * sqrt(change->directions.hemoglobin_spread[0]);
    double blood_least = h[1] > h[0] ? fmax(0, red_least / (h[1] - h[0])) : 0;
    double least = -(GLOSS_RED + change->shading_sd);
    double zero[2];
    for (int c = 0; c < 2; c++)
        zero[c] = change->zero_od[0][c] - change->zero_od[1][c];
    for (size_t i = 0; i < count; i++) {
        double d[2];
        for (int c = 0; c < 2; c++)
            d[c] = (double)change->visit_od[c].data[i] - (double)change->reference_od[c].data[i] - zero[c];
        /* or a strong erythema whose red darkens less than expected would be taken for shine */
        red.data[i] = (float)(d[0] - blood_least * fmax(0, d[1] - d[0]));
    }
    status = rubor_plane_blur(&red, fmax(1, 0.006 * change->width), error);
    for (size_t i = 0; i < count && status == RUBOR_OK; i++) {
        bool shines = (double)red.data[i] < least && change->region.data[i] >= 128;
        red.data[i] = shines && !out->cells.data[i] ? 1 : 0;
        glossy += red.data[i] > 0;
    }
    if ((double)glossy > GLOSS_MOST * (double)region)
        goto out; /* serum leaves some skin dull: this is another light, which the interval has to carry */
    for (size_t i = 0; i < count && status == RUBOR_OK; i++)
        if (red.data[i] > 0)
            out->cells.data[i] = 255;
    if (status == RUBOR_OK && region)
        rubor_findings_add_shine(out, glossy, region);
out:
    rubor_plane_finish(&red);
    return status;
}

rubor_status rubor_findings_find(rubor_findings *out, const rubor_change *change, const rubor_frame *visit,
                                 const rubor_frame *baseline, const rubor_registration *registration, int day,
                                 rubor_error *error)
{
    rubor_mottling mottling = {0};
    rubor_status status = rubor_findings_none(out, change, visit, error);
    if (status != RUBOR_OK)
        return status;
    status = rubor_mask_init(&out->spots, visit->image.width, visit->image.height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&out->bruise, change->width, change->height, error);
    if (status == RUBOR_OK)
        status = rubor_findings_spots(out, change, visit, baseline, registration, error);
    if (status == RUBOR_OK)
        status = spots_to_cells(out, change, error);
    if (status == RUBOR_OK)
        status = rubor_findings_shine(out, change, error);
    if (status == RUBOR_OK)
        status = rubor_findings_cover(out, &mottling, change, error);
    if (status == RUBOR_OK)
        status = rubor_findings_bruise(out, change, visit->calibration.status != RUBOR_CALIBRATION_NONE, day,
                                       error);
    if (status == RUBOR_OK)
        status = rubor_findings_cover_bruise(out, &mottling, change, error);
    rubor_mottling_finish(&mottling);
    if (status == RUBOR_OK)
        status = find_gloss(out, change, day, error);
    if (status != RUBOR_OK)
        rubor_findings_finish(out);
    return status;
}
