/* The network of the skin mask against the library that trained it. */
#include "analyzer/skin_net.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 320, HEIGHT = 224, ROWS = 3, COLUMNS = 5 };

/* Printed by analyzer/skin_net.py, which makes the same picture: log-odds at x = 20, 90 .. and y = 24, 112 ..,
 * without calibration and with it. */
static const float expected[2][ROWS][COLUMNS] = {
    {
        {-0.057f, 0.412f, -0.263f, -0.079f, -0.479f},
        {-0.606f, -0.514f, -0.241f, -0.634f, -1.227f},
        {-1.494f, -0.890f, 0.032f, -0.953f, -1.765f},
    },
    {
        {1.699f, 1.894f, 2.133f, 2.050f, 1.599f},
        {1.254f, 1.357f, 1.708f, 1.698f, 1.199f},
        {0.889f, 0.928f, 2.058f, 1.789f, 0.626f},
    },
};

static void paint(rubor_image_calibrated *image)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            size_t i = (size_t)y * WIDTH + (size_t)x;
            double red = 0.15 + 0.6 * x / WIDTH, green = red * (0.5 + 0.3 * y / HEIGHT);
            image->plane[0][i] = (float)red;
            image->plane[1][i] = (float)green;
            image->plane[2][i] = (float)(green * (0.6 + 0.2 * ((x / 40 + y / 40) % 2)));
        }
}

static void the_network_computes_what_was_trained(void **state)
{
    (void)state;
    rubor_image_calibrated image;
    rubor_skin_field field;
    rubor_plane logits;
    assert_int_equal(rubor_image_calibrated_init(&image, WIDTH, HEIGHT, NULL), RUBOR_OK);
    paint(&image);
    assert_int_equal(rubor_skin_field_init(&field, &image, NULL), RUBOR_OK);
    assert_int_equal(field.width, WIDTH);
    for (int calibrated = 0; calibrated < 2; calibrated++) {
        assert_int_equal(rubor_skin_net(&logits, &field, calibrated, NULL), RUBOR_OK);
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            int r = i / COLUMNS, c = i % COLUMNS;
            float found = logits.data[(size_t)(24 + 88 * r) * WIDTH + (size_t)(20 + 70 * c)];
            float right = expected[calibrated][r][c];
            if (!(fabsf(found - right) < 0.01f + 0.005f * fabsf(right)))
                fail_msg("row %d, column %d: %g instead of %g", r, c, (double)found, (double)right);
        }
        rubor_plane_finish(&logits);
    }
    rubor_skin_field_finish(&field);
    rubor_image_calibrated_finish(&image);
}

static void photos_narrower_than_the_network_looks_are_stretched(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 500}, {700, 2}, {33, 31}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        rubor_image_calibrated image;
        rubor_skin_field field;
        rubor_plane logits;
        assert_int_equal(rubor_image_calibrated_init(&image, sizes[k][0], sizes[k][1], NULL), RUBOR_OK);
        assert_int_equal(rubor_skin_field_init(&field, &image, NULL), RUBOR_OK);
        assert_int_equal(rubor_skin_net(&logits, &field, false, NULL), RUBOR_OK);
        assert_int_equal(logits.width, field.width);
        for (size_t i = 0; i < (size_t)logits.width * (size_t)logits.height; i++)
            assert_true(isfinite(logits.data[i]));
        rubor_plane_finish(&logits);
        rubor_skin_field_finish(&field);
        rubor_image_calibrated_finish(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_network_computes_what_was_trained),
        cmocka_unit_test(photos_narrower_than_the_network_looks_are_stretched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
