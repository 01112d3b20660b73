/* labels: fast */
/* Blood under the skin is told from pigment, light, lines and highlights. */
#include "analyzer/findings_bruise.h"
#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300, CELLS = WIDTH * HEIGHT };
static const double blood[3] = {0.0024, 0.0128, 0.0115}, melanin[3] = {0.0100, 0.0174, 0.0335};
static const double dark[3] = {0.15, 0.06, 0.03}, light[3] = {0.50, 0.32, 0.24};
/* OD of a film over the middle of the region */
static const double fresh[3] = {0.12, 0.11, 0.09}, yellow[3] = {0.035, 0.055, 0.17}, none[3] = {0};
static const double alike[3] = {0.10, 0.10, 0.10};

typedef struct scene {
    const double *skin, *film;
    double ei, mi;    /* new blood and melanin of the region */
    double slope;     /* OD from left to right, all channels */
    double veil_from; /* columns of the region from here on lie below white light, before and now */
    double width;     /* of the film; 0: blurred patch */
    double period;    /* of a drawing of several such lines */
    double two[2];    /* instead: two blurred patches beside each other, so strong */
    bool anchored, uncharted;
    int day;
} scene;

/* Share of the film: a patch of soft border, or a stripe of the given width. */
static double opacity(const scene *s, double x, double y)
{
    double r = hypot(x - 200, y - 150);
    if (s->two[0] + s->two[1] > 0)
        return s->two[0] * fmin(1, fmax(0, (40 - hypot(x - 150, y - 150)) / 15)) +
               s->two[1] * fmin(1, fmax(0, (35 - hypot(x - 245, y - 150)) / 30));
    if (s->period > 0)
        return fabs(x - 200) < 50 && fabs(y - 150) < 40 && fmod(x, s->period) < s->width ? 1 : 0;
    if (s->width > 0)
        return fabs(x - 200) < s->width / 2 && fabs(y - 150) < 60 ? 1 : 0;
    return fmin(1, fmax(0, (50 - r) / 20));
}

static double veil(const scene *s, double x)
{
    return s->veil_from > 0 && x > s->veil_from && x < s->veil_from + 40 ? 0.03 : 0;
}

static double noise(double sd)
{
    double sum = 0;
    for (int k = 0; k < 4; k++)
        sum += rand() / (double)RAND_MAX - 0.5;
    return sd * sum * 1.73;
}

static void make(rubor_change *change, const scene *s)
{
    double covariance[9] = {0};
    change_grid_make(change, WIDTH, HEIGHT);
    change_grid_add_maps(change);
    change->control_known = s->anchored;
    change->shading_sd = 0.006;
    change->directions.hemoglobin_gain = 1;
    change_grid_add_blood_spread(change);
    for (int c = 0; c < 3; c++) {
        covariance[4 * c] = c == 2 ? 0.0004 : 0.0001;
        change->directions.hemoglobin[c] = blood[c];
        change->directions.melanin[c] = melanin[c];
        change->before_linear[c] = s->skin[c];
        change->melanin_sd[c] = 0.03 * melanin[c];
    }
    assert_int_equal(rubor_unmix_solve(&change->unmix, blood, melanin, covariance, NULL), RUBOR_OK);
    srand(3);
    for (int i = 0; i < CELLS; i++) {
        double x = i % WIDTH, y = (double)(i / WIDTH), share = opacity(s, x, y);
        bool treated = hypot(x - 200, y - 150) < 90;
        change->region.data[i] = treated || !s->anchored ? 255 : 0;
        for (int c = 0; c < 3; c++) {
            double added = treated ? s->ei * blood[c] + s->mi * melanin[c] : 0;
            double before = s->skin[c] + (treated ? veil(s, x) : 0);
            double now = s->skin[c] * pow(10, -added - share * s->film[c]) + (treated ? veil(s, x) : 0);
            double od = log10(before / now) + s->slope * (x / WIDTH - 0.5) + noise(0.004);
            change->reference_od[c].data[i] = (float)-log10(before);
            change->visit_od[c].data[i] = (float)((double)change->reference_od[c].data[i] + od);
            change->delta_ei.data[i] += (float)(change->unmix.ei[c] * od);
            change->delta_mi.data[i] += (float)(change->unmix.mi[c] * od);
            change->shade_od.data[i] += (float)(change->unmix.shade[c] * od);
        }
    }
}

