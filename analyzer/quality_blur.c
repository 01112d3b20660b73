/* Blur from the strongest edges, by blurring once more and looking how much they lose (Zhuo and Sim 2011): an
 * edge of spread s has a gradient peak in proportion to 1 / s; after one more blur s1 it falls by R = s /
 * sqrt(s^2 + s1^2). Edges are sorted by direction, because motion blurs only those that lie across it. */
#include "analyzer/quality.h"

#include "imaging/fixed_math.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTIONS = 8, PER_DIRECTION = 4096, BINS = 512, EDGES_MIN = 60, SMEAR_RANK = 150 };
#define REBLUR_PX 1.5
#define EDGE_LEAST 0.02 /* encoded units per px: weaker gradients are texture and noise */

typedef struct edges {
    float ratio[DIRECTIONS][PER_DIRECTION];
    size_t count[DIRECTIONS], seen[DIRECTIONS];
    size_t histogram[DIRECTIONS][BINS], strong[DIRECTIONS];
    float least[DIRECTIONS];
} edges;

static rubor_status luma_plane(rubor_plane *out, const rubor_image_encoded *working, rubor_error *error)
{
    rubor_status status = rubor_plane_reserve(out, working->width, working->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t count = (size_t)working->width * (size_t)working->height;
    for (size_t i = 0; i < count; i++) {
        const uint16_t *rgb = working->rgb + 3 * i;
        out->data[i] = (float)(rgb[0] + 2 * rgb[1] + rgb[2]) * (1.0f / (4 * 65535));
    }
    return RUBOR_OK;
}

static void gradient(float *gx, float *gy, const rubor_plane *plane, int x, int y)
{
    const float *at = plane->data + (size_t)y * (size_t)plane->width + (size_t)x;
    ptrdiff_t down = plane->width;
    *gx = (at[1] - at[-1]) / 2;
    *gy = (at[down] - at[-down]) / 2;
}

/* Squared gradients of a row, from its second pixel to the last but one. */
static void strengths(float *restrict out, const rubor_plane *plane, int y)
{
    const float *at = plane->data + (size_t)y * (size_t)plane->width;
    const float *above = at - plane->width, *below = at + plane->width;
    for (int x = 1; x + 1 < plane->width; x++) {
        float gx = (at[x + 1] - at[x - 1]) / 2, gy = (below[x] - above[x]) / 2;
        out[x] = gx * gx + gy * gy;
    }
}

/* The next pixel from x on, before end, that is not below least; most are, so they are passed over in eights. */
static int next_from(const float *row, int x, int end, float least)
{
    for (; x + 8 <= end; x += 8) {
        int any = 0;
        for (int k = 0; k < 8; k++)
            any |= !(row[x + k] < least);
        if (any)
            break;
    }
    while (x < end && row[x] < least)
        x++;
    return x;
}

/* A gradient peak across the edge: stronger than both neighbors in its own direction. */
static bool is_peak(const rubor_plane *luma, int x, int y, float gx, float gy)
{
    float own = gx * gx + gy * gy, ax, ay, bx, by;
    int dx = fabsf(gx) > 0.41f * fabsf(gy) ? (gx > 0 ? 1 : -1) : 0;
    int dy = fabsf(gy) > 0.41f * fabsf(gx) ? (gy > 0 ? 1 : -1) : 0;
    gradient(&ax, &ay, luma, x + dx, y + dy);
    gradient(&bx, &by, luma, x - dx, y - dy);
    return own >= ax * ax + ay * ay && own > bx * bx + by * by;
}

static int direction_of(float gx, float gy)
{
    double angle = rubor_atan2(gy, gx) / 3.14159265358979 * DIRECTIONS;
    return ((int)floor(angle + 0.5) + 2 * DIRECTIONS) % DIRECTIONS;
}

/* The strongest fifth of each direction's gradients: motion weakens all edges that lie across it, and one
 * limit for all directions would leave only the sharp ones. */
static void strong_gradients(edges *e, const rubor_plane *luma, float *row)
{
    for (int y = 2; y < luma->height - 2; y += 2) {
        strengths(row, luma, y);
        const float near = (float)(0.99 * EDGE_LEAST * EDGE_LEAST); /* no root needed to tell */
        int end = luma->width - 2;
        for (int x = next_from(row, 2, end, near); x < end; x = next_from(row, x + 1, end, near)) {
            float gx, gy;
            float strength = sqrtf(row[x]);
            if (strength < (float)EDGE_LEAST)
                continue;
            gradient(&gx, &gy, luma, x, y);
            int bin = (int)(strength * BINS), d = direction_of(gx, gy);
            e->histogram[d][bin < BINS ? bin : BINS - 1]++;
            e->strong[d]++;
        }
    }
    for (int d = 0; d < DIRECTIONS; d++) {
        size_t kept = 0;
        int bin = BINS - 1;
        while (bin > 0 && (kept += e->histogram[d][bin]) * 5 < e->strong[d])
            bin--;
        e->least[d] = fmaxf((float)EDGE_LEAST, (float)bin / BINS);
    }
}

/* How much weaker the edges across the strongest direction are: a chart has the same edges in both, so a
 * smear that leaves too little of one of them for a width to be read still shows. */
static double smear_of(const edges *e)
{
    double rank[DIRECTIONS];
    int strongest = 0;
    for (int d = 0; d < DIRECTIONS; d++) {
        size_t above = 0;
        int bin = BINS - 1;
        while (bin > 0 && (above += e->histogram[d][bin]) < SMEAR_RANK)
            bin--;
        rank[d] = fmax(EDGE_LEAST, (double)bin / BINS);
        strongest = rank[d] > rank[strongest] ? d : strongest;
    }
    return rank[strongest] / rank[(strongest + DIRECTIONS / 2) % DIRECTIONS];
}

static void collect(edges *e, const rubor_plane *luma, const rubor_plane *again, float *row)
{
    strong_gradients(e, luma, row);
    for (int y = 3; y < luma->height - 3; y++) {
        strengths(row, luma, y);
        const float least = (float)(EDGE_LEAST * EDGE_LEAST);
        int end = luma->width - 3;
        for (int x = next_from(row, 3, end, least); x < end; x = next_from(row, x + 1, end, least)) {
            float gx, gy, bx, by, strength2 = row[x];
            gradient(&gx, &gy, luma, x, y);
            int d = direction_of(gx, gy);
            if (strength2 < e->least[d] * e->least[d] || !is_peak(luma, x, y, gx, gy))
                continue;
            gradient(&bx, &by, again, x, y);
            float ratio = sqrtf((bx * bx + by * by) / (gx * gx + gy * gy));
            size_t slot = e->seen[d]++;
            if (slot >= PER_DIRECTION) /* keep an even sample without a random number */
                slot = (slot * 2654435761u) % (2 * PER_DIRECTION);
            if (slot < PER_DIRECTION)
                e->ratio[d][slot] = ratio;
            if (e->count[d] < PER_DIRECTION)
                e->count[d]++;
        }
    }
}

/* Spread of the sharper quarter of one direction's edges: the others may be soft in themselves (shadows). */
static double spread_of(const float *ratio, size_t count)
{
    double r = fmin(0.98, rubor_float_of_rank(ratio, count, count / 4));
    return REBLUR_PX * r / sqrt(1 - r * r);
}

rubor_status rubor_quality_blur(double *blur_px, double *ratio, double *smear,
                                const rubor_image_encoded *working, rubor_error *error)
{
    rubor_plane luma = {0}, again = {0}, row = {0};
    *blur_px = *ratio = *smear = RUBOR_NULL;
    edges *e = calloc(1, sizeof *e);
    rubor_status status =
        e ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the blur measure");
    if (status == RUBOR_OK)
        status = luma_plane(&luma, working, error);
    if (status == RUBOR_OK)
        status = rubor_plane_reserve(&again, luma.width, luma.height, error);
    if (status == RUBOR_OK)
        status = rubor_plane_init(&row, luma.width, 1, error);
    if (status == RUBOR_OK)
        memcpy(again.data, luma.data, (size_t)luma.width * (size_t)luma.height * sizeof *luma.data);
    if (status == RUBOR_OK)
        status = rubor_plane_blur(&again, REBLUR_PX, error);
    if (status != RUBOR_OK || luma.width < 16 || luma.height < 16)
        goto out;
    collect(e, &luma, &again, row.data);
    *smear = smear_of(e);
    double sharpest = 1e9, bluntest = 0;
    int directions = 0;
    for (int d = 0; d < DIRECTIONS; d++) {
        if (e->count[d] < EDGES_MIN)
            continue;
        double spread = spread_of(e->ratio[d], e->count[d]);
        sharpest = fmin(sharpest, spread);
        bluntest = fmax(bluntest, spread);
        directions++;
    }
    if (directions)
        *blur_px = bluntest;
    if (directions >= 2 && sharpest > 0)
        *ratio = bluntest / sharpest;
out:
    rubor_plane_finish(&luma);
    rubor_plane_finish(&again);
    rubor_plane_finish(&row);
    free(e);
    return status;
}
