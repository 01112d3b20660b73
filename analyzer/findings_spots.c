/* A spot is where the optical density stands out from its surroundings, in the visit and not in the baseline.
 *
 * Blood absorbs green and hardly red; a crust (dried blood and plasma) darkens red as well. The surroundings
 * are the change grid's colors blurred well past the size of a spot, so that shading and diffuse redness drop
 * out. */
#include "analyzer/findings_spots.h"

#include "imaging/fixed_math.h"
#include "imaging/kernels.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SURROUNDINGS 0.012     /* blur of the surroundings, as a fraction of the working width */
#define CONTRAST_LEAST 0.055   /* OD in green: below, a pixel cannot belong to a spot */
#define SPOT_LEAST 0.085       /* OD in green: mean of a spot's darker half */
#define CONTRAST_NOISE 3.0     /* nor below this many standard deviations of the noise */
#define SPOT_NOISE 4.0         /* likewise for the mean of the darker half */
#define CRUST_RED_SHARE 0.60   /* red contrast / green contrast from which a spot is crust and not blood */
#define PINPOINT_RADIUS 0.0035 /* largest, as a fraction of the working width */
#define CRUST_RADIUS 0.012
#define SPOT_EDGE 0.38    /* of its deepest pixel: where a spot ends */
#define QUICK_ERROR 1e-3f /* OD: far more than the quick logarithm is wrong by */
enum { SPOT_PIXELS_LEAST = 4, STRETCH_MOST = 4, CHROMA_REACH = 3 };

typedef struct contrast_field {
    const rubor_change *change;
    const rubor_frame *visit, *baseline;
    const rubor_registration *registration;
    rubor_plane around[3], around_base[3]; /* cells: surroundings in OD */
    double noise, noise_around; /* of a pixel's new contrast in green, OD, where the surroundings are this */
} contrast_field;

static double od(float linear)
{
    return -rubor_log10((double)fmaxf(linear, RUBOR_LINEAR_FLOOR));
}

/* Weighted mean (1 2 1 in both axes) around a pixel, linear light: a spot is wider than this, noise is not.
 */
static float soft_value(const rubor_image_calibrated *image, int c, int x, int y)
{
    const float *plane = image->plane[c];
    float sum = 0;
    for (int v = -1; v <= 1; v++) {
        int row = y + v < 0 ? 0 : y + v >= image->height ? image->height - 1 : y + v;
        const float *line = plane + (size_t)row * (size_t)image->width;
        int left = x > 0 ? x - 1 : x, right = x + 1 < image->width ? x + 1 : x;
        sum += (v == 0 ? 2.0f : 1.0f) * (line[left] + 2 * line[x] + line[right]);
    }
    return sum / 16;
}

/* Bilinear between four softened pixels; NaN outside. */
static double soft_sample(const rubor_image_calibrated *image, int c, double x, double y)
{
    if (!(x >= 0 && y >= 0 && x <= image->width - 1 && y <= image->height - 1))
        return NAN;
    int x0 = (int)x, y0 = (int)y;
    double u = x - x0, v = y - y0;
    int x1 = x0 + 1 < image->width ? x0 + 1 : x0, y1 = y0 + 1 < image->height ? y0 + 1 : y0;
    double top = (1 - u) * (double)soft_value(image, c, x0, y0) + u * (double)soft_value(image, c, x1, y0);
    double bottom = (1 - u) * (double)soft_value(image, c, x0, y1) + u * (double)soft_value(image, c, x1, y1);
    return (1 - v) * top + v * bottom;
}

static double around_at(const contrast_field *f, const rubor_plane *around, int x, int y)
{
    double half = (f->change->factor - 1) / 2.0;
    return (double)rubor_plane_sample(around, (x - half) / f->change->factor, (y - half) / f->change->factor);
}

/* Contrast of one working pixel in one channel that the baseline does not show; NaN where it cannot be told.
 */
static double new_contrast(const contrast_field *f, int c, int x, int y, rubor_point there)
{
    double here = od(soft_value(&f->visit->image, c, x, y)) - around_at(f, &f->around[c], x, y);
    double before = soft_sample(&f->baseline->image, c, there.x, there.y);
    if (isnan(before))
        return NAN;
    return here - (od((float)before) - around_at(f, &f->around_base[c], x, y));
}

/* Noise of the new contrast at a pixel: a camera's noise does not fall with the light below some level, so
 * the darker the surroundings, the larger it is as an optical density. */
