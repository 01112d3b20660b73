#include "analyzer/overlay.h"

#include <assert.h>
#include <string.h>

/* Inside, with a neighbor within reach that is outside. */
static bool on_border(const rubor_mask *mask, int x, int y, int reach)
{
    const uint8_t *data = mask->data;
    size_t width = (size_t)mask->width;
    if (data[(size_t)y * width + (size_t)x] < 128)
        return false;
    for (int step = 1; step <= reach; step++) {
        if (x >= step && data[(size_t)y * width + (size_t)(x - step)] < 128)
            return true;
        if (x + step < mask->width && data[(size_t)y * width + (size_t)(x + step)] < 128)
            return true;
        if (y >= step && data[(size_t)(y - step) * width + (size_t)x] < 128)
            return true;
        if (y + step < mask->height && data[(size_t)(y + step) * width + (size_t)x] < 128)
            return true;
    }
    return false;
}

/* The first pixel from x on that may lie on a border: eight pixels all outside, or with all around them
 * inside, do not. */
static int skip_even(const rubor_mask *mask, int x, int y, int reach)
{
    const uint64_t tops = 0x8080808080808080u;
    const uint8_t *row = mask->data + (size_t)y * (size_t)mask->width;
    ptrdiff_t width = mask->width;
    while (x >= reach && x + 8 + reach <= mask->width) {
        uint64_t own, all, other;
        memcpy(&own, row + x, 8);
        all = own;
        for (int step = 1; step <= reach && (own & tops); step++) {
            const ptrdiff_t moves[4] = {-step, step, y >= step ? -step * width : 0,
                                        y + step < mask->height ? step * width : 0};
            for (int k = 0; k < 4; k++) {
                memcpy(&other, row + x + moves[k], 8);
                all &= other;
            }
        }
        if ((own & tops) && (all & tops) != tops)
            break;
        x += 8;
    }
    return x;
}

rubor_status rubor_overlay_draw(rubor_image_encoded *out, const rubor_image_encoded *picture,
                                const rubor_outline *outlines, int outline_count, rubor_error *error)
{
    rubor_status status = rubor_image_encoded_init(out, picture->width, picture->height, error);
    if (status != RUBOR_OK)
        return status;
    size_t width = (size_t)picture->width, height = (size_t)picture->height;
    memcpy(out->rgb, picture->rgb, width * height * 3 * sizeof *out->rgb);
    int reach = picture->width > 1200 ? 2 : 1;
    for (int k = 0; k < outline_count; k++) {
        const rubor_mask *mask = outlines[k].mask;
        if (!mask || !mask->data)
            continue;
        assert(mask->width == picture->width && mask->height == picture->height);
        for (int y = 0; y < mask->height; y++)
            for (int x = 0; x < mask->width; x++) {
                x = skip_even(mask, x, y, reach);
                if (x < mask->width && on_border(mask, x, y, reach))
                    for (int c = 0; c < 3; c++)
                        out->rgb[3 * ((size_t)y * width + (size_t)x) + (size_t)c] =
                            (uint16_t)(outlines[k].color[c] * 257);
            }
    }
    return RUBOR_OK;
}
