#include "imaging/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A box of 2 radius + 1 whole pixels and, at both ends, one pixel weighted edge (0 <= edge < 1): Gwosdek and
 * others 2011, "extended box filter", so that three passes meet any sigma exactly. */
typedef struct box {
    int radius;
    double edge;
} box;

static inline int clamp_index(int index, int size)
{
    return index < 0 ? 0 : index >= size ? size - 1 : index;
}

/* Sums in double: a running sum over 20,000 floats stays good to float precision. */
static void box_row(float *out, const float *in, int width, box b)
{
    double sum = 0, scale = 1 / (2 * b.radius + 1 + 2 * b.edge);
    for (int i = -b.radius; i <= b.radius; i++)
        sum += (double)in[clamp_index(i, width)];
    for (int x = 0; x < width; x++) {
        double before = (double)in[clamp_index(x - b.radius - 1, width)];
        double after = (double)in[clamp_index(x + b.radius + 1, width)];
        out[x] = (float)((sum + b.edge * (before + after)) * scale);
        sum += after - (double)in[clamp_index(x - b.radius, width)];
    }
}

static void box_rows(rubor_plane *plane, box b, int passes, float *scratch)
{
    size_t width = (size_t)plane->width;
    for (int y = 0; y < plane->height; y++) {
        float *row = plane->data + (size_t)y * width, *from = row, *to = scratch;
        for (int pass = 0; pass < passes; pass++) {
            box_row(to, from, plane->width, b);
            float *swap = from;
            from = to;
            to = swap;
        }
        if (from != row)
            memcpy(row, from, width * sizeof *row);
    }
}

/* One vertical pass from in to out, row by row with a sum per column. */
static void box_columns(float *out, const float *in, int width, int height, box b, double *sums)
{
    size_t stride = (size_t)width;
    double scale = 1 / (2 * b.radius + 1 + 2 * b.edge);
    memset(sums, 0, stride * sizeof *sums);
    for (int i = -b.radius; i <= b.radius; i++) {
        const float *row = in + (size_t)clamp_index(i, height) * stride;
        for (size_t x = 0; x < stride; x++)
            sums[x] += (double)row[x];
    }
    for (int y = 0; y < height; y++) {
        const float *before = in + (size_t)clamp_index(y - b.radius - 1, height) * stride;
        const float *after = in + (size_t)clamp_index(y + b.radius + 1, height) * stride;
        const float *leaving = in + (size_t)clamp_index(y - b.radius, height) * stride;
        float *to = out + (size_t)y * stride;
        for (size_t x = 0; x < stride; x++) {
            to[x] = (float)((sums[x] + b.edge * ((double)before[x] + (double)after[x])) * scale);
            sums[x] += (double)after[x] - (double)leaving[x];
        }
    }
}

/* Values only, no NaN. */
static rubor_status filter_dense(rubor_plane *plane, box b, int passes, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    size_t n = (size_t)plane->width * (size_t)plane->height;
    float *other = malloc(n * sizeof *other);
    double *sums = malloc((size_t)plane->width * sizeof *sums);
    if (!other || !sums) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to filter %d x %d pixels", plane->width,
                                 plane->height);
        goto out;
    }
    box_rows(plane, b, passes, other);
    for (int pass = 0; pass < passes; pass++) {
        box_columns(other, plane->data, plane->width, plane->height, b, sums);
        float *swap = plane->data;
        plane->data = other;
        other = swap;
    }
out:
    free(sums);
    free(other);
    return status;
}

/* Normalized convolution: filter value * known and known, then divide. */
static rubor_status filter_sparse(rubor_plane *plane, box b, int passes, rubor_error *error)
{
    rubor_plane known;
    rubor_status status = rubor_plane_init(&known, plane->width, plane->height, error);
    if (status)
        return status;
    size_t n = (size_t)plane->width * (size_t)plane->height;
    for (size_t i = 0; i < n; i++) {
        bool is_known = isfinite(plane->data[i]);
        known.data[i] = is_known ? 1.0F : 0.0F;
        plane->data[i] = is_known ? plane->data[i] : 0.0F;
    }
    status = filter_dense(plane, b, passes, error);
    if (!status)
        status = filter_dense(&known, b, passes, error);
    if (!status)
        for (size_t i = 0; i < n; i++) /* below 1e-6 is rounding of the running sums, or as good as nothing */
            plane->data[i] = known.data[i] > 1e-6F ? plane->data[i] / known.data[i] : NAN;
    rubor_plane_finish(&known);
    return status;
}

static rubor_status filter(rubor_plane *plane, box b, int passes, rubor_error *error)
{
    size_t n = (size_t)plane->width * (size_t)plane->height;
    bool dense = true;
    for (size_t i = 0; i < n; i++)
        dense = dense & (fabsf(plane->data[i]) <= 3.4e38F);
    return dense ? filter_dense(plane, b, passes, error) : filter_sparse(plane, b, passes, error);
}

rubor_status rubor_plane_blur(rubor_plane *plane, double sigma_px, rubor_error *error)
{
    assert(sigma_px >= 0 && isfinite(sigma_px));
    if (sigma_px == 0)
        return RUBOR_OK;
    double variance = fmin(sigma_px, 4.0 * (plane->width + plane->height));
    variance = variance * variance / 3;
    int radius = (int)floor((sqrt(12 * variance + 1) - 1) / 2);
    double whole = 2.0 * radius + 1, next = radius + 1.0;
    double edge = whole * (variance - radius * next / 3) / (2 * (next * next - variance));
    return filter(plane, (box){radius, edge}, 3, error);
}

rubor_status rubor_plane_box(rubor_plane *plane, int radius_px, rubor_error *error)
{
    assert(radius_px >= 0);
    if (radius_px == 0)
        return RUBOR_OK;
    int largest = plane->width > plane->height ? plane->width : plane->height;
    return filter(plane, (box){radius_px < largest ? radius_px : largest, 0}, 1, error);
}

float rubor_plane_sample(const rubor_plane *plane, double x, double y)
{
    if (!(x >= -0.5 && y >= -0.5 && x <= plane->width - 0.5 && y <= plane->height - 0.5))
        return NAN;
    x = fmin(fmax(x, 0), plane->width - 1);
    y = fmin(fmax(y, 0), plane->height - 1);
    int left = (int)x, top = (int)y;
    float right_part = (float)(x - left), lower_part = (float)(y - top);
    const float *row = plane->data + (size_t)top * (size_t)plane->width + left;
    size_t right = right_part > 0 ? 1 : 0; /* a weight of 0 must not bring in a neighbor's NaN */
    size_t below = lower_part > 0 ? (size_t)plane->width : 0;
    float upper = row[0] + right_part * (row[right] - row[0]);
    float lower = row[below] + right_part * (row[below + right] - row[below]);
    return upper + lower_part * (lower - upper);
}
