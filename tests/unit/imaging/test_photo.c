#include <setjmp.h>
#include <stdarg.h>

#include "imaging/color.h"
#include "imaging/limits.h"
#include "imaging/photo.h"
#include "tests/unit/imaging/photo_maker.h"

#include <math.h>

#include <cmocka.h>

static rubor_bytes view(made file)
{
    return (rubor_bytes){file.data, file.size};
}

static void rgba_set(uint16_t rgba[4], unsigned r, unsigned g, unsigned b)
{
    rgba[0] = (uint16_t)(r * 257);
    rgba[1] = (uint16_t)(g * 257);
    rgba[2] = (uint16_t)(b * 257);
    rgba[3] = 65535;
}

/* Smooth, without any symmetry. */
static void slopes(uint16_t rgba[4], int x, int y, int width, int height)
{
    double u = (double)x / width, v = (double)y / height;
    rgba[0] = (uint16_t)(65535 * (0.2 + 0.6 * u));
    rgba[1] = (uint16_t)(65535 * (0.1 + 0.5 * v + 0.2 * u * v));
    rgba[2] = (uint16_t)(65535 * (0.3 + 0.3 * u * u));
    rgba[3] = 65535;
}

static void checkers(uint16_t rgba[4], int x, int y, int width, int height)
{
    (void)width;
    (void)height;
    unsigned value = (x + y) % 2 ? 255 : 0;
    rgba_set(rgba, value, value, value);
}

static void noise16(uint16_t rgba[4], int x, int y, int width, int height)
{
    (void)height;
    uint32_t seed = (uint32_t)(y * width + x) * 2654435761U + 12345;
    for (int c = 0; c < 4; c++) {
        seed = seed * 1664525U + 1013904223U;
        rgba[c] = (uint16_t)(seed >> 16);
    }
}

static rubor_image_encoded decode_ok(made file, const rubor_decode_options *options)
{
    rubor_image_encoded image;
    rubor_error error = {0};
    rubor_status status = rubor_photo_decode(&image, view(file), options, &error);
    if (status)
        fail_msg("%s: %s", rubor_status_name(status), error.message);
    return image;
}

static void assert_refused(made file, rubor_status expected, const char *word)
{
    rubor_image_encoded image;
    rubor_error error = {0};
    rubor_status status = rubor_photo_decode(&image, view(file), NULL, &error);
    if (status != expected || !strstr(error.message, word))
        fail_msg("expected %s with \"%s\", got %s: %s", rubor_status_name(expected), word,
                 rubor_status_name(status), error.message);
    assert_null(image.rgb);
    assert_int_equal(error.status, expected);
}

/* ---- orientation ---- */

/* Where stored pixel (sx, sy) is displayed, from the EXIF text: "the 0th row is at the visual ..., the 0th
 * column at the visual ...". */
static void displayed(int *x, int *y, int orientation, int sx, int sy, int stored_width, int stored_height)
{
    int right = stored_width - 1 - sx, bottom = stored_height - 1 - sy;
    switch (orientation) {
    case 1:
        *x = sx, *y = sy;
        break; /* top, left */
    case 2:
        *x = right, *y = sy;
        break; /* top, right */
    case 3:
        *x = right, *y = bottom;
        break; /* bottom, right */
    case 4:
        *x = sx, *y = bottom;
        break; /* bottom, left */
    case 5:
        *x = sy, *y = sx;
        break; /* left, top */
    case 6:
        *x = bottom, *y = sx;
        break; /* right, top */
    case 7:
        *x = bottom, *y = right;
        break; /* right, bottom */
    default:
        *x = sy, *y = right;
        break; /* left, bottom */
    }
}

static int current_orientation;

static void turned_noise(uint16_t rgba[4], int sx, int sy, int width, int height)
{
    int x, y;
    displayed(&x, &y, current_orientation, sx, sy, width, height);
    noise16(rgba, x, y, 40, 24);
    rgba[3] = 65535;
}

static void turned_slopes(uint16_t rgba[4], int sx, int sy, int width, int height)
{
    int x, y;
    displayed(&x, &y, current_orientation, sx, sy, width, height);
    bool turned = current_orientation >= 5;
    slopes(rgba, x, y, turned ? height : width, turned ? width : height);
}

