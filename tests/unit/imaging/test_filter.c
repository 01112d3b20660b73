#include "imaging/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { W = 83, H = 61 };

static uint32_t random_state = 3;

static float uniform(void)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (float)(random_state >> 8) / 16777216.0F;
}

static rubor_plane noisy(int width, int height, double missing)
{
    rubor_plane plane;
    assert_int_equal(rubor_plane_init(&plane, width, height, NULL), RUBOR_OK);
    for (int i = 0; i < width * height; i++) {
        float value = uniform();
        plane.data[i] = (double)uniform() < missing ? NAN : value;
    }
    return plane;
}

static int clamped(int i, int size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/* Box mean by its definition: edges replicated, missing pixels left out. */
static double box_mean(const rubor_plane *p, int x, int y, int r)
{
    double sum = 0;
    int count = 0;
    for (int j = y - r; j <= y + r; j++)
        for (int i = x - r; i <= x + r; i++) {
            double value = (double)p->data[clamped(j, p->height) * p->width + clamped(i, p->width)];
            if (isnan(value))
                continue;
            sum += value;
            count++;
        }
    return count ? sum / count : NAN;
}

static void box_mean_is_the_mean_of_the_window(void **state)
{
    (void)state;
    static const int radii[] = {1, 2, 7, 40, 100};
    for (int missing = 0; missing < 3; missing++)
        for (size_t i = 0; i < sizeof radii / sizeof *radii; i++) {
            rubor_plane in = noisy(W, H, missing * 0.49), out;
            assert_int_equal(rubor_plane_init(&out, W, H, NULL), RUBOR_OK);
            memcpy(out.data, in.data, W * H * sizeof(float));
            assert_int_equal(rubor_plane_box(&out, radii[i], NULL), RUBOR_OK);
            int largest = radii[i] < W ? radii[i] : W;
            for (int n = 0; n < W * H; n += 13) {
                double expected = box_mean(&in, n % W, n / W, largest), got = (double)out.data[n];
                if (!(fabs(got - expected) < 2e-6) && !(isnan(got) && isnan(expected)))
                    fail_msg("radius %d at %d,%d: %.9g, not %.9g", radii[i], n % W, n / W, got, expected);
            }
            rubor_plane_finish(&in);
            rubor_plane_finish(&out);
        }
}

/* The blurred point's second moment is sigma squared in each direction, for any sigma. */
static void blur_spreads_a_point_by_sigma(void **state)
{
    (void)state;
    static const double sigmas[] = {0.3, 0.5, 0.8, 1, 1.7, 3, 5.5, 9};
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++) {
        rubor_plane plane;
        assert_int_equal(rubor_plane_init(&plane, 101, 101, NULL), RUBOR_OK);
        plane.data[50 * 101 + 50] = 1;
        assert_int_equal(rubor_plane_blur(&plane, sigmas[i], NULL), RUBOR_OK);
        double sum = 0, xx = 0, yy = 0;
        for (int n = 0; n < 101 * 101; n++) {
            double value = (double)plane.data[n], x = n % 101 - 50, y = n / 101 - 50;
            assert_true(value >= 0);
            sum += value;
            xx += value * x * x;
            yy += value * y * y;
        }
        assert_true(fabs(sum - 1) < 1e-5);
        assert_true(fabs(sqrt(xx) - sigmas[i]) < 1e-3 * sigmas[i]);
        assert_true(fabs(sqrt(yy) - sigmas[i]) < 1e-3 * sigmas[i]);
        rubor_plane_finish(&plane);
    }
}

static void blur_keeps_a_flat_plane_and_fills_small_holes(void **state)
{
    (void)state;
    rubor_plane plane = noisy(W, H, 0.3);
    for (int i = 0; i < W * H; i++)
        if (!isnan(plane.data[i]))
            plane.data[i] = 0.625F;
    for (int y = 20; y < 60; y++)
        for (int x = 20; x < 60; x++)
            plane.data[y * W + x] = NAN;
    assert_int_equal(rubor_plane_blur(&plane, 2, NULL), RUBOR_OK);
    for (int i = 0; i < W * H; i++)
        assert_true(isnan(plane.data[i]) || fabsf(plane.data[i] - 0.625F) < 1e-5F);
    assert_true(isnan(plane.data[40 * W + 40]));
    assert_false(isnan(plane.data[5 * W + 5]));
    rubor_plane_finish(&plane);
}

