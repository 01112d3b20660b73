/* This photo's own colors. Pixels that the prior does not rule out fall into a few clusters of color and
 * place; the likeliest is taken for skin, others join it when they are like it, and what does not join
 * becomes the model of the background. */
#include "analyzer/skin_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLUSTERS = 14, ROUNDS = 8, SAMPLES = 6000, FEATURES = 5 };
/* u, v, brightness (OD), x, y (parts of the long side): differences that count alike */
static const float feature_scale[FEATURES] = {0.05f, 0.07f, 0.20f, 0.30f, 0.30f};
/* Pixels less likely than this (natural log) are background whatever the rest of the photo says. */
static const float candidate_odds = -1.2f;
/* No skin where even the likeliest colors are less likely than this. */
static const float least_core_odds = -1.0f;
/* Roughness (OD) that skin hardly reaches, and what each OD beyond takes from the odds. */
static const float rough_skin = 0.035f, rough_weight = 60;

typedef struct sample {
    float f[FEATURES], odds, texture;
    int cluster;
} sample;

typedef struct cluster {
    double mean[FEATURES], variance[3];
    double count, odds, texture;
    double border; /* part of the frame's rim that it covers */
    double share;  /* of all pixels */
    bool skin;
} cluster;

typedef struct clustering {
    sample *samples;
    int count, rim_total;
    cluster clusters[CLUSTERS];
    double pixels_per_sample, all;
} clustering;

static void load_features(float f[FEATURES], const rubor_skin_field *field, int x, int y)
{
    size_t i = (size_t)y * (size_t)field->width + (size_t)x;
    float side = (float)(field->width > field->height ? field->width : field->height);
    float r = field->red_od.data[i], g = field->green_od.data[i], b = field->blue_od.data[i];
    f[0] = (g - r) / feature_scale[0];
    f[1] = (b - g) / feature_scale[1];
    f[2] = 0.5f * (r + g) / feature_scale[2];
    f[3] = (float)x / side / feature_scale[3];
    f[4] = (float)y / side / feature_scale[4];
}

static float distance(const float f[FEATURES], const double mean[FEATURES])
{
    float sum = 0;
    for (int k = 0; k < FEATURES; k++) {
        float d = f[k] - (float)mean[k];
        sum += d * d;
    }
    return sum;
}

static rubor_status gather(clustering *c, const rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height, candidates = 0;
    for (size_t i = 0; i < n; i++)
        candidates += field->odds.data[i] > candidate_odds && !field->outside.data[i];
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
            if (!(field->odds.data[i] > candidate_odds) || field->outside.data[i])
                continue;
            sample *s = &c->samples[c->count++];
            load_features(s->f, field, x, y);
            s->odds = field->odds.data[i];
            s->texture = field->texture.data[i];
            s->cluster = 0;
        }
    return RUBOR_OK;
}

/* First centers: the mean, then always the sample farthest from all centers so far. */
static void seed(clustering *c)
{
    for (int k = 0; k < FEATURES; k++) {
        double sum = 0;
        for (int i = 0; i < c->count; i++)
            sum += c->samples[i].f[k];
        c->clusters[0].mean[k] = sum / c->count;
    }
    for (int k = 1; k < CLUSTERS; k++) {
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
        for (int m = 0; m < FEATURES; m++)
            c->clusters[k].mean[m] = c->samples[at].f[m];
    }
}

static int nearest_cluster(const clustering *c, const float f[FEATURES])
{
    float best = INFINITY;
    int which = 0;
    for (int k = 0; k < CLUSTERS; k++) {
        float d = distance(f, c->clusters[k].mean);
        if (d < best) {
            best = d;
            which = k;
        }
    }
    return which;
}

static void iterate(clustering *c)
{
    for (int i = 0; i < c->count; i++)
        c->samples[i].cluster = nearest_cluster(c, c->samples[i].f);
    double sums[CLUSTERS][FEATURES] = {{0}};
    for (int k = 0; k < CLUSTERS; k++)
        c->clusters[k].count = 0;
    for (int i = 0; i < c->count; i++) {
        const sample *s = &c->samples[i];
        c->clusters[s->cluster].count++;
        for (int m = 0; m < FEATURES; m++)
            sums[s->cluster][m] += s->f[m];
    }
    for (int k = 0; k < CLUSTERS; k++)
        for (int m = 0; m < FEATURES && c->clusters[k].count > 0; m++)
            c->clusters[k].mean[m] = sums[k][m] / c->clusters[k].count;
}

