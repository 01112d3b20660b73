#include "analyzer/findings.h"

#include "analyzer/findings_cover.h"
#include "analyzer/findings_shine.h"
#include "analyzer/findings_spots.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A bruise darkens all channels alike (fresh: what is neither chromophore is above this OD, and above the
 * share of a large chromophore change that may end up there) or turns yellow (old: blue absorbed as by
 * melanin while green and red say less blood than before). Where it is sure it starts, and from there it
 * reaches as far as the weaker signs do: its border is blurred. */
typedef struct bruise_signs {
    double dark, dark_share;        /* OD; OD per unit of delta_ei or delta_mi */
    double yellow_mi, yellow_share; /* delta_mi; delta_ei below minus this share of delta_mi */
} bruise_signs;
static const bruise_signs sure = {0.05, 0.0032, 2.8, 0.33}, possible = {0.025, 0.002, 1.2, 0.2};
#define BRUISE_NOISE_OD 0.004 /* what smoothing leaves */
#define BRUISE_NOISE_UNITS 0.4
/* Without control skin the chart alone says what is unchanged. What most of the region shares is taken for
 * its error as far as that may go, so that only what differs from it can be a bruise. */
#define UNANCHORED_OD 0.02
#define UNANCHORED_UNITS 1.5
#define BRUISE_VEIL 1.0 /* standard deviations of the glare that the darkness must exceed */
/* Of the grid's width: beside what is not skin a bruise does not start, as the border may have moved. */
#define BRUISE_INSIDE 0.008
#define BRUISE_BORDER 0.004 /* of the grid's width: how far a bruise fades out beyond the weaker signs */
#define GLOSS_BLOOD_SHARE 0.5
#define GLOSS_RED 0.008 /* OD, besides two standard deviations of light and pose */
#define GLOSS_MOST 0.6  /* of the region */
enum { GLOSS_LAST_DAY = 6 };
#define BRUISE_LEAST 0.0008 /* of the grid: smaller patches are noise */

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
    out->crust_percent = out->bruise_percent = out->cover_percent = RUBOR_NULL;
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

/* The changes of a cell and what a wrong glare may have added to two of them. */
typedef struct bruise_cell {
    double dark, h, m, veil_dark, veil_h;
} bruise_cell;

/* How far a wrong glare may shift what two rows of the unmixing read, one standard deviation: it counts where
 * skin gets very dark, and looks like a bruise there. */
static void find_veils(bruise_cell *at, const rubor_change *change, double glare_sd)
{
    double dark = 0, h = 0;
    for (int c = 0; c < 3; c++) {
        double before = 1 / fmax(change->before_linear[c], 0.003);
        double od =
            at->h * change->directions.hemoglobin[c] + at->m * change->directions.melanin[c] + at->dark;
        double darker = rubor_pow(10, fmin(3, od)) - 1;
        dark += change->unmix.shade[c] * 0.4343 * glare_sd * before * darker;
        h += change->unmix.ei[c] * 0.4343 * glare_sd * before * darker;
    }
    at->veil_dark = fabs(dark);
    at->veil_h = fabs(h);
}

static bool shows(const bruise_signs *signs, const bruise_cell *at, bool may_be_old)
{
    double share = signs->dark_share * (fabs(at->h) + fabs(at->m));
    return at->dark > signs->dark + share + BRUISE_VEIL * at->veil_dark ||
           (may_be_old && at->m > signs->yellow_mi &&
            at->h < -signs->yellow_share * at->m - BRUISE_VEIL * at->veil_h);
}

/* Keeps of the possible cells (128) those connected with sure ones (255). */
static rubor_status keep_connected(rubor_mask *mask, rubor_error *error)
{
    int width = mask->width, height = mask->height, waiting = 0;
    int *stack = malloc((size_t)width * (size_t)height * sizeof *stack);
    if (!stack)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a bruise");
    for (int i = 0; i < width * height; i++)
        if (mask->data[i] == 255)
            stack[waiting++] = i;
    while (waiting > 0) {
        int at = stack[--waiting], x = at % width, y = at / width;
        const int around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at, y > 0 ? at - width : at,
                               y + 1 < height ? at + width : at};
        for (int k = 0; k < 4; k++)
            if (mask->data[around[k]] == 128) {
                mask->data[around[k]] = 255;
                stack[waiting++] = around[k];
            }
    }
    for (int i = 0; i < width * height; i++)
        mask->data[i] = mask->data[i] == 255 ? 255 : 0;
    free(stack);
    return RUBOR_OK;
}

