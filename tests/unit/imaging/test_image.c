#include "imaging/color.h"
#include "imaging/encode.h"
#include "imaging/image.h"
#include "imaging/srgb_table.h"
#include "imaging/photo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void images_over_the_limit_are_refused(void **state)
{
    (void)state;
    rubor_plane plane;
    rubor_image_calibrated image;
    rubor_error error = {0};
    assert_int_equal(rubor_plane_init(&plane, 20001, 1, &error), RUBOR_TOO_LARGE);
    assert_null(plane.data);
    assert_int_equal(rubor_image_calibrated_init(&image, 20000, 20000, &error), RUBOR_TOO_LARGE);
    assert_null(image.plane[0]);
    rubor_image_calibrated_finish(&image);
    rubor_plane_finish(NULL);
}

/* Decoding and encoding every 16-bit value gives it back, and the table is the curve. */
static void every_16_bit_value_survives_linear_light(void **state)
{
    (void)state;
    rubor_image_encoded in, out;
    rubor_image_calibrated linear;
    const float *table = rubor_srgb_table();
    assert_int_equal(rubor_image_encoded_init(&in, 256, 256, NULL), RUBOR_OK);
    assert_int_equal(rubor_image_encoded_init(&out, 256, 256, NULL), RUBOR_OK);
    assert_int_equal(rubor_image_calibrated_init(&linear, 256, 256, NULL), RUBOR_OK);
    for (int i = 0; i < 65536; i++)
        in.rgb[3 * i] = in.rgb[3 * i + 1] = in.rgb[3 * i + 2] = (uint16_t)i;
    for (int i = 0; i < 65536; i++) {
        assert_true(table[i] == (float)rubor_srgb_decode(i / 65535.0));
        for (int c = 0; c < 3; c++)
            linear.plane[c][i] = table[i];
    }
    rubor_image_encode_calibrated(&out, &linear);
    assert_memory_equal(in.rgb, out.rgb, 65536 * 6);
    rubor_image_encoded_finish(&in);
    rubor_image_encoded_finish(&out);
    rubor_image_calibrated_finish(&linear);
}

static void values_outside_0_to_1_are_clamped_when_encoded(void **state)
{
    (void)state;
    rubor_image_calibrated image;
    rubor_image_encoded out;
    assert_int_equal(rubor_image_calibrated_init(&image, 4, 1, NULL), RUBOR_OK);
    assert_int_equal(rubor_image_encoded_init(&out, 4, 1, NULL), RUBOR_OK);
    const float values[4] = {-1, 2, NAN, INFINITY};
    memcpy(image.plane[0], values, sizeof values);
    rubor_image_encode_calibrated(&out, &image);
    assert_int_equal(out.rgb[0], 0);
    assert_int_equal(out.rgb[3], 65535);
    assert_int_equal(out.rgb[6], 0);
    assert_int_equal(out.rgb[9], 65535);
    rubor_image_calibrated_finish(&image);
    rubor_image_encoded_finish(&out);
}

static void polygon_text_is_read_or_refused(void **state)
{
    (void)state;
    rubor_polygon polygon;
    rubor_error error = {0};
    assert_int_equal(rubor_polygon_parse(&polygon, "1,2  3.5,-4 5e1,6", &error), RUBOR_OK);
    assert_int_equal(polygon.count, 3);
    assert_true(polygon.points[1].x == 3.5 && polygon.points[1].y == -4 && polygon.points[2].x == 50);
    static const char *const bad[] = {"",
                                      "1,2 3,4",
                                      "1,2 3,4 5",
                                      "1,2 3,4 5,x",
                                      "1;2 3,4 5,6",
                                      "1,2,3 4,5 6,7",
                                      "nan,1 2,3 4,5",
                                      "inf,1 2,3 4,5",
                                      "0x10,1 2,3 4,5",
                                      "1,2 3,4 5,6 ,",
                                      "1e999,1 2,3 4,5",
                                      "1, 2 3,4 5,6"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rubor_polygon_parse(&polygon, bad[i], &error), RUBOR_INVALID);
        assert_int_equal(polygon.count, 0);
        assert_true(strncmp(error.message, "polygon: ", 9) == 0);
    }
    char many[257 * 4 + 1] = "";
    for (int i = 0; i < 257; i++)
        memcpy(many + 4 * i, "1,2 ", 4);
    many[256 * 4] = '\0';
    assert_int_equal(rubor_polygon_parse(&polygon, many, &error), RUBOR_OK);
    assert_int_equal(polygon.count, 256);
    many[256 * 4] = '1';
    assert_int_equal(rubor_polygon_parse(&polygon, many, &error), RUBOR_INVALID);
}

