#include "samples/object.h"

#include <string.h>

const char *const rubor_object_names[RUBOR_OBJECT_COUNT + 1] = {"none",   "ring",    "earring", "necklace",
                                                                "tattoo", "plaster", NULL};

rubor_object rubor_object_by_name(const char *name)
{
    for (int k = 0; name && k < RUBOR_OBJECT_COUNT; k++)
        if (strcmp(name, rubor_object_names[k]) == 0)
            return (rubor_object)k;
    return RUBOR_OBJECT_NONE;
}

/* From a signed distance in pixels, positive inside. */
static float edge(float distance)
{
    float cover = 0.5f + distance;
    return cover < 0 ? 0 : cover > 1 ? 1 : cover;
}

/* A hoop that lies on the skin: round metal, bright where it faces the light. */
static float ring(float w, float dx, float dy, float *texture)
{
    float r = sqrtf(dx * dx + dy * dy), across = (r - 0.042f * w) / (0.006f * w);
    float round = 1 - across * across, turn = r > 0 ? (dx + 0.6f * dy) / r : 0;
    *texture = 0.35f + 0.8f * (round > 0 ? round : 0) * (0.6f - 0.5f * turn);
    return edge(0.006f * w - fabsf(r - 0.042f * w));
}

/* A stud with a drop under it. */
static float earring(float w, float dx, float dy, float *texture)
{
    float stud = sqrtf(dx * dx + dy * dy), u = dx / (0.016f * w), v = (dy - 0.045f * w) / (0.030f * w);
    float drop = sqrtf(u * u + v * v), gleam = (dx + 0.004f * w) * (dx + 0.004f * w) + dy * dy;
    *texture = 0.5f + 0.9f / (1 + gleam / (0.00003f * w * w)) + 0.3f * (1 - (drop < 1 ? drop : 1));
    float a = edge(0.012f * w - stud), b = edge((1 - drop) * 0.016f * w);
    return a > b ? a : b;
}

/* Links along a line that sags across the region. */
static float necklace(float w, float dx, float dy, float *texture)
{
    float sag = dy + 0.00035f * dx * dx * 1200 / w, at = dx / (0.016f * w), t = at - floorf(at);
    float waist = 4 * t * (1 - t);
    *texture = 0.45f + 0.8f * waist;
    return edge((0.003f + 0.0045f * waist) * w - fabsf(sag));
}

/* A five-leaved line drawing. */
static float tattoo(float w, float dx, float dy)
{
    float r = sqrtf(dx * dx + dy * dy), c = r > 0 ? dx / r : 0, c2 = c * c;
    float leaf = c * (c2 * (16 * c2 - 20) + 5); /* cos of five times the angle */
    float outer = fabsf(r - 0.055f * w * (1 + 0.28f * leaf)), inner = fabsf(r - 0.022f * w);
    return 0.9f * edge(0.005f * w - (outer < inner ? outer : inner));
}

static float plaster(float w, float dx, float dy)
{
    float u = fabsf(0.92f * dx + 0.39f * dy) - 0.075f * w, v = fabsf(0.92f * dy - 0.39f * dx) - 0.022f * w;
    return edge(-(u > v ? u : v));
}

float rubor_object_cover(const rubor_scene *scene, float sx, float sy, float *texture)
{
    const rubor_blob *region = &scene->region_blob;
    float w = (float)scene->width, side = scene->control_blob.x > region->x ? 1 : -1;
    float dx = sx - (float)(region->x + 0.85 * (double)side * region->radius_x);
    float dy = sy - (float)(region->y - 0.30 * region->radius_y);
    *texture = 1;
    switch (scene->object) {
    case RUBOR_OBJECT_RING:
        return ring(w, dx, dy, texture);
    case RUBOR_OBJECT_EARRING:
        return earring(w, dx, dy, texture);
    case RUBOR_OBJECT_NECKLACE:
        return necklace(w, sx - (float)region->x, dy + 0.5f * (float)region->radius_y, texture);
    case RUBOR_OBJECT_TATTOO:
        return tattoo(w, dx, dy);
    case RUBOR_OBJECT_PLASTER:
        return plaster(w, dx, dy);
    case RUBOR_OBJECT_NONE:
    case RUBOR_OBJECT_COUNT:
        break;
    }
    return 0;
}
