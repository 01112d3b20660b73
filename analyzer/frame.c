#include "analyzer/frame.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

double rubor_now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

double rubor_frame_glare_sd(const rubor_frame *frame)
{
    double sd = frame->calibration.glare_percent_sd;
    return isfinite(sd) ? sd / 100 : 0.01;
}

void rubor_frame_finish(rubor_frame *frame)
{
    if (!frame)
        return;
    rubor_image_calibrated_finish(&frame->image);
    rubor_skin_finish(&frame->skin);
    memset(frame, 0, sizeof *frame);
}

/* The same lamp on another day is at most 0.06 away, another lamp 0.09 on average (docs/MEASUREMENT.md). */
static const double PROFILE_DISTANCE_MOST = 0.10;

/* Chart in the frame, else the station's profile, else nothing: never a guess at the light. */
static rubor_status calibrate(rubor_frame *frame, const rubor_image_encoded *working, rubor_bytes bytes,
                              const rubor_frame_options *options, rubor_error *error)
{
    rubor_calibrate_options how = {
        .corners_px = options->corners_px, .edition = options->edition, .table = options->table};
    rubor_error why = {0};
    rubor_status status = rubor_calibrate(&frame->calibration, &frame->info, working, bytes, &how, &why);
    if (status == RUBOR_OK) {
        const rubor_calibration *kept = options->profile ? &options->profile->calibration : NULL;
        frame->profile_contradicted =
            kept && rubor_calibration_lighting_distance(&frame->calibration, kept) > PROFILE_DISTANCE_MOST;
        return RUBOR_OK;
    }
    if (status != RUBOR_NOT_FOUND && status != RUBOR_REFUSED)
        return rubor_error_set(error, status, "%s", why.message);
    if (status == RUBOR_REFUSED)
        snprintf(frame->refused, sizeof frame->refused, "%.*s", (int)sizeof frame->refused - 1, why.message);
    rubor_calibration charted = frame->calibration;
    rubor_calibration_none(&frame->calibration);
    frame->calibration.darkest = rubor_calibration_darkest(working);
    if (status == RUBOR_REFUSED) { /* where something like a chart lies is still worth knowing */
        frame->calibration.location = charted.location;
        memcpy(frame->calibration.patches, charted.patches, sizeof charted.patches);
    }
    if (!options->profile)
        return RUBOR_OK;
    rubor_calibration from_profile;
    status = rubor_profile_calibration(&from_profile, options->profile, &frame->info, options->now, &why);
    if (status == RUBOR_OK) {
        frame->calibration = from_profile;
    } else if (status == RUBOR_REFUSED) {
        frame->profile_refused = true;
        snprintf(frame->refused, sizeof frame->refused, "%.*s", (int)sizeof frame->refused - 1, why.message);
    } else {
        return rubor_error_set(error, status, "%s", why.message);
    }
    return RUBOR_OK;
}

rubor_status rubor_frame_prepare(rubor_frame *out, rubor_bytes bytes, const rubor_frame_options *options,
                                 rubor_error *error)
{
    memset(out, 0, sizeof *out);
    double start = rubor_now_ms();
    rubor_image_encoded working = {0};
    rubor_status status = rubor_photo_probe(&out->info, bytes, error);
    if (status != RUBOR_OK)
        goto out;
    status = rubor_photo_decode(&working, bytes, NULL, error);
    if (status != RUBOR_OK)
        goto out;
    rubor_digest(out->digest, bytes);
    out->scale_x = (double)working.width / out->info.width;
    out->scale_y = (double)working.height / out->info.height;
    double decoded = rubor_now_ms();
    out->decode_ms = decoded - start;

    status = calibrate(out, &working, bytes, options, error);
    if (status != RUBOR_OK)
        goto out;
    out->mm_per_px = out->calibration.mm_per_px > 0 ? out->calibration.mm_per_px / out->scale_x : RUBOR_NULL;
    status = rubor_calibration_apply(&out->image, &working, &out->calibration, error);
    if (status != RUBOR_OK)
        goto out;
    out->calibrate_ms = rubor_now_ms() - decoded;

    status =
        rubor_skin_find(&out->skin, &out->image, &out->calibration, out->info.width, out->info.height, error);
    if (status != RUBOR_OK)
        goto out;
    status = rubor_quality_measure(&out->quality, &working, &out->skin.skin, &out->skin.shine,
                                   &out->calibration, out->info.width, error);
out:
    rubor_image_encoded_finish(&working);
    if (status != RUBOR_OK)
        rubor_frame_finish(out);
    return status;
}
