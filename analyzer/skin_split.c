/* What was chosen as skin in a calibrated photo may hold a second thing of skin's color: wood, brick,
 * leather, a shirt. Of all ways to cut the chosen clusters in two the one with the most evidence is taken, if
 * there is enough. */
#include "analyzer/skin_cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What speaks for cutting a part off, each term about 0 to 1, and how much it counts. A cut is made above 1.
 */
static const double weight_tint =
    0.2; /* step of tint along the common border: things end, blood and tan fade */
static const double weight_dark = 0.3;   /* step of brightness there */
static const double weight_rim = 0.3;    /* it lies along the frame's rim more than what is kept */
static const double weight_net = 0.35;   /* it looks less like skin to the network */
static const double weight_odds = 0.15;  /* its colors are less likely skin's (natural log) */
static const double weight_share = 0.35; /* it is large: a part of the photo */
static const double weight_spread = 1.0; /* two colors explain the photo better than one */
static const double weight_trusted =
    0.6; /* against: it looks like skin to the network, whatever the rest does */
/* against, and hardly outweighed: what is kept may be a mark on it, as it is paler and as likely skin to the
 * network */
static const double weight_mark = 2;
/* Steps of log10(R/G), log10(G/B) and brightness (OD) between neighbors that are an edge, beyond those of the
 * skin's own mottling; no edge counts for more than the last. */
static const double edge_u = 0.05, edge_v = 0.07, edge_dark = 0.1, most_edge = 1.5;
/* What is kept is at least this part of what had been chosen: less is a mark rather than the person. */
static const double least_kept = 0.1;
/* Half the width, in reduced pixels, of the window over which a sample's colors are taken for edges. */
enum { WINDOW_PX = 2, EDGES = 2 };

typedef struct meeting {
    double count, steps[3]; /* pairs of neighbors; sums of their absolute differences (OD) */
} meeting;

/* The chosen clusters, numbered anew. */
typedef struct parts {
    int used, which[RUBOR_SKIN_CLUSTERS]; /* of the clustering */
    double meet[RUBOR_SKIN_CLUSTERS][RUBOR_SKIN_CLUSTERS];
    double edge[EDGES][RUBOR_SKIN_CLUSTERS][RUBOR_SKIN_CLUSTERS]; /* of tint and of brightness, times meet */
    double unlike[RUBOR_SKIN_CLUSTERS][RUBOR_SKIN_CLUSTERS];      /* times both shares */
} parts;

/* Sums over one side of a cut. */
typedef struct side {
    double share, border, odds, net, color[3], unlike;
} side;

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
        meeting *m = &meetings[turn ? j * RUBOR_SKIN_CLUSTERS + i : i * RUBOR_SKIN_CLUSTERS + j];
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

static double capped_edge(double edge)
{
    return edge > most_edge ? most_edge : edge;
}

/* How sharp each border is, beyond the mean step within the clusters. */
static void measure_parts(parts *p, const rubor_skin_clustering *c, const meeting *meetings)
{
    meeting within = {0};
    for (int i = 0; i < p->used; i++) {
        const meeting *m = &meetings[p->which[i] * (RUBOR_SKIN_CLUSTERS + 1)];
        within.count += m->count;
        for (int k = 0; k < 3; k++)
            within.steps[k] += m->steps[k];
    }
    for (int i = 0; i < p->used; i++)
        for (int j = 0; j < p->used; j++) {
            const rubor_skin_cluster *one = &c->clusters[p->which[i]], *two = &c->clusters[p->which[j]];
            double far = rubor_skin_unlike(one, two), step[3];
            p->unlike[i][j] = one->share * two->share * (far > 4 ? 4 : far);
            const meeting *m = &meetings[p->which[i] * RUBOR_SKIN_CLUSTERS + p->which[j]];
            if (i == j || !(m->count > 0))
                continue;
            for (int k = 0; k < 3; k++) {
                double over =
                    m->steps[k] / m->count - (within.count > 0 ? within.steps[k] / within.count : 0);
                step[k] = over > 0 ? over : 0;
            }
            p->meet[i][j] = m->count;
            p->edge[0][i][j] = m->count * capped_edge(
                sqrt(step[0] / edge_u * (step[0] / edge_u) + step[1] / edge_v * (step[1] / edge_v)));
            p->edge[1][i][j] = m->count * capped_edge(step[2] / edge_dark);
        }
}

