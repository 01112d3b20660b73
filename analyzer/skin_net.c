/* The network of the skin mask: a U of five levels (16 to 160 channels, each half as wide as the one above)
 * made of depthwise 3 x 3 and 1 x 1 convolutions (Howard et al. 2017), what the whole photo holds added at
 * the bottom, and the levels added again on the way up (Ronneberger et al. 2015). Plain loops in a fixed
 * order. */
#include "analyzer/skin_net.h"

#include "analyzer/skin_prior.h"
#include "imaging/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COARSEST = 32, LEVELS = 5, INPUTS = 3, CHUNK = 512, LOOKS = 2 };
/* Long sides, in pixels, at which the photo is looked at: near faces and far ones; people without a chart may
 * be farther. The second look is at the mirrored photo, and the log-odds are averaged: what the two err in
 * differs. */
static const int sides[2][LOOKS] = {{256, 512}, {256, 384}};
static const int widths[LEVELS] = {16, 40, 72, 112, 160};
static const int blocks[LEVELS] = {1, 1, 2, 2, 2}; /* that keep the shape, after the one that halves it */

/* channels x height x width; who makes one fills it */
typedef struct map {
    int channels, width, height;
    float *data;
} map;

typedef struct reader {
    const signed char *weights;
    const float *scales, *biases;
} reader;

static void map_finish(map *m)
{
    free(m->data);
    memset(m, 0, sizeof *m);
}

static rubor_status map_init(map *m, int channels, int width, int height, rubor_error *error)
{
    *m = (map){channels, width, height, NULL};
    m->data = malloc((size_t)channels * (size_t)width * (size_t)height * sizeof *m->data);
    return m->data ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the skin network");
}

static float *plane_of(const map *m, int channel)
{
    return m->data + (size_t)channel * (size_t)m->width * (size_t)m->height;
}

static void rectify(map *m)
{
    size_t n = (size_t)m->channels * (size_t)m->width * (size_t)m->height;
    float *data = m->data;
    for (size_t i = 0; i < n; i++)
        data[i] = data[i] > 0 ? data[i] : 0;
}

/* One row of a 3 x 3 kernel at its own size, width at least 2: the pixels at the rim have two taps. */
static void add_row(float *to, const float *from, int width, const float w[3])
{
    to[0] = to[0] + w[1] * from[0] + w[2] * from[1];
    rubor_kernels_get()->add_taps(to + 1, from + 1, w, (size_t)width - 2);
    to[width - 1] = to[width - 1] + w[0] * from[width - 2] + w[1] * from[width - 1];
}

/* out += one 3 x 3 kernel over in of the same size; nothing beyond the rim. */
static void add_same_size(float *out, int width, int height, const float *in, const signed char kernel[9],
                          float scale)
{
    for (int y = 0; y < height; y++)
        for (int row = y ? 0 : 1; row < 3 && y + row - 1 < height; row++) {
            float w[3];
            for (int k = 0; k < 3; k++)
                w[k] = scale * (float)kernel[3 * row + k];
            add_row(out + (size_t)y * (size_t)width, in + (size_t)(y + row - 1) * (size_t)width, width, w);
        }
}

/* out += one 3 x 3 kernel over in; nothing beyond the rim. */
static void add_kernel(float *out, int width, int height, const float *in, int in_width, int in_height,
                       int stride, const signed char kernel[9], float scale)
{
    if (stride == 1 && width >= 2) {
        add_same_size(out, width, height, in, kernel, scale);
        return;
    }
    for (int y = 0; y < height; y++)
        for (int k = 0; k < 9; k++) {
            int from_y = y * stride + k / 3 - 1, shift = k % 3 - 1;
            if (from_y < 0 || from_y >= in_height)
                continue;
            float weight = scale * (float)kernel[k], *to = out + (size_t)y * (size_t)width;
            const float *from = in + (size_t)from_y * (size_t)in_width;
            int first = shift < 0 ? 1 : 0, end = width;
            while (end > first && (end - 1) * stride + shift >= in_width)
                end--;
            for (int x = first; x < end; x++)
                to[x] += weight * from[x * stride + shift];
        }
}

static void fill(float *out, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        out[i] = value;
}

/* Full 3 x 3 of the inputs (all == true) or each channel by itself. */
static rubor_status spatial(map *out, const map *in, int channels, int stride, bool all, reader *r,
                            rubor_error *error)
{
    rubor_status status =
        map_init(out, channels, (in->width + stride - 1) / stride, (in->height + stride - 1) / stride, error);
    for (int o = 0; o < channels && !status; o++) {
        float *to = plane_of(out, o);
        fill(to, (size_t)out->width * (size_t)out->height, *r->biases++);
        for (int i = all ? 0 : o; i < (all ? in->channels : o + 1); i++, r->weights += 9)
            add_kernel(to, out->width, out->height, plane_of(in, i), in->width, in->height, stride,
                       r->weights, *r->scales);
        r->scales++;
    }
    if (!status)
        rectify(out);
    return status;
}