/* Percent of the region; the film's patch has 31 % of the drawn one (out to half of its strength 20 %).
 * left_out: cells. */
static double look(const scene *s, double *light_drift, size_t *left_out)
{
    rubor_change change;
    rubor_findings findings = {0};
    make(&change, s);
    rubor_mask *masks[3] = {&findings.bruise, &findings.cover, &findings.cells};
    for (int k = 0; k < 3; k++)
        assert_int_equal(rubor_mask_init(masks[k], WIDTH, HEIGHT, NULL), RUBOR_OK);
    assert_int_equal(rubor_findings_bruise(&findings, &change, !s->uncharted, s->day, NULL), RUBOR_OK);
    double percent = findings.bruise_percent;
    if (light_drift)
        *light_drift = findings.light_drift;
    *left_out = 0;
    for (int i = 0; i < CELLS; i++)
        *left_out += findings.cells.data[i] != 0;
    rubor_findings_finish(&findings);
    rubor_change_finish(&change);
    return percent;
}

static double found(const scene *s, double *light_drift)
{
    size_t left_out;
    double percent = look(s, light_drift, &left_out);
    assert_true((left_out > 0) == (percent > 0));
    return percent;
}

static void fresh_and_yellow_bruises_are_found_with_their_extent(void **state)
{
    (void)state;
    const scene scenes[] = {{light, fresh, 0, 0, .anchored = true, .day = 1},
                            {dark, fresh, 0, 0, .anchored = true, .day = 1},
                            {light, fresh, 15, 0, .anchored = true, .day = 0},
                            {light, yellow, 0, 0, .anchored = true, .day = 6},
                            {dark, yellow, 1, 0, .anchored = true, .day = 6}};
    for (size_t k = 0; k < sizeof scenes / sizeof *scenes; k++) {
        double percent = found(&scenes[k], NULL);
        assert_true(percent > 15 && percent < 40);
    }
    const scene somewhere = {light, fresh, .day = 1}; /* no region drawn: 5 % of all skin */
    assert_true(found(&somewhere, NULL) > 3);
}

/* It reads as pigment; only that there is less blood than around, and a small rest, tells. */
static void a_bruise_between_fresh_and_yellow_in_reddened_skin_is_found(void **state)
{
    (void)state;
    const double turning[3] = {0.056, 0.060, 0.100}, shadow[3] = {0.022, 0.022, 0.022};
    double paler[3];
    for (int c = 0; c < 3; c++)
        paler[c] = 6 * melanin[c] - 3 * blood[c];
    const scene bruise = {light, turning, 5, 0, .anchored = true, .day = 4},
                shade = {light, shadow, 5, 0, .anchored = true, .day = 4},
                pigment = {light, paler, 5, 0, .anchored = true, .day = 4};
    double percent = found(&bruise, NULL);
    assert_true(percent > 15 && percent < 40);
    assert_true(found(&shade, NULL) == 0);
    assert_true(found(&pigment, NULL) == 0);
}

/* Blood that darkens red more than assumed, as far as people differ, leaves a rest that grows with redness.
 */
static void strong_redness_of_another_shape_is_no_bruise(void **state)
{
    (void)state;
    const double shape[3] = {0.045, 0.045, 0.040};
    const scene red = {light, shape, 30, 0, .anchored = true, .day = 1},
                alone = {light, shape, 5, 0, .anchored = true, .day = 1};
    assert_true(found(&red, NULL) == 0);
    assert_true(found(&alone, NULL) > 10);
}

static void pigment_that_looks_yellow_without_a_chart_is_no_bruise(void **state)
{
    (void)state;
    const double bluer[3] = {0.10, 0.174, 0.42};
    const scene charted = {light, bluer, 0, 0, .anchored = true, .day = 5},
                uncharted = {light, bluer, 0, 0, .anchored = true, .uncharted = true, .day = 5};
    assert_true(found(&charted, NULL) > 10);
    assert_true(found(&uncharted, NULL) == 0);
}

static void new_blood_and_new_pigment_are_no_bruise(void **state)
{
    (void)state;
    const scene scenes[] = {{light, none, 20, 0, .anchored = true, .day = 0},
                            {dark, none, 15, 0, .anchored = true, .day = 1},
                            {light, none, 0, 15, .anchored = true, .day = 12},
                            {dark, none, 0, 12, .anchored = true, .day = 12},
                            {dark, none, 8, 8, .day = 3},
                            {light, none, 8, 8, .day = 3}};
    for (size_t k = 0; k < sizeof scenes / sizeof *scenes; k++)
        assert_true(found(&scenes[k], NULL) == 0); /* nothing is counted: an exact zero */
}

