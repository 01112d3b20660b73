#include "analyzer/registration_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Turns of 0, 3, 6 ... 18 degrees as numbers: libm's sine differs from CPU to CPU. */
static const double cosines[7] = {1,
                                  0.99862953475457387,
                                  0.99452189536827329,
                                  0.98768834059513777,
                                  0.97814760073380569,
                                  0.96592582628906831,
                                  0.95105651629515353};
static const double sines[7] = {0,
                                0.05233595624294384,
                                0.10452846326765347,
                                0.15643446504023087,
                                0.20791169081775934,
                                0.25881904510252074,
                                0.30901699437494745};
static const double zooms[9] = {0.8227, 0.8638, 0.9070, 0.9524, 1, 1.05, 1.1025, 1.1576, 1.2155};
enum { TURNS = 6, ZOOMS = 9, CANDIDATES = (2 * TURNS + 1) * ZOOMS };
/* Shifts beyond this part of the long side are not searched; less common skin than this part of the smaller
 * mask proves nothing. */
static const double largest_shift = 0.25, least_overlap = 0.3;

typedef struct peak {
    int turn, zoom, dx, dy;
    double score;
} peak;

typedef struct search {
    const rubor_structure *visit, *baseline;
    rubor_unit_scale visit_scale, baseline_scale;
    int n, left, top, width, height; /* the middle of the baseline that the transform holds */
    float *spectrum, *overlap, *pair;
    double least_pixels;
    peak peaks[RUBOR_SEARCH_HITS];
    int count;
} search;

static double turn_sine(int turn)
{
    return turn < 0 ? -sines[-turn] : sines[turn];
}

/* Writes the visit turned and zoomed into part (0 real, 1 imaginary) of pair, in the baseline's frame. */
static void place(search *s, int turn, int zoom, int part, bool mask)
{
    const rubor_structure *v = s->visit;
    double c = cosines[turn < 0 ? -turn : turn] / zooms[zoom], d = turn_sine(turn) / zooms[zoom];
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            rubor_point u = rubor_to_unit(&s->baseline_scale, x + s->left, y + s->top);
            const rubor_pair turned = {c * u.x + d * u.y, -d * u.x + c * u.y};
            rubor_pair p = rubor_from_unit(&s->visit_scale, turned);
            double px = p[0], py = p[1];
            if (!(px >= 0 && py >= 0 && px < v->width - 1 && py < v->height - 1))
                continue;
            int ix = (int)px, iy = (int)py;
            size_t i = (size_t)iy * (size_t)v->width + (size_t)ix, row = (size_t)v->width;
            float fx = (float)(px - ix), fy = (float)(py - iy);
            float value = mask ? (v->valid[i] ? 1.0f : 0.0f)
                               : (v->s[i] * (1 - fx) + v->s[i + 1] * fx) * (1 - fy) +
                                     (v->s[i + row] * (1 - fx) + v->s[i + row + 1] * fx) * fy;
            s->pair[2 * ((size_t)y * (size_t)s->n + (size_t)x) + (size_t)part] = value;
        }
}

/* pair becomes the correlations of both its parts with spectrum, at minus the shift. */
static void correlate(search *s, const float *spectrum)
{
    size_t n = (size_t)s->n * (size_t)s->n;
    rubor_fft_square(s->pair, s->n, false);
    for (size_t i = 0; i < n; i++) {
        float re = s->pair[2 * i], im = s->pair[2 * i + 1], c = spectrum[2 * i], d = -spectrum[2 * i + 1];
        s->pair[2 * i] = re * c - im * d;
        s->pair[2 * i + 1] = re * d + im * c;
    }
    rubor_fft_square(s->pair, s->n, true);
}

static bool same_place(const peak *a, const peak *b)
{
    return abs(a->turn - b->turn) <= 1 && abs(a->zoom - b->zoom) <= 1 && abs(a->dx - b->dx) <= 4 &&
           abs(a->dy - b->dy) <= 4;
}

static void keep(search *s, const peak *found)
{
    for (int i = 0; i < s->count; i++)
        if (same_place(&s->peaks[i], found)) {
            if (found->score <= s->peaks[i].score)
                return;
            memmove(&s->peaks[i], &s->peaks[i + 1], (size_t)(--s->count - i) * sizeof(peak));
            break;
        }
    int at = s->count;
    while (at > 0 && s->peaks[at - 1].score < found->score)
        at--;
    if (at == RUBOR_SEARCH_HITS)
        return;
    if (s->count < RUBOR_SEARCH_HITS)
        s->count++;
    memmove(&s->peaks[at + 1], &s->peaks[at], (size_t)(s->count - 1 - at) * sizeof(peak));
    s->peaks[at] = *found;
}

