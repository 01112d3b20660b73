#include "analyzer/analyze.h"

#include "analyzer/findings.h"
#include "analyzer/frame.h"
#include "analyzer/overlay.h"
#include "analyzer/quality_pair.h"
#include "analyzer/region.h"
#include "analyzer/scores.h"
#include "analyzer/unwarp.h"

#include "imaging/fixed_math.h"

#include <stdio.h>
#include <string.h>

#define SET(field, text) snprintf(field, sizeof(field), "%s", text)

/* Two lamps this far apart leave too much doubt in delta_ei (relative) to compare. */
/* Same lamp on another day: 0.009, at most 0.06; another lamp: 0.09 on average (docs/MEASUREMENT.md "Another
 * lamp"). */
#define LIGHTING_WARN 0.06
/* Hue angle of skin in CIELAB, degrees: 27 measured skins of all tones (ISSA, ITA -44 to 61) lie within 27
 * to 69. */
#define SKIN_HUE_LEAST 20.0
#define SKIN_HUE_MOST 90.0
#define CRUST_FLAG 0.1  /* % of the region */
#define BRUISE_FLAG 1.0 /* % of the region */
/* Part of the region's delta_mi that may be a bruise too faint to be called one: units, and share of it. */
#define POSSIBLE_BRUISE_MI 0.4
#define POSSIBLE_BRUISE_SHARE 0.4
/* delta_ei of untreated skin against the chart: as red as what counts as erythema; more under another lamp,
 * where this reading is off by up to 3.3 (0.4 under the same lamp). */
#define SUNBURN_EI RUBOR_ERYTHEMA_THRESHOLD
#define SUNBURN_EI_OTHER_LAMP 4.0

/* Everything one analysis holds, so that one place frees it. */
typedef struct analysis {
    rubor_frame visit, baseline;
    bool paired; /* baseline present and aligned */
    rubor_registration registration;
    rubor_change change;
    rubor_findings findings;
    rubor_masks masks;
    rubor_uncertainty uncertainty;
} analysis;

void rubor_maps_finish(rubor_maps *maps)
{
    if (!maps)
        return;
    rubor_image_encoded_finish(&maps->working);
    rubor_plane_finish(&maps->ei);
    rubor_plane_finish(&maps->mi);
    rubor_plane_finish(&maps->delta_ei);
    rubor_plane_finish(&maps->delta_mi);
    rubor_mask_finish(&maps->skin);
    rubor_mask_finish(&maps->erythema);
    rubor_mask_finish(&maps->pigment);
    rubor_mask_finish(&maps->findings);
    rubor_image_encoded_finish(&maps->overlay);
    rubor_image_encoded_finish(&maps->aligned);
    memset(maps, 0, sizeof *maps);
}

static void finish(analysis *a)
{
    rubor_frame_finish(&a->visit);
    rubor_frame_finish(&a->baseline);
    rubor_change_finish(&a->change);
    rubor_findings_finish(&a->findings);
    rubor_masks_finish(&a->masks);
}

static void describe_photo(rubor_record *out, const rubor_frame *frame)
{
    SET(out->photo.digest, frame->digest);
    SET(out->photo.format, frame->info.format == RUBOR_FORMAT_PNG ? "png" : "jpeg");
    out->photo.width = frame->info.width;
    out->photo.height = frame->info.height;
    out->photo.working_width = frame->image.width;
    out->photo.working_height = frame->image.height;
    out->photo.orientation = frame->info.orientation;
    SET(out->photo.icc, frame->info.icc);
    SET(out->photo.captured_at, frame->info.captured_at);
}

