#include "imaging/jpeg_error.h"

#include <jerror.h>

static void on_error(j_common_ptr jpeg)
{
    rubor_jpeg_error *handler = (rubor_jpeg_error *)(void *)jpeg->err;
    handler->memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    jpeg->err->format_message(jpeg, handler->message);
    longjmp(handler->jump, 1);
}

/* Warnings that do not mean lost picture data. */
static bool is_harmless(int code)
{
    return code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
}

/* libjpeg goes on after damage, with gray where data was lost. A measurement must not. Level -1 is a warning,
 * 0 and above are traces. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    jpeg->err->num_warnings++;
    if (!is_harmless(jpeg->err->msg_code))
        on_error(jpeg);
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
