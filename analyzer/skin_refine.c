/* From the reduced image back to working size: borders, clipped pixels and shine. */
#include "analyzer/skin_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All channels this near the encoding's limit no longer tell how much light there was. */
static const float clipped_linear = 0.985f;
/* Specular light is white: beside diffuse skin of the same place, blue over red rises. More of it than this
 * part of the perfect diffuser and the pixel is shine; the paler the skin, the less sure that is and the more
 * it takes. Only where the colors are calibrated: cameras' own contrast bleaches bright skin as well. */
static const float shine_linear = 0.10f, shine_unsure = 0.06f;
/* The color of the skin is taken from about this part of the long side around a pixel. */
static const double tint_reach = 0.06;

/* Blue over red of diffuse skin around each reduced pixel; the median where there is none near. Highlights
 * are left out by a second look without what is much paler than the first. */
static rubor_status measure_tint(rubor_plane *tint, const rubor_skin_field *field, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    rubor_plane first = {0};
    rubor_status status = rubor_plane_init(tint, field->width, field->height, error);
    if (!status)
        status = rubor_plane_init(&first, field->width, field->height, error);
    double sigma = tint_reach * (field->width > field->height ? field->width : field->height);
    for (int pass = 0; pass < 2 && !status; pass++) {
        for (size_t i = 0; i < n; i++) {
            const float r = field->linear[0].data[i], b = field->linear[2].data[i];
            float ratio = field->skin.data[i] && r > 0.02f ? b / r : NAN;
            if (pass == 1 && ratio > first.data[i] * 1.08f)
                ratio = NAN;
            tint->data[i] = ratio;
        }
        status = rubor_plane_blur(tint, sigma, error);
        if (pass == 0 && !status)
            memcpy(first.data, tint->data, n * sizeof(float));
    }
    rubor_plane_finish(&first);
    return status;
}

/* Which reduced pixels a column of the working image lies between. */
typedef struct column_source {
    int left, right;
    float part;
} column_source;

static void find_columns(column_source *out, int width, int reduced_width, float scale)
{
    for (int x = 0; x < width; x++) {
        float at = ((float)x + 0.5f) * scale - 0.5f;
        int i = at <= 0 ? 0 : (int)at;
        float f = at <= 0 ? 0 : at - (float)i;
        if (i >= reduced_width - 1) {
            i = reduced_width - 1;
            f = 0;
        }
        out[x] = (column_source){i, f > 0 ? i + 1 : i, f};
    }
}

/* One row of a reduced plane at working width: straight lines between the reduced pixels' centers. between:
 * scratch of the reduced width. */
static void stretch_row(float *restrict out, const column_source *columns, int width, const float *one,
                        const float *two, float part, int reduced_width, float *restrict between)
{
    for (int i = 0; i < reduced_width; i++)
        between[i] = one[i] + (two[i] - one[i]) * part;
    for (int x = 0; x < width; x++) {
        float left = between[columns[x].left], right = between[columns[x].right];
        out[x] = left + (right - left) * columns[x].part;
    }
}

typedef struct row_source {
    int upper, lower;
    float part;
} row_source;

static row_source source_of(int y, int step, int reduced_height)
{
    double at = (y + 0.5) / step - 0.5;
    row_source s = {at <= 0 ? 0 : (int)at, 0, 0};
    s.upper = s.upper > reduced_height - 1 ? reduced_height - 1 : s.upper;
    s.lower = s.upper + 1 < reduced_height ? s.upper + 1 : s.upper;
    s.part = at <= 0 ? 0 : (float)(at - s.upper);
    return s;
}

/* tint becomes by how much specular light exceeds what makes shine. */
static void measure_shine(rubor_plane *tint, const rubor_skin_field *field)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    for (size_t i = 0; i < n; i++) {
        float t = tint->data[i];
        /* P = k S + s W with S the diffuse color: s from red and blue, which blood does not bring nearer */
        float excess = -1;
        if (t < 0.75f)
            excess = (field->linear[2].data[i] - t * field->linear[0].data[i]) / (1 - t) - shine_linear -
                     shine_unsure * t / (1 - t);
        tint->data[i] = excess;
    }
}

static void decide_row(rubor_skin *out, const rubor_image_calibrated *image, int y, const float *inside,
                       const float *shine)
{
    size_t start = (size_t)y * (size_t)image->width;
    const float *r = image->plane[0] + start, *g = image->plane[1] + start, *b = image->plane[2] + start;
    for (int x = 0; x < image->width; x++) {
        if (!(inside[x] >= 128))
            continue;
        bool clipped = r[x] > clipped_linear && g[x] > clipped_linear && b[x] > clipped_linear;
        if (clipped || (shine && shine[x] > 0))
            out->shine.data[start + (size_t)x] = 255;
        else
            out->skin.data[start + (size_t)x] = 255;
    }
}

rubor_status rubor_skin_refine(rubor_skin *out, const rubor_skin_field *field,
                               const rubor_image_calibrated *image, bool calibrated, rubor_error *error)
{
    int w = image->width, h = image->height, rw = field->width;
    rubor_plane soft = {0}, tint = {0}, rows = {0}, between = {0};
    column_source *columns = malloc((size_t)w * sizeof *columns);
    rubor_status status = rubor_mask_init(&out->skin, w, h, error);
    if (!status)
        status = rubor_mask_init(&out->shine, w, h, error);
    if (!status)
        status = rubor_plane_init(&soft, field->width, field->height, error);
    if (!status)
        status = rubor_plane_init(&rows, w, 2, error);
    if (!status)
        status = rubor_plane_init(&between, field->width, 1, error);
    if (!status && !columns)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the skin's border");
    if (!status && calibrated)
        status = measure_tint(&tint, field, error);
    if (status)
        goto out;
    if (calibrated)
        measure_shine(&tint, field);
    size_t n = (size_t)field->width * (size_t)field->height;
    for (size_t i = 0; i < n; i++)
        soft.data[i] = field->skin.data[i];
    find_columns(columns, w, rw, 1.0f / (float)field->step);
    for (int y = 0; y < h; y++) {
        row_source s = source_of(y, field->step, field->height);
        size_t upper = (size_t)s.upper * (size_t)rw, lower = (size_t)s.lower * (size_t)rw;
        stretch_row(rows.data, columns, w, soft.data + upper, soft.data + lower, s.part, rw, between.data);
        if (calibrated)
            stretch_row(rows.data + w, columns, w, tint.data + upper, tint.data + lower, s.part, rw,
                        between.data);
        decide_row(out, image, y, rows.data, calibrated ? rows.data + w : NULL);
    }
out:
    rubor_plane_finish(&soft);
    rubor_plane_finish(&tint);
    rubor_plane_finish(&rows);
    rubor_plane_finish(&between);
    free(columns);
    return status;
}
