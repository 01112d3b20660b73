#include "analyzer/findings_shine.h"

#include "imaging/fixed_math.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>

/* Blocks of cells: a highlight is wider than that. */
enum { BLOCKS_ACROSS = 200, PASSES = 4 };
#define RIM_BLOCKS 2       /* the soft edge of a highlight, still white but not surely */
#define AROUND_BLOCKS 10.0 /* Gaussian sigma of what counts as the skin around */
/* White that counts, as a share of the skin's red, and what natural spread of the skin's own color may fake
 * of it: that of log10(blue / red) as the photo shows it, three times, which is the more of w the nearer t
 * comes to 1. Naturally bluer skin with new pigment or blood would else be taken for a highlight. */
#define WHITE_LEAST 0.03
#define SPREAD_LEAST 0.0115
#define SPREADS 3.0
#define LN10 2.302585092994046
#define TINT_MOST 0.75
#define TINT_SPREAD 1.06 /* blocks above that times the mean tint are none of the skin around */
/* Of the change of red at least so much must be the white; less change than that harms nobody. */
#define EXPLAINED 0.5
#define CHANGE_LEAST 0.01 /* OD */

/* Means over blocks, [0] visit, [1] reference; NaN where a block has no measured cell. */
typedef struct blocks {
    int side, width, height;
    rubor_plane red[2], blue[2]; /* linear */
    rubor_plane tint[2];         /* blue over red of the skin around, without highlights */
    double unsure[2];            /* SPREADS of the skin's own blue over red, relative */
    rubor_plane pigment;         /* delta_mi - delta_ei */
} blocks;

static void blocks_finish(blocks *b)
{
    for (int k = 0; k < 2; k++) {
        rubor_plane_finish(&b->red[k]);
        rubor_plane_finish(&b->blue[k]);
        rubor_plane_finish(&b->tint[k]);
    }
    rubor_plane_finish(&b->pigment);
}

/* Mean of a cell plane over blocks, NaN where half of a block or more is not measured. */
static void average(rubor_plane *out, const rubor_plane *cells, int side)
{
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            double sum = 0;
            int n = 0;
            for (int v = y * side; v < (y + 1) * side; v++)
                for (int u = x * side; u < (x + 1) * side; u++) {
                    float one = cells->data[(size_t)v * (size_t)cells->width + (size_t)u];
                    if (isnan(one))
                        continue;
                    sum += (double)one;
                    n++;
                }
            out->data[(size_t)y * (size_t)out->width + (size_t)x] =
                2 * n > side * side ? (float)(sum / n) : NAN;
        }
}

static void average_linear(rubor_plane *out, const rubor_plane *od, double zero, int side)
{
    average(out, od, side);
    for (size_t i = 0; i < (size_t)out->width * (size_t)out->height; i++)
        if (!isnan(out->data[i]))
            out->data[i] = (float)rubor_pow(10, zero - (double)out->data[i]);
}

/* The highlight itself raises the mean around it: what is bluer than that mean is left out of the next. */
static rubor_status find_tint(blocks *b, int photo, rubor_error *error)
{
    size_t count = (size_t)b->width * (size_t)b->height;
    rubor_plane *tint = &b->tint[photo];
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < count; i++) {
            float own = b->blue[photo].data[i] / b->red[photo].data[i];
            tint->data[i] = pass && own > (float)TINT_SPREAD * tint->data[i] ? NAN : own;
        }
        rubor_status status = rubor_plane_blur(tint, AROUND_BLOCKS, error);
        if (status != RUBOR_OK)
            return status;
    }
    return RUBOR_OK;
}

/* How far the skin's blue over red is from that around it by nature: median absolute value, as a standard
 * deviation. */
static rubor_status find_spread(blocks *b, int photo, rubor_error *error)
{
    size_t count = (size_t)b->width * (size_t)b->height, n = 0;
    float *off = malloc(count * sizeof *off);
    if (!off)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the spread of the skin's color");
    for (size_t i = 0; i < count; i++) {
        double ratio =
            (double)b->blue[photo].data[i] / (double)b->red[photo].data[i] / (double)b->tint[photo].data[i];
        if (ratio > 0)
            off[n++] = (float)fabs(rubor_log10(ratio));
    }
    double spread = n ? (double)rubor_float_of_rank(off, n, n / 2) / 0.6745 : SPREAD_LEAST;
    b->unsure[photo] = SPREADS * LN10 * fmax(SPREAD_LEAST, spread);
    free(off);
    return RUBOR_OK;
}

