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

/* Deviation of the green OD from its surroundings, averaged: hair and cloth are rough, skin is not. */
static rubor_status measure_texture(rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    memcpy(field->texture.data, field->green_od.data, n * sizeof(float));
    rubor_status status = rubor_plane_box(&field->texture, 2, error);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++)
        field->texture.data[i] = fabsf(field->green_od.data[i] - field->texture.data[i]);
    return rubor_plane_box(&field->texture, 2, error);
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
