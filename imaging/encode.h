/* Writing pictures: maps, masks and overlays. The encoded bytes are malloc'ed; the caller frees them.
 * No metadata beyond what decoding needs is written. Errors: RUBOR_NO_MEMORY, RUBOR_INTERNAL. */
#ifndef RUBOR_IMAGING_ENCODE_H
#define RUBOR_IMAGING_ENCODE_H

#include "imaging/image.h"

typedef struct rubor_buffer {
    uint8_t *data;
    size_t size;
} rubor_buffer;

void rubor_buffer_finish(rubor_buffer *buffer);

/* 8-bit RGB PNG with an sRGB chunk. */
rubor_status rubor_png_encode_rgb8(rubor_buffer *out, const rubor_image_encoded *image, rubor_error *error);
/* 8-bit gray PNG. */
rubor_status rubor_png_encode_mask(rubor_buffer *out, const rubor_mask *mask, rubor_error *error);
/* 16-bit gray PNG: value = clamp(round((plane - zero) * scale), 1, 65535); NaN is written as 0. */
rubor_status rubor_png_encode_plane16(rubor_buffer *out, const rubor_plane *plane, double zero, double scale,
                                      rubor_error *error);
/* Baseline JPEG, quality 1..100, 4:2:0 when chroma_subsampled else 4:4:4. */
rubor_status rubor_jpeg_encode(rubor_buffer *out, const rubor_image_encoded *image, int quality,
                               bool chroma_subsampled, rubor_error *error);

/* Writes path atomically: a temporary file in the same folder, fsync, rename. Nothing half-written is left.
 */
/* All of data to an open descriptor, however often write(2) is interrupted; false when it fails (errno says
 * why). */
bool rubor_descriptor_write(int fd, const void *data, size_t size);
rubor_status rubor_file_write(const char *path, const void *data, size_t size, rubor_error *error);

#endif
