#include "imaging/limits.h"
#include "imaging/photo_internal.h"

#include <assert.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything longjmp may leave is in here, so that one function frees it on every way out. */
typedef struct reader {
    png_structp png;
    png_infop info_struct;
    rubor_photo_info *info;
    rubor_bytes bytes;
    size_t at;
    bool animated, bad_profile;
    int bit_depth, color_type, interlace;
    bool alpha; /* rows as read have four channels */
    char message[128];
    rubor_icc *icc;
    rubor_sink *sink;
    uint8_t *rows; /* one row; the whole picture when interlaced */
} reader;

static void on_error(png_structp png, png_const_charp message)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->message, sizeof r->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    reader *r = png_get_error_ptr(png);
    if (strncmp(message, "iCCP", 4) == 0)
        r->bad_profile = true; /* libpng drops a profile that it finds fault with */
}

static void on_read(png_structp png, png_bytep out, png_size_t size)
{
    reader *r = png_get_io_ptr(png);
    if (size > r->bytes.size - r->at)
        png_error(png, "the file ends too early");
    memcpy(out, r->bytes.data + r->at, size);
    r->at += size;
}

static int on_chunk(png_structp png, png_unknown_chunkp chunk)
{
    reader *r = png_get_user_chunk_ptr(png);
    if (memcmp(chunk->name, "acTL", 4) == 0)
        r->animated = true;
    return 1; /* seen: nothing is kept */
}

static void reader_finish(reader *r)
{
    png_destroy_read_struct(r->png ? &r->png : NULL, r->info_struct ? &r->info_struct : NULL, NULL);
    free(r->rows);
    rubor_icc_destroy(&r->icc);
    rubor_sink_destroy(&r->sink);
}

static rubor_status failure(const reader *r, rubor_error *error)
{
    return rubor_error_set(error, RUBOR_CORRUPT, "damaged or truncated PNG: %s; copy it again or retake it",
                           r->message);
}

static rubor_status reader_init(reader *r, rubor_photo_info *info, rubor_bytes bytes, rubor_error *error)
{
    *r = (reader){.info = info, .bytes = bytes};
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    if (r->png)
        r->info_struct = png_create_info_struct(r->png);
    if (!r->info_struct)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to read a PNG");
    return RUBOR_OK;
}

static void set_limits(reader *r)
{
    /* libpng's own side limit is checked in png_read_info; the words for it are found before that. */
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(r->png, RUBOR_LIMIT_PNG_CHUNK_BYTES);
    png_set_chunk_cache_max(r->png, RUBOR_LIMIT_PNG_CHUNKS);
    /* Texts and the like are never needed, so never inflated. */
    static const png_byte unwanted[] = "tEXt\0zTXt\0iTXt\0sPLT\0hIST\0pCAL\0sCAL\0tIME\0oFFs\0pHYs";
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, unwanted, 10);
    png_set_read_user_chunk_fn(r->png, r, on_chunk);
}

/* IHDR is always first: 8 bytes of signature, length, "IHDR", width, height. Read by hand so that a hostile
 * size is refused before libpng allocates anything for it. */
static rubor_status check_declared_size(rubor_bytes bytes, rubor_error *error)
{
    if (bytes.size < 33 || memcmp(bytes.data + 12, "IHDR", 4) != 0)
        return rubor_error_set(error, RUBOR_CORRUPT, "damaged or truncated PNG: no header chunk");
    return rubor_photo_check_size(png_get_uint_32(bytes.data + 16), png_get_uint_32(bytes.data + 20), error);
}

static void read_metadata(reader *r, bool decoding)
{
    png_charp name;
    int compression;
    png_bytep data;
    png_uint_32 size;
    if (png_get_iCCP(r->png, r->info_struct, &name, &compression, &data, &size) & PNG_INFO_iCCP)
        r->icc = rubor_icc_create(r->info, data, size, !decoding ? 0 : r->bit_depth == 16 ? 65536 : 256);
    else if (r->bad_profile)
        r->icc = rubor_icc_create(r->info, (const uint8_t *)"?", 1, 0);
    if (png_get_eXIf_1(r->png, r->info_struct, &size, &data) & PNG_INFO_eXIf)
        rubor_exif_read(r->info, data, size);
}

