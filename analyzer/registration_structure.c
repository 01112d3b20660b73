#include "analyzer/registration_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Hemoglobin moves the red OD by this part of what it moves green minus red (measured spectra: MI 4 to 5 at
 * an EI of 15): taking that part of green minus red away leaves what redness does not change. */
static const float blood_in_red = 0.3f;
static const float linear_floor = 0.004f;
/* Contrast below this (OD) is noise and is not raised to one. */
static const float contrast_floor_od = 0.004f;
static const float clamp_contrast = 3.0f;
enum { SHADING_RADIUS_PX = 4, CONTRAST_RADIUS_PX = 10 };

static void structure_free(rubor_structure *level)
{
    free(level->s);
    free(level->valid);
    memset(level, 0, sizeof *level);
}

void rubor_structure_finish(rubor_structure_pyramid *pyramid)
{
    if (!pyramid)
        return;
    for (int i = 0; i < RUBOR_ALIGN_LEVELS; i++)
        structure_free(&pyramid->level[i]);
    memset(pyramid, 0, sizeof *pyramid);
}

static rubor_status structure_init(rubor_structure *level, int width, int height, rubor_error *error)
{
    size_t n = (size_t)width * (size_t)height;
    level->width = width;
    level->height = height;
    level->s = calloc(3 * n, sizeof *level->s);
    level->valid = calloc(n, 1);
    if (!level->s || !level->valid)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d x %d pixels", width,
                               height);
    level->gx = level->s + n;
    level->gy = level->gx + n;
    return RUBOR_OK;
}

/* Running box sums along rows, then columns; edges: fewer pixels. scratch holds w * h floats. */
static void box_sum(float *data, float *scratch, int w, int h, int radius)
{
    for (int y = 0; y < h; y++) {
        const float *in = data + (size_t)y * (size_t)w;
        float *out = scratch + (size_t)y * (size_t)w;
        double sum = 0;
        for (int x = 0; x < radius && x < w; x++)
            sum += in[x];
        for (int x = 0; x < w; x++) {
            if (x + radius < w)
                sum += in[x + radius];
            out[x] = (float)sum;
            if (x >= radius)
                sum -= in[x - radius];
        }
    }
    size_t row = (size_t)w;
    for (int x0 = 0; x0 < w; x0 += 256) {
        int x1 = x0 + 256 < w ? x0 + 256 : w;
        double running[256] = {0};
        for (int y = 0; y < radius && y < h; y++)
            for (int x = x0; x < x1; x++)
                running[x - x0] += scratch[(size_t)y * row + (size_t)x];
        for (int y = 0; y < h; y++) {
            float *out = data + (size_t)y * row;
            if (y + radius < h)
                for (int x = x0; x < x1; x++)
                    running[x - x0] += scratch[(size_t)(y + radius) * row + (size_t)x];
            for (int x = x0; x < x1; x++)
                out[x] = (float)running[x - x0];
            if (y >= radius)
                for (int x = x0; x < x1; x++)
                    running[x - x0] -= scratch[(size_t)(y - radius) * row + (size_t)x];
        }
    }
}

/* value holds the mean over valid pixels of a box about each pixel afterwards, 0 where there is none. */
static void local_mean(float *value, const float *weight, float *scratch, const rubor_structure *level,
                       int radius)
{
    size_t n = (size_t)level->width * (size_t)level->height;
    box_sum(value, scratch, level->width, level->height, radius);
    memcpy(scratch + n, weight, n * sizeof *weight);
    box_sum(scratch + n, scratch, level->width, level->height, radius);
    for (size_t i = 0; i < n; i++) {
        float w = scratch[n + i];
        value[i] = w >= 1 ? value[i] / w : 0;
    }
}

/* s holds the blood-free OD at entry. scratch: 5 n floats. */
static void normalize(rubor_structure *level, float *scratch)
{
    size_t n = (size_t)level->width * (size_t)level->height;
    float *weight = scratch, *mean = scratch + n, *rest = scratch + 2 * n;
    for (size_t i = 0; i < n; i++) {
        weight[i] = level->valid[i] ? 1.0f : 0.0f;
        mean[i] = level->valid[i] ? level->s[i] : 0;
    }
    local_mean(mean, weight, rest, level, SHADING_RADIUS_PX);
    for (size_t i = 0; i < n; i++) {
        level->s[i] = level->valid[i] ? level->s[i] - mean[i] : 0;
        mean[i] = level->s[i] * level->s[i];
    }
    local_mean(mean, weight, rest, level, CONTRAST_RADIUS_PX);
    for (size_t i = 0; i < n; i++) {
        float value = level->s[i] / sqrtf(mean[i] + contrast_floor_od * contrast_floor_od);
        level->s[i] = value > clamp_contrast    ? clamp_contrast
                      : value < -clamp_contrast ? -clamp_contrast
                                                : value;
    }
}

