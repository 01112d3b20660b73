/* Tables of what came out of rendered pairs. */
#include "tests/bench/evaluation.h"

#include "tests/bench/bench_tools.h"

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
        pinpoint, pinpoint_true, crust, crust_true, retake, measured;
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
    add(&t->measured, record->redness.delta);
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
    out->false_changed = (int)(t.changed.sum / 100 + 0.5);
    out->unchanged = t.changed.count;
    out->without_number = out->count - t.measured.count;
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

/* "all" for -1; spaces for the documents. */
static const char *tone_label(int tone)
{
    static const char *const labels[EVALUATION_TONES] = {"very light", "light", "intermediate",
                                                         "tan",        "brown", "dark"};
    return tone < 0 ? "all" : labels[tone];
}

static void print_ratios(FILE *out, const evaluation_result *results, int count)
{
    fprintf(
        out,
        "| tone | pairs | delta_ei ratio (sd) | delta_mi ratio (sd) | erythema Dice at 10+, at 5 | pigment "
        "Dice at 7+ | skin IoU | marked without change | changed without change | no number | refused "
        "|\n|---|---|---|---|---|---|---|---|---|---|---|\n| wanted | | 1 ± 0.05 | 1 ± 0.05 | 0.92, 0.85 | "
        "0.88 | 0.90 | 0.5 %% | 1 %% | | |\n");
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out, "| %s | %d | %s (%s) | %s (%s) | %s, %s | %s | %s | %s %% | %d of %d | %d | %s %% |\n",
                tone_label(tone), s.count, BENCH_CELL(3, s.ei_ratio), BENCH_CELL(3, s.ei_ratio_sd),
                BENCH_CELL(3, s.mi_ratio), BENCH_CELL(3, s.mi_ratio_sd), BENCH_CELL(3, s.erythema_dice),
                BENCH_CELL(3, s.erythema_dice_5), BENCH_CELL(3, s.pigment_dice), BENCH_CELL(3, s.skin_iou),
                BENCH_CELL(2, s.false_marked), s.false_changed, s.unchanged, s.without_number,
                BENCH_CELL(1, s.retake));
    }
}

static void print_doubts(FILE *out, const evaluation_result *results, int count)
{
    fprintf(out,
            "\n| tone | 95 %% interval holds: delta_ei, delta_mi, redness, pigmentation | mdc delta_ei, "
            "delta_mi | delta_ei of a pure pigment change: mean, most | delta_mi of a pure redness change | "
            "pinpoints, crust ÷ truth |\n|---|---|---|---|---|---|\n| wanted | 92 to 98 %%, no tone under 88 "
            "%% | 1.5, - | 2, 4 | 2, 4 | 0.8 to 1.2 |\n");
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out, "| %s | %s, %s, %s, %s %% | %s, %s | %s, %s | %s, %s | %s, %s |\n", tone_label(tone),
                BENCH_CELL(1, s.cover_ei), BENCH_CELL(1, s.cover_mi), BENCH_CELL(1, s.cover_red_score),
                BENCH_CELL(1, s.cover_pig_score), BENCH_CELL(2, s.mdc_ei), BENCH_CELL(2, s.mdc_mi),
                BENCH_CELL(2, s.cross_ei), BENCH_CELL(2, s.cross_ei_max), BENCH_CELL(2, s.cross_mi),
                BENCH_CELL(2, s.cross_mi_max), BENCH_CELL(2, s.pinpoint_ratio), BENCH_CELL(2, s.crust_ratio));
    }
}

/* Where intervals are too wide (below 1) or too narrow. */
static void print_standardized(FILE *out, const evaluation_result *results, int count)
{
    fprintf(out, "\n| rms of error ÷ stated sd: delta_ei, delta_mi |");
    for (int k = 0; k < EVALUATION_KINDS; k++)
        fprintf(out, " %s |", evaluation_kind_names[k]);
    fprintf(out, "\n|---|---|---|---|---|---|---|\n");
    for (int tone = -1; tone < EVALUATION_TONES; tone++) {
        evaluation_summary s;
        evaluation_summarize(&s, results, count, tone);
        fprintf(out, "| %s |", tone_label(tone));
        for (int k = 0; k < EVALUATION_KINDS; k++)
            fprintf(out, " %s, %s |", BENCH_CELL(2, s.z_ei[k]), BENCH_CELL(2, s.z_mi[k]));
        fprintf(out, "\n");
    }
}

void evaluation_print(FILE *out, const evaluation_result *results, int count)
{
    print_ratios(out, results, count);
    print_doubts(out, results, count);
    print_standardized(out, results, count);
}

