/* Private to skin*.c: the colors of one photo, as clusters of color and place. */
#ifndef RUBOR_ANALYZER_SKIN_CLUSTER_H
#define RUBOR_ANALYZER_SKIN_CLUSTER_H

#include "analyzer/skin_internal.h"

enum {
    RUBOR_SKIN_FEATURES = 5,
    RUBOR_SKIN_CLUSTERS = 32,
    RUBOR_SKIN_PARTS = 14 /* clusters of a photo in true colors: all their subsets are weighed */
};

typedef struct rubor_skin_sample {
    float f[RUBOR_SKIN_FEATURES], odds, texture, net;
    int x, y, cluster;
} rubor_skin_sample;

typedef struct rubor_skin_cluster {
    double mean[RUBOR_SKIN_FEATURES]; /* in units of rubor_skin_scale */
    double variance[3];
    double count, odds, texture;
    double border; /* part of the frame's rim that it covers */
    double net;    /* mean probability of skin by the network */
    double share;  /* of all pixels */
    double skin;   /* probability of skin */
} rubor_skin_cluster;

typedef struct rubor_skin_clustering {
    rubor_skin_sample *samples;
    int count, used; /* samples, row by row; clusters */
    int stride;      /* reduced pixels between samples */
    rubor_skin_cluster clusters[RUBOR_SKIN_CLUSTERS];
    double pixels_per_sample, all;
    float least_odds; /* of a sample */
} rubor_skin_clustering;

/* u, v, brightness (OD), x, y (parts of the long side): differences that count alike */
extern const float rubor_skin_scale[RUBOR_SKIN_FEATURES];

/* True colors, at most RUBOR_SKIN_PARTS clusters: each becomes skin (1) or not (0). */
rubor_status rubor_skin_choose(rubor_skin_clustering *c, const rubor_skin_field *field, rubor_error *error);

#endif
