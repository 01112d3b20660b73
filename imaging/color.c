#include "imaging/color.h"

#include "imaging/fixed_math.h"

#include <math.h>

#define PI 3.14159265358979323846

static const double white_d65[3] = {0.95047, 1.0, 1.08883};
const double rubor_white_d50[3] = {0.96422, 1.0, 0.82521};

/* Computed in double from the sRGB primaries' chromaticities, the white points above and the Bradford cone
 * matrix, so that white maps to white exactly. */
static const double to_xyz[9] = {0.4124564390896922, 0.3575760776439089, 0.1804374832663989,
                                 0.2126728514056225, 0.7151521552878178, 0.07217499330655956,
                                 0.0193338955823293, 0.1191920258813029, 0.9503040785363677};
static const double from_xyz[9] = {3.240454162114105,   -1.537138512797716,  -0.4985314095560161,
                                   -0.9692660305051869, 1.876010845446694,   0.04155601753034984,
                                   0.05564343095911472, -0.2040259135167538, 1.057225188223179};
static const double d65_to_d50[9] = {1.047811243660631,     0.02288660248169291, -0.05012697596852886,
                                     0.02954239829057485,   0.9904844034904394,  -0.01704909562896155,
                                     -0.009234489723309473, 0.01504361679349874, 0.7521316354746059};
static const double d50_to_d65[9] = {0.955576615033105,    -0.02303934471607874, 0.06316363224980125,
                                     -0.02828954424355485, 1.009941617371114,    0.02100765499619034,
                                     0.01229816571720726,  -0.02048302523244941, 1.329909826449757};

static void multiply(double out[3], const double m[9], const double v[3])
{
    double a = v[0], b = v[1], c = v[2];
    for (int i = 0; i < 3; i++)
        out[i] = m[3 * i] * a + m[3 * i + 1] * b + m[3 * i + 2] * c;
}

double rubor_srgb_decode(double encoded)
{
    return encoded <= 0.04045 ? encoded / 12.92 : rubor_pow((encoded + 0.055) / 1.055, 2.4);
}

double rubor_srgb_encode(double linear)
{
    if (!(linear > 0))
        return 0;
    if (linear >= 1)
        return 1;
    return linear <= 0.0031308 ? linear * 12.92 : 1.055 * rubor_pow(linear, 1 / 2.4) - 0.055;
}

void rubor_linear_to_xyz(double xyz[3], const double rgb_linear[3])
{
    multiply(xyz, to_xyz, rgb_linear);
}

void rubor_xyz_to_linear(double rgb_linear[3], const double xyz[3])
{
    multiply(rgb_linear, from_xyz, xyz);
}

/* CIE 15:2018 equations 8.3 to 8.8: the exact fractions (6/29)^3 and (29/6)^2/3. */
static double lab_f(double t)
{
    return t > 216.0 / 24389.0 ? rubor_cbrt(t) : (24389.0 / 27.0 * t + 16) / 116;
}

static double lab_f_inverse(double f)
{
    return f > 6.0 / 29.0 ? f * f * f : (116 * f - 16) * 27.0 / 24389.0;
}

