/* Small images for the chart search: 8 bits of sRGB encoding, halved level by level. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <stdlib.h>

static rubor_status image_alloc(rubor_cf_image *out, int width, int height, rubor_error *error)
{
    out->rgb = malloc((size_t)width * (size_t)height * 3);
    if (!out->rgb)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the chart search (%d x %d)", width,
                               height);
    out->width = width;
    out->height = height;
    return RUBOR_OK;
}

rubor_status rubor_cf_image_from_encoded(rubor_cf_image *out, const rubor_image_encoded *image,
                                         rubor_error *error)
{
    rubor_status status = image_alloc(out, image->width, image->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t n = (size_t)image->width * (size_t)image->height * 3;
    const uint16_t *in = image->rgb;
    uint8_t *to = out->rgb;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(in[i] >> 8);
    return RUBOR_OK;
}

rubor_status rubor_cf_image_halve(rubor_cf_image *out, const rubor_cf_image *in, rubor_error *error)
{
    int width = in->width / 2, height = in->height / 2;
    rubor_status status = image_alloc(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    for (int y = 0; y < height; y++) {
        const uint8_t *a = in->rgb + (size_t)(2 * y) * (size_t)in->width * 3;
        const uint8_t *b = a + (size_t)in->width * 3;
        uint8_t *to = out->rgb + (size_t)y * (size_t)width * 3;
        for (int x = 0; x < width; x++, a += 6, b += 6, to += 3) {
            to[0] = (uint8_t)((a[0] + a[3] + b[0] + b[3] + 2) >> 2);
            to[1] = (uint8_t)((a[1] + a[4] + b[1] + b[4] + 2) >> 2);
            to[2] = (uint8_t)((a[2] + a[5] + b[2] + b[5] + 2) >> 2);
        }
    }
    return RUBOR_OK;
}

rubor_status rubor_cf_image_two_thirds(rubor_cf_image *out, const rubor_cf_image *in, rubor_error *error)
{
    int width = in->width / 3 * 2, height = in->height / 3 * 2;
    if (width == 0 || height == 0)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "no 24-patch color chart was found in the photo");
    rubor_status status = image_alloc(out, width, height, error);
    if (status != RUBOR_OK)
        return status;
    size_t row = (size_t)in->width * 3;
    for (int y = 0; y < height; y++) {
        /* the whole pixel at the corner of the three, and half the middle one */
        const uint8_t *near = in->rgb + (size_t)(y / 2 * 3 + (y % 2 ? 2 : 0)) * row;
        const uint8_t *middle = in->rgb + (size_t)(y / 2 * 3 + 1) * row;
        uint8_t *to = out->rgb + (size_t)y * (size_t)width * 3;
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                int n = (x / 2 * 3 + (x % 2 ? 2 : 0)) * 3 + c, m = (x / 2 * 3 + 1) * 3 + c;
                *to++ = (uint8_t)((4 * near[n] + 2 * near[m] + 2 * middle[n] + middle[m] + 4) / 9);
            }
    }
    return RUBOR_OK;
}

void rubor_cf_image_finish(rubor_cf_image *image)
{
    if (!image)
        return;
    free(image->rgb);
    *image = (rubor_cf_image){0};
}

bool rubor_cf_image_mean(double rgb[3], const rubor_cf_image *image, double x, double y, double radius)
{
    /* written so that NaN is refused too */
    if (!(x >= 0 && y >= 0 && x <= image->width - 1 && y <= image->height - 1))
        return false;
    int x0 = (int)floor(x - radius + 0.5), x1 = (int)floor(x + radius + 0.5);
    int y0 = (int)floor(y - radius + 0.5), y1 = (int)floor(y + radius + 0.5);
    if (x0 < 0)
        x0 = 0;
    if (y0 < 0)
        y0 = 0;
    if (x1 > image->width - 1)
        x1 = image->width - 1;
    if (y1 > image->height - 1)
        y1 = image->height - 1;
    int64_t sum[3] = {0, 0, 0};
    for (int j = y0; j <= y1; j++) {
        const uint8_t *p = image->rgb + ((size_t)j * (size_t)image->width + (size_t)x0) * 3;
        for (int i = x0; i <= x1; i++, p += 3) {
            sum[0] += p[0];
            sum[1] += p[1];
            sum[2] += p[2];
        }
    }
    double n = (double)(x1 - x0 + 1) * (double)(y1 - y0 + 1);
    for (int c = 0; c < 3; c++)
        rgb[c] = (double)sum[c] / n;
    return true;
}

void rubor_cf_image_at(double rgb[3], const rubor_cf_image *image, double x, double y)
{
    x = x > 0 ? x : 0;
    y = y > 0 ? y : 0;
    if (x > image->width - 1)
        x = image->width - 1;
    if (y > image->height - 1)
        y = image->height - 1;
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < image->width ? x0 + 1 : x0, y1 = y0 + 1 < image->height ? y0 + 1 : y0;
    double fx = x - x0, fy = y - y0;
    const uint8_t *row0 = image->rgb + (size_t)y0 * (size_t)image->width * 3;
    const uint8_t *row1 = image->rgb + (size_t)y1 * (size_t)image->width * 3;
    for (int c = 0; c < 3; c++) {
        double top = row0[3 * x0 + c] + fx * (row0[3 * x1 + c] - row0[3 * x0 + c]);
        double bottom = row1[3 * x0 + c] + fx * (row1[3 * x1 + c] - row1[3 * x0 + c]);
        rgb[c] = top + fy * (bottom - top);
    }
}
