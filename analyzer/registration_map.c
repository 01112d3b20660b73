#include "analyzer/registration.h"

typedef double pair __attribute__((vector_size(16))); /* x and y at once, with the same bits */
typedef float float_pair __attribute__((vector_size(8), aligned(4), may_alias));

static inline pair shift_at(const float of[2])
{
    return __builtin_convertvector(*(const float_pair *)of, pair);
}

/* Where a coordinate lies on the grid: between line and the next, *part of the way. */
static inline int line_at(double *part, double at, double size, double steps)
{
    double on_grid = (at + 0.5) / size * steps;
    on_grid = on_grid < 0 ? 0 : on_grid > steps ? steps : on_grid;
    int line = (int)on_grid, last = (int)steps - 1;
    line = line > last ? last : line;
    *part = on_grid - line;
    return line;
}

rubor_registration_row rubor_registration_row_at(const rubor_registration *registration, double y)
{
    const double *h = registration->homography;
    rubor_registration_row row = {.of = registration,
                                  .by_y = {h[1] * y, h[4] * y, h[7] * y},
                                  .width = registration->width,
                                  .steps = registration->grid_columns - 1,
                                  .grid = registration->grid_columns > 1 && registration->grid_rows > 1};
    if (row.grid)
        row.line = line_at(&row.part, y, registration->height, registration->grid_rows - 1);
    return row;
}

rubor_point rubor_registration_map_in(const rubor_registration_row *row, double x)
{
    const rubor_registration *r = row->of;
    const double *h = r->homography;
    const pair of_x = {h[0], h[3]}, of_y = {row->by_y[0], row->by_y[1]}, shift = {h[2], h[5]};
    pair to = (of_x * x + of_y + shift) / (h[6] * x + row->by_y[2] + h[8]);
    if (row->grid) {
        double fx, fy = row->part;
        int column = line_at(&fx, x, row->width, row->steps);
        const float(*upper)[2] = &r->grid[row->line][column], (*lower)[2] = upper + RUBOR_GRID;
        pair top = shift_at(upper[0]) * (1 - fx) + shift_at(upper[1]) * fx;
        pair bottom = shift_at(lower[0]) * (1 - fx) + shift_at(lower[1]) * fx;
        to += top * (1 - fy) + bottom * fy;
    }
    return (rubor_point){to[0], to[1]};
}

rubor_point rubor_registration_map(const rubor_registration *registration, rubor_point visit_px)
{
    rubor_registration_row row = rubor_registration_row_at(registration, visit_px.y);
    return rubor_registration_map_in(&row, visit_px.x);
}
