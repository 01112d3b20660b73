/* Tables of what came out of rendered pairs. */
#include "tests/bench/evaluation.h"

#include <math.h>
#include <string.h>

typedef struct tally {
    double sum, squares, most;
    int count;
} tally;

static void add(tally *t, double value)
{
    if (!isfinite(value))
        return;
    t->sum += value;
    t->squares += value * value;
    t->most = fmax(t->most, fabs(value));
    t->count++;
}

static double mean(tally t)
{
    return t.count ? t.sum / t.count : NAN;
}

static double spread(tally t)
{
    return t.count > 1 ? sqrt(fmax(0, (t.squares - t.sum * t.sum / t.count) / (t.count - 1))) : NAN;
}

static void add_cover(tally *t, const double interval[2], double truth)
{
    if (isfinite(interval[0]) && isfinite(truth))
        add(t, interval[0] <= truth && truth <= interval[1] ? 100 : 0);
}

typedef struct tallies {
    tally z_ei[EVALUATION_ALL_KINDS], z_mi[EVALUATION_ALL_KINDS];
    tally ei, mi, dice, dice_5, pigment, iou, marked, changed, cross_ei, cross_mi, cover[4], mdc_ei, mdc_mi,
        pinpoint, pinpoint_true, crust, crust_true, retake;
} tallies;

static void tally_one(tallies *t, const evaluation_result *r)
{
    const rubor_record *record = &r->record;
    evaluation_kind kind = r->plan.kind;
    add(&t->iou, r->skin_iou);
    add(&t->retake, strcmp(record->quality.verdict, "retake") == 0 ? 100 : 0);
    add_cover(&t->cover[0], record->redness.delta_interval95, r->truth.delta_ei);
    add_cover(&t->cover[1], record->pigmentation.delta_interval95, r->truth.delta_mi);
    add_cover(&t->cover[2], record->redness.interval95, r->truth.redness_score);
    add_cover(&t->cover[3], record->pigmentation.interval95, r->truth.pigment_score);
    const double *ei95 = record->redness.delta_interval95, *mi95 = record->pigmentation.delta_interval95;
    add(&t->z_ei[kind], (record->redness.delta - r->truth.delta_ei) / ((ei95[1] - ei95[0]) / 3.92));
    add(&t->z_mi[kind], (record->pigmentation.delta - r->truth.delta_mi) / ((mi95[1] - mi95[0]) / 3.92));
    add(&t->mdc_ei, record->redness.mdc);
    add(&t->mdc_mi, record->pigmentation.mdc);
    if (fabs(r->truth.delta_ei) >= 4.5)
        add(&t->ei, record->redness.delta / r->truth.delta_ei);
    if (fabs(r->truth.delta_mi) >= 4.5)
        add(&t->mi, record->pigmentation.delta / r->truth.delta_mi);
    if (kind == EVALUATION_RED || kind == EVALUATION_BOTH || kind == EVALUATION_COURSE)
        add(r->truth.delta_ei >= 10    ? &t->dice
            : r->truth.delta_ei >= 4.5 ? &t->dice_5
                                       : &(tally){0},
            r->erythema_dice);
    if (kind == EVALUATION_RED_5)
        add(&t->dice_5, r->erythema_dice);
    if (r->truth.delta_mi >= 7)
        add(&t->pigment, r->pigment_dice);
    if (kind == EVALUATION_NONE) {
        add(&t->marked, r->marked_percent);
        add(&t->changed, record->redness.changed == 1 || record->pigmentation.changed == 1 ? 100 : 0);
    }
    if (kind == EVALUATION_PIGMENT)
        add(&t->cross_ei, fabs(record->redness.delta));
    if (kind == EVALUATION_RED)
        add(&t->cross_mi, fabs(record->pigmentation.delta));
    if (kind == EVALUATION_COURSE && record->findings.pinpoint_count >= 0) {
        add(&t->pinpoint, (double)record->findings.pinpoint_count);
        add(&t->pinpoint_true, r->truth.pinpoint_count);
        add(&t->crust, record->findings.crust_percent);
        add(&t->crust_true, r->truth.crust_percent);
    }
}

