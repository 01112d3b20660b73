/* Reading photographs: JPEG (8 bit; gray, CMYK and arithmetic coding refused) and PNG (8 and 16 bit RGB/RGBA/palette).
 *
 * The format is told from the bytes, never from the name. Limits of imaging/limits.h are checked before any
 * allocation. ICC profiles are applied (lcms2, perceptual intent, to sRGB); EXIF orientation is applied
 * (libexif). Nothing here reads files or the network except rubor_file_read.
 *
 * Thread rule: reentrant. Untrusted bytes: safe to call, but run it in a child with rlimits and seccomp when
 * the bytes came from the network (workers/ does). */
#ifndef RUBOR_IMAGING_PHOTO_H
#define RUBOR_IMAGING_PHOTO_H

#include "imaging/image.h"

typedef enum rubor_photo_format { RUBOR_FORMAT_JPEG = 1, RUBOR_FORMAT_PNG = 2 } rubor_photo_format;

typedef struct rubor_photo_info {
    rubor_photo_format format;
    int width, height;   /* px, as displayed (orientation applied), full resolution */
    int orientation;     /* EXIF 1..8; 1 where absent or invalid */
    int bits;            /* per channel in the file: 8 or 16 */
    bool icc_present;
    char icc[64];        /* profile description, "" where absent */
    char captured_at[32]; /* "YYYY-MM-DDTHH:MM:SS" from EXIF DateTimeOriginal, "" where absent or invalid */
} rubor_photo_info;

/* A borrowed view of an encoded file. */
typedef struct rubor_bytes {
    const uint8_t *data;
    size_t size;
} rubor_bytes;

typedef struct rubor_photo_crop {
    int x, y, width, height; /* px in displayed full resolution; clipped to the photo */
} rubor_photo_crop;

typedef struct rubor_decode_options {
    int max_pixels;         /* of the result; 0: RUBOR_WORKING_PIXELS. The photo is never enlarged. */
    rubor_photo_crop crop;  /* width 0: the whole photo */
} rubor_decode_options;

/* Header only. RUBOR_UNSUPPORTED (not JPEG/PNG, gray, CMYK, animated...), RUBOR_CORRUPT, RUBOR_TOO_LARGE. */
rubor_status rubor_photo_probe(rubor_photo_info *out, rubor_bytes bytes, rubor_error *error);

/* Decodes straight to the working size (scaled decoding, then area averaging in linear light per band of
 * rows); *out is initialized by this call and finished by the caller. A truncated or damaged entropy stream
 * is RUBOR_CORRUPT, not a half-gray picture. options may be NULL. The result's scale against the crop is
 * out->width / crop.width, the same in both axes to within rounding to whole pixels. */
rubor_status rubor_photo_decode(rubor_image_encoded *out, rubor_bytes bytes,
                                const rubor_decode_options *options, rubor_error *error);

/* Reads a regular file of at most limit bytes. *data is malloc'ed; the caller frees it. RUBOR_NOT_FOUND,
 * RUBOR_UNREADABLE (a directory, a device, permission), RUBOR_TOO_LARGE, RUBOR_CORRUPT (empty). */
rubor_status rubor_file_read(uint8_t **data, size_t *size, const char *path, size_t limit, rubor_error *error);

/* SHA-256 as 64 lowercase hex digits and NUL. */
enum { RUBOR_DIGEST_SIZE = 65 };
void rubor_digest(char out[RUBOR_DIGEST_SIZE], rubor_bytes bytes);

#endif
