/* The skin mask on whole scenes: rendered skin under casts, scenes without any skin, and drawn skin in true
 * colors.
 */
#include "analyzer/skin.h"
#include "imaging/photo.h"
#include "samples/sample.h"
#include "tests/mask_overlap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct scene {
    rubor_image_calibrated image; /* not calibrated */
    rubor_sample_photo photo;
} scene;

static void render(scene *s, const char *tone, int seed)
{
    rubor_sample_options options;
    rubor_image_encoded working = {0};
    rubor_calibration none;
    rubor_sample_options_default(&options);
    options.seed = (uint64_t)seed;
    options.tone = tone;
    options.width = 800;
    options.height = 600;
    memset(s, 0, sizeof *s);
    rubor_calibration_none(&none);
    assert_int_equal(rubor_sample_render(&s->photo, &options, 0, NULL), RUBOR_OK);
    rubor_bytes bytes = {s->photo.jpeg.data, s->photo.jpeg.size};
    assert_int_equal(rubor_photo_decode(&working, bytes, NULL, NULL), RUBOR_OK);
    assert_int_equal(rubor_calibration_apply(&s->image, &working, &none, NULL), RUBOR_OK);
    rubor_image_encoded_finish(&working);
}

static void finish(scene *s)
{
    rubor_image_calibrated_finish(&s->image);
    rubor_sample_photo_finish(&s->photo);
}

static void tint(rubor_image_calibrated *image, const double cast[3])
{
    size_t n = (size_t)image->width * (size_t)image->height;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            image->plane[c][i] *= (float)cast[c];
}

static void skin_of_every_tone_is_found_under_cold_and_warm_casts_and_lamplight(void **state)
{
    (void)state;
    static const char *const tones[] = {"very_light", "light", "intermediate", "tan", "brown", "dark"};
    static const double casts[][3] = {{1, 1, 1}, {1.10, 1, 0.85}, {0.92, 1, 1.12}, {1.25, 1, 0.60}};
    for (size_t t = 0; t < sizeof tones / sizeof tones[0]; t++) {
        scene s;
        render(&s, tones[t], 7700 + (int)t);
        double applied[3] = {1, 1, 1};
        for (size_t k = 0; k < sizeof casts / sizeof casts[0]; k++) {
            rubor_skin skin;
            const double next[3] = {casts[k][0] / applied[0], 1, casts[k][2] / applied[2]};
            tint(&s.image, next);
            memcpy(applied, casts[k], sizeof applied);
            assert_int_equal(rubor_skin_find(&skin, &s.image, NULL, 800, 600, NULL), RUBOR_OK);
            double iou = mask_iou(mask_compare(&s.photo.skin, &skin.skin));
            if (!(iou > 0.95))
                fail_msg("%s, cast %zu: IoU %.3f", tones[t], k, iou);
            rubor_skin_finish(&skin);
        }
        finish(&s);
    }
}

static void a_black_and_white_photo_has_no_skin(void **state)
{
    (void)state;
    scene s;
    rubor_skin skin;
    render(&s, "light", 7710);
    size_t n = (size_t)s.image.width * (size_t)s.image.height;
    for (size_t i = 0; i < n; i++)
        s.image.plane[0][i] = s.image.plane[2][i] = s.image.plane[1][i];
    assert_int_equal(rubor_skin_find(&skin, &s.image, NULL, 800, 600, NULL), RUBOR_OK);
    assert_true(skin.area_percent == 0);
    rubor_skin_finish(&skin);
    finish(&s);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Boards of wood's colors (spruce, oak, walnut) with grain along them; contrast: OD from light to dark grain.
 */
static void fill_with_wood(rubor_image_calibrated *image, const float color[3], float contrast)
{
    uint32_t random = 99;
    float grain[600];
    for (int y = 0; y < 600; y++) {
        float here = (float)next_random(&random) / 65535.0f;
        grain[y] = y ? 0.6f * grain[y - 1] + 0.4f * here : here;
    }
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            int wave = (int)(6 * sin(x / 90.0 + y / 150.0) + 600);
            float light = 1 - 2.3f * contrast * grain[(y + wave) % 600];
            if ((y + 75) % 150 < 3)
                light *= 0.3f;
            for (int c = 0; c < 3; c++) /* the darker grain is the redder */
                image->plane[c][(size_t)y * (size_t)image->width + (size_t)x] =
                    color[c] * light *
                    (c == 0   ? 1
                     : c == 1 ? 0.5f + 0.5f * light
                              : 0.4f + 0.6f * light);
        }
}

static void wood_without_a_person_is_not_skin_even_when_its_colors_are_true(void **state)
{
    (void)state;
    static const float woods[][3] = {{.55f, .40f, .24f}, {.35f, .21f, .11f}, {.13f, .065f, .035f}};
    for (size_t k = 0; k < sizeof woods / sizeof woods[0]; k++)
        for (int calibrated = 0; calibrated < 2; calibrated++) {
            rubor_image_calibrated image;
            rubor_skin skin;
            rubor_calibration calibration = {.status = calibrated ? RUBOR_CALIBRATION_PROFILE
                                                                  : RUBOR_CALIBRATION_NONE};
            assert_int_equal(rubor_image_calibrated_init(&image, 800, 600, NULL), RUBOR_OK);
            fill_with_wood(&image, woods[k], 0.2f);
            assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 800, 600, NULL), RUBOR_OK);
            if (!(skin.area_percent < 1))
                fail_msg("wood %zu, calibrated %d: %.1f %% skin", k, calibrated, skin.area_percent);
            rubor_skin_finish(&skin);
            rubor_image_calibrated_finish(&image);
        }
}

