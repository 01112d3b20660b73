#include "analyzer/record.h"

#define AT(member) offsetof(rubor_record, member)
#define SIZE(member) sizeof(((rubor_record *)0)->member)

#define NUMBER(key, member, decimals) {RUBOR_FIELD_NUMBER, key, AT(member), 1, 0, 0, decimals}
#define NUMBERS(key, member, count, decimals) {RUBOR_FIELD_NUMBERS, key, AT(member), count, 0, 0, decimals}
#define POINTS(key, member, count) {RUBOR_FIELD_POINTS, key, AT(member), count, 0, 0, 1}
#define INTEGER(key, member) {RUBOR_FIELD_INTEGER, key, AT(member), 1, 0, 0, 0}
#define SMALL(key, member) {RUBOR_FIELD_INT, key, AT(member), 1, 0, 0, 0}
#define BOOL(key, member) {RUBOR_FIELD_BOOL, key, AT(member), 1, 0, 0, 0}
#define TEXT(key, member) {RUBOR_FIELD_TEXT, key, AT(member), SIZE(member), 0, 0, 0}
#define TEXTS(key, member, counter, bytes, capacity) \
    {RUBOR_FIELD_TEXTS, key, AT(member), bytes, AT(counter), capacity, 0}
#define OPEN(key) {RUBOR_FIELD_OPEN, key, 0, 0, 0, 0, 0}
#define OPTIONAL(key, member) {RUBOR_FIELD_OPEN_OPTIONAL, key, AT(member), 0, 0, 0, 0}
#define CLOSE {RUBOR_FIELD_CLOSE, NULL, 0, 0, 0, 0, 0}

static const rubor_field fields[] = {
    INTEGER("schema", schema),
    OPEN("rubor"),
    TEXT("version", rubor.version),
    TEXT("algorithm", rubor.algorithm),
    CLOSE,
    OPEN("photo"),
    TEXT("digest", photo.digest),
    TEXT("format", photo.format),
    INTEGER("width", photo.width),
    INTEGER("height", photo.height),
    INTEGER("working_width", photo.working_width),
    INTEGER("working_height", photo.working_height),
    INTEGER("orientation", photo.orientation),
    TEXT("icc", photo.icc),
    TEXT("captured_at", photo.captured_at),
    CLOSE,
    OPEN("quality"),
    TEXT("verdict", quality.verdict),
    {RUBOR_FIELD_REASONS, "reasons", AT(quality.reasons), 0, AT(quality.reason_count), RUBOR_RECORD_REASONS, 0},
    NUMBER("sharpness", quality.sharpness, 3),
    NUMBER("clipped_percent", quality.clipped_percent, 2),
    CLOSE,
    OPEN("calibration"),
    TEXT("status", calibration.status),
    OPTIONAL("chart", calibration.chart_present),
    TEXT("type", calibration.chart.type),
    TEXT("edition", calibration.chart.edition),
    NUMBER("confidence", calibration.chart.confidence, 3),
    POINTS("corners_px", calibration.chart.corners_px, 4),
    TEXTS("clipped_patches", calibration.chart.clipped_patches, calibration.chart.clipped_count, 32,
          RUBOR_RECORD_CLIPPED),
    OPEN("delta_e2000"),
    NUMBER("uncorrected", calibration.chart.delta_e2000.uncorrected, 2),
    NUMBER("fit_mean", calibration.chart.delta_e2000.fit_mean, 2),
    NUMBER("fit_max", calibration.chart.delta_e2000.fit_max, 2),
    NUMBER("loo_mean", calibration.chart.delta_e2000.loo_mean, 2),
    CLOSE,
    CLOSE,
    NUMBER("glare_percent", calibration.glare_percent, 2),
    OPEN("gain"),
    NUMBER("hemoglobin", calibration.gain.hemoglobin, 3),
    NUMBER("melanin", calibration.gain.melanin, 3),
    CLOSE,
    NUMBER("mm_per_px", calibration.mm_per_px, 5),
    CLOSE,
    OPEN("skin"),
    NUMBER("area_percent", skin.area_percent, 2),
    NUMBER("area_cm2", skin.area_cm2, 2),
    NUMBER("ita", skin.ita, 1),
    TEXT("tone", skin.tone),
    NUMBERS("lab", skin.lab, 3, 2),
    CLOSE,
    TEXT("reference", reference),
    OPEN("region"),
    TEXT("source", region.source),
    TEXT("control", region.control),
    CLOSE,
    OPTIONAL("registration", registration_present),
    TEXT("model", registration.model),
    NUMBER("residual_px", registration.residual_px, 3),
    NUMBER("overlap_percent", registration.overlap_percent, 1),
    CLOSE,
    OPEN("redness"),
    NUMBER("score", redness.score, 2),
    NUMBERS("interval95", redness.interval95, 2, 2),
    SMALL("grade", redness.grade),
    NUMBER("delta_ei", redness.delta, 3),
    NUMBERS("delta_ei_interval95", redness.delta_interval95, 2, 3),
    NUMBER("delta_ei_raw", redness.delta_raw, 3),
    NUMBER("area_percent", redness.area_percent, 2),
    NUMBER("area_cm2", redness.area_cm2, 2),
    BOOL("changed", redness.changed),
    NUMBER("mdc", redness.mdc, 3),
    CLOSE,
    OPEN("pigmentation"),
    NUMBER("score", pigmentation.score, 2),
    NUMBERS("interval95", pigmentation.interval95, 2, 2),
    NUMBER("delta_mi", pigmentation.delta, 3),
    NUMBERS("delta_mi_interval95", pigmentation.delta_interval95, 2, 3),
    NUMBER("area_percent", pigmentation.area_percent, 2),
    NUMBER("area_cm2", pigmentation.area_cm2, 2),
    BOOL("changed", pigmentation.changed),
    NUMBER("mdc", pigmentation.mdc, 3),
    CLOSE,
    OPEN("findings"),
    INTEGER("pinpoint_count", findings.pinpoint_count),
    NUMBER("crust_percent", findings.crust_percent, 3),
    NUMBER("bruise_percent", findings.bruise_percent, 3),
    NUMBER("shine_percent", findings.shine_percent, 3),
    CLOSE,
    TEXTS("flags", flags, flag_count, RUBOR_CODE_SIZE, RUBOR_RECORD_FLAGS),
    {RUBOR_FIELD_DOUBTS, "doubts", AT(doubts), 0, AT(doubt_count), RUBOR_RECORD_DOUBTS, 0},
    OPEN("timing_ms"),
    NUMBER("decode", timing_ms.decode, 1),
    NUMBER("calibrate", timing_ms.calibrate, 1),
    NUMBER("register", timing_ms.register_, 1),
    NUMBER("analyze", timing_ms.analyze, 1),
    NUMBER("total", timing_ms.total, 1),
    CLOSE,
};

const rubor_field *rubor_record_fields(size_t *count)
{
    *count = sizeof fields / sizeof fields[0];
    return fields;
}
