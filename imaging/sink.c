#include "imaging/kernels.h"
#include "imaging/photo_internal.h"
#include "imaging/shrink.h"
#include "imaging/srgb_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct rubor_sink {
    rubor_image_encoded *picture;
    const rubor_icc *tables; /* color profile to apply to encoded values, or NULL */
    const float *matrix;     /* color profile's matrix to linear sRGB, or NULL */
    rubor_decode_plan plan;
    rubor_feed feed;
    int in_row, out_row;
    bool copy;             /* same size and no matrix: no averaging, no curve */
    rubor_span rows;       /* of out_row */
    rubor_span *spans;     /* of each output column */
    float *light;          /* fed width * 3: the fed row in linear light */
    float *sums;           /* fed width * 3 and one: linear light of the rows of out_row so far */
    float *linear;         /* grid_width * 3 and one */
    uint16_t *encoded;     /* grid_width * 3 */
    const float *curve[3]; /* linear light of the 256 or 65536 values of a channel */
    float srgb8[256];
};

static rubor_axis row_axis(const rubor_sink *sink)
{
    return (rubor_axis){sink->feed.y, sink->plan.stored.height, sink->feed.unit, sink->plan.grid_height};
}

static void choose_curves(rubor_sink *sink, const rubor_icc *icc, int bits)
{
    sink->matrix = icc ? rubor_icc_matrix(icc) : NULL;
    sink->tables = icc && !sink->matrix ? icc : NULL;
    const float *srgb = rubor_srgb_table();
    for (int i = 0; i < 256; i++)
        sink->srgb8[i] = srgb[i * 257];
    for (int c = 0; c < 3; c++)
        sink->curve[c] = sink->matrix ? rubor_icc_curve(icc, c) : bits == 16 ? srgb : sink->srgb8;
}

rubor_status rubor_sink_create(rubor_sink **out, rubor_image_encoded *picture, const rubor_decode_plan *plan,
                               const rubor_icc *icc, rubor_feed feed, rubor_error *error)
{
    rubor_sink *sink = calloc(1, sizeof *sink);
    *out = sink;
    if (!sink)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a photo");
    sink->picture = picture;
    sink->plan = *plan;
    sink->feed = feed;
    choose_curves(sink, icc, feed.bits);
    sink->copy = feed.unit == 1 && !sink->matrix && plan->stored.width == plan->grid_width &&
                 plan->stored.height == plan->grid_height;
    size_t in = (size_t)feed.width * 3, out_count = (size_t)plan->grid_width * 3;
    sink->spans = malloc((size_t)plan->grid_width * sizeof *sink->spans);
    sink->light = malloc(in * sizeof *sink->light);
    sink->sums = calloc(in + 1, sizeof *sink->sums);
    sink->linear = malloc((out_count + 1) * sizeof *sink->linear);
    sink->encoded = malloc(out_count * sizeof *sink->encoded);
    if (!sink->spans || !sink->light || !sink->sums || !sink->linear || !sink->encoded) {
        rubor_sink_destroy(out);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a photo");
    }
    rubor_axis columns = {feed.x, plan->stored.width, feed.unit, plan->grid_width};
    for (int x = 0; x < plan->grid_width; x++)
        sink->spans[x] = rubor_span_of(columns, x);
    assert(sink->spans[plan->grid_width - 1].last < feed.width);
    sink->rows = rubor_span_of(row_axis(sink), 0);
    return RUBOR_OK;
}

bool rubor_sink_done(const rubor_sink *sink)
{
    return sink->out_row == sink->plan.grid_height;
}

void rubor_sink_destroy(rubor_sink **sink)
{
    if (!sink || !*sink)
        return;
    free((*sink)->spans);
    free((*sink)->light);
    free((*sink)->sums);
    free((*sink)->linear);
    free((*sink)->encoded);
    free(*sink);
    *sink = NULL;
}

/* Where displayed pixel 0 of a grid row lies and how far apart its pixels are (EXIF 2.3, tag 0x0112). */
static void place_row(ptrdiff_t *start, ptrdiff_t *step, const rubor_decode_plan *plan, int row)
{
    ptrdiff_t width = plan->out_width, right = plan->grid_width - 1, bottom = plan->grid_height - 1;
    ptrdiff_t y = row, up = bottom - row;
    switch (plan->orientation) {
    case 2: /* mirrored left to right */
        *start = y * width + right, *step = -1;
        break;
    case 3: /* turned by 180 degrees */
        *start = up * width + right, *step = -1;
        break;
    case 4: /* mirrored top to bottom */
        *start = up * width, *step = 1;
        break;
    case 5: /* transposed */
        *start = y, *step = width;
        break;
    case 6: /* stored rows run down from the right side */
        *start = up, *step = width;
        break;
    case 7: /* transposed the other way */
        *start = right * width + up, *step = -width;
        break;
    case 8: /* stored rows run up from the left side */
        *start = right * width + y, *step = -width;
        break;
    default:
        *start = y * width, *step = 1;
    }
}

