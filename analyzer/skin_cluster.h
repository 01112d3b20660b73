/* Private to skin*.c: the colors of one photo, as clusters of color and place. */
#ifndef RUBOR_ANALYZER_SKIN_CLUSTER_H
#define RUBOR_ANALYZER_SKIN_CLUSTER_H

#include "analyzer/skin_internal.h"

#define RUBOR_SKIN_LEAST_VARIANCE 0.15 /* of a cluster, so that none is a point */
enum { RUBOR_SKIN_FEATURES = 5, RUBOR_SKIN_CLUSTERS = 32 };

typedef struct rubor_skin_sample {
    float f[RUBOR_SKIN_FEATURES], odds, texture;
    int cluster;
} rubor_skin_sample;

typedef struct rubor_skin_cluster {
    double mean[RUBOR_SKIN_FEATURES]; /* in units of rubor_skin_scale */
    double variance[3];
    double count, odds, texture;
    double border; /* part of the frame's rim that it covers */
    double upper;  /* likewise of the rim above the lowest quarter, where people do not enter the frame */
    double share;  /* of all pixels */
    double group;  /* share of the photo of all clusters of like color */
    double skin;   /* probability of skin */
} rubor_skin_cluster;

typedef struct rubor_skin_clustering {
    rubor_skin_sample *samples;
    int count, used; /* samples; clusters */
    rubor_skin_cluster clusters[RUBOR_SKIN_CLUSTERS];
    double pixels_per_sample, all;
    float least_odds;          /* of a sample */
    double brightest_od;       /* of the brightest twentieth of the photo */
    double one_way;            /* 0: texture runs all ways, 1: all of it runs one way */
    double center_x, center_y; /* of the frame, as mean[3], mean[4] */
} rubor_skin_clustering;

/* u, v, brightness (OD), x, y (parts of the long side): differences that count alike */
extern const float rubor_skin_scale[RUBOR_SKIN_FEATURES];

/* Squared distance of two clusters in color when all that sets smooth skin apart from smooth skin may be
 * blood: green and blue darken together and red by a third of that, so that brightness must go with redness.
 * Infinite where one is not smooth. */
double rubor_skin_unlike_but_for_blood(const rubor_skin_cluster *a, const rubor_skin_cluster *b);

/* Calibrated photos: one core of clusters, and what is like it, is skin (1), the rest is not (0). */
void rubor_skin_choose(rubor_skin_clustering *c);

/* Others: what speaks for and against each cluster is weighed, then what its likes are taken for. */
bool rubor_skin_weigh(rubor_skin_clustering *c); /* true: some are clearly skin */

#endif
