#include "imaging/image.h"
#include "imaging/limits.h"
#include "imaging/number.h"
#include "imaging/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof((rubor_polygon *)0)->points / sizeof(rubor_point) == RUBOR_LIMIT_POLYGON_POINTS,
              "polygon size");

/* Beyond any photo; keeps the arithmetic of rasterizing finite. */
static size_t parse_number(double *out, const char *text)
{
    size_t used = rubor_number_parse(out, text);
    return used && fabs(*out) <= 1e9 ? used : 0;
}

static rubor_status parse_point(rubor_point *point, const char **cursor, const char *text, rubor_error *error)
{
    const char *at = *cursor;
    size_t used = parse_number(&point->x, at);
    if (!used)
        return rubor_error_set(error, RUBOR_INVALID,
                               "polygon: a number was expected at character %zu (\"%.12s\")",
                               (size_t)(at - text) + 1, at);
    at += used;
    if (*at != ',')
        return rubor_error_set(error, RUBOR_INVALID,
                               "polygon: ',' was expected at character %zu; write x,y x,y x,y",
                               (size_t)(at - text) + 1);
    at++;
    used = parse_number(&point->y, at);
    if (!used)
        return rubor_error_set(error, RUBOR_INVALID,
                               "polygon: a number was expected at character %zu (\"%.12s\")",
                               (size_t)(at - text) + 1, at);
    at += used;
    if (*at != ' ' && *at != '\0')
        return rubor_error_set(error, RUBOR_INVALID,
                               "polygon: a space between points was expected at character %zu (\"%.12s\")",
                               (size_t)(at - text) + 1, at);
    *cursor = at;
    return RUBOR_OK;
}

rubor_status rubor_polygon_parse(rubor_polygon *out, const char *text, rubor_error *error)
{
    *out = (rubor_polygon){0};
    rubor_polygon polygon = {0};
    const char *cursor = text;
    for (;;) {
        cursor += strspn(cursor, " ");
        if (!*cursor)
            break;
        if (polygon.count == RUBOR_LIMIT_POLYGON_POINTS)
            return rubor_error_set(error, RUBOR_INVALID, "polygon: more than %d points",
                                   RUBOR_LIMIT_POLYGON_POINTS);
        rubor_status status = parse_point(&polygon.points[polygon.count], &cursor, text, error);
        if (status)
            return status;
        polygon.count++;
    }
    if (polygon.count < 3)
        return rubor_error_set(error, RUBOR_INVALID,
                               "polygon: %zu points; at least 3 are needed (x,y x,y x,y)", polygon.count);
    *out = polygon;
    return RUBOR_OK;
}

/* The x of every edge crossed by the horizontal line y, sorted. Half-open edges: a vertex counts once. */
static size_t crossings(double *out, const rubor_polygon *polygon, double scale_x, double scale_y, double y)
{
    size_t count = 0;
    for (size_t i = 0; i < polygon->count; i++) {
        const rubor_point *p = &polygon->points[i], *q = &polygon->points[(i + 1) % polygon->count];
        double py = (p->y + 0.5) * scale_y - 0.5, qy = (q->y + 0.5) * scale_y - 0.5;
        if ((py <= y) == (qy <= y))
            continue;
        double px = (p->x + 0.5) * scale_x - 0.5, qx = (q->x + 0.5) * scale_x - 0.5;
        out[count++] = px + (y - py) / (qy - py) * (qx - px);
    }
    qsort(out, count, sizeof *out, rubor_compare_doubles);
    return count;
}

void rubor_polygon_rasterize(rubor_mask *mask, const rubor_polygon *polygon, double scale_x, double scale_y)
{
    size_t width = (size_t)mask->width;
    memset(mask->data, 0, width * (size_t)mask->height);
    if (polygon->count < 3)
        return;
    double x[RUBOR_LIMIT_POLYGON_POINTS];
    for (int row = 0; row < mask->height; row++) {
        size_t count = crossings(x, polygon, scale_x, scale_y, row);
        for (size_t i = 0; i + 1 < count; i += 2) {
            double from = fmax(ceil(x[i]), 0), to = fmin(ceil(x[i + 1]), mask->width);
            if (to > from)
                memset(mask->data + (size_t)row * width + (size_t)from, 255, (size_t)(to - from));
        }
    }
}
