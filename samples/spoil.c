#include "samples/spoil.h"

#include "samples/numeric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADIUS_MAX = 128 };

static int clamp_index(int i, int count)
{
    return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* Weights 0..radius of half a normalized Gaussian; the radius. */
static int gaussian(float weight[RADIUS_MAX + 1], double sigma_px)
{
    int radius = (int)(3 * sigma_px + 1);
    radius = radius > RADIUS_MAX ? RADIUS_MAX : radius;
    double sum = 0, value[RADIUS_MAX + 1];
    for (int k = 0; k <= radius; k++) {
        value[k] = rubor_numeric_exp(-0.5 * k * k / (sigma_px * sigma_px));
        sum += k == 0 ? value[k] : 2 * value[k];
    }
    for (int k = 0; k <= radius; k++)
        weight[k] = (float)(value[k] / sum);
    return radius;
}

/* One direction: count pixels, step floats apart; line holds a copy of them. */
static void blur_line(float *pixels, float *line, const float *weight, int radius, int count, size_t step)
{
    for (int i = 0; i < count; i++)
        memcpy(line + 3 * (size_t)i, pixels + (size_t)i * step, 3 * sizeof(float));
    for (int i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++) {
            float sum = weight[0] * line[3 * (size_t)i + c];
            for (int k = 1; k <= radius; k++)
                sum += weight[k] * (line[3 * (size_t)clamp_index(i - k, count) + c] +
                                    line[3 * (size_t)clamp_index(i + k, count) + c]);
            pixels[(size_t)i * step + c] = sum;
        }
}

rubor_status rubor_defocus(float *raw, double sigma_px, int width, int height, rubor_error *error)
{
    float weight[RADIUS_MAX + 1];
    int radius = gaussian(weight, sigma_px);
    size_t stride = 3 * (size_t)width;
    float *line = malloc(3 * sizeof(float) * (size_t)(width > height ? width : height));
    if (!line)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to blur a sample");
    for (int y = 0; y < height; y++)
        blur_line(raw + (size_t)y * stride, line, weight, radius, width, 3);
    for (int x = 0; x < width; x++)
        blur_line(raw + 3 * (size_t)x, line, weight, radius, height, stride);
    free(line);
    return RUBOR_OK;
}

rubor_status rubor_defocus_part(float *raw, const uint8_t *part, bool chosen, double sigma_px, int width,
                                int height, rubor_error *error)
{
    size_t pixels = (size_t)width * (size_t)height;
    float *soft = malloc(3 * pixels * sizeof(float));
    if (!soft)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to blur a sample");
    memcpy(soft, raw, 3 * pixels * sizeof(float));
    rubor_status status = rubor_defocus(soft, sigma_px, width, height, error);
    for (size_t i = 0; i < pixels && status == RUBOR_OK; i++)
        if ((part[i] >= 128) == chosen)
            memcpy(raw + 3 * i, soft + 3 * i, 3 * sizeof(float));
    free(soft);
    return status;
}

rubor_status rubor_shake(float *raw, double length_px, double turns, int width, int height,
                         rubor_error *error)
{
    size_t values = 3 * (size_t)width * (size_t)height;
    float *still = malloc(values * sizeof(float));
    if (!still)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to shake a sample");
    memcpy(still, raw, values * sizeof(float));
    int taps = (int)length_px + 1;
    double c = rubor_numeric_cos_turns(turns), s = rubor_numeric_sin_turns(turns);
    memset(raw, 0, values * sizeof(float));
    for (int k = 0; k < taps; k++) {
        double along = taps > 1 ? length_px * ((double)k / (taps - 1) - 0.5) : 0;
        int dx = (int)floor(along * c + 0.5), dy = (int)floor(along * s + 0.5);
        for (int y = 0; y < height; y++) {
            const float *from = still + 3 * (size_t)width * (size_t)clamp_index(y + dy, height);
            float *to = raw + 3 * (size_t)width * (size_t)y;
            for (int x = 0; x < width; x++) {
                const float *pixel = from + 3 * (size_t)clamp_index(x + dx, width);
                for (int i = 0; i < 3; i++)
                    to[3 * x + i] += pixel[i] / (float)taps;
            }
        }
    }
    free(still);
    return RUBOR_OK;
}
