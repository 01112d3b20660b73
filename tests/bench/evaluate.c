/* evaluate [--pairs N] [--seed S] [--jobs J] [--size WxH] [--kind K] [--tone T] [--keep DIR] [--each]
 * [--also]: rendered pairs through the analyzer, tables per tone class and kind; --also: the kinds beyond the
 * standard table (bruise, sunburn, make-up, lamps, no chart, regions given or not, face parts, objects)
 * instead of its six. The figures of docs/MEASUREMENT.md come from `evaluate --pairs 540`. */
#include "tests/bench/evaluation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct arguments {
    int pairs, jobs, width, height;
    uint64_t seed;
    const char *keep;
    int kind, tone; /* -1: all in turn */
    bool each, also;
} arguments;

static bool parse(arguments *out, int argc, char **argv)
{
    *out = (arguments){
        .pairs = 108, .jobs = 2, .width = 1200, .height = 900, .seed = 900001, .kind = -1, .tone = -1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--each") == 0) {
            out->each = true;
            continue;
        }
        if (strcmp(argv[i], "--also") == 0) {
            out->also = true;
            continue;
        }
        if (strcmp(argv[i], "--pairs") == 0)
            out->pairs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            out->jobs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            out->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--keep") == 0)
            out->keep = value;
        else if (strcmp(argv[i], "--kind") == 0)
            out->kind = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--tone") == 0)
            out->tone = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--size") == 0) {
            char *end;
            out->width = (int)strtol(value, &end, 10);
            out->height = *end == 'x' ? (int)strtol(end + 1, NULL, 10) : 0;
        } else
            return false;
        i++;
    }
    return out->kind < EVALUATION_ALL_KINDS && out->tone < EVALUATION_TONES && out->pairs > 0 &&
           out->jobs > 0 && out->width > 0 && out->height > 0;
}

static void print_each(const evaluation_result *results, int count)
{
    for (int i = 0; i < count; i++) {
        const evaluation_result *r = &results[i];
        const rubor_record *record = &r->record;
        printf("%llu %-12s %-8s", (unsigned long long)r->plan.seed, evaluation_tone_names[r->plan.tone],
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

int main(int argc, char **argv)
{
    arguments a;
    if (!parse(&a, argc, argv)) {
        fprintf(stderr, "usage: evaluate [--pairs N] [--seed S] [--jobs J] [--size WxH] [--kind 0..17] "
                        "[--tone 0..5] [--keep DIR] [--each] [--also]\n");
        return 2;
    }
    size_t bytes = (size_t)a.pairs * sizeof(evaluation_result);
    evaluation_result *results = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        return 4;
    for (int job = 0; job < a.jobs; job++)
        if (fork() == 0) {
            for (int i = job; i < a.pairs; i += a.jobs) {
                evaluation_plan plan = a.also ? evaluation_plan_make_also(i, a.seed, a.width, a.height)
                                              : evaluation_plan_make(i, a.seed, a.width, a.height);
                plan.kind = a.kind >= 0 ? (evaluation_kind)a.kind : plan.kind;
                plan.keep = a.keep;
                plan.tone = a.tone >= 0 ? a.tone : plan.tone;
                evaluation_run(&results[i], &plan);
            }
            _exit(0);
        }
    int status, crashed = 0;
    while (wait(&status) > 0)
        crashed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (a.each)
        print_each(results, a.pairs);
    evaluation_print(stdout, results, a.pairs);
    evaluation_print_kinds(stdout, results, a.pairs);
    munmap(results, bytes);
    return crashed ? 4 : 0;
}
