#include "imaging/shrink.h"

#include "imaging/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whole numbers decide the borders, so that rounding cannot make a sliver of a pixel. */
rubor_span rubor_span_of(int index, int in_size, int out_size)
{
    assert(index >= 0 && index < out_size && out_size <= in_size);
    int64_t from = (int64_t)index * in_size, to = from + in_size; /* in 1/out_size pixels */
    int64_t first = from / out_size, last = (to - 1) / out_size;
    double unit = 1.0 / out_size;
    rubor_span span = {(int)first, (int)last, 0, 0};
    if (first == last) {
        span.first_part = (float)((double)(to - from) * unit);
    } else {
        span.first_part = (float)((double)((first + 1) * out_size - from) * unit);
        span.last_part = (float)((double)(to - last * out_size) * unit);
    }
    return span;
}

/* sum[x] += part * value and weight[x] += part over the finite pixels of one input row. */
static void add_row(float *sum, float *weight, const float *row, const rubor_span *spans, int width,
                    float part)
{
    for (int x = 0; x < width; x++) {
        rubor_span s = spans[x];
        float total = 0, known = 0;
        for (int i = s.first; i <= s.last; i++) {
            float w = i == s.first ? s.first_part : i == s.last ? s.last_part : 1.0F;
            bool finite = fabsf(row[i]) <= 3.4e38F;
            total += finite ? w * row[i] : 0.0F;
            known += finite ? w : 0.0F;
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
    float *weight = NULL;
    rubor_status status = rubor_plane_init(out, width, height, error);
    if (status)
        return status;
    spans = malloc((size_t)width * sizeof *spans);
    weight = malloc((size_t)width * sizeof *weight);
    if (!spans || !weight) {
        status =
            rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to shrink to %d x %d pixels", width, height);
        rubor_plane_finish(out);
        goto out;
    }
    for (int x = 0; x < width; x++)
        spans[x] = rubor_span_of(x, in->width, width);
    for (int y = 0; y < height; y++) {
        rubor_span rows = rubor_span_of(y, in->height, height);
        float *sum = out->data + (size_t)y * (size_t)width;
        memset(weight, 0, (size_t)width * sizeof *weight);
        for (int r = rows.first; r <= rows.last; r++) {
            float part = r == rows.first ? rows.first_part : r == rows.last ? rows.last_part : 1.0F;
            add_row(sum, weight, in->data + (size_t)r * (size_t)in->width, spans, width, part);
        }
        for (int x = 0; x < width; x++)
            sum[x] = weight[x] > 0 ? sum[x] / weight[x] : NAN;
    }
out:
    free(weight);
    free(spans);
    return status;
}
