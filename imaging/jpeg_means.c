#include "imaging/jpeg_means.h"

#include "imaging/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rounding takes at most half a level; a block that differs by more has samples cut off at black or white. */
#define MOST_MISSING 0.51F

static int block_row(rubor_jpeg_means *means, const struct jpeg_decompress_struct *jpeg, int channel,
                     int column)
{
    int mcu_row = (int)jpeg->output_iMCU_row;
    if (means->mcu_row[channel] != mcu_row) {
        means->mcu_row[channel] = mcu_row;
        memset(means->turn[channel], 0, (size_t)means->wide[channel]);
    }
    return mcu_row * jpeg->comp_info[channel].v_samp_factor + means->turn[channel][column]++;
}

/* size is a constant in every call: the loops unroll. */
static inline int sum_block(JSAMPARRAY samples, JDIMENSION left, int size)
{
    int sum = 0;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            sum += samples[y][left + (JDIMENSION)x];
    return sum;
}

/* In libjpeg's place for every block: lets it do its work, then compares the means. Blocks of a column come
 * from top to bottom. */
static void transform(j_decompress_ptr jpeg, jpeg_component_info *component, JCOEFPTR coefficients,
                      JSAMPARRAY samples, JDIMENSION left)
{
    rubor_jpeg_means *means = jpeg->client_data;
    int channel = component->component_index, size = component->DCT_scaled_size;
    means->transform[channel](jpeg, component, coefficients, samples, left);
    int column = (int)left / size;
    if (column >= means->wide[channel])
        return;
    int row = block_row(means, jpeg, channel, column);
    if (row >= means->high[channel])
        return;
    int sum = size == 8   ? sum_block(samples, left, 8)
              : size == 4 ? sum_block(samples, left, 4)
              : size == 2 ? sum_block(samples, left, 2)
                          : sum_block(samples, left, 1);
    float mean = 128 + (float)(coefficients[0] * component->quant_table->quantval[0]) / 8;
    float missing = mean - (float)sum / (float)(size * size);
    means->missing[channel][(size_t)row * (size_t)means->wide[channel] + (size_t)column] =
        fabsf(missing) <= MOST_MISSING ? missing : 0;
}

rubor_status rubor_jpeg_means_watch(rubor_jpeg_means *means, struct jpeg_decompress_struct *jpeg,
                                    rubor_error *error)
{
    *means = (rubor_jpeg_means){0};
    for (int c = 0; c < RUBOR_JPEG_CHANNELS; c++) {
        const jpeg_component_info *component = &jpeg->comp_info[c];
        if (!component->quant_table) /* libjpeg takes a channel without any scan for gray, silently */
            return rubor_error_set(
                error, RUBOR_CORRUPT,
                "damaged or truncated JPEG: a color channel is missing; copy it again or retake it");
        means->wide[c] = (int)component->width_in_blocks;
        means->high[c] = (int)component->height_in_blocks;
        means->block_width[c] =
            jpeg->max_h_samp_factor * jpeg->min_DCT_scaled_size / component->h_samp_factor;
        means->block_height[c] =
            jpeg->max_v_samp_factor * jpeg->min_DCT_scaled_size / component->v_samp_factor;
        means->mcu_row[c] = means->row_of[c] = -1;
        means->missing[c] =
            calloc((size_t)means->wide[c] * (size_t)means->high[c], sizeof *means->missing[c]);
        means->turn[c] = calloc((size_t)means->wide[c], 1);
        means->row[c] = malloc((size_t)jpeg->output_width * sizeof *means->row[c]);
        if (!means->missing[c] || !means->turn[c] || !means->row[c])
            return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a JPEG");
    }
    jpeg->client_data = means;
    for (int c = 0; c < RUBOR_JPEG_CHANNELS; c++) {
        means->transform[c] = jpeg->idct->inverse_DCT[c];
        jpeg->idct->inverse_DCT[c] = transform;
    }
    return RUBOR_OK;
}

void rubor_jpeg_means_finish(rubor_jpeg_means *means)
{
    for (int c = 0; c < RUBOR_JPEG_CHANNELS; c++) {
        free(means->missing[c]);
        free(means->turn[c]);
        free(means->row[c]);
    }
    *means = (rubor_jpeg_means){0};
}

/* What is missing in each pixel of a row; the rows of one row of blocks share it. */
static void find_row(rubor_jpeg_means *means, int channel, int scanline, int pixels)
{
    int width = means->block_width[channel], line = scanline / means->block_height[channel];
    if (means->row_of[channel] == line)
        return;
    means->row_of[channel] = line;
    const float *missing = line < means->high[channel]
                               ? means->missing[channel] + (size_t)line * (size_t)means->wide[channel]
                               : NULL;
    for (int x = 0, column = 0; x < pixels; column++) {
        float value = missing && column < means->wide[channel] ? missing[column] : 0;
        for (int end = x + width < pixels ? x + width : pixels; x < end; x++)
            means->row[channel][x] = value;
    }
}

void rubor_jpeg_means_row(uint16_t *rgb, rubor_jpeg_means *means, const struct jpeg_decompress_struct *jpeg,
                          const uint8_t *row, int scanline)
{
    int width = (int)jpeg->output_width;
    const float *missing[RUBOR_JPEG_CHANNELS];
    for (int c = 0; c < RUBOR_JPEG_CHANNELS; c++) {
        find_row(means, c, scanline, width);
        missing[c] = means->row[c];
    }
    rubor_kernels_get()->jpeg_row(rgb, row, missing, jpeg->out_color_space == JCS_YCbCr, (size_t)width);
}
