/* labels: slow */
/* Brown dots painted into a rendered photo: crusts within the skin, specks of cloth along its rim. */
#include "analyzer/analyze.h"
#include "imaging/photo.h"
#include "samples/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RADIUS = 4, DOTS = 24, APART = 24, AT_RIM = 9, WITHIN = 60 };

static bool is_skin(const rubor_mask *skin, int x, int y)
{
    return x >= 0 && y >= 0 && x < skin->width && y < skin->height &&
           skin->data[(size_t)y * (size_t)skin->width + (size_t)x] >= 128;
}

static void dot(rubor_image_encoded *image, int x0, int y0)
{
    for (int y = -RADIUS; y <= RADIUS; y++)
        for (int x = -RADIUS; x <= RADIUS; x++)
            for (int c = 0; c < 3 && x * x + y * y <= RADIUS * RADIUS; c++) {
                size_t at = 3 * ((size_t)(y0 + y) * (size_t)image->width + (size_t)(x0 + x)) + (size_t)c;
                image->rgb[at] = (uint16_t)(image->rgb[at] * (c == 0 ? 0.62 : 0.5));
            }
}

/* Dots in the skin, so many pixels beside the cloth; returns how many. */
static int paint(rubor_image_encoded *image, const rubor_mask *skin, int beside)
{
    int dots = 0;
    for (int y = 2 * APART; y + 2 * APART < image->height && dots < DOTS; y += APART)
        for (int x = 1; x < image->width; x++) {
            if (is_skin(skin, x, y) == is_skin(skin, x - 1, y))
                continue;
            int into = is_skin(skin, x, y) ? 1 : -1;
            bool all = true;
            for (int k = 1; all && k < beside + APART; k++)
                all = is_skin(skin, x + into * k, y - 5) && is_skin(skin, x + into * k, y + 5);
            if (all) {
                dot(image, x + into * beside, y);
                dots++;
                break;
            }
        }
    return dots;
}

static double crust_percent(int beside, bool *flagged)
{
    rubor_sample_options options;
    rubor_sample_photo before = {0}, after = {0};
    rubor_image_encoded visit = {0};
    rubor_buffer jpeg = {0};
    rubor_record record;
    rubor_sample_options_default(&options);
    options.seed = 4711;
    options.tone = "light";
    options.width = 1200;
    options.height = 900;
    options.skin_share = 0.6;
    assert_int_equal(rubor_sample_render(&before, &options, -1, NULL), RUBOR_OK);
    options.delta_ei = 0;
    options.delta_mi = 0;
    assert_int_equal(rubor_sample_render(&after, &options, 5, NULL), RUBOR_OK);
    assert_int_equal(rubor_photo_decode(&visit, (rubor_bytes){after.jpeg.data, after.jpeg.size}, NULL, NULL),
                     RUBOR_OK);
    assert_true(paint(&visit, &after.skin, beside) > DOTS / 2);
    assert_int_equal(rubor_jpeg_encode(&jpeg, &visit, 92, false, NULL), RUBOR_OK);
    rubor_analyze_options how = {.day = 5};
    assert_int_equal(rubor_analyze(&record, NULL, (rubor_bytes){jpeg.data, jpeg.size},
                                   (rubor_bytes){before.jpeg.data, before.jpeg.size}, &how, NULL),
                     RUBOR_OK);
    *flagged = rubor_record_has_flag(&record, "crusting");
    rubor_buffer_finish(&jpeg);
    rubor_image_encoded_finish(&visit);
    rubor_sample_photo_finish(&before);
    rubor_sample_photo_finish(&after);
    return record.findings.crust_percent;
}

static void specks_along_the_rim_of_the_skin_are_no_crusts_where_no_region_was_drawn(void **state)
{
    (void)state;
    bool within, rim;
    double crusts = crust_percent(WITHIN, &within), specks = crust_percent(AT_RIM, &rim);
    assert_true(within && !rim);
    assert_true(crusts > 0.1 && specks == 0); /* nothing is counted: an exact zero */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specks_along_the_rim_of_the_skin_are_no_crusts_where_no_region_was_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
