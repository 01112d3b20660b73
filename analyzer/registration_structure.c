#include "analyzer/registration_internal.h"

#include "imaging/linsolve.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Parts of red, green and blue OD that are aligned. From level 3 on: hemoglobin moves the red OD by 0.3 of
 * what it moves green minus red (measured spectra: MI 4 to 5 at an EI of 15), so -0.3 of green leaves what
 * redness does not change; it decides where the photos meet. On the finer levels, where redness is mostly
 * smooth and filtered away with the shading, luma: JPEG codes color differences coarsely, and on dark skin
 * their noise is larger than the skin's own contrast. */
static const float color_part[3] = {1.3f, -0.3f, 0}, luma_part[3] = {0.4f, 0.5f, 0.1f};
enum { COLOR_LEVEL = 3 };
static const float linear_floor = 0.004f;
/* Contrast below this (OD, on level 0; half of it a level on) is noise and is not raised to one. */
static const float contrast_floor_od = 0.004f;
static const float clamp_contrast = 3.0f;
enum { SHADING_RADIUS_PX = 4, CONTRAST_RADIUS_PX = 10 };

static void structure_free(rubor_structure *level)
{
    free(level->s);
    free(level->values);
    free(level->valid);
    memset(level, 0, sizeof *level);
}

void rubor_structure_finish(rubor_structure_pyramid *pyramid)
{
    if (!pyramid)
        return;
    for (int i = 0; i < RUBOR_ALIGN_LEVELS; i++)
        structure_free(&pyramid->level[i]);
    memset(pyramid, 0, sizeof *pyramid);
}

static rubor_status structure_init(rubor_structure *level, int width, int height, rubor_error *error)
{
    size_t n = (size_t)width * (size_t)height;
    level->width = width;
    level->height = height;
    level->s = malloc(n * sizeof *level->s);
    level->values = malloc(n * sizeof *level->values);
    level->valid = calloc(2 * n, 1);
    if (!level->s || !level->values || !level->valid)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d x %d pixels", width,
                               height);
    level->corner = level->valid + n;
    return RUBOR_OK;
}

/* Running box sums along rows, then columns; edges: fewer pixels. scratch holds w * h floats. */
static void box_sum(float *data, float *scratch, int w, int h, int radius)
{
    for (int y = 0; y < h; y++) {
        const float *in = data + (size_t)y * (size_t)w;
        float *out = scratch + (size_t)y * (size_t)w;
        double sum = 0;
        for (int x = 0; x < radius && x < w; x++)
            sum += in[x];
        for (int x = 0; x < w; x++) {
            if (x + radius < w)
                sum += in[x + radius];
            out[x] = (float)sum;
            if (x >= radius)
                sum -= in[x - radius];
        }
    }
    size_t row = (size_t)w;
    for (int x0 = 0; x0 < w; x0 += 256) {
        int x1 = x0 + 256 < w ? x0 + 256 : w;
        double running[256] = {0};
        for (int y = 0; y < radius && y < h; y++)
            for (int x = x0; x < x1; x++)
                running[x - x0] += scratch[(size_t)y * row + (size_t)x];
        for (int y = 0; y < h; y++) {
            float *out = data + (size_t)y * row;
            if (y + radius < h)
                for (int x = x0; x < x1; x++)
                    running[x - x0] += scratch[(size_t)(y + radius) * row + (size_t)x];
            for (int x = x0; x < x1; x++)
                out[x] = (float)running[x - x0];
            if (y >= radius)
                for (int x = x0; x < x1; x++)
                    running[x - x0] -= scratch[(size_t)(y - radius) * row + (size_t)x];
        }
    }
}

/* value holds the mean over valid pixels of a box about each pixel afterwards, 0 where there is none. */
static void local_mean(float *value, const float *weight, float *scratch, const rubor_structure *level,
                       int radius)
{
    size_t n = (size_t)level->width * (size_t)level->height;
    box_sum(value, scratch, level->width, level->height, radius);
    memcpy(scratch + n, weight, n * sizeof *weight);
    box_sum(scratch + n, scratch, level->width, level->height, radius);
    for (size_t i = 0; i < n; i++) {
        float w = scratch[n + i];
        value[i] = w >= 1 ? value[i] / w : 0;
    }
}

