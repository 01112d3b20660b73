/* Which clusters of a photo in true colors are skin. At first all are that may be by their color. Then, of
 * all ways to cut them in two, the one with the most evidence is taken as long as there is enough, and one
 * side dropped: wood, brick, leather, cloth and hair of skin's color. What is left is skin if it may be skin
 * at all. */
#include "analyzer/skin_cluster.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What speaks for dropping a part, each term about 0 to 1, and how much it counts. A cut is made above 1. */
static const double weight_tint = 0.3;   /* step of tint along the common border: things end, blood fades */
static const double weight_dark = 0.4;   /* step of brightness there */
static const double weight_rim = 0.5;    /* it lies along the frame's rim more than what is kept */
static const double weight_net = 0.5;    /* it looks less like skin to the network */
static const double weight_odds = 0.15;  /* its colors are less likely skin's (natural log) */
static const double weight_rough = 1.0;  /* it is rougher, as hair, cloth and wood are */
static const double weight_share = 0.4;  /* it is large: a part of the photo */
static const double weight_spread = 1.0; /* two colors explain the photo better than one */
/* against: it looks like skin to the network, whatever the rest does */
static const double weight_trusted = 1.0;
/* against, and hardly outweighed: one may be a mark within the other, and is as likely skin to the network */
static const double weight_mark = 2.0;
/* Steps of log10(R/G), log10(G/B) and brightness (OD) between neighbors that are an edge, beyond those of the
 * skin's own mottling; no edge counts for more than the last. */
static const double edge[3] = {0.05, 0.07, 0.1}, most_edge = 1.5;
/* Texture (OD) that counts as 1 for roughness, which counts no more than that. */
static const double rough_od = 0.05;
/* What is kept is at least this part of what had been chosen: less is a mark rather than the person. */
static const double least_kept = 0.15;
/* What covers no more of the frame's rim than this for its size may be a mark within the skin. */
static const double rim_of_mark = 0.3;
/* Half the width, in reduced pixels, of the window over which a sample's colors are taken for edges. */
enum { WINDOW_PX = 2 };

/* What a set of clusters adds up to. All but the last four are sums over its clusters, times share where a
 * mean is wanted; those are sums over its pairs of clusters. */
enum { SHARE, BORDER, ODDS, NET, TEXTURE, RED, YELLOW, DARK, UNLIKE, MET, TINT_EDGE, DARK_EDGE, SUMS };
typedef struct side {
    double sum[SUMS];
} side;

/* Clusters, those joined that are one thing. */
typedef struct parts {
    int used, of[RUBOR_SKIN_PARTS]; /* of: the part that a cluster belongs to */
    side one[RUBOR_SKIN_PARTS], pair[RUBOR_SKIN_PARTS][RUBOR_SKIN_PARTS];
} parts;

typedef struct meeting {
    double count, steps[3]; /* pairs of neighbors; sums of their absolute differences (OD) */
} meeting;

/* Squared distance of two clusters in color, at most 4. Darker skin of one person is also a little redder and
 * yellower in logs (light scattered within, and the contrast of cameras); highlights pale both together, so
 * that the tint counts more than its strength. */
static double unlike(const rubor_skin_cluster *a, const rubor_skin_cluster *b)
{
    static const double scale[3] = {0.16, 0.20, 0.40};
    double darker = (a->mean[2] - b->mean[2]) * rubor_skin_scale[2];
    double redder = (a->mean[0] - b->mean[0]) * rubor_skin_scale[0] - 0.20 * darker;
    double yellower = (a->mean[1] - b->mean[1]) * rubor_skin_scale[1] - 0.12 * darker;
    double tint = (0.8 * redder - 0.6 * yellower) / scale[0];
    double strength = (0.6 * redder + 0.8 * yellower) / scale[1];
    darker /= scale[2];
    return fmin(tint * tint + strength * strength + darker * darker, 4);
}

