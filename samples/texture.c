/* Maps fixed to the skin at full resolution: furrows and pores (relief, all channels alike, so that a visit
 * can be aligned in the red channel too), mottled melanin with freckles and moles, mottled blood with
 * vessels, fine hair. */
#include "samples/scene.h"

#include <stdlib.h>

enum { STREAM_TEXTURE = 5 };

typedef struct texture {
    uint64_t seed;
    float scale;  /* pixels of a furrow cell */
    float relief; /* standard depth of the relief */
    float *cell;  /* jittered centers of the furrow cells: x, y, pore */
    int cells_x, cells_y, first_x, first_y;
} texture;

static float *fine_at(const rubor_scene *scene, int x, int y)
{
    return scene->fine + ((size_t)y * (size_t)scene->fine_width + (size_t)x) * RUBOR_FINE_COUNT;
}

static rubor_status make_cells(texture *t, const rubor_scene *scene, rubor_error *error)
{
    t->first_x = t->first_y = (int)floorf((float)-scene->margin / t->scale) - 1;
    t->cells_x = (int)((float)scene->fine_width / t->scale) + 5;
    t->cells_y = (int)((float)scene->fine_height / t->scale) + 5;
    size_t count = (size_t)t->cells_x * (size_t)t->cells_y;
    t->cell = malloc(count * 3 * sizeof(float));
    if (!t->cell)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the skin's texture");
    for (int j = 0; j < t->cells_y; j++)
        for (int i = 0; i < t->cells_x;
             i++) { /* a cell's content depends on where it lies on the skin alone */
            uint64_t place = ((uint64_t)(uint32_t)(i + t->first_x) << 32) | (uint32_t)(j + t->first_y);
            rubor_random random = rubor_random_stream(t->seed, place);
            float *cell = t->cell + 3 * ((size_t)j * (size_t)t->cells_x + (size_t)i);
            cell[0] = (float)rubor_random_uniform(&random, 0.1, 0.9);
            cell[1] = (float)rubor_random_uniform(&random, 0.1, 0.9);
            double pore = rubor_random_uniform(&random, 0, 1);
            cell[2] = (float)(pore < 0.35 ? 0.5 + pore : 0);
        }
    return RUBOR_OK;
}

/* Plates between furrows: difference of the distances to the two nearest cell centers; a dark pore at some
 * centers. */
static float furrows(const texture *t, float x, float y)
{
    float u = x / t->scale, v = y / t->scale, whole_u = floorf(u), whole_v = floorf(v);
    float part_u = u - whole_u, part_v = v - whole_v;
    int ix = (int)whole_u - t->first_x, iy = (int)whole_v - t->first_y;
    float first = 9, second = 9, pore = 0;
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++) {
            const float *cell = t->cell + 3 * ((size_t)(iy + j) * (size_t)t->cells_x + (size_t)(ix + i));
            float dx = part_u - (float)i - cell[0], dy = part_v - (float)j - cell[1];
            float d = dx * dx + dy * dy;
            if (d < first) {
                second = first;
                first = d;
                pore = cell[2];
            } else if (d < second) {
                second = d;
            }
        }
    first = sqrtf(first);
    float plate = sqrtf(second) - first; /* 0 in a furrow, about 0.5 on a plate */
    float value = plate > 0.5f ? 0.5f : plate;
    float dark = 1 - first * 3.5f;
    return value * 2 - 0.8f - (dark > 0 ? 3.0f * pore * dark : 0);
}

static void fill_row(rubor_scene *scene, const texture *t, int y)
{
    float w = (float)scene->width, fy = (float)(y - scene->margin);
    for (int x = 0; x < scene->fine_width; x++) {
        float fx = (float)(x - scene->margin), *fine = fine_at(scene, x, y);
        float grain = rubor_noise2(t->seed + 1, fx * 0.43f, fy * 0.43f);
        /* turned against each other, so that the lattices of the noise do not show */
        float rx = 0.82f * fx + 0.57f * fy, ry = 0.82f * fy - 0.57f * fx;
        float qx = 0.94f * fx - 0.34f * fy, qy = 0.94f * fy + 0.34f * fx;
        float blotch = 0.7f * (rubor_noise2(t->seed + 2, rx / (0.011f * w), ry / (0.011f * w)) +
                               rubor_noise2(t->seed + 5, qx / (0.015f * w), qy / (0.015f * w)));
        float broad = rubor_noise2(t->seed + 3, rx / (0.06f * w), ry / (0.06f * w));
        float flush = 0.7f * (rubor_noise2(t->seed + 4, qx / (0.019f * w), qy / (0.019f * w)) +
                              rubor_noise2(t->seed + 6, rx / (0.16f * w), ry / (0.16f * w)));
        fine[RUBOR_FINE_RELIEF] = t->relief * (furrows(t, fx, fy) + 0.35f * grain + 0.4f * blotch);
        fine[RUBOR_FINE_M] = 0.010f * blotch + 0.012f * broad + 0.006f * grain;
        fine[RUBOR_FINE_H] = 0.014f * flush - 0.010f * broad + 0.004f * grain;
        fine[RUBOR_FINE_HAIR] = 0;
    }
}

