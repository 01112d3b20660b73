/* Planes, masks and the three image types.
 *
 * An encoded-sRGB image, an uncalibrated linear image and a calibrated linear image are three C types so
 * that the wrong one does not compile. All are row-major, tightly packed (stride == width), displayed
 * orientation (EXIF orientation already applied), origin top left, pixel (x, y) has its center at (x, y).
 *
 * Ownership: *_init allocates (zeroed), *_finish frees and zeroes; finish accepts NULL and a zeroed struct.
 * Errors: RUBOR_NO_MEMORY, RUBOR_TOO_LARGE (beyond RUBOR_LIMIT_PHOTO_PIXELS or a side limit).
 * Thread rule: no shared state; one image is written by one thread at a time. */
#ifndef RUBOR_IMAGING_IMAGE_H
#define RUBOR_IMAGING_IMAGE_H

#include "imaging/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct rubor_point {
    double x, y; /* pixels */
} rubor_point;

typedef struct rubor_polygon {
    size_t count; /* 0: none; else 3 .. RUBOR_LIMIT_POLYGON_POINTS */
    rubor_point points[256];
} rubor_polygon;

/* One float per pixel; unit named by the variable that holds it (_linear, _od, _px). NaN: not measured. */
typedef struct rubor_plane {
    int width, height;
    float *data;
} rubor_plane;

/* One byte per pixel: 0 outside, 255 inside; values between are soft borders where a header says so. */
typedef struct rubor_mask {
    int width, height;
    uint8_t *data;
} rubor_mask;

/* sRGB-encoded (IEC 61966-2-1) R,G,B interleaved, 0..65535. What a photo decodes to, after ICC -> sRGB.
 * Area averages were taken in linear light and encoded again. */
typedef struct rubor_image_encoded {
    int width, height;
    uint16_t *rgb;
} rubor_image_encoded;

/* Linear sRGB primaries, D65 white, relative to the perfect diffuser (a chart's white patch is about 0.91).
 * May hold values slightly below 0 or above 1. */
typedef struct rubor_image_calibrated {
    int width, height;
    float *plane[3]; /* R, G, B; one allocation, plane[0] owns it */
} rubor_image_calibrated;

/* All of it 0, as with the other types. */
rubor_status rubor_plane_init(rubor_plane *plane, int width, int height, rubor_error *error);
/* Not zeroed: for a plane of which the caller sets every value before one is read. */
rubor_status rubor_plane_reserve(rubor_plane *plane, int width, int height, rubor_error *error);
void rubor_plane_finish(rubor_plane *plane);
rubor_status rubor_mask_init(rubor_mask *mask, int width, int height, rubor_error *error);
void rubor_mask_finish(rubor_mask *mask);
rubor_status rubor_image_encoded_init(rubor_image_encoded *image, int width, int height, rubor_error *error);
void rubor_image_encoded_finish(rubor_image_encoded *image);
rubor_status rubor_image_calibrated_init(rubor_image_calibrated *image, int width, int height,
                                         rubor_error *error);
void rubor_image_calibrated_finish(rubor_image_calibrated *image);

/* Encodes for viewing, clamped to 0..1. Sizes must match. */
void rubor_image_encode_calibrated(rubor_image_encoded *out, const rubor_image_calibrated *image);

/* Parses "x,y x,y x,y ..." (finite decimal numbers, 3 to 256 points, separated by single or more spaces).
 * RUBOR_INVALID with what was wrong and where. */
rubor_status rubor_polygon_parse(rubor_polygon *out, const char *text, rubor_error *error);
/* Sets mask pixels whose centers lie inside the polygon (even-odd rule) to 255, others to 0. scale_x, scale_y
 * map polygon coordinates into mask coordinates: (p + 0.5) * scale - 0.5. */
void rubor_polygon_rasterize(rubor_mask *mask, const rubor_polygon *polygon, double scale_x, double scale_y);

#endif
