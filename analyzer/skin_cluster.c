/* This photo's own colors. Pixels that the prior does not rule out fall into a few clusters of color and
 * place; each is judged, and what is not skin becomes the model of the background. */
#include "analyzer/skin_cluster.h"
#include "imaging/fixed_math.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CALIBRATED_CLUSTERS = 14, ROUNDS = 8, FEW_ROUNDS = 4, SAMPLES = 6000 };
const float rubor_skin_scale[RUBOR_SKIN_FEATURES] = {0.05f, 0.07f, 0.20f, 0.30f, 0.30f};
/* Pixels less likely than this (natural log) are background whatever the rest of the photo says; colors that
 * are not calibrated get more of a chance. */
static const float candidate_odds[2] = {-1.5f, -1.2f};
/* What a pixel's odds are made of: the prior, its likelihood under this photo's skin against the rest,
 * something in favor (the probabilities of uncalibrated clusters stay below one), and from what roughness
 * skin hardly reaches (0.035 OD) what each OD beyond takes. Where colors are not calibrated the photo's own
 * tell more than the prior, and hard contrast makes skin rougher. */
typedef struct odds_weights {
    float prior, likelihood, favor, rough;
} odds_weights;
static const odds_weights weights[2] = {{0.5f, 1.5f, 0.4f, 30}, {0.5f, 0.8f, 0, 60}};
static const float rough_skin = 0.035f;

static void load_features(float f[RUBOR_SKIN_FEATURES], const rubor_skin_field *field, int x, int y)
{
    size_t i = (size_t)y * (size_t)field->width + (size_t)x;
    float side = (float)(field->width > field->height ? field->width : field->height);
    float r = field->red_od.data[i], g = field->green_od.data[i], b = field->blue_od.data[i];
    f[0] = (g - r) / rubor_skin_scale[0];
    f[1] = (b - g) / rubor_skin_scale[1];
    f[2] = 0.5f * (r + g) / rubor_skin_scale[2];
    f[3] = (float)x / side / rubor_skin_scale[3];
    f[4] = (float)y / side / rubor_skin_scale[4];
}

static float distance(const float f[RUBOR_SKIN_FEATURES], const double mean[RUBOR_SKIN_FEATURES])
{
    float sum = 0;
    for (int k = 0; k < RUBOR_SKIN_FEATURES; k++) {
        float d = f[k] - (float)mean[k];
        sum += d * d;
    }
    return sum;
}

static rubor_status gather(rubor_skin_clustering *c, const rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height, candidates = 0;
    for (size_t i = 0; i < n; i++)
        candidates += field->odds.data[i] > c->least_odds && !field->outside.data[i];
    int stride = 1;
    while (candidates / ((size_t)stride * (size_t)stride) > SAMPLES)
        stride++;
    size_t rows = (size_t)(field->height / stride + 1), columns = (size_t)(field->width / stride + 1);
    c->samples = malloc(rows * columns * sizeof *c->samples);
    if (!c->samples)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    c->pixels_per_sample = (double)stride * stride;
    c->all = (double)n;
    for (int y = 0; y < field->height; y += stride)
        for (int x = 0; x < field->width; x += stride) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            if (!(field->odds.data[i] > c->least_odds) || field->outside.data[i])
                continue;
            rubor_skin_sample *s = &c->samples[c->count++];
            load_features(s->f, field, x, y);
            s->odds = field->odds.data[i];
            s->texture = field->texture.data[i];
            s->cluster = 0;
        }
    return RUBOR_OK;
}

/* First centers: the mean, then always the sample farthest from all centers so far. */
static void seed(rubor_skin_clustering *c)
{
    for (int k = 0; k < RUBOR_SKIN_FEATURES; k++) {
        double sum = 0;
        for (int i = 0; i < c->count; i++)
            sum += c->samples[i].f[k];
        c->clusters[0].mean[k] = sum / c->count;
    }
    for (int k = 1; k < c->used; k++) {
        float farthest = -1;
        int at = 0;
        for (int i = 0; i < c->count; i += 3) {
            float nearest = INFINITY;
            for (int m = 0; m < k; m++) {
                float d = distance(c->samples[i].f, c->clusters[m].mean);
                nearest = d < nearest ? d : nearest;
            }
            if (nearest > farthest) {
                farthest = nearest;
                at = i;
            }
        }
        for (int m = 0; m < RUBOR_SKIN_FEATURES; m++)
            c->clusters[k].mean[m] = c->samples[at].f[m];
    }
}

/* First centers drawn by a fixed series of numbers, the likelier the farther from those before (k-means++,
 * Arthur and Vassilvitskii 2007): better than the farthest where there are many, and few rounds follow. */
