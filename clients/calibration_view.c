#include "clients/calibration_view.h"

#include "clients/json.h"

#include <string.h>

const char *rubor_patch_use_name(rubor_patch_use use)
{
    switch (use) {
    case RUBOR_PATCH_USED:
        return "used";
    case RUBOR_PATCH_CLIPPED:
        return "clipped";
    case RUBOR_PATCH_SHADOWED:
        return "shadowed";
    case RUBOR_PATCH_COVERED:
        return "covered";
    case RUBOR_PATCH_OUTLIER:
        return "outlier";
    }
    return "unknown";
}

const rubor_chart_table *rubor_calibration_table(const rubor_calibration *calibration,
                                                 const rubor_chart_table *own)
{
    if (own)
        return own;
    return rubor_chart_table_get(calibration->edition == RUBOR_EDITION_BEFORE_2014
                                     ? RUBOR_EDITION_BEFORE_2014
                                     : RUBOR_EDITION_AFTER_2014);
}

static void set_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void photo_to_record(rubor_record *record, const rubor_photo_info *info,
                            const rubor_image_encoded *working, rubor_bytes bytes)
{
    rubor_digest(record->photo.digest, bytes);
    set_text(record->photo.format, sizeof record->photo.format,
             info->format == RUBOR_FORMAT_PNG ? "png" : "jpeg");
    record->photo.width = info->width;
    record->photo.height = info->height;
    record->photo.working_width = working->width;
    record->photo.working_height = working->height;
    record->photo.orientation = info->orientation;
    set_text(record->photo.icc, sizeof record->photo.icc, info->icc);
    set_text(record->photo.captured_at, sizeof record->photo.captured_at, info->captured_at);
}

static void chart_to_record(rubor_record *record, const rubor_calibration *calibration)
{
    const rubor_chart_table *table = rubor_calibration_table(calibration, NULL);
    set_text(record->calibration.chart.type, sizeof record->calibration.chart.type, calibration->chart_type);
    set_text(record->calibration.chart.edition, sizeof record->calibration.chart.edition,
             rubor_chart_edition_name(calibration->edition));
    record->calibration.chart.confidence = calibration->location.confidence;
    for (int i = 0; i < 4; i++) {
        record->calibration.chart.corners_px[2 * i] = calibration->location.corners_px[i].x;
        record->calibration.chart.corners_px[2 * i + 1] = calibration->location.corners_px[i].y;
    }
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        if (calibration->patches[i].use == RUBOR_PATCH_CLIPPED)
            set_text(record->calibration.chart.clipped_patches[record->calibration.chart.clipped_count++], 32,
                     table->names[i]);
    record->calibration.chart.delta_e2000.uncorrected = calibration->delta_e2000_uncorrected;
    record->calibration.chart.delta_e2000.fit_mean = calibration->delta_e2000_fit_mean;
    record->calibration.chart.delta_e2000.fit_max = calibration->delta_e2000_fit_max;
    record->calibration.chart.delta_e2000.loo_mean = calibration->delta_e2000_loo_mean;
}

void rubor_calibration_to_record(rubor_record *record, const rubor_calibration *calibration,
                                 const rubor_photo_info *info, const rubor_image_encoded *working,
                                 rubor_bytes bytes)
{
    static const char *const states[] = {"none", "chart", "profile"};
    rubor_record_init(record);
    photo_to_record(record, info, working, bytes);
    set_text(record->calibration.status, sizeof record->calibration.status, states[calibration->status]);
    record->calibration.chart_present = calibration->status == RUBOR_CALIBRATION_CHART;
    if (!record->calibration.chart_present)
        return;
    chart_to_record(record, calibration);
    rubor_directions directions;
    rubor_calibration_directions(&directions, calibration, NULL);
    record->calibration.glare_percent = calibration->glare_percent;
    record->calibration.gain.hemoglobin = directions.hemoglobin_gain;
    record->calibration.gain.melanin = directions.melanin_gain;
    record->calibration.mm_per_px = calibration->mm_per_px;
}

static json_t *lab_json(rubor_lab lab)
{
    return json_pack("[ooo]", rubor_json_number(lab.L, 2), rubor_json_number(lab.a, 2),
                     rubor_json_number(lab.b, 2));
}

json_t *rubor_calibration_patches_json(const rubor_calibration *calibration, const rubor_chart_table *table)
{
    json_t *patches = json_array();
    for (int i = 0; patches && i < RUBOR_CHART_PATCHES; i++) {
        const rubor_patch *patch = &calibration->patches[i];
        const rubor_point *center = &calibration->location.centers_px[i];
        json_t *one =
            json_pack("{so,ss,so,so,so,s[oo]}", "name", rubor_json_text(table->names[i]), "use",
                      rubor_patch_use_name(patch->use), "corrected_lab",
                      lab_json(rubor_linear_to_lab_d50(patch->corrected)), "reference_lab",
                      lab_json(table->lab_d50[i]), "delta_e2000", rubor_json_number(patch->delta_e2000, 2),
                      "center_px", rubor_json_number(center->x, 1), rubor_json_number(center->y, 1));
        if (json_array_append_new(patches, one) != 0)
            break;
    }
    return patches;
}
