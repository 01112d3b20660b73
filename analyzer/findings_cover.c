/* What lies on the skin hides its mottling: the small differences of blood and melanin from place to place,
 * which every person has, which stay for weeks, and which redness or pigment only adds to. So where the
 * visit's color (OD_G - OD_R) no longer follows the baseline's mottling, though untreated skin of the same
 * two photos does, and nothing new has come in its place, the skin is covered: make-up of the skin's own
 * color. Noise and defocus weaken the mottling everywhere alike and are measured on the untreated skin. */
#include "analyzer/findings_cover.h"

#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Mottling lies between these blurs, and is compared over a window; shares of the grid's width. */
#define FINE 0.004
#define COARSE 0.015
#define WINDOW 0.035
#define CLIP 2.0       /* robust standard deviations: a mole or a rim must not speak for a window */
#define INSIDE 0.7     /* of a window, at least, is measured skin */
#define MARGIN 0.04    /* of the width: what is untreated lies so far from the region */
#define UNTREATED 0.10 /* of the measured skin, at least */
/* Of the baseline's mottling seen again on untreated skin, at least: less is left where a JPEG holds dark
 * skin's colors in so few steps that mottling vanishes by itself. */
#define FAITHFUL 0.50
#define FAITHFUL_STRANGE 0.20 /* where the color is strange, too (below) */
#define KEPT_SEED 0.45        /* of that, at most, where a cover starts ... */
#define KEPT_MEAN 0.30        /* ... on average over it ... */
#define KEPT_RIM 0.70         /* ... and where it ends */
#define SURE 4.5              /* standard deviations, where the patch might be skin by its color ... */
#define SURE_STRANGE 2.0      /* ... and where neither blood nor melanin makes skin look so: */
#define STRANGE_DARK 0.025    /* OD: all channels darker alike ... */
#define STRANGE_SHARE 0.0032  /* (and as much per unit of delta_ei and delta_mi as a large change leaves), */
#define STRANGE_BRIGHT 0.015  /* ... or red brighter than before */
/* Where its color differs from bare skin's by so much (OD, root of the channels' sum of squares), a cover
 * ends where its color does, which is sharper than the loss of mottling. */
#define DISTINCT 0.03
#define COLOR_SMOOTH 0.005   /* of the grid's width */
#define EVEN 2.0             /* variance against bare skin's, at most: new blotches hide the old ones, too */
#define AREA_LEAST 0.10      /* of the region ... */
#define AREA_LEAST_SKIN 0.04 /* ... or, where none is drawn, of all skin */
/* What takes away more blood than it darkens lies above the blood: a bruise hides some of the redness around
 * it, never more than it adds of its own (delta_ei below minus this share of delta_mi). */
#define BLOODLESS 1.3
#define BLOODLESS_EI 1.5
enum { SAMPLES = 16384 };

typedef rubor_mottling mottling;

static double median(const float *values, size_t count)
{
    return count ? (double)rubor_float_of_rank(values, count, count / 2) : NAN;
}

/* The color's structure between the two blurs, without outliers: fine loses what is coarse and what is far
 * out. */
static void split(rubor_plane *fine, const rubor_plane *coarse, const rubor_plane od[3], float *scratch)
{
    size_t count = (size_t)fine->width * (size_t)fine->height, stride = 1 + count / SAMPLES, n = 0;
    for (size_t i = 0; i < count; i++)
        fine->data[i] = isnan(od[0].data[i]) ? NAN : fine->data[i] - coarse->data[i];
    for (size_t i = 0; i < count; i += stride)
        if (!isnan(fine->data[i]))
            scratch[n++] = fabsf(fine->data[i]);
    float most = (float)(CLIP * median(scratch, n) / 0.6745);
    for (size_t i = 0; i < count; i++)
        fine->data[i] = isnan(fine->data[i]) ? NAN : fmaxf(-most, fminf(most, fine->data[i]));
}