int evaluation_failures(FILE *out, const evaluation_result *results, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++)
        if (!results[i].done) {
            failed++;
            fprintf(out, "pair %llu failed: %s\n", (unsigned long long)results[i].plan.seed,
                    results[i].failure[0] ? results[i].failure : "its process crashed");
        }
    return failed;
}

static bool has_reason(const rubor_record *record, const char *code)
{
    for (int k = 0; k < record->quality.reason_count; k++)
        if (strcmp(record->quality.reasons[k].code, code) == 0)
            return true;
    return false;
}

enum { FLAGS = 6 };

typedef struct kind_tally {
    tally ei_error, mi_error, measured, retake, lighting, flag[FLAGS], bruise, bruise_true, bruise_unguided,
        cover_skin;
} kind_tally;

static const char *const flag_names[FLAGS] = {"sunburn",         "bruise",          "possible_bruise", "possible_pih",
                                              "early_darkening", "not_comparable"};

static void tally_kind(kind_tally *t, const evaluation_result *r)
{
    const rubor_record *record = &r->record;
    add(&t->ei_error, fabs(record->redness.delta - r->truth.delta_ei));
    add(&t->mi_error, fabs(record->pigmentation.delta - r->truth.delta_mi));
    add(&t->measured, isfinite(record->redness.delta) ? 100 : 0);
    add(&t->retake, strcmp(record->quality.verdict, "retake") == 0 ? 100 : 0);
    add(&t->lighting, has_reason(record, "lighting_changed") ? 100 : 0);
    for (int k = 0; k < FLAGS; k++)
        add(&t->flag[k], rubor_record_has_flag(record, flag_names[k]) ? 100 : 0);
    if (isfinite(record->findings.bruise_percent)) {
        add(&t->bruise, record->findings.bruise_percent);
        add(&t->bruise_true, r->truth.bruise_percent);
    }
    add(&t->bruise_unguided, rubor_record_has_flag(&r->unguided, "bruise") ? 100 : 0);
    add(&t->cover_skin, r->cover_skin_percent);
}

static void print_kind(FILE *out, const evaluation_result *results, int count, evaluation_kind kind)
{
    tallies t = {0};
    kind_tally k = {0};
    int pairs = 0;
    for (int i = 0; i < count; i++)
        if (results[i].done && results[i].plan.kind == kind) {
            tally_one(&t, &results[i]);
            tally_kind(&k, &results[i]);
            pairs++;
        }
    if (!pairs)
        return;
    fprintf(out, "| %s | %d | %s, %s %% | %s (%s) | %s, %s | %s %% | %s, %s | %s %% |",
            evaluation_kind_names[kind], pairs, BENCH_CELL(0, mean(k.retake)),
            BENCH_CELL(0, mean(k.measured)), BENCH_CELL(3, mean(t.ei)), BENCH_CELL(3, spread(t.ei)),
            BENCH_CELL(2, mean(k.ei_error)), BENCH_CELL(2, k.ei_error.most), BENCH_CELL(0, mean(t.cover[0])),
            BENCH_CELL(2, mean(k.mi_error)), BENCH_CELL(2, k.mi_error.most), BENCH_CELL(0, mean(t.cover[1])));
    fprintf(out, " %.1f of %.1f |", mean(k.bruise), mean(k.bruise_true));
    if (isfinite(mean(k.lighting)) && mean(k.lighting) > 0)
        fprintf(out, " lighting_changed %.0f %%", mean(k.lighting));
    for (int f = 0; f < FLAGS; f++)
        if (mean(k.flag[f]) > 0)
            fprintf(out, " %s %.0f %%", flag_names[f], mean(k.flag[f]));
    if (mean(k.bruise_unguided) > 0)
        fprintf(out, " (without region and control: bruise %.0f %%)", mean(k.bruise_unguided));
    if (isfinite(mean(k.cover_skin)))
        fprintf(out, " (covered: %.0f %% taken for skin)", mean(k.cover_skin));
    fprintf(out, " |\n");
}

void evaluation_print_kinds(FILE *out, const evaluation_result *results, int count)
{
    fprintf(
        out,
        "\n| kind | pairs | refused, with a number | delta_ei ratio (sd) | error of delta_ei: mean, most | "
        "interval holds | error of delta_mi | interval holds | bruise found, %% of the region | said "
        "|\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (int kind = 0; kind < EVALUATION_ALL_KINDS; kind++)
        print_kind(out, results, count, (evaluation_kind)kind);
}