static void add_to_side(side *s, const rubor_skin_cluster *one)
{
    s->share += one->share;
    s->border += one->border;
    s->odds += one->share * (one->odds > 2.5 ? 2.5 : one->odds < -2 ? -2 : one->odds);
    s->net += one->share * one->net;
    for (int k = 0; k < 3; k++)
        s->color[k] += one->share * one->mean[k] * rubor_skin_scale[k];
}

static double rim_of_side(const side *s)
{
    double rim = s->border / (s->share + 0.005);
    return rim > 2 ? 2 : rim;
}

/* 1 where dropped is about as likely skin to the network as kept, and paler as skin is around a mark: no more
 * of blood or melanin, which redden, and blood lowers the second log ratio by at most three tenths of what it
 * adds to the first. */
static double like_around_a_mark(const side *kept, const side *dropped)
{
    double more[3];
    for (int k = 0; k < 3; k++)
        more[k] = kept->color[k] / kept->share - dropped->color[k] / dropped->share;
    double paler = (more[0] < more[2] ? more[0] : more[2]) / 0.05, bluer = (-more[1] - 0.3 * more[0]) / 0.05;
    paler = paler < 0 ? 0 : paler > 1 ? 1 : paler;
    bluer = bluer < 0 ? 0 : bluer > 1 ? 1 : bluer;
    double unlikelier = kept->net / kept->share - dropped->net / dropped->share;
    return paler * (1 - bluer) * (unlikelier > 0.5 ? 0 : unlikelier > 0 ? 1 - 2 * unlikelier : 1);
}

/* cut: bit i set where part i is kept. */
static double evidence(const parts *p, const rubor_skin_clustering *c, unsigned cut)
{
    enum { FEW_MEETINGS = 3 };
    static const double unmet = 0.5; /* an edge that cannot be seen */
    side sides[2];
    memset(sides, 0, sizeof sides);
    double met = 0, edges[EDGES] = {0}, all = 0;
    for (int i = 0; i < p->used; i++) {
        unsigned kept = cut >> i & 1;
        add_to_side(&sides[kept], &c->clusters[p->which[i]]);
        for (int j = 0; j < p->used; j++) {
            all += p->unlike[i][j];
            if ((cut >> j & 1) == kept) {
                sides[kept].unlike += p->unlike[i][j];
            } else if (kept) {
                met += p->meet[i][j];
                for (int k = 0; k < EDGES; k++)
                    edges[k] += p->edge[k][i][j];
            }
        }
    }
    const side *drop = &sides[0], *keep = &sides[1];
    double whole = drop->share + keep->share;
    if (!(drop->share > 0.0001) || !(keep->share > least_kept * whole))
        return -INFINITY;
    double spread = all / whole - drop->unlike / drop->share - keep->unlike / keep->share;
    double unseen = met > FEW_MEETINGS ? 0 : unmet;
    met = met > FEW_MEETINGS ? met : INFINITY;
    return weight_tint * (edges[0] / met + unseen) + weight_dark * (edges[1] / met + unseen) +
           weight_rim * (rim_of_side(drop) - rim_of_side(keep)) +
           weight_net * (keep->net / keep->share - drop->net / drop->share) +
           weight_odds * (keep->odds / keep->share - drop->odds / drop->share) + weight_share * drop->share +
           weight_spread * spread / whole - weight_trusted * drop->net / drop->share -
           weight_mark * like_around_a_mark(keep, drop);
}

rubor_status rubor_skin_split(rubor_skin_clustering *c, const rubor_skin_field *field, rubor_error *error)
{
    parts p = {0};
    for (int k = 0; k < c->used; k++)
        if (c->clusters[k].skin > 0 && c->clusters[k].count > 0)
            p.which[p.used++] = k;
    if (p.used < 2)
        return RUBOR_OK;
    meeting *meetings = calloc((size_t)RUBOR_SKIN_CLUSTERS * RUBOR_SKIN_CLUSTERS, sizeof *meetings);
    if (!meetings)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the edges of the photo");
    rubor_status status = find_meetings(meetings, c, field, error);
    if (status)
        goto out;
    measure_parts(&p, c, meetings);
    double most = 1;
    unsigned best = 0, cuts = 1u << p.used;
    for (unsigned cut = 1; cut + 1 < cuts; cut++) {
        double one = evidence(&p, c, cut);
        if (one > most) {
            most = one;
            best = cut;
        }
    }
    for (int i = 0; i < p.used && best; i++)
        if (!(best >> i & 1))
            c->clusters[p.which[i]].skin = 0;
out:
    free(meetings);
    return status;
}