static rubor_status seed_by_chance(rubor_skin_clustering *c, rubor_error *error)
{
    uint32_t state = 20261121;
    int at = c->count / 2;
    float *nearest = malloc((size_t)c->count * sizeof *nearest);
    if (!nearest)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    for (int i = 0; i < c->count; i++)
        nearest[i] = INFINITY;
    for (int k = 0; k < c->used; k++) {
        double total = 0, sum = 0;
        for (int m = 0; m < RUBOR_SKIN_FEATURES; m++)
            c->clusters[k].mean[m] = c->samples[at].f[m];
        for (int i = 0; i < c->count; i++) {
            float d = distance(c->samples[i].f, c->clusters[k].mean);
            nearest[i] = d < nearest[i] ? d : nearest[i];
            total += (double)nearest[i];
        }
        state = state * 1664525u + 1013904223u;
        double drawn = total * (state >> 8) / 16777216.0;
        for (at = 0; at < c->count - 1; at++) {
            sum += (double)nearest[at];
            if (sum >= drawn)
                break;
        }
    }
    free(nearest);
    return RUBOR_OK;
}

static int nearest_cluster(const rubor_skin_clustering *c, const float f[RUBOR_SKIN_FEATURES])
{
    float best = INFINITY;
    int which = 0;
    for (int k = 0; k < c->used; k++) {
        float d = distance(f, c->clusters[k].mean);
        if (d < best) {
            best = d;
            which = k;
        }
    }
    return which;
}

static void iterate(rubor_skin_clustering *c)
{
    for (int i = 0; i < c->count; i++)
        c->samples[i].cluster = nearest_cluster(c, c->samples[i].f);
    double sums[RUBOR_SKIN_CLUSTERS][RUBOR_SKIN_FEATURES] = {{0}};
    for (int k = 0; k < c->used; k++)
        c->clusters[k].count = 0;
    for (int i = 0; i < c->count; i++) {
        const rubor_skin_sample *s = &c->samples[i];
        c->clusters[s->cluster].count++;
        for (int m = 0; m < RUBOR_SKIN_FEATURES; m++)
            sums[s->cluster][m] += s->f[m];
    }
    for (int k = 0; k < c->used; k++)
        for (int m = 0; m < RUBOR_SKIN_FEATURES && c->clusters[k].count > 0; m++)
            c->clusters[k].mean[m] = sums[k][m] / c->clusters[k].count;
}

/* Coherence of the structure tensor of what may be skin; outlines are left out. */
static void measure_grain(rubor_skin_clustering *c, const rubor_skin_field *field)
{
    static const float outline = 0.1f, faint = 0.0004f; /* OD over two pixels, and its mean square */
    double xx = 0, xy = 0, yy = 0, n = 0;
    for (int y = 1; y < field->height - 1; y++)
        for (int x = 1; x < field->width - 1; x++) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x, w = (size_t)field->width;
            const float *g = field->green_od.data;
            float across = g[i + 1] - g[i - 1], down = g[i + w] - g[i - w];
            if (!(field->odds.data[i] > c->least_odds) || fabsf(across) > outline || fabsf(down) > outline)
                continue;
            xx += (double)(across * across);
            xy += (double)(across * down);
            yy += (double)(down * down);
            n++;
        }
    c->one_way = xx + yy > (double)faint * n ? sqrt((xx - yy) * (xx - yy) + 4 * xy * xy) / (xx + yy) : 0;
}

static void measure_light(rubor_skin_clustering *c, const rubor_skin_field *field)
{
    enum { BINS = 256 };
    size_t n = (size_t)field->width * (size_t)field->height, bins[BINS] = {0}, seen = 0;
    for (size_t i = 0; i < n; i++) {
        int bin = (int)(0.5f * (field->red_od.data[i] + field->green_od.data[i]) * 100);
        bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
    }
    int bin = 0;
    while (bin < BINS - 1 && (seen += bins[bin]) < n / 20)
        bin++;
    c->brightest_od = (bin + 0.5) / 100;
    double side = field->width > field->height ? field->width : field->height;
    c->center_x = 0.5 * field->width / side / rubor_skin_scale[3];
    c->center_y = 0.5 * field->height / side / rubor_skin_scale[4];
}

/* Spread, likelihood, texture and place of each cluster. */
static void describe(rubor_skin_clustering *c, const rubor_skin_field *field)
{
    for (int i = 0; i < c->count; i++) {
        const rubor_skin_sample *s = &c->samples[i];
        rubor_skin_cluster *k = &c->clusters[s->cluster];
        k->odds += s->odds;
        k->texture += s->texture;
        for (int m = 0; m < 3; m++)
            k->variance[m] += (s->f[m] - k->mean[m]) * (s->f[m] - k->mean[m]);
    }
    for (int i = 0; i < c->used; i++) {
        rubor_skin_cluster *k = &c->clusters[i];
        double n = k->count > 0 ? k->count : 1;
        k->odds /= n;
        k->texture /= n;
        k->share = k->count * c->pixels_per_sample / c->all;
        for (int m = 0; m < 3; m++)
            k->variance[m] = k->variance[m] / n + RUBOR_SKIN_LEAST_VARIANCE;
    }
    double rim = 0, upper_rim = 0;
    measure_light(c, field);
    measure_grain(c, field);
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x += y == 0 || y == field->height - 1 ? 1 : field->width - 1) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[RUBOR_SKIN_FEATURES];
            bool upper = y < field->height * 3 / 4;
            rim++;
            upper_rim += upper;
            if (field->odds.data[i] > c->least_odds && !field->outside.data[i]) {
                load_features(f, field, x, y);
                rubor_skin_cluster *one = &c->clusters[nearest_cluster(c, f)];
                one->border++;
                one->upper += upper;
            }
            if (field->width == 1)
                break;
        }
    for (int i = 0; i < c->used; i++) {
        c->clusters[i].border /= rim;
        c->clusters[i].upper /= upper_rim > 0 ? upper_rim : 1;
    }
}

