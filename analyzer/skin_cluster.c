/* This photo's own colors. Pixels that the prior does not rule out fall into a few clusters of color and
 * place; each is judged, and what is not skin becomes the model of the background. */
#include "analyzer/skin_cluster.h"
#include "imaging/fixed_math.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 8, FEW_ROUNDS = 4, COLOR_ROUNDS = 3, SAMPLES = 6000 };
const float rubor_skin_scale[RUBOR_SKIN_FEATURES] = {0.05f, 0.07f, 0.20f, 0.30f, 0.30f};
/* Pixels less likely than this (natural log) are background whatever the rest of the photo says; colors that
 * are not calibrated get more of a chance. */
static const float candidate_odds[2] = {-3.0f, -1.2f};
static const double least_variance = 0.15; /* of a cluster, so that none is a point */
static const float least_net = -6, most_net = 4;
/* What a pixel's odds are made of: the prior, the network, the pixel's likelihood under this photo's skin
 * against the rest, something in favor, and from what roughness skin hardly reaches (0.035 OD) what each OD
 * beyond takes. Where colors are not calibrated the network tells more than the prior. */
typedef struct odds_weights {
    float prior, net, likelihood, favor, rough;
} odds_weights;
static const odds_weights weights[2] = {{0.4f, 1, 1.6f, 0.7f, 15}, {0.5f, 0, 1.5f, 0.4f, 30}};
static const float rough_skin = 0.035f;
/* Darker than the skin around by more than this (OD of green) is shade no more; what each OD beyond takes. */
static const float shade_od = 0.20f, dark_weight = 20;
static const double surroundings_px = 12;

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
    c->stride = stride;
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
            s->net = field->net.data[i];
            s->x = x;
            s->y = y;
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

/* Spread, likelihood, texture and place of each cluster. */
static void describe(rubor_skin_clustering *c, const rubor_skin_field *field)
{
    for (int i = 0; i < c->count; i++) {
        const rubor_skin_sample *s = &c->samples[i];
        rubor_skin_cluster *k = &c->clusters[s->cluster];
        k->odds += s->odds;
        k->texture += s->texture;
        k->net += 1 / (1 + rubor_exp(-(double)s->net));
        for (int m = 0; m < 3; m++)
            k->variance[m] += (s->f[m] - k->mean[m]) * (s->f[m] - k->mean[m]);
    }
    for (int i = 0; i < c->used; i++) {
        rubor_skin_cluster *k = &c->clusters[i];
        double n = k->count > 0 ? k->count : 1;
        k->odds /= n;
        k->texture /= n;
        k->net /= n;
        k->share = k->count * c->pixels_per_sample / c->all;
        for (int m = 0; m < 3; m++)
            k->variance[m] = k->variance[m] / n + least_variance;
    }
    double rim = 0;
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x += y == 0 || y == field->height - 1 ? 1 : field->width - 1) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[RUBOR_SKIN_FEATURES];
            rim++;
            if (field->odds.data[i] > c->least_odds && !field->outside.data[i]) {
                load_features(f, field, x, y);
                c->clusters[nearest_cluster(c, f)].border++;
            }
            if (field->width == 1)
                break;
        }
    for (int i = 0; i < c->used; i++)
        c->clusters[i].border /= rim;
}

/* Natural log of a positive number by its binary exponent: within 0.06, the same on every CPU. */
static double rough_log(double x)
{
    int exponent;
    double m = frexp(x, &exponent);
    return 0.693147180559945 * (exponent - 1 + (2 * m - 1) * (1.3466 - 0.3466 * (2 * m - 1)));
}

/* Log densities of the clusters, as skin and as other things. */
typedef struct color_model {
    float mean[RUBOR_SKIN_CLUSTERS][3], inverse[RUBOR_SKIN_CLUSTERS][3];
    float skin[RUBOR_SKIN_CLUSTERS],
        other[RUBOR_SKIN_CLUSTERS]; /* constants, probability included; mass counts */
    int used;
} color_model;

static void model_colors(color_model *m, const rubor_skin_clustering *c)
{
    m->used = c->used;
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        double constant = rough_log(one->share + 1e-6);
        for (int i = 0; i < 3; i++) {
            m->mean[k][i] = (float)one->mean[i];
            m->inverse[k][i] = (float)(-0.5 / one->variance[i]);
            constant -= 0.5 * rough_log(one->variance[i]);
        }
        m->skin[k] = one->skin > 0 ? (float)(constant + rubor_log(one->skin)) : -INFINITY;
        m->other[k] = one->skin < 1 ? (float)(constant + rubor_log(1 - one->skin)) : -INFINITY;
    }
}

/* Log-likelihood ratio of a color under this photo's skin against the rest of it. */
static float likelihood(const color_model *m, const float f[RUBOR_SKIN_FEATURES])
{
    float skin = -12, other = -9;
    for (int k = 0; k < m->used; k++) {
        float a = f[0] - m->mean[k][0], b = f[1] - m->mean[k][1], c = f[2] - m->mean[k][2];
        float d = a * a * m->inverse[k][0] + b * b * m->inverse[k][1] + c * c * m->inverse[k][2];
        skin = d + m->skin[k] > skin ? d + m->skin[k] : skin;
        other = d + m->other[k] > other ? d + m->other[k] : other;
    }
    float difference = skin - other;
    return difference > 4 ? 4 : difference < -6 ? -6 : difference;
}

static float weighed(const odds_weights *w, float prior, float net, float ratio)
{
    net = net > most_net ? most_net : net < least_net ? least_net : net;
    return w->prior * prior + w->net * net + w->likelihood * ratio + w->favor;
}

