/* Homographies between the chart plane and the picture. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

double rubor_cf_length(double dx, double dy)
{
    return sqrt(dx * dx + dy * dy);
}

void rubor_cf_project(double *x, double *y, const double h[9], double a, double b)
{
    double w = h[6] * a + h[7] * b + h[8];
    *x = (h[0] * a + h[1] * b + h[2]) / w;
    *y = (h[3] * a + h[4] * b + h[5]) / w;
}

void rubor_cf_matrix_multiply(double out[9], const double a[9], const double b[9])
{
    double r[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            r[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    memcpy(out, r, sizeof r);
}

bool rubor_cf_matrix_invert(double out[9], const double a[9])
{
    double c0 = a[4] * a[8] - a[5] * a[7], c1 = a[5] * a[6] - a[3] * a[8], c2 = a[3] * a[7] - a[4] * a[6];
    double det = a[0] * c0 + a[1] * c1 + a[2] * c2;
    if (!(fabs(det) > 1e-30))
        return false;
    double r[9] = {c0, a[2] * a[7] - a[1] * a[8], a[1] * a[5] - a[2] * a[4],
                   c1, a[0] * a[8] - a[2] * a[6], a[2] * a[3] - a[0] * a[5],
                   c2, a[1] * a[6] - a[0] * a[7], a[0] * a[4] - a[1] * a[3]};
    for (int i = 0; i < 9; i++)
        out[i] = r[i] / det;
    return true;
}

bool rubor_cf_solve(double *a, double *b, int n)
{
    for (int k = 0; k < n; k++) {
        int best = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[best * n + k]))
                best = i;
        if (!(fabs(a[best * n + k]) > 1e-12))
            return false;
        if (best != k) {
            for (int j = 0; j < n; j++) {
                double t = a[k * n + j];
                a[k * n + j] = a[best * n + j];
                a[best * n + j] = t;
            }
            double t = b[k];
            b[k] = b[best];
            b[best] = t;
        }
        for (int i = k + 1; i < n; i++) {
            double f = a[i * n + k] / a[k * n + k];
            for (int j = k; j < n; j++)
                a[i * n + j] -= f * a[k * n + j];
            b[i] -= f * b[k];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        for (int j = k + 1; j < n; j++)
            b[k] -= a[k * n + j] * b[j];
        b[k] /= a[k * n + k];
    }
    return true;
}

/* One equation: sum row[i] h[i] = value. */
static void accumulate(double *normal, double *right, const double row[8], double value, double weight)
{
    for (int i = 0; i < 8; i++) {
        if (row[i] == 0)
            continue;
        for (int j = 0; j < 8; j++)
            normal[8 * i + j] += weight * row[i] * row[j];
        right[i] += weight * row[i] * value;
    }
}

static double square(double x)
{
    return x * x;
}

bool rubor_cf_homography_fit(double h[9], const double (*ab)[2], const double (*xy)[2], const double *weight,
                             int count)
{
    double sum_w = 0, mean[4] = {0, 0, 0, 0}, spread_ab = 0, spread_xy = 0;
    for (int i = 0; i < count; i++) {
        double w = weight ? weight[i] : 1.0;
        sum_w += w;
        mean[0] += w * ab[i][0];
        mean[1] += w * ab[i][1];
        mean[2] += w * xy[i][0];
        mean[3] += w * xy[i][1];
    }
    if (count < 4 || !(sum_w > 0))
        return false;
    for (int k = 0; k < 4; k++)
        mean[k] /= sum_w;
    for (int i = 0; i < count; i++) {
        double w = weight ? weight[i] : 1.0;
        spread_ab += w * (square(ab[i][0] - mean[0]) + square(ab[i][1] - mean[1]));
        spread_xy += w * (square(xy[i][0] - mean[2]) + square(xy[i][1] - mean[3]));
    }
    if (!(spread_ab > 0 && spread_xy > 0))
        return false;
    double scale = sqrt(spread_ab / spread_xy); /* px -> about one per pitch */
    double normal[64] = {0}, right[8] = {0};
    for (int i = 0; i < count; i++) {
        double w = weight ? weight[i] : 1.0;
        double a = ab[i][0] - mean[0], b = ab[i][1] - mean[1];
        double x = (xy[i][0] - mean[2]) * scale, y = (xy[i][1] - mean[3]) * scale;
        double row_x[8] = {a, b, 1, 0, 0, 0, -x * a, -x * b};
        double row_y[8] = {0, 0, 0, a, b, 1, -y * a, -y * b};
        accumulate(normal, right, row_x, x, w);
        accumulate(normal, right, row_y, y, w);
    }
    /* prior: position noise of 0.03 pitch against perspective of about 0.03 per pitch */
    normal[54] += 1.0;
    normal[63] += 1.0;
    if (!rubor_cf_solve(normal, right, 8))
        return false;
    double core[9] = {right[0], right[1], right[2], right[3], right[4], right[5], right[6], right[7], 1};
    double to_px[9] = {1 / scale, 0, mean[2], 0, 1 / scale, mean[3], 0, 0, 1};
    double to_center[9] = {1, 0, -mean[0], 0, 1, -mean[1], 0, 0, 1};
    double t[9];
    rubor_cf_matrix_multiply(t, to_px, core);
    rubor_cf_matrix_multiply(h, t, to_center);
    return true;
}