static void local_color(double color[3], const rubor_skin_field *field, int x, int y)
{
    double r = 0, g = 0, b = 0, count = 0;
    for (int v = y - WINDOW_PX; v <= y + WINDOW_PX; v++)
        for (int u = x - WINDOW_PX; u <= x + WINDOW_PX; u++) {
            if (v < 0 || u < 0 || v >= field->height || u >= field->width)
                continue;
            size_t i = (size_t)v * (size_t)field->width + (size_t)u;
            if (field->outside.data[i])
                continue;
            r += field->red_od.data[i];
            g += field->green_od.data[i];
            b += field->blue_od.data[i];
            count++;
        }
    count = count > 0 ? count : 1;
    color[0] = (g - r) / count;
    color[1] = (b - g) / count;
    color[2] = 0.5 * (r + g) / count;
}

static void add_meeting(meeting *meetings, const rubor_skin_clustering *c, const double (*colors)[3], int one,
                        int two)
{
    int i = c->samples[one].cluster, j = c->samples[two].cluster;
    for (int turn = 0; turn < 2; turn++) {
        meeting *m = &meetings[turn ? j * RUBOR_SKIN_PARTS + i : i * RUBOR_SKIN_PARTS + j];
        m->count++;
        for (int k = 0; k < 3; k++)
            m->steps[k] += fabs(colors[one][k] - colors[two][k]);
    }
}

/* Where samples of two clusters are neighbors, and how far apart their colors are there. */
static rubor_status find_meetings(meeting *meetings, const rubor_skin_clustering *c,
                                  const rubor_skin_field *field, rubor_error *error)
{
    double(*colors)[3] = malloc((size_t)c->count * sizeof *colors);
    int *above = malloc((size_t)field->width * sizeof *above);
    rubor_status status = RUBOR_OK;
    if (!colors || !above) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the edges of the photo");
        goto out;
    }
    for (int x = 0; x < field->width; x++)
        above[x] = -1;
    for (int i = 0; i < c->count; i++) {
        const rubor_skin_sample *s = &c->samples[i];
        local_color(colors[i], field, s->x, s->y);
        if (i > 0 && s[-1].y == s->y && s[-1].x == s->x - c->stride)
            add_meeting(meetings, c, colors, i - 1, i);
        if (above[s->x] >= 0 && c->samples[above[s->x]].y == s->y - c->stride)
            add_meeting(meetings, c, colors, above[s->x], i);
        above[s->x] = i;
    }
out:
    free(above);
    free(colors);
    return status;
}

static void measure_part(side *s, const rubor_skin_cluster *one)
{
    s->sum[SHARE] = one->share;
    s->sum[BORDER] = one->border;
    s->sum[ODDS] = one->share * fmax(fmin(one->odds, 2.5), -2);
    s->sum[NET] = one->share * one->net;
    s->sum[TEXTURE] = one->share * one->texture;
    for (int k = 0; k < 3; k++)
        s->sum[RED + k] = one->share * one->mean[k] * rubor_skin_scale[k];
}

/* What each cluster is and each pair of them adds: how unlike they are, and how sharp their border is beyond
 * the mean step within the clusters. */
static void measure_parts(parts *p, const rubor_skin_clustering *c, const meeting *meetings)
{
    meeting within = {0};
    p->used = c->used;
    for (int i = 0; i < p->used; i++) {
        const meeting *m = &meetings[i * (RUBOR_SKIN_PARTS + 1)];
        within.count += m->count;
        for (int k = 0; k < 3; k++)
            within.steps[k] += m->steps[k];
    }
    within.count = fmax(within.count, 1);
    for (int i = 0; i < p->used; i++) {
        const rubor_skin_cluster *one = &c->clusters[i];
        p->of[i] = i;
        measure_part(&p->one[i], one);
        for (int j = 0; j < p->used; j++) {
            const meeting *m = &meetings[i * RUBOR_SKIN_PARTS + j];
            double *sum = p->pair[i][j].sum, step[3];
            for (int k = 0; k < 3; k++)
                step[k] = fmax(m->steps[k] / fmax(m->count, 1) - within.steps[k] / within.count, 0) / edge[k];
            sum[UNLIKE] = 2 * one->share * c->clusters[j].share * unlike(one, &c->clusters[j]);
            sum[MET] = m->count;
            sum[TINT_EDGE] = m->count * fmin(sqrt(step[0] * step[0] + step[1] * step[1]), most_edge);
            sum[DARK_EDGE] = m->count * fmin(step[2], most_edge);
        }
    }
}

