#include "imaging/jpeg_error.h"
#include "imaging/jpeg_means.h"
#include "imaging/limits.h"
#include "imaging/photo_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Everything longjmp may leave is in here, so that one function frees it on every way out. */
typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    rubor_jpeg_error handler;
    struct jpeg_progress_mgr progress;
    rubor_photo_info *info;
    rubor_icc *icc;
    JOCTET *profile; /* malloc'ed by libjpeg */
    unsigned profile_size;
    rubor_sink *sink;
    uint8_t *rows; /* ROWS rows of samples as the file has them */
    uint16_t *rgb; /* one row */
    rubor_jpeg_means means;
} reader;

enum { ROWS = 8 };

static void check_scans(j_common_ptr common)
{
    struct jpeg_decompress_struct *jpeg = (struct jpeg_decompress_struct *)(void *)common;
    if (jpeg->input_scan_number <= RUBOR_LIMIT_JPEG_SCANS)
        return;
    rubor_jpeg_error *handler = (rubor_jpeg_error *)(void *)common->err;
    handler->status = RUBOR_TOO_LARGE;
    snprintf(handler->message, sizeof handler->message, "more than %d scans", RUBOR_LIMIT_JPEG_SCANS);
    longjmp(handler->jump, 1);
}

static void reader_init(reader *r, rubor_photo_info *info)
{
    *r = (reader){.info = info};
    r->jpeg.err = rubor_jpeg_error_init(&r->handler);
}

static void reader_finish(reader *r)
{
    jpeg_destroy_decompress(&r->jpeg);
    free(r->profile);
    free(r->rows);
    free(r->rgb);
    rubor_jpeg_means_finish(&r->means);
    rubor_icc_destroy(&r->icc);
    rubor_sink_destroy(&r->sink);
}

static rubor_status failure(const reader *r, rubor_error *error)
{
    rubor_status status = r->handler.status;
    if (status == RUBOR_CORRUPT)
        return rubor_error_set(error, status, "damaged or truncated JPEG: %s; copy it again or retake it",
                               r->handler.message);
    if (status == RUBOR_UNSUPPORTED)
        return rubor_error_set(error, status,
                               "a kind of JPEG that is not read (%s); save as baseline JPEG or PNG",
                               r->handler.message);
    return rubor_error_set(error, status, "JPEG: %s", r->handler.message);
}

static void read_exif(reader *r)
{
    for (jpeg_saved_marker_ptr marker = r->jpeg.marker_list; marker; marker = marker->next)
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 &&
            memcmp(marker->data, "Exif\0", 6) == 0) {
            rubor_exif_read(r->info, marker->data + 6, marker->data_length - 6);
            return;
        }
}

/* A decoder of arithmetic coding reads zeros for data that is missing before a marker and cannot tell
 * (jdarith.c): cut short it would be measured. */
static rubor_status check_kind(const reader *r, rubor_error *error)
{
    if (r->jpeg.arith_code)
        return rubor_error_set(error, RUBOR_UNSUPPORTED,
                               "a JPEG with arithmetic coding, which does not show where data is missing; "
                               "save as baseline JPEG or PNG");
    switch (r->jpeg.jpeg_color_space) {
    case JCS_YCbCr:
    case JCS_RGB:
        return RUBOR_OK;
    case JCS_GRAYSCALE:
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "a gray JPEG; redness needs a color photo");
    case JCS_CMYK:
    case JCS_YCCK:
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "a CMYK (print) JPEG; save it as RGB");
    default:
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "a JPEG with %d color channels; save it as RGB",
                               r->jpeg.num_components);
    }
}

/* Header, metadata and limits; nothing of the picture is allocated yet. */
static rubor_status read_header(reader *r, rubor_bytes bytes, int levels, rubor_error *error)
{
    if (setjmp(r->handler.jump))
        return failure(r, error);
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.mem->max_memory_to_use = RUBOR_LIMIT_DECODER_BYTES;
    r->progress.progress_monitor = check_scans;
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, bytes.data, (unsigned long)bytes.size);
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&r->jpeg, TRUE);
    r->info->width = (int)r->jpeg.image_width;
    r->info->height = (int)r->jpeg.image_height;
    rubor_status status = rubor_photo_check_size(r->jpeg.image_width, r->jpeg.image_height, error);
    if (!status)
        status = check_kind(r, error);
    if (status)
        return status;
    read_exif(r);
    if (jpeg_read_icc_profile(&r->jpeg, &r->profile, &r->profile_size))
        r->icc = rubor_icc_create(r->info, r->profile, r->profile_size, levels);
    else if (r->handler.bogus_icc)
        r->icc = rubor_icc_create(r->info, (const uint8_t *)"?", 1, 0);
    return RUBOR_OK;
}

rubor_status rubor_jpeg_probe(rubor_photo_info *info, rubor_bytes bytes, rubor_error *error)
{
    reader r;
    reader_init(&r, info);
    rubor_status status = read_header(&r, bytes, 0, error);
    reader_finish(&r);
    return status;
}

/* The coarsest scaled decoding that still has every pixel of the grid. Only the sizes for which libjpeg-turbo
 * has vector code (1/8 needs only the mean of a block). */
