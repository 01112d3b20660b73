/* Makes JPEG and PNG files in memory for tests, with the encoders' own libraries and not with
 * imaging/encode.h. */
#ifndef RUBOR_TESTS_PHOTO_MAKER_H
#define RUBOR_TESTS_PHOTO_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <lcms2.h>
#include <png.h>

typedef struct made {
    uint8_t *data;
    size_t size;
} made;

/* 16-bit RGBA of pixel (x, y). */
typedef void made_pixel(uint16_t rgba[4], int x, int y, int width, int height);

typedef struct made_options {
    int quality;      /* 0: 95 */
    bool subsampled;  /* 4:2:0 */
    int across, down; /* chroma is so many times coarser; 0: as subsampled says */
    bool progressive, arithmetic;
    bool separate_scans; /* sequential, one scan per component */
    int restart_rows;
    int channels;         /* JPEG: 0 is 3; 1 gray, 4 CMYK */
    int color_type, bits; /* PNG: 0 is 8-bit RGB */
    bool interlaced;
    const uint8_t *exif; /* without "Exif\0\0" */
    size_t exif_size;
    const void *icc;
    size_t icc_size;
} made_options;

static inline void made_free(made *file)
{
    free(file->data);
    *file = (made){0};
}

static inline void made_append(made *file, const void *data, size_t size)
{
    file->data = realloc(file->data, file->size + size);
    memcpy(file->data + file->size, data, size);
    file->size += size;
}

/* Little-endian TIFF block with an orientation and, unless NULL, a DateTimeOriginal of 19 characters. */
static inline size_t made_exif(uint8_t out[128], int orientation, const char *date)
{
    static const uint8_t head[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0,
                                   /* 0x0112, SHORT, 1, value */
                                   0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                   /* 0x8769 Exif IFD, LONG, 1, offset 38 */
                                   0x69, 0x87, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0,
                                   /* next IFD */
                                   0, 0, 0, 0,
                                   /* Exif IFD at 38: one entry, 0x9003, ASCII, 20, offset 56 */
                                   1, 0, 3, 0x90, 2, 0, 20, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0};
    memset(out, 0, 128);
    memcpy(out, head, sizeof head);
    out[18] = (uint8_t)orientation;
    if (date)
        memcpy(out + 56, date, 19);
    else
        out[38] = 0;
    return 76;
}

static inline made make_jpeg(int width, int height, made_pixel *pixel, const made_options *wanted)
{
    made_options options = wanted ? *wanted : (made_options){0};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr handler;
    jpeg.err = jpeg_std_error(&handler);
    jpeg_create_compress(&jpeg);
    unsigned char *data = NULL;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &data, &size);
    int channels = options.channels ? options.channels : 3;
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 3 ? JCS_RGB : channels == 1 ? JCS_GRAYSCALE : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, options.quality ? options.quality : 95, TRUE);
    if (channels == 3 && options.across) {
        jpeg.comp_info[0].h_samp_factor = options.across;
        jpeg.comp_info[0].v_samp_factor = options.down;
    } else if (channels == 3 && !options.subsampled) {
        jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    }
    jpeg.arith_code = options.arithmetic;
    if (options.progressive)
        jpeg_simple_progression(&jpeg);
    static const jpeg_scan_info separate[3] = {
        {1, {0, 0, 0, 0}, 0, 63, 0, 0}, {1, {1, 0, 0, 0}, 0, 63, 0, 0}, {1, {2, 0, 0, 0}, 0, 63, 0, 0}};
    if (options.separate_scans) {
        jpeg.scan_info = separate;
        jpeg.num_scans = 3;
    }
    jpeg.restart_in_rows = options.restart_rows;
    jpeg_start_compress(&jpeg, TRUE);
    if (options.exif_size) {
        uint8_t block[256];
        memcpy(block, "Exif\0\0", 6);
        memcpy(block + 6, options.exif, options.exif_size);
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, block, (unsigned)options.exif_size + 6);
    }
    if (options.icc_size)
        jpeg_write_icc_profile(&jpeg, options.icc, (unsigned)options.icc_size);
    uint8_t *row = malloc((size_t)width * 4);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint16_t rgba[4];
            pixel(rgba, x, y, width, height);
            for (int c = 0; c < channels; c++)
                row[x * channels + c] = (uint8_t)(rgba[c] >> 8);
        }
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (made){data, size};
}

static inline void made_png_write(png_structp png, png_bytep data, png_size_t size)
{
    made_append(png_get_io_ptr(png), data, size);
}

static inline void made_png_flush(png_structp png)
{
    (void)png;
}

/* Palette: 4 colors, red, green, blue, white; the index is the pixel's red >> 14. */
static inline size_t made_png_row(uint8_t *row, int y, int width, int height, made_pixel *pixel, int type,
                                  int bits)
{
    size_t at = 0;
    for (int x = 0; x < width; x++) {
        uint16_t rgba[4];
        pixel(rgba, x, y, width, height);
        static const int channels_of[] = {1, 0, 3, 1, 2, 0, 4};
        int channels = channels_of[type];
        for (int c = 0; c < channels; c++) {
            uint16_t value = rgba[type == PNG_COLOR_TYPE_GRAY_ALPHA && c == 1 ? 3 : c];
            if (type == PNG_COLOR_TYPE_PALETTE)
                row[at++] = (uint8_t)(rgba[0] >> 14);
            else
                row[at++] = (uint8_t)(value >> 8);
            if (bits == 16)
                row[at++] = (uint8_t)value;
        }
    }
    return at;
}

static inline made make_png(int width, int height, made_pixel *pixel, const made_options *wanted)
{
    made_options options = wanted ? *wanted : (made_options){0};
    made file = {0};
    int type = options.color_type ? options.color_type : PNG_COLOR_TYPE_RGB;
    int bits = options.bits ? options.bits : 8;
    if (options.channels == 1)
        type = PNG_COLOR_TYPE_GRAY;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, made_png_write, made_png_flush);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, bits, type,
                 options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        static const png_color colors[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
        png_set_PLTE(png, info, colors, 4);
    }
    if (options.icc_size)
        png_set_iCCP(png, info, "profile", PNG_COMPRESSION_TYPE_BASE, options.icc,
                     (png_uint_32)options.icc_size);
    if (options.exif_size) {
        uint8_t copy[256];
        memcpy(copy, options.exif, options.exif_size);
        png_set_eXIf_1(png, info, (png_uint_32)options.exif_size, copy);
    }
    png_write_info(png, info);
    size_t stride = (size_t)width * 8;
    uint8_t *rows = calloc((size_t)height, stride);
    for (int y = 0; y < height; y++)
        made_png_row(rows + (size_t)y * stride, y, width, height, pixel, type, bits);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return file;
}

/* Display P3: wider primaries, the sRGB curve. */
static inline made make_p3_profile(void)
{
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE primaries = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
    cmsFloat64Number srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    cmsToneCurve *curve = cmsBuildParametricToneCurve(NULL, 4, srgb);
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
    made file = {0};
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    file.data = malloc(size);
    file.size = size;
    cmsSaveProfileToMem(profile, file.data, &size);
    cmsCloseProfile(profile);
    cmsFreeToneCurve(curve);
    return file;
}

#endif
