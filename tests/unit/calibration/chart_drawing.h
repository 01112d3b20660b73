/* Draws charts into encoded images for the chart tests. */
#ifndef RUBOR_TEST_CHART_DRAWING_H
#define RUBOR_TEST_CHART_DRAWING_H

#include "calibration/chart_find.h"

#include <math.h>
#include <string.h>

typedef struct drawing {
    int width, height;
    int columns, rows;
    const double (*colors)[3]; /* linear light, row-major */
    double fill[2];
    double frame[3], table[3]; /* linear light */
    double margin;             /* of the frame about the patches, pitches */
    double gains[3];           /* lamp and exposure */
    double center[2], pitch_px, degrees;
    double tilt; /* perspective: pitch grows by this share from one end to the other */
    bool mirrored;
} drawing;

static inline drawing drawing_default(const double (*colors)[3])
{
    return (drawing){.width = 400,
                     .height = 300,
                     .columns = 6,
                     .rows = 4,
                     .colors = colors,
                     .fill = {0.87, 0.87},
                     .frame = {0.03, 0.03, 0.03},
                     .table = {0.3, 0.27, 0.22},
                     .margin = 0.25,
                     .gains = {1, 1, 1},
                     .center = {200, 150},
                     .pitch_px = 28};
}

/* Linear colors of the 24 patches. */
static inline void drawing_chart_colors(double colors[RUBOR_CHART_PATCHES][3])
{
    const rubor_chart_table *table = rubor_chart_table_get(RUBOR_EDITION_BEFORE_2014);
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        rubor_lab_d50_to_linear(colors[i], table->lab_d50[i]);
        for (int c = 0; c < 3; c++)
            colors[i][c] = colors[i][c] < 0 ? 0 : colors[i][c];
    }
}

/* Pixel of a place on the chart plane. */
static inline rubor_point drawing_project(const drawing *d, double a, double b)
{
    double u = (a - 0.5 * d->columns) * (d->mirrored ? -1 : 1), v = b - 0.5 * d->rows;
    double grow = 1 / (1 - d->tilt * u / d->columns), angle = d->degrees * 3.14159265358979 / 180;
    double x = u * grow * d->pitch_px, y = v * grow * d->pitch_px;
    return (rubor_point){d->center[0] + x * cos(angle) - y * sin(angle),
                         d->center[1] + x * sin(angle) + y * cos(angle)};
}

static inline const double *drawing_color(const drawing *d, double x, double y)
{
    double angle = d->degrees * 3.14159265358979 / 180, px = (x - d->center[0]) / d->pitch_px,
           py = (y - d->center[1]) / d->pitch_px;
    double gx = px * cos(angle) + py * sin(angle), gy = -px * sin(angle) + py * cos(angle);
    double u = gx / (1 + d->tilt * gx / d->columns), v = gy / (1 + d->tilt * gx / d->columns);
    double a = (d->mirrored ? -u : u) + 0.5 * d->columns, b = v + 0.5 * d->rows;
    if (a < -d->margin || b < -d->margin || a > d->columns + d->margin || b > d->rows + d->margin)
        return d->table;
    int column = (int)floor(a), row = (int)floor(b);
    if (column < 0 || row < 0 || column >= d->columns || row >= d->rows ||
        fabs(a - column - 0.5) > 0.5 * d->fill[0] || fabs(b - row - 0.5) > 0.5 * d->fill[1])
        return d->frame;
    return d->colors[row * d->columns + column];
}

/* Area average of 4 x 4 points a pixel. false without memory. */
static inline bool drawing_render(rubor_image_encoded *out, const drawing *d)
{
    if (rubor_image_encoded_init(out, d->width, d->height, NULL) != RUBOR_OK)
        return false;
    for (int y = 0; y < d->height; y++)
        for (int x = 0; x < d->width; x++) {
            double sum[3] = {0, 0, 0};
            for (int k = 0; k < 16; k++) {
                const double *color = drawing_color(d, x + (k % 4 - 1.5) / 4, y + (k / 4 - 1.5) / 4);
                for (int c = 0; c < 3; c++)
                    sum[c] += color[c] * d->gains[c] / 16;
            }
            for (int c = 0; c < 3; c++)
                out->rgb[3 * (y * d->width + x) + c] = (uint16_t)(65535 * rubor_srgb_encode(sum[c]) + 0.5);
        }
    return true;
}

/* Gaussian blur by direct sums, edges replicated. */
static inline void drawing_blur(rubor_image_encoded *image, double sigma)
{
    int radius = (int)ceil(3 * sigma), width = image->width, height = image->height;
    static uint16_t line[4096];
    for (int pass = 0; pass < 2; pass++) {
        int n = pass == 0 ? width : height, lines = pass == 0 ? height : width;
        for (int l = 0; l < lines; l++)
            for (int c = 0; c < 3; c++) {
                size_t stride = pass == 0 ? 3 : 3 * (size_t)width;
                uint16_t *p = image->rgb + (pass == 0 ? 3 * (size_t)l * (size_t)width : 3 * (size_t)l) + c;
                for (int i = 0; i < n; i++) {
                    double sum = 0, weight = 0;
                    for (int k = -radius; k <= radius; k++) {
                        int j = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;
                        double w = exp(-0.5 * k * k / (sigma * sigma));
                        sum += w * p[(size_t)j * stride];
                        weight += w;
                    }
                    line[i] = (uint16_t)(sum / weight + 0.5);
                }
                for (int i = 0; i < n; i++)
                    p[(size_t)i * stride] = line[i];
            }
    }
}

#endif