static int choose_unit(const rubor_decode_plan *plan)
{
    int unit = 8;
    while (unit > 1 &&
           (plan->stored.width / unit < plan->grid_width || plan->stored.height / unit < plan->grid_height))
        unit /= 2;
    return unit;
}

/* libjpeg-turbo (2.1) fills too few columns of chroma that a scaled decoding brings nearer to the photo's
 * size but not all the way (4:1:0 at 1/2). */
static bool can_crop_columns(const struct jpeg_decompress_struct *jpeg)
{
    int brightness = jpeg->min_DCT_scaled_size;
    for (int c = 0; c < jpeg->num_components; c++) {
        const jpeg_component_info *channel = &jpeg->comp_info[c];
        int size = channel->DCT_scaled_size;
        if (size != brightness && (size * channel->h_samp_factor != brightness * jpeg->max_h_samp_factor ||
                                   size * channel->v_samp_factor != brightness * jpeg->max_v_samp_factor))
            return false;
    }
    return true;
}

/* Decodes only what the crop needs: skips the rows above and the columns beside it. A margin keeps the chroma
 * interpolation at the crop's border the same as in the whole photo. */
static rubor_feed start_at_crop(reader *r, const rubor_decode_plan *plan, int unit)
{
    enum { MARGIN = 16 };
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const rubor_photo_crop *crop = &plan->stored;
    int left = crop->x / unit - MARGIN, right = (crop->x + crop->width - 1) / unit + 1 + MARGIN;
    int top = crop->y / unit - MARGIN;
    left = left < 0 ? 0 : left;
    right = right > (int)jpeg->output_width ? (int)jpeg->output_width : right;
    top = top < 0 ? 0 : top;
    JDIMENSION x = (JDIMENSION)left, width = (JDIMENSION)(right - left);
    if (!can_crop_columns(jpeg))
        x = 0;
    else if (width < jpeg->output_width)
        jpeg_crop_scanline(jpeg, &x, &width);
    if (top > 0)
        top = (int)jpeg_skip_scanlines(jpeg, (JDIMENSION)top);
    return (rubor_feed){16, (int)jpeg->output_width, unit, crop->x - (int)x * unit, crop->y - top * unit};
}

/* A progressive file may leave out bits of its coefficients (ITU-T T.81 asks for one scan of each channel's
 * means, no more), and libjpeg then shows what came, smoothed. No camera writes such files; an upload that
 * ended between two scans and was given an end marker is one, so it counts as cut short. */
static rubor_status check_all_bits_came(const struct jpeg_decompress_struct *jpeg, rubor_error *error)
{
    for (int c = 0; jpeg->coef_bits && c < jpeg->num_components; c++)
        for (int k = 0; k < DCTSIZE2; k++)
            if (jpeg->coef_bits[c][k] != 0)
                return rubor_error_set(
                    error, RUBOR_CORRUPT,
                    "damaged or truncated JPEG: its last scans are missing; copy it again or retake it");
    return RUBOR_OK;
}

static rubor_status decode_rows(reader *r, rubor_image_encoded *picture, const rubor_decode_plan *plan,
                                rubor_error *error)
{
    if (setjmp(r->handler.jump))
        return failure(r, error);
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    int unit = choose_unit(plan);
    jpeg->out_color_space = jpeg->jpeg_color_space;
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)unit;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    rubor_status status = check_all_bits_came(jpeg, error); /* all scans of the file have been read */
    if (status)
        return status;
    size_t row_bytes = (size_t)jpeg->output_width * 3;
    r->rows = malloc(row_bytes * ROWS);
    r->rgb = malloc(row_bytes * sizeof *r->rgb);
    if (!r->rows || !r->rgb)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to decode a JPEG");
    status = rubor_jpeg_means_watch(&r->means, jpeg, error);
    if (status)
        return status;
    rubor_feed feed = start_at_crop(r, plan, unit);
    status = rubor_sink_create(&r->sink, picture, plan, r->icc, feed, error);
    if (status)
        return status;
    JSAMPROW rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = r->rows + i * row_bytes;
    while (!rubor_sink_done(r->sink) && jpeg->output_scanline < jpeg->output_height) {
        int first = (int)jpeg->output_scanline, got = (int)jpeg_read_scanlines(jpeg, rows, ROWS);
        for (int i = 0; i < got; i++) {
            rubor_jpeg_means_row(r->rgb, &r->means, jpeg, rows[i], first + i);
            rubor_sink_row16(r->sink, r->rgb);
        }
    }
    assert(rubor_sink_done(r->sink));
    if (jpeg->output_scanline == jpeg->output_height)
        jpeg_finish_decompress(jpeg); /* reads on to the end marker: what is left over tells of damage */
    return RUBOR_OK;
}

rubor_status rubor_jpeg_decode(rubor_image_encoded *picture, rubor_bytes bytes, const rubor_decode_plan *plan,
                               rubor_error *error)
{
    reader r;
    rubor_photo_info info = {0};
    reader_init(&r, &info);
    rubor_status status = read_header(&r, bytes, 65536, error);
    if (!status)
        status = decode_rows(&r, picture, plan, error);
    reader_finish(&r);
    return status;
}
