#include "clients/calibration_view.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct drawing {
    cairo_t *cairo;
    const rubor_calibration *calibration;
    const rubor_chart_table *table;
    double scale_x, scale_y; /* full-resolution px -> working px */
} drawing;

static cairo_surface_t *surface_from_image(const rubor_image_encoded *image)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        return surface;
    cairo_surface_flush(surface);
    unsigned char *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int y = 0; y < image->height; y++) {
        const uint16_t *from = image->rgb + 3 * (size_t)y * (size_t)image->width;
        for (int x = 0; x < image->width; x++, from += 3) {
            uint32_t pixel = (uint32_t)(from[0] >> 8) << 16 | (uint32_t)(from[1] >> 8) << 8 | from[2] >> 8;
            memcpy(data + (size_t)y * (size_t)stride + 4 * (size_t)x, &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(surface);
    return surface;
}

static void image_from_surface(rubor_image_encoded *image, cairo_surface_t *surface)
{
    cairo_surface_flush(surface);
    const unsigned char *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int y = 0; y < image->height; y++) {
        uint16_t *to = image->rgb + 3 * (size_t)y * (size_t)image->width;
        for (int x = 0; x < image->width; x++, to += 3) {
            uint32_t pixel;
            memcpy(&pixel, data + (size_t)y * (size_t)stride + 4 * (size_t)x, sizeof pixel);
            to[0] = (uint16_t)((pixel >> 16 & 0xff) * 257);
            to[1] = (uint16_t)((pixel >> 8 & 0xff) * 257);
            to[2] = (uint16_t)((pixel & 0xff) * 257);
        }
    }
}

/* A point of the chart plane (patch pitches) in working pixels, as cairo counts them (edges at integers). */
static rubor_point on_photo(const drawing *d, double u, double v)
{
    const double *h = d->calibration->location.homography;
    double w = h[6] * u + h[7] * v + h[8];
    if (fabs(w) < 1e-12)
        w = 1e-12;
    double x = (h[0] * u + h[1] * v + h[2]) / w, y = (h[3] * u + h[4] * v + h[5]) / w;
    return (rubor_point){(x + 0.5) * d->scale_x, (y + 0.5) * d->scale_y};
}

static void trace_box(const drawing *d, double u, double v, double half_width, double half_height)
{
    const double sign[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    for (int i = 0; i < 4; i++) {
        rubor_point p = on_photo(d, u + sign[i][0] * half_width, v + sign[i][1] * half_height);
        if (i == 0)
            cairo_move_to(d->cairo, p.x, p.y);
        else
            cairo_line_to(d->cairo, p.x, p.y);
    }
    cairo_close_path(d->cairo);
}

static void set_judgement_color(const drawing *d, const rubor_patch *patch)
{
    if (patch->use != RUBOR_PATCH_USED || !isfinite(patch->delta_e2000))
        cairo_set_source_rgb(d->cairo, 0.6, 0.6, 0.6);
    else if (patch->delta_e2000 <= 3)
        cairo_set_source_rgb(d->cairo, 0.1, 0.85, 0.2);
    else if (patch->delta_e2000 <= 6)
        cairo_set_source_rgb(d->cairo, 1, 0.85, 0);
    else
        cairo_set_source_rgb(d->cairo, 1, 0.1, 0.1);
}

static void draw_text(const drawing *d, rubor_point at, double size, const char *text)
{
    cairo_text_extents_t extents;
    cairo_set_font_size(d->cairo, size);
    cairo_text_extents(d->cairo, text, &extents);
    cairo_move_to(d->cairo, at.x - extents.width / 2 - extents.x_bearing,
                  at.y - extents.height / 2 - extents.y_bearing);
    cairo_text_path(d->cairo, text);
    cairo_set_line_width(d->cairo, fmax(1.5, size / 5));
    cairo_set_source_rgb(d->cairo, 0, 0, 0);
    cairo_stroke_preserve(d->cairo);
    cairo_set_source_rgb(d->cairo, 1, 1, 1);
    cairo_fill(d->cairo);
}

/* The reference color as a strip along the lower edge: right beside the photo's own pixels of that patch. */
static void draw_reference(const drawing *d, int i, double u, double v, double half_width, double half_height)
{
    double rgb[3];
    rubor_lab_d50_to_linear(rgb, d->table->lab_d50[i]);
    cairo_set_source_rgb(d->cairo, rubor_srgb_encode(rgb[0]), rubor_srgb_encode(rgb[1]),
                         rubor_srgb_encode(rgb[2]));
    trace_box(d, u, v + half_height * 0.7, half_width, half_height * 0.3);
    cairo_fill(d->cairo);
}

static void draw_patch(const drawing *d, int i, double patch_px)
{
    const rubor_patch *patch = &d->calibration->patches[i];
    double u = i % RUBOR_CHART_COLUMNS + 0.5, v = i / RUBOR_CHART_COLUMNS + 0.5;
    double half_width = d->calibration->location.fill[0] / 2,
           half_height = d->calibration->location.fill[1] / 2;
    char text[16];
    draw_reference(d, i, u, v, half_width, half_height);
    trace_box(d, u, v, half_width, half_height);
    set_judgement_color(d, patch);
    cairo_set_line_width(d->cairo, fmax(1, patch_px / 16));
    cairo_stroke(d->cairo);
    if (patch->use == RUBOR_PATCH_USED && isfinite(patch->delta_e2000))
        snprintf(text, sizeof text, "%.1f", patch->delta_e2000);
    else
        snprintf(text, sizeof text, "%s", rubor_patch_use_name(patch->use));
    double size = patch->use == RUBOR_PATCH_USED ? patch_px * 0.36 : patch_px * 0.22;
    draw_text(d, on_photo(d, u, v - half_height * 0.15), fmax(6, size), text);
}

static void draw_caption(const drawing *d, int width)
{
    const rubor_calibration *c = d->calibration;
    char text[160];
    snprintf(text, sizeof text, "DeltaE2000 %.1f > %.1f (left out %.1f), %d of 24 patches, confidence %.2f",
             c->delta_e2000_uncorrected, c->delta_e2000_fit_mean, c->delta_e2000_loo_mean, c->patches_used,
             c->location.confidence);
    double size = fmax(8, width / 50.0);
    draw_text(d, (rubor_point){width / 2.0, size * 1.2}, size, text);
}

static void draw_all(const drawing *d, const rubor_image_encoded *working)
{
    double patch_px = d->calibration->location.patch_px * (d->scale_x + d->scale_y) / 2;
    cairo_select_font_face(d->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        draw_patch(d, i, patch_px);
    for (int i = 0; i < 4; i++) {
        const rubor_point *corner = &d->calibration->location.corners_px[i];
        char number[4] = {(char)('1' + i), '\0'};
        rubor_point at = {(corner->x + 0.5) * d->scale_x, (corner->y + 0.5) * d->scale_y};
        draw_text(d, at, fmax(8, patch_px * 0.4), number);
    }
    draw_caption(d, working->width);
}

rubor_status rubor_calibration_draw(rubor_buffer *out, const rubor_calibration *calibration,
                                    const rubor_chart_table *table, const rubor_photo_info *info,
                                    const rubor_image_encoded *working, rubor_error *error)
{
    rubor_image_encoded drawn = {0};
    cairo_surface_t *surface = surface_from_image(working);
    cairo_t *cairo = cairo_create(surface);
    rubor_status status = RUBOR_OK;
    if (cairo_status(cairo) == CAIRO_STATUS_SUCCESS && calibration->location.patch_px > 0) {
        drawing d = {cairo, calibration, table, (double)working->width / info->width,
                     (double)working->height / info->height};
        draw_all(&d, working);
    }
    if (cairo_status(cairo) != CAIRO_STATUS_SUCCESS)
        status = rubor_error_set(error, RUBOR_INTERNAL, "the overlay cannot be drawn: %s",
                                 cairo_status_to_string(cairo_status(cairo)));
    if (status == RUBOR_OK)
        status = rubor_image_encoded_init(&drawn, working->width, working->height, error);
    if (status == RUBOR_OK) {
        image_from_surface(&drawn, surface);
        status = rubor_png_encode_rgb8(out, &drawn, error);
    }
    rubor_image_encoded_finish(&drawn);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return status;
}
