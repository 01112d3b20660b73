#include "imaging/jpeg_error.h"

#include <jerror.h>

static rubor_status meaning(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return RUBOR_NO_MEMORY;
    case JERR_NO_BACKING_STORE: /* max_memory_to_use is reached */
    case JERR_IMAGE_TOO_BIG:
        return RUBOR_TOO_LARGE;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL: /* chroma that is not a whole number of times coarser */
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
        return RUBOR_UNSUPPORTED;
    default:
        return RUBOR_CORRUPT;
    }
}

static void on_error(j_common_ptr jpeg)
{
    rubor_jpeg_error *handler = (rubor_jpeg_error *)(void *)jpeg->err;
    handler->status = meaning(jpeg->err->msg_code);
    jpeg->err->format_message(jpeg, handler->message);
    longjmp(handler->jump, 1);
}

/* Warnings that do not mean lost picture data. Some cameras leave a few bytes before a marker; many are what
 * is left over when the decoder lost its place. */
static bool is_harmless(j_common_ptr jpeg)
{
    enum { PADDING_BYTES = 64 };
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
        return jpeg->err->msg_parm.i[0] <= PADDING_BYTES;
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_ICC:
        return true;
    default:
        return false;
    }
}

/* libjpeg goes on after damage, with gray where data was lost. A measurement must not. Level -1 is a warning,
 * 0 and above are traces. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    if (!is_harmless(jpeg))
        on_error(jpeg);
    jpeg->err->num_warnings++;
    if (jpeg->err->msg_code == JWRN_BOGUS_ICC)
        ((rubor_jpeg_error *)(void *)jpeg->err)->bogus_icc = true;
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

struct jpeg_error_mgr *rubor_jpeg_error_init(rubor_jpeg_error *handler)
{
    *handler = (rubor_jpeg_error){0};
    jpeg_std_error(&handler->base);
    handler->base.error_exit = on_error;
    handler->base.emit_message = on_message;
    handler->base.output_message = on_output;
    return &handler->base;
}
