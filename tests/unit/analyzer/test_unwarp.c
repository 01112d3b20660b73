/* labels: fast */
#include "analyzer/unwarp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 320, HEIGHT = 240 };

/* A smooth picture of any point of the baseline. */
static double shade(double x, double y)
{
    return 30000 + 12000 * sin(x / 23) * cos(y / 31);
}

static rubor_registration moved(bool local)
{
    rubor_registration r = {
        .homography = {0.98, -0.03, 9, 0.03, 1.01, -6, 1e-5, -2e-5, 1}, .width = WIDTH, .height = HEIGHT};
    if (local) {
        r.grid_columns = 6;
        r.grid_rows = 5;
        for (int j = 0; j < 5; j++)
            for (int i = 0; i < 6; i++) {
                r.grid[j][i][0] = (float)(2.5 * sin(i + j));
                r.grid[j][i][1] = (float)(2.5 * cos(i - j));
            }
    }
    return r;
}

/* The visit as the registration says: each of its pixels shows a point of the baseline. */
static double largest_error(const rubor_registration *r, int width, int height)
{
    rubor_image_encoded visit = {0}, out = {0};
    rubor_error error = {0};
    assert_int_equal(rubor_image_encoded_init(&visit, WIDTH, HEIGHT, &error), RUBOR_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            rubor_point at = rubor_registration_map(r, (rubor_point){x, y});
            for (int c = 0; c < 3; c++)
                visit.rgb[3 * (y * WIDTH + x) + c] = (uint16_t)shade(at.x, at.y);
        }
    assert_int_equal(rubor_unwarp_picture(&out, &visit, r, width, height, &error), RUBOR_OK);
    double scale = (double)width / out.width, worst = 0;
    for (int y = 40; y < out.height - 40; y++)
        for (int x = 40; x < out.width - 40; x++) {
            double wanted = shade((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5);
            double got = out.rgb[3 * (y * out.width + x)];
            worst = got > 0 ? fmax(worst, fabs(got - wanted)) : worst;
        }
    rubor_image_encoded_finish(&visit);
    rubor_image_encoded_finish(&out);
    return worst;
}

static void a_moved_visit_lies_on_the_baseline_again(void **state)
{
    (void)state;
    rubor_registration flat = moved(false), bent = moved(true);
    assert_true(largest_error(&flat, WIDTH, HEIGHT) < 300); /* of 24000: about half a pixel */
    assert_true(largest_error(&bent, WIDTH, HEIGHT) < 450);
}

static void what_the_visit_does_not_show_is_black(void **state)
{
    (void)state;
    rubor_registration away = {
        .homography = {1, 0, 1000, 0, 1, 0, 0, 0, 1}, .width = WIDTH, .height = HEIGHT};
    rubor_image_encoded visit = {0}, out = {0};
    rubor_error error = {0};
    assert_int_equal(rubor_image_encoded_init(&visit, WIDTH, HEIGHT, &error), RUBOR_OK);
    memset(visit.rgb, 0x7f, sizeof *visit.rgb * 3 * WIDTH * HEIGHT);
    assert_int_equal(rubor_unwarp_picture(&out, &visit, &away, WIDTH, HEIGHT, &error), RUBOR_OK);
    for (size_t i = 0; i < 3 * WIDTH * HEIGHT; i++)
        assert_int_equal(out.rgb[i], 0);
    rubor_image_encoded_finish(&visit);
    rubor_image_encoded_finish(&out);
}

static void an_alignment_without_an_inverse_is_refused(void **state)
{
    (void)state;
    rubor_registration none = {.width = WIDTH, .height = HEIGHT};
    rubor_image_encoded visit = {0}, out = {0};
    rubor_error error = {0};
    assert_int_equal(rubor_unwarp_picture(&out, &visit, &none, WIDTH, HEIGHT, &error), RUBOR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_visit_lies_on_the_baseline_again),
        cmocka_unit_test(what_the_visit_does_not_show_is_black),
        cmocka_unit_test(an_alignment_without_an_inverse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
