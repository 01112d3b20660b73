#include "analyzer/quality.h"

#include <math.h>

/* Thresholds, from the table of false alarms and misses in docs/EVALUATION.md "Quality gate". Blur is judged
 * against a working image of 1,200 px across: redness is a low-frequency signal, so a soft photo is warned
 * about long before it is refused. */
enum { SIDE_MIN_PX = 600, LONG_SIDE_MIN_PX = 900, PATCHES_WARN = 3, PATCHES_RETAKE = 6 };
#define BLUR_WARN_PX 1.3
#define BLUR_RETAKE_PX 2.4 /* the measure saturates: a defocus of 3 px reads 2.5, one of 6 px 3 */
#define MOTION_RATIO 1.8
#define SMEAR_WARN 2.2
#define SMEAR_RETAKE 4.0
#define CLIPPED_WARN 3.0
#define CLIPPED_RETAKE 15.0
#define BRIGHT_RETAKE 30.0
/* Of the skin's green, encoded: the darkest skin in good light has 0.2 and more. At the second one step of 8 bits is
 * 0.02 OD, two units of EI. */
#define MEDIAN_DARK 0.12
#define MEDIAN_DARK_RETAKE 0.09
#define WHITE_DARK 0.25        /* chart white, camera linear: two stops under; says the same of every skin */
#define WHITE_DARK_RETAKE 0.12 /* three stops */
#define WHITE_BRIGHT 0.5       /* below, what is clipped is the chart's dark end */
#define BLACK_RETAKE 20.0
#define GLARE_WARN 6.0
#define GLARE_RETAKE 10.0
#define SHINE_WARN 10.0
#define TILT_WARN 35.0
#define FAR_MM_PER_PX 1.00 /* of the working image */
#define SKIN_LEAST 2.0

static void judge_sharpness(rubor_record *record, const rubor_quality *q, bool chart, double width)
{
    static const char smeared[] =
        "The photo is smeared by motion: rest the camera and ask the person to hold still.";
    if (chart && q->smear >= SMEAR_WARN) {
        rubor_record_reason(record, q->smear >= SMEAR_RETAKE ? "retake" : "warn", "motion", smeared);
        return;
    }
    double scale = fmax(1, width / 1200), blur = q->blur_px / scale;
    const char *verdict = blur >= BLUR_RETAKE_PX ? "retake" : "warn";
    if (blur >= BLUR_WARN_PX && q->blur_ratio >= MOTION_RATIO)
        rubor_record_reason(record, verdict, "motion", smeared);
    else if (blur >= BLUR_WARN_PX)
        rubor_record_reason(
            record, verdict, "blurred",
            "The photo is soft: focus on the treated skin, rest the camera and take it again.");
    else if (q->skin_blur_px / scale >= RUBOR_SKIN_BLUR_WARN_PX)
        rubor_record_reason(
            record, "warn", "blurred",
            "The skin is out of focus though other things are sharp: focus on the treated skin.");
}

static void judge_exposure(rubor_record *record, const rubor_quality *q)
{
    bool white_clipped = q->white_linear >= 0.97;
    double most = fmax(q->channel_percent[0], fmax(q->channel_percent[1], q->channel_percent[2]));
    double least = fmin(q->channel_percent[0], fmin(q->channel_percent[1], q->channel_percent[2]));
    bool skin_clipped = q->clipped_percent >= CLIPPED_RETAKE;
    if (skin_clipped || q->bright_percent >= BRIGHT_RETAKE)
        rubor_record_reason(record, "retake", "overexposed",
                            "The photo is too bright to measure: lower the exposure or move the lamp back.");
    else if (q->clipped_percent >= CLIPPED_WARN && most > 3 * least)
        rubor_record_reason(
            record, "warn", "channel_clipped",
            "One color of the skin is too bright for the camera: lower the exposure by one stop (-1 EV).");
    else if (q->clipped_percent >= CLIPPED_WARN)
        rubor_record_reason(record, "warn", "overexposed",
                            "Parts of the skin are too bright to measure: lower the exposure by one stop (-1 EV).");
    bool too_dark =
        q->white_linear < WHITE_DARK || q->median < MEDIAN_DARK || q->black_percent >= BLACK_RETAKE;
    if (too_dark && !white_clipped)
        rubor_record_reason(
            record,
            q->median < MEDIAN_DARK_RETAKE || q->white_linear < WHITE_DARK_RETAKE ? "retake" : "warn",
            "underexposed", "The photo is too dark: raise the exposure or bring the lamp closer.");
}

/* One or two patches at the limit cost nothing: they are left out of the fit. */
static void judge_chart(rubor_record *record, const rubor_quality *q)
{
    const char *verdict = q->clipped_patches > PATCHES_RETAKE ? "retake" : "warn";
    if (q->clipped_patches < PATCHES_WARN)
        return;
    if (q->white_linear < WHITE_BRIGHT)
        rubor_record_reason(record, verdict, "chart_clipped",
                            "The dark patches of the color chart are too dark: raise the exposure by one stop (+1 EV).");
    else
        rubor_record_reason(
            record, verdict, "chart_clipped",
            "Patches of the color chart are too bright for the camera: lower the exposure by one stop (-1 EV).");
}

static void judge_light(rubor_record *record, const rubor_quality *q, const rubor_calibration *calibration)
{
    if (calibration->status == RUBOR_CALIBRATION_NONE)
        rubor_record_reason(record, "warn", "chart_missing",
                            "No usable color chart was found: put the whole chart beside the skin, flat, facing the camera, nothing over it.");
    judge_chart(record, q);
    if (calibration->glare_percent >= GLARE_RETAKE)
        rubor_record_reason(
            record, "retake", "glare",
            "Stray light veils the photo: keep lamps and windows from shining into the lens and wipe the lens.");
    else if (q->shine_percent >= SHINE_WARN)
        rubor_record_reason(record, "warn", "glare",
                            "The skin reflects the lamp: dab it dry, turn the lamp or use a polarizing filter.");
    else if (calibration->glare_percent >= GLARE_WARN)
        rubor_record_reason(
            record, "warn", "glare",
            "Some stray light veils the photo: keep lamps and windows from shining into the lens and wipe the lens.");
}

void rubor_quality_judge(rubor_record *record, const rubor_quality *quality,
                         const rubor_calibration *calibration, int64_t width, int64_t height,
                         double mm_per_px)
{
    int64_t shorter = width < height ? width : height, longer = width < height ? height : width;
    record->quality.sharpness = quality->sharpness;
    record->quality.clipped_percent = quality->clipped_percent;
    if (shorter < SIDE_MIN_PX || longer < LONG_SIDE_MIN_PX)
        rubor_record_reason(
            record, "retake", "too_small",
            "The photo is smaller than 900 x 600 pixels: set the camera to a larger picture size.");
    judge_exposure(record, quality);
    if (quality->skin_percent < SKIN_LEAST)
        rubor_record_reason(record, "retake", "no_skin",
                            "No skin was found: point the camera at the treated area and light it evenly.");
    judge_sharpness(record, quality, calibration->status == RUBOR_CALIBRATION_CHART,
                    (double)record->photo.working_width);
    judge_light(record, quality, calibration);
    if (quality->tilt_degrees >= TILT_WARN)
        rubor_record_reason(
            record, "warn", "tilt",
            "The camera looks at the chart from the side: hold it square to the skin and the chart.");
    if (mm_per_px >= FAR_MM_PER_PX)
        rubor_record_reason(
            record, "warn", "distance",
            "The camera is too far away: come closer until the treated area fills the frame.");
}
