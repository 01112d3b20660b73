/* labels: fast */
#include "analyzer/chromophore.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const double hemoglobin[3] = {0.0022, 0.0122, 0.0112}, melanin[3] = {0.010, 0.018, 0.035};
static const double noise[3] = {0.005, 0.005, 0.006};

/* independent noise and a common shading */
static void solve(rubor_unmix *u, double shading)
{
    double covariance[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            covariance[3 * i + j] = shading * shading + (i == j ? noise[i] * noise[i] : 0);
    assert_int_equal(rubor_unmix_solve(u, hemoglobin, melanin, covariance, NULL), RUBOR_OK);
}

static void read_change(double *ei, double *mi, const rubor_unmix *u, double h, double m, double shade)
{
    *ei = *mi = 0;
    for (int c = 0; c < 3; c++) {
        double d = h * hemoglobin[c] + m * melanin[c] + shade;
        *ei += u->ei[c] * d;
        *mi += u->mi[c] * d;
    }
}

static void mixed_change_is_told_apart_exactly(void **state)
{
    (void)state;
    for (double shading = 0; shading < 1; shading += 0.25) {
        rubor_unmix u;
        double ei, mi;
        solve(&u, shading);
        read_change(&ei, &mi, &u, 12, 0, 0);
        assert_float_equal(ei, 12, 1e-9);
        assert_float_equal(mi, 0, 1e-9);
        read_change(&ei, &mi, &u, -3, 8, 0);
        assert_float_equal(ei, -3, 1e-9);
        assert_float_equal(mi, 8, 1e-9);
    }
}

static void brighter_light_is_not_paleness_when_light_is_free(void **state)
{
    (void)state;
    rubor_unmix trusting, free_light;
    double ei, mi;
    solve(&trusting, 0);
    solve(&free_light, 1);
    read_change(&ei, &mi, &trusting, 0, 0, 0.04);
    assert_true(fabs(ei) + fabs(mi) > 0.5);
    read_change(&ei, &mi, &free_light, 0, 0, 0.04);
    assert_true(fabs(ei) < 0.01);
    assert_true(fabs(mi) < 0.01);
}

static void shade_row_sees_light_and_neither_chromophore(void **state)
{
    (void)state;
    rubor_unmix u;
    double h = 0, m = 0, s = 0;
    solve(&u, 0.02);
    for (int c = 0; c < 3; c++) {
        h += u.shade[c] * hemoglobin[c];
        m += u.shade[c] * melanin[c];
        s += u.shade[c];
    }
    assert_float_equal(h, 0, 1e-12);
    assert_float_equal(m, 0, 1e-12);
    assert_float_equal(s, 1, 1e-12);
}

static void directions_that_coincide_are_refused(void **state)
{
    (void)state;
    const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    rubor_unmix u;
    assert_int_equal(rubor_unmix_solve(&u, melanin, melanin, identity, NULL), RUBOR_REFUSED);
}

static void indices_follow_their_definition_and_leave_out_what_is_not_skin(void **state)
{
    (void)state;
    rubor_image_calibrated image;
    rubor_mask skin;
    rubor_plane ei, mi;
    assert_int_equal(rubor_image_calibrated_init(&image, 3, 1, NULL), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&skin, 3, 1, NULL), RUBOR_OK);
    image.plane[0][0] = 0.5f;
    image.plane[1][0] = 0.25f;
    image.plane[0][1] = 0.5f;
    image.plane[1][1] = 0.0f; /* below the floor: no logarithm */
    image.plane[0][2] = image.plane[1][2] = 0.5f;
    skin.data[0] = skin.data[1] = 255;
    assert_int_equal(rubor_indices(&ei, &mi, &image, &skin, NULL), RUBOR_OK);
    assert_float_equal(ei.data[0], 30.103, 0.001);
    assert_float_equal(mi.data[0], 30.103, 0.001);
    assert_true(isnan(ei.data[1]));
    assert_true(isnan(ei.data[2]));
    rubor_plane_finish(&ei);
    rubor_plane_finish(&mi);
    rubor_mask_finish(&skin);
    rubor_image_calibrated_finish(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_change_is_told_apart_exactly),
        cmocka_unit_test(brighter_light_is_not_paleness_when_light_is_free),
        cmocka_unit_test(shade_row_sees_light_and_neither_chromophore),
        cmocka_unit_test(directions_that_coincide_are_refused),
        cmocka_unit_test(indices_follow_their_definition_and_leave_out_what_is_not_skin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