static void describe_chart(rubor_record *out, const rubor_calibration *calibration)
{
    const rubor_chart_table *table =
        rubor_chart_table_get(calibration->edition == RUBOR_EDITION_BEFORE_2014 ? RUBOR_EDITION_BEFORE_2014
                                                                                : RUBOR_EDITION_AFTER_2014);
    out->calibration.chart_present = true;
    SET(out->calibration.chart.type, calibration->chart_type);
    SET(out->calibration.chart.edition, rubor_chart_edition_name(calibration->edition));
    out->calibration.chart.confidence = calibration->location.confidence;
    for (int i = 0; i < 4; i++) {
        out->calibration.chart.corners_px[2 * i] = calibration->location.corners_px[i].x;
        out->calibration.chart.corners_px[2 * i + 1] = calibration->location.corners_px[i].y;
    }
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        if (calibration->patches[i].use == RUBOR_PATCH_CLIPPED)
            snprintf(out->calibration.chart.clipped_patches[out->calibration.chart.clipped_count++], 32, "%s",
                     table->names[i]);
    out->calibration.chart.delta_e2000.uncorrected = calibration->delta_e2000_uncorrected;
    out->calibration.chart.delta_e2000.fit_mean = calibration->delta_e2000_fit_mean;
    out->calibration.chart.delta_e2000.fit_max = calibration->delta_e2000_fit_max;
    out->calibration.chart.delta_e2000.loo_mean = calibration->delta_e2000_loo_mean;
}

static void describe_calibration(rubor_record *out, const rubor_frame *frame)
{
    static const char *const names[] = {"none", "chart", "profile"};
    const rubor_calibration *calibration = &frame->calibration;
    SET(out->calibration.status, names[calibration->status]);
    if (calibration->status == RUBOR_CALIBRATION_CHART)
        describe_chart(out, calibration);
    if (calibration->status != RUBOR_CALIBRATION_NONE) {
        rubor_directions directions; /* of medium skin until this photo's skin is known */
        rubor_calibration_directions(&directions, calibration, NULL);
        out->calibration.glare_percent = calibration->glare_percent;
        out->calibration.gain.hemoglobin = directions.hemoglobin_gain;
        out->calibration.gain.melanin = directions.melanin_gain;
    }
    out->calibration.mm_per_px = calibration->mm_per_px > 0 ? calibration->mm_per_px : RUBOR_NULL;
}

static void describe_skin(rubor_record *out, const rubor_frame *frame)
{
    out->skin.area_percent = frame->skin.area_percent;
    if (isfinite(frame->mm_per_px))
        out->skin.area_cm2 = frame->skin.area_percent / 100 * frame->image.width * frame->image.height *
                             frame->mm_per_px * frame->mm_per_px / 100;
    out->skin.ita = frame->skin.ita;
    SET(out->skin.tone, rubor_skin_tone(frame->skin.ita));
    for (int i = 0; i < 3; i++)
        out->skin.lab[i] = frame->skin.lab[i];
}

/* A profile is trusted as long as nothing in the photo speaks against it. */
static void judge_profile(rubor_record *out, const rubor_frame *frame)
{
    char sentence[RUBOR_SENTENCE_SIZE];
    double hue = rubor_atan2(frame->skin.lab[2], frame->skin.lab[1]) * (180 / 3.14159265358979323846);
    if (frame->profile_refused) {
        snprintf(sentence, sizeof sentence, "The station's profile was not used: %.140s.", frame->refused);
        rubor_record_reason(out, "warn", "profile_refused", sentence);
    } else if (frame->refused[0]) {
        snprintf(sentence, sizeof sentence, "The chart was not used: %.150s.", frame->refused);
        rubor_record_reason(out, "warn", "chart_refused", sentence);
    }
    if (frame->profile_contradicted)
        rubor_record_reason(
            out, "warn", "profile_contradicted",
            "The chart in the photo says another light than the station's profile: make a new profile.");
    if (frame->calibration.status == RUBOR_CALIBRATION_PROFILE && frame->skin.area_percent > 0 &&
        !(hue >= SKIN_HUE_LEAST && hue <= SKIN_HUE_MOST)) {
        rubor_record_reason(
            out, "warn", "profile_contradicted",
            "Skin has an impossible color under the station's profile: another camera, lamp or setting; "
            "make a new profile.");
        rubor_record_flag(out, "not_comparable");
    }
}

static rubor_status prepare(analysis *a, rubor_record *out, rubor_bytes photo, rubor_bytes baseline,
                            const rubor_analyze_options *options, rubor_error *error)
{
    rubor_frame_options how = {.corners_px = options->corners_px,
                               .edition = options->edition,
                               .table = options->chart_table,
                               .profile = options->profile,
                               .now = options->now};
    rubor_status status = rubor_frame_prepare(&a->visit, photo, &how, error);
    if (status != RUBOR_OK || !baseline.data)
        return status;
    how.corners_px = NULL;
    how.profile = options->baseline_profile;
    how.now = 0; /* the profile was of its age when the baseline was taken */
    status = rubor_frame_prepare(&a->baseline, baseline, &how, error);
    if (status != RUBOR_OK) {
        rubor_error_prefix(error, "baseline");
        return status;
    }
    out->timing_ms.decode = a->baseline.decode_ms;
    out->timing_ms.calibrate = a->baseline.calibrate_ms;
    return RUBOR_OK;
}

