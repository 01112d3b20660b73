/* Darkening that may be a bruise too faint to be found: blood under the skin is read as melanin where it is
 * fresh and dark, and as melanin without blood where it is old and yellow. Blood and melanin of the skin
 * leave no trace in the third combination of the channels (shade_od), a bruise does: darker alike raises it,
 * yellow lowers it. Gloss on darkened dark skin raises it, too, by
 *
 *     -(0.4343 g (1 / now_c - 1 / before_c)) through the row of shade_od
 *
 * for white light g (part of the perfect diffuser), so what a likely g explains is taken off first. What
 * remains is weighed against its spread on untreated skin and the doubt about the directions. */
#include "analyzer/uncertainty.h"

#include "imaging/fixed_math.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Standard deviations of gloss, and of what else shade_od holds beside a bruise (OD). */
#define GLOSS 0.0025
#define REST 0.02
#define LINEAR_LEAST 0.001
#define SUSPECT_OD 0.003 /* the least spread */
/* Standard deviations: none of a cell's delta_mi is suspected below, all of it above. */
#define SUSPECT_FROM 1.0
#define SUSPECT_ALL 2.0
#define SUSPECT_COMMON 0.01 /* OD: so much of it the whole region may show for other reasons */
enum { BLOCKS_ACROSS = 150, BLOCKS_LEAST = 30 };

enum { EI, MI, SHADE, NOW, BEFORE = NOW + 3, MAPS = BEFORE + 3 };

static rubor_status shrink(rubor_plane *out, const rubor_plane *in, const rubor_mask *left_out, int width,
                           int height, rubor_error *error)
{
    rubor_plane kept = {0};
    rubor_status status = rubor_plane_reserve(&kept, in->width, in->height, error);
    if (status != RUBOR_OK)
        return status;
    for (size_t i = 0; i < (size_t)in->width * (size_t)in->height; i++)
        kept.data[i] = left_out->data && left_out->data[i] >= 128 ? NAN : in->data[i];
    status = rubor_plane_shrink(out, &kept, width, height, error);
    rubor_plane_finish(&kept);
    return status == RUBOR_OK ? rubor_plane_blur(out, 1, error) : status;
}

/* Share of each block that lies in the mask. */
static rubor_status shrink_mask(rubor_plane *out, const rubor_mask *mask, int width, int height,
                                rubor_error *error)
{
    rubor_plane inside = {0};
    rubor_status status = rubor_plane_reserve(&inside, mask->width, mask->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < (size_t)mask->width * (size_t)mask->height; i++)
        inside.data[i] = mask->data[i] >= 128 ? 1 : 0;
    if (status == RUBOR_OK)
        status = rubor_plane_shrink(out, &inside, width, height, error);
    rubor_plane_finish(&inside);
    return status;
}

/* Takes the most probable gloss off shade_od. */
static void take_gloss_off(rubor_plane maps[MAPS], const rubor_unmix *unmix)
{
    for (size_t i = 0; i < (size_t)maps[SHADE].width * (size_t)maps[SHADE].height; i++) {
        double response = 0, shade = (double)maps[SHADE].data[i];
        for (int c = 0; c < 3; c++) {
            double now = fmax(LINEAR_LEAST, rubor_pow(10, -(double)maps[NOW + c].data[i])),
                   before = fmax(LINEAR_LEAST, rubor_pow(10, -(double)maps[BEFORE + c].data[i]));
            response -= unmix->shade[c] * 0.4343 * (1 / now - 1 / before);
        }
        double explained = response * response * GLOSS * GLOSS;
        if (!isnan(shade) && !isnan(response))
            maps[SHADE].data[i] = (float)(shade * REST * REST / (explained + REST * REST));
    }
}

