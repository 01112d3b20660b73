/* Erythema and pigment masks over the change grid. Internal; reentrant.
 * Ownership: rubor_masks_find allocates, rubor_masks_finish frees (NULL and zeroed allowed). */
#ifndef RUBOR_ANALYZER_MASKS_H
#define RUBOR_ANALYZER_MASKS_H

#include "analyzer/change.h"

/* A cell belongs to a mask when its smoothed change is at least this, the same on every skin tone. */
#define RUBOR_ERYTHEMA_THRESHOLD 3.0 /* delta_ei */
#define RUBOR_PIGMENT_THRESHOLD 3.0  /* delta_mi */

typedef struct rubor_masks {
    rubor_plane smooth_ei, smooth_mi; /* the change maps, smoothed; NaN where not measured */
    rubor_mask erythema, pigment;     /* cells */
} rubor_masks;

/* zero_sd: standard uncertainty of no change in delta_ei and delta_mi. Without control skin, what most of the
 * region shares is taken off the maps up to its 95 % interval: it is not sure to be a change. */
rubor_status rubor_masks_find(rubor_masks *out, const rubor_change *change, const rubor_mask *findings,
                              const double zero_sd[2], rubor_error *error);
void rubor_masks_finish(rubor_masks *masks);

#endif
