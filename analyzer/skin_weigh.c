/* Which clusters of an uncalibrated photo are skin. Colors alone do not tell there: walls, wood, cloth and
 * hair share them. So what speaks for and against each cluster is added up as log-odds, first by itself and
 * then, in a few rounds, with what clusters of like color are taken for (mean field). The weights are round
 * numbers set on labelled photographs that are not kept (docs/MEASUREMENT.md); none depends on how dark skin
 * is. */
#include "analyzer/skin_cluster.h"
#include "imaging/fixed_math.h"

#include <math.h>

enum { ROUNDS = 3 };

/* What one cluster says by itself; the unit of each in its comment. */
typedef struct evidence {
    double odds;   /* of its color by the prior, at most 1 */
    double surer;  /* what the prior has beyond 1 */
    double rough;  /* texture beyond 0.02 OD, in 0.05 OD */
    double dark;   /* OD beyond the brightest twentieth of the photo */
    double large;  /* natural log of its share of the photo, 0 at 0.7 % */
    double aside;  /* distance of its center from the middle of the frame, parts of the long side */
    double away;   /* likewise, up or down */
    double varied; /* deviation of log10(G/B) within: skin has shine and shade */
    double rim;    /* part of the upper rim that it lines, over its share */
    double
        grain; /* of what fills the photo, how far its texture runs one way as that of wood and cloth does */
    double bluish; /* what log10(G/B) falls short of 0.08 */
} evidence;

/* What is said of it by the others */
typedef struct relation {
    double tint, strength; /* difference from the mean of what is skin, along and across hue, 0.05 and 0.10 */
    double darker;         /* OD than that mean, in 0.3 OD */
    double alike;          /* mean probability of the clusters of like color */
    double standing;       /* probability over the highest of all */
} relation;

static double between(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double color(const rubor_skin_cluster *one, int which)
{
    return one->mean[which] * (double)rubor_skin_scale[which];
}

static evidence evidence_of(const rubor_skin_clustering *c, const rubor_skin_cluster *one)
{
    double yellow = color(one, 1), varied = one->variance[1] - RUBOR_SKIN_LEAST_VARIANCE;
    return (evidence){.odds = between(one->odds, -2, 1),
                      .surer = between(one->odds - 1, 0, 1.5),
                      .rough = between((one->texture - 0.02) / 0.05, 0, 2),
                      .dark = color(one, 2) - c->brightest_od,
                      .large = between(rubor_log(one->share + 1e-4) + 5, -2, 3),
                      .aside = fabs(one->mean[3] - c->center_x) * (double)rubor_skin_scale[3],
                      .away = fabs(one->mean[4] - c->center_y) * (double)rubor_skin_scale[4],
                      .varied = varied > 0 ? sqrt(varied) * (double)rubor_skin_scale[1] : 0,
                      .rim = between(one->upper / (one->share + 0.01), 0, 4),
                      .bluish = between(0.08 - yellow, 0, 0.5)};
}

static double probability(double log_odds)
{
    return 1 / (1 + rubor_exp(-between(log_odds, -30, 30)));
}

static double by_itself(const evidence *e)
{
    return 2.0 + 0.9 * e->odds + 0.6 * e->surer - 1.5 * e->rough - 1.75 * e->dark - 0.5 * e->large -
           4 * e->aside - 3 * e->away - 1.0 * e->rim - 16 * e->bluish - 4 * e->grain;
}

static double among_others(const evidence *e, const relation *r)
{
    return -0.9 + 0.4 * e->odds - 0.6 * e->rough + 0.6 * e->dark - 0.4 * e->large - 2 * e->aside -
           2 * e->away + 11 * e->varied - 0.35 * e->rim - 7 * e->bluish - 4 * e->grain - 0.1 * r->tint -
           0.25 * r->strength - 0.33 * r->darker - 0.3 * fabs(r->darker) + 3.6 * r->alike +
           0.85 * r->standing;
}

/* Differences of two colors in hue and in strength of color, freed of what shade does to the skin of one
 * person: a little redder and yellower in logs, by light scattered within and the contrast of cameras. */
static void compare(double *tint, double *strength, double darker, double redder, double yellower)
{
    redder -= 0.20 * darker;
    yellower -= 0.12 * darker;
    *tint = (0.8 * redder - 0.6 * yellower) / 0.05;
    *strength = (0.6 * redder + 0.8 * yellower) / 0.10;
}

static double likeness(const rubor_skin_cluster *a, const rubor_skin_cluster *b)
{
    double darker = color(a, 2) - color(b, 2), tint, strength;
    compare(&tint, &strength, darker, color(a, 0) - color(b, 0), color(a, 1) - color(b, 1));
    darker /= 0.35;
    double unlike = tint * tint + strength * strength + darker * darker;
    double blood = rubor_skin_unlike_but_for_blood(a, b);
    return rubor_exp(-0.5 * (blood < unlike ? blood : unlike));
}

/* Mean color of what is skin, the surer the more it counts. */
static void mean_skin(const rubor_skin_clustering *c, double mean[3], double *highest)
{
    double sums[3] = {0}, weights = 0;
    *highest = 0;
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        double weight = one->skin * one->skin * one->share + 1e-9;
        weights += weight;
        for (int m = 0; m < 3; m++)
            sums[m] += weight * color(one, m);
        *highest = one->skin > *highest ? one->skin : *highest;
    }
    for (int m = 0; m < 3; m++)
        mean[m] = sums[m] / weights;
}

