#include "analyzer/skin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Fills a rectangle of image with one linear color and a little fixed unevenness. */
static void fill(rubor_image_calibrated *image, int x0, int y0, int x1, int y1, const float color[3])
{
    uint32_t state = 12345;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            state = state * 1664525u + 1013904223u;
            float uneven = 1 + 0.04f * ((float)(state >> 16) / 65536.0f - 0.5f);
            for (int c = 0; c < 3; c++)
                image->plane[c][(size_t)y * (size_t)image->width + (size_t)x] = color[c] * uneven;
        }
}

/* An ellipse in a rectangle, darker by 40 % at its rim and mottled by 2 %, as a limb is. */
static void fill_limb(rubor_image_calibrated *image, int x0, int y0, int x1, int y1, const float color[3])
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float across = (2.0f * (float)x - (float)(x0 + x1)) / (float)(x1 - x0);
            float down = (2.0f * (float)y - (float)(y0 + y1)) / (float)(y1 - y0);
            float from_middle = across * across + down * down;
            float mottle = 1 + 0.02f * sinf((float)x / 9) * sinf((float)y / 7);
            for (int c = 0; c < 3 && from_middle < 1; c++)
                image->plane[c][(size_t)y * (size_t)image->width + (size_t)x] =
                    color[c] * (1 - 0.4f * from_middle) * mottle;
        }
}

static double part_inside(const rubor_mask *mask, int x0, int y0, int x1, int y1)
{
    size_t inside = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            inside += mask->data[(size_t)y * (size_t)mask->width + (size_t)x] >= 128;
    return (double)inside / ((double)(x1 - x0) * (y1 - y0));
}

/* Linear sRGB of measured skins (ISSA records 7, 22, 14113, 9055, 9075). */
static const float skins[5][3] = {{.485f, .361f, .287f},
                                  {.516f, .285f, .250f},
                                  {.469f, .228f, .190f},
                                  {.248f, .128f, .074f},
                                  {.145f, .081f, .050f}};
static const float gray[3] = {.2f, .2f, .2f}, blue[3] = {.05f, .1f, .3f};

static void skin_of_every_tone_is_found_before_gray_and_blue(void **state)
{
    (void)state;
    rubor_calibration true_colors = {.status = RUBOR_CALIBRATION_PROFILE};
    for (size_t i = 0; i < 5; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, gray);
        fill(&image, 0, 0, 100, 480, blue);
        fill(&image, 200, 100, 500, 400, skins[i]);
        assert_int_equal(rubor_skin_find(&skin, &image, &true_colors, 640, 480, NULL), RUBOR_OK);
        assert_true(part_inside(&skin.skin, 210, 110, 490, 390) > 0.98);
        assert_true(part_inside(&skin.skin, 0, 0, 190, 480) < 0.01);
        assert_true(part_inside(&skin.skin, 510, 0, 640, 480) < 0.01);
        assert_true(skin.area_percent > 26 && skin.area_percent < 32);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void a_limb_across_the_frame_is_found_by_color_where_the_network_finds_nobody(void **state)
{
    (void)state;
    const float *before[] = {gray, blue};
    for (size_t i = 0; i < 4; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, before[i % 2]);
        fill(&image, 0, 130, 640, 350, skins[1 + i / 2]);
        assert_int_equal(rubor_skin_find(&skin, &image, NULL, 640, 480, NULL), RUBOR_OK);
        assert_true(part_inside(&skin.skin, 20, 140, 620, 340) > 0.95);
        assert_true(part_inside(&skin.skin, 0, 0, 640, 120) < 0.02);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void a_smooth_table_of_the_color_of_skin_below_a_gray_wall_is_no_skin_without_calibration(void **state)
{
    (void)state;
    static const float materials[4][3] = {
        {.35f, .20f, .12f}, {.45f, .31f, .19f}, {.28f, .15f, .08f}, {.469f, .228f, .190f}}; /* leather, cardboard, wood, paint */
    for (size_t i = 0; i < 4; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, gray);
        fill(&image, 0, 200, 640, 480, materials[i]);
        assert_int_equal(rubor_skin_find(&skin, &image, NULL, 640, 480, NULL), RUBOR_OK);
        assert_true(skin.area_percent < 1);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void a_gray_wall_has_no_skin_and_no_color(void **state)
{
    (void)state;
    rubor_image_calibrated image;
    rubor_skin skin;
    assert_int_equal(rubor_image_calibrated_init(&image, 300, 200, NULL), RUBOR_OK);
    fill(&image, 0, 0, 300, 200, gray);
    assert_int_equal(rubor_skin_find(&skin, &image, NULL, 300, 200, NULL), RUBOR_OK);
    assert_true(skin.area_percent == 0);
    assert_true(isnan(skin.ita) && isnan(skin.lab[0]));
    assert_string_equal(rubor_skin_tone(skin.ita), "");
    rubor_skin_finish(&skin);
    rubor_image_calibrated_finish(&image);
}

static void the_chart_is_cut_out_of_skin(void **state)
{
    (void)state;
    rubor_image_calibrated image;
    rubor_skin skin;
    rubor_calibration calibration = {.status = RUBOR_CALIBRATION_CHART};
    /* 6 x 4 patches of 40 px of the full photo, which is twice the working size */
    const double homography[9] = {40, 0, 500, 0, 40, 300, 0, 0, 1};
    memcpy(calibration.location.homography, homography, sizeof homography);
    assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
    fill(&image, 0, 0, 640, 480, skins[1]);
    assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 1280, 960, NULL), RUBOR_OK);
    assert_true(part_inside(&skin.skin, 250, 150, 370, 230) < 0.001);
    assert_true(part_inside(&skin.skin, 0, 0, 200, 480) > 0.97);
    rubor_skin_finish(&skin);
    rubor_image_calibrated_finish(&image);
}

/* Blood darkens red by a quarter of what it darkens green (OD). */
static const float blood[3] = {0.89f, 0.63f, 0.66f};

static void a_red_erythema_does_not_fall_out_of_the_mask(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        rubor_calibration calibration = {.status = RUBOR_CALIBRATION_PROFILE};
        const float red[3] = {skins[i][0] * blood[0], skins[i][1] * blood[1], skins[i][2] * blood[2]};
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, blue);
        fill(&image, 100, 50, 600, 430, skins[i]);
        fill(&image, 250, 150, 450, 330, red);
        assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 640, 480, NULL), RUBOR_OK);
        assert_true(part_inside(&skin.skin, 255, 155, 445, 325) > 0.98);
        assert_true(part_inside(&skin.skin, 110, 60, 590, 420) > 0.97);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

