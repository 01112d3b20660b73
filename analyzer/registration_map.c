#include "analyzer/registration.h"

typedef double pair __attribute__((vector_size(16))); /* x and y at once, with the same bits */

static inline pair shift_at(const float shift[2])
{
    return (pair){shift[0], shift[1]};
}

static inline pair local_shift(const rubor_registration *r, rubor_point p)
{
    double gx = (p.x + 0.5) / r->width * (r->grid_columns - 1);
    double gy = (p.y + 0.5) / r->height * (r->grid_rows - 1);
    gx = gx < 0 ? 0 : gx > r->grid_columns - 1 ? r->grid_columns - 1 : gx;
    gy = gy < 0 ? 0 : gy > r->grid_rows - 1 ? r->grid_rows - 1 : gy;
    int i = (int)gx, j = (int)gy;
    i = i > r->grid_columns - 2 ? r->grid_columns - 2 : i;
    j = j > r->grid_rows - 2 ? r->grid_rows - 2 : j;
    double fx = gx - i, fy = gy - j;
    const float(*upper)[2] = &r->grid[j][i], (*lower)[2] = &r->grid[j + 1][i];
    pair top = shift_at(upper[0]) * (1 - fx) + shift_at(upper[1]) * fx;
    pair bottom = shift_at(lower[0]) * (1 - fx) + shift_at(lower[1]) * fx;
    return top * (1 - fy) + bottom * fy;
}

rubor_point rubor_registration_map(const rubor_registration *registration, rubor_point visit_px)
{
    const double *h = registration->homography;
    const pair of_x = {h[0], h[3]}, of_y = {h[1], h[4]}, shift = {h[2], h[5]};
    pair to = (of_x * visit_px.x + of_y * visit_px.y + shift) / (h[6] * visit_px.x + h[7] * visit_px.y + h[8]);
    if (registration->grid_columns > 1 && registration->grid_rows > 1)
        to += local_shift(registration, visit_px);
    return (rubor_point){to[0], to[1]};
}
