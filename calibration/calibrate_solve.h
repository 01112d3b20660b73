/* Small dense symmetric systems with sums in a fixed order. Private to calibration/. Reentrant. */
#ifndef RUBOR_CALIBRATION_CALIBRATE_SOLVE_H
#define RUBOR_CALIBRATION_CALIBRATE_SOLVE_H

#include <stdbool.h>

double rubor_dot(const double *a, const double *b, int n);
/* Replaces the lower triangle of the symmetric n x n row-major matrix a by its Cholesky factor. False when a
 * is not positive definite. */
bool rubor_cholesky(double *a, int n);
/* Solves L L' x = b in place, l from rubor_cholesky. */
void rubor_cholesky_solve(double *b, const double *l, int n);
/* Solves L y = b in place. */
void rubor_cholesky_forward(double *b, const double *l, int n);
/* inverse = (L L')^-1, n x n. */
void rubor_cholesky_inverse(double *inverse, const double *l, int n);

#endif
