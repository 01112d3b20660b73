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
                                     {.quality = QUALITY, .subsampled = true, .restart_rows = 1},
                                     {.quality = QUALITY, .across = 2, .down = 1},
                                     {.quality = QUALITY, .across = 1, .down = 2, .restart_rows = 1},
                                     {.quality = QUALITY, .across = 4, .down = 1},
                                     {.quality = QUALITY, .across = 1, .down = 4, .progressive = true},
                                     {.quality = QUALITY, .across = 4, .down = 2},
                                     {.quality = QUALITY, .across = 2, .down = 4}};
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

/* ---- a picture with gradients and texture against a transform in floating point ---- */

enum { WIDE = 192, TALL = 96, AREA = 32 };

static void skin_like(uint16_t rgba[4], int x, int y, int width, int height)
{
    uint32_t seed = (uint32_t)(y * width + x) * 2654435761U;
    static const int base[3] = {150, 105, 85}, right[3] = {-30, 22, 30}, down[3] = {14, -20, 17};
    for (int c = 0; c < 3; c++) {
        seed = seed * 1664525U + 1013904223U;
        int grain = (int)(seed >> 29) - 3;
        rgba[c] = (uint16_t)((base[c] + right[c] * x / width + down[c] * y / height + grain) * 257);
    }
    rgba[3] = 65535;
}

/* A channel as the file has it, at its own resolution, not rounded (ITU-T T.81, A.3.3). */
static void exact_block(double *out, size_t stride, const JCOEF *stored, const UINT16 *steps)
{
    double half[8][8], basis[8][8]; /* basis[x][u] */
    for (int x = 0; x < 8; x++)
        for (int u = 0; u < 8; u++)
            basis[x][u] = (u ? 0.5 : sqrt(0.125)) * cos((2 * x + 1) * u * acos(-1) / 16);
    for (int v = 0; v < 8; v++)
        for (int x = 0; x < 8; x++) {
            half[v][x] = 0;
            for (int u = 0; u < 8; u++)
                half[v][x] += basis[x][u] * stored[8 * v + u] * steps[8 * v + u];
        }
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            double sum = 128;
            for (int v = 0; v < 8; v++)
                sum += basis[y][v] * half[v][x];
            out[(size_t)y * stride + (size_t)x] = sum;
        }
}

typedef struct exact_channel {
    double *sample;
    int width, height;
} exact_channel;

