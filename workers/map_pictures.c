#include "workers/map_pictures.h"

#include <assert.h>
#include <math.h>

enum { STOPS = 5 };

/* Colors at equal steps between low and high; 8-bit sRGB. */
typedef struct color_scale {
    double low, high;
    uint8_t stops[STOPS][3];
} color_scale;

static const color_scale scales[] = {
    [RUBOR_MAP_EI] = {0, 60, {{12, 12, 40}, {84, 26, 110}, {178, 52, 108}, {248, 138, 90}, {252, 248, 190}}},
    [RUBOR_MAP_MI] = {0, 120, {{255, 250, 232}, {226, 190, 142}, {160, 105, 62}, {86, 48, 26}, {20, 10, 6}}},
    [RUBOR_MAP_DELTA_EI] = {-10,
                            30,
                            {{44, 92, 168}, {248, 248, 246}, {242, 160, 128}, {190, 40, 46}, {92, 0, 26}}},
    [RUBOR_MAP_DELTA_MI] = {-10,
                            30,
                            {{40, 122, 110}, {248, 248, 246}, {216, 174, 104}, {142, 82, 22}, {66, 34, 6}}},
};

static void color_of(uint16_t out[3], const color_scale *scale, double value)
{
    double at = (value - scale->low) / (scale->high - scale->low) * (STOPS - 1);
    at = at < 0 ? 0 : at > STOPS - 1 ? STOPS - 1 : at;
    int i = at >= STOPS - 1 ? STOPS - 2 : (int)at;
    for (int c = 0; c < 3; c++)
        out[c] =
            (uint16_t)(257 * (scale->stops[i][c] + (at - i) * (scale->stops[i + 1][c] - scale->stops[i][c])) +
                       0.5);
}

/* Mean of what was measured in the block, or NaN when that is less than half of it. */
static double block_mean(const rubor_plane *map, int x0, int y0, int side)
{
    double sum = 0;
    int count = 0, all = 0;
    for (int y = y0; y < y0 + side && y < map->height; y++)
        for (int x = x0; x < x0 + side && x < map->width; x++, all++) {
            float value = map->data[(size_t)y * (size_t)map->width + (size_t)x];
            if (!isfinite(value))
                continue;
            sum += (double)value;
            count++;
        }
    return 2 * count >= all && count ? sum / count : NAN;
}

static uint16_t dimmed_gray(const rubor_image_encoded *frame, int x, int y)
{
    const uint16_t *rgb = frame->rgb + 3 * ((size_t)y * (size_t)frame->width + (size_t)x);
    return (uint16_t)((rgb[0] + 2 * rgb[1] + rgb[2]) / 10);
}

rubor_status rubor_map_picture(rubor_image_encoded *out, const rubor_plane *map, rubor_map_kind kind,
                               const rubor_image_encoded *frame, rubor_error *error)
{
    assert(map->width == frame->width && map->height == frame->height);
    int longer = map->width > map->height ? map->width : map->height;
    int side = (longer + RUBOR_MAP_PICTURE_SIDE - 1) / RUBOR_MAP_PICTURE_SIDE;
    int width = (map->width + side - 1) / side, height = (map->height + side - 1) / side;
    rubor_status status = rubor_image_encoded_init(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint16_t *to = out->rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            double value = block_mean(map, x * side, y * side, side);
            if (isnan(value))
                to[0] = to[1] = to[2] = dimmed_gray(frame, x * side, y * side);
            else
                color_of(to, &scales[kind], value);
        }
    return RUBOR_OK;
}

/* Pixels of the block inside the mask. */
static int block_count(const rubor_mask *mask, int x0, int y0, int side)
{
    int count = 0;
    for (int y = y0; y < y0 + side && y < mask->height; y++)
        for (int x = x0; x < x0 + side && x < mask->width; x++)
            count += mask->data[(size_t)y * (size_t)mask->width + (size_t)x] >= 128;
    return count;
}

rubor_status rubor_mask_picture(rubor_image_encoded *out, const rubor_mask *erythema, const rubor_mask *pigment,
                                const rubor_mask *findings, rubor_error *error)
{
    const rubor_mask *masks[] = {erythema, pigment, findings}, *sized = NULL;
    for (int c = 0; c < 3; c++)
        sized = masks[c]->data ? masks[c] : sized;
    assert(sized);
    int longer = sized->width > sized->height ? sized->width : sized->height;
    int side = (longer + RUBOR_MAP_PICTURE_SIDE - 1) / RUBOR_MAP_PICTURE_SIDE;
    int width = (sized->width + side - 1) / side, height = (sized->height + side - 1) / side;
    rubor_status status = rubor_image_encoded_init(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    for (int c = 0; c < 3; c++) {
        int least = masks[c] == findings ? 1 : (side * side + 1) / 2;
        for (int i = 0; i < width * height; i++) {
            int count = masks[c]->data ? block_count(masks[c], i % width * side, i / width * side, side) : 0;
            out->rgb[3 * (size_t)i + (size_t)c] = count >= least ? 65535 : 0;
        }
    }
    return RUBOR_OK;
}
