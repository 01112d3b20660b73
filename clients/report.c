#include "clients/report.h"

#include "clients/review_sentence.h"
#include "clients/utf8.h"
#include "imaging/number.h"

#include <string.h>

const char *rubor_report_grade(int grade)
{
    static const char *const grades[] = {"clear", "almost clear", "mild", "moderate", "severe"};
    return grade >= 0 && grade < 5 ? grades[grade] : "-";
}

const char *rubor_report_number(char out[32], double value, int kept, int decimals)
{
    if (isfinite(value))
        snprintf(out, 32, "%.*f", decimals, rubor_number_round(rubor_number_round(value, kept), decimals));
    else
        snprintf(out, 32, "-");
    return out;
}

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static void print_number(FILE *out, const char *label, double value, int kept, int decimals, const char *unit)
{
    char text[32];
    bool known = isfinite(value);
    fprintf(out, "%s%s%s", label, rubor_report_number(text, value, kept, decimals), known ? unit : "");
}

static void print_with_interval(FILE *out, const char *label, double value, const double interval[2], int kept)
{
    char text[32], low[32], high[32];
    fprintf(out, "%s%s", label, rubor_report_number(text, value, kept, 1));
    if (isfinite(interval[0]) && isfinite(interval[1]))
        fprintf(out, " (95 %%: %s to %s)", rubor_report_number(low, interval[0], kept, 1),
                rubor_report_number(high, interval[1], kept, 1));
}

static void print_score(FILE *out, const char *name, const char *delta, const rubor_score *score,
                        bool reference_is_frame)
{
    fprintf(out, "%-14s", name);
    if (isfinite(score->score))
        print_with_interval(out, "", score->score, score->interval95, 2);
    else
        fputs(reference_is_frame ? "- (nothing to compare with: no photo before treatment, no untreated skin)" : "-", out);
    if (score->grade >= 0)
        fprintf(out, ", grade %d (%s)", score->grade, rubor_report_grade(score->grade));
    fputc('\n', out);
    fprintf(out, "%14s", "");
    print_with_interval(out, delta, score->delta, score->delta_interval95, 3);
    print_number(out, ", smallest change that counts ", score->mdc, 3, 1, "");
    fprintf(out, ", %s\n",
            score->changed < 0 ? "change not decided"
            : score->changed   ? "changed"
                               : "not changed");
    fprintf(out, "%14s", "");
    print_number(out, "on ", score->area_percent, 2, 1, " % of the region");
    if (isfinite(score->area_cm2))
        print_number(out, ", ", score->area_cm2, 2, 1, " cm2");
    fputc('\n', out);
}

void rubor_report_calibration(FILE *out, const rubor_record *record)
{
    fprintf(out, "%-14s%s", "calibration", or_dash(record->calibration.status));
    if (record->calibration.chart_present) {
        fprintf(out, ": %s, edition %s", or_dash(record->calibration.chart.type),
                or_dash(record->calibration.chart.edition));
        print_number(out, ", confidence ", record->calibration.chart.confidence, 3, 2, "");
        print_number(out, "\n              DeltaE2000 uncorrected ",
                     record->calibration.chart.delta_e2000.uncorrected, 2, 2, "");
        print_number(out, ", corrected ", record->calibration.chart.delta_e2000.fit_mean, 2, 2, "");
        print_number(out, " (largest ", record->calibration.chart.delta_e2000.fit_max, 2, 2, ")");
        print_number(out, ", left out ", record->calibration.chart.delta_e2000.loo_mean, 2, 2, "");
    }
    print_number(out, "\n              glare ", record->calibration.glare_percent, 2, 1, " %");
    print_number(out, ", gain hemoglobin ", record->calibration.gain.hemoglobin, 3, 2, "");
    print_number(out, ", melanin ", record->calibration.gain.melanin, 3, 2, "");
    print_number(out, ", ", record->calibration.mm_per_px, 5, 4, " mm a pixel");
    fputc('\n', out);
}

static void print_lists(FILE *out, const rubor_record *record, int day)
{
    fprintf(out, "%-14s", "findings");
    if (record->findings.pinpoint_count >= 0)
        fprintf(out, "%lld pinpoint", (long long)record->findings.pinpoint_count);
    else
        fputs("- pinpoint", out);
    print_number(out, ", crust ", record->findings.crust_percent, 3, 2, " %");
    print_number(out, ", bruise ", record->findings.bruise_percent, 3, 2, " %");
    print_number(out, ", shine ", record->findings.shine_percent, 3, 2, " %");
    fprintf(out, "\n%-14s", "flags");
    for (int i = 0; i < record->flag_count; i++) {
        char words[RUBOR_FLAG_WORDS_SIZE];
        rubor_review_flag(words, record->flags[i], day);
        fprintf(out, "%s%s", i ? ", " : "", words);
    }
    fprintf(out, "%s\n", record->flag_count ? "" : "none");
}

void rubor_report_record(FILE *out, const char *title, const rubor_record *record, int day)
{
    char name[256];
    rubor_utf8_clean(name, sizeof name, title);
    fprintf(out, "%-14s%s\n", "photo", name);
    fprintf(out, "%-14s%s\n", "verdict", or_dash(record->quality.verdict));
    for (int i = 0; i < record->quality.reason_count; i++)
        fprintf(out, "%14s%s: %s\n", "", record->quality.reasons[i].code, record->quality.reasons[i].message);
    bool retake = strcmp(record->quality.verdict, "retake") == 0;
    if (retake && (isfinite(record->redness.score) || isfinite(record->pigmentation.score)))
        fprintf(out, "%14s%s\n", "", "Take the photo again: the numbers below are not to be used.");
    rubor_report_calibration(out, record);
    fprintf(out, "%-14s", "skin");
    print_number(out, "", record->skin.area_percent, 2, 1, " % of the photo");
    if (isfinite(record->skin.area_cm2))
        print_number(out, ", ", record->skin.area_cm2, 2, 1, " cm2");
    print_number(out, ", ITA ", record->skin.ita, 1, 0, " degrees");
    fprintf(out, ", %s\n", or_dash(record->skin.tone));
    fprintf(out, "%-14s%s; region %s, control %s", "reference", or_dash(record->reference),
            or_dash(record->region.source), or_dash(record->region.control));
    if (record->registration_present) {
        print_number(out, "; aligned to ", record->registration.residual_px, 3, 2, " px");
        print_number(out, ", overlap ", record->registration.overlap_percent, 1, 0, " %");
    }
    fputc('\n', out);
    bool frame = strcmp(record->reference, "within_frame") == 0;
    print_score(out, "redness", "delta_ei ", &record->redness, frame);
    print_score(out, "pigmentation", "delta_mi ", &record->pigmentation, frame);
    print_lists(out, record, day);
}