/* 1 x 1; in->channels is a multiple of four. */
static rubor_status point(map *out, const map *in, int channels, reader *r, rubor_error *error)
{
    size_t n = (size_t)in->width * (size_t)in->height;
    rubor_status status = map_init(out, channels, in->width, in->height, error);
    for (size_t start = 0; start < n && !status; start += CHUNK) {
        size_t count = n - start < CHUNK ? n - start : CHUNK;
        for (int o = 0; o < channels; o++) {
            const signed char *weights = r->weights + (size_t)o * (size_t)in->channels;
            float *to = plane_of(out, o) + start;
            fill(to, count, r->biases[o]);
            for (int i = 0; i < in->channels; i += 4) {
                float w[4];
                for (int k = 0; k < 4; k++)
                    w[k] = r->scales[o] * (float)weights[i + k];
                rubor_kernels_get()->add_four(to, plane_of(in, i) + start, n, w, count);
            }
        }
    }
    r->weights += channels * in->channels;
    r->scales += channels;
    r->biases += channels;
    return status;
}

/* Depthwise, then 1 x 1, added to its input where the shape stays. *m is replaced. */
static rubor_status block(map *m, int channels, int stride, reader *r, rubor_error *error)
{
    map middle = {0}, out = {0};
    bool adds = channels == m->channels && stride == 1;
    rubor_status status = spatial(&middle, m, m->channels, stride, false, r, error);
    if (!status)
        status = point(&out, &middle, channels, r, error);
    map_finish(&middle);
    if (status) {
        map_finish(&out);
        return status;
    }
    size_t n = (size_t)out.channels * (size_t)out.width * (size_t)out.height;
    float *restrict to = out.data;
    const float *restrict add = m->data;
    for (size_t i = 0; i < n && adds; i++)
        to[i] += add[i];
    rectify(&out);
    map_finish(m);
    *m = out;
    return RUBOR_OK;
}

/* Adds what the whole photo holds to every place. */
static rubor_status add_whole(map *m, reader *r, rubor_error *error)
{
    map mean = {0}, whole = {0};
    size_t n = (size_t)m->width * (size_t)m->height;
    rubor_status status = map_init(&mean, m->channels, 1, 1, error);
    for (int c = 0; c < m->channels && !status; c++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)plane_of(m, c)[i];
        mean.data[c] = (float)(sum / (double)n);
    }
    if (!status)
        status = point(&whole, &mean, m->channels, r, error);
    for (int c = 0; c < m->channels && !status; c++)
        for (size_t i = 0; i < n; i++)
            plane_of(m, c)[i] += whole.data[c];
    if (!status)
        rectify(m);
    map_finish(&mean);
    map_finish(&whole);
    return status;
}

/* One level up: fewer channels, twice as wide, added to what that level was on the way down. */
static rubor_status rise(map *m, const map *level, reader *r, rubor_error *error)
{
    map side = {0}, out = {0};
    rubor_status status = point(&side, m, level->channels, r, error);
    if (!status)
        status = map_init(&out, level->channels, level->width, level->height, error);
    for (int c = 0; c < level->channels && !status; c++)
        for (int y = 0; y < level->height; y++) {
            const float *from = plane_of(&side, c) + (size_t)(y / 2) * (size_t)side.width;
            size_t row = (size_t)y * (size_t)level->width;
            const float *add = plane_of(level, c) + row;
            float *to = plane_of(&out, c) + row;
            for (int x = 0; x < level->width; x++)
                to[x] = from[x / 2] + add[x];
        }
    map_finish(&side);
    if (status) {
        map_finish(&out);
        return status;
    }
    rectify(&out);
    map_finish(m);
    *m = out;
    return block(m, m->channels, 1, r, error);
}

/* *m: the inputs, replaced by the log-odds at half their size. */
static rubor_status run(map *m, rubor_error *error)
{
    reader r = {rubor_skin_net_weights, rubor_skin_net_scales, rubor_skin_net_biases};
    map levels[LEVELS] = {{0}}, out = {0};
    rubor_status status = spatial(&out, m, widths[0], 2, true, &r, error);
    map_finish(m);
    *m = out;
    for (int l = 0; l < LEVELS && !status; l++) {
        if (l > 0)
            status = block(m, widths[l], 2, &r, error);
        for (int b = 0; b < blocks[l] && !status; b++)
            status = block(m, widths[l], 1, &r, error);
        if (!status)
            status = map_init(&levels[l], m->channels, m->width, m->height, error);
        if (!status)
            memcpy(levels[l].data, m->data,
                   (size_t)m->channels * (size_t)m->width * (size_t)m->height * sizeof *m->data);
    }
    if (!status)
        status = add_whole(m, &r, error);
    for (int l = LEVELS - 2; l >= 0 && !status; l--)
        status = rise(m, &levels[l], &r, error);
    out = (map){0};
    if (!status)
        status = point(&out, m, 1, &r, error);
    map_finish(m);
    *m = out;
    for (int l = 0; l < LEVELS; l++)
        map_finish(&levels[l]);
    return status;
}

