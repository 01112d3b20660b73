/* bench_gate [--photos N] [--seed S] [--jobs J] [--size WxH] [--fault NAME] [--no-chart] [--each]:
 * how often the quality gate speaks at each size of each fault, and how wrong the numbers of those photos
 * are. N photos for each of the six tones (camera, lamp, layout from the seed), each spoiled in every way and
 * measured against its unspoiled photo before treatment. The tables of docs/MEASUREMENT.md "Quality gate"
 * come from it;
 * --each also prints what was measured of every photo, from which thresholds are chosen. */
#include "analyzer/analyze.h"
#include "analyzer/frame.h"
#include "samples/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TONES = 6, SIZES = 6, FAULTS = 14 };

static const char *const tones[TONES] = {"very_light", "light", "intermediate", "tan", "brown", "dark"};

typedef struct fault {
    const char *name, *codes; /* codes: any of these names it */
    double size[SIZES];       /* ends with NaN */
    int must;                 /* from this size on a miss counts */
} fault;

#define END NAN
static const fault faults[FAULTS] = {
    {"none", "-", {0, END}, 0},
    {"blur px", "blurred motion", {1, 1.5, 2, 3, 4, 6}, 3},
    {"skin blur px", "blurred motion", {1, 1.5, 2, 3, 4, 6}, 3},
    {"chart blur px", "blurred motion", {1.5, 3, 5, END}, 1},
    {"motion px", "motion blurred", {3, 6, 9, 12, 18, END}, 2},
    {"over stops", "overexposed channel_clipped chart_clipped", {0.25, 0.5, 1, 1.5, 2, END}, 2},
    {"under stops", "underexposed", {1, 2, 3, 4, 5, END}, 3},
    {"red stops", "channel_clipped overexposed chart_clipped", {0.25, 0.5, 1, 1.5, END}, 1},
    {"veil %", "glare", {4, 6, 8, 12, 16, END}, 3},
    {"reflection %", "glare overexposed channel_clipped", {2, 5, 10, 20, 30, END}, 2},
    {"tilt degrees", "tilt misaligned", {15, 25, 35, 45, END}, 2},
    {"cloth %", "no_skin misaligned region_hidden region_empty", {50, 75, 90, 100, END}, 2},
    {"distance", "distance misaligned", {1.33, 1.67, 2.2, 3.3, END}, 2},
    {"lamp",
     "lighting_changed mixed_light light_moved",
     {1, 2, 3, 4, END},
     1}, /* other lamp, A, a quarter A, half another */
};

typedef struct outcome {
    bool done, named;
    int verdict; /* 0 ok, 1 warn, 2 retake */
    double ei_error, mi_error;
    rubor_quality quality;
    char reasons[160];
} outcome;

typedef struct arguments {
    int photos, jobs, width, height;
    uint64_t seed;
    const char *fault;
    bool chart, each;
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
    bool chosen = !a->fault || strcmp(a->fault, faults[which].name) == 0;
    bool chart_needed = which == 3 || which == 10 || which == 12;
    for (int i = 0; i <= k; i++)
        chosen = chosen && isfinite(faults[which].size[i]);
    return chosen && (a->chart || !chart_needed);
}

static void run_photo(outcome (*out)[SIZES], const arguments *a, int index)
{
    rubor_sample_options options;
    rubor_sample_photo before = {0};
    rubor_sample_options_default(&options);
    options.seed = a->seed + (uint64_t)index;
    options.tone = tones[index % TONES];
    options.width = a->width;
    options.height = a->height;
    options.chart = a->chart;
    options.delta_ei = 12;
    options.delta_mi = 6;
    if (rubor_sample_render(&before, &options, -1, NULL) == RUBOR_OK)
        for (int which = 0; which < FAULTS; which++)
            for (int k = 0; k < SIZES; k++)
                if (wanted(a, which, k))
                    ask(&out[which][k], &options, &before, which, faults[which].size[k], a->each);
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
        (unsigned long long)(a->seed + (uint64_t)index), tones[index % TONES], faults[which].name,
        faults[which].size[k], o->ei_error, o->mi_error, q->blur_px, q->blur_ratio, q->smear, q->skin_blur_px,
        q->skin_fine, q->skin_middle, q->skin_noise, q->clipped_percent, q->black_percent, q->bright_percent,
        q->median, q->shine_percent, q->skin_percent, q->tilt_degrees, q->white_linear, q->clipped_patches,
        o->verdict == 0   ? "ok"
        : o->verdict == 1 ? "warn"
                          : "retake",
        o->reasons);
}

