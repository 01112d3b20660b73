/* What the photo decoders share (room-internal). */
#ifndef RUBOR_IMAGING_PHOTO_INTERNAL_H
#define RUBOR_IMAGING_PHOTO_INTERNAL_H

#include "imaging/photo.h"

/* Limits and dimensions of a declared size; before any allocation. */
rubor_status rubor_photo_check_size(uint64_t width, uint64_t height, rubor_error *error);

/* EXIF orientation (1..8) and DateTimeOriginal out of a TIFF-structured EXIF block ("Exif\0\0" stripped).
 * Leaves both untouched where absent or invalid. Never fails: broken EXIF does not make a photo unreadable.
 */
void rubor_exif_read(rubor_photo_info *info, const uint8_t *data, size_t size);

/* An ICC profile to sRGB. create returns NULL where nothing need or can be done: no profile, sRGB itself, or an
 * unusable profile; info->icc then says "invalid". levels is the number of values a channel can have: 256, 65536, or
 * 0 when only info is wanted (then NULL too). */
typedef struct rubor_icc rubor_icc;
rubor_icc *rubor_icc_create(rubor_photo_info *info, const uint8_t *data, size_t size, int levels);
void rubor_icc_destroy(rubor_icc **icc);
/* Profiles made of three curves and a matrix (those of cameras, phones and screens) are applied in linear light:
 * curve is channel c's linear light for value / (levels - 1), matrix leads from there to linear sRGB. matrix is NULL
 * for profiles made of tables. */
const float *rubor_icc_curve(const rubor_icc *icc, int channel);
const float *rubor_icc_matrix(const rubor_icc *icc);
/* Profiles made of tables: 16-bit encoded RGB in place, to sRGB. */
void rubor_icc_apply(const rubor_icc *icc, uint16_t *rgb, int pixels);

/* Displayed pixels of the region asked for, in stored (file) coordinates, and how to turn them. */
typedef struct rubor_decode_plan {
    rubor_photo_crop stored;     /* crop in stored full-resolution coordinates */
    int out_width, out_height;   /* displayed size of the result */
    int grid_width, grid_height; /* the same before turning (swapped for orientations 5 to 8) */
    int orientation;
} rubor_decode_plan;

/* What a decoder feeds: rows of width pixels, decoded at 1/unit, that hold the plan's crop; x and y are the
 * crop's place in them, in 1/unit of a fed pixel. Row 0 is the first row fed. */
typedef struct rubor_feed {
    int bits; /* 8: rubor_sink_row8; 16: rubor_sink_row16 */
    int width, unit, x, y;
} rubor_feed;

/* Takes stored rows (8 or 16 bit RGB), averages them to the plan's grid in linear light, turns them and
 * writes them into the picture. done is set once the picture is complete: rows below it need not be fed. */
typedef struct rubor_sink rubor_sink;
rubor_status rubor_sink_create(rubor_sink **out, rubor_image_encoded *picture, const rubor_decode_plan *plan,
                               const rubor_icc *icc, rubor_feed feed, rubor_error *error);
bool rubor_sink_done(const rubor_sink *sink);
void rubor_sink_destroy(rubor_sink **sink);
void rubor_sink_row8(rubor_sink *sink, const uint8_t *rgb);
void rubor_sink_row16(rubor_sink *sink, const uint16_t *rgb);

rubor_status rubor_jpeg_probe(rubor_photo_info *info, rubor_bytes bytes, rubor_error *error);
rubor_status rubor_png_probe(rubor_photo_info *info, rubor_bytes bytes, rubor_error *error);
/* picture is initialized by the caller to the plan's size. */
rubor_status rubor_jpeg_decode(rubor_image_encoded *picture, rubor_bytes bytes, const rubor_decode_plan *plan,
                               rubor_error *error);
rubor_status rubor_png_decode(rubor_image_encoded *picture, rubor_bytes bytes, const rubor_decode_plan *plan,
                              rubor_error *error);

#endif
