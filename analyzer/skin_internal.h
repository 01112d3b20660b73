/* Private to skin*.c: the reduced image on which skin is told from other things. */
#ifndef RUBOR_ANALYZER_SKIN_INTERNAL_H
#define RUBOR_ANALYZER_SKIN_INTERNAL_H

#include "analyzer/skin.h"

enum { RUBOR_SKIN_SIDE_PX = 400 }; /* long side of the reduced image */

/* All planes have the reduced size. Logs are to base 10 of linear light plus the prior's floor. */
typedef struct rubor_skin_field {
    int width, height, step; /* step: working pixels a reduced pixel is wide */
    rubor_plane linear[3];   /* the image, reduced */
    rubor_plane red_od, green_od, blue_od;
    rubor_plane texture; /* local deviation of the green OD, OD */
    rubor_plane odds;    /* log-odds of skin, natural log */
    rubor_plane net;     /* likewise by the network (skin_net.h) */
    rubor_mask outside;  /* 255: cannot be skin whatever its color (chart, clipped to black) */
    rubor_mask skin;
} rubor_skin_field;

rubor_status rubor_skin_field_init(rubor_skin_field *field, const rubor_image_calibrated *image,
                                   rubor_error *error);
void rubor_skin_field_finish(rubor_skin_field *field);

/* Marks the chart with its frame in outside. width, height: of the working image. */
void rubor_skin_cut_chart(rubor_skin_field *field, const rubor_calibration *calibration, int width,
                          int height, int full_width, int full_height);

/* Fills odds by the trained prior, in the light of an uncalibrated photo's lamp, and texture. Reads net. */
rubor_status rubor_skin_color(rubor_skin_field *field, bool calibrated, rubor_error *error);

/* Moves odds toward this photo's own colors of skin and of the rest. */
rubor_status rubor_skin_colors(rubor_skin_field *field, bool calibrated, rubor_error *error);

/* From odds to skin: smoothing, pieces, holes. */
rubor_status rubor_skin_shape(rubor_skin_field *field, rubor_error *error);

/* The mask at working size, with borders, hairs, shine and deep shadow looked at pixel by pixel. */
rubor_status rubor_skin_refine(rubor_skin *out, const rubor_skin_field *field,
                               const rubor_image_calibrated *image, bool calibrated, rubor_error *error);

#endif