/* An arm across the photo, with a round mark in which blood and melanin take the given OD off red, green and
 * blue. Shaded toward its edges, mottled a little as skin is. Returns the part of the frame that it covers.
 */
static double draw_arm(rubor_image_calibrated *image, const float color[3], const float mark[3], int top,
                       int bottom)
{
    uint32_t random = 7;
    for (int y = top; y < bottom; y++)
        for (int x = 0; x < image->width; x++) {
            double across = (2.0 * y - top - bottom) / 600.0, away = hypot(x - 400, y - 300) / 95;
            double inside = away < 0.9 ? 1 : away < 1.1 ? (1.1 - away) / 0.2 : 0;
            double mottled = ((double)next_random(&random) / 65535.0 - 0.5) * 0.08;
            for (int c = 0; c < 3; c++)
                image->plane[c][(size_t)y * (size_t)image->width + (size_t)x] =
                    color[c] *
                    (float)((1 - 0.4 * across * across) * pow(10, -inside * (double)mark[c]) * (1 + mottled));
        }
    return (bottom - top) / (double)image->height;
}

static const float arms[][3] = {{.55f, .38f, .31f}, {.46f, .26f, .18f}, {.24f, .11f, .085f}};

/* An arm with a mark across a grained ground, in true colors: the found area is the drawn one within 5 %. */
static void assert_arm_is_skin(const float skin_color[3], const float ground[3], float contrast)
{
    static const float mark[3] = {.02f, .12f, .10f};
    rubor_calibration calibration = {.status = RUBOR_CALIBRATION_PROFILE};
    rubor_image_calibrated image;
    rubor_skin skin;
    assert_int_equal(rubor_image_calibrated_init(&image, 800, 600, NULL), RUBOR_OK);
    fill_with_wood(&image, ground, contrast);
    double truth = 100 * draw_arm(&image, skin_color, mark, 150, 450);
    assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 800, 600, NULL), RUBOR_OK);
    if (!(skin.area_percent > 0.95 * truth && skin.area_percent < 1.05 * truth))
        fail_msg("arm of red %.2f before red %.2f: %.1f %% skin, %.1f %% drawn", (double)skin_color[0], (double)ground[0],
                 skin.area_percent, truth);
    rubor_skin_finish(&skin);
    rubor_image_calibrated_finish(&image);
}

static void an_arm_on_a_wooden_table_ends_at_the_wood_in_true_colors(void **state)
{
    (void)state;
    static const float wood[3] = {.30f, .175f, .10f};
    for (size_t k = 0; k < sizeof arms / sizeof arms[0]; k++) {
        assert_arm_is_skin(arms[k], wood, 0.1f);
    }
}

/* Leather and cardboard are as smooth as skin and have its colors: edges and the frame's rim tell them apart.
 */
static void a_limb_on_smooth_leather_or_cardboard_ends_at_its_edge(void **state)
{
    (void)state;
    static const float grounds[][3] = {{.33f, .18f, .085f}, {.42f, .30f, .18f}};
    for (size_t k = 0; k < sizeof grounds / sizeof grounds[0]; k++) {
        assert_arm_is_skin(arms[2], grounds[k], 0.03f);
    }
}

/* What lies behind dark skin may be paler wood as skin around a mark is paler; but it reaches the frame's rim. */
static void a_dark_arm_before_paler_wood_is_no_mark_on_it(void **state)
{
    (void)state;
    static const float wood[3] = {.42f, .27f, .20f};
    assert_arm_is_skin(arms[2], wood, 0.05f);
}

static void skin_that_fills_the_frame_around_a_large_mark_stays_skin(void **state)
{
    (void)state;
    static const float marks[][3] = {{.03f, .20f, .18f}, {.12f, .20f, .28f}, {.15f, .38f, .45f}};
    rubor_calibration calibration = {.status = RUBOR_CALIBRATION_PROFILE};
    for (size_t k = 0; k < sizeof arms / sizeof arms[0]; k++)
        for (size_t m = 0; m < sizeof marks / sizeof marks[0]; m++) {
            rubor_image_calibrated image;
            rubor_skin skin;
            assert_int_equal(rubor_image_calibrated_init(&image, 800, 600, NULL), RUBOR_OK);
            draw_arm(&image, arms[k], marks[m], 0, 600);
            assert_int_equal(rubor_skin_find(&skin, &image, &calibration, 800, 600, NULL), RUBOR_OK);
            if (!(skin.area_percent > 97))
                fail_msg("arm %zu, mark %zu: %.1f %% skin", k, m, skin.area_percent);
            rubor_skin_finish(&skin);
            rubor_image_calibrated_finish(&image);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skin_of_every_tone_is_found_under_cold_and_warm_casts_and_lamplight),
        cmocka_unit_test(a_black_and_white_photo_has_no_skin),
        cmocka_unit_test(wood_without_a_person_is_not_skin_even_when_its_colors_are_true),
        cmocka_unit_test(an_arm_on_a_wooden_table_ends_at_the_wood_in_true_colors),
        cmocka_unit_test(a_limb_on_smooth_leather_or_cardboard_ends_at_its_edge),
        cmocka_unit_test(a_dark_arm_before_paler_wood_is_no_mark_on_it),
        cmocka_unit_test(skin_that_fills_the_frame_around_a_large_mark_stays_skin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
