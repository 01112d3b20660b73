/* labels: fast */
#include "workers/map_pictures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(rubor_mask *mask, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            mask->data[(size_t)y * (size_t)mask->width + (size_t)x] = 255;
}

static const uint16_t *pixel(const rubor_image_encoded *image, int x, int y)
{
    return image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
}

static void each_mask_has_its_channel_and_small_findings_survive_being_made_smaller(void **state)
{
    (void)state;
    rubor_error error = {0};
    rubor_mask erythema, findings, none = {0};
    rubor_image_encoded picture;
    assert_int_equal(rubor_mask_init(&erythema, 1600, 1200, &error), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&findings, 1600, 1200, &error), RUBOR_OK);
    fill(&erythema, 100, 100, 300, 300);
    fill(&erythema, 801, 801, 802, 802); /* a quarter of a block of 2 x 2 */
    fill(&findings, 201, 201, 202, 202);
    assert_int_equal(rubor_mask_picture(&picture, &erythema, &none, &findings, &error), RUBOR_OK);
    assert_int_equal(picture.width, RUBOR_MAP_PICTURE_SIDE);
    assert_int_equal(picture.height, 600);
    assert_int_equal(pixel(&picture, 60, 60)[0], 65535);
    assert_int_equal(pixel(&picture, 60, 60)[1], 0);
    assert_int_equal(pixel(&picture, 100, 100)[2], 65535);
    assert_int_equal(pixel(&picture, 101, 101)[2], 0);
    assert_int_equal(pixel(&picture, 400, 400)[0], 0);
    assert_int_equal(pixel(&picture, 200, 60)[0], 0);
    rubor_image_encoded_finish(&picture);
    rubor_mask_finish(&erythema);
    rubor_mask_finish(&findings);
}

static void a_map_shows_its_scale_and_gray_where_nothing_was_measured(void **state)
{
    (void)state;
    rubor_error error = {0};
    rubor_plane map;
    rubor_image_encoded frame, picture;
    assert_int_equal(rubor_plane_init(&map, 40, 30, &error), RUBOR_OK);
    assert_int_equal(rubor_image_encoded_init(&frame, 40, 30, &error), RUBOR_OK);
    for (int i = 0; i < 40 * 30; i++)
        map.data[i] = i % 40 < 20 ? 0.0f : (float)NAN;
    for (int i = 0; i < 3 * 40 * 30; i++)
        frame.rgb[i] = 40000;
    assert_int_equal(rubor_map_picture(&picture, &map, RUBOR_MAP_DELTA_EI, &frame, &error), RUBOR_OK);
    assert_true(pixel(&picture, 5, 5)[0] > 60000 && pixel(&picture, 5, 5)[2] > 60000); /* no change: white */
    assert_int_equal(pixel(&picture, 30, 5)[0], 16000);
    assert_int_equal(pixel(&picture, 30, 5)[2], 16000);
    rubor_image_encoded_finish(&picture);
    rubor_image_encoded_finish(&frame);
    rubor_plane_finish(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mask_has_its_channel_and_small_findings_survive_being_made_smaller),
        cmocka_unit_test(a_map_shows_its_scale_and_gray_where_nothing_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
