/* labels: fast */
/* What is said to be unsure follows what was found: redness, shine, light. */
#include "analyzer/uncertainty.h"
#include "tests/unit/analyzer/change_grid.h"

#include <math.h>
#include <string.h>

enum { SIDE = 60, CELLS = SIDE * SIDE };
static const double blood[3] = {0.0026, 0.0126, 0.0120}, melanin[3] = {0.0100, 0.0178, 0.0340};
static const double dark[3] = {0.13, 0.06, 0.03}, light[3] = {0.46, 0.33, 0.27};

/* Left half treated, right half control, a slight pattern on both; before and now alike. */
static void make(rubor_change *change, const double skin[3])
{
    double covariance[9] = {0};
    change_grid_make(change, SIDE, SIDE);
    change_grid_add_maps(change);
    change->smooth_cells = 4;
    for (int i = 0; i < CELLS; i++) {
        (i % SIDE < SIDE / 2 ? change->region : change->control).data[i] = 255;
        change->delta_ei.data[i] = i % SIDE / 4 % 2 ? 0.2f : -0.2f;
        change->delta_mi.data[i] = i % SIDE / 4 % 3 ? 0.1f : -0.1f;
    }
    change->shading_sd = 0.006;
    change->directions.hemoglobin_gain = change->directions.melanin_gain = 1;
    change_grid_add_blood_spread(change);
    for (int c = 0; c < 3; c++) {
        change->directions.hemoglobin[c] = blood[c];
        change->directions.melanin[c] = melanin[c];
        change->region_linear[c] = change->before_linear[c] = change->control_linear[c] = skin[c];
        change->noise_od[c] = 0.01;
        change->melanin_sd[c] = 0.02 * melanin[c];
        double veil = 0.2 * 0.007 / skin[c]; /* the darker a channel, the less it says */
        covariance[4 * c] = 0.004 * 0.004 + veil * veil;
    }
    assert_int_equal(rubor_unmix_solve(&change->unmix, blood, melanin, covariance, NULL), RUBOR_OK);
}

/* With a baseline of the same calibration; redness and pigment as found. */
static void find(rubor_uncertainty *out, const rubor_change *change, double shine_percent, double ei,
                 double mi)
{
    rubor_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.calibration.delta_e2000_loo_mean = 1;
    frame.calibration.glare_percent_sd = 0.7;
    rubor_uncertainty_find(out, change, &frame, &frame, NULL, shine_percent, ei, mi);
}

static void doubts_of(rubor_uncertainty *out, const double skin[3], double shine_percent)
{
    rubor_change change;
    make(&change, skin);
    find(out, &change, shine_percent, 0, 0);
    rubor_change_finish(&change);
}

static double part(const rubor_uncertainty *u, const char *source)
{
    for (int k = 0; k < u->doubt_count; k++)
        if (strcmp(u->doubts[k].source, source) == 0)
            return u->doubts[k].delta_ei_sd;
    return 0;
}

static void the_redder_the_skin_the_less_is_sure_about_its_pigment(void **state)
{
    (void)state;
    rubor_uncertainty u;
    doubts_of(&u, light, 0);
    double none = rubor_uncertainty_mi(&u, 0, 0), red = rubor_uncertainty_mi(&u, 10, 0),
           very_red = rubor_uncertainty_mi(&u, 20, 0);
    /* between sites of measured people blood reads as 0.05 of its EI in melanin, more or less */
    assert_true(none < 0.3);
    assert_true(red > 10 * 0.03 && red < 10 * 0.1);
    assert_true(very_red > 1.7 * red && very_red < 2.3 * red);
}

static void redness_itself_is_known_to_a_few_percent(void **state)
{
    (void)state;
    rubor_uncertainty u;
    doubts_of(&u, light, 0);
    double sd = rubor_uncertainty_ei(&u, 20, 0);
    assert_true(sd > 20 * 0.03 && sd < 20 * 0.09);
}

static void a_decision_is_made_less_easily_than_an_interval_is_drawn(void **state)
{
    (void)state;
    rubor_uncertainty u;
    doubts_of(&u, light, 0);
    assert_true(u.decision_ei > u.zero_ei && u.decision_mi > u.zero_mi);
}

static void shine_veils_dark_skin_more_and_by_its_rim(void **state)
{
    (void)state;
    rubor_uncertainty bare, little, much, on_light;
    doubts_of(&bare, dark, 0);
    doubts_of(&little, dark, 1);
    doubts_of(&much, dark, 4);
    doubts_of(&on_light, light, 4);
    assert_true(part(&bare, "shine") <= 0 && part(&little, "shine") > 0);
    assert_float_equal(part(&much, "shine"), 2 * part(&little, "shine"), 1e-9);
    assert_true(part(&on_light, "shine") < part(&much, "shine") / 2);
    assert_true(much.zero_mi > bare.zero_mi);
}

static void a_level_of_the_photo_is_worth_more_on_dark_skin(void **state)
{
    (void)state;
    rubor_uncertainty on_dark, on_light;
    doubts_of(&on_dark, dark, 0);
    doubts_of(&on_light, light, 0);
    assert_true(part(&on_light, "levels") > 0 && part(&on_dark, "levels") > 1.5 * part(&on_light, "levels"));
}

static void light_that_was_leveled_is_not_doubted_twice(void **state)
{
    (void)state;
    rubor_change change;
    rubor_uncertainty as_it_came, leveled;
    make(&change, dark);
    find(&as_it_came, &change, 0, 0, 0);
    change.light.known = true;
    find(&leveled, &change, 0, 0, 0);
    rubor_change_finish(&change);
    assert_true(part(&leveled, "shading") < part(&as_it_came, "shading"));
    assert_true(leveled.zero_ei < as_it_came.zero_ei);
}

static void every_source_is_listed_the_largest_first(void **state)
{
    (void)state;
    rubor_change change;
    rubor_uncertainty u;
    make(&change, dark);
    change.suspected_mi = 2;
    find(&u, &change, 3, 12, 8);
    rubor_change_finish(&change);
    assert_true(u.doubt_count >= 9 && u.doubt_count < RUBOR_RECORD_DOUBTS);
    double squares = 0;
    for (int k = 0; k < u.doubt_count; k++) {
        assert_true(k == 0 || u.doubts[k - 1].delta_ei_sd >= u.doubts[k].delta_ei_sd);
        squares += u.doubts[k].delta_ei_sd * u.doubts[k].delta_ei_sd;
    }
    /* the list is what the interval is made of */
    assert_float_equal(sqrt(squares), rubor_uncertainty_ei(&u, 12, 8), 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_redder_the_skin_the_less_is_sure_about_its_pigment),
        cmocka_unit_test(redness_itself_is_known_to_a_few_percent),
        cmocka_unit_test(a_decision_is_made_less_easily_than_an_interval_is_drawn),
        cmocka_unit_test(shine_veils_dark_skin_more_and_by_its_rim),
        cmocka_unit_test(a_level_of_the_photo_is_worth_more_on_dark_skin),
        cmocka_unit_test(light_that_was_leveled_is_not_doubted_twice),
        cmocka_unit_test(every_source_is_listed_the_largest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