void evaluation_summarize(evaluation_summary *out, const evaluation_result *results, int count, int tone)
{
    tallies t = {0};
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++)
        if (results[i].done && (tone < 0 || results[i].plan.tone == tone)) {
            tally_one(&t, &results[i]);
            out->count++;
        }
    out->ei_ratio = mean(t.ei);
    out->ei_ratio_sd = spread(t.ei);
    out->mi_ratio = mean(t.mi);
    out->mi_ratio_sd = spread(t.mi);
    out->erythema_dice = mean(t.dice);
    out->erythema_dice_5 = mean(t.dice_5);
    out->pigment_dice = mean(t.pigment);
    out->skin_iou = mean(t.iou);
    out->false_marked = mean(t.marked);
    out->false_changed = mean(t.changed);
    out->cross_ei = mean(t.cross_ei);
    out->cross_ei_max = t.cross_ei.most;
    out->cross_mi = mean(t.cross_mi);
    out->cross_mi_max = t.cross_mi.most;
    out->cover_ei = mean(t.cover[0]);
    out->cover_mi = mean(t.cover[1]);
    out->cover_red_score = mean(t.cover[2]);
    out->cover_pig_score = mean(t.cover[3]);
    out->mdc_ei = mean(t.mdc_ei);
    out->mdc_mi = mean(t.mdc_mi);
    out->pinpoint_ratio = t.pinpoint_true.sum > 0 ? t.pinpoint.sum / t.pinpoint_true.sum : NAN;
    out->crust_ratio = t.crust_true.sum > 0 ? t.crust.sum / t.crust_true.sum : NAN;
    out->retake = mean(t.retake);
    for (int k = 0; k < EVALUATION_ALL_KINDS; k++) {
        out->z_ei[k] = t.z_ei[k].count ? sqrt(t.z_ei[k].squares / t.z_ei[k].count) : NAN;
        out->z_mi[k] = t.z_mi[k].count ? sqrt(t.z_mi[k].squares / t.z_mi[k].count) : NAN;
    }
}

void evaluation_print(FILE *out, const evaluation_result *results, int count)
{
    fprintf(out, "%-12s %5s  %6s %5s  %6s %5s  %5s %5s %5s %5s  %6s %6s\n", "tone", "pairs", "ei", "sd", "mi",
            "sd", "dice", "dice5", "pigm", "IoU", "false%", "chang%");
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out, "%-12s %5d  %6.3f %5.3f  %6.3f %5.3f  %5.3f %5.3f %5.3f %5.3f  %6.2f %6.1f\n",
                tone < 0 ? "all" : evaluation_tone_names[tone], s.count, s.ei_ratio, s.ei_ratio_sd,
                s.mi_ratio, s.mi_ratio_sd, s.erythema_dice, s.erythema_dice_5, s.pigment_dice, s.skin_iou,
                s.false_marked, s.false_changed);
    }
    fprintf(out, "\n%-12s %6s %6s %6s %6s  %6s %6s %6s %6s  %6s %6s  %6s %6s %6s\n", "tone", "x_ei", "max",
            "x_mi", "max", "cov_ei", "cov_mi", "cov_rs", "cov_ps", "mdc_ei", "mdc_mi", "pinpt", "crust",
            "retake");
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out,
                "%-12s %6.2f %6.2f %6.2f %6.2f  %6.1f %6.1f %6.1f %6.1f  %6.2f %6.2f  %6.2f %6.2f %6.1f\n",
                tone < 0 ? "all" : evaluation_tone_names[tone], s.cross_ei, s.cross_ei_max, s.cross_mi,
                s.cross_mi_max, s.cover_ei, s.cover_mi, s.cover_red_score, s.cover_pig_score, s.mdc_ei,
                s.mdc_mi, s.pinpoint_ratio, s.crust_ratio, s.retake);
    }
    fprintf(out, "\n%-12s", "rms error/sd");
    for (int k = 0; k < EVALUATION_KINDS; k++)
        fprintf(out, "  %8s ei   mi", evaluation_kind_names[k]);
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out, "\n%-12s", tone < 0 ? "all" : evaluation_tone_names[tone]);
        for (int k = 0; k < EVALUATION_KINDS; k++)
            fprintf(out, "      %5.2f %4.2f", s.z_ei[k], s.z_mi[k]);
    }
    fprintf(out, "\n");
}

