/* Where the treated region, the control skin, the borders and the findings lie. */
#ifndef RUBOR_SAMPLES_LAYOUT_H
#define RUBOR_SAMPLES_LAYOUT_H

#include "samples/scene.h"

/* Region, control and spots; border kinds. */
void rubor_layout_draw(rubor_scene *scene);
/* Fills the coarse maps (allocated). */
void rubor_layout_coarse(rubor_scene *scene);

extern const char *const rubor_border_names[RUBOR_BORDER_COUNT + 1];

#endif
