#include "imaging/photo_internal.h"
#include "imaging/shrink.h"
#include "imaging/srgb_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct rubor_sink {
    rubor_image_encoded *picture;
    const rubor_icc *icc;
    rubor_decode_plan plan;
    rubor_feed feed;
    int in_row, out_row;
    bool copy;         /* same size: no averaging, no curve */
    rubor_span rows;   /* of out_row */
    rubor_span *spans; /* of each output column */
    float *sums;       /* fed width * 3: linear light of the rows of out_row so far */
    float *linear;     /* grid_width * 3 */
    uint16_t *encoded; /* grid_width * 3 */
    uint16_t *wide;    /* fed width * 3 */
};

static rubor_axis row_axis(const rubor_sink *sink)
{
    return (rubor_axis){sink->feed.y, sink->plan.stored.height, sink->feed.unit, sink->plan.grid_height};
}

rubor_status rubor_sink_create(rubor_sink **out, rubor_image_encoded *picture, const rubor_decode_plan *plan,
                               const rubor_icc *icc, rubor_feed feed, rubor_error *error)
{
    rubor_sink *sink = calloc(1, sizeof *sink);
    *out = sink;
    if (!sink)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a photo");
    sink->picture = picture;
    sink->icc = icc;
    sink->plan = *plan;
    sink->feed = feed;
    sink->copy =
        feed.unit == 1 && plan->stored.width == plan->grid_width && plan->stored.height == plan->grid_height;
    size_t in = (size_t)feed.width * 3, out_count = (size_t)plan->grid_width * 3;
    sink->spans = malloc((size_t)plan->grid_width * sizeof *sink->spans);
    sink->sums = calloc(in, sizeof *sink->sums);
    sink->wide = malloc(in * sizeof *sink->wide);
    sink->linear = malloc(out_count * sizeof *sink->linear);
    sink->encoded = malloc(out_count * sizeof *sink->encoded);
    if (!sink->spans || !sink->sums || !sink->wide || !sink->linear || !sink->encoded) {
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
    free((*sink)->sums);
    free((*sink)->wide);
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
    if (sink->icc)
        rubor_icc_apply(sink->icc, row, width);
    ptrdiff_t at, step;
    place_row(&at, &step, &sink->plan, sink->out_row++);
    if (step == 1) {
        memcpy(sink->picture->rgb + 3 * at, row, (size_t)width * 3 * sizeof *row);
        return;
    }
    for (int x = 0; x < width; x++, at += step)
        memcpy(sink->picture->rgb + 3 * at, row + 3 * x, 3 * sizeof *row);
}

static void finish_row(rubor_sink *sink)
{
    int width = sink->plan.grid_width;
    double unit = sink->feed.unit;
    double area =
        sink->plan.stored.width / unit / width * sink->plan.stored.height / unit / sink->plan.grid_height;
    float scale = (float)(1 / area);
    for (int x = 0; x < width; x++) {
        rubor_span s = sink->spans[x];
        const float *in = sink->sums + 3 * (size_t)s.first;
        float r = s.first_part * in[0], g = s.first_part * in[1], b = s.first_part * in[2];
        if (s.last > s.first) {
            for (int i = s.first + 1; i < s.last; i++) {
                in += 3;
                r += in[0], g += in[1], b += in[2];
            }
            in += 3;
            r += s.last_part * in[0], g += s.last_part * in[1], b += s.last_part * in[2];
        }
        sink->linear[3 * x] = r * scale;
        sink->linear[3 * x + 1] = g * scale;
        sink->linear[3 * x + 2] = b * scale;
    }
    rubor_srgb_encode_row(sink->encoded, sink->linear, width * 3);
    write_row(sink, sink->encoded);
    memset(sink->sums, 0, (size_t)sink->feed.width * 3 * sizeof *sink->sums);
    if (sink->out_row < sink->plan.grid_height)
        sink->rows = rubor_span_of(row_axis(sink), sink->out_row);
}

/* The part of input row in_row that belongs to out_row. */
static float part_of_row(const rubor_sink *sink)
{
    return sink->in_row == sink->rows.first  ? sink->rows.first_part
           : sink->in_row == sink->rows.last ? sink->rows.last_part
                                             : 1.0F;
}

static void add_row(rubor_sink *sink, const uint16_t *rgb)
{
    const float *table = rubor_srgb_table();
    size_t count = (size_t)sink->feed.width * 3;
    /* A row may end one output row and begin the next. */
    while (!rubor_sink_done(sink) && sink->in_row >= sink->rows.first) {
        float part = part_of_row(sink);
        for (size_t i = 0; i < count; i++)
            sink->sums[i] += part * table[rgb[i]];
        if (sink->in_row < sink->rows.last)
            break;
        finish_row(sink);
    }
    sink->in_row++;
}

static void copy_row(rubor_sink *sink, const uint16_t *rgb)
{
    if (sink->in_row++ < sink->feed.y || rubor_sink_done(sink))
        return;
    memcpy(sink->encoded, rgb + 3 * sink->feed.x, (size_t)sink->plan.grid_width * 3 * sizeof *rgb);
    write_row(sink, sink->encoded);
}

void rubor_sink_row16(rubor_sink *sink, const uint16_t *rgb)
{
    if (sink->copy)
        copy_row(sink, rgb);
    else
        add_row(sink, rgb);
}

void rubor_sink_row8(rubor_sink *sink, const uint8_t *rgb)
{
    size_t count = (size_t)sink->feed.width * 3;
    for (size_t i = 0; i < count; i++)
        sink->wide[i] = (uint16_t)(rgb[i] * 257U);
    rubor_sink_row16(sink, sink->wide);
}
