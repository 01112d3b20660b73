#include "calibration/calibration.h"
#include "samples/optics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { N = RUBOR_OPTICS_N, PEOPLE = 150 };

/* OD change x 100 of red, green and blue by one unit of EI of more blood, for the reference observer. */
static void blood_of(double od[3], const rubor_skin_optics *skin)
{
    double redder[N], before[3], after[3];
    for (int i = 0; i < N; i++)
        redder[i] = skin->base[i] * exp(-log(10) * 0.01 * skin->hemoglobin[i]);
    rubor_optics_linear(before, skin->base);
    rubor_optics_linear(after, redder);
    for (int c = 0; c < 3; c++)
        od[c] = 100 * log10(before[c] / after[c]);
}

/* tests/bench/second_renderer/blood_shape.py: root mean square around the assumed shape, of pairs of redder
 * and paler sites; red 0.083, green 0.089, blue 0.125. The renderer centers its people on that shape. */
static void blood_differs_between_people_as_measured(void **state)
{
    (void)state;
    static rubor_skin_optics skin;
    double sum[3] = {0}, squares[3] = {0};
    for (uint64_t seed = 0; seed < PEOPLE; seed++) {
        rubor_random random = rubor_random_stream(seed, 1);
        double od[3];
        rubor_skin_optics_make(&skin, &rubor_tones[seed % 6], &random);
        blood_of(od, &skin);
        assert_true(fabs(od[1] - od[0] - 1) < 0.05); /* a unit of EI */
        for (int c = 0; c < 3; c++) {
            sum[c] += od[c];
            squares[c] += od[c] * od[c];
        }
    }
    rubor_calibration none;
    rubor_directions assumed;
    rubor_calibration_none(&none);
    rubor_calibration_directions(&assumed, &none, NULL);
    const double measured[3] = {0.083, 0.089, 0.125};
    for (int c = 0; c < 3; c++) {
        double mean = sum[c] / PEOPLE, sd = sqrt(squares[c] / PEOPLE - mean * mean);
        double center = 100 * assumed.reference_hemoglobin[c];
        if (!(fabs(mean - center) < 0.5 * measured[c])) /* of medium skin, not of each tone */
            fail_msg("channel %d: mean %.3f where %.3f is assumed", c, mean, center);
        if (!(fabs(sd / measured[c] - 1) < 0.3))
            fail_msg("channel %d: mean %.3f, sd %.3f where %.3f is measured", c, mean, sd, measured[c]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blood_differs_between_people_as_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
