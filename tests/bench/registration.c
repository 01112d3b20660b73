/* usage: bench_registration [pairs per kind]
 * Pairs of drawn skin with a known movement; prints the RMS error in working pixels by kind of movement. */
#include "analyzer/registration.h"
#include "../unit/analyzer/moved_skin.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* RMS distance in px of the baseline between where skin is said to come from and where it does. */
static double movement_error(const rubor_registration *r, const movement *move, const skin_scene *visit,
                             const skin_scene *baseline)
{
    double sum = 0, n = 0;
    for (double y = -0.28; y <= 0.28; y += 0.02)
        for (double x = -0.38; x <= 0.42; x += 0.02) {
            rubor_point p = {x, y}, at = scene_to_pixel(visit, move_point(move, p));
            if (!in_skin(p) || at.x < 8 || at.y < 8 || at.x > visit->width - 9 || at.y > visit->height - 9)
                continue;
            rubor_point said = rubor_registration_map(r, at), truth = scene_to_pixel(baseline, p);
            sum += (said.x - truth.x) * (said.x - truth.x) + (said.y - truth.y) * (said.y - truth.y);
            n++;
        }
    return sqrt(sum / n);
}

typedef struct kind {
    const char *name;
    movement most; /* drawn up to this, either way */
    double contrast, noise, redness, light;
    int visit_width, baseline_width;
    bool elsewhere;
} kind;

static const kind kinds[] = {
    {"nothing", {.zoom = 0}, .012, .006, 0, 0, 1632, 1632, false},
    {"shift 10 %", {.shift_x = .1, .shift_y = .1}, .012, .006, 0, 0, 1632, 1632, false},
    {"turn 10 deg", {.turn_degrees = 10}, .012, .006, 0, 0, 1632, 1632, false},
    {"zoom 10 %", {.zoom = .1}, .012, .006, 0, 0, 1632, 1632, false},
    {"perspective", {.tilt_x = .12, .tilt_y = .12}, .012, .006, 0, 0, 1632, 1632, false},
    {"stretch", {.stretch = .008}, .012, .006, 0, 0, 1632, 1632, false},
    {"all", {.07, .07, 8, .08, .08, .08, .005}, .012, .006, 0, 0, 1632, 1632, false},
    {"all, redness fades", {.07, .07, 8, .08, .08, .08, .005}, .012, .006, .25, 0, 1632, 1632, false},
    {"all, light turned", {.07, .07, 8, .08, .08, .08, .005}, .012, .006, .15, .3, 1632, 1632, false},
    {"all, smooth and noisy", {.07, .07, 8, .08, .08, .08, .005}, .005, .012, .15, 0, 1632, 1632, false},
    {"all, other camera", {.07, .07, 8, .08, .08, .08, .005}, .012, .006, .15, 0, 1632, 1000, false},
    {"elsewhere", {.07, .07, 8, .08, .08, .08, .005}, .012, .006, .15, 0, 1632, 1632, true},
    {"elsewhere, smooth", {.07, .07, 8, .08, .08, .08, .005}, .004, .012, .15, 0, 1632, 1632, true},
};
enum { MOST_PAIRS = 256 };

typedef struct outcome {
    double errors[MOST_PAIRS], said, overlap, seconds;
    int refused, accepted;
} outcome;

static double either_way(uint64_t *state, double most)
{
    return most * (2 * scene_random(state) - 1);
}

static movement draw_movement(const movement *m, uint64_t seed)
{
    uint64_t state = seed;
    for (int j = 0; j < 8; j++)
        scene_random(&state);
    movement move;
    move.shift_x = either_way(&state, m->shift_x);
    move.shift_y = either_way(&state, m->shift_y);
    move.turn_degrees = either_way(&state, m->turn_degrees);
    move.zoom = 1 + either_way(&state, m->zoom);
    move.tilt_x = either_way(&state, m->tilt_x);
    move.tilt_y = either_way(&state, m->tilt_y);
    move.stretch = either_way(&state, m->stretch);
    return move;
}

static void run_pair(outcome *out, const kind *what, size_t k, int i)
{
    movement move = draw_movement(&what->most, 7919u * (uint64_t)(i + 1) + 104729u * k);
    skin_scene baseline = {.seed = 100 + (uint64_t)i,
                           .width = what->baseline_width,
                           .height = what->baseline_width * 3 / 4,
                           .pores = 6000,
                           .spots = 60,
                           .contrast = what->contrast,
                           .noise = what->noise,
                           .base_od = {.35, .55, .7}};
    skin_scene visit = baseline;
    visit.width = what->visit_width;
    visit.height = what->visit_width * 3 / 4;
    visit.redness = what->redness;
    visit.light = what->light;
    visit.seed += what->elsewhere ? 5000 : 0;
    rubor_image_calibrated a, b;
    rubor_mask am, bm;
    draw_scene(&a, &am, &visit, &move, 2 * (uint64_t)i + 1);
    draw_scene(&b, &bm, &baseline, NULL, 2 * (uint64_t)i + 2);
    rubor_registration r;
    rubor_error error = {0};
    double start = seconds();
    rubor_status status = rubor_register(&r, &a, &am, &b, &bm, &error);
    out->seconds += seconds() - start;
    if (getenv("VERBOSE"))
        printf("  %d %s error %.2f said %.2f overlap %.0f\n", i, status ? error.message : "ok",
               movement_error(&r, &move, &visit, &baseline), r.residual_px, r.overlap_percent);
    if (status) {
        out->refused++;
    } else {
        out->errors[out->accepted++] = movement_error(&r, &move, &visit, &baseline);
        out->said = r.residual_px > out->said ? r.residual_px : out->said;
        out->overlap += r.overlap_percent;
    }
    rubor_image_calibrated_finish(&a);
    rubor_image_calibrated_finish(&b);
    rubor_mask_finish(&am);
    rubor_mask_finish(&bm);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int pairs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 4;
    pairs = pairs > MOST_PAIRS ? MOST_PAIRS : pairs;
    printf("%-24s %6s %9s %9s %9s %9s %8s %7s\n", "kind", "pairs", "refused", "rms med", "rms max",
           "said max", "overlap", "ms");
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        outcome o = {.refused = 0};
        for (int i = 0; i < pairs; i++)
            run_pair(&o, &kinds[k], k, i);
        qsort(o.errors, (size_t)o.accepted, sizeof o.errors[0], compare_doubles);
        int n = o.accepted;
        printf("%-24s %6d %9d %9.3f %9.3f %9.3f %8.1f %7.1f\n", kinds[k].name, pairs, o.refused,
               n ? o.errors[n / 2] : NAN, n ? o.errors[n - 1] : NAN, o.said, n ? o.overlap / n : NAN,
               1000 * o.seconds / pairs);
    }
    return 0;
}
