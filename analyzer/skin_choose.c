/* Which clusters of a calibrated photo are skin: the likeliest, and those that are like it. Its colors are
 * true, so that the prior alone tells skin from most other things. */
#include "analyzer/skin_cluster.h"

#include <math.h>

/* No skin where even the likeliest colors are less likely than this. */
static const float least_core_odds = -1.0f;
/* Nor where the network, which knows surroundings and shape as well, takes a rough core for skin with less
 * than this probability: grass, soil and wood have skin's colors. What joins the core needs less: parts of
 * skin may look strange. Smooth clusters (OD) are left to their true colors: a close-up of even skin looks
 * like a wall. */
static const double least_core_net = 0.20, least_net = 0.05, even = 0.01;
/* Colors this likely to be skin (log-odds), on no more than this part of the photo, need no network in a calibrated
 * photo: a limb on cloth or under a curl of hair may have surroundings that it was never shown. What fills the photo
 * may be a table. */
static const double sure_odds = 1.5, sure_share = 0.7;

static bool refused(const rubor_skin_cluster *one, double least)
{
    return one->texture > even && one->net < least;
}

/* Squared distance of two clusters in color. Darker skin of one person is also a little redder and yellower
 * in logs (light scattered within, and the contrast of cameras); highlights pale both together, so that the
 * tint counts more than its strength. */
static double unlike(const rubor_skin_cluster *a, const rubor_skin_cluster *b)
{
    static const double scale[3] = {0.16, 0.20, 0.40};
    double darker = (a->mean[2] - b->mean[2]) * rubor_skin_scale[2];
    double redder = (a->mean[0] - b->mean[0]) * rubor_skin_scale[0] - 0.20 * darker;
    double yellower = (a->mean[1] - b->mean[1]) * rubor_skin_scale[1] - 0.12 * darker;
    double tint = (0.8 * redder - 0.6 * yellower) / scale[0];
    double strength = (0.6 * redder + 0.8 * yellower) / scale[1];
    darker /= scale[2];
    return tint * tint + strength * strength + darker * darker;
}

/* Likewise when all that sets smooth skin apart from smooth skin may be blood: green and blue darken together
 * and red by a third of that, so that brightness must go with redness. Infinite where one is not smooth. */
static double unlike_but_for_blood(const rubor_skin_cluster *a, const rubor_skin_cluster *b)
{
    static const double smooth = 0.03;
    if (a->texture > smooth || b->texture > smooth)
        return INFINITY;
    double blood = (a->mean[0] - b->mean[0]) * rubor_skin_scale[0];
    double darker = (a->mean[2] - b->mean[2]) * rubor_skin_scale[2] - 0.83 * blood;
    double yellower = (a->mean[1] - b->mean[1]) * rubor_skin_scale[1] + 0.1 * blood;
    blood /= 0.20;
    darker /= 0.15;
    yellower /= 0.08;
    return blood * blood + yellower * yellower + darker * darker;
}

/* How likely a cluster, with those of like color, is skin before the others are asked: color most, then a
 * place away from the rim, smoothness, light and enough of it (a patch of a chart is not). */
static double standing(const rubor_skin_clustering *c, int which)
{
    double share = 0, border = 0, odds = 0, texture = 0, darkness = 0, net = 0;
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        if (one->count < 1 || unlike(one, &c->clusters[which]) > 1)
            continue;
        share += one->share;
        border += one->border;
        odds += one->share * one->odds;
        texture += one->share * one->texture;
        net += one->share * one->net;
        darkness += one->share * one->mean[2] * rubor_skin_scale[2];
    }
    odds /= share;
    odds = odds > 2.5 ? 1.75 : odds > 1 ? 0.5 + 0.5 * odds : odds;
    texture /= share;
    double rim = border / (share + 0.02);
    double rough = texture > 0.03 ? (texture - 0.03) * 15 : 0;
    double size = share < 0.04 ? share / 0.04 : 1;
    return odds - 0.8 * (rim > 2 ? 2 : rim) - rough + 4 * size - 0.35 * darkness / share + 3 * net / share;
}

static bool joins(const rubor_skin_clustering *c, const rubor_skin_cluster *one,
                  const rubor_skin_cluster *core)
{
    static const double near = 1.9;
    if (refused(one, least_net))
        return false;
    bool like_core = unlike(one, core) < 3.5 && one->texture < 2 * core->texture + 0.04;
    for (int m = 0; m < c->used; m++) {
        const rubor_skin_cluster *other = &c->clusters[m];
        if (other->skin > 0 &&
            ((like_core && unlike(one, other) < near) || unlike_but_for_blood(one, other) < near))
            return true;
    }
    return false;
}

void rubor_skin_choose(rubor_skin_clustering *c)
{
    int best = -1, core = -1;
    double best_standing = 0;
    for (int k = 0; k < c->used; k++) {
        if (c->clusters[k].share < 0.003)
            continue;
        double one = standing(c, k);
        if (best < 0 || one > best_standing) {
            best = k;
            best_standing = one;
        }
    }
    /* the largest of like color speaks for them */
    double share = 0;
    for (int k = 0; k < c->used && best >= 0; k++) {
        if (!(c->clusters[k].count > 0) || unlike(&c->clusters[k], &c->clusters[best]) > 1)
            continue;
        share += c->clusters[k].share;
        if (core < 0 || c->clusters[k].share > c->clusters[core].share)
            core = k;
    }
    if (core < 0 || c->clusters[core].odds < least_core_odds)
        return;
    bool sure = c->clusters[core].odds > sure_odds && share < sure_share;
    if (!sure && refused(&c->clusters[core], least_core_net))
        return;
    c->clusters[core].skin = 1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int k = 0; k < c->used; k++) {
            rubor_skin_cluster *one = &c->clusters[k];
            if (!(one->skin > 0) && one->count > 0 && joins(c, one, &c->clusters[core])) {
                one->skin = 1;
                changed = true;
            }
        }
    }
}