/* Of the visit and of the baseline. */
static rubor_status structures(rubor_plane out[2], const rubor_change *change, float *scratch,
                               rubor_error *error)
{
    const rubor_plane *od[2] = {change->visit_od, change->reference_od};
    rubor_plane coarse[2] = {{0}}, *const fine_both[2] = {&out[0], &out[1]};
    rubor_plane *const coarse_both[2] = {&coarse[0], &coarse[1]};
    int width = change->width, height = change->height;
    size_t count = (size_t)width * (size_t)height;
    rubor_status status = RUBOR_OK;
    for (int k = 0; k < 2 && status == RUBOR_OK; k++) {
        status = rubor_plane_init(&out[k], width, height, error);
        if (status == RUBOR_OK)
            status = rubor_plane_init(&coarse[k], width, height, error);
        for (size_t i = 0; status == RUBOR_OK && i < count; i++)
            out[k].data[i] = coarse[k].data[i] = od[k][1].data[i] - od[k][0].data[i];
    }
    if (status == RUBOR_OK)
        status = rubor_planes_blur(fine_both, 2, FINE * width, error);
    if (status == RUBOR_OK)
        status = rubor_planes_blur(coarse_both, 2, COARSE * width, error);
    for (int k = 0; k < 2; k++) {
        if (status == RUBOR_OK)
            split(&out[k], &coarse[k], od[k], scratch);
        rubor_plane_finish(&coarse[k]);
    }
    return status;
}