static void write_row(rubor_sink *sink, uint16_t *row)
{
    int width = sink->plan.grid_width;
    if (sink->tables)
        rubor_icc_apply(sink->tables, row, width);
    ptrdiff_t at, step;
    place_row(&at, &step, &sink->plan, sink->out_row++);
    if (step == 1) {
        memcpy(sink->picture->rgb + 3 * at, row, (size_t)width * 3 * sizeof *row);
        return;
    }
    for (int x = 0; x < width; x++, at += step)
        memcpy(sink->picture->rgb + 3 * at, row + 3 * x, 3 * sizeof *row);
}

/* Red, green, blue and what lies behind them: the fourth is read and written, and overwritten by the next. */
typedef float color_and_one __attribute__((vector_size(16), aligned(4), may_alias));

/* Horizontal averages of the finished sums. Both rows have room for one value more. */
static void average_columns(float *restrict out, const float *restrict sums, const rubor_span *restrict spans,
                            int width, float scale)
{
    for (int x = 0; x < width; x++, out += 3) {
        const rubor_span *s = &spans[x];
        const float *in = sums + 3 * (size_t)s->first, *last = sums + 3 * (size_t)s->last;
        color_and_one sum = s->first_part * *(const color_and_one *)in;
        for (in += 3; in < last; in += 3)
            sum += *(const color_and_one *)in;
        if (in == last)
            sum += s->last_part * *(const color_and_one *)in;
        *(color_and_one *)out = sum * scale;
    }
}

static void apply_matrix(float *rgb, int pixels, const float m[9])
{
    for (int i = 0; i < pixels; i++, rgb += 3) {
        float r = rgb[0], g = rgb[1], b = rgb[2];
        for (int c = 0; c < 3; c++)
            rgb[c] = m[3 * c] * r + m[3 * c + 1] * g + m[3 * c + 2] * b;
    }
}

static void finish_row(rubor_sink *sink)
{
    int width = sink->plan.grid_width;
    double unit = sink->feed.unit;
    double area =
        sink->plan.stored.width / unit / width * sink->plan.stored.height / unit / sink->plan.grid_height;
    average_columns(sink->linear, sink->sums, sink->spans, width, (float)(1 / area));
    if (sink->matrix)
        apply_matrix(sink->linear, width, sink->matrix);
    rubor_srgb_encode_row(sink->encoded, sink->linear, width * 3);
    write_row(sink, sink->encoded);
    if (!rubor_sink_done(sink))
        sink->rows = rubor_span_of(row_axis(sink), sink->out_row);
}

/* Adds the row in sink->light. It may end one output row and begin the next. */
static void add_row(rubor_sink *sink)
{
    size_t count = (size_t)sink->feed.width * 3;
    while (!rubor_sink_done(sink) && sink->in_row >= sink->rows.first) {
        bool first = sink->in_row == sink->rows.first;
        float part = first ? sink->rows.first_part : sink->in_row == sink->rows.last ? sink->rows.last_part : 1.0F;
        rubor_kernels_get()->scale_row(sink->sums, sink->light, part, !first, count);
        if (sink->in_row < sink->rows.last)
            break;
        finish_row(sink);
    }
    sink->in_row++;
}

/* True when the row takes part in the picture. */
static bool wants_row(const rubor_sink *sink)
{
    return !rubor_sink_done(sink) &&
           (sink->copy ? sink->in_row >= sink->feed.y : sink->in_row >= sink->rows.first);
}

/* A row of count / 3 pixels, whatever its samples are, as light. */
#define ROW_TO_LIGHT(sink, rgb)                                                                              \
    do {                                                                                                     \
        size_t count = (size_t)(sink)->feed.width * 3;                                                       \
        float *restrict light = (sink)->light;                                                               \
        const float *red = (sink)->curve[0], *green = (sink)->curve[1], *blue = (sink)->curve[2];            \
        for (size_t i = 0; i < count; i += 3) {                                                              \
            light[i] = red[(rgb)[i]];                                                                        \
            light[i + 1] = green[(rgb)[i + 1]];                                                              \
            light[i + 2] = blue[(rgb)[i + 2]];                                                               \
        }                                                                                                    \
        add_row(sink);                                                                                       \
    } while (0)

void rubor_sink_row16(rubor_sink *sink, const uint16_t *rgb)
{
    if (!wants_row(sink)) {
        sink->in_row++;
    } else if (sink->copy) {
        memcpy(sink->encoded, rgb + 3 * sink->feed.x, (size_t)sink->plan.grid_width * 3 * sizeof *rgb);
        write_row(sink, sink->encoded);
        sink->in_row++;
    } else {
        ROW_TO_LIGHT(sink, rgb);
    }
}

void rubor_sink_row8(rubor_sink *sink, const uint8_t *rgb)
{
    if (!wants_row(sink)) {
        sink->in_row++;
    } else if (sink->copy) {
        const uint8_t *from = rgb + 3 * sink->feed.x;
        for (int i = 0; i < 3 * sink->plan.grid_width; i++)
            sink->encoded[i] = (uint16_t)(from[i] * 257U);
        write_row(sink, sink->encoded);
        sink->in_row++;
    } else {
        ROW_TO_LIGHT(sink, rgb);
    }
}
