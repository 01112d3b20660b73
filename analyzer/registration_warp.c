#include "analyzer/registration.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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

enum { KNOT_STEP_PX = 8 }; /* between knots the map is straight to within 0.01 px */

/* Calls nothing per pixel: coordinates of one row between knots, by straight lines. */
static void map_row(const rubor_registration *r, int y, float *xs, float *ys)
{
    rubor_point a = rubor_registration_map(r, (rubor_point){0, y});
    for (int x0 = 0; x0 < r->width; x0 += KNOT_STEP_PX) {
        rubor_point b = rubor_registration_map(r, (rubor_point){x0 + KNOT_STEP_PX, y});
        double dx = (b.x - a.x) / KNOT_STEP_PX, dy = (b.y - a.y) / KNOT_STEP_PX;
        for (int k = 0; k < KNOT_STEP_PX && x0 + k < r->width; k++) {
            xs[x0 + k] = (float)(a.x + dx * k);
            ys[x0 + k] = (float)(a.y + dy * k);
        }
        a = b;
    }
}

static rubor_status row_buffers(rubor_plane *rows, const rubor_registration *r, rubor_error *error)
{
    assert(r->width > 0 && r->height > 0);
    return rubor_plane_init(rows, r->width, 2, error);
}

rubor_status rubor_registration_warp_plane(rubor_plane *out, const rubor_plane *baseline,
                                           const rubor_registration *registration, rubor_error *error)
{
    rubor_plane rows = {0};
    memset(out, 0, sizeof *out);
    rubor_status status = row_buffers(&rows, registration, error);
    if (!status)
        status = rubor_plane_init(out, registration->width, registration->height, error);
    for (int y = 0; y < registration->height && !status; y++) {
        float *line = out->data + (size_t)y * (size_t)out->width, *ys = rows.data + rows.width;
        map_row(registration, y, rows.data, ys);
        for (int x = 0; x < out->width; x++)
            line[x] = rubor_plane_sample(baseline, (double)rows.data[x], (double)ys[x]);
    }
    rubor_plane_finish(&rows);
    return status;
}

rubor_status rubor_registration_warp_mask(rubor_mask *out, const rubor_mask *baseline,
                                          const rubor_registration *registration, rubor_error *error)
{
    rubor_plane rows = {0};
    memset(out, 0, sizeof *out);
    rubor_status status = row_buffers(&rows, registration, error);
    if (!status)
        status = rubor_mask_init(out, registration->width, registration->height, error);
    for (int y = 0; y < registration->height && !status; y++) {
        uint8_t *line = out->data + (size_t)y * (size_t)out->width;
        float *ys = rows.data + rows.width;
        map_row(registration, y, rows.data, ys);
        for (int x = 0; x < out->width; x++) {
            float px = rows.data[x] + 0.5f, py = ys[x] + 0.5f;
            if (px >= 0 && py >= 0 && px < (float)baseline->width && py < (float)baseline->height)
                line[x] = baseline->data[(size_t)(int)py * (size_t)baseline->width + (size_t)(int)px];
        }
    }
    rubor_plane_finish(&rows);
    return status;
}
