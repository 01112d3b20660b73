#include "imaging/kernels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Counts inside pixels in a window that is cut off at the border: what lies outside the image neither
 * dilates into it nor erodes it. want_all: erosion, else dilation. */
static void pass_rows(uint8_t *out, const uint8_t *in, int width, int height, int radius, bool want_all)
{
    for (int y = 0; y < height; y++) {
        const uint8_t *row = in + (size_t)y * (size_t)width;
        uint8_t *to = out + (size_t)y * (size_t)width;
        int inside = 0, pixels = 0;
        for (int x = 0; x < radius && x < width; x++, pixels++)
            inside += row[x] >= 128;
        for (int x = 0; x < width; x++) {
            if (x + radius < width)
                inside += row[x + radius] >= 128, pixels++;
            if (x - radius - 1 >= 0)
                inside -= row[x - radius - 1] >= 128, pixels--;
            to[x] = (want_all ? inside == pixels : inside > 0) ? 255 : 0;
        }
    }
}

static void count_row(int *counts, const uint8_t *row, int width, int sign)
{
    for (int x = 0; x < width; x++)
        counts[x] += row[x] >= 128 ? sign : 0;
}

static void pass_columns(uint8_t *out, const uint8_t *in, int width, int height, int radius, bool want_all,
                         int *counts)
{
    size_t stride = (size_t)width;
    int rows = 0;
    memset(counts, 0, stride * sizeof *counts);
    for (int y = 0; y < radius && y < height; y++, rows++)
        count_row(counts, in + (size_t)y * stride, width, 1);
    for (int y = 0; y < height; y++) {
        if (y + radius < height)
            count_row(counts, in + (size_t)(y + radius) * stride, width, 1), rows++;
        if (y - radius - 1 >= 0)
            count_row(counts, in + (size_t)(y - radius - 1) * stride, width, -1), rows--;
        int wanted = want_all ? rows : 1;
        uint8_t *to = out + (size_t)y * stride;
        for (int x = 0; x < width; x++)
            to[x] = counts[x] >= wanted ? 255 : 0;
    }
}

static rubor_status morph(rubor_mask *mask, int radius, bool want_all, rubor_error *error)
{
    assert(radius >= 0);
    int largest = mask->width > mask->height ? mask->width : mask->height;
    radius = radius < largest ? radius : largest;
    size_t n = (size_t)mask->width * (size_t)mask->height;
    uint8_t *other = malloc(n);
    int *counts = malloc((size_t)mask->width * sizeof *counts);
    rubor_status status = RUBOR_OK;
    if (!other || !counts) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a mask of %d x %d pixels",
                                 mask->width, mask->height);
        goto out;
    }
    pass_rows(other, mask->data, mask->width, mask->height, radius, want_all);
    pass_columns(mask->data, other, mask->width, mask->height, radius, want_all, counts);
out:
    free(counts);
    free(other);
    return status;
}

rubor_status rubor_mask_dilate(rubor_mask *mask, int radius_px, rubor_error *error)
{
    return morph(mask, radius_px, false, error);
}

rubor_status rubor_mask_erode(rubor_mask *mask, int radius_px, rubor_error *error)
{
    return morph(mask, radius_px, true, error);
}

size_t rubor_mask_count(const rubor_mask *mask)
{
    size_t count = 0, n = (size_t)mask->width * (size_t)mask->height;
    for (size_t start = 0; start < n; start += UINT8_MAX) { /* so that a byte holds the sum */
        size_t end = n - start < UINT8_MAX ? n : start + UINT8_MAX;
        uint8_t inside = 0;
        for (size_t i = start; i < end; i++)
            inside = (uint8_t)(inside + (mask->data[i] >> 7));
        count += inside;
    }
    return count;
}