static rubor_status multiply(rubor_plane *out, const rubor_plane *one, const rubor_plane *other,
                             rubor_error *error)
{
    size_t count = (size_t)one->width * (size_t)one->height;
    rubor_status status = rubor_plane_init(out, one->width, one->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        out->data[i] = one->data[i] * other->data[i];
    return status;
}

static rubor_status measure(mottling *m, const rubor_change *change, float *scratch, rubor_error *error)
{
    rubor_plane of[2] = {{0}}, *const now = &of[0], *const before = &of[1];
    rubor_plane *const averages[3] = {&m->both, &m->before, &m->now};
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_status status = structures(of, change, scratch, error);
    if (status == RUBOR_OK)
        status = multiply(&m->both, now, before, error);
    if (status == RUBOR_OK)
        status = multiply(&m->before, before, before, error);
    if (status == RUBOR_OK)
        status = multiply(&m->now, now, now, error);
    if (status == RUBOR_OK)
        status = rubor_planes_blur(averages, 3, WINDOW * change->width, error);
    if (status == RUBOR_OK)
        status = rubor_plane_init(&m->inside, change->width, change->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        m->inside.data[i] = isnan(now->data[i]) ? 0 : 1;
    if (status == RUBOR_OK)
        status = rubor_plane_blur(&m->inside, WINDOW * change->width, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) /* from here: this cell can be judged */
        m->inside.data[i] = !isnan(now->data[i]) && (double)m->inside.data[i] > INSIDE ? 1 : 0;
    rubor_plane_finish(now);
    rubor_plane_finish(before);
    return status;
}

/* Mean square of what the visit has beside the kept part of the baseline's mottling. */
static double rest_at(const mottling *m, size_t i, double kept)
{
    return (double)m->now.data[i] - 2 * kept * (double)m->both.data[i] +
           kept * kept * (double)m->before.data[i];
}

static double kept_at(const mottling *m, size_t i)
{
    return (double)m->both.data[i] / fmax((double)m->before.data[i], 1e-12);
}

static double median_rest(const mottling *m, const uint32_t *cells, size_t n, bool own, float *scratch)
{
    for (size_t k = 0; k < n; k++)
        scratch[k] = (float)rest_at(m, cells[k], own ? kept_at(m, cells[k]) : m->kept);
    return median(scratch, n);
}

/* From untreated skin, or from most of all skin where no untreated skin is known: what share of the
 * baseline's mottling this visit shows, how far windows scatter around it, and what noise adds. False where
 * there is too little of it, or nothing to see. */
static bool learn(mottling *m, bool treated_known, float *scratch, uint32_t *cells)
{
    size_t count = (size_t)m->both.width * (size_t)m->both.height, stride = 1 + count / SAMPLES;
    size_t measured = 0, n = 0;
    double both = 0, before = 0;
    for (size_t i = 0; i < count; i += stride) {
        measured += m->inside.data[i] > 0;
        if (!(m->inside.data[i] > 0) || m->untreated.data[i] < 128)
            continue;
        both += (double)m->both.data[i];
        before += (double)m->before.data[i];
        cells[n++] = (uint32_t)i;
    }
    if (n < 200 || (double)n < UNTREATED * (double)measured || !(before > 0))
        return false;
    m->kept = both / before;
    if (!treated_known) {
        for (size_t k = 0; k < n; k++)
            scratch[k] = (float)kept_at(m, cells[k]);
        m->kept = median(scratch, n);
    }
    m->rest = median_rest(m, cells, n, true, scratch);
    m->noise = fmax(0, median_rest(m, cells, n, false, scratch));
    for (size_t k = 0; k < n; k++)
        scratch[k] =
            (float)(fabs(kept_at(m, cells[k]) - m->kept) * sqrt(fmax(0, (double)m->before.data[cells[k]])));
    m->spread = median(scratch, n) / 0.6745;
    return m->kept >= FAITHFUL_STRANGE && m->spread > 0 && m->rest > 0;
}

/* Has the patch changed as neither blood nor melanin change skin? */
static bool is_strange(const rubor_change *change, const uint32_t *cells, size_t n)
{
    double dark = 0, red = 0, zero = change->zero_od[0][0] - change->zero_od[1][0];
    for (size_t k = 0; k < n; k++) {
        size_t i = cells[k];
        dark += (double)change->shade_od.data[i] - STRANGE_SHARE * (fabs((double)change->delta_ei.data[i]) +
                                                                    fabs((double)change->delta_mi.data[i]));
        red += (double)change->visit_od[0].data[i] - (double)change->reference_od[0].data[i] - zero;
    }
    return dark > STRANGE_DARK * (double)n || red < -STRANGE_BRIGHT * (double)n;
}

/* One patch of low mottling: is it a cover, and not a patch of bare skin that happens to look like one? */
static bool is_cover(const mottling *m, const rubor_change *change, const uint32_t *cells, size_t n,
                     size_t region)
{
    double kept = 0, sure = 0, now = 0, bare = 0;
    bool strange = is_strange(change, cells, n);
    if (m->kept < FAITHFUL && !strange)
        return false;
    for (size_t k = 0; k < n; k++) {
        double own = kept_at(m, cells[k]), before = fmax((double)m->before.data[cells[k]], 1e-12);
        double more = fmax(0.5, rest_at(m, cells[k], own) / m->rest);
        kept += own / m->kept;
        sure += (m->kept - own) * sqrt(before / more) / m->spread;
        now += (double)m->now.data[cells[k]];
        bare += m->noise + m->kept * m->kept * before;
    }
    double windows = (double)n / (4 * 3.14159265 * WINDOW * WINDOW * m->both.width * m->both.width);
    double least = change->control_known ? AREA_LEAST : AREA_LEAST_SKIN;
    return (double)n >= least * (double)region && kept / (double)n <= KEPT_MEAN &&
           sure / (double)n * sqrt(fmax(1, windows)) >= (strange ? SURE_STRANGE : SURE) && now <= EVEN * bare;
}

static bool low(const mottling *m, const rubor_change *change, size_t i, double share)
{
    return change->region.data[i] >= 128 && m->inside.data[i] > 0 && fabs(kept_at(m, i)) < share * m->kept;
}

/* Collects into cells what is connected with start and keeps less than share; marks it with mark. */
static size_t collect(uint8_t *marks, uint32_t *cells, const mottling *m, const rubor_change *change,
                      size_t start, double share, uint8_t mark)
{
    size_t n = 1, width = (size_t)change->width, count = width * (size_t)change->height;
    cells[0] = (uint32_t)start;
    marks[start] = mark;
    for (size_t next = 0; next < n; next++) {
        size_t at = cells[next], x = at % width;
        const size_t around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at,
                                  at >= width ? at - width : at, at + width < count ? at + width : at};
        for (int k = 0; k < 4; k++)
            if (marks[around[k]] < mark && low(m, change, around[k], share)) {
                marks[around[k]] = mark;
                cells[n++] = (uint32_t)around[k];
            }
    }
    return n;
}

/* The marked cells of the region are findings; counts them. */
static void settle(rubor_findings *findings, const rubor_change *change)
{
    size_t count = (size_t)change->width * (size_t)change->height, covered = 0;
    size_t region = rubor_mask_count(&change->region);
    for (size_t i = 0; i < count; i++) {
        if (findings->cover.data[i] && change->region.data[i] >= 128) {
            findings->cells.data[i] = findings->cover.data[i] = 255;
            covered++;
        } else {
            findings->cover.data[i] = 0;
        }
    }
    findings->cover_percent = region ? 100.0 * (double)covered / (double)region : RUBOR_NULL;
}

/* The change of color, smoothed. */
static rubor_status color_change(rubor_plane out[3], const rubor_change *change, rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_status status = RUBOR_OK;
    for (int c = 0; c < 3 && status == RUBOR_OK; c++) {
        status = rubor_plane_init(&out[c], change->width, change->height, error);
        for (size_t i = 0; status == RUBOR_OK && i < count; i++)
            out[c].data[i] = change->visit_od[c].data[i] - change->reference_od[c].data[i];
        if (status == RUBOR_OK)
            status = rubor_plane_blur(&out[c], fmax(1, COLOR_SMOOTH * change->width), error);
    }
    return status;
}

static double distance(const rubor_plane color[3], size_t i, const double from[3])
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum += ((double)color[c].data[i] - from[c]) * ((double)color[c].data[i] - from[c]);
    return sqrt(sum);
}