/* What fills the photo cannot be judged by its place and size, but by its grain: that of skin runs all ways
 * (coherence up to 0.4 on labelled photographs), that of wood one way (0.9). */
static void set_aside_place(evidence *e, double group, double one_way)
{
    double filled = between(group * group, 0, 1), part = 1 - filled;
    e->grain = filled * between((one_way - 0.5) / 0.2, 0, 2);
    e->aside *= part;
    e->away *= part;
    e->rim *= part;
    e->large = e->large > 0 ? e->large * part : e->large;
}

static relation relation_of(const rubor_skin_clustering *c, int k, const double like[RUBOR_SKIN_CLUSTERS],
                            const double mean[3], double highest)
{
    const rubor_skin_cluster *one = &c->clusters[k];
    double darker = color(one, 2) - mean[2], tint, strength, alike = 0, weights = 0.05;
    compare(&tint, &strength, darker, color(one, 0) - mean[0], color(one, 1) - mean[1]);
    for (int m = 0; m < c->used; m++) {
        double weight = like[m] * sqrt(c->clusters[m].share);
        alike += weight * c->clusters[m].skin;
        weights += weight;
    }
    /* an erythema is not held against the skin around it */
    rubor_skin_cluster middle = {.texture = 0};
    for (int m = 0; m < 3; m++)
        middle.mean[m] = mean[m] / (double)rubor_skin_scale[m];
    double unexplained = 1 - rubor_exp(-0.5 * between(rubor_skin_unlike_but_for_blood(one, &middle), 0, 100));
    return (relation){.tint = between(unexplained * fabs(tint), 0, 3),
                      .strength = between(unexplained * fabs(strength), 0, 3),
                      .darker = between(unexplained * darker / 0.3, -3, 3),
                      .alike = alike / weights,
                      .standing = one->skin / (highest + 0.01)};
}

static bool some_clear(const rubor_skin_clustering *c)
{
    static const double enough = 0.03; /* of the photo: less must be the surer */
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        if (one->skin * (one->group < enough ? sqrt(one->group / enough) : 1) > 0.5)
            return true;
    }
    return false;
}

bool rubor_skin_weigh(rubor_skin_clustering *c)
{
    double like[RUBOR_SKIN_CLUSTERS][RUBOR_SKIN_CLUSTERS];
    evidence known[RUBOR_SKIN_CLUSTERS];
    for (int k = 0; k < c->used; k++) {
        for (int m = 0; m < k; m++)
            like[k][m] = like[m][k] = likeness(&c->clusters[k], &c->clusters[m]);
        like[k][k] = 0;
    }
    for (int k = 0; k < c->used; k++) {
        rubor_skin_cluster *one = &c->clusters[k];
        one->group = one->share;
        for (int m = 0; m < c->used; m++)
            one->group += like[k][m] * c->clusters[m].share;
        known[k] = evidence_of(c, one);
        set_aside_place(&known[k], one->group, c->one_way);
        one->skin = one->count > 0 ? probability(by_itself(&known[k])) : 0;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double mean[3], highest, next[RUBOR_SKIN_CLUSTERS];
        mean_skin(c, mean, &highest);
        for (int k = 0; k < c->used; k++) {
            relation r = relation_of(c, k, like[k], mean, highest);
            next[k] = c->clusters[k].count > 0 ? probability(among_others(&known[k], &r)) : 0;
        }
        for (int k = 0; k < c->used; k++)
            c->clusters[k].skin = next[k];
    }
    return some_clear(c);
}