/* Takes the light's slope and bend over the whole skin away: near the skin's border, where a local mean is
 * one-sided, they would leave an edge that belongs to the light and not to the skin. */
static void remove_light(rubor_structure *level)
{
    enum { TERMS = 6 };
    double a[TERMS * TERMS] = {0}, b[TERMS] = {0}, inverse[TERMS * TERMS], c[TERMS] = {0};
    int w = level->width, h = level->height;
    double scale = 2.0 / (w > h ? w : h);
    int stride = rubor_structure_stride(level, 10000);
    for (int y = 0; y < h; y += stride)
        for (int x = 0; x < w; x += stride) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            if (!level->valid[i])
                continue;
            double u = x * scale - 1, v = y * scale - 1;
            const double t[TERMS] = {1, u, v, u * u, u * v, v * v};
            for (int k = 0; k < TERMS; k++) {
                b[k] += t[k] * level->s[i];
                for (int m = 0; m < TERMS; m++)
                    a[k * TERMS + m] += t[k] * t[m];
            }
        }
    for (int k = 0; k < TERMS; k++)
        a[k * TERMS + k] += 1e-6 * (a[0] + 1);
    if (rubor_spd_inverse(inverse, a, TERMS, NULL))
        return;
    for (int k = 0; k < TERMS; k++)
        for (int m = 0; m < TERMS; m++)
            c[k] += inverse[k * TERMS + m] * b[m];
    for (int y = 0; y < h; y++) {
        float v = (float)(y * scale - 1), *row = level->s + (size_t)y * (size_t)w;
        float c0 = (float)(c[0] + c[2] * v + c[5] * v * v), c1 = (float)(c[1] + c[4] * v), c2 = (float)c[3];
        for (int x = 0; x < w; x++) {
            float u = (float)(x * scale - 1);
            row[x] -= c0 + c1 * u + c2 * u * u;
        }
    }
}

/* A binomial 3 x 3 over valid pixels: what is finer than two pixels is noise and aliasing. */
static void smooth(float *s, const uint8_t *valid, float *scratch, int w, int h)
{
    memcpy(scratch, s, (size_t)w * (size_t)h * sizeof *s);
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            if (!valid[i])
                continue;
            const float *p = scratch + i;
            size_t row = (size_t)w;
            const uint8_t *v = valid + i;
            if (v[-1] & v[1] & v[row] & v[row - 1] & v[row + 1] & *(v - row) & *(v - row - 1) &
                *(v - row + 1)) {
                s[i] = (4 * p[0] + 2 * (p[-1] + p[1] + *(p - row) + p[row]) + *(p - row - 1) +
                        *(p - row + 1) + p[row - 1] + p[row + 1]) *
                       0.0625f;
                continue;
            }
            float sum = 0, weight = 0;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) {
                    size_t j = (size_t)(y + dy) * (size_t)w + (size_t)(x + dx);
                    float part = (float)((2 - abs(dx)) * (2 - abs(dy))) * (valid[j] ? 1.0f : 0.0f);
                    sum += part * scratch[j];
                    weight += part;
                }
            s[i] = sum / weight;
        }
}

/* s holds the mixed OD at entry. scratch: 5 n floats. */
static void normalize(rubor_structure *level, float *scratch, float floor_od)
{
    size_t n = (size_t)level->width * (size_t)level->height;
    float *weight = scratch, *mean = scratch + n, *rest = scratch + 2 * n;
    for (size_t i = 0; i < n; i++) {
        weight[i] = level->valid[i] ? 1.0f : 0.0f;
        mean[i] = level->valid[i] ? level->s[i] : 0;
    }
    local_mean(mean, weight, rest, level, SHADING_RADIUS_PX);
    for (size_t i = 0; i < n; i++) {
        level->s[i] = level->valid[i] ? level->s[i] - mean[i] : 0;
        mean[i] = level->s[i] * level->s[i];
    }
    local_mean(mean, weight, rest, level, CONTRAST_RADIUS_PX);
    for (size_t i = 0; i < n; i++) {
        float value = level->s[i] / sqrtf(mean[i] + floor_od * floor_od);
        level->s[i] = value > clamp_contrast    ? clamp_contrast
                      : value < -clamp_contrast ? -clamp_contrast
                                                : value;
    }
}

