/* Maps as colored pictures for a screen: a fixed scale for each kind, the same for every photo and skin tone, so that
 * two pictures can be compared. clients/web/review.css holds the same colors for the legend. Reentrant. */
#ifndef RUBOR_WORKERS_MAP_PICTURES_H
#define RUBOR_WORKERS_MAP_PICTURES_H

#include "imaging/image.h"

typedef enum rubor_map_kind {
    RUBOR_MAP_EI,       /* 0 .. 60, dark blue over red to yellow */
    RUBOR_MAP_MI,       /* 0 .. 120, cream over brown to black */
    RUBOR_MAP_DELTA_EI, /* -10 .. 30, blue, white at 0, red */
    RUBOR_MAP_DELTA_MI  /* -10 .. 30, green, white at 0, brown */
} rubor_map_kind;

/* At most RUBOR_MAP_PICTURE_SIDE pixels a side, averaged in blocks. Where the map holds NaN the dimmed gray of frame
 * (the same size as map) shows. RUBOR_NO_MEMORY. */
enum { RUBOR_MAP_PICTURE_SIDE = 800 };
rubor_status rubor_map_picture(rubor_image_encoded *out, const rubor_plane *map, rubor_map_kind kind,
                               const rubor_image_encoded *frame, rubor_error *error);

/* The masks as one picture of the same size as the maps' pictures: red what is reddened, green what is pigmented, blue
 * findings (bleeding, crust, bruise, shine); 0 or full. A block counts when half of it does, of findings any pixel: spots
 * are small. Masks without data count as empty; at least one has data, all have the same size. RUBOR_NO_MEMORY. */
rubor_status rubor_mask_picture(rubor_image_encoded *out, const rubor_mask *erythema, const rubor_mask *pigment,
                                const rubor_mask *findings, rubor_error *error);

#endif