static rubor_status read_header(reader *r, bool decoding, rubor_error *error)
{
    rubor_status status = check_declared_size(r->bytes, error);
    if (status)
        return status;
    if (setjmp(png_jmpbuf(r->png)))
        return failure(r, error);
    png_set_read_fn(r->png, r, on_read);
    set_limits(r);
    png_read_info(r->png, r->info_struct);
    png_uint_32 width, height;
    png_get_IHDR(r->png, r->info_struct, &width, &height, &r->bit_depth, &r->color_type, &r->interlace, NULL,
                 NULL);
    r->info->width = (int)width;
    r->info->height = (int)height;
    r->info->bits = r->bit_depth == 16 ? 16 : 8;
    if (!(r->color_type & PNG_COLOR_MASK_COLOR))
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "a gray PNG; redness needs a color photo");
    if (r->animated)
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "an animated PNG; save one picture as JPEG or PNG");
    read_metadata(r, decoding);
    return RUBOR_OK;
}

rubor_status rubor_png_probe(rubor_photo_info *info, rubor_bytes bytes, rubor_error *error)
{
    reader r;
    rubor_status status = reader_init(&r, info, bytes, error);
    if (!status)
        status = read_header(&r, false, error);
    reader_finish(&r);
    return status;
}

/* Transparent pixels show white, as in a viewer: value * alpha + white * (1 - alpha) in the encoded values.
 */
static void compose8(uint8_t *row, int width)
{
    for (int x = 0; x < width; x++) {
        unsigned alpha = row[4 * x + 3];
        for (int c = 0; c < 3; c++)
            row[3 * x + c] = (uint8_t)((row[4 * x + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

static void compose16(uint16_t *row, int width)
{
    for (int x = 0; x < width; x++) {
        uint64_t alpha = row[4 * x + 3];
        for (int c = 0; c < 3; c++)
            row[3 * x + c] = (uint16_t)((row[4 * x + c] * alpha + 65535 * (65535 - alpha) + 32767) / 65535);
    }
}

static void feed_row(reader *r, uint8_t *row)
{
    if (r->bit_depth == 16) {
        uint16_t *wide = (uint16_t *)(void *)row; /* from malloc, at an even offset */
        if (r->alpha)
            compose16(wide, r->info->width);
        rubor_sink_row16(r->sink, wide);
    } else {
        if (r->alpha)
            compose8(row, r->info->width);
        rubor_sink_row8(r->sink, row);
    }
}

static void set_transforms(reader *r)
{
    if (r->color_type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (png_get_valid(r->png, r->info_struct, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(r->png);
    const union {
        uint16_t word;
        uint8_t byte;
    } order = {1};
    if (r->bit_depth == 16 && order.byte)
        png_set_swap(r->png);
}

/* Only Adam7 needs the whole picture at once. */
static rubor_status allocate_rows(reader *r, size_t *row_bytes, rubor_error *error)
{
    *row_bytes = png_get_rowbytes(r->png, r->info_struct);
    size_t rows = r->interlace == PNG_INTERLACE_NONE ? 1 : (size_t)r->info->height;
    if (*row_bytes * rows > RUBOR_LIMIT_DECODER_BYTES) /* at most 160,000 * 20,000 */
        return rubor_error_set(error, RUBOR_TOO_LARGE,
                               "an interlaced PNG that needs %zu MiB to decode; save it without interlacing",
                               *row_bytes * rows >> 20);
    r->rows = malloc(*row_bytes * rows);
    if (!r->rows)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a PNG");
    return RUBOR_OK;
}

static rubor_status decode_rows(reader *r, rubor_image_encoded *picture, const rubor_decode_plan *plan,
                                rubor_error *error)
{
    if (setjmp(png_jmpbuf(r->png)))
        return failure(r, error);
    set_transforms(r);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info_struct);
    r->alpha = png_get_channels(r->png, r->info_struct) == 4;
    size_t row_bytes;
    rubor_status status = allocate_rows(r, &row_bytes, error);
    if (status)
        return status;
    rubor_feed feed = {r->info->bits, r->info->width, 1, plan->stored.x, plan->stored.y};
    status = rubor_sink_create(&r->sink, picture, plan, r->icc, feed, error);
    if (status)
        return status;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->info->height; y++) {
            uint8_t *row = r->rows + (passes == 1 ? 0 : (size_t)y * row_bytes);
            png_read_row(r->png, row, NULL);
            if (pass == passes - 1)
                feed_row(r, row);
        }
    assert(rubor_sink_done(r->sink));
    png_read_end(r->png, NULL); /* the check sums of the last data and the end chunk */
    return RUBOR_OK;
}

rubor_status rubor_png_decode(rubor_image_encoded *picture, rubor_bytes bytes, const rubor_decode_plan *plan,
                              rubor_error *error)
{
    reader r;
    rubor_photo_info info = {0};
    rubor_status status = reader_init(&r, &info, bytes, error);
    if (!status)
        status = read_header(&r, true, error);
    if (!status)
        status = decode_rows(&r, picture, plan, error);
    reader_finish(&r);
    return status;
}
