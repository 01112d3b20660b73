#include "calibration/calibrate_sample.h"

#include "imaging/linsolve.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SAMPLES = 2048,
    CLOSER_LOOK_PX = 12,      /* patches narrower than this in the working image are read from a crop */
    CROP_PIXELS = 3000 * 1000 /* of a closer look */
};

static const double INNER = 0.6; /* part of the patch's side that is read: edges blur and shade */
static const double TRIM = 0.15; /* dropped at each end before averaging */
static const double CLIPPED_HIGH = 253.5 / 255.0, CLIPPED_LOW = 1.6 / 255.0;

/* Where an image lies in the full-resolution photo: full = (p + 0.5) * step + origin - 0.5. */
typedef struct view {
    const rubor_image_encoded *image;
    double origin_x, origin_y, step_x, step_y;
} view;

typedef struct sampling {
    uint16_t value[3][MAX_SAMPLES];
    int count;
} sampling;

typedef struct patch_spread {
    double relative;  /* 10th to 90th percentile over the mean, green-weighted */
    double level[3];  /* encoded 0..1, median */
    double jitter[3]; /* encoded, standard deviation */
} patch_spread;

static rubor_point project(const double h[9], double x, double y)
{
    double w = h[6] * x + h[7] * y + h[8];
    return (rubor_point){(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w};
}

static double to_view_x(const view *v, double full)
{
    return (full + 0.5 - v->origin_x) / v->step_x - 0.5;
}

static double to_view_y(const view *v, double full)
{
    return (full + 0.5 - v->origin_y) / v->step_y - 0.5;
}

static void take(sampling *s, const view *v, int x, int y)
{
    const uint16_t *pixel = v->image->rgb + 3 * ((size_t)y * (size_t)v->image->width + (size_t)x);
    for (int c = 0; c < 3; c++)
        s->value[c][s->count] = pixel[c];
    s->count++;
}

/* Pixels of the view inside the inner part of patch k. */
static void collect(sampling *s, const view *v, const rubor_chart_location *location, const double inverse[9],
                    int k)
{
    double cx = k % RUBOR_CHART_COLUMNS + 0.5, cy = k / RUBOR_CHART_COLUMNS + 0.5;
    double half_x = 0.5 * INNER * location->fill[0], half_y = 0.5 * INNER * location->fill[1];
    double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        rubor_point p = project(location->homography, cx + (corner & 1 ? half_x : -half_x),
                                cy + (corner & 2 ? half_y : -half_y));
        double x = to_view_x(v, p.x), y = to_view_y(v, p.y);
        x0 = fmin(x0, x);
        x1 = fmax(x1, x);
        y0 = fmin(y0, y);
        y1 = fmax(y1, y);
    }
    s->count = 0;
    if (!(x1 >= 0.0 && y1 >= 0.0 && x0 <= v->image->width - 1 && y0 <= v->image->height - 1))
        return;
    int left = (int)ceil(fmax(x0, 0.0)), right = (int)floor(fmin(x1, v->image->width - 1.0));
    int top = (int)ceil(fmax(y0, 0.0)), bottom = (int)floor(fmin(y1, v->image->height - 1.0));
    int stride = 1 + (int)sqrt((double)(right - left + 1) * (bottom - top + 1) / MAX_SAMPLES);
    for (int y = top; y <= bottom; y += stride) {
        for (int x = left; x <= right; x += stride) {
            rubor_point p = project(inverse, (x + 0.5) * v->step_x + v->origin_x - 0.5,
                                    (y + 0.5) * v->step_y + v->origin_y - 0.5);
            if (fabs(p.x - cx) <= half_x && fabs(p.y - cy) <= half_y && s->count < MAX_SAMPLES)
                take(s, v, x, y);
        }
    }
    if (s->count == 0) { /* narrower than a pixel: the nearest one */
        int x = (int)lround(0.5 * (x0 + x1)), y = (int)lround(0.5 * (y0 + y1));
        if (x >= 0 && y >= 0 && x < v->image->width && y < v->image->height)
            take(s, v, x, y);
    }
}

/* Ascending, by the lower and then the upper byte. */
static void sort_samples(uint16_t *values, int n)
{
    uint16_t other[MAX_SAMPLES];
    uint16_t *from = values, *to = other;
    for (int shift = 0; shift <= 8; shift += 8) {
        int place[257] = {0};
        for (int i = 0; i < n; i++)
            place[(from[i] >> shift & 255) + 1]++;
        for (int digit = 0; digit < 256; digit++)
            place[digit + 1] += place[digit];
        for (int i = 0; i < n; i++)
            to[place[from[i] >> shift & 255]++] = from[i];
        from = other;
        to = values;
    }
}

/* Trimmed mean and spread of one channel; sorts values. */
static void channel_statistics(double *linear, double *noise, patch_spread *spread, int c, uint16_t *values,
                               int n)
{
    sort_samples(values, n);
    int skip = (int)(TRIM * n), kept = 0;
    double sum = 0.0, encoded = 0.0, encoded2 = 0.0, light = 0.0;
    for (int i = skip; i < n - skip; i++) {
        double e = values[i] / 65535.0;
        if (i == skip || values[i] != values[i - 1])
            light = rubor_srgb_decode(e);
        sum += light;
        encoded += e;
        encoded2 += e * e;
        kept++;
    }
    *linear = sum / kept;
    encoded /= kept;
    /* 16th to 84th percentile is two standard deviations of a normal distribution. */
    *noise = 0.5 * (rubor_srgb_decode(values[(int)(0.84 * (n - 1))] / 65535.0) -
                    rubor_srgb_decode(values[(int)(0.16 * (n - 1))] / 65535.0));
    spread->level[c] = encoded;
    spread->jitter[c] = sqrt(fmax(0.0, encoded2 / kept - encoded * encoded));
    double range = (values[(int)(0.9 * (n - 1))] - values[(int)(0.1 * (n - 1))]) / 65535.0;
    spread->relative += (c == 1 ? 0.5 : 0.25) * range / (encoded + 0.05);
}

