/* Decimal numbers as written in files and on command lines, whatever the locale. */
#ifndef RUBOR_IMAGING_NUMBER_H
#define RUBOR_IMAGING_NUMBER_H

#include <stddef.h>

/* Reads [+-]digits[.digits][e[+-]digits] at the start of text. Returns the characters used; 0 when there is
 * no number or it is over 1e300. No spaces, no hexadecimal, no "inf" or "nan". Correctly rounded (strtod). */
size_t rubor_number_parse(double *out, const char *text);

/* value with so many decimals (0 to 15), halves away from zero, never -0: the one rule for every number that is
 * shown or written, which the review page follows too (number in clients/web/review.js). What is not finite
 * stays as it is. */
double rubor_number_round(double value, int decimals);

#endif
