#include "samples/device.h"

#include "samples/spoil.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_CAMERA = 8, STREAM_ROOM = 5000, N = RUBOR_OPTICS_N };

/* The camera's own matrix: rows sum to 1 so that gray stays gray, otherwise least squares over the chart's
 * reflectances, and a style that adds or takes a little saturation. */
static void fit_matrix(float matrix[9], const double weight[3][N], double style)
{
    double in[24][3], out[24][3];
    for (size_t p = 0; p < 24; p++) {
        double spectrum[N];
        for (int c = 0; c < 3; c++)
            in[p][c] = 0;
        for (int i = 0; i < N; i++) {
            spectrum[i] = (double)rubor_chart_reflectance(p)->value[i];
            for (int c = 0; c < 3; c++)
                in[p][c] += weight[c][i] * spectrum[i];
        }
        rubor_optics_linear(out[p], spectrum);
    }
    for (int row = 0; row < 3; row++) {
        int a = (row + 1) % 3, b = (row + 2) % 3;
        double aa = 0, ab = 0, bb = 0, ay = 0, by = 0;
        for (int p = 0; p < 24; p++) { /* out - in_row = ma (in_a - in_row) + mb (in_b - in_row) */
            double da = in[p][a] - in[p][row], db = in[p][b] - in[p][row], y = out[p][row] - in[p][row];
            aa += da * da;
            ab += da * db;
            bb += db * db;
            ay += da * y;
            by += db * y;
        }
        double det = aa * bb - ab * ab, ma = style * (ay * bb - by * ab) / det,
               mb = style * (by * aa - ay * ab) / det;
        matrix[3 * row + a] = (float)ma;
        matrix[3 * row + b] = (float)mb;
        matrix[3 * row + row] = (float)(1 - ma - mb);
    }
}

static double srgb(double linear)
{
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * rubor_numeric_pow(linear, 1 / 2.4) - 0.055;
}

/* sRGB and a contrast curve over it, as cameras' standard styles have; strength 0: plain sRGB. */
static void fill_curve(float *curve, double strength)
{
    for (int i = 0; i <= RUBOR_CURVE_STEPS; i++) {
        double y = srgb((double)i / RUBOR_CURVE_STEPS);
        curve[i] = (float)(255 * (y + strength * y * (1 - y) * (2 * y - 1)));
    }
    curve[RUBOR_CURVE_STEPS + 1] = curve[RUBOR_CURVE_STEPS];
}

static void draw_camera(rubor_device *out, const rubor_scene *scene, const struct rubor_lamps *lamps)
{
    const rubor_sample_options *o = &scene->options;
    rubor_random random = rubor_random_stream(o->seed, STREAM_CAMERA);
    double weight[3][N], sum[3] = {0}, largest = 0;
    rubor_optics_weights(weight, scene->camera, lamps->main, 0);
    fit_matrix(out->matrix, (const double(*)[N])weight, rubor_random_uniform(&random, 0.8, 1.08));
    fill_curve(out->curve, rubor_random_uniform(&random, 0, 0.28));
    for (int c = 0; c < 3; c++) {
        out->balance[c] = c == 1 ? 1 : (float)rubor_random_uniform(&random, 0.95, 1.05);
        for (int i = 0; i < N; i++)
            sum[c] += (double)scene->camera->value[c][i] * (double)lamps->main->value[i];
        largest = sum[c] > largest ? sum[c] : largest;
    }
    /* photons: the brightest channel reaches a signal-to-noise ratio of 80 to 200 at white */
    double ratio = rubor_random_uniform(&random, 80, 200),
           dark = rubor_random_uniform(&random, 0.0006, 0.0020);
    for (int c = 0; c < 3; c++) {
        double gain = rubor_numeric_clamp(largest / sum[c], 1, 8), level = o->noise * o->noise;
        out->shot[c] = (float)(level * gain / (ratio * ratio));
        out->read[c] = (float)(level * gain * gain * dark * dark);
    }
    out->spread = (float)rubor_random_uniform(&random, 0.06, 0.14);
    int quality = 90 + rubor_random_below(&random, 7);
    out->quality = o->jpeg_quality > 0 ? o->jpeg_quality : quality;
    out->subsampled = rubor_random_below(&random, 2) == 1;
    out->glare_percent = rubor_random_uniform(&random, 0, 4);
    out->exposure = rubor_random_uniform(&random, 0.80, 0.92);
    out->center[0] = (float)(scene->width * rubor_random_uniform(&random, 0.3, 0.7));
    out->center[1] = (float)(scene->height * rubor_random_uniform(&random, 0.25, 0.7));
    out->falloff = (float)(o->shading * rubor_random_uniform(&random, 0.05, 0.35));
    if (lamps->second) {
        double share = rubor_random_uniform(&random, 0.25, 0.5);
        out->second_share = (float)(isnan(o->lamp2_share) ? share : o->lamp2_share);
        out->second_slope = (float)rubor_random_uniform(&random, 0.4, 1.2);
    }
}