static void png_of_each_orientation_shows_the_same_picture(void **state)
{
    (void)state;
    for (int o = 1; o <= 8; o++) {
        uint8_t exif[128];
        size_t size = made_exif(exif, o, "2024:05:06 07:08:09");
        current_orientation = o;
        made_options options = {.bits = 16, .exif = exif, .exif_size = size};
        made file =
            o < 5 ? make_png(40, 24, turned_noise, &options) : make_png(24, 40, turned_noise, &options);
        rubor_photo_info info;
        assert_int_equal(rubor_photo_probe(&info, view(file), NULL), RUBOR_OK);
        assert_int_equal(info.orientation, o);
        assert_int_equal(info.width, 40);
        assert_int_equal(info.height, 24);
        assert_string_equal(info.captured_at, "2024-05-06T07:08:09");
        rubor_image_encoded image = decode_ok(file, NULL);
        for (int y = 0; y < 24; y++)
            for (int x = 0; x < 40; x++) {
                uint16_t rgba[4];
                noise16(rgba, x, y, 40, 24);
                assert_memory_equal(rgba, image.rgb + 3 * (y * 40 + x), 6);
            }
        rubor_image_encoded_finish(&image);
        made_free(&file);
    }
}

static int difference(const uint16_t *one, const uint16_t *other)
{
    int largest = 0;
    for (int c = 0; c < 3; c++)
        largest = abs(one[c] - other[c]) > largest ? abs(one[c] - other[c]) : largest;
    return largest;
}

/* Each orientation, formats and sampling: the crop must be the same part of the whole. */
static void check_crops(made file, int tolerance)
{
    static const rubor_photo_crop crops[] = {{0, 0, 50, 40},     {33, 17, 61, 29}, {120, 90, 80, 70},
                                             {-5, 100, 60, 500}, {199, 159, 1, 1}, {64, 64, 64, 64}};
    rubor_decode_options all = {.max_pixels = 1000000};
    rubor_image_encoded whole = decode_ok(file, &all);
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++) {
        rubor_decode_options options = {.max_pixels = 1000000, .crop = crops[i]};
        rubor_image_encoded part = decode_ok(file, &options);
        int left = crops[i].x < 0 ? 0 : crops[i].x, top = crops[i].y;
        for (int y = 0; y < part.height; y++)
            for (int x = 0; x < part.width; x++) {
                const uint16_t *a = part.rgb + 3 * (y * part.width + x);
                const uint16_t *b = whole.rgb + 3 * ((top + y) * whole.width + left + x);
                if (difference(a, b) > tolerance)
                    fail_msg("orientation %d crop %zu differs at %d,%d: %u %u %u, not %u %u %u",
                             current_orientation, i, x, y, a[0], a[1], a[2], b[0], b[1], b[2]);
            }
        rubor_image_encoded_finish(&part);
    }
    rubor_image_encoded_finish(&whole);
}

static void crop_is_the_same_part_of_the_displayed_photo(void **state)
{
    (void)state;
    for (int o = 1; o <= 8; o++) {
        uint8_t exif[128];
        size_t size = made_exif(exif, o, NULL);
        current_orientation = o;
        int width = o < 5 ? 200 : 160, height = o < 5 ? 160 : 200;
        for (int kind = 0; kind < 5; kind++) {
            made_options options = {.exif = exif,
                                    .exif_size = size,
                                    .subsampled = kind >= 2,
                                    .progressive = kind == 3,
                                    .restart_rows = kind == 4};
            made file = kind == 0 ? make_png(width, height, turned_slopes, &options)
                                  : make_jpeg(width, height, turned_slopes, &options);
            check_crops(file, 0);
            made_free(&file);
        }
    }
}

static void crop_outside_the_photo_is_invalid(void **state)
{
    (void)state;
    made file = make_png(40, 24, slopes, NULL);
    static const rubor_photo_crop crops[] = {{40, 0, 5, 5}, {-9, 0, 9, 9}, {0, 24, 1, 1},
                                             {0, 0, 5, 0},  {0, 0, -5, 5}, {2147483647, 0, 2147483647, 5}};
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++) {
        rubor_decode_options options = {.crop = crops[i]};
        rubor_image_encoded image;
        rubor_error error = {0};
        assert_int_equal(rubor_photo_decode(&image, view(file), &options, &error), RUBOR_INVALID);
        assert_non_null(strstr(error.message, "outside the photo"));
    }
    made_free(&file);
}

/* ---- size ---- */

