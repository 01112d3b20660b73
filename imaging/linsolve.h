/* Small dense least squares with sums in a fixed order (Householder QR), so that results are the same bits
 * on every CPU. At most RUBOR_LINSOLVE_ROWS x RUBOR_LINSOLVE_COLUMNS; row-major. Reentrant. */
#ifndef RUBOR_IMAGING_LINSOLVE_H
#define RUBOR_IMAGING_LINSOLVE_H

#include "imaging/status.h"

enum { RUBOR_LINSOLVE_ROWS = 512, RUBOR_LINSOLVE_COLUMNS = 32 };

/* x minimizes |A x - b|; RUBOR_REFUSED when A is rank-deficient (relative diagonal below 1e-12). */
rubor_status rubor_least_squares(double *x, const double *a, const double *b, int rows, int columns,
                                 rubor_error *error);
/* Inverse of a symmetric positive definite n x n matrix (Cholesky), n <= RUBOR_LINSOLVE_COLUMNS. */
rubor_status rubor_spd_inverse(double *inverse, const double *a, int n, rubor_error *error);
void rubor_matrix3_multiply(double out[9], const double a[9], const double b[9]);
rubor_status rubor_matrix3_inverse(double out[9], const double a[9], rubor_error *error);

#endif