/* The quartile of shade_od in the region that is nearest to none: half of it may be bruised. */
static double common_shade(const rubor_plane *shade, const rubor_plane *region, float *scratch)
{
    size_t count = (size_t)shade->width * (size_t)shade->height, n = 0;
    for (size_t i = 0; i < count; i++)
        if (region->data[i] >= 0.5f && !isnan(shade->data[i]))
            scratch[n++] = shade->data[i];
    if (n < BLOCKS_LEAST)
        return 0;
    qsort(scratch, n, sizeof *scratch, rubor_compare_floats);
    double nearest = INFINITY;
    for (size_t quarter = 1; quarter < 4; quarter++)
        if (fabs((double)scratch[quarter * n / 4]) < fabs(nearest))
            nearest = (double)scratch[quarter * n / 4];
    return fmax(-SUSPECT_COMMON, fmin(SUSPECT_COMMON, nearest));
}

static double spread(const rubor_plane *shade, const rubor_plane *inside)
{
    double sum = 0, squares = 0, n = 0;
    for (size_t i = 0; i < (size_t)shade->width * (size_t)shade->height; i++)
        if (inside->data[i] >= 0.5f && !isnan(shade->data[i])) {
            sum += (double)shade->data[i];
            squares += (double)shade->data[i] * (double)shade->data[i];
            n++;
        }
    return n < BLOCKS_LEAST ? SUSPECT_OD : sqrt(fmax(0, squares / n - sum * sum / n / n));
}

/* The part of the region's mean delta_mi that may be a bruise. */
static rubor_status weigh(double *out, const rubor_change *change, const rubor_plane maps[MAPS],
                          const rubor_plane *region, const rubor_plane *control, rubor_error *error)
{
    size_t count = (size_t)region->width * (size_t)region->height;
    float *scratch = malloc(count * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a suspected bruise");
    double common = common_shade(&maps[SHADE], region, scratch), sum = 0, n = 0;
    double ei_slope, mi_slope;
    rubor_uncertainty_slopes(&ei_slope, &mi_slope, change, change->unmix.shade);
    double noise = fmax(SUSPECT_OD, spread(&maps[SHADE], control));
    for (size_t i = 0; i < count; i++) {
        double shade = (double)maps[SHADE].data[i], mi = (double)maps[MI].data[i];
        if (region->data[i] < 0.5f || isnan(shade))
            continue;
        double blood = ei_slope * (double)maps[EI].data[i], melanin = mi_slope * mi;
        double z = fabs(shade - common) / sqrt(noise * noise + blood * blood + melanin * melanin);
        sum += fmax(0, mi) * fmin(1, fmax(0, (z - SUSPECT_FROM) / (SUSPECT_ALL - SUSPECT_FROM)));
        n++;
    }
    *out = n > 0 ? sum / n : 0;
    free(scratch);
    return RUBOR_OK;
}

rubor_status rubor_change_suspect(rubor_change *change, const rubor_mask *left_out, rubor_error *error)
{
    if (!change->reference_od[0].data)
        return RUBOR_OK;
    const rubor_plane *from[MAPS] = {
        &change->delta_ei,        &change->delta_mi,        &change->shade_od,
        &change->visit_od[0],     &change->visit_od[1],     &change->visit_od[2],
        &change->reference_od[0], &change->reference_od[1], &change->reference_od[2]};
    int width = change->width < BLOCKS_ACROSS ? change->width : BLOCKS_ACROSS,
        height = (int)fmax(1, (double)change->height * width / change->width);
    rubor_plane maps[MAPS] = {{0}}, region = {0}, control = {0};
    rubor_status status = shrink_mask(&region, &change->region, width, height, error);
    if (status == RUBOR_OK)
        status = shrink_mask(&control, &change->control, width, height, error);
    for (int k = 0; k < MAPS && status == RUBOR_OK; k++)
        status = shrink(&maps[k], from[k], left_out, width, height, error);
    if (status == RUBOR_OK) {
        take_gloss_off(maps, &change->unmix);
        status = weigh(&change->suspected_mi, change, maps, &region, &control, error);
    }
    for (int k = 0; k < MAPS; k++)
        rubor_plane_finish(&maps[k]);
    rubor_plane_finish(&region);
    rubor_plane_finish(&control);
    return status;
}