/* Much of both leaves a rest that no direction carries: a third of the red that they take. Alone the same
 * rest is a bruise. */
static void strong_pigment_with_redness_is_no_bruise_though_it_leaves_a_rest(void **state)
{
    (void)state;
    double rest[3], both[3];
    for (int c = 0; c < 3; c++) {
        rest[c] = 0.07;
        both[c] = rest[c] + 20 * melanin[c];
    }
    const scene alone = {light, rest, 15, 0, .anchored = true, .day = 3},
                pigment = {light, both, 15, 0, .anchored = true, .day = 3};
    assert_true(found(&alone, NULL) > 10);
    assert_true(found(&pigment, NULL) == 0);
}

static void light_that_runs_across_the_skin_is_told_and_no_bruise(void **state)
{
    (void)state;
    const scene still = {light, none, .day = 2}, moved = {light, none, .slope = 0.3, .day = 2},
                both = {light, fresh, .slope = 0.3, .day = 2};
    double drift;
    assert_true(found(&still, &drift) == 0 && drift < 0.02);
    assert_true(found(&moved, &drift) == 0 && drift > 0.2 && drift < 0.4);
    assert_true(found(&both, &drift) > 3 && drift > 0.2);
}

static void lines_and_highlights_are_no_bruise(void **state)
{
    (void)state;
    const double ink[3] = {0.5, 0.5, 0.5};
    const scene lines[] = {{light, ink, .width = 5, .anchored = true, .day = 2},
                           {light, ink, .width = 3, .period = 14, .anchored = true, .day = 2}};
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
        size_t left_out;
        assert_true(look(&lines[k], NULL, &left_out) == 0);
        assert_true(left_out > 0); /* what is drawn on the skin is not the skin's own change either */
    }
    const scene highlight = {dark, none, 0, 14, .veil_from = 150, .anchored = true, .day = 12};
    assert_true(found(&highlight, NULL) == 0);
}

static void a_faint_bruise_beside_a_deep_one_keeps_its_rim(void **state)
{
    (void)state;
    const scene deep = {light, fresh, .two = {1, 0}, .anchored = true, .day = 1},
                faint = {light, fresh, .two = {0, 0.4}, .anchored = true, .day = 1},
                both = {light, fresh, .two = {1, 0.4}, .anchored = true, .day = 1};
    double one = found(&deep, NULL), other = found(&faint, NULL);
    assert_true(one > 5 && other > 5);
    assert_true(fabs(found(&both, NULL) - one - other) < 0.3);
}

static void faint_color_without_a_chart_is_no_bruise(void **state)
{
    (void)state;
    const double faint[3] = {0.05, 0.05, 0.04};
    const scene charted = {light, faint, 8, 0, .anchored = true, .day = 1},
                uncharted = {light, faint, 8, 0, .anchored = true, .uncharted = true, .day = 1};
    assert_true(found(&charted, NULL) > 10);
    assert_true(found(&uncharted, NULL) == 0);
}

static void after_two_weeks_only_strong_signs_count(void **state)
{
    (void)state;
    scene s = {light, yellow, .anchored = true, .day = 20};
    assert_true(found(&s, NULL) == 0);
    s.film = alike;
    assert_true(found(&s, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_and_yellow_bruises_are_found_with_their_extent),
        cmocka_unit_test(a_bruise_between_fresh_and_yellow_in_reddened_skin_is_found),
        cmocka_unit_test(strong_redness_of_another_shape_is_no_bruise),
        cmocka_unit_test(pigment_that_looks_yellow_without_a_chart_is_no_bruise),
        cmocka_unit_test(new_blood_and_new_pigment_are_no_bruise),
        cmocka_unit_test(strong_pigment_with_redness_is_no_bruise_though_it_leaves_a_rest),
        cmocka_unit_test(light_that_runs_across_the_skin_is_told_and_no_bruise),
        cmocka_unit_test(lines_and_highlights_are_no_bruise),
        cmocka_unit_test(a_faint_bruise_beside_a_deep_one_keeps_its_rim),
        cmocka_unit_test(faint_color_without_a_chart_is_no_bruise),
        cmocka_unit_test(after_two_weeks_only_strong_signs_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
