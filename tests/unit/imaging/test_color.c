#include "imaging/color.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_near(value, expected, tolerance)                                                              \
    do {                                                                                                     \
        double v_ = (value), e_ = (expected);                                                                \
        if (!(fabs(v_ - e_) <= (tolerance)))                                                                 \
            fail_msg("%s is %.9g, expected %.9g", #value, v_, e_);                                           \
    } while (0)

/* The 34 pairs published with the paper (Sharma, Wu, Dalal 2005, table 1), chosen to catch wrong
 * implementations. */
static void ciede2000_of_the_published_pairs(void **state)
{
    (void)state;
    static const double pairs[34][7] = {{50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
                                        {50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615},
                                        {50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412},
                                        {50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000},
                                        {50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000},
                                        {50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000},
                                        {50, 0, 0, 50, -1, 2, 2.3669},
                                        {50, -1, 2, 50, 0, 0, 2.3669},
                                        {50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792},
                                        {50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792},
                                        {50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195},
                                        {50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195},
                                        {50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045},
                                        {50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045},
                                        {50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461},
                                        {50, 2.5, 0, 50, 0, -2.5, 4.3065},
                                        {50, 2.5, 0, 73, 25, -18, 27.1492},
                                        {50, 2.5, 0, 61, -5, 29, 22.8977},
                                        {50, 2.5, 0, 56, -27, -3, 31.9030},
                                        {50, 2.5, 0, 58, 24, 15, 19.4535},
                                        {50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000},
                                        {50, 2.5, 0, 50, 3.2972, 0, 1.0000},
                                        {50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000},
                                        {50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000},
                                        {60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644},
                                        {63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630},
                                        {61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731},
                                        {35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645},
                                        {22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373},
                                        {36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146},
                                        {90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441},
                                        {90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381},
                                        {6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377},
                                        {2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082}};
    for (size_t i = 0; i < 34; i++) {
        const double *p = pairs[i];
        rubor_lab one = {p[0], p[1], p[2]}, other = {p[3], p[4], p[5]};
        assert_near(rubor_delta_e2000(one, other), p[6], 5e-5);
        assert_near(rubor_delta_e2000(other, one), p[6], 5e-5);
        assert_near(rubor_delta_e2000(one, one), 0, 0);
    }
}

static void white_is_neutral_under_both_illuminants(void **state)
{
    (void)state;
    static const double grays[] = {1.0, 0.5, 0.18, 0.01, 0.001};
    for (size_t i = 0; i < sizeof grays / sizeof *grays; i++) {
        const double rgb[3] = {grays[i], grays[i], grays[i]};
        rubor_lab d65 = rubor_linear_to_lab_d65(rgb), d50 = rubor_linear_to_lab_d50(rgb);
        assert_near(d65.a, 0, 1e-9);
        assert_near(d65.b, 0, 1e-9);
        assert_near(d50.a, 0, 1e-9);
        assert_near(d50.b, 0, 1e-9);
        assert_near(d50.L, d65.L, 1e-9);
    }
    const double white[3] = {1, 1, 1};
    assert_near(rubor_linear_to_lab_d65(white).L, 100, 1e-9);
}

/* sRGB red, green and blue in Lab D65, as tabulated by Lindbloom's calculator. */
static void primaries_have_their_known_lab(void **state)
{
    (void)state;
    static const double expected[3][3] = {
        {53.2408, 80.0925, 67.2032}, {87.7347, -86.1827, 83.1793}, {32.2970, 79.1875, -107.8602}};
    for (int c = 0; c < 3; c++) {
        double rgb[3] = {c == 0, c == 1, c == 2};
        rubor_lab lab = rubor_linear_to_lab_d65(rgb);
        assert_near(lab.L, expected[c][0], 0.01);
        assert_near(lab.a, expected[c][1], 0.02);
        assert_near(lab.b, expected[c][2], 0.02);
    }
}

static void conversions_come_back_over_the_whole_range(void **state)
{
    (void)state;
    for (int i = 0; i < 21 * 21 * 21; i++) {
        double rgb[3] = {(i % 21 - 1) / 19.0, (i / 21 % 21 - 1) / 19.0,
                         (i / 441 - 1) / 19.0}; /* -0.05 .. 1 */
        double xyz[3], back[3];
        rubor_linear_to_xyz(xyz, rgb);
        rubor_xyz_to_linear(back, xyz);
        for (int c = 0; c < 3; c++)
            assert_near(back[c], rgb[c], 1e-12);
        rubor_lab_d50_to_linear(back, rubor_linear_to_lab_d50(rgb));
        for (int c = 0; c < 3; c++)
            assert_near(back[c], rgb[c], 1e-9);
    }
    for (int i = 0; i <= 1000; i++)
        assert_near(rubor_srgb_encode(rubor_srgb_decode(i / 1000.0)), i / 1000.0, 1e-7);
    assert_near(rubor_srgb_encode(-0.1), 0, 0);
    assert_near(rubor_srgb_encode(NAN), 0, 0);
    assert_near(rubor_srgb_encode(1.5), 1, 0);
    assert_near(rubor_srgb_decode(0.5), 0.21404114048223255, 1e-15);
}

static void ita_of_light_and_dark_skin(void **state)
{
    (void)state;
    assert_near(rubor_ita((rubor_lab){70, 8, 14}), 55.0079798, 1e-6);
    assert_near(rubor_ita((rubor_lab){50, 8, 14}), 0, 0);
    assert_near(rubor_ita((rubor_lab){30, 8, 12}), -59.0362435, 1e-6);
    assert_near(rubor_ita((rubor_lab){70, 8, 0}), 90, 1e-12);
    assert_true(isnan(rubor_ita((rubor_lab){50, 8, 0})));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ciede2000_of_the_published_pairs),
        cmocka_unit_test(white_is_neutral_under_both_illuminants),
        cmocka_unit_test(primaries_have_their_known_lab),
        cmocka_unit_test(conversions_come_back_over_the_whole_range),
        cmocka_unit_test(ita_of_light_and_dark_skin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