static int compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
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
    qsort(e->value, (size_t)e->count, sizeof e->value[0], compare_doubles);
    return e->count ? e->value[(int)(share * (e->count - 1) + 0.5)] : NAN;
}

static void print_fault(outcome (*all)[FAULTS][SIZES], int photos, int which)
{
    for (int k = 0; k < SIZES; k++) {
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
            continue;
        printf("%-13s %5.2f%s %5d  %5.0f %5.0f %5.0f  %6.2f %6.2f   ", faults[which].name,
               faults[which].size[k], which && k >= faults[which].must ? "*" : " ", count,
               100.0 * named / count, 100.0 * verdicts[1] / count, 100.0 * verdicts[2] / count,
               quantile(&kept, 0.5), quantile(&kept, 0.9));
        for (int t = 0; t < TONES; t++)
            printf(" %2d", missed[t]);
        printf("\n");
    }
}

/* Never a score presented as good from a photo that failed: what is called ok must be right. */
static void print_verdicts(outcome (*all)[FAULTS][SIZES], int photos)
{
    static const char *const verdict_names[] = {"ok", "warn", "retake"};
    printf("\n%-8s %6s %9s   |error| of delta_ei: %6s %6s %6s   over 3: %%\n", "verdict", "photos",
           "measured", "median", "90 %", "most");
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
        printf("%-8s %6d %7.0f %%   %28.2f %6.2f %6.2f   %8.1f\n", verdict_names[v], e.photos,
               e.photos ? 100.0 * e.count / e.photos : 0, quantile(&e, 0.5), quantile(&e, 0.9),
               quantile(&e, 1), e.count ? 100.0 * large / e.count : 0);
    }
}

static bool parse(arguments *out, int argc, char **argv)
{
    *out = (arguments){.photos = 2, .jobs = 2, .width = 1200, .height = 900, .seed = 700001, .chart = true};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--each") == 0) {
            out->each = true;
            continue;
        }
        if (strcmp(argv[i], "--no-chart") == 0) {
            out->chart = false;
            continue;
        }
        if (strcmp(argv[i], "--photos") == 0)
            out->photos = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            out->jobs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            out->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--fault") == 0)
            out->fault = value;
        else if (strcmp(argv[i], "--size") == 0) {
            char *end;
            out->width = (int)strtol(value, &end, 10);
            out->height = *end == 'x' ? (int)strtol(end + 1, NULL, 10) : 0;
        } else
            return false;
        i++;
    }
    return out->photos > 0 && out->photos <= 40 && out->jobs > 0 && out->width > 0 && out->height > 0;
}

int main(int argc, char **argv)
{
    arguments a;
    if (!parse(&a, argc, argv)) {
        fprintf(stderr, "usage: bench_gate [--photos 1..40, of each tone] [--seed S] [--jobs J] [--size WxH] "
                        "[--fault NAME] [--no-chart] [--each]\n");
        return 2;
    }
    int photos = a.photos * TONES;
    size_t bytes = (size_t)photos * sizeof(outcome[FAULTS][SIZES]);
    outcome(*all)[FAULTS][SIZES] =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return 4;
    for (int job = 0; job < a.jobs; job++)
        if (fork() == 0) {
            for (int i = job; i < photos; i += a.jobs)
                run_photo(all[i], &a, i);
            _exit(0);
        }
    int status, crashed = 0;
    while (wait(&status) > 0)
        crashed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    for (int i = 0; i < photos && a.each; i++)
        for (int which = 0; which < FAULTS; which++)
            for (int k = 0; k < SIZES; k++)
                if (all[i][which][k].done)
                    print_each(&all[i][which][k], &a, i, which, k);
    printf("%-13s %5s  %5s  %5s %5s %5s  %13s   %s\n", "fault", "size", "photos", "named", "warn", "retak",
           "|error| ei", "missed (none: alarmed) of each tone");
    printf("%-13s %5s  %5s  %5s %5s %5s  %6s %6s\n", "", "", "", "%", "%", "%", "median", "90 %");
    for (int which = 0; which < FAULTS; which++)
        print_fault(all, photos, which);
    print_verdicts(all, photos);
    munmap(all, bytes);
    return crashed ? 4 : 0;
}