static bool channel_clipped(const uint16_t *sorted, int n)
{
    int high = 0, low = 0;
    for (int i = 0; i < n; i++) {
        high += sorted[i] >= CLIPPED_HIGH * 65535.0;
        low += sorted[i] <= CLIPPED_LOW * 65535.0;
    }
    return high > n / 20 || low > n / 5;
}

/* A patch much less even than its fellows is not one flat color: something lies on it. */
static void mark_uneven(rubor_patch *patches, const patch_spread *spread)
{
    double sorted[RUBOR_CHART_PATCHES];
    int n = 0;
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
        if (patches[k].use == RUBOR_PATCH_USED)
            sorted[n++] = spread[k].relative;
    if (n == 0)
        return;
    qsort(sorted, (size_t)n, sizeof *sorted, rubor_compare_doubles);
    double limit = fmax(0.15, 5.0 * sorted[n / 2]);
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
        if (patches[k].use == RUBOR_PATCH_USED && spread[k].relative > limit)
            patches[k].use = RUBOR_PATCH_COVERED;
}

/* A photo darkened after it was clipped has its plateau below the encoding's limit: patches that should
 * differ share the channel's highest level without any noise. */
static void mark_plateau(rubor_patch *patches, const patch_spread *spread, const double (*reference)[3])
{
    for (int c = 0; c < 3; c++) {
        int top = -1, sharing = 0;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
            if (patches[k].use != RUBOR_PATCH_COVERED &&
                (top < 0 || spread[k].level[c] > spread[top].level[c]))
                top = k;
        if (top < 0)
            continue;
        double lowest = reference[top][c], highest = lowest;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
            if (spread[top].level[c] - spread[k].level[c] < 0.004 && spread[k].jitter[c] < 0.0015) {
                sharing++;
                lowest = fmin(lowest, reference[k][c]);
                highest = fmax(highest, reference[k][c]);
            }
        }
        if (sharing < 2 || lowest > 0.85 * highest)
            continue;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
            if (patches[k].use == RUBOR_PATCH_USED && spread[top].level[c] - spread[k].level[c] < 0.006)
                patches[k].use = RUBOR_PATCH_CLIPPED;
    }
}

static void sample_view(rubor_patch *patches, const view *v, const rubor_chart_location *location,
                        const double inverse[9], const double (*reference)[3], sampling *s)
{
    patch_spread spread[RUBOR_CHART_PATCHES] = {{0}};
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        rubor_patch *patch = &patches[k];
        *patch = (rubor_patch){.delta_e2000 = NAN};
        collect(s, v, location, inverse, k);
        if (s->count == 0) {
            patch->use = RUBOR_PATCH_COVERED; /* outside the photo */
            continue;
        }
        bool clipped = false;
        for (int c = 0; c < 3; c++) {
            channel_statistics(&patch->linear[c], &patch->noise[c], &spread[k], c, s->value[c], s->count);
            clipped = clipped || channel_clipped(s->value[c], s->count);
        }
        patch->use = clipped ? RUBOR_PATCH_CLIPPED : RUBOR_PATCH_USED;
    }
    mark_uneven(patches, spread);
    mark_plateau(patches, spread, reference);
}

/* The part of the full-resolution photo that holds the chart. */
static rubor_photo_crop chart_crop(const rubor_chart_location *location, const rubor_photo_info *info)
{
    double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        x0 = fmin(x0, location->corners_px[i].x);
        x1 = fmax(x1, location->corners_px[i].x);
        y0 = fmin(y0, location->corners_px[i].y);
        y1 = fmax(y1, location->corners_px[i].y);
    }
    double w = info->width, h = info->height;
    int left = (int)fmin(fmax(0.0, floor(x0)), w), top = (int)fmin(fmax(0.0, floor(y0)), h);
    int right = (int)fmin(fmax(0.0, ceil(x1) + 1.0), w), bottom = (int)fmin(fmax(0.0, ceil(y1) + 1.0), h);
    return (rubor_photo_crop){left, top, right - left, bottom - top};
}

rubor_status rubor_patches_sample(rubor_patch *patches, const rubor_chart_location *location,
                                  const rubor_photo_info *info, const rubor_image_encoded *working,
                                  rubor_bytes bytes, const double (*reference)[3], rubor_error *error)
{
    double inverse[9];
    rubor_image_encoded closer = {0};
    sampling *s = NULL;
    rubor_status status = rubor_matrix3_inverse(inverse, location->homography, error);
    if (status != RUBOR_OK)
        return status;
    view v = {working, 0.0, 0.0, (double)info->width / working->width,
              (double)info->height / working->height};
    rubor_photo_crop crop = chart_crop(location, info);
    if (bytes.data && v.step_x > 1.05 && location->patch_px / v.step_x < CLOSER_LOOK_PX && crop.width > 0 &&
        crop.height > 0) {
        rubor_decode_options options = {.max_pixels = CROP_PIXELS, .crop = crop};
        status = rubor_photo_decode(&closer, bytes, &options, error);
        if (status != RUBOR_OK)
            goto out;
        v = (view){&closer, crop.x, crop.y, (double)crop.width / closer.width,
                   (double)crop.height / closer.height};
    }
    s = malloc(sizeof *s);
    if (!s) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to read the chart's patches");
        goto out;
    }
    sample_view(patches, &v, location, inverse, reference, s);
out:
    free(s);
    rubor_image_encoded_finish(&closer);
    return status;
}
