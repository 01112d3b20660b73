/* bench_series (--help):
 *
 * Rendered treatments (days 0-10, 14, 21, 28) of every tone through the analyzer and the series: which flags
 * were raised, how many days after they could first be known, and how many false ones; one row a course and
 * tone, then every miss and every false flag with its seed and why. LIST: NAME or NAME:COUNT, by comma;
 * --treatments is the count where none is given; tones take turns. After T seconds (280) no treatment is
 * begun and the table says how many were not done. --save appends the records to FILE, --replay flags kept
 * records again without rendering. Exit code 1 when a flag was missed, late or false. Figures in
 * docs/EVALUATION.md "Courses". */
#include "analyzer/series.h"
#include "samples/sample.h"
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VISITS = 14, TONES = 6, COURSES_MOST = 9 };
static const int days[VISITS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 21, 28};
/* A smaller true change is not to be known. */
static const double FLOOR_EI = RUBOR_SERIES_REDNESS_FLOOR, FLOOR_MI = RUBOR_SERIES_PIGMENT_FLOOR;

typedef struct treatment {
    char course[24];
    int tone;
    uint64_t seed;
    bool begun, done;
    char failure[160];
    rubor_sample_truth truth[VISITS];
    rubor_record records[VISITS];
} treatment;

typedef struct arguments {
    const char *courses, *save, *replay;
    bench_common common;
    int treatments, seconds;
    time_t end;
    treatment *all;
} arguments;

