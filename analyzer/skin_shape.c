#include "analyzer/skin_internal.h"

#include "imaging/linsolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The frame of a chart reaches at least this far beyond its outer patches, in patch pitches; a wider one is
 * told by its color. */
static const double chart_frame = 0.35;

void rubor_skin_cut_chart(rubor_skin_field *field, const rubor_calibration *calibration, int full_width,
                          int full_height)
{
    double inverse[9];
    if (calibration->status != RUBOR_CALIBRATION_CHART || full_width <= 0 || full_height <= 0 ||
        rubor_matrix3_inverse(inverse, calibration->location.homography, NULL))
        return;
    double sx = (double)full_width / field->width, sy = (double)full_height / field->height;
    for (int y = 0; y < field->height; y++)
        for (int x = 0; x < field->width; x++) {
            double px = (x + 0.5) * sx - 0.5, py = (y + 0.5) * sy - 0.5;
            double w = inverse[6] * px + inverse[7] * py + inverse[8];
            double cx = (inverse[0] * px + inverse[1] * py + inverse[2]) / w;
            double cy = (inverse[3] * px + inverse[4] * py + inverse[5]) / w;
            if (cx > -chart_frame && cx < RUBOR_CHART_COLUMNS + chart_frame && cy > -chart_frame &&
                cy < RUBOR_CHART_ROWS + chart_frame)
                field->outside.data[(size_t)y * (size_t)field->width + (size_t)x] = 255;
        }
}

/* Gives each 4-connected piece of mask (255 where value matches) to visit; pieces smaller than least are set
 * to replacement. labels and stack hold n entries each. */
static void drop_small(rubor_mask *mask, uint8_t value, size_t least, uint8_t replacement, uint8_t *seen,
                       int32_t *stack)
{
    int w = mask->width, h = mask->height;
    size_t n = (size_t)w * (size_t)h;
    memset(seen, 0, n);
    for (size_t start = 0; start < n; start++) {
        if (seen[start] || mask->data[start] != value)
            continue;
        size_t head = 0, tail = 0;
        stack[tail++] = (int32_t)start;
        seen[start] = 1;
        while (head < tail) {
            int32_t at = stack[head++];
            int x = at % w, y = at / w;
            const int32_t next[4] = {x > 0 ? at - 1 : -1, x < w - 1 ? at + 1 : -1, y > 0 ? at - w : -1,
                                     y < h - 1 ? at + w : -1};
            for (int k = 0; k < 4; k++)
                if (next[k] >= 0 && !seen[next[k]] && mask->data[next[k]] == value) {
                    seen[next[k]] = 1;
                    stack[tail++] = next[k];
                }
        }
        if (tail < least)
            for (size_t k = 0; k < tail; k++)
                mask->data[stack[k]] = replacement;
    }
}

rubor_status rubor_skin_shape(rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    uint8_t *seen = malloc(n);
    int32_t *stack = malloc(n * sizeof *stack);
    rubor_status status = RUBOR_OK;
    if (!seen || !stack) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the shape of the skin");
        goto out;
    }
    status = rubor_plane_box(&field->odds, 1, error);
    if (status)
        goto out;
    for (size_t i = 0; i < n; i++)
        field->skin.data[i] = field->odds.data[i] > 0 && !field->outside.data[i] ? 255 : 0;
    drop_small(&field->skin, 255, n / 200 + 1, 0, seen, stack);
    drop_small(&field->skin, 0, n / 4000 + 1, 255, seen, stack);
    for (size_t i = 0; i < n; i++)
        if (field->outside.data[i])
            field->skin.data[i] = 0;
out:
    free(seen);
    free(stack);
    return status;
}
