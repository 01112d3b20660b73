/* The skin mask on whole scenes without calibration: rendered skin under casts, and scenes without any skin.
 */
#include "analyzer/skin.h"
#include "imaging/photo.h"
#include "samples/sample.h"

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

static double overlap(const rubor_mask *found, const rubor_mask *truth)
{
    double both = 0, any = 0;
    for (int y = 0; y < found->height; y++)
        for (int x = 0; x < found->width; x++) {
            int tx = (int)((x + 0.5) * truth->width / found->width);
            int ty = (int)((y + 0.5) * truth->height / found->height);
            bool f = found->data[(size_t)y * (size_t)found->width + (size_t)x] >= 128;
            bool t = truth->data[(size_t)ty * (size_t)truth->width + (size_t)tx] >= 128;
            both += f && t;
            any += f || t;
        }
    return any > 0 ? both / any : 1;
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
            if (!(overlap(&skin.skin, &s.photo.skin) > 0.95))
                fail_msg("%s, cast %zu: IoU %.3f", tones[t], k, overlap(&skin.skin, &s.photo.skin));
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
            if (y % 150 < 3)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skin_of_every_tone_is_found_under_cold_and_warm_casts_and_lamplight),
        cmocka_unit_test(a_black_and_white_photo_has_no_skin),
        cmocka_unit_test(wood_without_a_person_is_not_skin_even_when_its_colors_are_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
