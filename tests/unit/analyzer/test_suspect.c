/* labels: fast */
/* Darkening that may be a faint bruise is told from new pigment by what blood and melanin cannot do. */
#include "analyzer/change.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 300, HEIGHT = 200, CELLS = WIDTH * HEIGHT };
static const double blood[3] = {0.0024, 0.0128, 0.0115}, melanin[3] = {0.0100, 0.0174, 0.0335};
static const double dark[3] = {0.15, 0.06, 0.03}, light[3] = {0.50, 0.32, 0.24};

/* Adds to the visit's OD and to what is read from it. */
static void add(rubor_change *change, int i, const double od[3])
{
    for (int c = 0; c < 3; c++) {
        change->visit_od[c].data[i] += (float)od[c];
        change->delta_ei.data[i] += (float)(change->unmix.ei[c] * od[c]);
        change->delta_mi.data[i] += (float)(change->unmix.mi[c] * od[c]);
        change->shade_od.data[i] += (float)(change->unmix.shade[c] * od[c]);
    }
}

/* The same change everywhere; a veil lies, before and now, over the left part of the region. */
static void make(rubor_change *change, const double skin[3], double ei, double mi, double veil,
                 int veiled_until)
{
    double covariance[9] = {0};
    change_grid_make(change, WIDTH, HEIGHT);
    change_grid_add_maps(change);
    change->control_known = false;
    change->directions.hemoglobin_gain = 1;
    change_grid_add_blood_spread(change);
    for (int c = 0; c < 3; c++) {
        covariance[4 * c] = c == 2 ? 0.0016 : 0.0001; /* of blue little is known on dark skin */
        change->melanin_sd[c] = 0.03 * melanin[c];
    }
    assert_int_equal(rubor_unmix_solve(&change->unmix, blood, melanin, covariance, NULL), RUBOR_OK);
    for (int i = 0; i < CELLS; i++) {
        double g = i % WIDTH < veiled_until ? veil : 0, d[3];
        change->region.data[i] = 255;
        for (int c = 0; c < 3; c++) {
            double now = skin[c] * pow(10, -ei * blood[c] - mi * melanin[c]);
            change->reference_od[c].data[i] = change->visit_od[c].data[i] = (float)-log10(skin[c] + g);
            d[c] = log10((skin[c] + g) / (now + g));
        }
        add(change, i, d);
    }
}

/* Mean over columns from..to. */
static double mean(const rubor_plane *map, int from, int to)
{
    double sum = 0;
    for (int i = 0; i < CELLS; i++)
        if (i % WIDTH >= from && i % WIDTH < to)
            sum += (double)map->data[i];
    return sum / ((to - from) * (double)HEIGHT);
}

static void a_bruise_too_faint_to_be_found_is_a_doubt_about_new_pigment(void **state)
{
    (void)state;
    const double film[3] = {0.02, 0.019, 0.017};
    const rubor_mask nothing = {0};
    for (int bruised = 0; bruised < 2; bruised++) {
        rubor_change change;
        make(&change, light, 3, 0, 0, 0);
        for (int i = 0; i < CELLS; i++)
            if (bruised && i % WIDTH < 90)
                add(&change, i, film);
        double mi = mean(&change.delta_mi, 0, WIDTH);
        assert_int_equal(rubor_change_suspect(&change, &nothing, NULL), RUBOR_OK);
        assert_true(bruised ? mi > 0.2 && change.suspected_mi > 0.7 * mi : change.suspected_mi < 0.02);
        rubor_change_finish(&change);
    }
}

/* Gloss on dark skin hides part of the darkening and looks much like a bruise. */
static void gloss_on_darkened_dark_skin_is_hardly_suspected(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, dark, 6, 6, 0.005, 80);
    assert_int_equal(rubor_change_suspect(&change, &nothing, NULL), RUBOR_OK);
    assert_true(change.suspected_mi < 0.25 * mean(&change.delta_mi, 0, WIDTH));
    rubor_change_finish(&change);
}

static void a_bruise_that_is_a_finding_is_not_suspected_again(void **state)
{
    (void)state;
    const double film[3] = {0.08, 0.075, 0.07};
    rubor_change change;
    rubor_mask found = {0};
    make(&change, light, 3, 0, 0, 0);
    assert_int_equal(rubor_mask_init(&found, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (int i = 0; i < CELLS; i++)
        if (i % WIDTH < 90) {
            add(&change, i, film);
            found.data[i] = 255;
        }
    assert_int_equal(rubor_change_suspect(&change, &found, NULL), RUBOR_OK);
    assert_true(change.suspected_mi < 0.02);
    rubor_mask_finish(&found);
    rubor_change_finish(&change);
}

static void new_pigment_alone_is_not_suspected_to_be_a_bruise(void **state)
{
    (void)state;
    rubor_change change;
    const rubor_mask nothing = {0};
    make(&change, light, 0, 0, 0, 0);
    for (int i = 0; i < CELLS; i++)
        if (i % WIDTH < 120) {
            const double patch[3] = {9 * melanin[0], 9 * melanin[1], 9 * melanin[2]};
            add(&change, i, patch);
        }
    assert_int_equal(rubor_change_suspect(&change, &nothing, NULL), RUBOR_OK);
    assert_true(change.suspected_mi < 0.05);
    rubor_change_finish(&change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bruise_too_faint_to_be_found_is_a_doubt_about_new_pigment),
        cmocka_unit_test(gloss_on_darkened_dark_skin_is_hardly_suspected),
        cmocka_unit_test(a_bruise_that_is_a_finding_is_not_suspected_again),
        cmocka_unit_test(new_pigment_alone_is_not_suspected_to_be_a_bruise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