/* Log density of a color under a cluster, without what all clusters share; mass counts. */
static float log_density(const rubor_skin_cluster *k, const float f[RUBOR_SKIN_FEATURES], double inverse[3],
                         double constant)
{
    double sum = constant;
    for (int m = 0; m < 3; m++) {
        double d = f[m] - k->mean[m];
        sum -= 0.5 * d * d * inverse[m];
    }
    return (float)sum;
}

/* Natural log of a positive number by its binary exponent: within 0.06, the same on every CPU. */
static double rough_log(double x)
{
    int exponent;
    double m = frexp(x, &exponent);
    return 0.693147180559945 * (exponent - 1 + (2 * m - 1) * (1.3466 - 0.3466 * (2 * m - 1)));
}

static void add_likelihood(rubor_skin_field *field, const rubor_skin_clustering *c, const odds_weights *w)
{
    double inverse[RUBOR_SKIN_CLUSTERS][3], constant[RUBOR_SKIN_CLUSTERS];
    float for_skin[RUBOR_SKIN_CLUSTERS], against[RUBOR_SKIN_CLUSTERS];
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        constant[k] = rough_log(one->share + 1e-6);
        for_skin[k] = one->skin > 0 ? (float)rubor_log(one->skin) : -INFINITY;
        against[k] = one->skin < 1 ? (float)rubor_log(1 - one->skin) : -INFINITY;
        for (int m = 0; m < 3; m++) {
            inverse[k][m] = 1 / one->variance[m];
            constant[k] -= 0.5 * rough_log(one->variance[m]);
        }
    }
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x++) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[RUBOR_SKIN_FEATURES], skin = -12, other = -9;
            if (!(field->odds.data[i] > 2 * candidate_odds[1]))
                continue;
            load_features(f, field, x, y);
            for (int k = 0; k < c->used; k++) {
                float d = log_density(&c->clusters[k], f, inverse[k], constant[k]);
                skin = d + for_skin[k] > skin ? d + for_skin[k] : skin;
                other = d + against[k] > other ? d + against[k] : other;
            }
            float difference = skin - other;
            difference = difference > 4 ? 4 : difference < -6 ? -6 : difference;
            float rough = field->texture.data[i] - rough_skin;
            field->odds.data[i] = w->prior * field->odds.data[i] + w->likelihood * difference + w->favor -
                                  (rough > 0 ? rough * w->rough : 0);
        }
}

static rubor_status sort_colors(rubor_skin_clustering *c, const rubor_skin_field *field, bool calibrated,
                                rubor_error *error)
{
    memset(c, 0, sizeof *c);
    c->used = calibrated ? CALIBRATED_CLUSTERS : RUBOR_SKIN_CLUSTERS;
    c->least_odds = candidate_odds[calibrated];
    rubor_status status = gather(c, field, error);
    if (status || c->count <= c->used)
        return status;
    if (calibrated)
        seed(c);
    else
        status = seed_by_chance(c, error);
    for (int round = 0; round < (calibrated ? ROUNDS : FEW_ROUNDS) && !status; round++)
        iterate(c);
    if (!status)
        describe(c, field);
    return status;
}

static void rule_out(rubor_skin_field *field)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    for (size_t i = 0; i < n; i++)
        field->odds.data[i] = -6;
}

rubor_status rubor_skin_colors(rubor_skin_field *field, bool calibrated, rubor_error *error)
{
    const int warmths = calibrated ? 0 : RUBOR_SKIN_WARMTHS;
    rubor_skin_clustering *c = calloc(1, sizeof *c);
    if (!c)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    rubor_status status = RUBOR_OK;
    bool clear = false;
    /* Pale skin under a cold cast reads as gray: without clear skin, the photo is looked at warmer and
     * warmer. */
    for (int k = 0; k <= warmths && !clear && !status; k++) {
        free(c->samples);
        if (k)
            rubor_skin_warm(field, RUBOR_SKIN_WARMTH);
        status = sort_colors(c, field, calibrated, error);
        if (status || c->count <= c->used)
            continue;
        if (calibrated)
            rubor_skin_choose(c);
        clear = calibrated || rubor_skin_weigh(c);
    }
    if (!status && clear)
        add_likelihood(field, c, &weights[calibrated]);
    else if (!status && !calibrated)
        rule_out(field);
    free(c->samples);
    free(c);
    return status;
}
