#include "analyzer/registration_internal.h"

#include "imaging/linsolve.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Residuals beyond this many times their usual size count little: pinpoint bleeding, crust and hairs come and
 * go. */
static const double robust_factor = 2;
/* At most about this many pixels are looked at on a level. */
enum { ALIGN_SAMPLES = 24000 };

void rubor_warp_init(rubor_warp *warp, const double h[9], const rubor_structure_pyramid *of)
{
    memset(warp, 0, sizeof *warp);
    memcpy(warp->h, h, sizeof warp->h);
    warp->unit_width = of->image_width / of->side;
    warp->unit_height = of->image_height / of->side;
}

static rubor_pair grid_shift(const rubor_warp *warp, double x, double y)
{
    double gx = (x / warp->unit_width + 0.5) * (warp->columns - 1);
    double gy = (y / warp->unit_height + 0.5) * (warp->rows - 1);
    gx = gx < 0 ? 0 : gx > warp->columns - 1 ? warp->columns - 1 : gx;
    gy = gy < 0 ? 0 : gy > warp->rows - 1 ? warp->rows - 1 : gy;
    int i = (int)gx, j = (int)gy;
    i = i > warp->columns - 2 ? warp->columns - 2 : i;
    j = j > warp->rows - 2 ? warp->rows - 2 : j;
    return rubor_between_nodes(&warp->grid[j][i], &warp->grid[j + 1][i], gx - i, gy - j);
}

rubor_pair rubor_warp_apply(const rubor_warp *warp, double x, double y)
{
    rubor_pair to = rubor_project(warp->h, x, y);
    if (warp->columns > 1)
        to += grid_shift(warp, x, y);
    return to;
}

int rubor_structure_stride(const rubor_structure *level, size_t samples)
{
    int stride = 1;
    while (level->valid_count / ((size_t)stride * (size_t)stride) > samples)
        stride++;
    return stride;
}

/* Lower triangle of a += w j j', two columns at a time (so a little of the upper one, too); b += w r j. */
static inline void add_equation(double a[64], double b[8], const double j[8], double w, double r,
                                int parameters)
{
    for (int k = 0; k < parameters; k++) {
        double wk = w * j[k];
        b[k] += wk * r;
        for (int m = 0; m <= k; m += 2)
            *(rubor_pair *)(a + k * 8 + m) += wk * *(const rubor_pair *)(j + m);
    }
}

/* One pass over the level: normal equations of the parameters' change. *residual: the mean square to weigh
 * by, then that of this pass. Returns the pixels used. */
static size_t accumulate(double a[64], double b[8], double *residual, const rubor_warp *warp,
                         const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline,
                         int level, int parameters)
{
    const rubor_structure *v = &visit->level[level], *o = &baseline->level[level];
    rubor_unit_scale from = rubor_unit_scale_of(visit, level), to = rubor_unit_scale_of(baseline, level);
    int stride = rubor_structure_stride(v, ALIGN_SAMPLES);
    size_t used = 0;
    double robust = 1 / (robust_factor * robust_factor * *residual), sum = 0;
    memset(a, 0, 64 * sizeof *a);
    memset(b, 0, 8 * sizeof *b);
    for (int y = 0; y < v->height; y += stride)
        for (int x = 0; x < v->width; x += stride) {
            size_t i = (size_t)y * (size_t)v->width + (size_t)x;
            if (!v->valid[i])
                continue;
            rubor_point u = rubor_to_unit(&from, x, y);
            rubor_pair q = rubor_warp_apply(warp, u.x, u.y);
            rubor_value s;
            if (!rubor_structure_sample(o, rubor_from_unit(&to, q), &s))
                continue;
            double r = v->s[i] - s[0], t = 1 + r * r * robust, weight = 1 / (t * t);
            double w = 1 / (warp->h[6] * u.x + warp->h[7] * u.y + 1), gx = s[1] * to.inverse * w,
                   gy = s[2] * to.inverse * w;
            double along = -(gx * q[0] + gy * q[1]);
            const double j[8] = {gx * u.x, gx * u.y, gx, gy * u.x, gy * u.y, gy, along * u.x, along * u.y};
            if (parameters == 8)
                add_equation(a, b, j, weight, r, 8);
            else
                add_equation(a, b, j, weight, r, 6);
            sum += r * r < 9 ? r * r : 9;
            used++;
        }
    *residual = used && sum > 0.05 * (double)used ? sum / (double)used : 0.05;
    return used;
}

/* A camera held by hand does not mirror, nor zoom by more than two, nor tilt beyond this. */
static bool plausible(const double h[9])
{
    double determinant = h[0] * h[4] - h[1] * h[3];
    return determinant > 0.35 && determinant < 2.8 && fabs(h[6]) + fabs(h[7]) < 0.8 && fabs(h[2]) < 0.8 &&
           fabs(h[5]) < 0.8;
}

void rubor_align_refine(rubor_warp *warp, const rubor_structure_pyramid *visit,
                        const rubor_structure_pyramid *baseline, int level, bool full, int iterations)
{
    int parameters = full ? 8 : 6;
    double residual = 1; /* mean square; each pass weighs by that of the one before */
    for (int iteration = 0; iteration < iterations; iteration++) {
        double a[64], b[8], small[64], inverse[64], next[9];
        if (accumulate(a, b, &residual, warp, visit, baseline, level, parameters) < 50)
            return;
        double trace = 0;
        for (int k = 0; k < 6; k++)
            trace += a[k * 8 + k];
        for (int k = 0; k < parameters; k++)
            for (int m = 0; m < parameters; m++)
                small[k * parameters + m] =
                    (m <= k ? a[k * 8 + m] : a[m * 8 + k]) + (m == k ? 1e-5 * trace : 0);
        if (rubor_spd_inverse(inverse, small, parameters, NULL))
            return;
        memcpy(next, warp->h, sizeof next);
        double largest = 0;
        for (int k = 0; k < parameters; k++) {
            double step = 0;
            for (int m = 0; m < parameters; m++)
                step += inverse[k * parameters + m] * b[m];
            next[k] += step;
            largest = fabs(step) > largest ? fabs(step) : largest;
        }
        if (!plausible(next))
            return;
        memcpy(warp->h, next, sizeof next);
        if (largest < 1e-5)
            return;
    }
}

double rubor_align_correlation(const rubor_warp *warp, const rubor_structure_pyramid *visit,
                               const rubor_structure_pyramid *baseline, int level, size_t *pixels)
{
    const rubor_structure *v = &visit->level[level], *o = &baseline->level[level];
    rubor_unit_scale from = rubor_unit_scale_of(visit, level), to = rubor_unit_scale_of(baseline, level);
    int stride = rubor_structure_stride(v, ALIGN_SAMPLES);
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int y = 0; y < v->height; y += stride)
        for (int x = 0; x < v->width; x += stride) {
            size_t i = (size_t)y * (size_t)v->width + (size_t)x;
            rubor_value s;
            if (!v->valid[i])
                continue;
            rubor_point u = rubor_to_unit(&from, x, y);
            if (!rubor_structure_sample(o, rubor_from_unit(&to, rubor_warp_apply(warp, u.x, u.y)), &s))
                continue;
            n++;
            a += v->s[i];
            b += s[0];
            aa += v->s[i] * v->s[i];
            bb += s[0] * s[0];
            ab += v->s[i] * s[0];
        }
    *pixels = (size_t)n * (size_t)stride * (size_t)stride;
    if (n < 30)
        return 0;
    double va = aa - a * a / n, vb = bb - b * b / n;
    return va > 0 && vb > 0 ? (ab - a * b / n) / sqrt(va * vb) : 0;
}
