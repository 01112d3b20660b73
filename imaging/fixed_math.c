#include "imaging/fixed_math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define PI 3.14159265358979323846
#define LN2_HIGH 0x1.62e42fefa38p-1 /* the last bits are 0, so that a multiple up to 2048 is exact */
#define LN2_LOW 0x1.ef35793c7673p-45
#define LN10 0x1.26bb1bbb55516p+1 /* rubor_log(10), to the bit */
#define HALF_PI_HIGH 0x1.921fb544p+0
#define HALF_PI_LOW 0x1.0b4611a626331p-34

/* 2^k for a normal result */
static double two_to(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

/* sum of r^k / k!, in pairs so that the additions do not wait for each other */
static double exponential_of(double r)
{
    double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    double a = (1 + r) + r2 * (0.5 + r * 0.16666666666666666);
    double b = (0.041666666666666664 + r * 0.008333333333333333) +
               r2 * (0.001388888888888889 + r * 0.0001984126984126984);
    double c = (2.48015873015873e-05 + r * 2.7557319223985893e-06) +
               r2 * (2.755731922398589e-07 + r * 2.505210838544172e-08);
    double d = (2.08767569878681e-09 + r * 1.6059043836821613e-10) + r2 * 1.1470745597729725e-11;
    return a + (r4 * b + r8 * (c + r4 * d));
}

double rubor_exp(double x)
{
    if (!(x < 709.78))
        return x == x ? INFINITY : x;
    if (x < -745)
        return 0;
    double k = floor(x / 0.69314718055994530942 + 0.5);
    double r = x - k * LN2_HIGH - k * LN2_LOW; /* within 0.347 */
    double sum = exponential_of(r);
    return k > -1000 && k < 1000 ? sum * two_to((int)k) : ldexp(sum, (int)k);
}

/* (atanh(s) - s) / s by its series in t = s^2 */
static double atanh_rest(double t)
{
    double t2 = t * t, t4 = t2 * t2;
    double a = (0.3333333333333333 + t * 0.2) + t2 * (0.14285714285714285 + t * 0.1111111111111111);
    double b = (0.09090909090909091 + t * 0.07692307692307693) +
               t2 * (0.06666666666666667 + t * 0.058823529411764705);
    double c = (0.05263157894736842 + t * 0.047619047619047616) + t2 * 0.043478260869565216;
    return t * (a + t4 * (b + t4 * c));
}

/* x = 2^e m, ln m = 2 atanh((m - 1) / (m + 1)) by its series. */
double rubor_log(double x)
{
    if (!(x > 0))
        return x == 0 ? -INFINITY : NAN;
    if (x > 1.7976931348623157e308)
        return x;
    int exponent;
    double m; /* 0.5 .. 1 */
    if (x > 1e-300) {
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        exponent = (int)(bits >> 52) - 1022;
        bits = (bits & 0xfffffffffffffu) | (uint64_t)1022 << 52;
        memcpy(&m, &bits, sizeof m);
    } else {
        m = frexp(x, &exponent);
    }
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1); /* |s| below 0.172 */
    return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * (s + s * atanh_rest(s * s)));
}

double rubor_log10(double x)
{
    return rubor_log(x) / 2.30258509299404568402;
}

double rubor_pow(double x, double y)
{
    if (y == 0)
        return 1;
    return x == 0 ? (y > 0 ? 0 : INFINITY) : rubor_exp(y * (x == 10 ? LN10 : rubor_log(x)));
}

double rubor_cbrt(double x)
{
    if (x == 0 || x != x)
        return x;
    double a = fabs(x);
    if (a > 1.7976931348623157e308)
        return x;
    int exponent;
    double m = frexp(a, &exponent);
    int third = exponent / 3, left = exponent - 3 * third;
    m = ldexp(m, left); /* 1/8 .. 4 */
    double y = rubor_exp(rubor_log(m) / 3);
    y -= (y * y * y - m) / (3 * y * y);
    return ldexp(x < 0 ? -y : y, third);
}

/* Within a quarter turn, by Taylor's series. */
static double sine_of(double r)
{
    double t = r * r, sum = 0;
    for (int i = 19; i >= 3; i -= 2)
        sum = -(1 + sum) * t / (i * (i - 1));
    return r + r * sum;
}

static double cosine_of(double r)
{
    double t = r * r, sum = 0;
    for (int i = 20; i >= 2; i -= 2)
        sum = -(1 + sum) * t / (i * (i - 1));
    return 1 + sum;
}

static double quarter_sine(double x, int quarter)
{
    if (!(fabs(x) < 1e9))
        return NAN;
    double k = floor(x / (PI / 2) + 0.5);
    double r = x - k * HALF_PI_HIGH - k * HALF_PI_LOW;
    int turn = (int)(k - 4 * floor(k / 4)) + quarter;
    double value = turn % 2 ? cosine_of(r) : sine_of(r);
    return turn % 4 >= 2 ? -value : value;
}

double rubor_sin(double x)
{
    return quarter_sine(x, 0);
}

double rubor_cos(double x)
{
    return quarter_sine(x, 1);
}

/* Two halvings of the angle bring it below 0.2, then the series. */
double rubor_atan(double x)
{
    if (x != x)
        return x;
    double a = fabs(x);
    double t = a > 1 ? 1 / a : a;
    t = t / (1 + sqrt(1 + t * t));
    t = t / (1 + sqrt(1 + t * t));
    double u = t * t, sum = 0;
    for (int i = 25; i >= 3; i -= 2)
        sum = -(1.0 / i + sum) * u;
    double angle = 4 * (t + t * sum);
    angle = a > 1 ? PI / 2 - angle : angle;
    return x < 0 ? -angle : angle;
}

double rubor_atan2(double y, double x)
{
    if (x == 0)
        return y == 0 ? 0 : y > 0 ? PI / 2 : y < 0 ? -PI / 2 : y;
    double angle = rubor_atan(y / x);
    return x > 0 ? angle : y >= 0 ? angle + PI : angle - PI;
}