/* Central differences; a pixel keeps its slopes only where its four neighbors are valid too. */
static void differentiate(rubor_structure *level)
{
    int w = level->width, h = level->height;
    size_t row = (size_t)w;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * row + (size_t)x;
            const float *s = level->s + i;
            const uint8_t *valid = level->valid + i;
            bool inner = x > 0 && y > 0 && x < w - 1 && y < h - 1;
            if (inner && valid[0] && valid[-1] && valid[1] && *(valid - row) && valid[row])
                level->values[i] = (rubor_value){s[0], 0.5f * (s[1] - s[-1]), 0.5f * (s[row] - *(s - row)), 0};
            else
                level->values[i] = (rubor_value){s[0], 0, 0, 0};
        }
}

void rubor_structure_find_corners(rubor_structure *level)
{
    size_t row = (size_t)level->width;
    for (int y = 0; y + 1 < level->height; y++) {
        const uint8_t *restrict valid = level->valid + (size_t)y * row;
        uint8_t *restrict corner = level->corner + (size_t)y * row;
        for (size_t x = 0; x + 1 < row; x++)
            corner[x] = valid[x] && valid[x + 1] && valid[x + row] && valid[x + row + 1];
    }
}

/* What a level is made of: linear red, green and blue and the part of each pixel that is skin, one after the
 * other.
 */
typedef struct sheets {
    int width, height;
    float *data;
} sheets;

/* valid: wholly inside the skin, and so are the neighbors; a mixed border pixel is no structure of the skin.
 */
static void validate(rubor_structure *level, const float *inside)
{
    int w = level->width, h = level->height;
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x, row = (size_t)w;
            level->valid[i] = inside[i] > 0.98f && inside[i - 1] > 0.5f && inside[i + 1] > 0.5f &&
                              inside[i - row] > 0.5f && inside[i + row] > 0.5f;
        }
}

static rubor_status build_level(rubor_structure *level, const sheets *from, int halvings, rubor_signal signal,
                                rubor_error *error)
{
    size_t n = (size_t)from->width * (size_t)from->height;
    float *scratch = NULL;
    rubor_status status = structure_init(level, from->width, from->height, error);
    if (status)
        return status;
    scratch = malloc(5 * n * sizeof *scratch);
    if (!scratch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d x %d pixels", from->width,
                               from->height);
    validate(level, from->data + 3 * n);
    for (size_t i = 0; i < n; i++)
        level->valid_count += level->valid[i] != 0;
    const rubor_kernels *kernels = rubor_kernels_get();
    kernels->optical_density(level->s, from->data, linear_floor, n);
    kernels->optical_density(scratch, from->data + n, linear_floor, n);
    kernels->optical_density(scratch + n, from->data + 2 * n, linear_floor, n);
    const float *weight = signal == RUBOR_SIGNAL_COLOR && halvings >= COLOR_LEVEL ? color_part : luma_part;
    for (size_t i = 0; i < n; i++)
        level->s[i] = weight[0] * level->s[i] + weight[1] * scratch[i] + weight[2] * scratch[n + i];
    remove_light(level);
    smooth(level->s, level->valid, scratch, level->width, level->height);
    normalize(level, scratch, contrast_floor_od / (float)(1 << halvings));
    differentiate(level);
    rubor_structure_find_corners(level);
    free(scratch);
    return RUBOR_OK;
}

static rubor_status sheets_init(sheets *s, int width, int height, rubor_error *error)
{
    s->width = width;
    s->height = height;
    s->data = calloc(4 * (size_t)width * (size_t)height, sizeof *s->data);
    if (!s->data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d x %d pixels", width,
                               height);
    return RUBOR_OK;
}

