/* bench_gate (--help): how often the quality gate speaks at each size of each fault, and how wrong the
 * numbers of those photos are. N photos for each of the six tones (camera, lamp, layout from the seed), each
 * spoiled in every way and measured against its unspoiled photo before treatment. The tables of
 * docs/EVALUATION.md "Quality gate" come from it: --threshold leaves, of each fault, only the least size that must be
 * noticed, for the rates of misses and false alarms; --each also prints what was measured of every photo, from which
 * thresholds are chosen. */
#include "analyzer/analyze.h"
#include "analyzer/frame.h"
#include "samples/sample.h"
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TONES = 6, SIZES = 6, FAULTS = 14 };

typedef struct fault {
    const char *name, *codes; /* codes: any of these names it */
    double from;              /* the least of size that must be noticed */
    double size[SIZES];       /* ends with NaN */
} fault;

#define END NAN
static const fault faults[FAULTS] = {
    {"none", "-", 0, {0, END}},
    {"out of focus, px", "blurred motion", 1.5, {1, 1.5, 2, 3, 4, 6}},
    {"skin alone out of focus, px", "blurred motion", 2, {1, 1.5, 2, 3, 4, 6}},
    {"chart alone out of focus, px", "blurred motion", 5, {1.5, 3, 5, END}},
    {"shake, px", "motion blurred", 9, {3, 6, 9, 12, 18, END}},
    {"overexposed, stops", "overexposed channel_clipped chart_clipped", 1, {0.25, 0.5, 1, 1.5, 2, END}},
    {"underexposed, stops", "underexposed", 2, {1, 2, 3, 4, 5, END}},
    {"red channel up, stops", "channel_clipped overexposed chart_clipped", 1, {0.25, 0.5, 1, 1.5, END}},
    {"veil, %", "glare", 12, {4, 6, 8, 12, 16, END}},
    {"lamp mirrored on the region, % of the frame",
     "glare overexposed channel_clipped",
     2,
     {2, 5, 10, 20, 30, END}},
    {"tilt, degrees", "tilt misaligned", 35, {15, 25, 35, 45, END}},
    {"cloth over the frame, %", "no_skin misaligned region_hidden region_empty control_hidden", 75, {50, 75, 90, 100, END}},
    {"farther away, times", "distance misaligned", 1.33, {1.33, 1.67, 2.2, 3.3, END}},
    {"light (1 another lamp, 2 lamp A, 3 a quarter of A, 4 half another)",
     "lighting_changed mixed_light light_moved",
     2,
     {1, 2, 3, 4, END}},
};

typedef struct outcome {
    bool done, named;
    int verdict; /* 0 ok, 1 warn, 2 retake */
    double ei_error, mi_error;
    rubor_quality quality;
    char reasons[160];
} outcome;

typedef struct arguments {
    bench_common common;
    int photos;
    const char *fault;
    int no_chart, threshold;
    outcome (*all)[FAULTS][SIZES];
} arguments;

static void spoil(rubor_sample_options *o, int which, double size)
{
    static const char *const lamps[] = {"D50", "D65", "FL11", "LED-B3", "LED-B5"};
    switch (which) {
    case 1:
        o->blur_px = size;
        break;
    case 2:
        o->skin_blur_px = size;
        break;
    case 3:
        o->chart_blur_px = size;
        break;
    case 4:
        o->motion_px = size;
        break;
    case 5:
        o->exposure = pow(2, size);
        break;
    case 6:
        o->exposure = pow(2, -size);
        break;
    case 7:
        o->red_gain = pow(2, size);
        break;
    case 8:
        o->glare_percent = size;
        break;
    case 9:
        o->reflection_percent = size;
        break;
    case 10:
        o->tilt_degrees = size;
        break;
    case 11:
        o->skin_share = 1 - size / 100;
        break;
    case 12:
        o->closeness = 1 / size;
        break;
    case 13:
        if (size < 2.5)
            o->visit_lamp = size < 1.5 ? lamps[o->seed % 5] : "A";
        else
            o->visit_lamp2 = size < 3.5 ? "A" : lamps[o->seed % 5];
        o->lamp2_share = size < 3.5 ? 0.25 : 0.5;
        break;
    default:
        break;
    }
}

static bool names(const rubor_record *record, const char *codes)
{
    for (int i = 0; i < record->quality.reason_count; i++)
        if (strstr(codes, record->quality.reasons[i].code))
            return true;
    return false;
}