static bool parse(arguments *out, int argc, const char **argv)
{
    *out = (arguments){
        .courses = "normal,none,persistent,rebound,pih",
        .treatments = TONES,
        .seconds = 280,
        .common = {.jobs = 2, .width = 1000, .height = 750, .seed = 500001},
    };
    const struct poptOption table[] = {
        {"courses", 0, POPT_ARG_STRING, &out->courses, 0, "NAME or NAME:COUNT, by comma", "LIST"},
        {"treatments", 0, POPT_ARG_INT, &out->treatments, 0, "of each course without a count", "N"},
        {"seconds", 0, POPT_ARG_INT, &out->seconds, 0, "then no treatment is begun", "T"},
        {"save", 0, POPT_ARG_STRING, &out->save, 0, "append the records to it", "FILE"},
        {"replay", 0, POPT_ARG_STRING, &out->replay, 0, "flag kept records again", "FILE"},
        BENCH_COMMON_OPTIONS(&out->common)};
    return bench_options(&out->common, argc, argv, table) && out->treatments > 0 && out->seconds > 0;
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
    t->begun = true;
    rubor_sample_options_default(&options);
    options.seed = t->seed;
    options.tone = rubor_tones[t->tone].name;
    options.course = t->course;
    options.width = a->common.width;
    options.height = a->common.height;
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
    double lowest = INFINITY, bruise = 0;
    for (int i = 0; i < VISITS; i++) {
        double ei = t->truth[i].delta_ei, mi = t->truth[i].delta_mi, area = t->truth[i].bruise_percent;
        lowest = fmin(lowest, ei);
        if (strcmp(t->course, "persistent") == 0 && days[i] > 7 && ei > FLOOR_EI)
            return days[i];
        if (strcmp(t->course, "rebound") == 0 && ei - lowest > FLOOR_EI)
            return days[i];
        if (strcmp(t->course, "pih") == 0 && days[i] > 10 && mi > FLOOR_MI)
            return days[i];
        if (days[i] <= 2)
            bruise = fmax(bruise, area);
        else if (strcmp(t->course, "bruise_spreading") == 0 && area > 1.5 * bruise + 2)
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
    int treatments, known, in_time, late, missed, false_flags, refused;
} tally;

static void add_tally(tally *sum, const tally *one)
{
    sum->treatments += one->treatments;
    sum->known += one->known;
    sum->in_time += one->in_time;
    sum->late += one->late;
    sum->missed += one->missed;
    sum->false_flags += one->false_flags;
    sum->refused += one->refused;
}

static void print_tally(const char *course, const char *tone, const tally *sum)
{
    printf("%-16s %-12s %10d %6d %8d %5d %7d %12d %15d\n", course, tone, sum->treatments, sum->known,
           sum->in_time, sum->late, sum->missed, sum->false_flags, sum->refused);
}

/* What the photos said from the day the change could be known until the day after. */
static void print_reason(const treatment *t, int known)
{
    bool pigment = strcmp(t->course, "pih") == 0;
    for (int i = 0; i < VISITS; i++) {
        const rubor_record *record = &t->records[i];
        const rubor_score *score = pigment ? &record->pigmentation : &record->redness;
        double truth = pigment ? t->truth[i].delta_mi : t->truth[i].delta_ei;
        if (days[i] < known || days[i] > known + 1)
            continue;
        printf("    day %d: ", days[i]);
        if (strcmp(record->quality.verdict, "retake") == 0) {
            printf("retake");
            for (int k = 0; k < record->quality.reason_count; k++)
                printf(" %s", record->quality.reasons[k].code);
            putchar('\n');
            continue;
        }
        double sd = (score->delta_interval95[1] - score->delta_interval95[0]) / 3.92;
        if (strcmp(t->course, "bruise_spreading") == 0) {
            printf("true %.1f %%, read %.1f %%\n", t->truth[i].bruise_percent,
                   record->findings.bruise_percent);
            continue;
        }
        printf("true %.2f, read %.2f, sd %.2f (%.1f sd)%s\n", truth, score->delta, sd, score->delta / sd,
               rubor_record_has_flag(record, "not_comparable") ? ", not comparable" : "");
    }
}

static tally judge(const treatment *t, const rubor_series *series, bool each)
{
    const char *wanted = wanted_flag(t->course);
    int known = first_known(t), raised = -1;
    tally sum = {.treatments = 1, .known = known >= 0};
    for (int i = 0; i < VISITS; i++)
        sum.refused += strcmp(t->records[i].quality.verdict, "retake") == 0;
    for (int i = 0; i < series->flag_count; i++) {
        if (strcmp(series->flags[i].code, wanted) == 0)
            raised = series->flags[i].day;
        sum.false_flags += !belongs(t->course, series->flags[i].code);
    }
    sum.in_time = known >= 0 && raised >= 0 && raised <= known + 1;
    sum.late = known >= 0 && raised > known + 1;
    sum.missed = known >= 0 && raised < 0;
    if (each || sum.late || sum.missed || sum.false_flags) {
        printf("%s %s seed %llu: known on day %d, flagged on day %d\n", t->course, rubor_tones[t->tone].name,
               (unsigned long long)t->seed, known, raised);
        for (int i = 0; i < series->flag_count; i++)
            printf("    %s%s day %d: %s\n", belongs(t->course, series->flags[i].code) ? "" : "FALSE ",
                   series->flags[i].code, series->flags[i].day, series->flags[i].message);
        if (sum.late || sum.missed)
            print_reason(t, known);
    }
    if (each)
        print_visits(t);
    return sum;
}

static rubor_status follow(rubor_series *out, const treatment *t, rubor_error *error)
{
    rubor_visit visits[VISITS];
    memset(visits, 0, sizeof visits);
    for (int i = 0; i < VISITS; i++) {
        visits[i].day = days[i];
        visits[i].record = &t->records[i];
        snprintf(visits[i].view, sizeof visits[i].view, "front");
    }
    return rubor_series_analyze(out, visits, VISITS, error);
}

/* The misses first, then the table. False when a flag was missed, late or false, or a treatment failed. */
static bool report(const treatment *all, int count, bool each)
{
    tally sums[COURSES_MOST][TONES] = {0}, whole = {0};
    char names[COURSES_MOST][24] = {""};
    int courses = 0, skipped = 0, failed = 0;
    for (int i = 0; i < count; i++) {
        rubor_series series;
        rubor_error error = {0};
        int course = 0;
        while (course < courses && strcmp(names[course], all[i].course) != 0)
            course++;
        if (course == COURSES_MOST)
            continue;
        if (course == courses)
            snprintf(names[courses++], sizeof names[0], "%s", all[i].course);
        skipped += !all[i].begun;
        if (all[i].done && follow(&series, &all[i], &error) == RUBOR_OK) {
            tally one = judge(&all[i], &series, each);
            add_tally(&sums[course][all[i].tone], &one);
        } else if (all[i].begun) {
            failed++;
            printf("%s %s seed %llu failed: %s\n", all[i].course, rubor_tones[all[i].tone].name,
                   (unsigned long long)all[i].seed, all[i].failure);
        }
    }
    printf("%-16s %-12s %10s %6s %8s %5s %7s %12s %15s\n", "course", "tone", "treatments", "known", "in time",
           "late", "missed", "false flags", "photos refused");
    for (int course = 0; course < courses; course++) {
        tally sum = {0};
        for (int tone = 0; tone < TONES; tone++)
            if (sums[course][tone].treatments) {
                print_tally(names[course], rubor_tones[tone].name, &sums[course][tone]);
                add_tally(&sum, &sums[course][tone]);
            }
        print_tally(names[course], "all", &sum);
        add_tally(&whole, &sum);
    }
    if (skipped)
        printf("%d of %d treatments were not begun: the time was up\n", skipped, count);
    return !whole.late && !whole.missed && !whole.false_flags && !failed;
}

/* Fills all when it is given; returns how many treatments there are. */
static int plan(treatment *all, const arguments *a)
{
    int count = 0, course = 0;
    char list[256];
    snprintf(list, sizeof list, "%s", a->courses);
    char *rest = list;
    for (char *name = strtok_r(list, ",", &rest); name && course < COURSES_MOST;
         name = strtok_r(NULL, ",", &rest), course++) {
        char *colon = strchr(name, ':');
        int wanted = colon ? (int)strtol(colon + 1, NULL, 10) : a->treatments;
        if (colon)
            *colon = '\0';
        for (int i = 0; i < wanted; i++, count++) {
            if (!all)
                continue;
            all[count].tone = i % TONES;
            all[count].seed = (uint64_t)a->common.seed + (uint64_t)(1000 * course + i);
            snprintf(all[count].course, sizeof all[count].course, "%s", name);
        }
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

static void run_one(void *context, int index)
{
    const arguments *a = context;
    if (time(NULL) < a->end)
        run(&a->all[index], a);
}

static treatment *render(arguments *a, int *count)
{
    *count = plan(NULL, a);
    treatment *all = a->all = bench_memory((size_t)*count * sizeof *all);
    if (!all)
        return NULL;
    plan(all, a);
    a->end = time(NULL) + a->seconds;
    if (!bench_run(*count, a->common.jobs, run_one, a))
        fprintf(stderr, "a process crashed; its treatment counts as not begun\n");
    FILE *file = a->save ? fopen(a->save, "ae") : NULL; /* appended: a long run can be done in parts */
    if (file) {
        for (int i = 0; i < *count; i++)
            if (all[i].begun)
                fwrite(&all[i], sizeof *all, 1, file);
        fclose(file);
    }
    return all;
}

int main(int argc, const char **argv)
{
    arguments a;
    int count = 0;
    if (!parse(&a, argc, argv))
        return 2;
    treatment *all = a.replay ? replay(a.replay, &count) : render(&a, &count);
    if (!all)
        return 4;
    bool good = report(all, count, a.common.each);
    if (a.replay)
        free(all);
    return good ? 0 : 1;
}