static void checkerboard_averages_to_half_the_light(void **state)
{
    (void)state;
    made file = make_png(64, 64, checkers, NULL);
    rubor_decode_options options = {.max_pixels = 32 * 32};
    rubor_image_encoded image = decode_ok(file, &options);
    assert_int_equal(image.width, 32);
    assert_int_equal(image.height, 32);
    int expected = (int)(65535 * rubor_srgb_encode(0.5) + 0.5); /* and not half of 65535 */
    for (int i = 0; i < 32 * 32 * 3; i++)
        assert_in_range(image.rgb[i], expected - 1, expected + 1);
    rubor_image_encoded_finish(&image);
    made_free(&file);
}

static double light(const rubor_image_encoded *image, int x, int y, int c)
{
    return rubor_srgb_decode(image->rgb[3 * (y * image->width + x) + c] / 65535.0);
}

/* The mean light of the area that output pixel (x, y) covers, from the full-size picture. */
static double mean_light(const rubor_image_encoded *full, int width, int height, int x, int y, int c)
{
    double sx = (double)full->width / width, sy = (double)full->height / height, sum = 0, area = 0;
    for (int j = (int)floor(y * sy); j < (y + 1) * sy && j < full->height; j++)
        for (int i = (int)floor(x * sx); i < (x + 1) * sx && i < full->width; i++) {
            double w = fmin(i + 1, (x + 1) * sx) - fmax(i, x * sx),
                   h = fmin(j + 1, (y + 1) * sy) - fmax(j, y * sy);
            sum += w * h * light(full, i, j, c);
            area += w * h;
        }
    return sum / area;
}

typedef struct deviation {
    double mean, worst; /* in steps of 65535 */
} deviation;

static deviation compare_crop(made file, int max_pixels, rubor_photo_crop crop)
{
    rubor_decode_options everything = {.max_pixels = RUBOR_LIMIT_PHOTO_PIXELS, .crop = crop};
    rubor_decode_options small = {.max_pixels = max_pixels, .crop = crop};
    rubor_image_encoded full = decode_ok(file, &everything), image = decode_ok(file, &small);
    assert_true((int64_t)image.width * image.height <= max_pixels);
    deviation d = {0, 0};
    int count = image.width * image.height * 3;
    for (int i = 0; i < count; i++) {
        int x = i / 3 % image.width, y = i / 3 / image.width;
        double expected =
            65535 * rubor_srgb_encode(mean_light(&full, image.width, image.height, x, y, i % 3));
        double off = image.rgb[i] - expected;
        d.mean += off / count;
        d.worst = fmax(d.worst, fabs(off));
    }
    rubor_image_encoded_finish(&full);
    rubor_image_encoded_finish(&image);
    return d;
}

static deviation compare_with_area_average(made file, int max_pixels)
{
    return compare_crop(file, max_pixels, (rubor_photo_crop){0});
}