static double noise_at(const contrast_field *f, int x, int y)
{
    double deeper = around_at(f, &f->around[1], x, y) - f->noise_around;
    return f->noise * rubor_pow(10, fmax(0, deeper));
}

/* Spread of the new contrast over the region, by the median absolute value of a sparse sample. */
static void measure_noise(contrast_field *f, const rubor_mask *territory)
{
    enum { SAMPLES = 2048 };
    float values[SAMPLES], around[SAMPLES];
    size_t cells = (size_t)territory->width * (size_t)territory->height, n = 0;
    size_t inside = rubor_mask_count(territory), stride = inside / SAMPLES + 1, seen = 0;
    int factor = f->change->factor;
    for (size_t i = 0; i < cells && n < SAMPLES; i++) {
        if (territory->data[i] < 128 || seen++ % stride)
            continue;
        int x = (int)(i % (size_t)territory->width) * factor,
            y = (int)(i / (size_t)territory->width) * factor;
        double fresh = new_contrast(f, 1, x, y, rubor_registration_map(f->registration, (rubor_point){x, y}));
        double here = around_at(f, &f->around[1], x, y);
        if (isnan(fresh) || isnan(here))
            continue;
        around[n] = (float)here;
        values[n++] = (float)fabs(fresh);
    }
    f->noise = 1;
    f->noise_around = INFINITY;
    if (n < 50)
        return;
    f->noise = (double)rubor_float_of_rank(values, n, n / 2) / 0.6745;
    f->noise_around = (double)rubor_float_of_rank(around, n, n / 2);
}

/* A cell's OD as the photo has it: the change's colors are freed of white light and of the visit's drift of
 * light, the pixels that they are compared with are not. */
static void as_photographed(rubor_plane *plane, const rubor_change *change, int c, bool visit)
{
    const rubor_light *light = &change->light;
    for (int y = 0; y < plane->height; y++)
        for (int x = 0; x < plane->width; x++) {
            float *at = &plane->data[(size_t)y * (size_t)plane->width + (size_t)x];
            if (isnan(*at))
                continue;
            if (change->veil != 0)
                *at = (float)od((float)(rubor_pow(10, -(double)*at) + change->veil));
            if (visit && light->taken)
                *at += (float)(light->slope[c][0] * ((double)x / change->width - light->anchor[0]) +
                               light->slope[c][1] * ((double)y / change->width - light->anchor[1]));
        }
}

static rubor_status surroundings(contrast_field *f, rubor_error *error)
{
    const rubor_change *change = f->change;
    double sigma = SURROUNDINGS * change->width;
    size_t bytes = (size_t)change->width * (size_t)change->height * sizeof(float);
    rubor_plane *planes[6];
    rubor_status status = RUBOR_OK;
    for (int c = 0; c < 3 && status == RUBOR_OK; c++) {
        planes[c] = &f->around[c];
        planes[3 + c] = &f->around_base[c];
        status = rubor_plane_init(&f->around[c], change->width, change->height, error);
        if (status == RUBOR_OK)
            status = rubor_plane_init(&f->around_base[c], change->width, change->height, error);
        if (status != RUBOR_OK)
            break;
        memcpy(f->around[c].data, change->visit_od[c].data, bytes);
        memcpy(f->around_base[c].data, change->reference_od[c].data, bytes);
        as_photographed(&f->around[c], change, c, true);
        as_photographed(&f->around_base[c], change, c, false);
    }
    return status == RUBOR_OK ? rubor_planes_blur(planes, 6, sigma, error) : status;
}

/* What soft_value gives along a row. */
static void soften_row(float *restrict out, const rubor_image_calibrated *image, int c, int y)
{
    int width = image->width;
    const float *line[3];
    for (int v = -1; v <= 1; v++) {
        int row = y + v < 0 ? 0 : y + v >= image->height ? image->height - 1 : y + v;
        line[v + 1] = image->plane[c] + (size_t)row * (size_t)width;
    }
    const float *restrict above = line[0], *restrict here = line[1], *restrict below = line[2];
    for (int x = 1; x + 1 < width; x++) {
        float sum = above[x - 1] + 2 * above[x] + above[x + 1];
        sum += 2.0f * (here[x - 1] + 2 * here[x] + here[x + 1]);
        sum += below[x - 1] + 2 * below[x] + below[x + 1];
        out[x] = sum / 16;
    }
    out[0] = soft_value(image, c, 0, y);
    out[width - 1] = soft_value(image, c, width - 1, y);
}

