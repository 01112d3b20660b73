/* A patch of skin made of pores, spots and shading before a cluttered background, and the same after a known
 * movement: for tests and benchmarks of the alignment. Everything is drawn from a seed. */
#ifndef RUBOR_TESTS_MOVED_SKIN_H
#define RUBOR_TESTS_MOVED_SKIN_H

#include "analyzer/registration.h"
#include "imaging/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct movement {
    double shift_x, shift_y; /* part of the width */
    double turn_degrees, zoom;
    double tilt_x, tilt_y; /* perspective, per width */
    double stretch;        /* largest displacement of the skin itself, part of the width */
} movement;

typedef struct skin_scene {
    uint64_t seed;
    int width, height;
    int pores, spots;
    double contrast; /* OD of a pore */
    double noise;    /* OD standard deviation of a pixel */
    double redness;  /* OD of green at the middle of an erythema; red gets a quarter of it */
    double light;    /* OD that the light falls off over the width */
    double base_od[3];
} skin_scene;

static inline double scene_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (double)(*state >> 11) / 9007199254740992.0;
}

/* Where a point of the baseline (parts of the width, from the center) lies in the visit. */
static inline rubor_point move_point(const movement *m, rubor_point p)
{
    double c = cos(m->turn_degrees * 0.017453292519943295), s = sin(m->turn_degrees * 0.017453292519943295);
    double x = p.x + m->stretch * sin(7 * p.x + 2 * p.y) * cos(5 * p.y);
    double y = p.y + m->stretch * cos(6 * p.y + 1) * sin(5 * p.x);
    double w = 1 + m->tilt_x * x + m->tilt_y * y;
    rubor_point q = {(m->zoom * (c * x - s * y)) / w + m->shift_x,
                     (m->zoom * (s * x + c * y)) / w + m->shift_y};
    return q;
}

static inline rubor_point scene_to_pixel(const skin_scene *scene, rubor_point p)
{
    rubor_point q = {p.x * scene->width + (scene->width - 1) / 2.0,
                     p.y * scene->width + (scene->height - 1) / 2.0};
    return q;
}

static inline void splat(float *plane, int w, int h, rubor_point at, double sigma, double depth)
{
    int reach = (int)(3 * sigma + 1), x0 = (int)floor(at.x), y0 = (int)floor(at.y);
    for (int y = y0 - reach; y <= y0 + reach; y++)
        for (int x = x0 - reach; x <= x0 + reach; x++)
            if (x >= 0 && y >= 0 && x < w && y < h) {
                double d = ((x - at.x) * (x - at.x) + (y - at.y) * (y - at.y)) / (2 * sigma * sigma);
                plane[(size_t)y * (size_t)w + (size_t)x] += (float)(depth * exp(-d));
            }
}

/* The skin's outline: an ellipse a little off the middle, wide enough to be cut by the frame when moved. */
static inline bool in_skin(rubor_point p)
{
    double x = (p.x - 0.02) / 0.40, y = (p.y + 0.01) / 0.30;
    return x * x + y * y < 1;
}

/* Whether the skin covers a pixel of the moved scene: points of the baseline found by a few fixed-point
 * steps. */
static inline bool skin_at(const movement *move, rubor_point q)
{
    rubor_point p = q;
    for (int k = 0; k < 12; k++) {
        rubor_point to = move_point(move, p);
        p.x -= to.x - q.x;
        p.y -= to.y - q.y;
    }
    return in_skin(p);
}

/* Draws scene after move (NULL: none) into image and its skin's truth into mask; both initialized by the
 * call. */
static inline void draw_scene(rubor_image_calibrated *image, rubor_mask *mask, const skin_scene *scene,
                              const movement *move, uint64_t noise_seed)
{
    int w = scene->width, h = scene->height;
    size_t n = (size_t)w * (size_t)h;
    const movement still = {.zoom = 1};
    if (!move)
        move = &still;
    if (rubor_image_calibrated_init(image, w, h, NULL) || rubor_mask_init(mask, w, h, NULL))
        abort();
    float *melanin = calloc(2 * n, sizeof *melanin), *red = melanin + n;
    if (!melanin)
        abort();
    uint64_t state = scene->seed * 2654435761u + 88172645463325252u;
    double unit = w / 1600.0;
    for (int i = 0; i < scene->pores + scene->spots; i++) {
        rubor_point p = {scene_random(&state) - 0.5, (scene_random(&state) - 0.5) * h / w};
        bool spot = i >= scene->pores;
        double sigma =
            (spot ? 5 + 10 * scene_random(&state) : 1.2 + 1.2 * scene_random(&state)) * unit * move->zoom;
        double depth = scene->contrast * (spot ? 1.5 : 1) * (0.4 + scene_random(&state));
        if (sigma < 0.7) {
            depth *= sigma * sigma / 0.49;
            sigma = 0.7;
        }
        splat(melanin, w, h, scene_to_pixel(scene, move_point(move, p)), sigma, depth);
    }
    if (scene->redness > 0) {
        splat(red, w, h, scene_to_pixel(scene, move_point(move, (rubor_point){-0.1, 0.05})), 110 * unit,
              scene->redness);
        splat(red, w, h, scene_to_pixel(scene, move_point(move, (rubor_point){0.14, -0.04})), 60 * unit,
              scene->redness);
    }
    uint64_t grain = noise_seed * 0x9E3779B97F4A7C15u + 1442695040888963407u;
    for (int y = 0; y < h; y++) {
        bool skin = false;
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            rubor_point q = {(x - (w - 1) / 2.0) / w, (y - (h - 1) / 2.0) / w};
            if (x % 4 == 0)
                skin = y % 4 ? mask->data[i - (size_t)w] != 0 : skin_at(move, q);
            mask->data[i] = skin ? 255 : 0;
            double shading = scene->light * q.x + 0.15 * (q.x * q.x + q.y * q.y);
            for (int c = 0; c < 3; c++) {
                static const double melanin_ratio[3] = {1, 1.75, 2.4}, blood_ratio[3] = {0.25, 1, 0.9};
                double noise = (scene_random(&grain) + scene_random(&grain) + scene_random(&grain) +
                                scene_random(&grain) - 2) *
                               1.73 * scene->noise;
                double od = skin ? scene->base_od[c] + melanin_ratio[c] * melanin[i] + blood_ratio[c] * red[i]
                                 : 0.5 + 0.2 * (((x / 37) + (y / 29)) % 2);
                image->plane[c][i] = (float)pow(10, -(od + shading + noise));
            }
        }
    }
    free(melanin);
}

/* RMS distance in px of the baseline between where skin is said to come from and where it does. */
static inline double movement_error(const rubor_registration *r, const movement *move, const skin_scene *visit,
                                    const skin_scene *baseline)
{
    double sum = 0, n = 0;
    for (double y = -0.28; y <= 0.28; y += 0.02)
        for (double x = -0.38; x <= 0.42; x += 0.02) {
            rubor_point p = {x, y}, at = scene_to_pixel(visit, move_point(move, p));
            if (!in_skin(p) || at.x < 8 || at.y < 8 || at.x > visit->width - 9 || at.y > visit->height - 9)
                continue;
            rubor_point said = rubor_registration_map(r, at), truth = scene_to_pixel(baseline, p);
            sum += (said.x - truth.x) * (said.x - truth.x) + (said.y - truth.y) * (said.y - truth.y);
            n++;
        }
    return sqrt(sum / n);
}

#endif
