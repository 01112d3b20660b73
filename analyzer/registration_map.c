#include "analyzer/registration.h"

static void add_local(const rubor_registration *r, rubor_point p, rubor_point *to)
{
    double gx = (p.x + 0.5) / r->width * (r->grid_columns - 1);
    double gy = (p.y + 0.5) / r->height * (r->grid_rows - 1);
    gx = gx < 0 ? 0 : gx > r->grid_columns - 1 ? r->grid_columns - 1 : gx;
    gy = gy < 0 ? 0 : gy > r->grid_rows - 1 ? r->grid_rows - 1 : gy;
    int i = (int)gx, j = (int)gy;
    i = i > r->grid_columns - 2 ? r->grid_columns - 2 : i;
    j = j > r->grid_rows - 2 ? r->grid_rows - 2 : j;
    double fx = gx - i, fy = gy - j, shift[2];
    const float(*upper)[2] = &r->grid[j][i], (*lower)[2] = &r->grid[j + 1][i];
    for (int k = 0; k < 2; k++) {
        double top = upper[0][k] * (1 - fx) + upper[1][k] * fx;
        double bottom = lower[0][k] * (1 - fx) + lower[1][k] * fx;
        shift[k] = top * (1 - fy) + bottom * fy;
    }
    to->x += shift[0];
    to->y += shift[1];
}

rubor_point rubor_registration_map(const rubor_registration *registration, rubor_point visit_px)
{
    const double *h = registration->homography;
    double w = h[6] * visit_px.x + h[7] * visit_px.y + h[8];
    rubor_point to = {(h[0] * visit_px.x + h[1] * visit_px.y + h[2]) / w,
                      (h[3] * visit_px.x + h[4] * visit_px.y + h[5]) / w};
    if (registration->grid_columns > 1 && registration->grid_rows > 1)
        add_local(registration, visit_px, &to);
    return to;
}
