/* White light on top of skin that got darker: what is left of the lens's veil after calibration, and the
 * gloss that skin always has. The darker the skin, the more of a darkening it hides, first in blue, then in
 * green, so that redness of dark skin reads too small. Blood and melanin leave no trace in the third
 * combination of the channels (shade_od), a veil g (part of the perfect diffuser) does:
 *
 *     measured change of OD_c = true change - 0.4343 g (1 / now_c - 1 / before_c)
 *
 * so g follows from it as far as other doubts allow. What the region shows in common, or in proportion to its
 * change, is mostly doubt about calibration and directions, and little of it is taken for a veil; what
 * differs from place to place beyond that is gloss. On light skin (now_c large) all of this is nothing: no
 * threshold depends on tone. */
#include "analyzer/change.h"

#include "imaging/fixed_math.h"
#include "imaging/linsolve.h"

#include <math.h>
#include <string.h>

/* Standard deviations: of the veil (part of the perfect diffuser) and of what else shade_od holds (OD), for
 * what the region has in common and for what differs from place to place. */
#define COMMON_VEIL 0.0025
#define LOCAL_VEIL 0.005
#define COMMON_REST 0.03
#define LOCAL_REST 0.01
#define SLOPE_SD 0.004 /* of shade_od per unit of delta_ei or delta_mi: doubt about the directions */
/* Blocks this many standard deviations above the rest do not say what the rest does. */
#define GLOSSY 1.5
#define LINEAR_LEAST 0.001
enum { BLOCKS_ACROSS = 150, BLOCKS_LEAST = 30, ROUNDS = 3 };

enum { EI, MI, SHADE, NOW, BEFORE = NOW + 3, MAPS = BEFORE + 3 };

/* How a veil of 1, there before and now, moves the three readings of a block. */
typedef struct veil_response {
    double ei, mi, shade;
} veil_response;

static rubor_status shrink(rubor_plane *out, const rubor_plane *in, const rubor_mask *left_out, int width,
                           int height, rubor_error *error)
{
    rubor_plane kept = {0};
    rubor_status status = rubor_plane_init(&kept, in->width, in->height, error);
    if (status != RUBOR_OK)
        return status;
    for (size_t i = 0; i < (size_t)in->width * (size_t)in->height; i++)
        kept.data[i] = left_out->data && left_out->data[i] >= 128 ? NAN : in->data[i];
    status = rubor_plane_shrink(out, &kept, width, height, error);
    rubor_plane_finish(&kept);
    return status == RUBOR_OK ? rubor_plane_blur(out, 1, error) : status;
}

static veil_response respond(const rubor_change *change, const rubor_plane maps[MAPS], size_t i)
{
    veil_response to = {0};
    const rubor_unmix *u = &change->unmix;
    for (int c = 0; c < 3; c++) {
        double now = fmax(LINEAR_LEAST, rubor_pow(10, -(double)maps[NOW + c].data[i])),
               before = fmax(LINEAR_LEAST, rubor_pow(10, -(double)maps[BEFORE + c].data[i]));
        double od = -0.4343 * (1 / now - 1 / before);
        to.ei += u->ei[c] * od;
        to.mi += u->mi[c] * od;
        to.shade += u->shade[c] * od;
    }
    return to;
}

static double line_at(const double line[3], const rubor_plane maps[MAPS], size_t i)
{
    return line[0] * (double)maps[EI].data[i] + line[1] * (double)maps[MI].data[i] + line[2];
}

/* shade_od of the region's blocks as a line in delta_ei and delta_mi, blocks that gloss hides left out; their
 * spread about it counts as above. */