/* Planes that miss the same pixels, others, and none at all, blurred together and one by one. */
static void planes_blurred_together_are_as_blurred_alone(void **state)
{
    (void)state;
    static const double missing[4] = {0.3, 0.3, 0, 0.1};
    rubor_plane together[4], alone[4], *const all[4] = {together, together + 1, together + 2, together + 3};
    for (int k = 0; k < 4; k++) {
        together[k] = noisy(W, H, missing[k]);
        assert_int_equal(rubor_plane_init(&alone[k], W, H, NULL), RUBOR_OK);
    }
    for (int i = 0; i < W * H; i++)
        if (isnan(together[0].data[i]) != isnan(together[1].data[i]))
            together[1].data[i] = isnan(together[0].data[i]) ? NAN : 0.25F;
    for (int k = 0; k < 4; k++)
        memcpy(alone[k].data, together[k].data, W * H * sizeof(float));
    assert_int_equal(rubor_planes_blur(all, 4, 2.3, NULL), RUBOR_OK);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(rubor_plane_blur(&alone[k], 2.3, NULL), RUBOR_OK);
        assert_memory_equal(alone[k].data, together[k].data, W * H * sizeof(float));
        rubor_plane_finish(&alone[k]);
        rubor_plane_finish(&together[k]);
    }
}

static void enlarged_rows_are_the_samples(void **state)
{
    (void)state;
    float row[3 * W + 5];
    for (int factor = 1; factor <= 3; factor++)
        for (int narrow = 0; narrow < 3; narrow++) {
            rubor_plane plane = noisy(narrow ? narrow : W, 7, 0.1);
            double half = (factor - 1) / 2.0;
            for (int y = -1; y < plane.height * factor + 2; y++) {
                int width = plane.width * factor + (y & 3) - 1;
                rubor_plane_enlarge_row(row, &plane, factor, y, width);
                for (int x = 0; x < width; x++) {
                    float one = rubor_plane_sample(&plane, (x - half) / factor, (y - half) / factor);
                    assert_true(isnan(one) ? isnan(row[x]) : memcmp(&one, &row[x], sizeof one) == 0);
                }
            }
            rubor_plane_finish(&plane);
        }
}

static void infinity_does_not_spread(void **state)
{
    (void)state;
    rubor_plane plane = noisy(W, H, 0);
    plane.data[10 * W + 10] = INFINITY;
    assert_int_equal(rubor_plane_box(&plane, 3, NULL), RUBOR_OK);
    for (int i = 0; i < W * H; i++)
        assert_true(isfinite(plane.data[i]));
    rubor_plane_finish(&plane);
}

static void filters_take_planes_of_one_pixel(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}};
    for (size_t i = 0; i < 4; i++)
        for (int missing = 0; missing < 2; missing++) {
            rubor_plane plane = noisy(sizes[i][0], sizes[i][1], missing * 0.5);
            assert_int_equal(rubor_plane_blur(&plane, 50, NULL), RUBOR_OK);
            assert_int_equal(rubor_plane_box(&plane, 1000000, NULL), RUBOR_OK);
            rubor_plane_finish(&plane);
        }
}

static void shrinking_keeps_the_mean(void **state)
{
    (void)state;
    static const int sizes[][2] = {{W, H}, {41, 30}, {82, 60}, {7, 61}, {1, 1}};
    rubor_plane in = noisy(W, H, 0);
    double mean = 0;
    for (int i = 0; i < W * H; i++)
        mean += (double)in.data[i] / (W * H);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        rubor_plane out;
        int width = sizes[s][0], height = sizes[s][1];
        assert_int_equal(rubor_plane_shrink(&out, &in, width, height, NULL), RUBOR_OK);
        double got = 0;
        for (int i = 0; i < width * height; i++)
            got += (double)out.data[i] / (width * height);
        assert_true(fabs(got - mean) < 1e-6);
        if (width == W && height == H)
            assert_memory_equal(in.data, out.data, W * H * sizeof(float));
        rubor_plane_finish(&out);
    }
    rubor_plane_finish(&in);
}

