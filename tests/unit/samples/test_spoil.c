#include "imaging/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/samples/small_sample.h"

/* Mean absolute step between neighbors of the green channel over the region: how sharp it is. */
static double sharpness(const rubor_sample_options *options, double *level)
{
    rubor_sample_photo photo;
    render(&photo, options, 0);
    rubor_image_encoded image = decode(&photo);
    rubor_mask inside = {0};
    assert_int_equal(rubor_mask_init(&inside, image.width, image.height, NULL), RUBOR_OK);
    rubor_polygon_rasterize(&inside, &photo.region, 1, 1);
    double sum = 0, count = 0;
    *level = 0;
    for (size_t i = 0; i + 1 < (size_t)image.width * (size_t)image.height; i++)
        if (inside.data[i] && inside.data[i + 1]) {
            sum += fabs((double)image.rgb[3 * i + 1] - (double)image.rgb[3 * i + 4]);
            *level += image.rgb[3 * i + 1];
            count++;
        }
    *level /= count;
    rubor_mask_finish(&inside);
    rubor_image_encoded_finish(&image);
    rubor_sample_photo_finish(&photo);
    return sum / count;
}

static void blur_shake_and_exposure_spoil_the_visit(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.noise = 0;
    double level, spoiled, dark, sharp = sharpness(&options, &level);
    options.blur_px = 2.5;
    assert_true(sharpness(&options, &spoiled) < 0.5 * sharp);
    assert_true(fabs(spoiled / level - 1) < 0.02);
    options.blur_px = 0;
    options.motion_px = 14;
    assert_true(sharpness(&options, &spoiled) < 0.75 * sharp);
    options.motion_px = 0;
    options.exposure = 0.3;
    sharpness(&options, &dark);
    assert_true(dark < 0.75 * level);
}

static size_t skin_pixels(const rubor_sample_options *options, int day)
{
    rubor_sample_photo photo;
    render(&photo, options, day);
    size_t count = rubor_mask_count(&photo.skin);
    rubor_sample_photo_finish(&photo);
    return count;
}

static void cloth_and_reflection_take_skin_away(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.shine = 0;
    double all = (double)skin_pixels(&options, 1);
    options.reflection_percent = 10;
    assert_true(skin_pixels(&options, 1) + 4500 < all && skin_pixels(&options, 1) + 9500 > all);
    options.reflection_percent = 0;
    options.skin_share = 0.5;
    assert_true(skin_pixels(&options, 1) < 0.7 * all && skin_pixels(&options, 1) > 0.2 * all);
    options.skin_share = 0;
    assert_int_equal(skin_pixels(&options, 1), 0);
    assert_float_equal((double)skin_pixels(&options, -1), all, 0.05 * all);
}

static void objects_lie_on_every_photo_and_are_no_skin(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.shine = 0;
    for (int day = -1; day < 2; day += 2) {
        options.object = NULL;
        size_t bare = skin_pixels(&options, day);
        for (const char *const *name = rubor_sample_objects() + 1; *name; name++) {
            options.object = *name;
            size_t left = skin_pixels(&options, day);
            if (!(left + 60 < bare && left + 4000 > bare))
                fail_msg("%s covers %d pixels", *name, (int)(bare - left));
        }
    }
}

static void either_the_skin_or_the_chart_is_out_of_focus(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.noise = 0;
    double level, sharp = sharpness(&options, &level);
    options.skin_blur_px = 2.5;
    assert_true(sharpness(&options, &level) < 0.5 * sharp);
    options.skin_blur_px = 0;
    options.chart_blur_px = 2.5;
    assert_float_equal(sharpness(&options, &level), sharp, 0.02 * sharp);
}

static double side(const rubor_point *a, const rubor_point *b)
{
    return sqrt((a->x - b->x) * (a->x - b->x) + (a->y - b->y) * (a->y - b->y));
}

static void a_camera_from_the_side_sees_the_chart_foreshortened(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    double ratio[2];
    for (int k = 0; k < 2; k++) {
        rubor_sample_photo photo;
        options.tilt_degrees = 45 * k;
        render(&photo, &options, 1);
        const rubor_point *c = photo.chart_corners;
        ratio[k] = (side(&c[0], &c[1]) + side(&c[2], &c[3])) / (side(&c[1], &c[2]) + side(&c[3], &c[0]));
        rubor_sample_photo_finish(&photo);
    }
    assert_float_equal(ratio[1] / ratio[0], 0.71, 0.15);
}

static void another_lamp_lights_the_visit_only(void **state)
{
    (void)state;
    rubor_sample_options options = small("none");
    options.lamp = "D55";
    rubor_sample_photo same, other;
    render(&same, &options, 1);
    options.visit_lamp = "FL11";
    render(&other, &options, 1);
    assert_true(same.jpeg.size != other.jpeg.size ||
                memcmp(same.jpeg.data, other.jpeg.data, same.jpeg.size) != 0);
    assert_memory_equal(same.skin.data, other.skin.data, (size_t)SMALL_WIDTH * SMALL_HEIGHT);
    rubor_sample_photo_finish(&same);
    rubor_sample_photo_finish(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blur_shake_and_exposure_spoil_the_visit),
        cmocka_unit_test(cloth_and_reflection_take_skin_away),
        cmocka_unit_test(objects_lie_on_every_photo_and_are_no_skin),
        cmocka_unit_test(either_the_skin_or_the_chart_is_out_of_focus),
        cmocka_unit_test(a_camera_from_the_side_sees_the_chart_foreshortened),
        cmocka_unit_test(another_lamp_lights_the_visit_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
