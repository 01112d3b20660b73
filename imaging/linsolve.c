#include "imaging/linsolve.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static bool all_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* One Householder step on column k of the m x (n + 1) matrix w (last column: right-hand side). Returns the
 * diagonal entry of R. */
static double reflect(double *w, size_t m, size_t stride, size_t k)
{
    double largest = 0;
    for (size_t i = k; i < m; i++)
        largest = fmax(largest, fabs(w[i * stride + k]));
    if (largest == 0)
        return 0;
    double sum = 0;
    for (size_t i = k; i < m; i++) {
        double v = w[i * stride + k] / largest;
        sum += v * v;
    }
    double norm = largest * sqrt(sum), head = w[k * stride + k];
    double diagonal = head > 0 ? -norm : norm;
    double beta = 1 / (norm * (norm + fabs(head))); /* 2 / (v'v) with v = x - diagonal * e1 */
    w[k * stride + k] = head - diagonal;
    for (size_t j = k + 1; j < stride; j++) {
        double dot = 0;
        for (size_t i = k; i < m; i++)
            dot += w[i * stride + k] * w[i * stride + j];
        dot *= beta;
        for (size_t i = k; i < m; i++)
            w[i * stride + j] -= dot * w[i * stride + k];
    }
    return diagonal;
}

rubor_status rubor_least_squares(double *x, const double *a, const double *b, int rows, int columns,
                                 rubor_error *error)
{
    assert(columns > 0 && columns <= RUBOR_LINSOLVE_COLUMNS && rows > 0 && rows <= RUBOR_LINSOLVE_ROWS);
    size_t m = (size_t)rows, n = (size_t)columns, stride = n + 1;
    if (m < n)
        return rubor_error_set(error, RUBOR_REFUSED, "%d equations do not determine %d unknowns", rows,
                               columns);
    if (!all_finite(a, m * n) || !all_finite(b, m))
        return rubor_error_set(error, RUBOR_REFUSED, "an equation holds a value that is not a number");
    double *w = malloc(m * stride * sizeof *w);
    if (!w)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for %d equations", rows);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++)
            w[i * stride + j] = a[i * n + j];
        w[i * stride + n] = b[i];
    }
    double diagonal[RUBOR_LINSOLVE_COLUMNS], largest = 0;
    for (size_t k = 0; k < n; k++) {
        diagonal[k] = reflect(w, m, stride, k);
        largest = fmax(largest, fabs(diagonal[k]));
    }
    rubor_status status = RUBOR_OK;
    for (size_t k = n; k-- > 0;) {
        if (!(fabs(diagonal[k]) > 1e-12 * largest)) {
            status =
                rubor_error_set(error, RUBOR_REFUSED, "the %d equations leave unknown %zu of %d undetermined",
                                rows, k + 1, columns);
            break;
        }
        double value = w[k * stride + n];
        for (size_t j = k + 1; j < n; j++)
            value -= w[k * stride + j] * x[j];
        x[k] = value / diagonal[k];
    }
    free(w);
    return status;
}

/* Lower triangle l with l l' = a. */
static bool cholesky(double *l, const double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= l[i * n + k] * l[j * n + k];
            if (i != j)
                l[i * n + j] = sum / l[j * n + j];
            else if (sum > 1e-14 * a[i * n + i] && isfinite(sum))
                l[i * n + i] = sqrt(sum);
            else
                return false;
        }
    return true;
}

rubor_status rubor_spd_inverse(double *inverse, const double *a, int size, rubor_error *error)
{
    assert(size > 0 && size <= RUBOR_LINSOLVE_COLUMNS);
    size_t n = (size_t)size;
    double l[RUBOR_LINSOLVE_COLUMNS * RUBOR_LINSOLVE_COLUMNS], column[RUBOR_LINSOLVE_COLUMNS];
    if (!cholesky(l, a, n))
        return rubor_error_set(error, RUBOR_REFUSED, "a %d x %d matrix is not positive definite", size, size);
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < n; i++) {
            double sum = i == c;
            for (size_t k = 0; k < i; k++)
                sum -= l[i * n + k] * column[k];
            column[i] = sum / l[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            double sum = column[i];
            for (size_t k = i + 1; k < n; k++)
                sum -= l[k * n + i] * column[k];
            column[i] = sum / l[i * n + i];
        }
        for (size_t i = 0; i <= c; i++) /* one triangle decides, so that the result is symmetric */
            inverse[i * n + c] = inverse[c * n + i] = column[i];
    }
    return RUBOR_OK;
}

void rubor_matrix3_multiply(double out[9], const double a[9], const double b[9])
{
    double result[9];
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            result[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    for (size_t i = 0; i < 9; i++)
        out[i] = result[i];
}

rubor_status rubor_matrix3_inverse(double out[9], const double a[9], rubor_error *error)
{
    double c[9] = {a[4] * a[8] - a[5] * a[7], a[2] * a[7] - a[1] * a[8], a[1] * a[5] - a[2] * a[4],
                   a[5] * a[6] - a[3] * a[8], a[0] * a[8] - a[2] * a[6], a[2] * a[3] - a[0] * a[5],
                   a[3] * a[7] - a[4] * a[6], a[1] * a[6] - a[0] * a[7], a[0] * a[4] - a[1] * a[3]};
    double determinant = a[0] * c[0] + a[1] * c[3] + a[2] * c[6], scale = 1;
    for (size_t i = 0; i < 3; i++)
        scale *= fmax(fabs(a[3 * i]), fmax(fabs(a[3 * i + 1]), fabs(a[3 * i + 2])));
    if (!(fabs(determinant) > 1e-12 * scale) || !isfinite(determinant))
        return rubor_error_set(error, RUBOR_REFUSED, "a 3 x 3 matrix has no inverse");
    for (size_t i = 0; i < 9; i++)
        out[i] = c[i] / determinant;
    return RUBOR_OK;
}