/* Central differences; a pixel keeps its gradient only where its four neighbors are valid too. */
static void differentiate(rubor_structure *level)
{
    int w = level->width, h = level->height;
    level->valid_count = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x, row = (size_t)w;
            level->valid_count += level->valid[i] != 0;
            if (x == 0 || y == 0 || x == w - 1 || y == h - 1)
                continue;
            if (!level->valid[i] || !level->valid[i - 1] || !level->valid[i + 1] || !level->valid[i - row] ||
                !level->valid[i + row])
                continue;
            level->gx[i] = 0.5f * (level->s[i + 1] - level->s[i - 1]);
            level->gy[i] = 0.5f * (level->s[i + row] - level->s[i - row]);
        }
}

/* valid: wholly inside the skin, and so are the neighbors; a mixed border pixel is no structure of the skin.
 */
static void validate(rubor_structure *level, const rubor_plane *inside)
{
    int w = level->width, h = level->height;
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x, row = (size_t)w;
            bool all = inside->data[i] > 0.98f;
            const size_t around[4] = {i - 1, i + 1, i - row, i + row};
            for (int k = 0; k < 4; k++)
                all = all && inside->data[around[k]] > 0.5f;
            level->valid[i] = all;
        }
}

static rubor_status build_level(rubor_structure *level, const rubor_plane planes[3], rubor_error *error)
{
    int w = planes[0].width, h = planes[0].height;
    size_t n = (size_t)w * (size_t)h;
    float *scratch = NULL;
    rubor_status status = structure_init(level, w, h, error);
    if (status)
        return status;
    scratch = malloc(5 * n * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d x %d pixels", w, h);
    validate(level, &planes[2]);
    const rubor_kernels *kernels = rubor_kernels_get();
    kernels->optical_density(level->s, planes[0].data, linear_floor, n);
    kernels->optical_density(scratch, planes[1].data, linear_floor, n);
    for (size_t i = 0; i < n; i++)
        level->s[i] = (1 + blood_in_red) * level->s[i] - blood_in_red * scratch[i];
    normalize(level, scratch);
    differentiate(level);
    free(scratch);
    return RUBOR_OK;
}

static int scaled(int size, int side, int long_side)
{
    int result = (int)(((int64_t)size * side + long_side / 2) / long_side);
    return result < 1 ? 1 : result > size ? size : result;
}

/* The skin mask as a plane of 0..1, at size w x h. */
static rubor_status shrink_mask(rubor_plane *out, const rubor_mask *skin, int w, int h, rubor_error *error)
{
    rubor_plane full = {0};
    rubor_status status = rubor_plane_init(&full, skin->width, skin->height, error);
    if (status)
        return status;
    size_t n = (size_t)skin->width * (size_t)skin->height;
    for (size_t i = 0; i < n; i++)
        full.data[i] = skin->data[i] >= 128 ? 1.0f : 0.0f;
    status = rubor_plane_shrink(out, &full, w, h, error);
    rubor_plane_finish(&full);
    return status;
}

rubor_status rubor_structure_build(rubor_structure_pyramid *out, const rubor_image_calibrated *image,
                                   const rubor_mask *skin, int finest_px, rubor_error *error)
{
    assert(image->width == skin->width && image->height == skin->height);
    memset(out, 0, sizeof *out);
    int long_side = image->width > image->height ? image->width : image->height;
    assert(finest_px <= long_side);
    out->unit_width = (double)image->width / long_side;
    out->unit_height = (double)image->height / long_side;
    rubor_plane now[3] = {{0}, {0}, {0}}, next[3] = {{0}, {0}, {0}};
    rubor_status status = RUBOR_OK;
    for (int side = finest_px; out->levels < RUBOR_ALIGN_LEVELS && side >= RUBOR_ALIGN_COARSEST_PX;
         side /= 2) {
        int w = scaled(image->width, side, long_side), h = scaled(image->height, side, long_side);
        for (int c = 0; c < 3 && !status; c++) {
            rubor_plane full = {image->width, image->height, image->plane[c == 1 ? 1 : 0]};
            if (out->levels > 0)
                status = rubor_plane_shrink(&next[c], &now[c], w, h, error);
            else if (c == 2)
                status = shrink_mask(&next[c], skin, w, h, error);
            else
                status = rubor_plane_shrink(&next[c], &full, w, h, error);
            rubor_plane_finish(&now[c]);
            now[c] = next[c];
            next[c] = (rubor_plane){0};
        }
        if (!status)
            status = build_level(&out->level[out->levels++], now, error);
        if (status)
            break;
    }
    for (int c = 0; c < 3; c++)
        rubor_plane_finish(&now[c]);
    if (status)
        rubor_structure_finish(out);
    return status;
}
