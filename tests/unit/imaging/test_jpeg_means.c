/* Flat patches come out of a JPEG with the mean that the file holds, not with the decoder's whole levels. */
#include <setjmp.h>
#include <stdarg.h>

#include "imaging/photo.h"
#include "tests/unit/imaging/photo_maker.h"

#include <math.h>

#include <cmocka.h>

enum { TILE = 32, ACROSS = 16, DOWN = 12, WIDTH = ACROSS * TILE, HEIGHT = DOWN * TILE, QUALITY = 90 };
/* Of a level: rounding to 16 bits and what libjpeg's integer transform leaves. */
#define TOLERANCE 0.02

static void tile_color(int rgb[3], int column, int row)
{
    rgb[0] = 90 + (37 * column + 11 * row) % 80;
    rgb[1] = 60 + (23 * column + 29 * row) % 70;
    rgb[2] = 50 + (41 * column + 17 * row) % 60;
}

static void tiles(uint16_t rgba[4], int x, int y, int width, int height)
{
    (void)width;
    (void)height;
    int rgb[3];
    tile_color(rgb, x / TILE, y / TILE);
    for (int c = 0; c < 3; c++)
        rgba[c] = (uint16_t)(rgb[c] * 257);
    rgba[3] = 65535;
}

/* A sample rounded to a whole level, its block's mean quantized: 3 eighths of a level at quality 90 for
 * brightness and color (ITU-T T.81, Annex K, scaled as libjpeg does). */
static double stored_mean(double sample)
{
    return 128 + floor(8 * (floor(sample + 0.5) - 128) / 3 + 0.5) * 3 / 8;
}

static void expected_levels(double level[3], int column, int row)
{
    int rgb[3];
    tile_color(rgb, column, row);
    double r = rgb[0], g = rgb[1], b = rgb[2];
    double y = stored_mean(0.299 * r + 0.587 * g + 0.114 * b);
    double cb = stored_mean(128 - 0.168736 * r - 0.331264 * g + 0.5 * b) - 128;
    double cr = stored_mean(128 + 0.5 * r - 0.418688 * g - 0.081312 * b) - 128;
    level[0] = y + 1.402 * cr;
    level[1] = y - 0.344136 * cb - 0.714136 * cr;
    level[2] = y + 1.772 * cb;
}

/* The middle of every tile that lies whole inside the crop. */
static void check(const made_options *how, int max_pixels, rubor_photo_crop crop)
{
    made file = make_jpeg(WIDTH, HEIGHT, tiles, how);
    rubor_decode_options options = {.max_pixels = max_pixels, .crop = crop};
    rubor_image_encoded image;
    assert_int_equal(rubor_photo_decode(&image, (rubor_bytes){file.data, file.size}, &options, NULL),
                     RUBOR_OK);
    double scale = (double)image.width / (crop.width ? crop.width : WIDTH);
    int seen = 0;
    for (int row = 0; row < DOWN; row++)
        for (int column = 0; column < ACROSS; column++) {
            int left = column * TILE - crop.x, top = row * TILE - crop.y;
            if (left < 0 || top < 0 || (crop.width && (left + TILE > crop.width || top + TILE > crop.height)))
                continue;
            double level[3];
            expected_levels(level, column, row);
            int x = (int)((left + TILE / 2) * scale), y = (int)((top + TILE / 2) * scale);
            const uint16_t *pixel = image.rgb + 3 * ((size_t)y * (size_t)image.width + (size_t)x);
            for (int c = 0; c < 3; c++)
                if (fabs(pixel[c] / 257.0 - level[c]) > TOLERANCE)
                    fail_msg("tile %d, %d, channel %d: %.3f levels instead of %.3f", column, row, c,
                             pixel[c] / 257.0, level[c]);
            seen++;
        }
    assert_true(seen > 20);
    rubor_image_encoded_finish(&image);
    made_free(&file);
}

static const made_options kinds[] = {{.quality = QUALITY},
                                     {.quality = QUALITY, .subsampled = true},
                                     {.quality = QUALITY, .progressive = true, .subsampled = true},
                                     {.quality = QUALITY, .separate_scans = true},
                                     {.quality = QUALITY, .subsampled = true, .restart_rows = 1}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void flat_color_between_two_levels_is_kept(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        check(&kinds[k], 0, (rubor_photo_crop){0});
}

static void flat_color_is_kept_by_every_scaled_decoding(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int unit = 2; unit <= 8; unit *= 2)
            check(&kinds[k], WIDTH * HEIGHT / unit / unit, (rubor_photo_crop){0});
}

static void flat_color_is_kept_in_a_crop_of_the_photo(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        check(&kinds[k], 0, (rubor_photo_crop){101, 75, 290, 270});
        check(&kinds[k], 290 * 270 / 4, (rubor_photo_crop){101, 75, 290, 270});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_color_between_two_levels_is_kept),
        cmocka_unit_test(flat_color_is_kept_by_every_scaled_decoding),
        cmocka_unit_test(flat_color_is_kept_in_a_crop_of_the_photo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
