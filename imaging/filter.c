#include "imaging/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Lines are filtered RUBOR_LANES at a time, interleaved in a buffer of their own that stays in the cache:
 * rows transposed, columns as they lie. */
enum { LANES = RUBOR_LANES };

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* Four lines of four values the other way round: to[x] has pitch to_pitch, from[line] has from_pitch. */
static inline void turn_four(float *to, size_t to_pitch, const float *from, size_t from_pitch)
{
    quad a = *(const quad *)from, b = *(const quad *)(from + from_pitch),
         c = *(const quad *)(from + 2 * from_pitch), d = *(const quad *)(from + 3 * from_pitch);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_end = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_end = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(quad *)(to + to_pitch) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(quad *)(to + 2 * to_pitch) = __builtin_shufflevector(ab_end, cd_end, 0, 1, 4, 5);
    *(quad *)(to + 3 * to_pitch) = __builtin_shufflevector(ab_end, cd_end, 2, 3, 6, 7);
}

/* Rows first .. first + count - 1; where there are fewer than LANES the first one fills the other lanes. */
static void gather_rows(float *lanes, const rubor_plane *plane, int first, int count)
{
    size_t width = (size_t)plane->width, x = 0;
    const float *row[LANES];
    for (int l = 0; l < LANES; l++)
        row[l] = plane->data + (size_t)(first + (l < count ? l : 0)) * width;
    for (; count == LANES && x + 4 <= width; x += 4)
        for (size_t l = 0; l < LANES; l += 4)
            turn_four(lanes + x * LANES + l, LANES, row[l] + x, width);
    for (; x < width; x++)
        for (int l = 0; l < LANES; l++)
            lanes[x * LANES + (size_t)l] = row[l][x];
}

static void scatter_rows(rubor_plane *plane, const float *lanes, int first, int count)
{
    size_t width = (size_t)plane->width, x = 0;
    float *out = plane->data + (size_t)first * width;
    for (; count == LANES && x + 4 <= width; x += 4)
        for (size_t l = 0; l < LANES; l += 4)
            turn_four(out + l * width + x, width, lanes + x * LANES + l, LANES);
    for (; x < width; x++)
        for (size_t l = 0; l < (size_t)count; l++)
            out[l * width + x] = lanes[x * LANES + l];
}

/* count values of a row; whole groups without a call. */
static inline void copy_lanes(float *restrict to, const float *restrict from, int count)
{
    if (count == LANES)
        memcpy(to, from, LANES * sizeof *to);
    else
        memcpy(to, from, (size_t)count * sizeof *to);
}

static void gather_columns(float *lanes, const rubor_plane *plane, int first, int count)
{
    size_t width = (size_t)plane->width, height = (size_t)plane->height;
    for (size_t y = 0; y < height; y++)
        copy_lanes(lanes + y * LANES, plane->data + y * width + (size_t)first, count);
}

static void scatter_columns(rubor_plane *plane, const float *lanes, int first, int count)
{
    size_t width = (size_t)plane->width, height = (size_t)plane->height;
    for (size_t y = 0; y < height; y++)
        copy_lanes(plane->data + y * width + (size_t)first, lanes + y * LANES, count);
}

