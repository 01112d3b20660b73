#include "samples/view.h"

#include <string.h>

enum { STREAM_VIEW = 1000, STREAM_CHART = 7 };

void rubor_homography_apply(const double h[9], double *u, double *v, double x, double y)
{
    double z = h[6] * x + h[7] * y + h[8];
    *u = (h[0] * x + h[1] * y + h[2]) / z;
    *v = (h[3] * x + h[4] * y + h[5]) / z;
}

/* Adjugate; a homography's scale does not matter. */
static void invert(double out[9], const double a[9])
{
    out[0] = a[4] * a[8] - a[5] * a[7];
    out[1] = a[2] * a[7] - a[1] * a[8];
    out[2] = a[1] * a[5] - a[2] * a[4];
    out[3] = a[5] * a[6] - a[3] * a[8];
    out[4] = a[0] * a[8] - a[2] * a[6];
    out[5] = a[2] * a[3] - a[0] * a[5];
    out[6] = a[3] * a[7] - a[4] * a[6];
    out[7] = a[1] * a[6] - a[0] * a[7];
    out[8] = a[0] * a[4] - a[1] * a[3];
}

/* About a point: turn, zoom, then perspective (tilt per pixel), then shift. */
static void similarity(double h[9], double cx, double cy, double turns, double zoom, double tilt_x,
                       double tilt_y, double dx, double dy)
{
    double c = zoom * rubor_numeric_cos_turns(turns), s = zoom * rubor_numeric_sin_turns(turns);
    /* q = A (p - c); z = 1 + tilt . q; out = q / z + c + d */
    double a = cx + dx, b = cy + dy;
    double qx[3] = {c, -s, -c * cx + s * cy}, qy[3] = {s, c, -s * cx - c * cy}, z[3];
    for (int k = 0; k < 3; k++)
        z[k] = tilt_x * qx[k] + tilt_y * qy[k] + (k == 2 ? 1 : 0);
    for (int k = 0; k < 3; k++) {
        h[k] = qx[k] + a * z[k];
        h[3 + k] = qy[k] + b * z[k];
        h[6 + k] = z[k];
    }
}

