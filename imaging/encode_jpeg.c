#include "imaging/encode.h"
#include "imaging/jpeg_error.h"

#include <assert.h>
#include <stdlib.h>

/* Everything that longjmp may leave lives in the caller. */
static bool write_jpeg(struct jpeg_compress_struct *jpeg, rubor_jpeg_error *handler, unsigned char **data,
                       unsigned long *size, const rubor_image_encoded *image, int quality, bool subsampled,
                       uint8_t *row)
{
    if (setjmp(handler->jump))
        return false;
    jpeg_create_compress(jpeg);
    jpeg_mem_dest(jpeg, data, size);
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = subsampled ? 2 : 1;
    jpeg_start_compress(jpeg, TRUE);
    for (int y = 0; y < image->height; y++) {
        const uint16_t *from = image->rgb + (size_t)y * (size_t)image->width * 3;
        for (int i = 0; i < 3 * image->width; i++)
            row[i] = (uint8_t)((from[i] + 128U) / 257U);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

rubor_status rubor_jpeg_encode(rubor_buffer *out, const rubor_image_encoded *image, int quality,
                               bool chroma_subsampled, rubor_error *error)
{
    assert(quality >= 1 && quality <= 100);
    *out = (rubor_buffer){0};
    struct jpeg_compress_struct jpeg = {0};
    rubor_jpeg_error handler;
    jpeg.err = rubor_jpeg_error_init(&handler);
    unsigned char *data = NULL;
    unsigned long size = 0;
    rubor_status status = RUBOR_OK;
    uint8_t *row = malloc((size_t)image->width * 3);
    if (!row)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to encode a JPEG");
    else if (!write_jpeg(&jpeg, &handler, &data, &size, image, quality, chroma_subsampled, row))
        status = rubor_error_set(error, handler.status == RUBOR_NO_MEMORY ? RUBOR_NO_MEMORY : RUBOR_INTERNAL,
                                 "JPEG encoder: %s", handler.message);
    jpeg_destroy_compress(&jpeg);
    free(row);
    if (status)
        data = NULL; /* after an error libjpeg may have freed it: out of memory leaks one buffer */
    else
        *out = (rubor_buffer){data, size};
    return status;
}