/* Spread, likelihood, texture and place of each cluster. */
static void describe(clustering *c, const rubor_skin_field *field)
{
    for (int i = 0; i < c->count; i++) {
        const sample *s = &c->samples[i];
        cluster *k = &c->clusters[s->cluster];
        k->odds += s->odds;
        k->texture += s->texture;
        for (int m = 0; m < 3; m++)
            k->variance[m] += (s->f[m] - k->mean[m]) * (s->f[m] - k->mean[m]);
    }
    for (int i = 0; i < CLUSTERS; i++) {
        cluster *k = &c->clusters[i];
        double n = k->count > 0 ? k->count : 1;
        k->odds /= n;
        k->texture /= n;
        k->share = k->count * c->pixels_per_sample / c->all;
        for (int m = 0; m < 3; m++)
            k->variance[m] = k->variance[m] / n + 0.15;
    }
    double rim = 0;
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x += y == 0 || y == field->height - 1 ? 1 : field->width - 1) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[FEATURES];
            rim++;
            if (field->odds.data[i] > candidate_odds && !field->outside.data[i]) {
                load_features(f, field, x, y);
                c->clusters[nearest_cluster(c, f)].border++;
            }
            if (field->width == 1)
                break;
        }
    for (int i = 0; i < CLUSTERS; i++)
        c->clusters[i].border /= rim;
}

/* Squared distance of two clusters in color. Darker skin of one person is also a little redder and yellower
 * in logs (light scattered within, and the contrast of cameras); highlights pale both together, so that the
 * tint counts more than its strength. A calibrated photo lets redness and shading differ more, for there the
 * prior alone tells skin from wood. */
static double unlike(const cluster *a, const cluster *b, bool calibrated)
{
    static const double scales[2][3] = {{0.07, 0.15, 0.45}, {0.16, 0.20, 0.40}};
    const double *scale = scales[calibrated];
    double darker = (a->mean[2] - b->mean[2]) * feature_scale[2];
    double redder = (a->mean[0] - b->mean[0]) * feature_scale[0] - 0.20 * darker;
    double yellower = (a->mean[1] - b->mean[1]) * feature_scale[1] - 0.12 * darker;
    double tint = (0.8 * redder - 0.6 * yellower) / scale[0];
    double strength = (0.6 * redder + 0.8 * yellower) / scale[1];
    darker /= scale[2];
    return tint * tint + strength * strength + darker * darker;
}

/* Likewise when all that sets smooth skin apart from smooth skin may be blood: green and blue darken together
 * and red by a third of that, so that brightness must go with redness. */
static double unlike_but_for_blood(const cluster *a, const cluster *b)
{
    static const double smooth = 0.03;
    if (a->texture > smooth || b->texture > smooth)
        return INFINITY;
    double blood = (a->mean[0] - b->mean[0]) * feature_scale[0];
    double darker = (a->mean[2] - b->mean[2]) * feature_scale[2] - 0.83 * blood;
    double yellower = (a->mean[1] - b->mean[1]) * feature_scale[1] + 0.1 * blood;
    blood /= 0.20;
    darker /= 0.15;
    yellower /= 0.08;
    return blood * blood + yellower * yellower + darker * darker;
}

/* How likely a cluster, with those of like color, is skin before the others are asked: color most, then a
 * place away from the rim, smoothness, light and enough of it (a patch of a chart is not). */
static double standing(const clustering *c, int which, bool calibrated)
{
    double share = 0, border = 0, odds = 0, texture = 0, darkness = 0;
    for (int k = 0; k < CLUSTERS; k++) {
        const cluster *one = &c->clusters[k];
        if (one->count < 1 || unlike(one, &c->clusters[which], calibrated) > 1)
            continue;
        share += one->share;
        border += one->border;
        odds += one->share * one->odds;
        texture += one->share * one->texture;
        darkness += one->share * one->mean[2] * feature_scale[2];
    }
    odds /= share;
    odds = odds > 2.5 ? 1.75 : odds > 1 ? 0.5 + 0.5 * odds : odds;
    texture /= share;
    double rim = border / (share + 0.02);
    double rough = texture > 0.03 ? (texture - 0.03) * 15 : 0;
    double size = share < 0.04 ? share / 0.04 : 1;
    return odds - 0.8 * (rim > 2 ? 2 : rim) - rough + 4 * size - 0.35 * darkness / share;
}

