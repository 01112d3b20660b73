/* series [--courses LIST] [--treatments N] [--seed S] [--jobs J] [--size WxH] [--save FILE | --replay FILE]
 * [--each]
 *
 * Rendered treatments (days 0-10, 14, 21, 28) of every tone through the analyzer and the series: which flags
 * were raised, how many days after they could first be known, and how many false ones. --treatments counts
 * treatments per course; tones take turns. --save keeps the records, --replay flags kept records again
 * without rendering. Figures in docs/MEASUREMENT.md "Series". */
#include "analyzer/series.h"
#include "samples/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VISITS = 14, TONES = 6, COURSES_MOST = 9 };
static const int days[VISITS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 21, 28};
static const char *const tones[TONES] = {"very_light", "light", "intermediate", "tan", "brown", "dark"};
/* Floors of analyzer/series.c: a smaller true change is not to be known. */
static const double FLOOR_EI = 2.0, FLOOR_MI = 1.5;

typedef struct treatment {
    char course[24];
    int tone;
    uint64_t seed;
    bool done;
    char failure[160];
    rubor_sample_truth truth[VISITS];
    rubor_record records[VISITS];
} treatment;

typedef struct arguments {
    const char *courses, *save, *replay;
    int treatments, jobs, width, height;
    uint64_t seed;
    bool each;
} arguments;

static bool parse(arguments *out, int argc, char **argv)
{
    *out = (arguments){"normal,none,persistent,rebound,pih", NULL, NULL, 6, 2, 800, 600, 500001, false};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--each") == 0) {
            out->each = true;
            continue;
        }
        char *end = NULL;
        if (strcmp(argv[i], "--courses") == 0)
            out->courses = value;
        else if (strcmp(argv[i], "--save") == 0)
            out->save = value;
        else if (strcmp(argv[i], "--replay") == 0)
            out->replay = value;
        else if (strcmp(argv[i], "--treatments") == 0)
            out->treatments = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            out->jobs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            out->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--size") == 0) {
            out->width = (int)strtol(value, &end, 10);
            out->height = *end == 'x' ? (int)strtol(end + 1, NULL, 10) : 0;
        } else
            return false;
        i++;
    }
    return out->treatments > 0 && out->jobs > 0 && out->width > 0 && out->height > 0;
}

static rubor_status measure(treatment *t, const rubor_sample_series *series, rubor_error *error)
{
    rubor_sample_photo before = {0};
    rubor_status status = rubor_sample_series_render(&before, series, -1, error);
    for (int i = 0; i < VISITS && status == RUBOR_OK; i++) {
        rubor_sample_photo after = {0};
        status = rubor_sample_series_render(&after, series, days[i], error);
        rubor_analyze_options options = {
            .baseline_region = &before.region, .baseline_control = &before.control, .day = days[i]};
        if (status == RUBOR_OK)
            status = rubor_analyze(&t->records[i], NULL, (rubor_bytes){after.jpeg.data, after.jpeg.size},
                                   (rubor_bytes){before.jpeg.data, before.jpeg.size}, &options, error);
        t->truth[i] = after.truth;
        rubor_sample_photo_finish(&after);
    }
    rubor_sample_photo_finish(&before);
    return status;
}

static void run(treatment *t, const arguments *a)
{
    rubor_sample_options options;
    rubor_sample_series *series = NULL;
    rubor_error error = {0};
    rubor_sample_options_default(&options);
    options.seed = t->seed;
    options.tone = tones[t->tone];
    options.course = t->course;
    options.width = a->width;
    options.height = a->height;
    rubor_status status = rubor_sample_series_create(&series, &options, &error);
    if (status == RUBOR_OK)
        status = measure(t, series, &error);
    t->done = status == RUBOR_OK;
    snprintf(t->failure, sizeof t->failure, "%.150s", error.message);
    rubor_sample_series_destroy(&series);
}

static const char *wanted_flag(const char *course)
{
    return strcmp(course, "persistent") == 0         ? "persistent_redness"
           : strcmp(course, "rebound") == 0          ? "rebound"
           : strcmp(course, "pih") == 0              ? "possible_pih"
           : strcmp(course, "bruise_spreading") == 0 ? "bruise_spreading"
                                                     : "";
}

/* Whether this flag is right for this course: a redness that comes back late is persistent as well. */
static bool belongs(const char *course, const char *code)
{
    if (strcmp(code, wanted_flag(course)) == 0)
        return true;
    return strcmp(course, "rebound") == 0 && strcmp(code, "persistent_redness") == 0;
}

/* The first day whose true values show what the flag says; -1: none of these days does. */
static int first_known(const treatment *t)
{
    double lowest = INFINITY;
    for (int i = 0; i < VISITS; i++) {
        double ei = t->truth[i].delta_ei, mi = t->truth[i].delta_mi;
        lowest = fmin(lowest, ei);
        if (strcmp(t->course, "persistent") == 0 && days[i] > 7 && ei > FLOOR_EI)
            return days[i];
        if (strcmp(t->course, "rebound") == 0 && ei - lowest > FLOOR_EI)
            return days[i];
        if (strcmp(t->course, "pih") == 0 && days[i] > 10 && mi > FLOOR_MI)
            return days[i];
    }
    return -1;
}