static void png_shrinks_to_the_exact_area_average(void **state)
{
    (void)state;
    made file = make_png(203, 151, noise16, &(made_options){.bits = 16});
    static const int sizes[] = {203 * 151, 203 * 151 - 1, 20000, 9000, 3000, 500, 20, 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_true(compare_with_area_average(file, sizes[i]).worst < 0.6);
    made_free(&file);
}

/* Scaled decoding averages blocks before the curve is undone; on a smooth picture that is the same. A shift
 * of the grid by a tenth of a pixel would move the mean by 10 steps times the divisor. */
static void jpeg_at_every_scale_keeps_light_and_place(void **state)
{
    (void)state;
    static const int widths[] = {400, 403, 397};
    for (size_t w = 0; w < 3; w++)
        for (int kind = 0; kind < 3; kind++) {
            made_options options = {.quality = 100, .subsampled = kind == 1, .progressive = kind == 2};
            made file = make_jpeg(widths[w], 301, slopes, &options);
            for (int divisor = 1; divisor <= 11; divisor++) {
                deviation d = compare_with_area_average(file, widths[w] * 301 / (divisor * divisor));
                if (fabs(d.mean) > 5 * divisor || d.worst > 600)
                    fail_msg("width %d kind %d divisor %d: mean %.2f worst %.1f", widths[w], kind, divisor,
                             d.mean, d.worst);
            }
            made_free(&file);
        }
}

static void crop_at_every_scale_keeps_light_and_place(void **state)
{
    (void)state;
    static const rubor_photo_crop crops[] = {
        {101, 57, 203, 149}, {0, 0, 130, 301}, {263, 155, 140, 146}, {3, 2, 399, 298}};
    for (int kind = 0; kind < 3; kind++) {
        made_options options = {.quality = 100, .subsampled = kind == 1, .progressive = kind == 2};
        made file = make_jpeg(403, 301, slopes, &options);
        for (size_t i = 0; i < sizeof crops / sizeof *crops; i++)
            for (int divisor = 1; divisor <= 9; divisor++) {
                int pixels = crops[i].width * crops[i].height / (divisor * divisor);
                deviation d = compare_crop(file, pixels, crops[i]);
                if (fabs(d.mean) > 8 * divisor || d.worst > 700)
                    fail_msg("kind %d crop %zu divisor %d: mean %.2f worst %.1f", kind, i, divisor, d.mean,
                             d.worst);
            }
        made_free(&file);
    }
}

static void photo_is_never_enlarged_nor_over_the_working_size(void **state)
{
    (void)state;
    made file = make_png(40, 24, slopes, NULL);
    rubor_image_encoded image = decode_ok(file, NULL);
    assert_int_equal(image.width, 40);
    assert_int_equal(image.height, 24);
    rubor_image_encoded_finish(&image);
    for (int pixels = 1; pixels < 960; pixels += 7) {
        rubor_decode_options options = {.max_pixels = pixels};
        image = decode_ok(file, &options);
        assert_in_range(image.width * image.height, 1, pixels);
        rubor_image_encoded_finish(&image);
    }
    made_free(&file);
}

/* ---- kinds of files ---- */

static void sixteen_bits_pass_unchanged(void **state)
{
    (void)state;
    made file = make_png(40, 24, noise16, &(made_options){.bits = 16});
    made woven = make_png(40, 24, noise16, &(made_options){.bits = 16, .interlaced = true});
    rubor_image_encoded one = decode_ok(file, NULL), two = decode_ok(woven, NULL);
    uint16_t rgba[4];
    for (int i = 0; i < 960; i++) {
        noise16(rgba, i % 40, i / 40, 40, 24);
        assert_memory_equal(one.rgb + 3 * i, rgba, 6);
    }
    assert_memory_equal(one.rgb, two.rgb, 960 * 6);
    rubor_photo_info info;
    assert_int_equal(rubor_photo_probe(&info, view(file), NULL), RUBOR_OK);
    assert_int_equal(info.bits, 16);
    assert_int_equal(info.format, RUBOR_FORMAT_PNG);
    rubor_image_encoded_finish(&one);
    rubor_image_encoded_finish(&two);
    made_free(&file);
    made_free(&woven);
}

static void half_clear(uint16_t rgba[4], int x, int y, int width, int height)
{
    slopes(rgba, x, y, width, height);
    rgba[3] = x < width / 2 ? 0x8080 : 0xffff;
}

static void transparent_pixels_show_white(void **state)
{
    (void)state;
    for (int bits = 8; bits <= 16; bits += 8) {
        made file = make_png(40, 24, half_clear,
                             &(made_options){.color_type = PNG_COLOR_TYPE_RGB_ALPHA, .bits = bits});
        made opaque = make_png(40, 24, slopes, &(made_options){.bits = bits});
        rubor_image_encoded image = decode_ok(file, NULL), whole = decode_ok(opaque, NULL);
        for (int i = 0; i < 960; i++)
            for (int c = 0; c < 3; c++) {
                double value = whole.rgb[3 * i + c], alpha = i % 40 < 20 ? 0x80 / 255.0 : 1;
                double expected = value * alpha + 65535 * (1 - alpha);
                assert_true(fabs(image.rgb[3 * i + c] - expected) <= (bits == 8 ? 129 : 1));
            }
        rubor_image_encoded_finish(&image);
        rubor_image_encoded_finish(&whole);
        made_free(&file);
        made_free(&opaque);
    }
}

static void palette_png_is_read(void **state)
{
    (void)state;
    made file = make_png(40, 24, slopes, &(made_options){.color_type = PNG_COLOR_TYPE_PALETTE});
    rubor_image_encoded image = decode_ok(file, NULL);
    static const uint16_t red[3] = {65535, 0, 0}, blue[3] = {0, 0, 65535};
    assert_memory_equal(image.rgb, red, 6);
    assert_memory_equal(image.rgb + 3 * 25, blue, 6);
    rubor_image_encoded_finish(&image);
    made_free(&file);
}

static void gray_and_print_colors_are_refused_by_name(void **state)
{
    (void)state;
    made gray = make_jpeg(40, 24, slopes, &(made_options){.channels = 1});
    made print = make_jpeg(40, 24, slopes, &(made_options){.channels = 4});
    made gray_png = make_png(40, 24, slopes, &(made_options){.channels = 1});
    made gray_alpha = make_png(40, 24, slopes, &(made_options){.color_type = PNG_COLOR_TYPE_GRAY_ALPHA});
    assert_refused(gray, RUBOR_UNSUPPORTED, "gray");
    assert_refused(print, RUBOR_UNSUPPORTED, "CMYK");
    assert_refused(gray_png, RUBOR_UNSUPPORTED, "gray");
    assert_refused(gray_alpha, RUBOR_UNSUPPORTED, "gray");
    made_free(&gray);
    made_free(&print);
    made_free(&gray_png);
    made_free(&gray_alpha);
}

static void foreign_formats_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *word;
    } cases[] = {{"\0\0\0\x18"
                  "ftypheic\0\0\0\0",
                  16, "HEIC; save as JPEG or PNG"},
                 {"\0\0\0\x18"
                  "ftypmif1\0\0\0\0",
                  16, "HEIC"},
                 {"\0\0\0\x18"
                  "ftypavif\0\0\0\0",
                  16, "AVIF"},
                 {"\0\0\0\x18"
                  "ftypcrx \0\0\0\0",
                  16, "CR3"},
                 {"\0\0\0\x18"
                  "ftypisom\0\0\0\0",
                  16, "video"},
                 {"RIFF\0\0\0\0WEBPVP8 ", 16, "WebP"},
                 {"GIF89a\0\0\0\0", 10, "GIF"},
                 {"II*\0\x10\0\0\0CR\2\0", 12, "CR2"},
                 {"II*\0\x08\0\0\0", 8, "TIFF"},
                 {"MM\0*\0\0\0\x08", 8, "TIFF"},
                 {"FUJIFILMCCD-RAW ", 16, "RAW (Fujifilm)"},
                 {"BM\0\0\0\0", 6, "BMP"},
                 {"%PDF-1.7", 8, "PDF"},
                 {"hello, world", 12, "not a JPEG or PNG"},
                 {"\xff\xd8", 2, "not a JPEG or PNG"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made file = {0};
        made_append(&file, cases[i].bytes, cases[i].size);
        assert_refused(file, RUBOR_UNSUPPORTED, cases[i].word);
        made_free(&file);
    }
    assert_refused((made){NULL, 0}, RUBOR_CORRUPT, "empty");
}