/* A working pixel whose contrast to its surroundings is enough: is it new? 0 where not. */
static float candidate(const contrast_field *f, int x, int y, double here)
{
    double least = fmax(CONTRAST_LEAST, CONTRAST_NOISE * noise_at(f, x, y));
    if (!(here > least))
        return 0;
    double fresh = new_contrast(f, 1, x, y, rubor_registration_map(f->registration, (rubor_point){x, y}));
    return fresh > least ? (float)fresh : 0;
}

/* Marks working pixels of the region that are darker in green than their surroundings and were not before.
 * The quick logarithm only says which pixels are far from it. rows: scratch of three rows. */
static void mark_candidates(float *contrast, const contrast_field *f, const rubor_mask *territory,
                            rubor_plane *rows)
{
    const rubor_image_calibrated *image = &f->visit->image;
    int factor = f->change->factor, width = image->width;
    int inside = territory->width * factor < width ? territory->width * factor : width;
    float *soft = rows->data, *quick = soft + width, *around = quick + width;
    memset(contrast, 0, (size_t)width * (size_t)image->height * sizeof *contrast);
    for (int y = 0; y < image->height && y / factor < territory->height; y++) {
        const uint8_t *cells = territory->data + (size_t)(y / factor) * (size_t)territory->width;
        if (!memchr(cells, 255, (size_t)territory->width))
            continue;
        soften_row(soft, image, 1, y);
        rubor_kernels_get()->optical_density(quick, soft, RUBOR_LINEAR_FLOOR, (size_t)width);
        rubor_plane_enlarge_row(around, &f->around[1], factor, y, width);
        for (int x = 0; x < inside; x++) {
            if (cells[x / factor] < 128 || quick[x] - around[x] < (float)CONTRAST_LEAST - QUICK_ERROR)
                continue;
            double here = od(soft[x]) - (double)around[x];
            if (here > CONTRAST_LEAST)
                contrast[(size_t)y * (size_t)width + (size_t)x] = candidate(f, x, y, here);
        }
    }
}

typedef struct spot {
    int *pixels; /* indices */
    int count;
    int x0, x1, y0, y1;
} spot;

/* Takes the 8-connected candidates around start out of contrast into the spot (values are negated). */
static void grow(spot *out, float *contrast, int width, int height, int start)
{
    int next = 0;
    *out = (spot){out->pixels, 1, start % width, start % width, start / width, start / width};
    out->pixels[0] = start;
    contrast[start] = -contrast[start];
    while (next < out->count) {
        int x = out->pixels[next] % width, y = out->pixels[next] / width;
        next++;
        out->x0 = x < out->x0 ? x : out->x0;
        out->x1 = x > out->x1 ? x : out->x1;
        out->y0 = y < out->y0 ? y : out->y0;
        out->y1 = y > out->y1 ? y : out->y1;
        for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < height; v++)
            for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++)
                if (contrast[v * width + u] > 0) {
                    contrast[v * width + u] = -contrast[v * width + u];
                    out->pixels[out->count++] = v * width + u;
                }
    }
}

/* Red contrast / green contrast, both summed over the spot and CHROMA_REACH pixels around: JPEG halves the
 * resolution of color, so the few pixels of a small spot are dark in all channels and its color lies around
 * it. */
static double red_share(const spot *s, const contrast_field *f)
{
    int width = f->visit->image.width, height = f->visit->image.height;
    double red = 0, green = 0;
    for (int y = s->y0 - CHROMA_REACH; y <= s->y1 + CHROMA_REACH; y++)
        for (int x = s->x0 - CHROMA_REACH; x <= s->x1 + CHROMA_REACH; x++) {
            if (x < 0 || y < 0 || x >= width || y >= height)
                continue;
            rubor_point there = rubor_registration_map(f->registration, (rubor_point){x, y});
            double r = new_contrast(f, 0, x, y, there), g = new_contrast(f, 1, x, y, there);
            if (isnan(r) || isnan(g))
                continue;
            red += r;
            green += g;
        }
    return green > 0 ? red / green : 1;
}

/* Judges a grown spot: 0, RUBOR_FINDING_PINPOINT or RUBOR_FINDING_CRUST; keeps the pixels above half its
 * depth. */
