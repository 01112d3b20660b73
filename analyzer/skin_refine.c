#include "analyzer/skin_internal.h"

/* Any channel this near the encoding's limit no longer tells how much light there was. */
static const float clipped_linear = 0.985f;

rubor_status rubor_skin_refine(rubor_skin *out, const rubor_skin_field *field,
                               const rubor_image_calibrated *image, rubor_error *error)
{
    int w = image->width, h = image->height;
    rubor_plane soft = {0};
    rubor_status status = rubor_mask_init(&out->skin, w, h, error);
    if (!status)
        status = rubor_mask_init(&out->shine, w, h, error);
    if (!status)
        status = rubor_plane_init(&soft, field->width, field->height, error);
    if (status)
        return status;
    size_t n = (size_t)field->width * (size_t)field->height;
    for (size_t i = 0; i < n; i++)
        soft.data[i] = field->skin.data[i];
    double sx = (double)field->width / w, sy = (double)field->height / h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            float inside = rubor_plane_sample(&soft, (x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5);
            if (!(inside >= 128))
                continue;
            float r = image->plane[0][i], g = image->plane[1][i], b = image->plane[2][i];
            if (r > clipped_linear && g > clipped_linear && b > clipped_linear)
                out->shine.data[i] = 255;
            else
                out->skin.data[i] = 255;
        }
    rubor_plane_finish(&soft);
    return RUBOR_OK;
}
