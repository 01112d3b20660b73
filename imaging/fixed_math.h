/* Elementary functions whose bits do not depend on the CPU. The C library chooses among versions with and
 * without fused multiply-add at run time, and their last bits differ; a fit that iterates on such values then
 * ends elsewhere. These use + - * / sqrt, frexp and ldexp only, in a fixed order. Relative error below 1e-15
 * (sine and cosine: absolute, for |x| below 1e4), checked in tests/unit/imaging/test_fixed_math.c. Pure
 * functions. */
#ifndef RUBOR_IMAGING_FIXED_MATH_H
#define RUBOR_IMAGING_FIXED_MATH_H

double rubor_exp(double x);
double rubor_log(double x); /* NaN below 0, -infinity at 0 */
double rubor_log10(double x);
double rubor_pow(double x, double y); /* x >= 0; error below 1e-15 * (1 + |y log x|) */
double rubor_cbrt(double x);
double rubor_sin(double x); /* radians */
double rubor_cos(double x);
double rubor_atan(double x);
double rubor_atan2(double y, double x); /* -pi .. pi; 0 for 0, 0 */

#endif
