/* Arithmetic that gives the same bits on every CPU: only + - * / sqrt floor, in a fixed order. The C
 * library's exp, log, pow, sin and cos choose other roundings on CPUs with fused multiply-add, so a sample
 * may not use them. Relative error below 1e-14. Pure functions; a generator belongs to one caller. */
#ifndef RUBOR_SAMPLES_NUMERIC_H
#define RUBOR_SAMPLES_NUMERIC_H

#include <stdint.h>

double rubor_numeric_exp(double x);                     /* |x| < 700 */
double rubor_numeric_log(double x);                     /* x > 0, normal */
double rubor_numeric_log10(double x);                   /* x > 0, normal */
double rubor_numeric_pow(double base, double exponent); /* base >= 0 */
double rubor_numeric_sin_turns(double turns);           /* sin(2 pi turns) */
double rubor_numeric_cos_turns(double turns);
double rubor_numeric_clamp(double x, double low, double high);
/* 0 at and below low, 1 at and above high, smooth between. */
double rubor_numeric_smoothstep(double low, double high, double x);

/* SplitMix64 (Steele, Lea, Flood 2014): streams of one seed are independent of each other. */
typedef struct rubor_random {
    uint64_t state;
} rubor_random;

uint64_t rubor_mix64(uint64_t x);
rubor_random rubor_random_stream(uint64_t seed, uint64_t stream);
uint64_t rubor_random_next(rubor_random *random);
double rubor_random_uniform(rubor_random *random, double low, double high);
int rubor_random_below(rubor_random *random, int count); /* 0 .. count - 1 */
double rubor_random_normal(rubor_random *random);        /* mean 0, sd 1, |x| <= 6 */

/* Smooth value noise of unit lattice spacing, -1..1. */
float rubor_noise2(uint64_t seed, float x, float y);

#endif