/* Without calibration flat rectangles are taken for painted panels: a limb has to look like one. */
static void an_erythema_is_skin_without_calibration_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        const float red[3] = {skins[i][0] * blood[0], skins[i][1] * blood[1], skins[i][2] * blood[2]};
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, blue);
        fill_limb(&image, 100, 50, 600, 430, skins[i]);
        fill_limb(&image, 250, 150, 450, 330, red);
        assert_int_equal(rubor_skin_find(&skin, &image, NULL, 640, 480, NULL), RUBOR_OK);
        assert_true(part_inside(&skin.skin, 300, 200, 400, 280) > 0.98);
        assert_true(part_inside(&skin.skin, 200, 130, 500, 350) > 0.97);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void white_light_on_calibrated_skin_is_shine_and_not_skin(void **state)
{
    (void)state;
    for (size_t i = 1; i < 5; i++) {
        rubor_image_calibrated image;
        rubor_skin skin;
        rubor_calibration calibration = {.status = RUBOR_CALIBRATION_PROFILE};
        const float shining[3] = {skins[i][0] + 0.35f, skins[i][1] + 0.35f, skins[i][2] + 0.35f};
        assert_int_equal(rubor_image_calibrated_init(&image, 640, 480, NULL), RUBOR_OK);
        fill(&image, 0, 0, 640, 480, skins[i]);
        fill(&image, 300, 200, 340, 240, shining);
        assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 640, 480, NULL), RUBOR_OK);
        assert_true(part_inside(&skin.skin, 304, 204, 336, 236) < 0.02);
        assert_true(part_inside(&skin.shine, 0, 0, 280, 480) < 0.001);
        assert_true(part_inside(&skin.skin, 0, 0, 280, 480) > 0.98);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void a_photo_of_a_few_pixels_is_looked_at_and_not_overrun(void **state)
{
    (void)state;
    for (int side = 1; side < 20; side += 3) {
        rubor_image_calibrated image;
        rubor_skin skin;
        assert_int_equal(rubor_image_calibrated_init(&image, side, 20 - side, NULL), RUBOR_OK);
        fill(&image, 0, 0, side, 20 - side, skins[0]);
        assert_int_equal(rubor_skin_find(&skin, &image, NULL, side, 20 - side, NULL), RUBOR_OK);
        rubor_skin_finish(&skin);
        rubor_image_calibrated_finish(&image);
    }
}

static void the_six_tone_classes_meet_at_the_published_angles(void **state)
{
    (void)state;
    assert_string_equal(rubor_skin_tone(55.1), "very_light");
    assert_string_equal(rubor_skin_tone(55), "light");
    assert_string_equal(rubor_skin_tone(41), "intermediate");
    assert_string_equal(rubor_skin_tone(28), "tan");
    assert_string_equal(rubor_skin_tone(10), "brown");
    assert_string_equal(rubor_skin_tone(-30), "dark");
    assert_string_equal(rubor_skin_tone(-80), "dark");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skin_of_every_tone_is_found_before_gray_and_blue),
        cmocka_unit_test(a_limb_across_the_frame_is_found_by_color_where_the_network_finds_nobody),
        cmocka_unit_test(a_smooth_table_of_the_color_of_skin_below_a_gray_wall_is_no_skin_without_calibration),
        cmocka_unit_test(a_gray_wall_has_no_skin_and_no_color),
        cmocka_unit_test(the_chart_is_cut_out_of_skin),
        cmocka_unit_test(a_red_erythema_does_not_fall_out_of_the_mask),
        cmocka_unit_test(an_erythema_is_skin_without_calibration_too),
        cmocka_unit_test(white_light_on_calibrated_skin_is_shine_and_not_skin),
        cmocka_unit_test(a_photo_of_a_few_pixels_is_looked_at_and_not_overrun),
        cmocka_unit_test(the_six_tone_classes_meet_at_the_published_angles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
