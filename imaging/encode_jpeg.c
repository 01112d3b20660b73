#include "imaging/encode.h"
#include "imaging/jpeg_error.h"

#include <assert.h>
#include <jerror.h>
#include <stdlib.h>

enum { FIRST_BYTES = 64 * 1024 };

/* libjpeg's own memory destination may leave a freed pointer behind after an error; this one never does. */
typedef struct memory_sink {
    struct jpeg_destination_mgr base; /* first: libjpeg hands back a pointer to it */
    rubor_buffer *out;
} memory_sink;

static void grow(j_compress_ptr jpeg, size_t size)
{
    memory_sink *sink = (memory_sink *)(void *)jpeg->dest;
    size_t used = sink->out->size;
    uint8_t *data = realloc(sink->out->data, size);
    if (!data)
        ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 10);
    sink->out->data = data;
    sink->out->size = size;
    sink->base.next_output_byte = data + used;
    sink->base.free_in_buffer = size - used;
}

static void on_start(j_compress_ptr jpeg)
{
    grow(jpeg, FIRST_BYTES);
}

static boolean on_full(j_compress_ptr jpeg)
{
    grow(jpeg, ((memory_sink *)(void *)jpeg->dest)->out->size * 2);
    return TRUE;
}

static void on_end(j_compress_ptr jpeg)
{
    memory_sink *sink = (memory_sink *)(void *)jpeg->dest;
    sink->out->size -= sink->base.free_in_buffer;
}

/* Everything that longjmp may leave lives in the caller. */
static bool write_jpeg(struct jpeg_compress_struct *jpeg, rubor_jpeg_error *handler, memory_sink *sink,
                       const rubor_image_encoded *image, int quality, bool subsampled, uint8_t *row)
{
    if (setjmp(handler->jump))
        return false;
    jpeg_create_compress(jpeg);
    jpeg->dest = &sink->base;
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
    memory_sink sink = {
        .base = {.init_destination = on_start, .empty_output_buffer = on_full, .term_destination = on_end},
        .out = out};
    jpeg.err = rubor_jpeg_error_init(&handler);
    rubor_status status = RUBOR_OK;
    uint8_t *row = malloc((size_t)image->width * 3);
    if (!row)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to encode a JPEG");
    else if (!write_jpeg(&jpeg, &handler, &sink, image, quality, chroma_subsampled, row))
        status = rubor_error_set(error, handler.status == RUBOR_NO_MEMORY ? RUBOR_NO_MEMORY : RUBOR_INTERNAL,
                                 "JPEG encoder: %s", handler.message);
    jpeg_destroy_compress(&jpeg);
    free(row);
    if (status)
        rubor_buffer_finish(out);
    return status;
}