static void judge(outcome *out, const rubor_record *record, const rubor_sample_photo *visit,
                  const char *codes)
{
    out->done = true;
    out->named = names(record, codes);
    out->verdict = strcmp(record->quality.verdict, "ok") == 0     ? 0
                   : strcmp(record->quality.verdict, "warn") == 0 ? 1
                                                                  : 2;
    out->ei_error = fabs(record->redness.delta - visit->truth.delta_ei);
    out->mi_error = fabs(record->pigmentation.delta - visit->truth.delta_mi);
    size_t used = 0;
    for (int i = 0; i < record->quality.reason_count && used < sizeof out->reasons; i++)
        used += (size_t)snprintf(out->reasons + used, sizeof out->reasons - used, " %s",
                                 record->quality.reasons[i].code);
}

static rubor_bytes bytes_of(const rubor_sample_photo *photo)
{
    return (rubor_bytes){photo->jpeg.data, photo->jpeg.size};
}

static void ask(outcome *out, const rubor_sample_options *clean, const rubor_sample_photo *before, int which,
                double size, bool each)
{
    rubor_sample_options options = *clean;
    rubor_sample_photo visit = {0};
    rubor_record record;
    rubor_analyze_options how = {
        .baseline_region = &before->region, .baseline_control = &before->control, .day = 3};
    rubor_error error = {0};
    spoil(&options, which, size);
    rubor_status status = rubor_sample_render(&visit, &options, how.day, &error);
    if (status == RUBOR_OK)
        status = rubor_analyze(&record, NULL, bytes_of(&visit), bytes_of(before), &how, &error);
    if (status == RUBOR_OK)
        judge(out, &record, &visit, faults[which].codes);
    else
        fprintf(stderr, "%s %g: %s\n", faults[which].name, size, error.message);
    if (status == RUBOR_OK && each) {
        rubor_frame frame;
        rubor_frame_options plain = {0};
        if (rubor_frame_prepare(&frame, bytes_of(&visit), &plain, NULL) == RUBOR_OK) {
            out->quality = frame.quality;
            rubor_frame_finish(&frame);
        }
    }
    rubor_sample_photo_finish(&visit);
}

static bool wanted(const arguments *a, int which, int k)
{
    bool chosen = (!a->fault || strstr(faults[which].name, a->fault)) &&
                  (!a->threshold || faults[which].size[k] == faults[which].from); /* copies of one number */
    bool chart_needed = which == 3 || which == 10 || which == 12;
    for (int i = 0; i <= k; i++)
        chosen = chosen && isfinite(faults[which].size[i]);
    return chosen && !(a->no_chart && chart_needed);
}

static void run_photo(void *context, int index)
{
    const arguments *a = context;
    outcome(*out)[SIZES] = a->all[index];
    rubor_sample_options options;
    rubor_sample_photo before = {0};
    rubor_sample_options_default(&options);
    options.seed = (uint64_t)a->common.seed + (uint64_t)index;
    options.tone = rubor_tones[index % TONES].name;
    options.width = a->common.width;
    options.height = a->common.height;
    options.chart = !a->no_chart;
    options.delta_ei = 12;
    options.delta_mi = 6;
    if (rubor_sample_render(&before, &options, -1, NULL) == RUBOR_OK)
        for (int which = 0; which < FAULTS; which++)
            for (int k = 0; k < SIZES; k++)
                if (wanted(a, which, k))
                    ask(&out[which][k], &options, &before, which, faults[which].size[k], a->common.each);
    rubor_sample_photo_finish(&before);
}

static void print_each(const outcome *o, const arguments *a, int index, int which, int k)
{
    const rubor_quality *q = &o->quality;
    printf(
        "%llu %-12s %-13s %5.2f  ei %5.2f mi %5.2f  blur %.2f ratio %.2f smear %.2f skin %.2f fine %.2f "
        "middle "
        "%.2f noise %.2f  clip %.1f black %.1f bright %.1f median %.3f shine %.1f skin %.1f tilt %.1f white "
        "%.2f patches %d   %s%s\n",
        (unsigned long long)a->common.seed + (unsigned long long)index, rubor_tones[index % TONES].name,
        faults[which].name, faults[which].size[k], o->ei_error, o->mi_error, q->blur_px, q->blur_ratio,
        q->smear, q->skin_blur_px, q->skin_fine, q->skin_middle, q->skin_noise, q->clipped_percent,
        q->black_percent, q->bright_percent, q->median, q->shine_percent, q->skin_percent, q->tilt_degrees,
        q->white_linear, q->clipped_patches,
        o->verdict == 0   ? "ok"
        : o->verdict == 1 ? "warn"
                          : "retake",
        o->reasons);
}

/* Errors of one group of photos. */
typedef struct errors {
    double value[20000];
    int count, photos;
} errors;

static void add_error(errors *e, double error)
{
    e->photos++;
    if (isfinite(error) && e->count < (int)(sizeof e->value / sizeof e->value[0]))
        e->value[e->count++] = error;
}