static size_t count_inside(const rubor_mask *mask)
{
    size_t count = 0;
    for (int i = 0; i < mask->width * mask->height; i++)
        count += mask->data[i] == 255;
    return count;
}

/* Even-odd rule by the definition: count the edges that a ray to the right crosses. */
static bool inside(const rubor_polygon *p, double x, double y)
{
    bool in = false;
    for (size_t i = 0, j = p->count - 1; i < p->count; j = i++) {
        const rubor_point *a = &p->points[i], *b = &p->points[j];
        if ((a->y > y) != (b->y > y) && x < (b->x - a->x) * (y - a->y) / (b->y - a->y) + a->x)
            in = !in;
    }
    return in;
}

static void polygon_fills_the_pixels_whose_centers_it_holds(void **state)
{
    (void)state;
    rubor_mask mask;
    rubor_polygon polygon;
    assert_int_equal(rubor_mask_init(&mask, 64, 48, NULL), RUBOR_OK);
    assert_int_equal(rubor_polygon_parse(&polygon, "-0.5,-0.5 63.5,-0.5 63.5,47.5 -0.5,47.5", NULL),
                     RUBOR_OK);
    rubor_polygon_rasterize(&mask, &polygon, 1, 1);
    assert_int_equal(count_inside(&mask), 64 * 48);
    /* The same rectangle in a photo four times as large. */
    assert_int_equal(rubor_polygon_parse(&polygon, "39.5,39.5 79.5,39.5 79.5,79.5 39.5,79.5", NULL),
                     RUBOR_OK);
    rubor_polygon_rasterize(&mask, &polygon, 0.25, 0.25);
    assert_int_equal(count_inside(&mask), 100);
    assert_int_equal(mask.data[10 * 64 + 10], 255);
    assert_int_equal(mask.data[19 * 64 + 19], 255);
    assert_int_equal(mask.data[20 * 64 + 19], 0);
    /* A star that crosses itself and leaves the picture. */
    const char *star = "31.3,-20.2 50.1,60.7 -10.2,12.9 75.6,10.4 13.7,61.1";
    assert_int_equal(rubor_polygon_parse(&polygon, star, NULL), RUBOR_OK);
    rubor_polygon_rasterize(&mask, &polygon, 1, 1);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++)
            assert_int_equal(mask.data[y * 64 + x], inside(&polygon, x, y) ? 255 : 0);
    const rubor_polygon none = {0};
    rubor_polygon_rasterize(&mask, &none, 1, 1);
    assert_int_equal(count_inside(&mask), 0);
    rubor_mask_finish(&mask);
}

/* ---- encoding ---- */