/* Green OD of the skin around each pixel, by what the network takes for skin; NaN where there is none near.
 */
static rubor_status measure_surroundings(rubor_plane *around, const rubor_skin_field *field,
                                         rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    rubor_status status = rubor_plane_init(around, field->width, field->height, error);
    for (size_t i = 0; i < n && !status; i++)
        around->data[i] = field->net.data[i] > 0 ? field->green_od.data[i] : NAN;
    return status ? status : rubor_plane_blur(around, surroundings_px, error);
}

/* Eyes, brows and nostrils lie within what the network takes for skin: they are dark there. */
static rubor_status leave_out_dark(rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    rubor_plane around = {0};
    rubor_status status = measure_surroundings(&around, field, error);
    for (size_t i = 0; i < n && !status; i++) {
        float darker = field->green_od.data[i] - around.data[i] - shade_od;
        if (darker > 0)
            field->odds.data[i] -= darker * dark_weight;
    }
    rubor_plane_finish(&around);
    return status;
}

static void add_likelihood(rubor_skin_field *field, const rubor_skin_clustering *c, const odds_weights *w)
{
    color_model model;
    model_colors(&model, c);
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x++) {
            size_t i = (size_t)y * (size_t)field->width + (size_t)x;
            float f[RUBOR_SKIN_FEATURES];
            if (!(field->odds.data[i] > 2 * c->least_odds))
                continue;
            load_features(f, field, x, y);
            float rough = field->texture.data[i] - rough_skin;
            field->odds.data[i] = weighed(w, field->odds.data[i], field->net.data[i], likelihood(&model, f)) -
                                  (rough > 0 ? rough * w->rough : 0);
        }
}

static rubor_status sort_colors(rubor_skin_clustering *c, const rubor_skin_field *field, bool calibrated,
                                rubor_error *error)
{
    memset(c, 0, sizeof *c);
    c->used = calibrated ? RUBOR_SKIN_PARTS : RUBOR_SKIN_CLUSTERS;
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

/* Uncalibrated photos: a cluster is as likely skin as its pixels are on average, by the network and the prior
 * first, then by what this photo's colors so found add. */
static void ask_network(rubor_skin_clustering *c, const odds_weights *w)
{
    color_model model;
    for (int round = 0; round < COLOR_ROUNDS; round++) {
        double sums[RUBOR_SKIN_CLUSTERS] = {0};
        for (int i = 0; i < c->count; i++) {
            const rubor_skin_sample *s = &c->samples[i];
            float odds = weighed(w, s->odds, s->net, round ? likelihood(&model, s->f) : 0);
            sums[s->cluster] += 1 / (1 + rubor_exp(-(double)odds));
        }
        for (int k = 0; k < c->used; k++)
            c->clusters[k].skin = c->clusters[k].count > 0 ? sums[k] / c->clusters[k].count : 0;
        model_colors(&model, c);
    }
}

/* Part of the photo that is skin; *odds: the mean of its colors' log-odds; *rim: part of the frame's rim that
 * it covers. */
static double share_of_skin(const rubor_skin_clustering *c, double *odds, double *rim)
{
    double share = 0;
    *odds = *rim = 0;
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        share += one->skin * one->share;
        *odds += one->skin * one->share * one->odds;
        *rim += one->skin * one->border;
    }
    *odds /= share > 0 ? share : 1;
    return share;
}

/* Uncalibrated photos in which next to nobody was found: a limb across the frame looks like nothing that the
 * network was shown. Then skin is chosen as in true colors, and *c becomes that choice when it surely has
 * skin's color, fills much of the photo, and less of its rim, as a table or a wall does not. */
static rubor_status choose_by_color(rubor_skin_clustering *c, bool *chosen, const rubor_skin_field *field,
                                    rubor_error *error)
{
    static const double nobody = 0.02, close_up = 0.15, sure_odds = 0.6, of_rim = 0.7;
    double odds, rim;
    if (share_of_skin(c, &odds, &rim) > nobody)
        return RUBOR_OK;
    rubor_skin_clustering *other = malloc(sizeof *other);
    if (!other)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    rubor_status status = sort_colors(other, field, true, error);
    if (!status && other->count > other->used)
        status = rubor_skin_choose(other, field, error);
    double share = share_of_skin(other, &odds, &rim);
    if (!status && share > close_up && odds > sure_odds && rim < of_rim * share) {
        rubor_skin_clustering network = *c;
        *c = *other;
        *other = network;
        *chosen = true;
    }
    free(other->samples);
    free(other);
    return status;
}

rubor_status rubor_skin_colors(rubor_skin_field *field, bool calibrated, rubor_error *error)
{
    rubor_skin_clustering *c = calloc(1, sizeof *c);
    if (!c)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the colors of the photo");
    bool by_color = false;
    rubor_status status = sort_colors(c, field, calibrated, error);
    if (!status && c->count > c->used) {
        if (calibrated) {
            status = rubor_skin_choose(c, field, error);
        } else {
            ask_network(c, &weights[calibrated]);
            status = choose_by_color(c, &by_color, field, error);
        }
        if (!status)
            add_likelihood(field, c, &weights[calibrated || by_color]);
        if (!status && !calibrated && !by_color)
            status = leave_out_dark(field, error);
    } else if (!status) { /* too little that could be skin to learn its colors from */
        size_t n = (size_t)field->width * (size_t)field->height;
        for (size_t i = 0; i < n; i++)
            field->odds.data[i] = -6;
    }
    free(c->samples);
    free(c);
    return status;
}