static bool joins(const clustering *c, const cluster *one, const cluster *core, bool calibrated)
{
    /* What lines the rim without being like the core itself is rather the background. */
    double rim = one->border / (one->share + 0.03), near = rim > 1.5 && !calibrated ? 0.9 : 1.9;
    bool like_core = unlike(one, core, calibrated) < 3.5 && one->texture < 2 * core->texture + 0.04;
    for (int m = 0; m < CLUSTERS; m++) {
        const cluster *other = &c->clusters[m];
        if (other->skin &&
            ((like_core && unlike(one, other, calibrated) < near) || unlike_but_for_blood(one, other) < near))
            return true;
    }
    return false;
}

static void choose(clustering *c, bool calibrated)
{
    int best = -1, core = -1;
    double best_standing = 0;
    for (int k = 0; k < CLUSTERS; k++) {
        if (c->clusters[k].share < 0.003)
            continue;
        double one = standing(c, k, calibrated);
        if (best < 0 || one > best_standing) {
            best = k;
            best_standing = one;
        }
    }
    /* the largest of like color speaks for them */
    for (int k = 0; k < CLUSTERS && best >= 0; k++)
        if (c->clusters[k].count > 0 && unlike(&c->clusters[k], &c->clusters[best], calibrated) <= 1 &&
            (core < 0 || c->clusters[k].share > c->clusters[core].share))
            core = k;
    if (core < 0 || c->clusters[core].odds < least_core_odds)
        return;
    c->clusters[core].skin = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (int k = 0; k < CLUSTERS; k++) {
            cluster *one = &c->clusters[k];
            if (!one->skin && one->count > 0 && joins(c, one, &c->clusters[core], calibrated))
                one->skin = changed = true;
        }
    }
}

/* Log density of a color under a cluster, without what all clusters share; mass counts. */
static float log_density(const cluster *k, const float f[FEATURES], double inverse[3], double constant)
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

static void add_likelihood(rubor_skin_field *field, const clustering *c)
{
    double inverse[CLUSTERS][3], constant[CLUSTERS];
    for (int k = 0; k < CLUSTERS; k++) {
        const cluster *one = &c->clusters[k];
        constant[k] = rough_log(one->share + 1e-6);
        for (int m = 0; m < 3; m++) {
            inverse[k][m] = 1 / one->variance[m];
            constant[k] -= 0.5 * rough_log(one->variance[m]);
        }
    }
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x++) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[FEATURES], skin = -12, other = -9;
            if (!(field->odds.data[i] > 2 * candidate_odds))
                continue;
            load_features(f, field, x, y);
            for (int k = 0; k < CLUSTERS; k++) {
                float d = log_density(&c->clusters[k], f, inverse[k], constant[k]);
                float *best = c->clusters[k].skin ? &skin : &other;
                *best = d > *best ? d : *best;
            }
            float difference = skin - other;
            difference = difference > 4 ? 4 : difference < -6 ? -6 : difference;
            float rough = field->texture.data[i] - rough_skin;
            field->odds.data[i] =
                0.5f * field->odds.data[i] + 0.8f * difference - (rough > 0 ? rough * rough_weight : 0);
        }
}

rubor_status rubor_skin_cluster(rubor_skin_field *field, bool calibrated, rubor_error *error)
{
    clustering *c = calloc(1, sizeof *c);
    if (!c)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    rubor_status status = gather(c, field, error);
    if (!status && c->count > CLUSTERS) {
        seed(c);
        for (int round = 0; round < ROUNDS; round++)
            iterate(c);
        describe(c, field);
        choose(c, calibrated);
        add_likelihood(field, c);
    }
    free(c->samples);
    free(c);
    return status;
}