rubor_lab rubor_xyz_to_lab(const double xyz[3], const double white_xyz[3])
{
    double x = lab_f(xyz[0] / white_xyz[0]), y = lab_f(xyz[1] / white_xyz[1]),
           z = lab_f(xyz[2] / white_xyz[2]);
    return (rubor_lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static void lab_to_xyz(double xyz[3], rubor_lab lab, const double white_xyz[3])
{
    double y = (lab.L + 16) / 116;
    xyz[0] = white_xyz[0] * lab_f_inverse(y + lab.a / 500);
    xyz[1] = white_xyz[1] * lab_f_inverse(y);
    xyz[2] = white_xyz[2] * lab_f_inverse(y - lab.b / 200);
}

rubor_lab rubor_linear_to_lab_d65(const double rgb_linear[3])
{
    double xyz[3];
    rubor_linear_to_xyz(xyz, rgb_linear);
    return rubor_xyz_to_lab(xyz, white_d65);
}

rubor_lab rubor_linear_to_lab_d50(const double rgb_linear[3])
{
    double xyz[3];
    rubor_linear_to_xyz(xyz, rgb_linear);
    multiply(xyz, d65_to_d50, xyz);
    return rubor_xyz_to_lab(xyz, rubor_white_d50);
}

void rubor_lab_d50_to_linear(double rgb_linear[3], rubor_lab lab_d50)
{
    double xyz[3];
    lab_to_xyz(xyz, lab_d50, rubor_white_d50);
    multiply(xyz, d50_to_d65, xyz);
    rubor_xyz_to_linear(rgb_linear, xyz);
}

/* The library's hypot differs between versions. */
static double length(double a, double b)
{
    return sqrt(a * a + b * b);
}

static double hue_degrees(double a, double b)
{
    if (a == 0 && b == 0)
        return 0;
    double h = rubor_atan2(b, a) * 180 / PI;
    return h < 0 ? h + 360 : h;
}

static double cos_degrees(double degrees)
{
    return rubor_cos(degrees * PI / 180);
}

static double seventh_power_ratio(double chroma)
{
    double c2 = chroma * chroma, c7 = c2 * c2 * c2 * chroma;
    return sqrt(c7 / (c7 + 6103515625.0)); /* 25^7 */
}

/* Sharma, Wu, Dalal 2005, equations 2 to 22, with kL = kC = kH = 1. */
double rubor_delta_e2000(rubor_lab one, rubor_lab other)
{
    double mean_c = (length(one.a, one.b) + length(other.a, other.b)) / 2;
    double g = 0.5 * (1 - seventh_power_ratio(mean_c));
    double a1 = (1 + g) * one.a, a2 = (1 + g) * other.a;
    double c1 = length(a1, one.b), c2 = length(a2, other.b);
    double h1 = hue_degrees(a1, one.b), h2 = hue_degrees(a2, other.b);

    double dl = other.L - one.L, dc = c2 - c1, dh = 0, mean_h = h1 + h2;
    if (c1 * c2 != 0) {
        dh = h2 - h1;
        if (dh > 180)
            dh -= 360;
        else if (dh < -180)
            dh += 360;
        if (fabs(h1 - h2) <= 180)
            mean_h = (h1 + h2) / 2;
        else
            mean_h = h1 + h2 < 360 ? (h1 + h2 + 360) / 2 : (h1 + h2 - 360) / 2;
    }
    double big_dh = 2 * sqrt(c1 * c2) * rubor_sin(dh / 2 * PI / 180);

    double mean_l = (one.L + other.L) / 2, mean_cp = (c1 + c2) / 2;
    double t = 1 - 0.17 * cos_degrees(mean_h - 30) + 0.24 * cos_degrees(2 * mean_h) +
               0.32 * cos_degrees(3 * mean_h + 6) - 0.20 * cos_degrees(4 * mean_h - 63);
    double turn = 30 * rubor_exp(-((mean_h - 275) / 25) * ((mean_h - 275) / 25));
    double l50 = (mean_l - 50) * (mean_l - 50);
    double sl = 1 + 0.015 * l50 / sqrt(20 + l50), sc = 1 + 0.045 * mean_cp, sh = 1 + 0.015 * mean_cp * t;
    double rt = -rubor_sin(2 * turn * PI / 180) * 2 * seventh_power_ratio(mean_cp);
    double l = dl / sl, c = dc / sc, h = big_dh / sh;
    return sqrt(fmax(0, l * l + c * c + h * h + rt * c * h));
}

double rubor_ita(rubor_lab lab_d65)
{
    if (lab_d65.b == 0 && lab_d65.L == 50)
        return NAN;
    /* atan of the quotient, as published; b below 0 keeps the definition's sign. */
    return rubor_atan((lab_d65.L - 50) / lab_d65.b) * 180 / PI;
}
