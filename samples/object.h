/* Things worn on or in the skin: they lie over the border of the treated region, on every photo. */
#ifndef RUBOR_SAMPLES_OBJECT_H
#define RUBOR_SAMPLES_OBJECT_H

#include "samples/scene.h"

/* In the order of rubor_object; NULL-terminated. */
extern const char *const rubor_object_names[RUBOR_OBJECT_COUNT + 1];

rubor_object rubor_object_by_name(const char *name); /* none for NULL or an unknown name */

/* Share of the point that the object covers, 0..1, and the object's brightness there. Scene coordinates. */
float rubor_object_cover(const rubor_scene *scene, float sx, float sy, float *texture);

#endif