/* Share of pairs in percent whose record says so. */
static bool has_reason(const rubor_record *record, const char *code)
{
    for (int k = 0; k < record->quality.reason_count; k++)
        if (strcmp(record->quality.reasons[k].code, code) == 0)
            return true;
    return false;
}

typedef struct kind_tally {
    tally ei_error, mi_error, measured, misaligned, retake, lighting, flag[5], control_found, bruise,
        bruise_true, cover_skin, cover_marked;
} kind_tally;

static const char *const flag_names[5] = {"sunburn", "bruise", "possible_pih", "early_darkening",
                                          "not_comparable"};

static void tally_kind(kind_tally *t, const evaluation_result *r)
{
    const rubor_record *record = &r->record;
    add(&t->ei_error, fabs(record->redness.delta - r->truth.delta_ei));
    add(&t->mi_error, fabs(record->pigmentation.delta - r->truth.delta_mi));
    add(&t->measured, isfinite(record->redness.delta) ? 100 : 0);
    add(&t->misaligned, has_reason(record, "misaligned") ? 100 : 0);
    add(&t->retake, strcmp(record->quality.verdict, "retake") == 0 ? 100 : 0);
    add(&t->lighting, has_reason(record, "lighting_changed") ? 100 : 0);
    for (int k = 0; k < 5; k++)
        add(&t->flag[k], rubor_record_has_flag(record, flag_names[k]) ? 100 : 0);
    add(&t->control_found, strcmp(record->region.control, "found") == 0 ? 100 : 0);
    if (isfinite(record->findings.bruise_percent)) {
        add(&t->bruise, record->findings.bruise_percent);
        add(&t->bruise_true, r->truth.bruise_percent);
    }
    add(&t->cover_skin, r->cover_skin_percent);
    add(&t->cover_marked, r->cover_marked_percent);
}

void evaluation_print_kinds(FILE *out, const evaluation_result *results, int count)
{
    fprintf(out, "\n%-9s %5s %5s %5s %5s  %6s %5s %5s %5s %5s  %6s %5s %5s %5s %5s  %5s %5s %6s\n", "kind",
            "pairs", "retak", "misal", "meas", "ei", "sd", "|err|", "most", "cov", "mi", "sd", "|err|",
            "most", "cov", "dice", "pigm", "marked");
    for (int kind = 0; kind < EVALUATION_ALL_KINDS; kind++) {
        tallies t = {0};
        kind_tally k = {0};
        int pairs = 0;
        for (int i = 0; i < count; i++)
            if (results[i].done && results[i].plan.kind == (evaluation_kind)kind) {
                tally_one(&t, &results[i]);
                tally_kind(&k, &results[i]);
                add(&t.marked, kind == EVALUATION_NONE ? NAN : results[i].marked_percent);
                if (kind > EVALUATION_COURSE && results[i].truth.delta_ei >= 4.5)
                    add(&t.dice, results[i].erythema_dice);
                pairs++;
            }
        if (!pairs)
            continue;
        fprintf(out,
                "%-9s %5d %5.0f %5.0f %5.0f  %6.3f %5.3f %5.2f %5.2f %5.1f  %6.3f %5.3f %5.2f %5.2f %5.1f  "
                "%5.3f %5.3f %6.2f\n",
                evaluation_kind_names[kind], pairs, mean(k.retake), mean(k.misaligned), mean(k.measured),
                mean(t.ei), spread(t.ei), mean(k.ei_error), k.ei_error.most, mean(t.cover[0]), mean(t.mi),
                spread(t.mi), mean(k.mi_error), k.mi_error.most, mean(t.cover[1]), mean(t.dice),
                mean(t.pigment), mean(t.marked));
        fprintf(
            out,
            "%-9s   %% raised: lighting_changed %.0f sunburn %.0f bruise %.0f pih %.0f early_darkening %.0f "
            "not_comparable %.0f; control found %.0f; bruise %.2f true %.2f; cover: skin %.0f marked %.0f\n",
            "", mean(k.lighting), mean(k.flag[0]), mean(k.flag[1]), mean(k.flag[2]), mean(k.flag[3]),
            mean(k.flag[4]), mean(k.control_found), mean(k.bruise), mean(k.bruise_true), mean(k.cover_skin),
            mean(k.cover_marked));
    }
}
