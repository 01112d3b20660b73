#include "analyzer/quality_pair.h"

#include <math.h>
#include <string.h>

#define VEILED_OD 4.0          /* x100 */
enum { VEILED_LAST_DAY = 10 }; /* later, pigment may really have faded */

/* Thresholds from the table in docs/MEASUREMENT.md "Quality gate". */
#define COLOR_DRIFT_WARN                                                                                     \
    0.9 /* units of EI between region and control; the same lamps: at most 0.4, dark skin once above 0.6 */
#define COLOR_DRIFT_RETAKE 1.5
#define SHADE_DRIFT_WARN 3.0 /* OD x100; the same lamps: at most 0.7 */
#define SHADE_DRIFT_RETAKE 9.0
#define SHINE_WARN 7.0 /* % of the region */
#define SHINE_RETAKE 12.0
#define COVER_RETAKE 60.0  /* % of the region */
#define MEASURED_WARN 0.75 /* of the region */
#define MEASURED_RETAKE 0.4
#define DISTANCE_RATIO 1.25

/* Percent of the region whose red is brighter than before by more than the control's: blood and pigment only
 * darken it, a mirrored lamp brightens it. */
static double veiled_percent(const rubor_change *change, const rubor_mask *cover)
{
    size_t count = (size_t)change->width * (size_t)change->height, all = 0, veiled = 0;
    double zero = change->zero_od[0][0] - change->zero_od[1][0];
    for (size_t i = 0; i < count; i++) {
        double d = (double)change->visit_od[0].data[i] - (double)change->reference_od[0].data[i] - zero;
        if (change->region.data[i] < 128 || !isfinite(d))
            continue;
        all++;
        if (cover->data && cover->data[i])
            continue;
        veiled += 100 * d < -VEILED_OD;
    }
    return all ? 100.0 * (double)veiled / (double)all : RUBOR_NULL;
}

void rubor_quality_pair_measure(rubor_quality_pair *out, const rubor_change *change,
                                const rubor_findings *findings, const rubor_frame *visit,
                                const rubor_frame *baseline, const rubor_registration *registration, int day)
{
    const rubor_light *light = &change->light;
    out->color_drift = out->shade_drift = out->skin_blur_px = RUBOR_NULL;
    out->region_measured = (double)rubor_mask_count(&change->region) / change->region_drawn;
    out->control_measured = change->control_measured;
    out->shine_percent = findings->shine_percent;
    out->cover_percent = findings->cover_percent;
    if (!baseline || !change->reference_od[0].data)
        return;
    if (!(baseline->quality.skin_blur_px >= RUBOR_SKIN_BLUR_WARN_PX))
        rubor_quality_pair_blur(&out->skin_blur_px, visit, baseline, registration);
    if (light->known) {
        out->color_drift = 100 * (light->drift[1] - light->drift[0]);
        out->shade_drift = 100 * light->drift[0];
    } else {
        out->shade_drift = 100 * findings->light_drift / 2; /* from the middle of the skin to its sides */
    }
    if (change->control_known && day >= 0 && day <= VEILED_LAST_DAY)
        out->shine_percent = fmax(isnan(out->shine_percent) ? 0 : out->shine_percent,
                                  veiled_percent(change, &findings->cover));
}

void rubor_quality_judge_nothing(rubor_record *record)
{
    if (strcmp(record->quality.verdict, "retake") != 0)
        rubor_record_reason(
            record, "retake", "region_hidden",
            "The treated region could not be measured: uncover it, dab it dry, light it evenly, take it again.");
}

void rubor_quality_pair_judge(rubor_record *record, const rubor_quality_pair *pair)
{
    if (pair->skin_blur_px >= RUBOR_SKIN_BLUR_WARN_PX)
        rubor_record_reason(
            record, "warn", "blurred",
            "The skin is softer than in the photo before treatment: focus on the treated skin.");
    if (pair->region_measured < MEASURED_WARN)
        rubor_record_reason(record, pair->region_measured < MEASURED_RETAKE ? "retake" : "warn",
                            "region_hidden",
                            "Part of the treated region cannot be measured: uncover it, bring all of it into the frame, light it evenly.");
    if (pair->control_measured < MEASURED_RETAKE)
        rubor_record_reason(record, "warn", "control_hidden",
                            "The untreated skin marked for comparison cannot be seen: uncover it and take the "
                            "photo again.");
    if (pair->shine_percent >= SHINE_WARN)
        rubor_record_reason(
            record, pair->shine_percent >= SHINE_RETAKE ? "retake" : "warn", "glare",
            "The treated skin reflects the lamp: dab it dry, turn the lamp or use a polarizing filter.");
    if (pair->cover_percent > 0)
        rubor_record_reason(record, pair->cover_percent >= COVER_RETAKE ? "retake" : "warn", "covered",
                            "Make-up or cream hides part of the treated skin: clean it off and take the "
                            "photo again.");
    double color = fabs(pair->color_drift), shade = fabs(pair->shade_drift);
    const char *verdict = color >= COLOR_DRIFT_RETAKE || shade >= SHADE_DRIFT_RETAKE ? "retake" : "warn";
    if (color >= COLOR_DRIFT_WARN)
        rubor_record_reason(
            record, verdict, "mixed_light",
            "Light of two colors falls on the skin: switch the other lamps off and close the blinds.");
    else if (shade >= SHADE_DRIFT_WARN)
        rubor_record_reason(
            record, verdict, "light_moved",
            "The light comes from another side than in the photo before treatment: put the lamp where it was.");
    if (color >= COLOR_DRIFT_WARN || shade >= SHADE_DRIFT_RETAKE)
        rubor_record_flag(record, "not_comparable");
}

void rubor_quality_judge_distance(rubor_record *record, const rubor_frame *visit, const rubor_frame *baseline)
{
    double ratio = visit->mm_per_px * visit->image.width / (baseline->mm_per_px * baseline->image.width);
    if (ratio >= DISTANCE_RATIO)
        rubor_record_reason(record, "warn", "distance",
                            "The camera is farther away than in the photo before treatment: come as close as then.");
    else if (ratio <= 1 / DISTANCE_RATIO)
        rubor_record_reason(record, "warn", "distance",
                            "The camera is closer than in the photo before treatment: step back as far as then.");
}