static bool find_common(double line[3], const rubor_plane maps[MAPS], const rubor_plane *region)
{
    size_t count = (size_t)region->width * (size_t)region->height;
    double most = INFINITY;
    memset(line, 0, 3 * sizeof *line);
    for (int round = 0; round < ROUNDS; round++) {
        double precision[9] = {0}, right[3] = {0}, inverse[9], squares = 0, n = 0;
        for (size_t i = 0; i < count; i++) {
            const double at[3] = {(double)maps[EI].data[i], (double)maps[MI].data[i], 1};
            double shade = (double)maps[SHADE].data[i];
            if (region->data[i] < 0.5f || isnan(shade) || shade - line_at(line, maps, i) > most)
                continue;
            for (int a = 0; a < 3; a++) {
                right[a] += at[a] * shade;
                for (int b = 0; b < 3; b++)
                    precision[3 * a + b] += at[a] * at[b];
            }
            n++;
        }
        if (n < BLOCKS_LEAST)
            return false;
        const double ridge = LOCAL_REST * LOCAL_REST / (SLOPE_SD * SLOPE_SD);
        precision[0] += ridge;
        precision[4] += ridge;
        if (rubor_spd_inverse(inverse, precision, 3, NULL) != RUBOR_OK)
            return false;
        double before[3] = {line[0], line[1], line[2]};
        for (int a = 0; a < 3; a++)
            line[a] =
                inverse[3 * a] * right[0] + inverse[3 * a + 1] * right[1] + inverse[3 * a + 2] * right[2];
        for (size_t i = 0; i < count; i++) {
            double shade = (double)maps[SHADE].data[i];
            if (region->data[i] < 0.5f || isnan(shade) || shade - line_at(before, maps, i) > most)
                continue;
            squares += (shade - line_at(line, maps, i)) * (shade - line_at(line, maps, i));
        }
        most = GLOSSY * sqrt(squares / n);
    }
    return true;
}

/* The most probable veil behind a reading of shade_od. */
static double veil_of(double shade, double response, double veil_sd, double rest_sd)
{
    double rest = rest_sd / veil_sd;
    return shade * response / (response * response + rest * rest);
}

/* EI and MI become what the veil did to them. */
static void find_veil(rubor_plane maps[MAPS], const rubor_change *change, const double line[3])
{
    for (size_t i = 0; i < (size_t)maps[EI].width * (size_t)maps[EI].height; i++) {
        double shade = (double)maps[SHADE].data[i];
        if (isnan(shade) || isnan(maps[NOW].data[i]) || isnan(maps[BEFORE].data[i])) {
            maps[EI].data[i] = maps[MI].data[i] = 0;
            continue;
        }
        veil_response to = respond(change, maps, i);
        double common = line_at(line, maps, i);
        double veil = veil_of(common, to.shade, COMMON_VEIL, COMMON_REST) +
                      veil_of(shade - common, to.shade, LOCAL_VEIL, LOCAL_REST);
        maps[EI].data[i] = (float)(veil * to.ei);
        maps[MI].data[i] = (float)(veil * to.mi);
    }
}

static void take_off(rubor_change *change, const rubor_plane maps[MAPS])
{
    double across = (double)maps[EI].width / change->width, down = (double)maps[EI].height / change->height;
    for (int y = 0; y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            size_t i = (size_t)y * (size_t)change->width + (size_t)x;
            double u = fmin(maps[EI].width - 1, fmax(0, (x + 0.5) * across - 0.5)),
                   v = fmin(maps[EI].height - 1, fmax(0, (y + 0.5) * down - 0.5));
            change->delta_ei.data[i] -= rubor_plane_sample(&maps[EI], u, v);
            change->delta_mi.data[i] -= rubor_plane_sample(&maps[MI], u, v);
        }
}

rubor_status rubor_change_unveil(rubor_change *change, const rubor_mask *left_out, rubor_error *error)
{
    if (!change->reference_od[0].data)
        return RUBOR_OK;
    const rubor_plane *from[MAPS] = {
        &change->delta_ei,        &change->delta_mi,        &change->shade_od,
        &change->visit_od[0],     &change->visit_od[1],     &change->visit_od[2],
        &change->reference_od[0], &change->reference_od[1], &change->reference_od[2]};
    int width = change->width < BLOCKS_ACROSS ? change->width : BLOCKS_ACROSS,
        height = (int)fmax(1, (double)change->height * width / change->width);
    rubor_plane maps[MAPS] = {{0}}, inside = {0}, region = {0};
    double line[3];
    rubor_status status = rubor_plane_init(&inside, change->width, change->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < (size_t)change->width * (size_t)change->height; i++)
        inside.data[i] = change->region.data[i] >= 128 ? 1 : 0;
    if (status == RUBOR_OK)
        status = rubor_plane_shrink(&region, &inside, width, height, error);
    for (int k = 0; k < MAPS && status == RUBOR_OK; k++)
        status = shrink(&maps[k], from[k], left_out, width, height, error);
    if (status == RUBOR_OK && find_common(line, maps, &region)) {
        find_veil(maps, change, line);
        take_off(change, maps);
    }
    for (int k = 0; k < MAPS; k++)
        rubor_plane_finish(&maps[k]);
    rubor_plane_finish(&inside);
    rubor_plane_finish(&region);
    return status;
}
