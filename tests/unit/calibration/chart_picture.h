/* A drawn chart for tests: 24 patches in a dark frame, seen through a made-up camera. */
#ifndef RUBOR_TESTS_CHART_PICTURE_H
#define RUBOR_TESTS_CHART_PICTURE_H

#include "calibration/calibration.h"
#include "imaging/image.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PITCH = 32, MARGIN = 20, PICTURE_W = 6 * PITCH + 2 * MARGIN, PICTURE_H = 4 * PITCH + 2 * MARGIN };

typedef struct chart_camera {
    double exposure, glare, gamma, falloff; /* falloff: log10 per pitch to the right */
    double white_balance[3];
    unsigned covered; /* bit per patch: painted over with stripes */
} chart_camera;

static const chart_camera plain_camera = {1.0, 0.0, 1.0, 0.0, {1.0, 1.0, 1.0}, 0};

/* Corners of the drawn chart, order of calibration/chart.h; patches fill 0.86 of the pitch. */
static inline void picture_corners(rubor_point corners[4])
{
    double inset = 0.07 * PITCH, left = MARGIN + inset - 0.5, right = MARGIN + 6 * PITCH - inset - 0.5;
    double top = MARGIN + inset - 0.5, bottom = MARGIN + 4 * PITCH - inset - 0.5;
    corners[0] = (rubor_point){left, top};
    corners[1] = (rubor_point){right, top};
    corners[2] = (rubor_point){right, bottom};
    corners[3] = (rubor_point){left, bottom};
}

static inline double pseudo_noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 16777216.0 - 0.5;
}

/* linear: what the camera's channels read of each patch, perfect diffuser = 1. */
static inline void picture_draw(rubor_image_encoded *image, const double linear[24][3],
                                const chart_camera *camera)
{
    uint32_t state = 7;
    rubor_image_encoded_init(image, PICTURE_W, PICTURE_H, NULL);
    for (int y = 0; y < PICTURE_H; y++) {
        for (int x = 0; x < PICTURE_W; x++) {
            double u = (x + 0.5 - MARGIN) / PITCH, v = (y + 0.5 - MARGIN) / PITCH;
            int column = (int)floor(u), row = (int)floor(v), patch = -1;
            if (u >= 0 && v >= 0 && column < 6 && row < 4 && fabs(u - column - 0.5) < 0.43 &&
                fabs(v - row - 0.5) < 0.43)
                patch = row * 6 + column;
            for (int c = 0; c < 3; c++) {
                double light = patch >= 0 ? linear[patch][c] : 0.03;
                if (patch >= 0 && (camera->covered >> patch & 1u))
                    light = x / 4 % 2 ? 0.9 : 0.05;
                light =
                    light * camera->white_balance[c] * pow(10.0, camera->falloff * (u - 3.0)) + camera->glare;
                light *= camera->exposure * (1.0 + 0.01 * pseudo_noise(&state));
                double encoded = rubor_srgb_encode(pow(fmin(fmax(light, 0.0), 1.0), camera->gamma));
                image->rgb[3 * (y * PICTURE_W + x) + c] = (uint16_t)(257.0 * rint(255.0 * encoded));
            }
        }
    }
}

static inline void picture_reference(double linear[24][3], rubor_chart_edition edition)
{
    for (int k = 0; k < 24; k++)
        rubor_lab_d50_to_linear(linear[k], rubor_chart_table_get(edition)->lab_d50[k]);
}

static inline rubor_status picture_calibrate(rubor_calibration *out, const rubor_image_encoded *image,
                                             const rubor_calibrate_options *extra, rubor_error *error)
{
    rubor_point corners[4];
    rubor_photo_info info = {
        .format = RUBOR_FORMAT_PNG, .width = PICTURE_W, .height = PICTURE_H, .orientation = 1, .bits = 8};
    rubor_calibrate_options options = {0};
    if (extra)
        options = *extra;
    picture_corners(corners);
    options.corners_px = corners;
    return rubor_calibrate(out, &info, image, (rubor_bytes){0}, &options, error);
}

#endif