static rubor_status find_bruise(rubor_findings *out, const rubor_change *change, double glare_sd, int day,
                                rubor_error *error)
{
    bool may_be_old = day <= RUBOR_BRUISE_LAST_DAY; /* later pigment on dark skin can look yellow */
    rubor_plane dark = {0}, ei = {0}, mi = {0};
    size_t count = (size_t)change->width * (size_t)change->height, surely = 0, bruised = 0;
    double sigma = fmax(1, 0.006 * change->width);
    const rubor_plane *from[3] = {&change->shade_od, &change->delta_ei, &change->delta_mi};
    rubor_plane *to[3] = {&dark, &ei, &mi};
    double zero[3] = {0};
    rubor_mask inside = {0};
    rubor_status status = RUBOR_OK;
    for (int k = 0; k < 3 && status == RUBOR_OK; k++) /* crusts and bleeding are not the bruise around them */
        status = rubor_change_smooth(to[k], from[k], &out->cells, sigma,
                                     k ? BRUISE_NOISE_UNITS : BRUISE_NOISE_OD, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&inside, change->width, change->height, error);
    if (status == RUBOR_OK) {
        memcpy(inside.data, change->region.data, count);
        status = rubor_mask_erode(&inside, (int)(BRUISE_INSIDE * change->width), error);
    }
    for (int k = 0; k < 3 && status == RUBOR_OK && !change->control_known; k++)
        status =
            rubor_change_shift(&zero[k], to[k], &change->region, k ? UNANCHORED_UNITS : UNANCHORED_OD, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) {
        if (change->region.data[i] < 128 || out->cover.data[i])
            continue;
        bruise_cell at = {.dark = (double)dark.data[i] - zero[0],
                          .h = (double)ei.data[i] - zero[1],
                          .m = (double)mi.data[i] - zero[2]};
        find_veils(&at, change, glare_sd);
        bool starts = inside.data[i] >= 128 && shows(&sure, &at, may_be_old);
        out->bruise.data[i] = starts ? 255 : shows(&possible, &at, may_be_old) ? 128 : 0;
        surely += out->bruise.data[i] == 255;
    }
    if (status == RUBOR_OK && (double)surely < BRUISE_LEAST * (double)count)
        memset(out->bruise.data, 0, count);
    else if (status == RUBOR_OK)
        status = keep_connected(&out->bruise, error);
    if (status == RUBOR_OK)
        status = rubor_mask_dilate(&out->bruise, (int)(BRUISE_BORDER * change->width), error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) {
        if (change->region.data[i] < 128 || out->cover.data[i])
            out->bruise.data[i] = 0;
        if (!out->bruise.data[i])
            continue;
        out->cells.data[i] = 255;
        bruised++;
    }
    size_t region = rubor_mask_count(&change->region);
    if (status == RUBOR_OK && region)
        out->bruise_percent = 100.0 * (double)bruised / (double)region;
    rubor_mask_finish(&inside);
    rubor_plane_finish(&dark);
    rubor_plane_finish(&ei);
    rubor_plane_finish(&mi);
    return status;
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
    double blood = h[1] > h[0] ? h[0] / (h[1] - h[0]) : 0, least = -(GLOSS_RED + change->shading_sd);
    double zero[2];
    for (int c = 0; c < 2; c++)
        zero[c] = change->zero_od[0][c] - change->zero_od[1][c];
    for (size_t i = 0; i < count; i++) {
        double d[2];
        for (int c = 0; c < 2; c++)
            d[c] = (double)change->visit_od[c].data[i] - (double)change->reference_od[c].data[i] - zero[c];
        /* How far blood darkens red is the least sure part of its direction: half of it is granted, or a
         * strong erythema whose red darkens less than expected would be taken for shine. */
        red.data[i] = (float)(d[0] - GLOSS_BLOOD_SHARE * blood * fmax(0, d[1] - d[0]));
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
        out->shine_percent = fmin(100, (isnan(out->shine_percent) ? 0 : out->shine_percent) +
                                           100.0 * (double)glossy / (double)region);
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
        status = rubor_findings_lost_shine(out, change, error);
    if (status == RUBOR_OK)
        status = rubor_findings_cover(out, &mottling, change, error);
    if (status == RUBOR_OK)
        status = find_bruise(out, change, rubor_frame_glare_sd(visit), day, error);
    if (status == RUBOR_OK)
        status = rubor_findings_cover_bruise(out, &mottling, change, error);
    rubor_mottling_finish(&mottling);
    if (status == RUBOR_OK)
        status = find_gloss(out, change, day, error);
    if (status != RUBOR_OK)
        rubor_findings_finish(out);
    return status;
}