/* Mean color of a patch, and of the region's cells that keep their mottling; false where they do not differ.
 */
static bool distinct(double core[3], double bare[3], const mottling *m, const rubor_change *change,
                     const rubor_plane color[3], const uint32_t *cells, size_t n)
{
    size_t count = (size_t)change->width * (size_t)change->height, others = 0;
    memset(core, 0, 3 * sizeof *core);
    memset(bare, 0, 3 * sizeof *bare);
    for (size_t k = 0; k < n; k++)
        for (int c = 0; c < 3; c++)
            core[c] += (double)color[c].data[cells[k]] / (double)n;
    for (size_t i = 0; i < count; i++) {
        if (change->region.data[i] < 128 || !(m->inside.data[i] > 0) || low(m, change, i, KEPT_RIM))
            continue;
        others++;
        for (int c = 0; c < 3; c++)
            bare[c] += (double)color[c].data[i];
    }
    if (others < n / 4)
        return false;
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        bare[c] /= (double)others;
        sum += (core[c] - bare[c]) * (core[c] - bare[c]);
    }
    return sqrt(sum) > DISTINCT;
}

/* Marks (255) what has the patch's color rather than bare skin's and is connected with it; cells then holds
 * that. False, and nothing marked, where the patch has no color of its own. */
static bool outline(uint8_t *marks, uint32_t *cells, size_t n, const mottling *m, const rubor_change *change,
                    const rubor_plane color[3])
{
    double core[3], bare[3];
    size_t width = (size_t)change->width, count = width * (size_t)change->height, kept = 0;
    if (!distinct(core, bare, m, change, color, cells, n))
        return false;
    for (size_t k = 0; k < n; k++)
        if (distance(color, cells[k], core) < distance(color, cells[k], bare))
            cells[kept++] = cells[k];
    for (size_t k = 0; k < kept; k++)
        marks[cells[k]] = 255;
    for (size_t next = 0; next < kept; next++) {
        size_t at = cells[next], x = at % width;
        const size_t around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at,
                                  at >= width ? at - width : at, at + width < count ? at + width : at};
        for (int k = 0; k < 4; k++) {
            size_t i = around[k];
            if (marks[i] == 255 || change->region.data[i] < 128 ||
                !(distance(color, i, core) < distance(color, i, bare)))
                continue;
            marks[i] = 255;
            cells[kept++] = (uint32_t)i;
        }
    }
    return true;
}

static void mark_cover(rubor_findings *findings, const mottling *m, const rubor_change *change,
                       const rubor_plane color[3], uint32_t *cells)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    size_t region = rubor_mask_count(&change->region);
    uint8_t *marks = findings->cover.data;
    for (size_t i = 0; i < count; i++) {
        if (marks[i] || !low(m, change, i, KEPT_SEED))
            continue;
        size_t n = collect(marks, cells, m, change, i, KEPT_SEED, 1);
        if (is_cover(m, change, cells, n, region) && !outline(marks, cells, n, m, change, color))
            collect(marks, cells, m, change, i, KEPT_RIM, 255);
    }
    for (size_t i = 0; i < count; i++)
        marks[i] = marks[i] == 255 ? 255 : 0;
    settle(findings, change);
}

/* Takes a 4-connected patch of bruise out of the mask into cells. */
static size_t take_patch(uint8_t *bruise, uint32_t *cells, size_t start, size_t width, size_t count)
{
    size_t n = 1;
    cells[0] = (uint32_t)start;
    bruise[start] = 0;
    for (size_t next = 0; next < n; next++) {
        size_t at = cells[next], x = at % width;
        const size_t around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at,
                                  at >= width ? at - width : at, at + width < count ? at + width : at};
        for (int k = 0; k < 4; k++)
            if (bruise[around[k]]) {
                bruise[around[k]] = 0;
                cells[n++] = (uint32_t)around[k];
            }
    }
    return n;
}

/* Blood under the skin leaves the mottling above it; and where a cover ends nothing but its rim can be called
 * a bruise. */