static int judge(spot *s, const float *contrast, const contrast_field *f)
{
    int width = f->visit->image.width;
    if (s->count < SPOT_PIXELS_LEAST)
        return 0;
    double most = 0, green = 0;
    for (int i = 0; i < s->count; i++)
        most = fmax(most, -(double)contrast[s->pixels[i]]);
    int kept = 0;
    for (int i = 0; i < s->count; i++) {
        double depth = -(double)contrast[s->pixels[i]];
        if (depth < SPOT_EDGE * most)
            continue;
        s->pixels[kept++] = s->pixels[i];
        green += depth;
    }
    s->count = kept;
    int wide = s->x1 - s->x0 + 1, high = s->y1 - s->y0 + 1;
    double radius = sqrt(kept / 3.14159265);
    bool line = wide > STRETCH_MOST * high || high > STRETCH_MOST * wide || wide * high > 4 * s->count + 20;
    double noise = noise_at(f, (s->x0 + s->x1) / 2, (s->y0 + s->y1) / 2);
    if (line || !(green / kept >= fmax(SPOT_LEAST, SPOT_NOISE * noise)) || radius > CRUST_RADIUS * width)
        return 0;
    if (red_share(s, f) >= CRUST_RED_SHARE)
        return RUBOR_FINDING_CRUST;
    return radius <= PINPOINT_RADIUS * width ? RUBOR_FINDING_PINPOINT : 0;
}

static void count_spots(rubor_findings *findings, float *contrast, int *pixels, const contrast_field *f,
                        const rubor_mask *territory)
{
    int width = f->visit->image.width, height = f->visit->image.height;
    size_t crust = 0;
    spot s = {.pixels = pixels};
    findings->pinpoint_count = findings->crust_count = 0;
    for (int start = 0; start < width * height; start++) {
        if (!(contrast[start] > 0))
            continue;
        grow(&s, contrast, width, height, start);
        int kind = judge(&s, contrast, f);
        if (!kind)
            continue;
        for (int i = 0; i < s.count; i++)
            findings->spots.data[s.pixels[i]] = (uint8_t)kind;
        findings->pinpoint_count += kind == RUBOR_FINDING_PINPOINT;
        findings->crust_count += kind == RUBOR_FINDING_CRUST;
        crust += kind == RUBOR_FINDING_CRUST ? (size_t)s.count : 0;
    }
    size_t cells = rubor_mask_count(territory);
    double all = (double)cells * f->change->factor * f->change->factor;
    findings->crust_percent = cells ? 100 * (double)crust / all : RUBOR_NULL;
}

/* The region with the holes that spots make in the skin closed again. Where none was drawn its border is that of the skin:
 * specks of hair, cloth and jewelry lie there, so the surroundings of a spot must be skin all around. */
static rubor_status close_region(rubor_mask *out, const rubor_change *change, rubor_error *error)
{
    rubor_status status = rubor_mask_init(out, change->width, change->height, error);
    if (status != RUBOR_OK)
        return status;
    memcpy(out->data, change->region.data, (size_t)change->width * (size_t)change->height);
    int reach = (int)(0.008 * change->width) + 1;
    int rim = isnan(change->region_drawn) ? (int)(SURROUNDINGS * change->width) + 1 : 0;
    status = rubor_mask_dilate(out, reach, error);
    return status == RUBOR_OK ? rubor_mask_erode(out, reach + rim, error) : status;
}

rubor_status rubor_findings_spots(rubor_findings *findings, const rubor_change *change,
                                  const rubor_frame *visit, const rubor_frame *baseline,
                                  const rubor_registration *registration, rubor_error *error)
{
    contrast_field f = {.change = change, .visit = visit, .baseline = baseline, .registration = registration};
    rubor_mask territory = {0};
    rubor_plane rows = {0};
    size_t count = (size_t)visit->image.width * (size_t)visit->image.height;
    float *contrast = malloc(count * sizeof *contrast);
    int *pixels = NULL;
    rubor_status status =
        contrast ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for spots");
    if (status == RUBOR_OK)
        status = surroundings(&f, error);
    if (status == RUBOR_OK)
        status = close_region(&territory, change, error);
    if (status != RUBOR_OK)
        goto out;
    measure_noise(&f, &territory);
    status = rubor_plane_init(&rows, visit->image.width, 3, error);
    if (status != RUBOR_OK)
        goto out;
    mark_candidates(contrast, &f, &territory, &rows);
    size_t candidates = 1;
    for (size_t i = 0; i < count; i++)
        candidates += contrast[i] > 0;
    pixels = malloc(candidates * sizeof *pixels);
    if (!pixels) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for spots");
        goto out;
    }
    count_spots(findings, contrast, pixels, &f, &territory);
out:
    for (int c = 0; c < 3; c++) {
        rubor_plane_finish(&f.around[c]);
        rubor_plane_finish(&f.around_base[c]);
    }
    rubor_plane_finish(&rows);
    rubor_mask_finish(&territory);
    free(contrast);
    free(pixels);
    return status;
}
