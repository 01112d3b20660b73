#include "imaging/image.h"

#include "imaging/limits.h"
#include "imaging/srgb_table.h"

#include <assert.h>
#include <stdlib.h>

static rubor_status check_size(int width, int height, rubor_error *error)
{
    assert(width > 0 && height > 0);
    if (width > RUBOR_LIMIT_PHOTO_SIDE_PX || height > RUBOR_LIMIT_PHOTO_SIDE_PX ||
        (int64_t)width * height > RUBOR_LIMIT_PHOTO_PIXELS)
        return rubor_error_set(error, RUBOR_TOO_LARGE,
                               "%d x %d pixels are over the limit of %d a side, %d in all", width, height,
                               RUBOR_LIMIT_PHOTO_SIDE_PX, RUBOR_LIMIT_PHOTO_PIXELS);
    return RUBOR_OK;
}

/* channels * size bytes per pixel, zeroed. The product cannot overflow 64 bits after check_size. */
static rubor_status allocate(void **data, int width, int height, size_t pixel_bytes, rubor_error *error)
{
    *data = NULL;
    rubor_status status = check_size(width, height, error);
    if (status)
        return status;
    *data = calloc((size_t)width * (size_t)height, pixel_bytes);
    if (!*data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for %d x %d pixels", width, height);
    return RUBOR_OK;
}

rubor_status rubor_plane_init(rubor_plane *plane, int width, int height, rubor_error *error)
{
    *plane = (rubor_plane){0};
    void *data;
    rubor_status status = allocate(&data, width, height, sizeof(float), error);
    if (!status)
        *plane = (rubor_plane){width, height, data};
    return status;
}

rubor_status rubor_plane_reserve(rubor_plane *plane, int width, int height, rubor_error *error)
{
    *plane = (rubor_plane){0};
    rubor_status status = check_size(width, height, error);
    if (status)
        return status;
    float *data = malloc((size_t)width * (size_t)height * sizeof *data);
    if (!data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for %d x %d pixels", width, height);
    *plane = (rubor_plane){width, height, data};
    return RUBOR_OK;
}

void rubor_plane_finish(rubor_plane *plane)
{
    if (!plane)
        return;
    free(plane->data);
    *plane = (rubor_plane){0};
}

rubor_status rubor_mask_init(rubor_mask *mask, int width, int height, rubor_error *error)
{
    *mask = (rubor_mask){0};
    void *data;
    rubor_status status = allocate(&data, width, height, 1, error);
    if (!status)
        *mask = (rubor_mask){width, height, data};
    return status;
}

void rubor_mask_finish(rubor_mask *mask)
{
    if (!mask)
        return;
    free(mask->data);
    *mask = (rubor_mask){0};
}

rubor_status rubor_image_encoded_init(rubor_image_encoded *image, int width, int height, rubor_error *error)
{
    *image = (rubor_image_encoded){0};
    void *data;
    rubor_status status = allocate(&data, width, height, 3 * sizeof(uint16_t), error);
    if (!status)
        *image = (rubor_image_encoded){width, height, data};
    return status;
}

void rubor_image_encoded_finish(rubor_image_encoded *image)
{
    if (!image)
        return;
    free(image->rgb);
    *image = (rubor_image_encoded){0};
}

/* One allocation for three planes; plane[0] owns it. */
static rubor_status allocate_planes(float *plane[3], int width, int height, rubor_error *error)
{
    void *data;
    rubor_status status = allocate(&data, width, height, 3 * sizeof(float), error);
    for (size_t c = 0; c < 3; c++)
        plane[c] = data ? (float *)data + c * (size_t)width * (size_t)height : NULL;
    return status;
}

rubor_status rubor_image_calibrated_init(rubor_image_calibrated *image, int width, int height,
                                         rubor_error *error)
{
    *image = (rubor_image_calibrated){0};
    rubor_status status = allocate_planes(image->plane, width, height, error);
    if (!status)
        image->width = width, image->height = height;
    return status;
}

void rubor_image_calibrated_finish(rubor_image_calibrated *image)
{
    if (!image)
        return;
    free(image->plane[0]);
    *image = (rubor_image_calibrated){0};
}

void rubor_image_encode_calibrated(rubor_image_encoded *out, const rubor_image_calibrated *image)
{
    assert(out->width == image->width && out->height == image->height);
    enum { BLOCK = 256 };
    size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t count = n - start < BLOCK ? n - start : BLOCK;
        for (size_t c = 0; c < 3; c++) {
            uint16_t row[BLOCK];
            rubor_srgb_encode_row(row, image->plane[c] + start, (int)count);
            for (size_t i = 0; i < count; i++)
                out->rgb[3 * (start + i) + c] = row[i];
        }
    }
}
