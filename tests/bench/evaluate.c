/* evaluate (--help): rendered pairs through the analyzer, tables per tone class and kind; --also: the kinds
 * beyond the standard table (bruise, sunburn, make-up, lamps, no chart, regions given or not, face parts,
 * objects) instead of its six. tests/bench/tables.sh runs it for docs/MEASUREMENT.md and docs/EVALUATION.md. */
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"
#include "tests/bench/evaluation.h"

typedef struct arguments {
    bench_common common;
    int pairs;
    const char *keep;
    int kind, tone; /* -1: all in turn */
    int also;
    evaluation_result *results;
} arguments;

static bool parse(arguments *out, int argc, const char **argv)
{
    *out = (arguments){.common = {.jobs = 2, .width = 1200, .height = 900, .seed = 900001},
                       .pairs = 108,
                       .kind = -1,
                       .tone = -1};
    const struct poptOption table[] = {
        {"pairs", 0, POPT_ARG_INT, &out->pairs, 0, "how many", "N"},
        {"kind", 0, POPT_ARG_INT, &out->kind, 0, "one kind only, 0 to 17", "K"},
        {"tone", 0, POPT_ARG_INT, &out->tone, 0, "one tone only, 0 very light to 5 dark", "T"},
        {"keep", 0, POPT_ARG_STRING, &out->keep, 0, "leave the photos there", "DIR"},
        {"also", 0, POPT_ARG_NONE, &out->also, 0, "the kinds beyond the standard table", NULL},
        BENCH_COMMON_OPTIONS(&out->common)};
    return bench_options(&out->common, argc, argv, table) && out->kind < EVALUATION_ALL_KINDS &&
           out->tone < EVALUATION_TONES && out->pairs > 0;
}

static void print_each(const evaluation_result *results, int count)
{
    for (int i = 0; i < count; i++) {
        const evaluation_result *r = &results[i];
        const rubor_record *record = &r->record;
        printf("%llu %-12s %-8s", (unsigned long long)r->plan.seed, rubor_tones[r->plan.tone].name,
               evaluation_kind_names[r->plan.kind]);
        if (!r->done) {
            printf(" FAILED %s\n", r->failure);
            continue;
        }
        printf(
            " ei %6.2f true %6.2f raw %6.2f [%6.2f %6.2f]  mi %6.2f true %6.2f [%6.2f %6.2f]  mdc %4.2f %4.2f"
            "  gain %.2f %.2f  dice %.3f %.3f iou %.3f marked %5.2f  %s",
            record->redness.delta, r->truth.delta_ei, record->redness.delta_raw,
            record->redness.delta_interval95[0], record->redness.delta_interval95[1],
            record->pigmentation.delta, r->truth.delta_mi, record->pigmentation.delta_interval95[0],
            record->pigmentation.delta_interval95[1], record->redness.mdc, record->pigmentation.mdc,
            record->calibration.gain.hemoglobin, record->calibration.gain.melanin, r->erythema_dice,
            r->pigment_dice, r->skin_iou, r->marked_percent, record->quality.verdict);
        for (int k = 0; k < record->quality.reason_count; k++)
            printf(" %s", record->quality.reasons[k].code);
        for (int k = 0; k < record->doubt_count && k < 3; k++)
            printf(" %s=%.2f", record->doubts[k].source, record->doubts[k].delta_ei_sd);
        for (int k = 0; k < record->flag_count; k++)
            printf(" +%s", record->flags[k]);
        printf("  control %s", record->region.control);
        if (isfinite(r->cover_skin_percent))
            printf("  cover %.1f skin %.0f marked %.0f", r->cover_percent, r->cover_skin_percent,
                   r->cover_marked_percent);
        printf("  shine %.1f", record->findings.shine_percent);
        printf("  reg %.2f px  pin %lld/%d crust %.2f/%.2f bruise %.2f/%.2f  ms %.0f\n",
               record->registration.residual_px, (long long)record->findings.pinpoint_count,
               r->truth.pinpoint_count, record->findings.crust_percent, r->truth.crust_percent,
               record->findings.bruise_percent, r->truth.bruise_percent, record->timing_ms.total);
    }
}

static void run_one(void *context, int index)
{
    const arguments *a = context;
    evaluation_plan plan =
        a->also
            ? evaluation_plan_make_also(index, (uint64_t)a->common.seed, a->common.width, a->common.height)
            : evaluation_plan_make(index, (uint64_t)a->common.seed, a->common.width, a->common.height);
    plan.kind = a->kind >= 0 ? (evaluation_kind)a->kind : plan.kind;
    plan.tone = a->tone >= 0 ? a->tone : plan.tone;
    plan.keep = a->keep;
    evaluation_run(&a->results[index], &plan);
}

int main(int argc, const char **argv)
{
    arguments a;
    if (!parse(&a, argc, argv))
        return 2;
    a.results = bench_memory((size_t)a.pairs * sizeof *a.results);
    if (!a.results)
        return 4;
    bool good = bench_run(a.pairs, a.common.jobs, run_one, &a);
    if (a.common.each)
        print_each(a.results, a.pairs);
    if (!a.also && a.kind < EVALUATION_KINDS)
        evaluation_print(stdout, a.results, a.pairs);
    evaluation_print_kinds(stdout, a.results, a.pairs);
    return evaluation_failures(stderr, a.results, a.pairs) || !good ? 4 : 0;
}