static void encoded_pictures_are_read_back(void **state)
{
    (void)state;
    rubor_image_encoded image, back;
    assert_int_equal(rubor_image_encoded_init(&image, 70, 50, NULL), RUBOR_OK);
    for (int i = 0; i < 70 * 50 * 3; i++)
        image.rgb[i] = (uint16_t)((i % 210 + i / 210) % 256 * 257);
    rubor_buffer png, jpeg;
    assert_int_equal(rubor_png_encode_rgb8(&png, &image, NULL), RUBOR_OK);
    assert_int_equal(rubor_photo_decode(&back, (rubor_bytes){png.data, png.size}, NULL, NULL), RUBOR_OK);
    assert_memory_equal(image.rgb, back.rgb, 70 * 50 * 6);
    rubor_image_encoded_finish(&back);
    for (int subsampled = 0; subsampled < 2; subsampled++) {
        assert_int_equal(rubor_jpeg_encode(&jpeg, &image, 90, subsampled, NULL), RUBOR_OK);
        assert_int_equal(rubor_photo_decode(&back, (rubor_bytes){jpeg.data, jpeg.size}, NULL, NULL),
                         RUBOR_OK);
        assert_int_equal(back.width, 70);
        rubor_image_encoded_finish(&back);
        rubor_buffer_finish(&jpeg);
    }
    rubor_buffer_finish(&png);
    rubor_image_encoded_finish(&image);
}

/* Several times the encoder's first buffer. */
static void large_jpeg_is_whole(void **state)
{
    (void)state;
    rubor_image_encoded image, back;
    rubor_buffer jpeg;
    uint32_t seed = 5;
    assert_int_equal(rubor_image_encoded_init(&image, 700, 500, NULL), RUBOR_OK);
    for (int i = 0; i < 700 * 500 * 3; i++)
        image.rgb[i] = (uint16_t)((seed = seed * 1664525U + 1013904223U) >> 16);
    assert_int_equal(rubor_jpeg_encode(&jpeg, &image, 100, false, NULL), RUBOR_OK);
    assert_true(jpeg.size > 500000);
    assert_memory_equal(jpeg.data + jpeg.size - 2, "\xff\xd9", 2);
    assert_int_equal(rubor_photo_decode(&back, (rubor_bytes){jpeg.data, jpeg.size}, NULL, NULL), RUBOR_OK);
    for (int i = 0; i < 700 * 500 * 3; i += 3) /* green carries most of the luminance */
        assert_in_range(back.rgb[i + 1], image.rgb[i + 1] < 2000 ? 0 : image.rgb[i + 1] - 2000,
                        image.rgb[i + 1] + 2000);
    rubor_image_encoded_finish(&back);
    rubor_buffer_finish(&jpeg);
    rubor_image_encoded_finish(&image);
}

static void masks_and_planes_are_gray_pngs(void **state)
{
    (void)state;
    rubor_mask mask;
    rubor_plane plane;
    rubor_buffer out;
    rubor_photo_info info;
    rubor_error error = {0};
    assert_int_equal(rubor_mask_init(&mask, 33, 21, NULL), RUBOR_OK);
    assert_int_equal(rubor_plane_init(&plane, 33, 21, NULL), RUBOR_OK);
    const float values[] = {NAN, -1e30F, 1e30F, INFINITY, -INFINITY, 2.5F};
    memcpy(plane.data, values, sizeof values);
    assert_int_equal(rubor_png_encode_mask(&out, &mask, NULL), RUBOR_OK);
    assert_int_equal(out.data[24], 8); /* bit depth */
    assert_int_equal(out.data[25], 0); /* gray */
    rubor_buffer_finish(&out);
    assert_int_equal(rubor_png_encode_plane16(&out, &plane, -10, 100, NULL), RUBOR_OK);
    assert_int_equal(out.data[24], 16);
    assert_int_equal(rubor_photo_probe(&info, (rubor_bytes){out.data, out.size}, &error), RUBOR_UNSUPPORTED);
    rubor_buffer_finish(&out);
    rubor_mask_finish(&mask);
    rubor_plane_finish(&plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_over_the_limit_are_refused),
        cmocka_unit_test(every_16_bit_value_survives_linear_light),
        cmocka_unit_test(values_outside_0_to_1_are_clamped_when_encoded),
        cmocka_unit_test(polygon_text_is_read_or_refused),
        cmocka_unit_test(polygon_fills_the_pixels_whose_centers_it_holds),
        cmocka_unit_test(encoded_pictures_are_read_back),
        cmocka_unit_test(large_jpeg_is_whole),
        cmocka_unit_test(masks_and_planes_are_gray_pngs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