static void print_visits(const treatment *t)
{
    for (int i = 0; i < VISITS; i++) {
        const rubor_score *red = &t->records[i].redness, *pigment = &t->records[i].pigmentation;
        printf("    day %2d  ei %6.2f true %6.2f sd %5.2f   mi %6.2f true %6.2f sd %5.2f  crust %4.1f bruise "
               "%4.1f  %s",
               days[i], red->delta, t->truth[i].delta_ei,
               (red->delta_interval95[1] - red->delta_interval95[0]) / 3.92, pigment->delta,
               t->truth[i].delta_mi, (pigment->delta_interval95[1] - pigment->delta_interval95[0]) / 3.92,
               t->records[i].findings.crust_percent, t->records[i].findings.bruise_percent,
               t->records[i].quality.verdict);
        for (int k = 0; k < t->records[i].quality.reason_count; k++)
            printf(" %s", t->records[i].quality.reasons[k].code);
        for (int k = 0; k < t->records[i].flag_count; k++)
            printf(" (%s)", t->records[i].flags[k]);
        putchar('\n');
    }
}

typedef struct tally {
    int treatments, known, in_time, late, missed, wrong_flags;
} tally;

static void judge(const treatment *t, const rubor_series *series, tally *sum, bool each)
{
    const char *wanted = wanted_flag(t->course);
    int known = first_known(t), raised = -1;
    for (int i = 0; i < series->flag_count; i++) {
        if (strcmp(series->flags[i].code, wanted) == 0)
            raised = series->flags[i].day;
        if (!belongs(t->course, series->flags[i].code))
            sum->wrong_flags++;
    }
    sum->treatments++;
    sum->known += known >= 0;
    sum->in_time += known >= 0 && raised >= 0 && raised <= known + 1;
    sum->late += known >= 0 && raised > known + 1;
    sum->missed += known >= 0 && raised < 0;
    if (!each)
        return;
    printf("%-10s %-12s seed %llu: known on day %d, flagged on day %d\n", t->course, tones[t->tone],
           (unsigned long long)t->seed, known, raised);
    for (int i = 0; i < series->flag_count; i++)
        printf("  %s day %d: %s\n", series->flags[i].code, series->flags[i].day, series->flags[i].message);
    print_visits(t);
}

static void report(const treatment *all, int count, bool each)
{
    printf("%-12s %10s %6s %8s %6s %7s %12s\n", "course", "treatments", "known", "in time", "late", "missed",
           "other flags");
    for (int begin = 0, end; begin < count; begin = end) {
        tally sum = {0};
        for (end = begin; end < count && strcmp(all[end].course, all[begin].course) == 0; end++) {
            if (!all[end].done) {
                printf("  %s seed %llu failed: %s\n", all[end].course, (unsigned long long)all[end].seed,
                       all[end].failure);
                continue;
            }
            rubor_visit visits[VISITS];
            rubor_series series;
            rubor_error error = {0};
            memset(visits, 0, sizeof visits);
            for (int i = 0; i < VISITS; i++) {
                visits[i].day = days[i];
                visits[i].record = &all[end].records[i];
                snprintf(visits[i].view, sizeof visits[i].view, "front");
            }
            if (rubor_series_analyze(&series, visits, VISITS, &error) == RUBOR_OK)
                judge(&all[end], &series, &sum, each);
        }
        printf("%-12s %10d %6d %8d %6d %7d %12d\n", all[begin].course, sum.treatments, sum.known, sum.in_time,
               sum.late, sum.missed, sum.wrong_flags);
    }
}

static int plan(treatment *all, const arguments *a)
{
    int count = 0, course = 0;
    char list[256];
    snprintf(list, sizeof list, "%s", a->courses);
    char *rest = list;
    for (char *name = strtok_r(list, ",", &rest); name && course < COURSES_MOST;
         name = strtok_r(NULL, ",", &rest), course++)
        for (int i = 0; i < a->treatments; i++, count++) {
            if (!all)
                continue;
            all[count].tone = i % TONES;
            all[count].seed = a->seed + (uint64_t)(1000 * course + i);
            snprintf(all[count].course, sizeof all[count].course, "%s", name);
        }
    return count;
}

static treatment *replay(const char *path, int *count)
{
    FILE *file = fopen(path, "rbe");
    treatment *all = NULL;
    for (*count = 0; file;) {
        treatment *more = realloc(all, (size_t)(*count + 1) * sizeof *all);
        if (!more)
            break;
        all = more;
        if (fread(&all[*count], sizeof *all, 1, file) != 1)
            break;
        (*count)++;
    }
    if (file)
        fclose(file);
    return all;
}

static treatment *render(const arguments *a, int *count)
{
    *count = plan(NULL, a);
    treatment *all =
        mmap(NULL, (size_t)*count * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    plan(all, a);
    for (int job = 0; job < a->jobs; job++)
        if (fork() == 0) {
            for (int i = job; i < *count; i += a->jobs)
                run(&all[i], a);
            _exit(0);
        }
    int status;
    while (wait(&status) > 0)
        continue;
    FILE *file = a->save ? fopen(a->save, "ae") : NULL; /* appended: a long run can be done in parts */
    if (file) {
        fwrite(all, sizeof *all, (size_t)*count, file);
        fclose(file);
    }
    return all;
}

int main(int argc, char **argv)
{
    arguments a;
    int count = 0;
    if (!parse(&a, argc, argv)) {
        fprintf(stderr, "usage: series [--courses LIST] [--treatments N] [--seed S] [--jobs J] [--size WxH]"
                        " [--save FILE | --replay FILE] [--each]\n");
        return 2;
    }
    treatment *all = a.replay ? replay(a.replay, &count) : render(&a, &count);
    if (!all)
        return 4;
    report(all, count, a.each);
    if (a.replay)
        free(all);
    return 0;
}