static rubor_status align(analysis *a, rubor_record *out, rubor_error *error)
{
    rubor_error why = {0};
    if (a->visit.skin.area_percent <= 0 || a->baseline.skin.area_percent <= 0)
        return RUBOR_OK;
    double start = rubor_now_ms();
    rubor_status status = rubor_register(&a->registration, &a->visit.image, &a->visit.skin.skin,
                                         &a->baseline.image, &a->baseline.skin.skin, &why);
    out->timing_ms.register_ = rubor_now_ms() - start;
    if (status == RUBOR_REFUSED) {
        rubor_record_reason(
            out, "retake", "misaligned",
            "This does not show the same place as the photo before treatment: pose the person as "
            "in that photo and take it again.");
        return RUBOR_OK;
    }
    if (status != RUBOR_OK)
        return rubor_error_set(error, status, "%s", why.message);
    a->paired = true;
    out->registration_present = true;
    SET(out->registration.model, a->registration.model);
    out->registration.residual_px = a->registration.residual_px;
    out->registration.overlap_percent = a->registration.overlap_percent;
    return RUBOR_OK;
}

static void compare_light(const analysis *a, rubor_record *out)
{
    double distance = rubor_calibration_lighting_distance(&a->visit.calibration, &a->baseline.calibration);
    bool uncalibrated = a->visit.calibration.status == RUBOR_CALIBRATION_NONE ||
                        a->baseline.calibration.status == RUBOR_CALIBRATION_NONE;
    if (!uncalibrated && distance > LIGHTING_WARN)
        rubor_record_reason(
            out, "warn", "lighting_changed",
            "The light differs from the photo before treatment: use the same lamp and switch the "
            "others off.");
    if (uncalibrated || distance > LIGHTING_WARN)
        rubor_record_flag(out, "not_comparable");
}

/* Numbers of the change; everything stays null when there is nothing to compare with. */
static rubor_status measure(analysis *a, rubor_record *out, const rubor_analyze_options *options,
                            rubor_error *error)
{
    const rubor_frame *baseline = a->paired ? &a->baseline : NULL;
    const rubor_registration *registration = a->paired ? &a->registration : NULL;
    if (a->paired)
        rubor_change_readmit(&a->visit, baseline, registration);
    rubor_status status = rubor_change_init(&a->change, &a->visit, error);
    if (status == RUBOR_OK && a->paired)
        status = rubor_change_add_baseline(&a->change, baseline, registration, error);
    if (status == RUBOR_OK)
        status = rubor_region_find(&a->change, out, options, &a->visit, baseline, registration, error);
    if (status != RUBOR_OK)
        return status;
    bool misaligned = a->baseline.image.width > 0 && !a->paired;
    if (misaligned || rubor_mask_count(&a->change.region) == 0 || (!a->paired && !a->change.control_known)) {
        rubor_change_settle(&a->visit, &a->change);
        return rubor_findings_none(&a->findings, &a->change, &a->visit, error);
    }
    status = rubor_change_unmix(&a->change, &a->visit, baseline, error);
    if (status != RUBOR_OK)
        return status;
    rubor_change_settle(&a->visit, &a->change);
    if (status == RUBOR_OK)
        status = a->paired ? rubor_findings_find(&a->findings, &a->change, &a->visit, baseline, registration,
                                                 options->day, error)
                           : rubor_findings_none(&a->findings, &a->change, &a->visit, error);
    if (status != RUBOR_OK)
        return status;
    rubor_quality_pair pair;
    rubor_quality_pair_measure(&pair, &a->change, &a->findings, &a->visit, baseline, registration,
                               options->day);
    rubor_quality_pair_judge(out, &pair);
    if (options->day <= RUBOR_BRUISE_LAST_DAY)
        status = rubor_change_suspect(&a->change, &a->findings.cells, error);
    if (status != RUBOR_OK)
        return status;
    rubor_uncertainty_find(&a->uncertainty, &a->change, &a->visit, baseline, registration, pair.shine_percent,
                           0, 0);
    const double zero_sd[2] = {a->uncertainty.decision_ei, a->uncertainty.decision_mi};
    status = rubor_masks_find(&a->masks, &a->change, &a->findings.cells, zero_sd, error);
    if (status != RUBOR_OK)
        return status;
    status = rubor_scores_fill(out, &a->change, &a->masks, &a->findings, &a->uncertainty, error);
    if (status != RUBOR_OK)
        return status;
    rubor_uncertainty_find(&a->uncertainty, &a->change, &a->visit, baseline, registration, pair.shine_percent,
                           out->redness.delta, out->pigmentation.delta);
    out->doubt_count = a->uncertainty.doubt_count;
    memcpy(out->doubts, a->uncertainty.doubts, sizeof out->doubts);
    if (a->visit.calibration.status != RUBOR_CALIBRATION_NONE) {
        out->calibration.gain.hemoglobin = a->change.directions.hemoglobin_gain;
        out->calibration.gain.melanin = a->change.directions.melanin_gain;
    }
    return RUBOR_OK;
}

