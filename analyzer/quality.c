#include "analyzer/quality.h"

#include <math.h>
#include <string.h>

enum { SIDE_MIN_PX = 600, LONG_SIDE_MIN_PX = 900, CLIP_LEVEL = 64250, BLACK_LEVEL = 1028 };

static void set_null(rubor_quality *out)
{
    memset(out, 0, sizeof *out);
    out->edge_px = out->edge_ratio = out->sharpness = out->anisotropy = out->clipped_percent = RUBOR_NULL;
    out->tilt_degrees = RUBOR_NULL;
    for (int c = 0; c < 3; c++)
        out->channel_percent[c] = out->black_percent[c] = out->median[c] = RUBOR_NULL;
}

rubor_status rubor_quality_measure(rubor_quality *out, const rubor_image_encoded *working,
                                   const rubor_mask *skin, const rubor_mask *shine,
                                   const rubor_calibration *calibration, double scale, rubor_error *error)
{
    (void)calibration;
    (void)scale;
    (void)error;
    set_null(out);
    size_t count = (size_t)working->width * (size_t)working->height, inside = 0, shining = 0, any = 0;
    size_t high[3] = {0}, low[3] = {0};
    for (size_t i = 0; i < count; i++) {
        if (shine->data && shine->data[i] >= 128)
            shining++;
        if (skin->data[i] < 128)
            continue;
        inside++;
        bool clipped = false;
        for (int c = 0; c < 3; c++) {
            high[c] += working->rgb[3 * i + (size_t)c] >= CLIP_LEVEL;
            low[c] += working->rgb[3 * i + (size_t)c] <= BLACK_LEVEL;
            clipped |= working->rgb[3 * i + (size_t)c] >= CLIP_LEVEL;
        }
        any += clipped;
    }
    out->skin_percent = 100.0 * (double)inside / (double)count;
    if (inside) {
        out->clipped_percent = 100.0 * (double)any / (double)inside;
        for (int c = 0; c < 3; c++) {
            out->channel_percent[c] = 100.0 * (double)high[c] / (double)inside;
            out->black_percent[c] = 100.0 * (double)low[c] / (double)inside;
        }
        out->shine_percent = 100.0 * (double)shining / (double)(inside + shining);
    }
    return RUBOR_OK;
}

void rubor_quality_judge(rubor_record *record, const rubor_quality *quality,
                         const rubor_calibration *calibration, int64_t width, int64_t height)
{
    int64_t shorter = width < height ? width : height, longer = width < height ? height : width;
    record->quality.sharpness = quality->sharpness;
    record->quality.clipped_percent = quality->clipped_percent;
    if (shorter < SIDE_MIN_PX || longer < LONG_SIDE_MIN_PX)
        rubor_record_reason(
            record, "retake", "too_small",
            "The photo is smaller than 900 x 600 pixels: set the camera to a larger picture size.");
    if (quality->skin_percent < 1)
        rubor_record_reason(record, "retake", "no_skin",
                            "No skin was found: point the camera at the treated area and light it evenly.");
    if (quality->clipped_percent > 10)
        rubor_record_reason(record, "retake", "overexposed",
                            "The skin is too bright to measure: lower the exposure or move the lamp back.");
    if (calibration->status == RUBOR_CALIBRATION_NONE)
        rubor_record_reason(record, "warn", "chart_missing",
                            "No color chart was found: put the whole chart in the frame, flat and unshaded.");
}
