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
/* A core needs no network where its colors' log-odds, less what it covers of the frame's rim for its size and
 * 0.2 for each 0.01 OD of texture beyond even, are over this, on no more than this part of the photo: a limb
 * on cloth or a very red face may look like nothing that the network was shown, and true colors, a place
 * within the frame and smoothness say skin. What fills the photo may be a table. */
static const double sure_odds = 0.6, rough_takes = 20, sure_share = 0.7;
/* What covers this much more of the rim than of the photo is a strip along it: a board more often than skin,
 * unless the network rather takes it for skin. */
static const double strip = 2.5, even_chance = 0.5;

static bool refused(const rubor_skin_cluster *one, double least)
{
    return one->texture > even && one->net < least;
}

/* Clusters that differ less in color (squared distance) are one thing, whatever else tells them apart; those
 * that differ less than the second may be one for choosing the core. */
static const double same_thing = 0.25, same_core = 0.3;

/* Squared distance of two clusters in color. Darker skin of one person is also a little redder and yellower
 * in logs (light scattered within, and the contrast of cameras); highlights pale both together, so that the
 * tint counts more than its strength. */
double rubor_skin_unlike(const rubor_skin_cluster *a, const rubor_skin_cluster *b)
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
        if (one->count < 1 || rubor_skin_unlike(one, &c->clusters[which]) > same_core)
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
    double size = share < 0.1 ? share / 0.1 : 1;
    return odds - 1.5 * (rim > 2 ? 2 : rim) - rough + 4 * size - 0.35 * darkness / share + 3 * net / share;
}

/* What a part of the photo covers, and what the network thinks of it. */
typedef struct part {
    double share, border, net, odds, texture; /* net, odds and texture: times share */
} part;

static void add_to_part(part *all, const rubor_skin_cluster *one)
{
    all->share += one->share;
    all->border += one->border;
    all->net += one->share * one->net;
    all->odds += one->share * one->odds;
    all->texture += one->share * one->texture;
}

/* Part of the frame's rim over part of the photo: 1 for what fills it evenly. */
static double rim_of(const part *all)
{
    return all->border / (all->share + 0.005);
}

/* Skin around a mark is lighter than the mark, no rougher, and has no more of blood or melanin, so that its
 * log ratios are not above the mark's (blood lowers the second by up to three tenths of what it adds to the
 * first). */
static bool paler(const rubor_skin_cluster *one, const rubor_skin_cluster *core)
{
    static const double doubt = 0.02, as_smooth = 1.1;
    double redder = (one->mean[0] - core->mean[0]) * rubor_skin_scale[0];
    double yellower = (one->mean[1] - core->mean[1]) * rubor_skin_scale[1];
    return one->texture < as_smooth * core->texture && one->mean[2] < core->mean[2] && redder < doubt &&
           yellower < doubt - 0.3 * redder;
}

/* What has another color than the skin so far and lies along the frame's rim more, or looks less like skin to
 * the network, is behind the skin or worn: wood, brown hair and cloth have colors of skin. Marks of the skin
 * lie within it. Against the skin so far, as the network doubts a close-up as a whole. */
static bool foreign(const rubor_skin_clustering *c, const rubor_skin_cluster *one,
                    const rubor_skin_cluster *core)
{
    static const double most = 0.8;
    part it = {0}, skin = {0};
    if (paler(one, core))
        return false;
    for (int k = 0; k < c->used; k++) {
        const rubor_skin_cluster *other = &c->clusters[k];
        if (other->count < 1)
            continue;
        bool same = rubor_skin_unlike(other, one) < same_thing;
        if (same && other->skin > 0)
            return false;
        if (same)
            add_to_part(&it, other);
        if (other->skin > 0 || rubor_skin_unlike(other, core) < same_thing)
            add_to_part(&skin, other);
    }
    double outer = rim_of(&it) - rim_of(&skin), unlikelier = skin.net / skin.share - it.net / it.share;
    return (outer > 0 ? outer : 0) + (unlikelier > 0 ? unlikelier : 0) > most;
}

static bool joins(const rubor_skin_clustering *c, const rubor_skin_cluster *one,
                  const rubor_skin_cluster *core)
{
    static const double near = 1.9;
    if (refused(one, least_net) || foreign(c, one, core))
        return false;
    double far = paler(one, core) ? 7 : 3.5; /* a core that is a mark may be much darker than its skin */
    bool like_core = rubor_skin_unlike(one, core) < far && one->texture < 2 * core->texture + 0.04;
    for (int m = 0; m < c->used; m++) {
        const rubor_skin_cluster *other = &c->clusters[m];
        if (other->skin > 0 &&
            ((like_core && rubor_skin_unlike(one, other) < near) || unlike_but_for_blood(one, other) < near))
            return true;
    }
    return false;
}

/* Whether a core, with those of like color, is skin at all. */
static bool may_be_skin(const rubor_skin_cluster *core, const part *likes)
{
    double rough = likes->texture / likes->share - even, rim = rim_of(likes);
    if (core->odds < least_core_odds || (rim > strip && core->net < even_chance))
        return false;
    double sure = likes->odds / likes->share - rim - (rough > 0 ? rough * rough_takes : 0);
    return (sure > sure_odds && likes->share < sure_share) || !refused(core, least_core_net);
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
    part likes = {0};
    for (int k = 0; k < c->used && best >= 0; k++) {
        const rubor_skin_cluster *one = &c->clusters[k];
        if (!(one->count > 0) || rubor_skin_unlike(one, &c->clusters[best]) > same_core)
            continue;
        add_to_part(&likes, one);
        if (core < 0 || one->share > c->clusters[core].share)
            core = k;
    }
    if (core < 0 || !may_be_skin(&c->clusters[core], &likes))
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