/* tilt: of the camera, per pixel: it turns the chart as it turns the skin. */
static void draw_chart(rubor_view *view, const rubor_scene *scene, rubor_random *day, double closeness,
                       const double tilt[2])
{
    rubor_random random = rubor_random_stream(scene->options.seed, STREAM_CHART);
    double w = scene->width, h = scene->height;
    /* Gaps as measured on real charts: Classic 0.14 to 0.16 of the patch, Passport about 0.30 x 0.27. */
    bool passport = rubor_random_below(&random, 2) == 1;
    double gap_x = passport ? 0.30 : rubor_random_uniform(&random, 0.14, 0.16),
           gap_y = passport ? 0.27 : gap_x;
    view->fill[0] = 1 / (1 + gap_x);
    view->fill[1] = 1 / (1 + gap_y);
    memcpy(view->layout, passport ? "passport" : "classic", passport ? 9 : 8);
    double length = w * rubor_random_uniform(&random, 0.32, 0.36);
    if (length > 0.62 * h)
        length = 0.62 * h;
    double pitch = length / 6, half_x = length / 2 + 0.35 * pitch, half_y = pitch * 2 + 0.35 * pitch;
    double room = 0.02 * w;
    double cx = w - half_x - room - 0.01 * w * rubor_random_uniform(&random, 0, 1);
    double cy = h - half_y - room - 0.01 * w * rubor_random_uniform(&random, 0, 1);
    if (scene->flip_x)
        cx = w - 1 - cx;
    if (scene->flip_y)
        cy = h - 1 - cy;
    double turns = rubor_random_uniform(&random, -0.012, 0.012) + rubor_random_uniform(day, -0.004, 0.004);
    if (rubor_random_below(&random, 4) == 0)
        turns += 0.5; /* upside down */
    double tilt_x =
        rubor_random_uniform(&random, -0.12, 0.12) / w + rubor_random_uniform(day, -0.03, 0.03) / w;
    double tilt_y =
        rubor_random_uniform(&random, -0.12, 0.12) / w + rubor_random_uniform(day, -0.03, 0.03) / w;
    double jitter_x = 0.006 * w * rubor_random_uniform(day, -1, 1),
           jitter_y = 0.006 * w * rubor_random_uniform(day, -1, 1);
    tilt_x -= tilt[0] / closeness;
    tilt_y -= tilt[1] / closeness;
    cx = w / 2 + closeness * (cx + jitter_x - w / 2);
    cy = h / 2 + closeness * (cy + jitter_y - h / 2);
    double about[9];
    similarity(about, 0, 0, turns, pitch * closeness, tilt_x, tilt_y, cx, cy);
    /* plane (0..6, 0..4) -> centered (-3..3, -2..2) */
    for (int r = 0; r < 3; r++) {
        view->chart_to_photo[3 * r] = about[3 * r];
        view->chart_to_photo[3 * r + 1] = about[3 * r + 1];
        view->chart_to_photo[3 * r + 2] = about[3 * r + 2] - 3 * about[3 * r] - 2 * about[3 * r + 1];
    }
    invert(view->photo_to_chart, view->chart_to_photo);
    /* patches of 40 mm (Classic) and 12 mm (Passport) */
    view->mm_per_px = (passport ? 12.0 : 40.0) / (pitch * closeness * sqrt(view->fill[0] * view->fill[1]));
    double ex = (1 - view->fill[0]) / 2, ey = (1 - view->fill[1]) / 2;
    const double plane[4][2] = {{ex, ey}, {6 - ex, ey}, {6 - ex, 4 - ey}, {ex, 4 - ey}};
    for (int k = 0; k < 4; k++)
        rubor_homography_apply(view->chart_to_photo, &view->chart_corners[k].x, &view->chart_corners[k].y,
                               plane[k][0], plane[k][1]);
}