static void draw_shine(rubor_device *out, const rubor_scene *scene, const rubor_course_day *amounts,
                       rubor_random *room)
{
    rubor_random random = rubor_random_stream(scene->options.seed, STREAM_CAMERA + 1);
    bool oily = rubor_random_uniform(&random, 0, 1) < 0.5;
    double w = scene->width;
    for (int k = 0; k < RUBOR_SHINES; k++) {
        double x = w * rubor_random_uniform(&random, 0.1, 0.9),
               y = scene->height * rubor_random_uniform(&random, 0.1, 0.9);
        double sigma = w * rubor_random_uniform(&random, 0.02, 0.06);
        double level = rubor_random_uniform(&random, 0.03, 0.14),
               turn = rubor_random_uniform(&random, 0, 0.5);
        double wander = 0.015 * w;
        out->shine[k][0] = (float)(x + wander * rubor_random_uniform(room, -1, 1));
        out->shine[k][1] = (float)(y + wander * rubor_random_uniform(room, -1, 1));
        double narrow = rubor_random_uniform(&random, 2.0, 4.0); /* along a fold or a bone */
        double c = rubor_numeric_cos_turns(turn), s = rubor_numeric_sin_turns(turn);
        out->shine[k][2] = (float)(c / sigma);
        out->shine[k][3] = (float)(s / sigma);
        out->shine[k][4] = (float)(-s * narrow / sigma);
        out->shine[k][5] = (float)(c * narrow / sigma);
        double today = (oily ? 1 : 0.1) * rubor_random_uniform(room, 0.6, 1.3) + amounts->shine;
        out->shine[k][6] = (float)(scene->options.shine * level * today);
    }
}

void rubor_device_draw(rubor_device *out, const rubor_scene *scene, const rubor_course_day *amounts, int day)
{
    *out = (rubor_device){0};
    const rubor_sample_options *o = &scene->options;
    draw_camera(out, scene, rubor_scene_lamps(scene, day));
    rubor_random room = rubor_random_stream(o->seed, STREAM_ROOM + (uint64_t)(day + 1));
    out->exposure *= 1 + o->lamp_drift * rubor_random_uniform(&room, -0.05, 0.05);
    out->lamp_tilt = o->lamp_drift * rubor_random_uniform(&room, -0.12, 0.12);
    for (int c = 0; c < 3; c += 2)
        out->balance[c] *= (float)(1 + o->lamp_drift * rubor_random_uniform(&room, -0.01, 0.01));
    out->center[0] += (float)(o->lamp_drift * 0.04 * scene->width * rubor_random_uniform(&room, -1, 1));
    out->center[1] += (float)(o->lamp_drift * 0.04 * scene->width * rubor_random_uniform(&room, -1, 1));
    double glare = out->glare_percent * (1 + 0.3 * o->lamp_drift * rubor_random_uniform(&room, -1, 1));
    if (o->glare_percent >= 0)
        glare = o->glare_percent;
    out->glare_percent = glare = rubor_numeric_clamp(glare, 0, o->glare_percent >= 0 ? 30 : 4);
    for (int c = 0; c < 3; c++)
        out->glare[c] = (float)(glare / 100);
    draw_shine(out, scene, amounts, &room);
    out->noise_seed = rubor_random_next(&room);
    out->motion_turn = rubor_random_uniform(&room, 0, 0.5);
    if (day >= 0) {
        out->exposure *= o->exposure;
        out->balance[0] *= (float)o->red_gain;
        out->blur_px = o->blur_px;
        out->motion_px = o->motion_px;
    }
}