static void add_side(side *to, const side *other)
{
    for (int k = 0; k < SUMS; k++)
        to->sum[k] += other->sum[k];
}

/* Makes two parts, i < j, one; the last takes the number that becomes free. */
static void join(parts *p, int i, int j)
{
    int last = --p->used;
    add_side(&p->one[i], &p->one[j]);
    add_side(&p->one[i], &p->pair[i][j]);
    for (int k = 0; k <= last; k++)
        if (k != i && k != j) {
            add_side(&p->pair[i][k], &p->pair[j][k]);
            p->pair[k][i] = p->pair[i][k];
        }
    p->one[j] = p->one[last];
    for (int k = 0; k < last; k++)
        p->pair[j][k] = p->pair[k][j] = p->pair[last][k];
    for (int k = 0; k < RUBOR_SKIN_PARTS; k++)
        p->of[k] = p->of[k] == j ? i : p->of[k] == last ? j : p->of[k];
}

/* Joins parts that meet without an edge: even skin may be cut anywhere. */
static void join_parts(parts *p)
{
    static const double few_meetings = 10, no_edge = 0.1;
    for (int i = 0; i < p->used; i++)
        for (int j = i + 1; j < p->used; j++) {
            const double *sum = p->pair[i][j].sum;
            if (sum[MET] < few_meetings || sum[TINT_EDGE] > no_edge * sum[MET] ||
                sum[DARK_EDGE] > no_edge * sum[MET])
                continue;
            join(p, i, j);
            i = -1;
            break;
        }
}

/* sides[set]: the sums over a set of parts, bit i of set for part i. Each from smaller sets: without one,
 * without another, and what the two add as a pair. */
static void sum_sides(side *sides, const parts *p)
{
    memset(&sides[0], 0, sizeof sides[0]);
    for (int last = 0; last < p->used; last++)
        for (unsigned rest = 0; rest < 1u << last; rest++) {
            side *s = &sides[rest | 1u << last];
            *s = p->one[last];
            if (!rest)
                continue;
            int next = 0;
            while (!(rest >> next & 1))
                next++;
            unsigned others = rest & (rest - 1);
            for (int k = 0; k < SUMS; k++)
                s->sum[k] = sides[others | 1u << last].sum[k] + sides[rest].sum[k] - sides[others].sum[k] +
                            p->pair[last][next].sum[k];
        }
}

static double mean(const side *s, int which)
{
    return s->sum[which] / s->sum[SHARE];
}

/* Part of the frame's rim over part of the photo: 1 for what fills it evenly. */
static double rim_of(const side *s)
{
    return s->sum[BORDER] / (s->sum[SHARE] + 0.005);
}

static double roughness_of(const side *s)
{
    return fmin(mean(s, TEXTURE) / rough_od, 1);
}