static void multiply(double out[9], const double a[9], const double b[9])
{
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            out[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
}

/* Focal length of the tilted camera in widths: a usual portrait lens. */
#define FOCAL 1.5

/* A plane facing the camera -> the same plane turned about the vertical through the center, its side of
 * positive x (toward = 1) or negative x (-1) away. */
static void turned_plane(double h[9], const rubor_scene *scene, double degrees, double toward)
{
    double w = scene->width, c = rubor_numeric_cos_turns(degrees / 360),
           s = toward * rubor_numeric_sin_turns(degrees / 360) / (FOCAL * w);
    double cx = w / 2, cy = scene->height / 2.0;
    double flat[9] = {c, 0, -c * cx, 0, 1, -cy, s, 0, 1 - s * cx};
    for (int k = 0; k < 3; k++) {
        h[k] = flat[k] + cx * flat[6 + k];
        h[3 + k] = flat[3 + k] + cy * flat[6 + k];
        h[6 + k] = flat[6 + k];
    }
}

double rubor_view_reach(const rubor_sample_options *o)
{
    double c = rubor_numeric_cos_turns(o->tilt_degrees / 360),
           s = rubor_numeric_sin_turns(o->tilt_degrees / 360) / FOCAL;
    double aspect = (double)o->height / o->width, far = 0.5 / (c - 0.5 * s), depth = 1 + far * s;
    double half = fmax(far, 0.5 * aspect * depth - 0.5 * aspect + 0.5) / o->closeness;
    return fmax(0, half - 0.5);
}

static void tilt_camera(rubor_view *view, const rubor_scene *scene, double degrees)
{
    double turned[9], back[9], flat[9], x, y;
    if (degrees <= 0)
        return;
    turned_plane(turned, scene, degrees, scene->flip_x ? -1 : 1);
    invert(back, turned);
    memcpy(flat, view->to_scene, sizeof flat);
    multiply(view->to_scene, flat, back);
    memcpy(flat, view->chart_to_photo, sizeof flat);
    rubor_homography_apply(flat, &x, &y, 3, 2);
    double z = turned[6] * x + turned[7] * y + turned[8];
    view->mm_per_px *= sqrt(z * z * z / rubor_numeric_cos_turns(degrees / 360));
    multiply(view->chart_to_photo, turned, flat);
    invert(view->photo_to_chart, view->chart_to_photo);
    for (int k = 0; k < 4; k++) {
        x = view->chart_corners[k].x;
        y = view->chart_corners[k].y;
        rubor_homography_apply(turned, &view->chart_corners[k].x, &view->chart_corners[k].y, x, y);
    }
}

void rubor_view_draw(rubor_view *out, const rubor_scene *scene, int day)
{
    *out = (rubor_view){.width = scene->width};
    const rubor_sample_options *o = &scene->options;
    rubor_random random = rubor_random_stream(o->seed, STREAM_VIEW + (uint64_t)(day + 1));
    double w = scene->width, size = day < 0 ? 0 : o->movement, tilt = day < 0 ? 0 : o->perspective;
    /* the photo before treatment defines the scene, up to a fraction of a pixel that samples it like the
     * others */
    double dx =
        size * 0.015 * w * rubor_random_uniform(&random, -1, 1) + rubor_random_uniform(&random, -0.5, 0.5);
    double dy =
        size * 0.015 * w * rubor_random_uniform(&random, -1, 1) + rubor_random_uniform(&random, -0.5, 0.5);
    double turns = size * 1.5 / 360 * rubor_random_uniform(&random, -1, 1);
    double zoom = 1 + size * 0.015 * rubor_random_uniform(&random, -1, 1);
    double closeness = day < 0 ? 1 : o->closeness;
    zoom /= closeness;
    double leans[2] = {tilt * 0.02 / w * rubor_random_uniform(&random, -1, 1),
                       tilt * 0.02 / w * rubor_random_uniform(&random, -1, 1)};
    similarity(out->to_scene, w / 2, scene->height / 2.0, turns, zoom, leans[0], leans[1], dx, dy);
    out->stretch_px = day < 0 ? 0 : o->stretch * 0.0015 * w;
    for (int axis = 0; axis < 2; axis++)
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 3; i++)
                out->wave[axis][k][i] = rubor_random_uniform(&random, i < 2 ? -1.2 : 0, i < 2 ? 1.2 : 1);
    draw_chart(out, scene, &random, closeness, leans);
    tilt_camera(out, scene, day < 0 ? 0 : o->tilt_degrees);
    if (!o->chart)
        memset(out->chart_corners, 0, sizeof out->chart_corners);
}

static void displacement(const rubor_view *view, double *dx, double *dy, double x, double y)
{
    double d[2];
    for (int axis = 0; axis < 2; axis++) {
        d[axis] = 0;
        for (int k = 0; k < 2; k++) {
            const double *wave = view->wave[axis][k];
            d[axis] += rubor_numeric_sin_turns((wave[0] * x + wave[1] * y) / view->width + wave[2]);
        }
    }
    *dx = 0.5 * view->stretch_px * d[0];
    *dy = 0.5 * view->stretch_px * d[1];
}

void rubor_view_to_scene(const rubor_view *view, double *sx, double *sy, double x, double y)
{
    double u, v, dx, dy;
    rubor_homography_apply(view->to_scene, &u, &v, x, y);
    displacement(view, &dx, &dy, u, v);
    *sx = u + dx;
    *sy = v + dy;
}

void rubor_view_to_photo(const rubor_view *view, double *x, double *y, double sx, double sy)
{
    double inverse[9], u = sx, v = sy;
    for (int i = 0; i < 12; i++) { /* u + d(u) = s: a contraction, the stretch is gentle */
        double dx, dy;
        displacement(view, &dx, &dy, u, v);
        u = sx - dx;
        v = sy - dy;
    }
    invert(inverse, view->to_scene);
    rubor_homography_apply(inverse, x, y, u, v);
}