static bool is_hidden(const mottling *m, const rubor_change *change, const rubor_mask *near,
                      const uint32_t *cells, size_t n)
{
    double both = 0, before = 0, judged = 0, ei = 0, mi = 0;
    size_t beside = 0;
    for (size_t k = 0; k < n; k++) {
        ei += (double)change->delta_ei.data[cells[k]];
        mi += (double)change->delta_mi.data[cells[k]];
    }
    if (ei < -BLOODLESS * fmax(0, mi) - BLOODLESS_EI * (double)n)
        return true;
    if (!m->known)
        return false;
    for (size_t k = 0; k < n; k++) {
        beside += near->data[cells[k]] >= 128;
        if (!(m->inside.data[cells[k]] > 0))
            continue;
        both += (double)m->both.data[cells[k]];
        before += (double)m->before.data[cells[k]];
        judged++;
    }
    if (2 * beside >= n)
        return true;
    double windows = judged / (4 * 3.14159265 * WINDOW * WINDOW * m->both.width * m->both.width);
    double kept = both / fmax(before, 1e-12);
    double sure = (m->kept - kept) * sqrt(before / fmax(judged, 1) * fmax(1, windows)) / m->spread;
    return kept < KEPT_SEED * m->kept && sure >= SURE_STRANGE;
}

rubor_status rubor_findings_cover_bruise(rubor_findings *findings, const mottling *m,
                                         const rubor_change *change, rubor_error *error)
{
    size_t width = (size_t)change->width, count = width * (size_t)change->height;
    size_t region = rubor_mask_count(&change->region);
    rubor_mask near = {0}, left = {0};
    uint32_t *cells = NULL;
    if (!(findings->bruise_percent > 0))
        return RUBOR_OK;
    rubor_status status = rubor_mask_init(&near, change->width, change->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&left, change->width, change->height, error);
    if (status == RUBOR_OK && !(cells = malloc(count * sizeof *cells)))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for covered skin");
    if (status != RUBOR_OK)
        goto out;
    memcpy(near.data, findings->cover.data, count);
    status = rubor_mask_dilate(&near, (int)(WINDOW * change->width), error);
    if (status != RUBOR_OK)
        goto out;
    for (size_t i = 0; i < count; i++) {
        if (!findings->bruise.data[i])
            continue;
        size_t n = take_patch(findings->bruise.data, cells, i, width, count);
        uint8_t *to = is_hidden(m, change, &near, cells, n) ? findings->cover.data : left.data;
        for (size_t k = 0; k < n; k++)
            to[cells[k]] = 255;
    }
    memcpy(findings->bruise.data, left.data, count);
    findings->bruise_percent = 100.0 * (double)rubor_mask_count(&left) / (double)region;
    settle(findings, change);
out:
    rubor_mask_finish(&near);
    rubor_mask_finish(&left);
    free(cells);
    return status;
}

void rubor_mottling_finish(rubor_mottling *m)
{
    rubor_plane_finish(&m->both);
    rubor_plane_finish(&m->before);
    rubor_plane_finish(&m->now);
    rubor_plane_finish(&m->inside);
    rubor_mask_finish(&m->untreated);
}

rubor_status rubor_findings_cover(rubor_findings *findings, mottling *m, const rubor_change *change,
                                  rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_plane color[3] = {{0}};
    float *scratch = malloc((SAMPLES + 1) * sizeof *scratch);
    uint32_t *cells = malloc(count * sizeof *cells);
    rubor_status status =
        scratch && cells ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for covered skin");
    findings->cover_percent = RUBOR_NULL;
    if (status == RUBOR_OK)
        status = measure(m, change, scratch, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&m->untreated, change->width, change->height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&findings->cover, change->width, change->height, error);
    if (status != RUBOR_OK)
        goto out;
    if (change->control_known) { /* else most of what is seen is bare */
        memcpy(m->untreated.data, change->region.data, count);
        status = rubor_mask_dilate(&m->untreated, (int)(MARGIN * change->width) + 1, error);
    }
    for (size_t i = 0; i < count; i++)
        m->untreated.data[i] = 255 - m->untreated.data[i];
    m->known = status == RUBOR_OK && learn(m, change->control_known, scratch, cells);
    if (m->known)
        status = color_change(color, change, error);
    if (m->known && status == RUBOR_OK)
        mark_cover(findings, m, change, color, cells);
out:
    for (int c = 0; c < 3; c++)
        rubor_plane_finish(&color[c]);
    free(scratch);
    free(cells);
    return status;
}
