#include "analyzer/quality.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <string.h>

/* 8-bit 251 and 4: what JPEG leaves of 255 and 0 */
enum { CLIP_LEVEL = 251 * 257, BLACK_LEVEL = 4 * 257 };
#define NEAR_HIGHEST 0.97
#define NEAR_BLACK 0.02

static void count_levels(rubor_quality *out, const rubor_image_encoded *working, const rubor_mask *skin,
                         const rubor_mask *shine)
{
    size_t count = (size_t)working->width * (size_t)working->height;
    size_t inside = 0, shining = 0, any = 0, black = 0, bright = 0, high[3] = {0}, histogram[256] = {0};
    const uint8_t *is_skin = skin->data, *is_shine = shine->data ? shine->data : skin->data;
    const uint16_t *rgb = working->rgb;
    for (size_t i = 0; i < count; i++, rgb += 3) {
        if (rgb[1] >= CLIP_LEVEL)
            bright += rgb[0] >= CLIP_LEVEL && rgb[2] >= CLIP_LEVEL;
        if ((is_skin[i] | is_shine[i]) < 128)
            continue;
        if (rgb[0] >= CLIP_LEVEL || rgb[1] >= CLIP_LEVEL || rgb[2] >= CLIP_LEVEL) {
            any++;
            for (int c = 0; c < 3; c++)
                high[c] += rgb[c] >= CLIP_LEVEL;
        }
        if (is_skin[i] < 128) {
            shining++;
            continue;
        }
        black += rgb[0] <= BLACK_LEVEL || rgb[1] <= BLACK_LEVEL || rgb[2] <= BLACK_LEVEL;
        histogram[rgb[1] >> 8]++;
    }
    for (int level = 0; level < 256; level++)
        inside += histogram[level];
    out->skin_percent = count ? 100.0 * (double)inside / (double)count : 0;
    out->bright_percent = count ? 100.0 * (double)bright / (double)count : 0;
    if (!inside)
        return;
    double both = (double)(inside + shining);
    out->clipped_percent = 100.0 * (double)any / both;
    for (int c = 0; c < 3; c++)
        out->channel_percent[c] = 100.0 * (double)high[c] / both;
    out->black_percent = 100.0 * (double)black / (double)inside;
    out->shine_percent = 100.0 * (double)shining / both;
    size_t below = 0;
    int level = 0;
    while (level < 255 && (below += histogram[level]) * 2 < inside)
        level++;
    out->median = (level + 0.5) / 256;
}

/* Patches are square: how unequal they look is the cosine of the tilt. */
static double tilt_degrees(const rubor_chart_location *location)
{
    const double *h = location->homography;
    double x = RUBOR_CHART_COLUMNS / 2.0, y = RUBOR_CHART_ROWS / 2.0;
    double w = h[6] * x + h[7] * y + h[8];
    if (!(fabs(w) > 1e-12) || !(location->fill[0] > 0) || !(location->fill[1] > 0))
        return RUBOR_NULL;
    double px = (h[0] * x + h[1] * y + h[2]) / w, py = (h[3] * x + h[4] * y + h[5]) / w;
    double a = (h[0] - px * h[6]) / w * location->fill[0], b = (h[1] - px * h[7]) / w * location->fill[1];
    double c = (h[3] - py * h[6]) / w * location->fill[0], d = (h[4] - py * h[7]) / w * location->fill[1];
    double sum = (a * a + b * b + c * c + d * d) / 2;
    double difference = sqrt(fmax(0, sum * sum - (a * d - b * c) * (a * d - b * c)));
    if (!(sum > 0))
        return RUBOR_NULL;
    double cosine2 = fmin(1, fmax(0, (sum - difference) / (sum + difference)));
    return rubor_atan2(sqrt(1 - cosine2), sqrt(cosine2)) * 180 / 3.14159265358979;
}

/* Whether exposure cost this patch: one of its channels is at the brightest level of all, or all are near
 * black. Strong yellows and cyans lie outside of sRGB: their least channel is 0 in a well exposed photo, too.
 */
static bool lost_by_exposure(const rubor_calibration *calibration, int patch)
{
    const double *linear = calibration->patches[patch].linear;
    bool bright = false, dark = true;
    for (int c = 0; c < 3; c++) {
        double highest = 0;
        for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
            highest = fmax(highest, calibration->patches[k].linear[c]);
        bright = bright || linear[c] >= NEAR_HIGHEST * highest;
        dark = dark && linear[c] < NEAR_BLACK;
    }
    return calibration->patches[patch].use == RUBOR_PATCH_CLIPPED && (bright || dark);
}

rubor_status rubor_quality_measure(rubor_quality *out, const rubor_image_encoded *working,
                                   const rubor_mask *skin, const rubor_mask *shine,
                                   const rubor_calibration *calibration, int64_t full_width,
                                   rubor_error *error)
{
    memset(out, 0, sizeof *out);
    out->clipped_percent = out->black_percent = out->median = out->shine_percent = RUBOR_NULL;
    out->tilt_degrees = out->white_linear = out->sharpness = RUBOR_NULL;
    for (int c = 0; c < 3; c++)
        out->channel_percent[c] = RUBOR_NULL;
    count_levels(out, working, skin, shine);
    if (calibration->status == RUBOR_CALIBRATION_CHART) {
        out->tilt_degrees = tilt_degrees(&calibration->location);
        const double *white = calibration->patches[18].linear;
        out->white_linear = fmax(white[0], fmax(white[1], white[2]));
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
            out->clipped_patches += lost_by_exposure(calibration, i);
    }
    rubor_status status = rubor_quality_blur(&out->blur_px, &out->blur_ratio, &out->smear, working, error);
    if (status == RUBOR_OK && isfinite(out->blur_px))
        out->sharpness = fmin(1, 0.7 / fmax(out->blur_px, 0.1));
    if (status == RUBOR_OK)
        rubor_quality_skin_blur(out, working, skin, calibration, full_width);
    return status;
}