static double quantile(errors *e, double share)
{
    qsort(e->value, (size_t)e->count, sizeof e->value[0], bench_compare);
    return e->count ? e->value[(int)(share * (e->count - 1) + 0.5)] : NAN;
}

static void print_size(outcome (*all)[FAULTS][SIZES], int photos, int which, int k)
{
    int count = 0, named = 0, verdicts[3] = {0}, missed[TONES] = {0};
    errors kept = {0};
    for (int i = 0; i < photos; i++) {
        const outcome *o = &all[i][which][k];
        if (!o->done)
            continue;
        count++;
        named += o->named;
        verdicts[o->verdict]++;
        missed[i % TONES] += which ? o->verdict == 0 : o->verdict > 0;
        if (o->verdict < 2)
            add_error(&kept, o->ei_error);
    }
    if (!count)
        return;
    printf("| %s | %g | %s %% | %s %% | %s %% | %s, %s |", faults[which].name, faults[which].size[k],
           BENCH_CELL(0, 100.0 * named / count), BENCH_CELL(0, 100.0 * verdicts[1] / count),
           BENCH_CELL(0, 100.0 * verdicts[2] / count), BENCH_CELL(2, quantile(&kept, 0.5)),
           BENCH_CELL(2, quantile(&kept, 0.9)));
    for (int t = 0; t < TONES; t++)
        printf(" %d", missed[t]);
    printf(" |\n");
}

static void print_faults(outcome (*all)[FAULTS][SIZES], int photos)
{
    printf(
        "| fault | size | named | warn | retake | error of delta_ei where not refused: median, 90 %% | not "
        "noticed (none: alarmed) of %d of each tone, very light to dark |\n|---|---|---|---|---|---|---|\n",
        photos / TONES);
    for (int which = 0; which < FAULTS; which++)
        for (int k = 0; k < SIZES; k++)
            print_size(all, photos, which, k);
}

/* Never a score presented as good from a photo that failed: what is called ok must be right. */
static void print_verdicts(outcome (*all)[FAULTS][SIZES], int photos)
{
    static const char *const verdict_names[] = {"ok", "warn", "retake"};
    printf("\n| verdict | photos | with a number | error of delta_ei: median | 90 %% | most | over 3 |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int v = 0; v < 3; v++) {
        errors e = {0};
        int large = 0;
        for (int i = 0; i < photos; i++)
            for (int which = 0; which < FAULTS; which++)
                for (int k = 0; k < SIZES; k++)
                    if (all[i][which][k].done && all[i][which][k].verdict == v) {
                        add_error(&e, all[i][which][k].ei_error);
                        large += all[i][which][k].ei_error > 3;
                    }
        printf("| %s | %d | %s %% | %s | %s | %s | %s %% |\n", verdict_names[v], e.photos,
               BENCH_CELL(0, e.photos ? 100.0 * e.count / e.photos : 0), BENCH_CELL(2, quantile(&e, 0.5)),
               BENCH_CELL(2, quantile(&e, 0.9)), BENCH_CELL(2, quantile(&e, 1)),
               BENCH_CELL(1, e.count ? 100.0 * large / e.count : 0));
    }
}

static bool parse(arguments *out, int argc, const char **argv)
{
    *out = (arguments){.common = {.jobs = 2, .width = 1200, .height = 900, .seed = 700001}, .photos = 2};
    const struct poptOption table[] = {
        {"photos", 0, POPT_ARG_INT, &out->photos, 0, "of each tone, 1 to 40", "N"},
        {"fault", 0, POPT_ARG_STRING, &out->fault, 0, "only faults whose name in the table has this in it",
         "NAME"},
        {"threshold", 0, POPT_ARG_NONE, &out->threshold, 0, "of each fault only the least size that must be noticed", NULL},
        {"no-chart", 0, POPT_ARG_NONE, &out->no_chart, 0, "leave the chart out", NULL},
        BENCH_COMMON_OPTIONS(&out->common)};
    return bench_options(&out->common, argc, argv, table) && out->photos > 0 && out->photos <= 40;
}

int main(int argc, const char **argv)
{
    arguments a;
    if (!parse(&a, argc, argv))
        return 2;
    int photos = a.photos * TONES;
    a.all = bench_memory((size_t)photos * sizeof *a.all);
    if (!a.all)
        return 4;
    bool good = bench_run(photos, a.common.jobs, run_photo, &a);
    for (int i = 0; i < photos && a.common.each; i++)
        for (int which = 0; which < FAULTS; which++)
            for (int k = 0; k < SIZES; k++)
                if (a.all[i][which][k].done)
                    print_each(&a.all[i][which][k], &a, i, which, k);
    print_faults(a.all, photos);
    print_verdicts(a.all, photos);
    return good ? 0 : 4;
}