/* Mean of step x step blocks of one plane (column: scratch of one row of it); what is left over at the right
 * and the bottom is dropped.
 */
static void average_plane(float *out, int w, int h, const float *in, int stride, int step, float *column)
{
    float scale = 1.0f / (float)(step * step);
    for (int y = 0; y < h; y++) {
        const float *top = in + (size_t)y * (size_t)step * (size_t)stride;
        memcpy(column, top, (size_t)stride * sizeof *column);
        for (int r = 1; r < step; r++)
            for (int x = 0; x < stride; x++)
                column[x] += top[(size_t)r * (size_t)stride + (size_t)x];
        float *line = out + (size_t)y * (size_t)w;
        for (int x = 0; x < w; x++) {
            float sum = 0;
            for (int k = 0; k < step; k++)
                sum += column[x * step + k];
            line[x] = sum * scale;
        }
    }
}

static void average_mask(float *out, int w, int h, const rubor_mask *skin, int step)
{
    float scale = 1.0f / (float)(step * step);
    for (int y = 0; y < h; y++)
        for (int r = 0; r < step; r++) {
            const uint8_t *row = skin->data + (size_t)(y * step + r) * (size_t)skin->width;
            for (int x = 0; x < w; x++) {
                int sum = 0;
                for (int k = 0; k < step; k++)
                    sum += row[x * step + k] >> 7;
                out[(size_t)y * (size_t)w + (size_t)x] += (float)sum * scale;
            }
        }
}

static rubor_status sheets_begin(sheets *s, const rubor_image_calibrated *image, const rubor_mask *skin,
                                 int step, rubor_error *error)
{
    rubor_status status = sheets_init(s, image->width / step, image->height / step, error);
    float *column = status ? NULL : malloc((size_t)image->width * sizeof *column);
    if (!column)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d columns", image->width);
    size_t n = (size_t)s->width * (size_t)s->height;
    for (int c = 0; c < 3; c++)
        average_plane(s->data + (size_t)c * n, s->width, s->height, image->plane[c], image->width, step,
                      column);
    average_mask(s->data + 3 * n, s->width, s->height, skin, step);
    free(column);
    return RUBOR_OK;
}

static rubor_status sheets_halve(sheets *s, rubor_error *error)
{
    sheets half;
    rubor_status status = sheets_init(&half, s->width / 2, s->height / 2, error);
    float *column = status ? NULL : malloc((size_t)s->width * sizeof *column);
    if (!column) {
        free(status ? NULL : half.data);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for aligning %d columns", s->width);
    }
    size_t n = (size_t)s->width * (size_t)s->height, m = (size_t)half.width * (size_t)half.height;
    for (size_t c = 0; c < 4; c++)
        average_plane(half.data + c * m, half.width, half.height, s->data + c * n, s->width, 2, column);
    free(column);
    free(s->data);
    *s = half;
    return RUBOR_OK;
}

rubor_status rubor_structure_build(rubor_structure_pyramid *out, const rubor_image_calibrated *image,
                                   const rubor_mask *skin, int step, rubor_signal signal, rubor_error *error)
{
    assert(image->width == skin->width && image->height == skin->height && step > 0);
    memset(out, 0, sizeof *out);
    out->image_width = image->width;
    out->image_height = image->height;
    out->side = image->width > image->height ? image->width : image->height;
    sheets now = {0};
    rubor_status status = sheets_begin(&now, image, skin, step, error);
    while (!status) {
        out->level[out->levels].step = (double)step * (1 << out->levels);
        status = build_level(&out->level[out->levels], &now, out->levels, signal, error);
        out->levels++;
        int shorter = now.width < now.height ? now.width : now.height;
        int longer = now.width > now.height ? now.width : now.height;
        if (status || out->levels == RUBOR_ALIGN_LEVELS || longer / 2 < RUBOR_ALIGN_COARSEST_PX ||
            shorter < 16)
            break;
        status = sheets_halve(&now, error);
    }
    free(now.data);
    if (status)
        rubor_structure_finish(out);
    return status;
}
