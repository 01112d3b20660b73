#include "imaging/shrink.h"

#include "imaging/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whole numbers decide the borders, so that rounding cannot make a sliver of a pixel. */
rubor_span rubor_span_of(rubor_axis axis, int index)
{
    assert(index >= 0 && index < axis.out_size && axis.offset >= 0);
    int64_t pixel = (int64_t)axis.out_size * axis.unit; /* one input pixel, in 1/(out_size * unit) */
    int64_t from = (int64_t)axis.offset * axis.out_size + (int64_t)index * axis.length,
            to = from + axis.length;
    int64_t first = from / pixel, last = (to - 1) / pixel;
    double part = 1.0 / (double)pixel;
    rubor_span span = {(int)first, (int)last, 0, 0};
    if (first == last) {
        span.first_part = (float)((double)axis.length * part);
    } else {
        span.first_part = (float)((double)((first + 1) * pixel - from) * part);
        span.last_part = (float)((double)(to - last * pixel) * part);
    }
    return span;
}

/* The row with 0 where it is not finite, and 1 or 0 for whether it is. */
static void find_finite(float *restrict values, float *restrict finite, const float *restrict row, int width)
{
    for (int i = 0; i < width; i++) {
        int32_t bits;
        memcpy(&bits, row + i, sizeof bits);
        int32_t keep = (bits & 0x7fffffff) <= 0x7f7fc99e ? -1 : 0; /* to 3.4e38 */
        bits &= keep;
        memcpy(values + i, &bits, sizeof bits);
        finite[i] = (float)(keep & 1);
    }
}

/* sum[x] += part * value and weight[x] += part over the finite pixels of one input row. */
static void add_row(float *restrict sum, float *restrict weight, const float *restrict values,
                    const float *restrict finite, const rubor_span *restrict spans, int width, float part)
{
    for (int x = 0; x < width; x++) {
        rubor_span s = spans[x];
        float total = s.first_part * values[s.first], known = s.first_part * finite[s.first];
        for (int i = s.first + 1; i < s.last; i++) {
            total += values[i];
            known += finite[i];
        }
        if (s.last > s.first) {
            total += s.last_part * values[s.last];
            known += s.last_part * finite[s.last];
        }
        sum[x] += part * total;
        weight[x] += part * known;
    }
}

rubor_status rubor_plane_shrink(rubor_plane *out, const rubor_plane *in, int width, int height,
                                rubor_error *error)
{
    assert(width > 0 && height > 0 && width <= in->width && height <= in->height);
    rubor_span *spans = NULL;
    float *weight = NULL, *values = NULL;
    rubor_status status = rubor_plane_init(out, width, height, error);
    if (status)
        return status;
    spans = malloc((size_t)width * sizeof *spans);
    weight = malloc((size_t)width * sizeof *weight);
    values = malloc(2 * (size_t)in->width * sizeof *values);
    if (!spans || !weight || !values) {
        status =
            rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to shrink to %d x %d pixels", width, height);
        rubor_plane_finish(out);
        goto out;
    }
    for (int x = 0; x < width; x++)
        spans[x] = rubor_span_of((rubor_axis){0, in->width, 1, width}, x);
    for (int y = 0; y < height; y++) {
        rubor_span rows = rubor_span_of((rubor_axis){0, in->height, 1, height}, y);
        float *sum = out->data + (size_t)y * (size_t)width;
        memset(weight, 0, (size_t)width * sizeof *weight);
        for (int r = rows.first; r <= rows.last; r++) {
            float part = r == rows.first ? rows.first_part : r == rows.last ? rows.last_part : 1.0F;
            find_finite(values, values + in->width, in->data + (size_t)r * (size_t)in->width, in->width);
            add_row(sum, weight, values, values + in->width, spans, width, part);
        }
        for (int x = 0; x < width; x++)
            sum[x] = weight[x] > 0 ? sum[x] / weight[x] : NAN;
    }
out:
    free(values);
    free(weight);
    free(spans);
    return status;
}