static void shrinking_leaves_missing_pixels_out(void **state)
{
    (void)state;
    rubor_plane in, out;
    assert_int_equal(rubor_plane_init(&in, 4, 4, NULL), RUBOR_OK);
    for (int i = 0; i < 16; i++)
        in.data[i] = i % 4 < 2 ? NAN : 3;
    in.data[0] = 7;
    assert_int_equal(rubor_plane_shrink(&out, &in, 2, 2, NULL), RUBOR_OK);
    assert_true(out.data[0] == 7 && out.data[1] == 3 && isnan(out.data[2]) && out.data[3] == 3);
    rubor_plane_finish(&out);
    rubor_plane_finish(&in);
}

static void samples_are_bilinear_and_missing_outside(void **state)
{
    (void)state;
    rubor_plane plane;
    assert_int_equal(rubor_plane_init(&plane, 5, 4, NULL), RUBOR_OK);
    for (int i = 0; i < 20; i++)
        plane.data[i] = (float)(i % 5 * 10 + i / 5);
    assert_true(rubor_plane_sample(&plane, 2, 1) == 21);
    assert_true(fabsf(rubor_plane_sample(&plane, 2.25, 1.5) - 24.0F) < 1e-5F);
    assert_true(rubor_plane_sample(&plane, -0.5, 0) == 0);
    assert_true(rubor_plane_sample(&plane, 4.5, 3.5) == 43);
    assert_true(isnan(rubor_plane_sample(&plane, -0.51, 0)));
    assert_true(isnan(rubor_plane_sample(&plane, 0, 3.51)));
    assert_true(isnan(rubor_plane_sample(&plane, NAN, 0)));
    plane.data[3] = NAN;
    assert_true(rubor_plane_sample(&plane, 2, 0) == 20); /* the missing neighbor has weight 0 */
    assert_true(isnan(rubor_plane_sample(&plane, 2.1, 0)));
    rubor_plane_finish(&plane);
}

static void morphology_is_the_largest_and_smallest_of_the_window(void **state)
{
    (void)state;
    static const int radii[] = {0, 1, 3, 30, 200};
    for (size_t r = 0; r < sizeof radii / sizeof *radii; r++)
        for (int erode = 0; erode < 2; erode++) {
            rubor_mask in, out;
            assert_int_equal(rubor_mask_init(&in, W, H, NULL), RUBOR_OK);
            assert_int_equal(rubor_mask_init(&out, W, H, NULL), RUBOR_OK);
            for (int i = 0; i < W * H; i++)
                in.data[i] = (uint8_t)((uniform() < 0.03F) != (erode == 1) ? 200 : 90);
            memcpy(out.data, in.data, W * H);
            assert_int_equal((erode ? rubor_mask_erode : rubor_mask_dilate)(&out, radii[r], NULL), RUBOR_OK);
            size_t count = 0;
            for (int n = 0; n < W * H; n++) {
                bool any = false, all = true;
                for (int j = n / W - radii[r]; j <= n / W + radii[r]; j++)
                    for (int i = n % W - radii[r]; i <= n % W + radii[r]; i++) {
                        if (i < 0 || j < 0 || i >= W || j >= H)
                            continue;
                        bool inside = in.data[j * W + i] >= 128;
                        any = any || inside;
                        all = all && inside;
                    }
                if (radii[r] > 30 && n % 97) /* the definition is slow: a sample is enough */
                    continue;
                assert_int_equal(out.data[n], (erode ? all : any) ? 255 : 0);
            }
            for (int n = 0; n < W * H; n++)
                count += out.data[n] == 255;
            assert_int_equal(rubor_mask_count(&out), count);
            rubor_mask_finish(&in);
            rubor_mask_finish(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(box_mean_is_the_mean_of_the_window),
        cmocka_unit_test(blur_spreads_a_point_by_sigma),
        cmocka_unit_test(blur_keeps_a_flat_plane_and_fills_small_holes),
        cmocka_unit_test(planes_blurred_together_are_as_blurred_alone),
        cmocka_unit_test(enlarged_rows_are_the_samples),
        cmocka_unit_test(infinity_does_not_spread),
        cmocka_unit_test(filters_take_planes_of_one_pixel),
        cmocka_unit_test(shrinking_keeps_the_mean),
        cmocka_unit_test(shrinking_leaves_missing_pixels_out),
        cmocka_unit_test(samples_are_bilinear_and_missing_outside),
        cmocka_unit_test(morphology_is_the_largest_and_smallest_of_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