static int input_side(int side, int longest, int look_side)
{
    int units = (side * look_side + longest * COARSEST / 2) / (longest * COARSEST);
    return (units < 2 ? 2 : units) * COARSEST;
}

/* One channel of linear light at the network's size, as optical density. */
static rubor_status shrink_od(rubor_plane *out, const rubor_plane *linear, int width, int height,
                              rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    if (linear->width >= width && linear->height >= height) {
        status = rubor_plane_shrink(out, linear, width, height, error);
    } else {
        status = rubor_plane_init(out, width, height, error);
        for (int y = 0; y < height && !status; y++)
            for (int x = 0; x < width; x++) {
                double at_x = (x + 0.5) * linear->width / width - 0.5,
                       at_y = (y + 0.5) * linear->height / height - 0.5;
                at_x = fmin(fmax(at_x, 0), linear->width - 1);
                at_y = fmin(fmax(at_y, 0), linear->height - 1);
                out->data[(size_t)y * (size_t)width + (size_t)x] = rubor_plane_sample(linear, at_x, at_y);
            }
    }
    size_t n = (size_t)width * (size_t)height;
    for (size_t i = 0; i < n && !status; i++)
        out->data[i] = (out->data[i] > 0 ? out->data[i] : 0) + RUBOR_PRIOR_FLOOR;
    if (!status)
        rubor_kernels_get()->optical_density(out->data, out->data, RUBOR_PRIOR_FLOOR, n);
    return status;
}

static void mirror(map *m)
{
    for (int row = 0; row < m->channels * m->height; row++) {
        float *line = m->data + (size_t)row * (size_t)m->width;
        for (int x = 0; x < m->width / 2; x++) {
            float left = line[x];
            line[x] = line[m->width - 1 - x];
            line[m->width - 1 - x] = left;
        }
    }
}

/* Log ratios and brightness against the photo's mean, in units near one. */
static rubor_status load(map *m, const rubor_skin_field *field, int look_side, rubor_error *error)
{
    int longest = field->width > field->height ? field->width : field->height;
    int width = input_side(field->width, longest, look_side);
    int height = input_side(field->height, longest, look_side);
    size_t n = (size_t)width * (size_t)height;
    rubor_plane od[3] = {{0}};
    rubor_status status = map_init(m, INPUTS, width, height, error);
    for (int c = 0; c < 3 && !status; c++)
        status = shrink_od(&od[c], &field->linear[c], width, height, error);
    if (!status) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += 0.5 * (double)(od[0].data[i] + od[1].data[i]);
        float mean = (float)(sum / (double)n);
        for (size_t i = 0; i < n; i++) {
            float r = od[0].data[i], g = od[1].data[i], b = od[2].data[i];
            plane_of(m, 0)[i] = (g - r) / 0.1f - 1;
            plane_of(m, 1)[i] = (b - g) / 0.1f - 1;
            plane_of(m, 2)[i] = (0.5f * (r + g) - mean) / 0.3f;
        }
    }
    for (int c = 0; c < 3; c++)
        rubor_plane_finish(&od[c]);
    return status;
}

/* logits += m, stretched to the size of the field */
static void add_stretched(rubor_plane *logits, const map *m)
{
    const rubor_plane coarse = {m->width, m->height, m->data};
    for (int y = 0; y < logits->height; y++)
        for (int x = 0; x < logits->width; x++) {
            double at_x = (x + 0.5) * m->width / logits->width - 0.5;
            double at_y = (y + 0.5) * m->height / logits->height - 0.5;
            at_x = fmin(fmax(at_x, 0), m->width - 1);
            at_y = fmin(fmax(at_y, 0), m->height - 1);
            logits->data[(size_t)y * (size_t)logits->width + (size_t)x] +=
                rubor_plane_sample(&coarse, at_x, at_y) / LOOKS;
        }
}

rubor_status rubor_skin_net(rubor_plane *logits, const rubor_skin_field *field, bool calibrated,
                            rubor_error *error)
{
    rubor_status status = rubor_plane_init(logits, field->width, field->height, error);
    for (int look = 0; look < LOOKS && !status; look++) {
        map m = {0};
        bool mirrored = look > 0;
        status = load(&m, field, sides[calibrated][look], error);
        if (!status && mirrored)
            mirror(&m);
        if (!status)
            status = run(&m, error);
        if (!status && mirrored)
            mirror(&m);
        if (!status)
            add_stretched(logits, &m);
        map_finish(&m);
    }
    return status;
}