/* Darkening without melanin's color, and nothing else that explains it. Without a chart every color is in
 * doubt, without untreated skin so is what is new. */
static bool may_be_bruised(const rubor_record *out, const analysis *a)
{
    return a->visit.calibration.status != RUBOR_CALIBRATION_NONE && a->change.control_known &&
           !(a->findings.cover_percent > 0) && a->change.suspected_mi >= POSSIBLE_BRUISE_MI &&
           a->change.suspected_mi >= POSSIBLE_BRUISE_SHARE * out->pigmentation.delta;
}

/* What the numbers of this one photo say; what follows from several days is the series' to say. */
static void raise_flags(rubor_record *out, const analysis *a, int day)
{
    if (out->findings.crust_percent >= CRUST_FLAG)
        rubor_record_flag(out, "crusting");
    if (out->findings.bruise_percent >= BRUISE_FLAG)
        rubor_record_flag(out, "bruise");
    else if (may_be_bruised(out, a))
        rubor_record_flag(out, "possible_bruise");
    bool other_lamp = rubor_record_has_flag(out, "not_comparable"); /* only light and calibration raise it */
    if (a->change.control_ei >= (other_lamp ? SUNBURN_EI_OTHER_LAMP : SUNBURN_EI))
        rubor_record_flag(out, "sunburn");
    bool darker = out->pigmentation.changed == 1 && out->pigmentation.delta > 0;
    if (darker && day >= RUBOR_PIH_FIRST_DAY)
        rubor_record_flag(out, "possible_pih");
    else if (darker && day >= 0) /* may be crust or bruise, which the eye tells better */
        rubor_record_flag(out, "early_darkening");
}

static rubor_status enlarge_mask(rubor_mask *out, const rubor_change *change, const rubor_plane *smoothed,
                                 double least, int width, int height, rubor_error *error)
{
    rubor_plane large = {0};
    rubor_status status = rubor_mask_init(out, width, height, error);
    if (status != RUBOR_OK || !smoothed->data)
        return status;
    status = rubor_change_enlarge(&large, change, smoothed, width, height, error);
    for (size_t i = 0; status == RUBOR_OK && i < (size_t)width * (size_t)height; i++)
        out->data[i] = large.data[i] >= least ? 255 : 0;
    rubor_plane_finish(&large);
    return status;
}

/* What the pictures do not need, freed before they are made: they are most of what an analysis holds. */
static void free_measured(analysis *a)
{
    rubor_image_calibrated_finish(&a->baseline.image);
    rubor_skin_finish(&a->baseline.skin);
    for (int c = 0; c < 3; c++) {
        rubor_plane_finish(&a->change.visit_od[c]);
        rubor_plane_finish(&a->change.reference_od[c]);
    }
}

