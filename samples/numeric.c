#include "samples/numeric.h"

#include <math.h>
#include <stdbool.h>

static const double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;
static const double LN10 = 2.302585092994045684, TWO_PI = 6.283185307179586477;

double rubor_numeric_exp(double x)
{
    double k = floor(x / LN2_HIGH + 0.5);
    double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double sum = 1;
    for (int i = 14; i >= 1; i--)
        sum = 1 + sum * r / i;
    return ldexp(sum, (int)k);
}

double rubor_numeric_log(double x)
{
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int i = 25; i >= 1; i -= 2)
        sum = sum * square + 1.0 / i;
    return exponent * LN2_HIGH + (2 * s * sum + exponent * LN2_LOW);
}

double rubor_numeric_log10(double x)
{
    return rubor_numeric_log(x) / LN10;
}

double rubor_numeric_pow(double base, double exponent)
{
    return base > 0 ? rubor_numeric_exp(exponent * rubor_numeric_log(base)) : 0;
}

double rubor_numeric_sin_turns(double turns)
{
    double t = turns - floor(turns + 0.5); /* -0.5 .. 0.5 */
    if (t > 0.25)
        t = 0.5 - t;
    else if (t < -0.25)
        t = -0.5 - t;
    double x = TWO_PI * t, square = x * x, sum = 1;
    for (int i = 20; i >= 2; i -= 2)
        sum = 1 - sum * square / (i * (i + 1));
    return x * sum;
}

double rubor_numeric_cos_turns(double turns)
{
    return rubor_numeric_sin_turns(turns + 0.25);
}

double rubor_numeric_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

double rubor_numeric_smoothstep(double low, double high, double x)
{
    double t = rubor_numeric_clamp((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}

uint64_t rubor_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

rubor_random rubor_random_stream(uint64_t seed, uint64_t stream)
{
    rubor_random random = {rubor_mix64(seed + 0x9e3779b97f4a7c15u) ^
                           rubor_mix64(stream * 0xd1342543de82ef95u + 1)};
    return random;
}

uint64_t rubor_random_next(rubor_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return rubor_mix64(random->state);
}

double rubor_random_uniform(rubor_random *random, double low, double high)
{
    return low + (high - low) * ((double)(rubor_random_next(random) >> 11) * 0x1p-53);
}

int rubor_random_below(rubor_random *random, int count)
{
    return (int)((rubor_random_next(random) >> 33) % (uint64_t)count);
}

double rubor_random_normal(rubor_random *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += rubor_random_uniform(random, 0, 1);
    return sum;
}

static float lattice(uint64_t seed, int32_t x, int32_t y)
{
    uint32_t h = (uint32_t)seed ^ (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    h ^= h >> 15;
    return (float)(h >> 8) * (2.0f / 16777216.0f) - 1;
}

float rubor_noise2(uint64_t seed, float x, float y)
{
    float fx = floorf(x), fy = floorf(y);
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    float u = x - fx, v = y - fy;
    u = u * u * u * (u * (u * 6 - 15) + 10);
    v = v * v * v * (v * (v * 6 - 15) + 10);
    float a = lattice(seed, ix, iy), b = lattice(seed, ix + 1, iy);
    float c = lattice(seed, ix, iy + 1), d = lattice(seed, ix + 1, iy + 1);
    float top = a + u * (b - a), bottom = c + u * (d - c);
    return top + v * (bottom - top);
}