/* The filtered lines lie in the buffer that is returned. */
static const float *box_passes(float *from, float *to, int length, rubor_box b, int passes)
{
    for (int pass = 0; pass < passes; pass++) {
        rubor_kernels_get()->box_lanes(to, from, length, b);
        float *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* Values only, no NaN. */
static rubor_status filter_dense(rubor_plane *plane, rubor_box b, int passes, rubor_error *error)
{
    int longest = plane->width > plane->height ? plane->width : plane->height;
    size_t lanes = (size_t)longest * LANES;
    float *buffer = calloc(2 * lanes, sizeof *buffer), *other = buffer + lanes;
    if (!buffer)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to filter %d x %d pixels", plane->width,
                               plane->height);
    for (int y = 0; y < plane->height; y += LANES) {
        int count = plane->height - y < LANES ? plane->height - y : LANES;
        gather_rows(buffer, plane, y, count);
        scatter_rows(plane, box_passes(buffer, other, plane->width, b, passes), y, count);
    }
    for (int x = 0; x < plane->width; x += LANES) {
        int count = plane->width - x < LANES ? plane->width - x : LANES;
        gather_columns(buffer, plane, x, count);
        scatter_columns(plane, box_passes(buffer, other, plane->height, b, passes), x, count);
    }
    free(buffer);
    return RUBOR_OK;
}

/* Which pixels of a plane are known, and how much of each window they are. */
typedef struct known {
    rubor_mask at;     /* 1 where known; data NULL before the first plane */
    rubor_plane share; /* filtered like the plane */
} known;

static void known_finish(known *k)
{
    rubor_mask_finish(&k->at);
    rubor_plane_finish(&k->share);
}

/* Fills what is missing with 0. What the filter says about the plane before holds for this one as well if it
 * misses the same pixels. */
static rubor_status find_known(known *k, rubor_plane *plane, rubor_box b, int passes, rubor_error *error)
{
    known now = {0};
    rubor_status status = RUBOR_OK;
    size_t n = (size_t)plane->width * (size_t)plane->height;
    now.at = (rubor_mask){plane->width, plane->height, malloc(n)}; /* every pixel of it is set below */
    if (!now.at.data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to filter %d x %d pixels", plane->width,
                               plane->height);
    rubor_kernels_get()->find_known(now.at.data, plane->data, n);
    if (k->at.data && memcmp(k->at.data, now.at.data, n) == 0) {
        known_finish(&now);
        return RUBOR_OK;
    }
    known_finish(k);
    *k = now;
    status = rubor_plane_reserve(&k->share, plane->width, plane->height, error);
    if (status)
        return status;
    float *restrict share = k->share.data;
    const uint8_t *restrict at = k->at.data;
    for (size_t i = 0; i < n; i++)
        share[i] = at[i];
    return filter_dense(&k->share, b, passes, error);
}

/* Normalized convolution: filter value * known and known, then divide. */
static rubor_status filter_sparse(rubor_plane *plane, known *k, rubor_box b, int passes, rubor_error *error)
{
    rubor_status status = find_known(k, plane, b, passes, error);
    if (!status)
        status = filter_dense(plane, b, passes, error);
    if (!status)
        rubor_kernels_get()->divide_known(plane->data, k->share.data,
                                          (size_t)plane->width * (size_t)plane->height);
    return status;
}

static rubor_status filter(rubor_plane *const planes[], int count, rubor_box b, int passes,
                           rubor_error *error)
{
    known k = {0};
    rubor_status status = RUBOR_OK;
    for (int i = 0; i < count && !status; i++) {
        assert(planes[i]->width == planes[0]->width && planes[i]->height == planes[0]->height);
        size_t n = (size_t)planes[i]->width * (size_t)planes[i]->height;
        status = rubor_kernels_get()->all_finite(planes[i]->data, n) ? filter_dense(planes[i], b, passes, error)
                                                                     : filter_sparse(planes[i], &k, b, passes, error);
    }
    known_finish(&k);
    return status;
}

rubor_status rubor_planes_blur(rubor_plane *const planes[], int count, double sigma_px, rubor_error *error)
{
    assert(sigma_px >= 0 && isfinite(sigma_px) && count > 0);
    if (sigma_px == 0)
        return RUBOR_OK;
    double variance = fmin(sigma_px, 4.0 * (planes[0]->width + planes[0]->height));
    variance = variance * variance / 3;
    int radius = (int)floor((sqrt(12 * variance + 1) - 1) / 2);
    double whole = 2.0 * radius + 1, next = radius + 1.0;
    double edge = whole * (variance - radius * next / 3) / (2 * (next * next - variance));
    return filter(planes, count, (rubor_box){radius, edge}, 3, error);
}

rubor_status rubor_plane_blur(rubor_plane *plane, double sigma_px, rubor_error *error)
{
    return rubor_planes_blur(&plane, 1, sigma_px, error);
}

rubor_status rubor_plane_box(rubor_plane *plane, int radius_px, rubor_error *error)
{
    assert(radius_px >= 0);
    if (radius_px == 0)
        return RUBOR_OK;
    int largest = plane->width > plane->height ? plane->width : plane->height;
    return filter(&plane, 1, (rubor_box){radius_px < largest ? radius_px : largest, 0}, 1, error);
}

void rubor_planes_sample(float *out, const rubor_plane *planes, int count, double x, double y)
{
    int width = planes->width, height = planes->height;
    if (!(x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5)) {
        for (int i = 0; i < count; i++)
            out[i] = NAN;
        return;
    }
    x = x < 0 ? 0 : x > width - 1 ? width - 1 : x;
    y = y < 0 ? 0 : y > height - 1 ? height - 1 : y;
    int left = (int)x, top = (int)y;
    float right_part = (float)(x - left), lower_part = (float)(y - top);
    size_t right = right_part > 0 ? 1 : 0; /* a weight of 0 must not bring in a neighbor's NaN */
    size_t below = lower_part > 0 ? (size_t)width : 0;
    for (int i = 0; i < count; i++) {
        const float *row = planes[i].data + (size_t)top * (size_t)width + left;
        float upper = row[0] + right_part * (row[right] - row[0]);
        float lower = row[below] + right_part * (row[below + right] - row[below]);
        out[i] = upper + lower_part * (lower - upper);
    }
}

float rubor_plane_sample(const rubor_plane *plane, double x, double y)
{
    float out;
    rubor_planes_sample(&out, plane, 1, x, y);
    return out;
}

/* Two columns of the enlarged row lie between each two of the plane's: a quarter and three quarters of the
 * way. */
static void enlarge_row_by_two(float *restrict out, const float *restrict one, const float *restrict two,
                               float lower_part, int cells)
{
    for (int i = 0; i + 1 < cells; i++) {
        float step = one[i + 1] - one[i], lower_step = two[i + 1] - two[i];
        float upper = one[i] + 0.25F * step, lower = two[i] + 0.25F * lower_step;
        out[2 * i] = upper + lower_part * (lower - upper);
        upper = one[i] + 0.75F * step;
        lower = two[i] + 0.75F * lower_step;
        out[2 * i + 1] = upper + lower_part * (lower - upper);
    }
}

void rubor_plane_enlarge_row(float *out, const rubor_plane *plane, int factor, int y, int width)
{
    double half = (factor - 1) / 2.0, v = (y - half) / factor;
    int first = 0, end = 0; /* the columns that enlarge_row_by_two fills */
    if (factor == 2 && v >= -0.5 && v <= plane->height - 0.5) {
        v = fmin(fmax(v, 0), plane->height - 1);
        int top = (int)v, cells = width / 2 < plane->width ? width / 2 : plane->width;
        float lower_part = (float)(v - top);
        const float *row = plane->data + (size_t)top * (size_t)plane->width;
        enlarge_row_by_two(out + 1, row, lower_part > 0 ? row + plane->width : row, lower_part, cells);
        first = 1;
        end = cells > 1 ? 2 * cells - 1 : 1;
    }
    for (int x = 0; x < width; x = x + 1 == first ? end : x + 1)
        out[x] = rubor_plane_sample(plane, (x - half) / factor, (y - half) / factor);
}