/* [spread, 1 - 2 spread, spread] along rows, then along columns. */
static rubor_status lens(float *raw, float spread, int width, int height, rubor_error *error)
{
    size_t stride = (size_t)width * 3;
    float *line = malloc(2 * stride * sizeof(float)), keep = 1 - 2 * spread;
    if (!line)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to blur a sample");
    for (int y = 0; y < height; y++) {
        float *row = raw + (size_t)y * stride;
        memcpy(line, row, stride * sizeof(float));
        for (size_t i = 3; i + 3 < stride; i++)
            row[i] = keep * line[i] + spread * (line[i - 3] + line[i + 3]);
    }
    float *above = line, *here = line + stride;
    memcpy(above, raw, stride * sizeof(float));
    for (int y = 1; y + 1 < height; y++) {
        float *row = raw + (size_t)y * stride;
        memcpy(here, row, stride * sizeof(float));
        for (size_t i = 0; i < stride; i++)
            row[i] = keep * here[i] + spread * (above[i] + row[i + stride]);
        float *swap = above;
        above = here;
        here = swap;
    }
    free(line);
    return RUBOR_OK;
}

/* Three nearly normal numbers of variance 1 from one hash: sums of four uniform numbers each. */
static void noise3(float out[3], uint64_t seed, uint64_t pixel)
{
    for (uint64_t c = 0; c < 3; c++) {
        uint64_t h = rubor_mix64(seed + pixel * 3 + c + 0x9e3779b97f4a7c15u * (pixel + 1));
        uint32_t sum = (uint32_t)((h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48));
        out[c] = ((float)sum - 131070.0f) * (1.7320508f / 65536.0f);
    }
}

static uint16_t encode(const float *curve, float linear)
{
    float t = (linear < 0 ? 0 : linear > 1 ? 1 : linear) * RUBOR_CURVE_STEPS;
    int i = (int)t;
    float value = curve[i] + (t - (float)i) * (curve[i + 1] - curve[i]);
    return (uint16_t)((int)(value + 0.5f) * 257);
}

static void develop_row(uint16_t *rgb, const float *raw, const rubor_device *d, int width, uint64_t first)
{
    float exposure = (float)d->exposure;
    for (int x = 0; x < width; x++) {
        float sensor[3], noise[3];
        noise3(noise, d->noise_seed, first + (uint64_t)x);
        for (int c = 0; c < 3; c++) {
            float light = exposure * (raw[3 * x + c] + d->glare[c]);
            light += noise[c] * sqrtf(d->shot[c] * (light > 0 ? light : 0) + d->read[c]);
            sensor[c] = d->balance[c] * (light > 1.02f ? 1.02f : light);
        }
        for (int c = 0; c < 3; c++) {
            const float *m = d->matrix + 3 * c;
            rgb[3 * x + c] = encode(d->curve, m[0] * sensor[0] + m[1] * sensor[1] + m[2] * sensor[2]);
        }
    }
}

rubor_status rubor_device_develop(rubor_buffer *jpeg, float *raw, const rubor_device *device, int width,
                                  int height, rubor_error *error)
{
    rubor_image_encoded image = {0};
    rubor_status status = lens(raw, device->spread, width, height, error);
    if (status == RUBOR_OK && device->blur_px > 0)
        status = rubor_defocus(raw, device->blur_px, width, height, error);
    if (status == RUBOR_OK && device->motion_px > 0)
        status = rubor_shake(raw, device->motion_px, device->motion_turn, width, height, error);
    if (status == RUBOR_OK)
        status = rubor_image_encoded_init(&image, width, height, error);
    if (status != RUBOR_OK)
        return status;
    for (int y = 0; y < height; y++) {
        size_t at = (size_t)y * (size_t)width;
        develop_row(image.rgb + 3 * at, raw + 3 * at, device, width, at);
    }
    status = rubor_jpeg_encode(jpeg, &image, device->quality, device->subsampled, error);
    rubor_image_encoded_finish(&image);
    return status;
}