/* ---- metadata ---- */

static void color_profile_is_applied(void **state)
{
    (void)state;
    made profile = make_p3_profile();
    made_options options = {.bits = 16, .icc = profile.data, .icc_size = profile.size};
    made tagged = make_png(40, 24, slopes, &options);
    made plain = make_png(40, 24, slopes, &(made_options){.bits = 16});
    rubor_photo_info info;
    assert_int_equal(rubor_photo_probe(&info, view(tagged), NULL), RUBOR_OK);
    assert_true(info.icc_present);
    assert_true(info.icc[0] != '\0' && strcmp(info.icc, "invalid") != 0);
    rubor_image_encoded image = decode_ok(tagged, NULL), source = decode_ok(plain, NULL);
    /* P3 to sRGB, D65 to D65, rows from the two primaries' matrices (computed in Python with 64-bit numbers).
     */
    static const double m[9] = {1.2249401762805598,    -0.22494017628055996,  0,
                                -0.042056954709688163, 1.0420569547096881,    0,
                                -0.019637554590334432, -0.078636045550631889, 1.0982736001409663};
    for (int i = 0; i < 960; i++) {
        double in[3], out;
        for (int c = 0; c < 3; c++)
            in[c] = rubor_srgb_decode(source.rgb[3 * i + c] / 65535.0);
        for (int c = 0; c < 3; c++) {
            out = 65535 * rubor_srgb_encode(m[3 * c] * in[0] + m[3 * c + 1] * in[1] + m[3 * c + 2] * in[2]);
            if (fabs(image.rgb[3 * i + c] - out) > 66) /* 0.1 %: profiles hold 16-bit fixed-point numbers */
                fail_msg("pixel %d channel %d: %u, not %.1f", i, c, image.rgb[3 * i + c], out);
        }
    }
    rubor_image_encoded_finish(&image);
    rubor_image_encoded_finish(&source);
    made_free(&tagged);
    made_free(&plain);
    made_free(&profile);
}

