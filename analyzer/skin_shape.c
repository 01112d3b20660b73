#include "analyzer/skin_internal.h"

#include "imaging/linsolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The frame of a chart reaches at least this far beyond its outer patches, in patch pitches; a wider one is
 * told by its color. */
static const double chart_frame = 0.35;

/* A hole may be this much darker in red than the skin around it and still be skin. */
static const double hole_darker_od = 0.02;

void rubor_skin_cut_chart(rubor_skin_field *field, const rubor_calibration *calibration, int width,
                          int height, int full_width, int full_height)
{
    double inverse[9];
    if (calibration->status != RUBOR_CALIBRATION_CHART || full_width <= 0 || full_height <= 0 ||
        rubor_matrix3_inverse(inverse, calibration->location.homography, NULL))
        return;
    double sx = (double)full_width / width * field->step, sy = (double)full_height / height * field->step;
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

typedef struct piece {
    size_t count;
    double red_od,
        rim_red_od; /* means of the red OD inside, and over the other value's pixels along the border */
    bool touches_frame;
} piece;

/* Collects the 4-connected piece of pixels of value that start belongs to; its pixels are left in stack. */
static piece collect(const rubor_skin_field *field, uint8_t value, size_t start, uint8_t *seen,
                     int32_t *stack)
{
    int w = field->width, h = field->height;
    const uint8_t *mask = field->skin.data;
    piece p = {0};
    double rim = 0;
    size_t head = 0;
    stack[p.count++] = (int32_t)start;
    seen[start] = 1;
    while (head < p.count) {
        int32_t at = stack[head++];
        int x = at % w, y = at / w;
        p.red_od += field->red_od.data[at];
        const int32_t next[4] = {x > 0 ? at - 1 : -1, x < w - 1 ? at + 1 : -1, y > 0 ? at - w : -1,
                                 y < h - 1 ? at + w : -1};
        for (int k = 0; k < 4; k++) {
            if (next[k] < 0) {
                p.touches_frame = true;
            } else if (mask[next[k]] != value) {
                p.rim_red_od += field->red_od.data[next[k]];
                rim++;
            } else if (!seen[next[k]]) {
                seen[next[k]] = 1;
                stack[p.count++] = next[k];
            }
        }
    }
    p.red_od /= (double)p.count;
    p.rim_red_od = rim > 0 ? p.rim_red_od / rim : 0;
    return p;
}

static size_t largest_piece(const rubor_skin_field *field, uint8_t *seen, int32_t *stack)
{
    size_t n = (size_t)field->width * (size_t)field->height, largest = 0;
    memset(seen, 0, n);
    for (size_t i = 0; i < n; i++)
        if (!seen[i] && field->skin.data[i]) {
            size_t count = collect(field, 255, i, seen, stack).count;
            largest = count > largest ? count : largest;
        }
    return largest;
}

/* Drops pieces of skin that are small beside the largest. */
static void drop_small(rubor_skin_field *field, uint8_t *seen, int32_t *stack)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    size_t least = n / 800 + 1, part = largest_piece(field, seen, stack) / 40;
    least = part > least ? part : least;
    memset(seen, 0, n);
    for (size_t i = 0; i < n; i++) {
        if (seen[i] || !field->skin.data[i])
            continue;
        piece p = collect(field, 255, i, seen, stack);
        for (size_t k = 0; k < p.count && p.count < least; k++)
            field->skin.data[stack[k]] = 0;
    }
}

/* Fills holes that are specks, and holes in which red is not darker than on the skin around: erythema and
 * highlights, not eyes, brows and nostrils. */
static void fill_holes(rubor_skin_field *field, uint8_t *seen, int32_t *stack)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    memset(seen, 0, n);
    for (size_t i = 0; i < n; i++) {
        if (seen[i] || field->skin.data[i])
            continue;
        piece p = collect(field, 0, i, seen, stack);
        bool speck = p.count < n / 12000 + 1, light = p.red_od < p.rim_red_od + hole_darker_od;
        if (p.touches_frame || !(speck || (light && p.count < n / 20)))
            continue;
        for (size_t k = 0; k < p.count; k++)
            field->skin.data[stack[k]] = field->outside.data[stack[k]] ? 0 : 255;
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
    drop_small(field, seen, stack);
    fill_holes(field, seen, stack);
out:
    free(seen);
    free(stack);
    return status;
}
