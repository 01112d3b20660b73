/* One person's skin as the seed draws it: where what lies, and maps fixed to the skin. The camera comes
 * later.
 *
 * Scene coordinates are pixels of an unmoved photo. Maps reach `margin` pixels beyond it on every side, so
 * that a moved photo still sees skin. A scene is immutable once made and may be read by several threads. */
#ifndef RUBOR_SAMPLES_SCENE_H
#define RUBOR_SAMPLES_SCENE_H

#include "samples/course.h"
#include "samples/optics.h"
#include "samples/sample.h"

#include <math.h>

/* Maps at full resolution, interleaved. */
enum { RUBOR_FINE_RELIEF, RUBOR_FINE_M, RUBOR_FINE_H, RUBOR_FINE_HAIR, RUBOR_FINE_COUNT };
/* Smooth maps, one node every RUBOR_COARSE_STEP pixels, interleaved. Edges are signed distances in pixels,
 * positive inside the material. */
enum {
    RUBOR_COARSE_TREAT, /* 1 on average over the region; 0 on untreated skin */
    RUBOR_COARSE_TREAT_M,
    RUBOR_COARSE_SHADE,
    RUBOR_COARSE_EDGE0,
    RUBOR_COARSE_EDGE1,
    RUBOR_COARSE_BRUISE,
    RUBOR_COARSE_MAKEUP,
    RUBOR_COARSE_STUBBLE,
    RUBOR_COARSE_COUNT
};
enum { RUBOR_COARSE_STEP = 4, RUBOR_SPOTS_MAX = 160 };

typedef enum rubor_border {
    RUBOR_BORDER_NONE,
    RUBOR_BORDER_BACKGROUND,
    RUBOR_BORDER_HAIR,
    RUBOR_BORDER_CLOTHING,
    RUBOR_BORDER_LIPS,
    RUBOR_BORDER_BEARD,
    RUBOR_BORDER_JEWELRY,
    RUBOR_BORDER_BROW,
    RUBOR_BORDER_NOSTRILS,
    RUBOR_BORDER_SHADOW, /* cast over the skin: too dark to measure */
    RUBOR_BORDER_COUNT
} rubor_border;

typedef enum rubor_object {
    RUBOR_OBJECT_NONE,
    RUBOR_OBJECT_RING,
    RUBOR_OBJECT_EARRING,
    RUBOR_OBJECT_NECKLACE,
    RUBOR_OBJECT_TATTOO,
    RUBOR_OBJECT_PLASTER,
    RUBOR_OBJECT_COUNT
} rubor_object;

typedef struct rubor_spot {
    float x, y, radius; /* scene pixels */
    float strength;     /* 0..1 */
    uint32_t shape;     /* seed of its outline */
} rubor_spot;

typedef struct rubor_blob { /* a closed curve r(angle) = radius (1 + sum of harmonics) about a center */
    double x, y, radius_x, radius_y;
    double cosine[3], sine[3]; /* harmonics 2, 3, 4 */
} rubor_blob;

typedef struct rubor_scene {
    rubor_sample_options options; /* strings point to static names */
    const rubor_tone *tone;
    const rubor_course *course;
    const rubor_camera_sensitivity *camera;
    struct rubor_lamps {
        const rubor_spectrum *main, *second; /* second: NULL for one lamp */
    } lamps[2];                              /* before, days 0 and later */
    rubor_course_amounts amounts;
    rubor_skin_optics skin;
    rubor_material_choice material;

    int width, height, margin;
    int fine_width, fine_height;
    float *fine; /* [fine_height][fine_width][RUBOR_FINE_COUNT] */
    int coarse_width, coarse_height;
    float *coarse;
    rubor_border border[2];
    rubor_object object;

    rubor_blob region_blob, control_blob;
    rubor_polygon region, control;
    rubor_spot pinpoints[RUBOR_SPOTS_MAX], crusts[RUBOR_SPOTS_MAX];
    int pinpoint_count, crust_count;
    bool flip_x, flip_y;
} rubor_scene;

rubor_status rubor_scene_make(rubor_scene *out, const rubor_sample_options *options, rubor_error *error);
void rubor_scene_finish(rubor_scene *scene);

/* Bicubic (fine) and bilinear (coarse) samples at scene coordinates; clamped at the maps' edges. */
void rubor_scene_fine(float out[RUBOR_FINE_COUNT], const rubor_scene *scene, float x, float y);
void rubor_scene_coarse(float out[RUBOR_COARSE_COUNT], const rubor_scene *scene, float x, float y);

/* Lamps of a day; -1: before. */
static inline const struct rubor_lamps *rubor_scene_lamps(const rubor_scene *scene, int day)
{
    return &scene->lamps[day >= 0];
}

/* render.c: what a series shows. */
const rubor_scene *rubor_sample_series_scene(const rubor_sample_series *series);

/* texture.c: fills the fine maps. */
rubor_status rubor_scene_texture(rubor_scene *scene, rubor_error *error);

#endif
