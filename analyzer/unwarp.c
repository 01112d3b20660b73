#include "analyzer/unwarp.h"

#include <math.h>

enum { KNOT_PX = 16, ROUNDS = 3 };

static bool invert(double out[9], const double h[9])
{
    double a = h[4] * h[8] - h[5] * h[7], b = h[5] * h[6] - h[3] * h[8], c = h[3] * h[7] - h[4] * h[6];
    double det = h[0] * a + h[1] * b + h[2] * c;
    if (!isfinite(det) || fabs(det) < 1e-12)
        return false;
    double adjugate[9] = {a, h[2] * h[7] - h[1] * h[8], h[1] * h[5] - h[2] * h[4],
                          b, h[0] * h[8] - h[2] * h[6], h[2] * h[3] - h[0] * h[5],
                          c, h[1] * h[6] - h[0] * h[7], h[0] * h[4] - h[1] * h[3]};
    for (int i = 0; i < 9; i++)
        out[i] = adjugate[i] / det;
    return true;
}

static rubor_point project(const double h[9], rubor_point p)
{
    double w = h[6] * p.x + h[7] * p.y + h[8];
    return (rubor_point){(h[0] * p.x + h[1] * p.y + h[2]) / w, (h[3] * p.x + h[4] * p.y + h[5]) / w};
}

/* Where a baseline point lies in the visit: the local part is small and smooth, so a few rounds settle. */
static rubor_point visit_point(const rubor_registration *r, const double inverse[9], rubor_point baseline)
{
    rubor_point at = project(inverse, baseline);
    for (int i = 0; i < ROUNDS && r->grid_columns > 1; i++) {
        rubor_point to = rubor_registration_map(r, at), flat = project(r->homography, at);
        at = project(inverse, (rubor_point){baseline.x - (to.x - flat.x), baseline.y - (to.y - flat.y)});
    }
    return at;
}

/* Between pixels by straight lines; black outside. */
static void sample(uint16_t out[3], const rubor_image_encoded *from, double x, double y)
{
    out[0] = out[1] = out[2] = 0;
    if (!(x >= 0 && y >= 0 && x <= from->width - 1 && y <= from->height - 1))
        return;
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < from->width ? x0 + 1 : x0, y1 = y0 + 1 < from->height ? y0 + 1 : y0;
    double fx = x - x0, fy = y - y0;
    const size_t width = (size_t)from->width;
    const uint16_t *top = from->rgb + 3 * (size_t)y0 * width, *bottom = from->rgb + 3 * (size_t)y1 * width;
    for (int c = 0; c < 3; c++) {
        double above = top[3 * x0 + c] * (1 - fx) + top[3 * x1 + c] * fx;
        double below = bottom[3 * x0 + c] * (1 - fx) + bottom[3 * x1 + c] * fx;
        out[c] = (uint16_t)(above * (1 - fy) + below * fy + 0.5);
    }
}

/* One row, its path through the visit in straight pieces between knots. */
static void fill_row(uint16_t *row, int count, const rubor_image_encoded *visit, const rubor_registration *r,
                     const double inverse[9], double scale, double y)
{
    rubor_point a = visit_point(r, inverse, (rubor_point){(0.5 * scale) - 0.5, y});
    for (int x0 = 0; x0 < count; x0 += KNOT_PX) {
        rubor_point b = visit_point(r, inverse, (rubor_point){(x0 + KNOT_PX + 0.5) * scale - 0.5, y});
        for (int k = 0; k < KNOT_PX && x0 + k < count; k++) {
            double t = (double)k / KNOT_PX;
            sample(row + 3 * (x0 + k), visit, a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t);
        }
        a = b;
    }
}

rubor_status rubor_unwarp_picture(rubor_image_encoded *out, const rubor_image_encoded *visit,
                                  const rubor_registration *registration, int width, int height,
                                  rubor_error *error)
{
    double inverse[9];
    if (!invert(inverse, registration->homography))
        return rubor_error_set(error, RUBOR_REFUSED, "the alignment cannot be turned around");
    int longer = width > height ? width : height;
    double scale = longer > RUBOR_UNWARP_SIDE ? (double)longer / RUBOR_UNWARP_SIDE : 1;
    int columns = (int)(width / scale + 0.5), rows = (int)(height / scale + 0.5);
    rubor_status status = rubor_image_encoded_init(out, columns, rows, error);
    for (int y = 0; status == RUBOR_OK && y < rows; y++)
        fill_row(out->rgb + 3 * (size_t)y * (size_t)columns, columns, visit, registration, inverse, scale,
                 (y + 0.5) * scale - 0.5);
    return status;
}