/* The highest peak of one part of pair. */
static void find_peak(search *s, int turn, int zoom, int part)
{
    int n = s->n,
        reach = (int)(largest_shift *
                      (s->baseline->width > s->baseline->height ? s->baseline->width : s->baseline->height));
    double scale = 1.0 / ((double)n * n);
    peak best = {turn, zoom, 0, 0, 0};
    for (int dy = -reach; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++) {
            size_t at = (size_t)((n - dy) % n) * (size_t)n + (size_t)((n - dx) % n);
            double overlap = s->overlap[at];
            if (overlap < s->least_pixels)
                continue;
            double score = s->pair[2 * at + (size_t)part] * scale / sqrt(overlap);
            if (score > best.score)
                best = (peak){turn, zoom, dx, dy, score};
        }
    if (best.score > 0)
        keep(s, &best);
}

static void load_baseline(search *s, float *into, bool mask)
{
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            size_t i = (size_t)(y + s->top) * (size_t)s->baseline->width + (size_t)(x + s->left);
            into[2 * ((size_t)y * (size_t)s->n + (size_t)x)] =
                mask ? (s->baseline->valid[i] ? 1.0f : 0.0f) : s->baseline->s[i];
        }
    rubor_fft_square(into, s->n, false);
}

static void search_all(search *s)
{
    size_t n = (size_t)s->n * (size_t)s->n;
    load_baseline(s, s->spectrum, true);
    place(s, 0, 4, 0, true);
    correlate(s, s->spectrum);
    for (size_t i = 0; i < n; i++)
        s->overlap[i] = s->pair[2 * i] / (float)n;
    memset(s->spectrum, 0, 2 * n * sizeof(float));
    load_baseline(s, s->spectrum, false);
    for (int first = 0; first < CANDIDATES; first += 2) {
        memset(s->pair, 0, 2 * n * sizeof(float));
        int parts = first + 1 < CANDIDATES ? 2 : 1;
        for (int part = 0; part < parts; part++)
            place(s, (first + part) / ZOOMS - TURNS, (first + part) % ZOOMS, part, false);
        correlate(s, s->spectrum);
        for (int part = 0; part < parts; part++)
            find_peak(s, (first + part) / ZOOMS - TURNS, (first + part) % ZOOMS, part);
    }
}

rubor_status rubor_align_search(rubor_search_hit hits[RUBOR_SEARCH_HITS], int *count,
                                const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline,
                                int level, rubor_error *error)
{
    search s = {.visit = &visit->level[level], .baseline = &baseline->level[level], .n = 16};
    s.visit_scale = rubor_unit_scale_of(visit, level);
    s.baseline_scale = rubor_unit_scale_of(baseline, level);
    int side = s.baseline->width > s.baseline->height ? s.baseline->width : s.baseline->height;
    while (s.n * 5 / 4 < side)
        s.n *= 2;
    s.width = s.baseline->width < s.n ? s.baseline->width : s.n;
    s.height = s.baseline->height < s.n ? s.baseline->height : s.n;
    s.left = (s.baseline->width - s.width) / 2;
    s.top = (s.baseline->height - s.height) / 2;
    size_t n = (size_t)s.n * (size_t)s.n;
    *count = 0;
    size_t smaller =
        s.visit->valid_count < s.baseline->valid_count ? s.visit->valid_count : s.baseline->valid_count;
    s.least_pixels = least_overlap * (double)smaller;
    if (s.least_pixels < 16)
        return RUBOR_OK;
    s.spectrum = calloc(5 * n, sizeof(float));
    if (!s.spectrum)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for searching the alignment");
    s.pair = s.spectrum + 2 * n;
    s.overlap = s.spectrum + 4 * n;
    search_all(&s);
    for (int i = 0; i < s.count; i++) {
        const peak *p = &s.peaks[i];
        double c = cosines[abs(p->turn)] * zooms[p->zoom], d = turn_sine(p->turn) * zooms[p->zoom];
        const double h[9] = {c, -d, p->dx * s.baseline_scale.scale, d, c, p->dy * s.baseline_scale.scale, 0,
                             0, 1};
        memcpy(hits[i].h, h, sizeof h);
        hits[i].score = p->score;
    }
    *count = s.count;
    free(s.spectrum);
    return RUBOR_OK;
}