/* The pixels of file must be those of the same photo without a profile. */
static void assert_profile_ignored(made file, made plain, const char *word)
{
    rubor_photo_info info;
    assert_int_equal(rubor_photo_probe(&info, view(file), NULL), RUBOR_OK);
    assert_true(info.icc_present);
    assert_non_null(strstr(info.icc, word));
    rubor_image_encoded image = decode_ok(file, NULL), source = decode_ok(plain, NULL);
    assert_memory_equal(image.rgb, source.rgb, (size_t)image.width * (size_t)image.height * 6);
    rubor_image_encoded_finish(&image);
    rubor_image_encoded_finish(&source);
}

static void broken_color_profile_is_ignored_and_said(void **state)
{
    (void)state;
    made profile = make_p3_profile();
    made plain = make_jpeg(40, 24, slopes, NULL);
    memset(profile.data + 140, 0xee, profile.size - 140);
    made broken = make_jpeg(40, 24, slopes, &(made_options){.icc = profile.data, .icc_size = profile.size});
    made cut = make_jpeg(40, 24, slopes, &(made_options){.icc = profile.data, .icc_size = 100});
    assert_profile_ignored(broken, plain, "invalid");
    assert_profile_ignored(cut, plain, "invalid");
    made_free(&broken);
    made_free(&cut);
    made_free(&plain);
    made_free(&profile);
}

static void srgb_profile_leaves_pixels_alone(void **state)
{
    (void)state;
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    uint8_t data[8192];
    cmsUInt32Number size = sizeof data;
    assert_true(cmsSaveProfileToMem(srgb, data, &size));
    cmsCloseProfile(srgb);
    made file = make_jpeg(40, 24, slopes, &(made_options){.icc = data, .icc_size = size});
    made plain = make_jpeg(40, 24, slopes, NULL);
    assert_profile_ignored(file, plain, "sRGB");
    made_free(&file);
    made_free(&plain);
}

static void bad_capture_dates_and_orientations_are_dropped(void **state)
{
    (void)state;
    static const struct {
        const char *date, *expected;
        int orientation, expected_orientation;
    } cases[] = {{"2024:02:30 23:59:59", "2024-02-30T23:59:59", 6, 6},
                 {"0000:00:00 00:00:00", "", 0, 1},
                 {"    :  :     :  :  ", "", 9, 1},
                 {"2024:13:01 00:00:00", "", 255, 1},
                 {"2024:12:01T00:00:00", "", 1, 1},
                 {"2024-12-01 00:00:00", "2024-12-01T00:00:00", 8, 8},
                 {"<script>alert(1)</s", "", 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t exif[128];
        size_t size = made_exif(exif, cases[i].orientation, cases[i].date);
        made file = make_jpeg(40, 24, slopes, &(made_options){.exif = exif, .exif_size = size});
        rubor_photo_info info;
        assert_int_equal(rubor_photo_probe(&info, view(file), NULL), RUBOR_OK);
        assert_string_equal(info.captured_at, cases[i].expected);
        assert_int_equal(info.orientation, cases[i].expected_orientation);
        made_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_of_each_orientation_shows_the_same_picture),
        cmocka_unit_test(crop_is_the_same_part_of_the_displayed_photo),
        cmocka_unit_test(crop_outside_the_photo_is_invalid),
        cmocka_unit_test(checkerboard_averages_to_half_the_light),
        cmocka_unit_test(png_shrinks_to_the_exact_area_average),
        cmocka_unit_test(jpeg_at_every_scale_keeps_light_and_place),
        cmocka_unit_test(crop_at_every_scale_keeps_light_and_place),
        cmocka_unit_test(photo_is_never_enlarged_nor_over_the_working_size),
        cmocka_unit_test(sixteen_bits_pass_unchanged),
        cmocka_unit_test(transparent_pixels_show_white),
        cmocka_unit_test(palette_png_is_read),
        cmocka_unit_test(gray_and_print_colors_are_refused_by_name),
        cmocka_unit_test(foreign_formats_are_named),
        cmocka_unit_test(color_profile_is_applied),
        cmocka_unit_test(broken_color_profile_is_ignored_and_said),
        cmocka_unit_test(srgb_profile_leaves_pixels_alone),
        cmocka_unit_test(bad_capture_dates_and_orientations_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