static double part_of(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* 1 where mark lies within the frame and around is paler as skin around a mark is: not darker, and with less
 * of blood or melanin, which redden; blood lowers the second log ratio by at most three tenths of what it
 * adds to the first. */
static double like_a_mark(const side *mark, const side *around)
{
    double redder = mean(mark, RED) - mean(around, RED), darker = mean(mark, DARK) - mean(around, DARK);
    double bluer = mean(around, YELLOW) - mean(mark, YELLOW) - 0.3 * redder;
    return part_of(redder / 0.05) * part_of(1 + darker / 0.05) * part_of(1 - bluer / 0.05) *
           part_of(1 - rim_of(mark) / rim_of_mark);
}

/* For keeping one of the two sides of whole and dropping the other. Place and size count as far as there is
 * an edge. */
static double evidence(const side *whole, const side *kept, const side *dropped)
{
    static const double few_meetings = 3, unmet = 0.5; /* an edge that cannot be seen */
    static const double sharp = 1.5;                   /* of an edge all around */
    double met = whole->sum[MET] - kept->sum[MET] - dropped->sum[MET], tint = unmet, dark = unmet;
    if (met > few_meetings) {
        tint = (whole->sum[TINT_EDGE] - kept->sum[TINT_EDGE] - dropped->sum[TINT_EDGE]) / met;
        dark = (whole->sum[DARK_EDGE] - kept->sum[DARK_EDGE] - dropped->sum[DARK_EDGE]) / met;
    }
    double spread = mean(whole, UNLIKE) - mean(kept, UNLIKE) - mean(dropped, UNLIKE);
    double unlikelier = mean(kept, NET) - mean(dropped, NET);
    double place =
        weight_rim * (fmin(rim_of(dropped), 2) - fmin(rim_of(kept), 2)) + weight_share * dropped->sum[SHARE];
    return weight_tint * tint + weight_dark * dark + place * part_of((tint + dark) / sharp) +
           weight_rough * (roughness_of(dropped) - roughness_of(kept)) + weight_net * unlikelier +
           weight_odds * (mean(kept, ODDS) - mean(dropped, ODDS)) +
           weight_spread * spread / whole->sum[SHARE] - weight_trusted * mean(dropped, NET) -
           weight_mark * fmax(like_a_mark(kept, dropped), like_a_mark(dropped, kept)) *
               part_of(1 - 2 * unlikelier);
}

/* The set that is left of whole after the best cut; whole if there is none. */
static unsigned cut(const side *sides, unsigned whole)
{
    double most = 1;
    unsigned best = whole;
    for (unsigned kept = (whole - 1) & whole; kept; kept = (kept - 1) & whole) {
        if (!(sides[kept].sum[SHARE] > least_kept * sides[whole].sum[SHARE]))
            continue;
        double one = evidence(&sides[whole], &sides[kept], &sides[whole & ~kept]);
        if (one > most) {
            most = one;
            best = kept;
        }
    }
    return best;
}

/* Whether what was not cut off is skin at all. Grass, soil and wood have skin's colors: what is not even (OD)
 * needs the network, which knows surroundings and shape as well, or colors that are surely skin's, less what
 * it covers of the rim for its size and what its roughness takes, on no more than a part of the photo; what
 * fills it may be a table. A strip along the rim is a board rather, unless the network rather takes it for
 * skin. */
static bool may_be_skin(const side *s)
{
    static const double least_odds = -1, least_net = 0.2, even = 0.01, sure_odds = 0.6, rough_takes = 20,
                        sure_share = 0.7, strip = 2.5, even_chance = 0.5;
    double rough = fmax(mean(s, TEXTURE) - even, 0), net = mean(s, NET);
    if (mean(s, ODDS) < least_odds || (rim_of(s) > strip && net < even_chance))
        return false;
    double sure = mean(s, ODDS) - rim_of(s) - rough * rough_takes;
    return (sure > sure_odds && s->sum[SHARE] < sure_share) || !(rough > 0) || net > least_net;
}

rubor_status rubor_skin_choose(rubor_skin_clustering *c, const rubor_skin_field *field, rubor_error *error)
{
    parts *p = calloc(1, sizeof *p);
    side *sides = NULL;
    meeting *meetings = calloc((size_t)RUBOR_SKIN_PARTS * RUBOR_SKIN_PARTS, sizeof *meetings);
    rubor_status status = RUBOR_OK;
    assert(c->used <= RUBOR_SKIN_PARTS);
    if (p && meetings)
        status = find_meetings(meetings, c, field, error);
    if (status)
        goto out;
    if (p && meetings) {
        measure_parts(p, c, meetings);
        join_parts(p);
        sides = malloc(sizeof *sides << p->used);
    }
    if (!sides) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the parts of the photo");
        goto out;
    }
    sum_sides(sides, p);
    unsigned skin = (1u << p->used) - 1, before;
    do {
        before = skin;
        skin = cut(sides, before);
    } while (skin != before);
    for (int k = 0; k < c->used && may_be_skin(&sides[skin]); k++)
        c->clusters[k].skin = skin >> p->of[k] & 1;
out:
    free(meetings);
    free(sides);
    free(p);
    return status;
}
