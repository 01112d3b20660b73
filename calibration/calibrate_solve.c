#include "calibration/calibrate_solve.h"

#include <math.h>

bool rubor_cholesky(double *a, int n)
{
    for (int j = 0; j < n; j++) {
        double d = a[j * n + j];
        for (int k = 0; k < j; k++)
            d -= a[j * n + k] * a[j * n + k];
        if (!(d > 0.0) || !isfinite(d))
            return false;
        d = sqrt(d);
        a[j * n + j] = d;
        for (int i = j + 1; i < n; i++) {
            double s = a[i * n + j];
            for (int k = 0; k < j; k++)
                s -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = s / d;
        }
    }
    return true;
}

void rubor_cholesky_forward(double *b, const double *l, int n)
{
    for (int i = 0; i < n; i++) {
        double s = b[i];
        for (int k = 0; k < i; k++)
            s -= l[i * n + k] * b[k];
        b[i] = s / l[i * n + i];
    }
}

void rubor_cholesky_solve(double *b, const double *l, int n)
{
    rubor_cholesky_forward(b, l, n);
    for (int i = n - 1; i >= 0; i--) {
        double s = b[i];
        for (int k = i + 1; k < n; k++)
            s -= l[k * n + i] * b[k];
        b[i] = s / l[i * n + i];
    }
}

void rubor_cholesky_inverse(double *inverse, const double *l, int n)
{
    for (int column = 0; column < n; column++) {
        /* Column by column through the rows of the (symmetric) result, which are contiguous. */
        double *row = inverse + column * n;
        for (int i = 0; i < n; i++)
            row[i] = i == column ? 1.0 : 0.0;
        rubor_cholesky_solve(row, l, n);
    }
}
