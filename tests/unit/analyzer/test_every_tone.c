/* labels: slow */
/* The table of docs/MEASUREMENT.md "Evaluation on rendered pairs" on an eighth of its pairs: nine of each tone
 * class, on seeds of their own. What is wanted of each tone holds here too; where a mean of nine scatters, the
 * bound is wider by that scatter, and says so. */
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"
#include "tests/bench/evaluation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { PAIRS = 54 };

static evaluation_result *results;
static evaluation_summary all, tones[EVALUATION_TONES];

static void run_one(void *context, int index)
{
    (void)context;
    evaluation_plan plan = evaluation_plan_make(index, 915101, 960, 720);
    evaluation_run(&results[index], &plan);
}

static int run_pairs(void **state)
{
    (void)state;
    results = bench_memory(PAIRS * sizeof *results);
    if (!results || !bench_run(PAIRS, 2, run_one, NULL))
        return -1;
    evaluation_print(stdout, results, PAIRS);
    evaluation_summarize(&all, results, PAIRS, -1);
    for (int t = 0; t < EVALUATION_TONES; t++)
        evaluation_summarize(&tones[t], results, PAIRS, t);
    return evaluation_failures(stderr, results, PAIRS);
}

static void every_pair_has_a_number_and_a_verdict_that_lets_it_stand(void **state)
{
    (void)state;
    assert_int_equal(all.count, PAIRS);
    assert_int_equal(all.without_number, 0);
    assert_true(all.retake <= 0);
}

static void redness_and_pigment_read_the_same_on_every_tone(void **state)
{
    (void)state;
    assert_float_equal(all.ei_ratio, 1, 0.05);
    assert_float_equal(all.mi_ratio, 1, 0.05);
    for (int t = 0; t < EVALUATION_TONES; t++) {
        /* six ratios of delta_ei and three of delta_mi a tone scatter by 0.06: 0.025 and 0.035 of the mean */
        assert_float_equal(tones[t].ei_ratio / all.ei_ratio, 1, 0.05 + 0.05);
        assert_float_equal(tones[t].mi_ratio / all.mi_ratio, 1, 0.05 + 0.07);
    }
}

static void masks_fit_on_every_tone(void **state)
{
    (void)state;
    for (int t = 0; t < EVALUATION_TONES; t++) {
        assert_true(tones[t].skin_iou >= 0.90);
        assert_true(tones[t].erythema_dice >= 0.92);
        assert_true(tones[t].erythema_dice_5 >= 0.85);
        assert_true(tones[t].pigment_dice >= 0.88);
    }
}

static void unchanged_skin_of_every_tone_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(all.unchanged, 12);
    assert_int_equal(all.false_changed, 0);
    assert_true(all.false_marked < 0.5);
    for (int t = 0; t < EVALUATION_TONES; t++) /* two pairs each */
        assert_true(tones[t].false_marked < 1.0);
}

static void one_chromophore_is_not_read_as_the_other(void **state)
{
    (void)state;
    assert_true(all.cross_ei < 2 && all.cross_ei_max < 4);
    assert_true(all.cross_mi < 2 && all.cross_mi_max < 4);
}

static void intervals_hold_the_truth(void **state)
{
    (void)state;
    /* of 54 intervals that hold in 95 % all but six do so 98 times in 100 */
    const double held[] = {all.cover_ei, all.cover_mi, all.cover_red_score, all.cover_pig_score};
    for (int i = 0; i < 4; i++)
        assert_true(held[i] >= 100.0 * (PAIRS - 6) / PAIRS);
    assert_true(all.mdc_ei <= 1.5);
}

static void pinpoints_and_crust_are_counted(void **state)
{
    (void)state;
    assert_float_equal(all.pinpoint_ratio, 1, 0.2);
    assert_float_equal(all.crust_ratio, 1, 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_has_a_number_and_a_verdict_that_lets_it_stand),
        cmocka_unit_test(redness_and_pigment_read_the_same_on_every_tone),
        cmocka_unit_test(masks_fit_on_every_tone),
        cmocka_unit_test(unchanged_skin_of_every_tone_is_left_alone),
        cmocka_unit_test(one_chromophore_is_not_read_as_the_other),
        cmocka_unit_test(intervals_hold_the_truth),
        cmocka_unit_test(pinpoints_and_crust_are_counted),
    };
    return cmocka_run_group_tests(tests, run_pairs, NULL);
}
