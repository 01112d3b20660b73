#include "tests/bench/evaluation.h"

#include <math.h>
#include <string.h>

const char *const evaluation_tone_names[EVALUATION_TONES] = {"very_light", "light", "intermediate",
                                                             "tan",        "brown", "dark"};
const char *const evaluation_kind_names[EVALUATION_KINDS] = {"none",    "red",  "red5",
                                                             "pigment", "both", "course"};

/* A fraction 0..1 that depends on the seed and on what it is for. */
static double fraction(uint64_t seed, uint64_t purpose)
{
    uint64_t z = seed * 0x9E3779B97F4A7C15u + purpose * 0xD1B54A32D192ED03u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

evaluation_plan evaluation_plan_make(int index, uint64_t first_seed, int width, int height)
{
    /* tones turn fastest; none, red and both come twice as often as the rest */
    static const evaluation_kind kinds[] = {EVALUATION_NONE, EVALUATION_RED,   EVALUATION_PIGMENT,
                                            EVALUATION_BOTH, EVALUATION_RED_5, EVALUATION_COURSE,
                                            EVALUATION_NONE, EVALUATION_RED,   EVALUATION_BOTH};
    evaluation_plan plan = {.seed = first_seed + (uint64_t)index, .width = width, .height = height};
    plan.tone = index % EVALUATION_TONES;
    plan.kind = kinds[(size_t)(index / EVALUATION_TONES) % (sizeof kinds / sizeof kinds[0])];
    return plan;
}

static int set_change(rubor_sample_options *options, const evaluation_plan *plan)
{
    static const char *const patterns[] = {"soft", "uniform", "patchy"};
    double ei = fraction(plan->seed, 1), mi = fraction(plan->seed, 2);
    options->pattern = patterns[(int)(3 * fraction(plan->seed, 3)) % 3];
    switch (plan->kind) {
    case EVALUATION_NONE:
        options->delta_ei = options->delta_mi = 0;
        return 3;
    case EVALUATION_RED:
        options->delta_ei = 10 + 15 * ei;
        return 3;
    case EVALUATION_RED_5:
        options->delta_ei = 5;
        return 3;
    case EVALUATION_PIGMENT:
        options->delta_mi = 7 + 13 * mi;
        return 20;
    case EVALUATION_BOTH:
        options->delta_ei = 4 + 16 * ei;
        options->delta_mi = 5 + 12 * mi;
        return 3;
    case EVALUATION_COURSE:
        options->course = "normal";
        options->pattern = NULL;
        return (int)(5 * ei);
    }
    return 0;
}

static bool inside(const rubor_mask *mask, int x, int y, int width, int height)
{
    if (!mask->data)
        return false;
    size_t u = (size_t)x * (size_t)mask->width / (size_t)width,
           v = (size_t)y * (size_t)mask->height / (size_t)height;
    return mask->data[v * (size_t)mask->width + u] >= 128;
}

typedef struct overlap {
    double both, one, other;
} overlap;

static overlap compare(const rubor_mask *truth, const rubor_mask *found)
{
    overlap o = {0};
    for (int y = 0; y < truth->height; y++)
        for (int x = 0; x < truth->width; x++) {
            bool t = inside(truth, x, y, truth->width, truth->height);
            bool f = inside(found, x, y, truth->width, truth->height);
            o.one += t;
            o.other += f;
            o.both += t && f;
        }
    return o;
}

static double dice(overlap o)
{
    return o.one > 0 ? 2 * o.both / (o.one + o.other) : NAN;
}

static void judge_masks(evaluation_result *out, const rubor_sample_photo *truth, const rubor_maps *maps)
{
    overlap skin = compare(&truth->skin, &maps->skin);
    out->skin_iou = skin.both / (skin.one + skin.other - skin.both);
    out->erythema_dice = dice(compare(&truth->erythema, &maps->erythema));
    out->pigment_dice = dice(compare(&truth->pigment, &maps->pigment));
    double marked = 0;
    const rubor_mask *skin_found = &maps->skin;
    size_t count = (size_t)skin_found->width * (size_t)skin_found->height, all = 0;
    for (size_t i = 0; i < count; i++) {
        all += skin_found->data[i] >= 128;
        marked += maps->erythema.data[i] >= 128 || maps->pigment.data[i] >= 128;
    }
    out->marked_percent = all ? 100 * marked / (double)all : NAN;
}

static rubor_status analyze_pair(evaluation_result *out, const rubor_sample_photo *before,
                                 const rubor_sample_photo *after, int day, rubor_error *error)
{
    rubor_maps maps = {0};
    rubor_bytes visit = {after->jpeg.data, after->jpeg.size}, base = {before->jpeg.data, before->jpeg.size};
    rubor_analyze_options guided = {
        .baseline_region = &before->region, .baseline_control = &before->control, .day = day};
    rubor_analyze_options unguided = {.day = day};
    rubor_status status = rubor_analyze(&out->record, NULL, visit, base, &guided, error);
    if (status == RUBOR_OK)
        status = rubor_analyze(&out->unguided, &maps, visit, base, &unguided, error);
    if (status == RUBOR_OK)
        judge_masks(out, after, &maps);
    rubor_maps_finish(&maps);
    return status;
}

static void keep_photo(const evaluation_plan *plan, const char *which, const rubor_sample_photo *photo)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%llu_%s.jpg", plan->keep, (unsigned long long)plan->seed, which);
    rubor_file_write(path, photo->jpeg.data, photo->jpeg.size, NULL);
}

void evaluation_run(evaluation_result *out, const evaluation_plan *plan)
{
    rubor_sample_options options;
    rubor_sample_series *series = NULL;
    rubor_sample_photo before = {0}, after = {0};
    rubor_error error = {0};
    memset(out, 0, sizeof *out);
    out->plan = *plan;
    rubor_sample_options_default(&options);
    options.seed = plan->seed;
    options.tone = evaluation_tone_names[plan->tone];
    options.camera = plan->camera;
    options.lamp = plan->lamp;
    options.width = plan->width;
    options.height = plan->height;
    options.glare_percent = 4 * fraction(plan->seed, 4);
    int day = set_change(&options, plan);
    rubor_status status = rubor_sample_series_create(&series, &options, &error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(&before, series, -1, &error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(&after, series, day, &error);
    if (status == RUBOR_OK && plan->keep) {
        keep_photo(plan, "before", &before);
        keep_photo(plan, "after", &after);
    }
    if (status == RUBOR_OK) {
        out->truth = after.truth;
        status = analyze_pair(out, &before, &after, day, &error);
    }
    out->done = status == RUBOR_OK;
    if (!out->done)
        snprintf(out->failure, sizeof out->failure, "%.*s", (int)sizeof out->failure - 1, error.message);
    rubor_sample_photo_finish(&before);
    rubor_sample_photo_finish(&after);
    rubor_sample_series_destroy(&series);
}

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
    tally z_ei[EVALUATION_KINDS], z_mi[EVALUATION_KINDS];
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
    for (int k = 0; k < EVALUATION_KINDS; k++) {
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
