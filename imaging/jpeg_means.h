/* What libjpeg's rounding to whole 8-bit levels takes away (room-internal).
 *
 * A JPEG keeps the mean of each block of 8 x 8 samples to a fraction of a level (3/8 at quality 90, an eighth
 * at best). libjpeg rounds every sample to a whole level, and then its conversion to RGB rounds again. Where
 * a block is flat, as chroma of smooth skin is, all its samples are rounded the same way: squares of 96 px of
 * rendered dark skin came out 0.13 levels off, the blocks' own means 0.018. So libjpeg is asked for its
 * samples before the color conversion, the mean of each block is compared with what the file says, and the
 * difference is added in the conversion, which is done here to 16 bits. Levels of this file are 8-bit levels.
 */
#ifndef RUBOR_IMAGING_JPEG_MEANS_H
#define RUBOR_IMAGING_JPEG_MEANS_H

#include "imaging/jpeg_error.h"

#include <jpegint.h>
#include <stdint.h>

enum { RUBOR_JPEG_CHANNELS = 3 };

typedef struct rubor_jpeg_means {
    inverse_DCT_method_ptr transform[RUBOR_JPEG_CHANNELS];    /* libjpeg's own */
    int wide[RUBOR_JPEG_CHANNELS], high[RUBOR_JPEG_CHANNELS]; /* blocks */
    int block_width[RUBOR_JPEG_CHANNELS],
        block_height[RUBOR_JPEG_CHANNELS]; /* of a block in the output, px */
    float *missing[RUBOR_JPEG_CHANNELS];   /* per block: its mean in the file minus the decoded one */
    uint8_t *turn[RUBOR_JPEG_CHANNELS];    /* per column of blocks: how many of this MCU row have come */
    int mcu_row[RUBOR_JPEG_CHANNELS];      /* of turn */
    float *row[RUBOR_JPEG_CHANNELS]; /* per output pixel: missing in the row of blocks that row_of names */
    int row_of[RUBOR_JPEG_CHANNELS];
} rubor_jpeg_means;

/* Between jpeg_start_decompress and the first row; out_color_space must be jpeg_color_space. means must stay
 * where it is until the decoding ends; free it with finish, also after an error. RUBOR_CORRUPT: no scan of a
 * channel. */
rubor_status rubor_jpeg_means_watch(rubor_jpeg_means *means, struct jpeg_decompress_struct *jpeg,
                                    rubor_error *error);
void rubor_jpeg_means_finish(rubor_jpeg_means *means);

/* A decoded row (3 samples a pixel, as wide as the output) to 16-bit RGB; scanline: its place in the output.
 */
void rubor_jpeg_means_row(uint16_t *rgb, rubor_jpeg_means *means, const struct jpeg_decompress_struct *jpeg,
                          const uint8_t *row, int scanline);

#endif
