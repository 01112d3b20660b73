/* labels: fast */
/* Skin that only the baseline shows is kept where blood, melanin and a doubtful veil explain its change. */
#include "analyzer/change.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { WIDTH = 60, HEIGHT = 40, REGION_WIDTH = 25 };

/* Skin of these OD before and, in the region, of those at the visit; the region's cells are on trial. */
static void make(rubor_change *change, const double before[3], const double now[3])
{
    change_grid_make(change, WIDTH, HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        bool treated = i % WIDTH < REGION_WIDTH;
        change->region.data[i] = change->trial.data[i] = treated ? 255 : 0;
        change->control.data[i] = treated ? 0 : 255;
        for (int c = 0; c < 3; c++) {
            double ripple = 0.002 * (i % 3 - 1);
            change->reference_od[c].data[i] = (float)(before[c] + ripple);
            change->visit_od[c].data[i] = (float)((treated ? now[c] : before[c]) + ripple);
        }
    }
}

/* Cells of the region that stay measured. */
static int kept(const double before[3], const double now[3], double glare_percent_sd)
{
    rubor_change change;
    rubor_frame visit = {.calibration.glare_percent_sd = glare_percent_sd};
    rubor_frame baseline = visit;
    make(&change, before, now);
    assert_int_equal(rubor_change_unmix(&change, &visit, &baseline, NULL), RUBOR_OK);
    int count = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        count += change.region.data[i] >= 128;
    rubor_change_finish(&change);
    return count;
}

static void new_pigment_whose_blue_the_veil_swallowed_stays_measured(void **state)
{
    (void)state;
    const double before[3] = {0.90, 1.22, 1.70}, now[3] = {1.02, 1.40, 3.0};
    assert_int_equal(kept(before, now, 0.7), REGION_WIDTH * HEIGHT);
}

static void collar_much_brighter_than_the_skin_before_is_dropped(void **state)
{
    (void)state;
    const double before[3] = {0.90, 1.22, 1.70}, now[3] = {0.30, 0.30, 0.30};
    assert_int_equal(kept(before, now, 0.7), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_pigment_whose_blue_the_veil_swallowed_stays_measured),
        cmocka_unit_test(collar_much_brighter_than_the_skin_before_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