/* A point of a patch of skin that is larger than any map, so that what is drawn does not depend on the
 * margin. */
static rubor_point anywhere(const rubor_scene *scene, rubor_random *random)
{
    rubor_point at;
    at.x = rubor_random_uniform(random, -0.5, 1.5) * scene->width;
    at.y = rubor_random_uniform(random, -0.5, 0.5) * scene->width +
           rubor_random_uniform(random, 0, 1) * scene->height;
    return at;
}

/* Adds strength * (1 - (r / radius)^2)^2 to one channel. */
static void splat(rubor_scene *scene, int channel, float cx, float cy, float radius, float strength)
{
    int margin = scene->margin, right = scene->fine_width - 1, bottom = scene->fine_height - 1;
    int x0 = (int)floorf(cx - radius) + margin, x1 = (int)ceilf(cx + radius) + margin;
    int y0 = (int)floorf(cy - radius) + margin, y1 = (int)ceilf(cy + radius) + margin;
    for (int y = y0 < 0 ? 0 : y0; y <= y1 && y <= bottom; y++)
        for (int x = x0 < 0 ? 0 : x0; x <= x1 && x <= right; x++) {
            float dx = ((float)(x - margin) - cx) / radius, dy = ((float)(y - margin) - cy) / radius;
            float d = 1 - dx * dx - dy * dy;
            if (d > 0)
                fine_at(scene, x, y)[channel] += strength * d * d;
        }
}

static void freckles(rubor_scene *scene, rubor_random *random)
{
    double w = scene->width, ita = scene->skin.ita;
    bool freckled = ita > 28 && rubor_random_uniform(random, 0, 1) < 0.6;
    int count = freckled ? 120 + rubor_random_below(random, 800) : rubor_random_below(random, 75);
    for (int i = 0; i < count; i++) {
        double radius = w * rubor_random_uniform(random, 0.0018, 0.0050);
        rubor_point at = anywhere(scene, random);
        splat(scene, RUBOR_FINE_M, (float)at.x, (float)at.y, (float)(radius < 1.5 ? 1.5 : radius),
              (float)rubor_random_uniform(random, 0.03, 0.16));
    }
    int moles = 5 + rubor_random_below(random, 22);
    for (int i = 0; i < moles; i++) {
        double radius = w * rubor_random_uniform(random, 0.004, 0.009);
        rubor_point at = anywhere(scene, random);
        splat(scene, RUBOR_FINE_M, (float)at.x, (float)at.y, (float)(radius < 2 ? 2 : radius),
              (float)rubor_random_uniform(random, 0.2, 0.5));
    }
}

/* A winding line of splats: vessels (channel H) and fine hairs. */
static void strand(rubor_scene *scene, rubor_random *random, int channel, double length, double bend,
                   float radius, float strength)
{
    rubor_point at = anywhere(scene, random);
    double x = at.x, y = at.y, turn = rubor_random_uniform(random, 0, 1);
    double step = (double)radius * 0.5, curve = bend * rubor_random_normal(random);
    for (double s = 0; s < length; s += step) {
        splat(scene, channel, (float)x, (float)y, radius, strength);
        turn += curve * step / length + 0.1 * bend * rubor_random_normal(random) * step / length;
        x += step * rubor_numeric_cos_turns(turn);
        y += step * rubor_numeric_sin_turns(turn);
    }
}

static void lines(rubor_scene *scene, rubor_random *random)
{
    double w = scene->width;
    int vessels = rubor_random_below(random, 42);
    for (int i = 0; i < vessels; i++)
        strand(scene, random, RUBOR_FINE_H, w * rubor_random_uniform(random, 0.02, 0.07), 0.5,
               (float)(1 + 0.0012 * w), 0.015f);
    int creases = 10 + rubor_random_below(random, 22);
    for (int i = 0; i < creases; i++)
        strand(scene, random, RUBOR_FINE_RELIEF, w * rubor_random_uniform(random, 0.05, 0.2), 0.1,
               (float)(1 + 0.0015 * w), -0.010f);
    int hairs = rubor_random_uniform(random, 0, 1) < 0.4 ? 30 + rubor_random_below(random, 150) : 0;
    for (int i = 0; i < hairs; i++)
        strand(scene, random, RUBOR_FINE_HAIR, w * rubor_random_uniform(random, 0.015, 0.04), 0.15,
               (float)(0.9 + 0.0003 * w), 0.28f);
}

rubor_status rubor_scene_texture(rubor_scene *scene, rubor_error *error)
{
    rubor_random random = rubor_random_stream(scene->options.seed, STREAM_TEXTURE);
    texture t = {.seed = rubor_random_next(&random)};
    t.scale = (float)fmax(0.0050 * scene->width, 4.2) * (float)rubor_random_uniform(&random, 0.85, 1.25);
    t.relief = (float)rubor_random_uniform(&random, 0.026, 0.048);
    rubor_status status = make_cells(&t, scene, error);
    if (status != RUBOR_OK)
        return status;
    for (int y = 0; y < scene->fine_height; y++)
        fill_row(scene, &t, y);
    freckles(scene, &random);
    lines(scene, &random);
    free(t.cell);
    return RUBOR_OK;
}
