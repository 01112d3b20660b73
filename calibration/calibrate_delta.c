/* CIEDE2000 (Sharma, Wu, Dalal 2005) as a vector: lightness, and the quadratic form of chroma and hue with
 * its rotation term written as a sum of two squares, so that least squares can minimize it. */
#include "calibration/calibrate_fit.h"

#include "imaging/fixed_math.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

static double pow7(double x)
{
    double x3 = x * x * x;
    return x3 * x3 * x;
}

void rubor_delta_e2000_vector(double out[3], rubor_lab one, rubor_lab other)
{
    const double pow25_7 = 6103515625.0;
    double mean_chroma = 0.5 * (hypot(one.a, one.b) + hypot(other.a, other.b));
    double c7 = pow7(mean_chroma);
    double stretch = 1.0 + 0.5 * (1.0 - sqrt(c7 / (c7 + pow25_7)));
    double a1 = one.a * stretch, a2 = other.a * stretch;
    double c1 = hypot(a1, one.b), c2 = hypot(a2, other.b);
    double h1 = rubor_atan2(one.b, a1), h2 = rubor_atan2(other.b, a2);
    double dh = h2 - h1, hm = 0.5 * (h1 + h2);
    if (dh > PI) {
        dh -= 2.0 * PI;
        hm += PI;
    } else if (dh < -PI) {
        dh += 2.0 * PI;
        hm += PI;
    }
    double lm = 0.5 * (one.L + other.L) - 50.0, cm = 0.5 * (c1 + c2);
    double t = 1.0 - 0.17 * rubor_cos(hm - PI / 6.0) + 0.24 * rubor_cos(2.0 * hm) +
               0.32 * rubor_cos(3.0 * hm + PI / 30.0) - 0.20 * rubor_cos(4.0 * hm - 63.0 * PI / 180.0);
    double sl = 1.0 + 0.015 * lm * lm / sqrt(20.0 + lm * lm);
    double sc = 1.0 + 0.045 * cm, sh = 1.0 + 0.015 * cm * t;
    double degrees = fmod(hm * 180.0 / PI + 720.0, 360.0);
    double bump = (degrees - 275.0) / 25.0;
    double cm7 = pow7(cm);
    double rotation = -2.0 * sqrt(cm7 / (cm7 + pow25_7)) * rubor_sin(PI / 3.0 * rubor_exp(-bump * bump));
    double chroma = (c2 - c1) / sc;
    double hue = 2.0 * sqrt(c1 * c2) * rubor_sin(0.5 * dh) / sh;
    out[0] = (other.L - one.L) / sl;
    out[1] = chroma + 0.5 * rotation * hue;
    out[2] = sqrt(fmax(0.0, 1.0 - 0.25 * rotation * rotation)) * hue;
}