static void read_exactly(exact_channel channel[3], made file)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr handler;
    jpeg.err = jpeg_std_error(&handler);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file.data, (unsigned long)file.size);
    jpeg_read_header(&jpeg, TRUE);
    jvirt_barray_ptr *coefficients = jpeg_read_coefficients(&jpeg);
    for (int c = 0; c < 3; c++) {
        const jpeg_component_info *info = &jpeg.comp_info[c];
        channel[c].width = (int)info->width_in_blocks * 8;
        channel[c].height = (int)info->height_in_blocks * 8;
        channel[c].sample = malloc((size_t)channel[c].width * (size_t)channel[c].height * sizeof(double));
        for (JDIMENSION row = 0; row < info->height_in_blocks; row++) {
            JBLOCKARRAY blocks =
                jpeg.mem->access_virt_barray((j_common_ptr)&jpeg, coefficients[c], row, 1, FALSE);
            for (JDIMENSION column = 0; column < info->width_in_blocks; column++)
                exact_block(channel[c].sample + (size_t)row * 8 * (size_t)channel[c].width + column * 8,
                            (size_t)channel[c].width, blocks[0][column], info->quant_table->quantval);
        }
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

/* Between samples as libjpeg shows them: in a straight line where chroma is twice as coarse, else the
 * nearest. The picture's sides are whole numbers of blocks in every sampling. */
static double exact_at(const exact_channel *channel, int x, int y, bool smooth)
{
    int across = WIDE / channel->width, down = TALL / channel->height;
    int at[2] = {x / across, y / down}, size[2] = {channel->width, channel->height}, next[2];
    double share[2] = {0, 0};
    for (int axis = 0; axis < 2; axis++) {
        int factor = axis ? down : across, step = (axis ? y : x) % 2 ? 1 : -1;
        next[axis] = at[axis];
        if (smooth && factor == 2 && at[axis] + step >= 0 && at[axis] + step < size[axis]) {
            next[axis] = at[axis] + step;
            share[axis] = 0.25;
        }
    }
    const double *here = channel->sample + (size_t)at[1] * (size_t)channel->width;
    const double *beside = channel->sample + (size_t)next[1] * (size_t)channel->width;
    return (1 - share[1]) * ((1 - share[0]) * here[at[0]] + share[0] * here[next[0]]) +
           share[1] * ((1 - share[0]) * beside[at[0]] + share[0] * beside[next[0]]);
}

static void exact_pixel(double level[3], const exact_channel channel[3], int x, int y, bool smooth)
{
    double luma = exact_at(&channel[0], x, y, false);
    double cb = exact_at(&channel[1], x, y, smooth) - 128, cr = exact_at(&channel[2], x, y, smooth) - 128;
    level[0] = luma + 1.402 * cr;
    level[1] = luma - 0.344136 * cb - 0.714136 * cr;
    level[2] = luma + 1.772 * cb;
}

/* A pixel may be off by what rounding Y, Cb and Cr to whole levels does; squares and the whole picture, where
 * that is not the same everywhere, by much less. */
static void compare_with_the_file(const made_options *how)
{
    made file = make_jpeg(WIDE, TALL, skin_like, how);
    exact_channel channel[3];
    read_exactly(channel, file);
    rubor_image_encoded image;
    assert_int_equal(rubor_photo_decode(&image, (rubor_bytes){file.data, file.size}, NULL, NULL), RUBOR_OK);
    bool smooth = how->across <= 2 && how->down <= 2;
    double pixel_most = 0, area_most = 0, sum[3] = {0}, area[WIDE / AREA * (TALL / AREA)][3] = {{0}};
    for (int y = 0; y < TALL; y++)
        for (int x = 0; x < WIDE; x++) {
            double level[3];
            exact_pixel(level, channel, x, y, smooth);
            for (int c = 0; c < 3; c++) {
                double off = image.rgb[3 * ((size_t)y * WIDE + (size_t)x) + (size_t)c] / 257.0 - level[c];
                pixel_most = fmax(pixel_most, fabs(off));
                area[y / AREA * (WIDE / AREA) + x / AREA][c] += off / (AREA * AREA);
                sum[c] += off / (WIDE * TALL);
            }
        }
    for (size_t k = 0; k < sizeof area / sizeof *area; k++)
        for (int c = 0; c < 3; c++)
            area_most = fmax(area_most, fabs(area[k][c]));
    double whole = fmax(fabs(sum[0]), fmax(fabs(sum[1]), fabs(sum[2])));
    if (!(pixel_most < 3) || !(area_most < 0.05) || !(whole < 0.02))
        fail_msg("chroma %d x %d coarser: a pixel is off by %.3f levels, a square by %.3f, all by %.4f",
                 how->across, how->down, pixel_most, area_most, whole);
    for (int c = 0; c < 3; c++)
        free(channel[c].sample);
    rubor_image_encoded_finish(&image);
    made_free(&file);
}

static void textured_picture_is_what_the_file_says_in_every_sampling(void **state)
{
    (void)state;
    static const int factors[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1},
                                     {1, 4}, {3, 1}, {1, 3}, {4, 2}, {2, 4}};
    for (size_t k = 0; k < sizeof factors / sizeof *factors; k++)
        for (int way = 0; way < 3; way++)
            compare_with_the_file(&(made_options){.quality = QUALITY,
                                                  .across = factors[k][0],
                                                  .down = factors[k][1],
                                                  .progressive = way == 1,
                                                  .restart_rows = way == 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_color_between_two_levels_is_kept),
        cmocka_unit_test(flat_color_is_kept_by_every_scaled_decoding),
        cmocka_unit_test(flat_color_is_kept_in_a_crop_of_the_photo),
        cmocka_unit_test(textured_picture_is_what_the_file_says_in_every_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
