#include "analyzer/skin_internal.h"
#include "analyzer/skin_prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

rubor_status rubor_skin_field_init(rubor_skin_field *field, const rubor_image_calibrated *image,
                                   rubor_error *error)
{
    int side = image->width > image->height ? image->width : image->height;
    double scale = side > RUBOR_SKIN_SIDE_PX ? (double)RUBOR_SKIN_SIDE_PX / side : 1;
    int width = (int)(image->width * scale + 0.5), height = (int)(image->height * scale + 0.5);
    memset(field, 0, sizeof *field);
    field->width = width = width < 1 ? 1 : width;
    field->height = height = height < 1 ? 1 : height;
    rubor_plane *ods[3] = {&field->red_od, &field->green_od, &field->blue_od};
    rubor_status status = RUBOR_OK;
    for (int c = 0; c < 3 && !status; c++) {
        rubor_plane plane = {image->width, image->height, image->plane[c]};
        status = rubor_plane_shrink(ods[c], &plane, width, height, error);
        if (status)
            break;
        size_t n = (size_t)width * (size_t)height;
        float *data = ods[c]->data;
        for (size_t i = 0; i < n; i++)
            data[i] = (data[i] > 0 ? data[i] : 0) + RUBOR_PRIOR_FLOOR;
        rubor_kernels_get()->optical_density(data, data, RUBOR_PRIOR_FLOOR, n);
    }
    if (!status)
        status = rubor_plane_init(&field->texture, width, height, error);
    if (!status)
        status = rubor_plane_init(&field->odds, width, height, error);
    if (!status)
        status = rubor_mask_init(&field->outside, width, height, error);
    if (!status)
        status = rubor_mask_init(&field->skin, width, height, error);
    return status;
}

/* Bilinear look into a table of log-likelihood ratios; beyond its rim the rim counts. */
static float look_up(const int8_t table[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS], float u, float v)
{
    float x = (u - RUBOR_PRIOR_FIRST) / RUBOR_PRIOR_STEP - 0.5f;
    float y = (v - RUBOR_PRIOR_FIRST) / RUBOR_PRIOR_STEP - 0.5f;
    float last = RUBOR_PRIOR_BINS - 1.001f;
    x = x < 0 ? 0 : x > last ? last : x;
    y = y < 0 ? 0 : y > last ? last : y;
    int i = (int)x, j = (int)y;
    float fx = x - (float)i, fy = y - (float)j;
    float top = (float)table[j][i] * (1 - fx) + (float)table[j][i + 1] * fx;
    float bottom = (float)table[j + 1][i] * (1 - fx) + (float)table[j + 1][i + 1] * fx;
    return (top * (1 - fy) + bottom * fy) / RUBOR_PRIOR_SCALE;
}

/* How far from a pixel the four windows lie of which the smoothest counts. */
enum { TEXTURE_RADIUS_PX = 2, TEXTURE_REACH_PX = 3 };

/* Mean deviation of the green OD from its surroundings, in the smoothest of four windows about the pixel:
 * hair and cloth are rough on all sides, skin beside an edge is smooth on one. */
static rubor_status measure_texture(rubor_skin_field *field, rubor_error *error)
{
    int w = field->width, h = field->height;
    size_t n = (size_t)w * (size_t)h;
    rubor_plane rough = {0};
    rubor_status status = rubor_plane_init(&rough, w, h, error);
    if (status)
        return status;
    memcpy(rough.data, field->green_od.data, n * sizeof(float));
    status = rubor_plane_box(&rough, TEXTURE_RADIUS_PX, error);
    for (size_t i = 0; i < n && !status; i++)
        rough.data[i] = fabsf(field->green_od.data[i] - rough.data[i]);
    if (!status)
        status = rubor_plane_box(&rough, TEXTURE_RADIUS_PX, error);
    for (int y = 0; y < h && !status; y++)
        for (int x = 0; x < w; x++) {
            int left = x > TEXTURE_REACH_PX ? x - TEXTURE_REACH_PX : 0,
                top = y > TEXTURE_REACH_PX ? y - TEXTURE_REACH_PX : 0;
            int right = x + TEXTURE_REACH_PX < w ? x + TEXTURE_REACH_PX : w - 1;
            int bottom = y + TEXTURE_REACH_PX < h ? y + TEXTURE_REACH_PX : h - 1;
            const float *above = rough.data + (size_t)top * (size_t)w,
                        *below = rough.data + (size_t)bottom * (size_t)w;
            float one = above[left] < above[right] ? above[left] : above[right];
            float two = below[left] < below[right] ? below[left] : below[right];
            field->texture.data[(size_t)y * (size_t)w + (size_t)x] = one < two ? one : two;
        }
    rubor_plane_finish(&rough);
    return status;
}

rubor_status rubor_skin_color(rubor_skin_field *field, bool calibrated, rubor_error *error)
{
    const int8_t(*table)[RUBOR_PRIOR_BINS] = calibrated ? rubor_prior_calibrated : rubor_prior_uncalibrated;
    size_t n = (size_t)field->width * (size_t)field->height;
    for (size_t i = 0; i < n; i++) {
        float u = field->green_od.data[i] - field->red_od.data[i];
        float v = field->blue_od.data[i] - field->green_od.data[i];
        field->odds.data[i] = look_up(table, u, v);
    }
    return measure_texture(field, error);
}