/* The last step: a holds no images afterwards. */
static rubor_status draw_maps(rubor_maps *maps, analysis *a, rubor_error *error)
{
    int width = a->visit.image.width, height = a->visit.image.height;
    int baseline_width = a->baseline.image.width, baseline_height = a->baseline.image.height;
    free_measured(a);
    rubor_status status = rubor_image_encoded_init(&maps->working, width, height, error);
    if (status != RUBOR_OK)
        return status;
    rubor_image_encode_calibrated(&maps->working, &a->visit.image);
    status = rubor_indices(&maps->ei, &maps->mi, &a->visit.image, &a->visit.skin.skin, error);
    rubor_image_calibrated_finish(&a->visit.image);
    if (status == RUBOR_OK && a->change.delta_ei.data)
        status = rubor_change_enlarge(&maps->delta_ei, &a->change, &a->change.delta_ei, width, height, error);
    if (status == RUBOR_OK && a->change.delta_mi.data)
        status = rubor_change_enlarge(&maps->delta_mi, &a->change, &a->change.delta_mi, width, height, error);
    if (status == RUBOR_OK)
        status = enlarge_mask(&maps->erythema, &a->change, &a->masks.smooth_ei, RUBOR_ERYTHEMA_THRESHOLD,
                              width, height, error);
    if (status == RUBOR_OK)
        status = enlarge_mask(&maps->pigment, &a->change, &a->masks.smooth_mi, RUBOR_PIGMENT_THRESHOLD, width,
                              height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&maps->findings, width, height, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&maps->skin, width, height, error);
    if (status != RUBOR_OK)
        return status;
    memcpy(maps->skin.data, a->visit.skin.skin.data, (size_t)width * (size_t)height);
    if (a->findings.spots.data)
        memcpy(maps->findings.data, a->findings.spots.data, (size_t)width * (size_t)height);
    rubor_outline outlines[] = {{&maps->skin, {255, 255, 255}},
                                {&maps->pigment, {120, 60, 0}},
                                {&maps->erythema, {220, 0, 60}},
                                {&maps->findings, {0, 90, 255}}};
    status = rubor_overlay_draw(&maps->overlay, &maps->working, outlines, 4, error);
    if (status == RUBOR_OK && a->paired)
        status = rubor_unwarp_picture(&maps->aligned, &maps->working, &a->registration, baseline_width,
                                      baseline_height, error);
    return status == RUBOR_REFUSED ? RUBOR_OK : status; /* a picture that cannot be made is left out */
}

rubor_status rubor_analyze(rubor_record *out, rubor_maps *maps, rubor_bytes photo, rubor_bytes baseline,
                           const rubor_analyze_options *options, rubor_error *error)
{
    static const rubor_analyze_options none = {.day = RUBOR_DAY_UNKNOWN};
    analysis a = {0};
    double start = rubor_now_ms();
    options = options ? options : &none;
    rubor_record_init(out);
    out->timing_ms.decode = out->timing_ms.calibrate = 0;
    rubor_status status = prepare(&a, out, photo, baseline, options, error);
    if (status != RUBOR_OK)
        goto out;
    describe_photo(out, &a.visit);
    describe_calibration(out, &a.visit);
    SET(out->reference, baseline.data ? "baseline" : "within_frame");
    rubor_quality_judge(out, &a.visit.quality, &a.visit.calibration, a.visit.info.width, a.visit.info.height,
                        a.visit.mm_per_px);
    if (baseline.data) {
        rubor_quality_judge_distance(out, &a.visit, &a.baseline);
        status = align(&a, out, error);
        if (status != RUBOR_OK)
            goto out;
        compare_light(&a, out);
    }
    double aligned = rubor_now_ms();
    status = measure(&a, out, options, error);
    if (status != RUBOR_OK)
        goto out;
    if (baseline.data && isnan(out->redness.delta))
        rubor_quality_judge_nothing(out);
    describe_skin(out, &a.visit);
    judge_profile(out, &a.visit);
    out->findings.pinpoint_count = a.findings.pinpoint_count;
    out->findings.crust_percent = a.findings.crust_percent;
    out->findings.bruise_percent = a.findings.bruise_percent;
    out->findings.shine_percent = a.findings.shine_percent;
    raise_flags(out, &a, options->day);
    if (maps)
        status = draw_maps(maps, &a, error);
    out->timing_ms.decode += a.visit.decode_ms;
    out->timing_ms.calibrate += a.visit.calibrate_ms;
    double end = rubor_now_ms();
    out->timing_ms.analyze = end - aligned;
    out->timing_ms.total = end - start;
out:
    finish(&a);
    if (status != RUBOR_OK && maps)
        rubor_maps_finish(maps);
    return status;
}
