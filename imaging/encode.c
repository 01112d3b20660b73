#include "imaging/encode.h"

#include "imaging/limits.h"

#include <assert.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

void rubor_buffer_finish(rubor_buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (rubor_buffer){0};
}

/* What the PNG writer's callbacks need. */
typedef struct png_sink {
    rubor_buffer *out;
    size_t capacity;
    rubor_error *error;
    rubor_status status;
} png_sink;

static void on_error(png_structp png, png_const_charp message)
{
    png_sink *sink = png_get_error_ptr(png);
    if (!sink->status)
        sink->status = rubor_error_set(sink->error, RUBOR_INTERNAL, "PNG encoder: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep data, png_size_t size)
{
    png_sink *sink = png_get_io_ptr(png);
    rubor_buffer *out = sink->out;
    if (size > sink->capacity - out->size) {
        size_t capacity = sink->capacity * 2 + size + 4096;
        uint8_t *grown = realloc(out->data, capacity);
        if (!grown) {
            sink->status =
                rubor_error_set(sink->error, RUBOR_NO_MEMORY, "no memory for a PNG of %zu bytes", capacity);
            png_error(png, "memory");
        }
        out->data = grown;
        sink->capacity = capacity;
    }
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* Fills one row of the file from the picture. */
typedef void row_source(uint8_t *row, const void *picture, int y);

typedef struct png_kind {
    int width, height, color_type, bits;
    row_source *fill;
} png_kind;

/* Everything that libpng's longjmp may leave lives in the caller. */
static bool write_png(png_structp png, png_infop info, const png_kind *kind, const void *picture,
                      uint8_t *row)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_user_limits(png, RUBOR_LIMIT_PHOTO_SIDE_PX, RUBOR_LIMIT_PHOTO_SIDE_PX);
    png_set_compression_level(png, 4);
    png_set_IHDR(png, info, (png_uint_32)kind->width, (png_uint_32)kind->height, kind->bits, kind->color_type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind->color_type == PNG_COLOR_TYPE_RGB)
        png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_write_info(png, info);
    for (int y = 0; y < kind->height; y++) {
        kind->fill(row, picture, y);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    return true;
}

static rubor_status encode_png(rubor_buffer *out, const png_kind *kind, const void *picture,
                               rubor_error *error)
{
    *out = (rubor_buffer){0};
    png_sink sink = {.out = out, .error = error};
    png_infop info = NULL;
    uint8_t *row = malloc((size_t)kind->width * 6);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, on_error, on_warning);
    if (png)
        info = png_create_info_struct(png);
    if (!row || !info) {
        sink.status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to encode a PNG");
        goto out;
    }
    png_set_write_fn(png, &sink, on_write, on_flush);
    if (!write_png(png, info, kind, picture, row) && !sink.status)
        sink.status = rubor_error_set(error, RUBOR_INTERNAL, "PNG encoder failed");
out:
    png_destroy_write_struct(png ? &png : NULL, info ? &info : NULL);
    free(row);
    if (sink.status)
        rubor_buffer_finish(out);
    return sink.status;
}

static void fill_rgb8(uint8_t *row, const void *picture, int y)
{
    const rubor_image_encoded *image = picture;
    const uint16_t *from = image->rgb + (size_t)y * (size_t)image->width * 3;
    for (int i = 0; i < 3 * image->width; i++)
        row[i] = (uint8_t)((from[i] + 128U) / 257U);
}

static void fill_mask(uint8_t *row, const void *picture, int y)
{
    const rubor_mask *mask = picture;
    memcpy(row, mask->data + (size_t)y * (size_t)mask->width, (size_t)mask->width);
}

typedef struct scaled_plane {
    const rubor_plane *plane;
    double zero, scale;
} scaled_plane;

static void fill_plane16(uint8_t *row, const void *picture, int y)
{
    const scaled_plane *scaled = picture;
    const float *from = scaled->plane->data + (size_t)y * (size_t)scaled->plane->width;
    for (int x = 0; x < scaled->plane->width; x++) {
        unsigned value = 0;
        if (!isnan(from[x])) {
            double wanted = ((double)from[x] - scaled->zero) * scaled->scale;
            value = !(wanted > 1) ? 1 : wanted >= 65535 ? 65535 : (unsigned)(wanted + 0.5);
        }
        row[2 * x] = (uint8_t)(value >> 8);
        row[2 * x + 1] = (uint8_t)value;
    }
}

rubor_status rubor_png_encode_rgb8(rubor_buffer *out, const rubor_image_encoded *image, rubor_error *error)
{
    png_kind kind = {image->width, image->height, PNG_COLOR_TYPE_RGB, 8, fill_rgb8};
    return encode_png(out, &kind, image, error);
}

rubor_status rubor_png_encode_mask(rubor_buffer *out, const rubor_mask *mask, rubor_error *error)
{
    png_kind kind = {mask->width, mask->height, PNG_COLOR_TYPE_GRAY, 8, fill_mask};
    return encode_png(out, &kind, mask, error);
}

rubor_status rubor_png_encode_plane16(rubor_buffer *out, const rubor_plane *plane, double zero, double scale,
                                      rubor_error *error)
{
    scaled_plane scaled = {plane, zero, scale};
    png_kind kind = {plane->width, plane->height, PNG_COLOR_TYPE_GRAY, 16, fill_plane16};
    return encode_png(out, &kind, &scaled, error);
}