static rubor_status blocks_init(blocks *b, const rubor_change *change, rubor_error *error)
{
    int side = change->width / BLOCKS_ACROSS + 1;
    *b = (blocks){.side = side < change->height ? side : change->height};
    b->width = change->width / b->side;
    b->height = change->height / b->side;
    rubor_plane *planes[] = {&b->red[0],  &b->red[1],  &b->blue[0], &b->blue[1],
                             &b->tint[0], &b->tint[1], &b->pigment};
    for (int k = 0; k < 7; k++) {
        rubor_status status = rubor_plane_init(planes[k], b->width, b->height, error);
        if (status != RUBOR_OK)
            return status;
    }
    /* the visit at the exposure and lamp of the reference */
    average_linear(&b->red[0], &change->visit_od[0], change->zero_od[0][0] - change->zero_od[1][0], b->side);
    average_linear(&b->blue[0], &change->visit_od[2], change->zero_od[0][2] - change->zero_od[1][2], b->side);
    average_linear(&b->red[1], &change->reference_od[0], 0, b->side);
    average_linear(&b->blue[1], &change->reference_od[2], 0, b->side);
    rubor_plane ei = {0};
    rubor_status status = rubor_plane_init(&ei, b->width, b->height, error);
    if (status != RUBOR_OK)
        return status;
    average(&ei, &change->delta_ei, b->side);
    average(&b->pigment, &change->delta_mi, b->side);
    for (size_t i = 0; i < (size_t)b->width * (size_t)b->height; i++)
        b->pigment.data[i] -= ei.data[i];
    rubor_plane_finish(&ei);
    for (int photo = 0; photo < 2 && status == RUBOR_OK; photo++) {
        status = find_tint(b, photo, error);
        if (status == RUBOR_OK)
            status = find_spread(b, photo, error);
    }
    return status;
}

/* Does this photo have white there that the other has not? */
static bool shines(const blocks *b, int photo, size_t i)
{
    double t = (double)b->tint[photo].data[i], pigment = (double)b->pigment.data[i];
    if (!(t < TINT_MOST) ||
        !(photo ? pigment > 0 : pigment < 0)) /* white reads as less pigment; blood takes blue, too */
        return false;
    double red = (double)b->red[photo].data[i], red_other = (double)b->red[!photo].data[i];
    double white = ((double)b->blue[photo].data[i] - t * red) / (1 - t);
    double white_other = fmax(0, ((double)b->blue[!photo].data[i] - t * red_other) / (1 - t));
    double alone = fmin(0.9 * red, white - white_other);
    if (!(alone > (WHITE_LEAST + b->unsure[photo] * t / (1 - t)) * red))
        return false;
    double brighter = rubor_log10(red / red_other), explained = -rubor_log10(1 - alone / red);
    return brighter > CHANGE_LEAST && explained > EXPLAINED * brighter;
}

/* Leaves those blocks out; returns how many cells of the region that are. */
static size_t leave_out(rubor_findings *findings, const rubor_change *change, const rubor_mask *mask,
                        int side)
{
    size_t shining = 0;
    for (int y = 0; y < mask->height * side; y++)
        for (int x = 0; x < mask->width * side; x++) {
            size_t cell = (size_t)y * (size_t)change->width + (size_t)x;
            if (!mask->data[(size_t)(y / side) * (size_t)mask->width + (size_t)(x / side)])
                continue;
            findings->cells.data[cell] = 255;
            shining += change->region.data[cell] >= 128;
        }
    return shining;
}

rubor_status rubor_findings_shine(rubor_findings *findings, const rubor_change *change, rubor_error *error)
{
    blocks b;
    rubor_mask mask = {0};
    size_t shining = 0, region = rubor_mask_count(&change->region);
    rubor_status status = blocks_init(&b, change, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&mask, b.width, b.height, error);
    for (int photo = 1; photo >= 0 && status == RUBOR_OK; photo--) {
        for (size_t i = 0; i < (size_t)b.width * (size_t)b.height; i++)
            mask.data[i] = shines(&b, photo, i) ? 255 : 0;
        status = rubor_mask_dilate(&mask, RIM_BLOCKS, error);
        if (status == RUBOR_OK)
            shining = leave_out(findings, change, &mask, b.side);
    }
    if (status == RUBOR_OK && region) /* of the visit */
        rubor_findings_add_shine(findings, shining, region);
    rubor_mask_finish(&mask);
    blocks_finish(&b);
    return status;
}
