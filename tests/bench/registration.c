/* usage: bench_registration [pairs per kind]
 * Pairs of drawn skin with a known movement; prints the RMS error in working pixels by kind of movement. Then
 * rendered treatments (the visit against the photo before, found skin, without calibration): the error at the
 * corners of the treated region and of the control, by tone; and visits against another person's photo. */
#include "analyzer/registration.h"
#include "../unit/analyzer/moved_skin.h"
#include "analyzer/skin.h"
#include "imaging/photo.h"
#include "samples/sample.h"
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
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

typedef struct rendered {
    rubor_sample_photo photo;
    rubor_image_calibrated image;
    rubor_skin skin;
} rendered;

static void rendered_finish(rendered *r)
{
    rubor_sample_photo_finish(&r->photo);
    rubor_image_calibrated_finish(&r->image);
    rubor_skin_finish(&r->skin);
}

static rubor_status render(rendered *out, const char *tone, int seed, int day)
{
    memset(out, 0, sizeof *out);
    rubor_sample_options options;
    rubor_sample_options_default(&options);
    options.seed = (uint64_t)seed;
    options.tone = tone;
    options.width = 1600;
    options.height = 1200;
    rubor_image_encoded working = {0};
    rubor_calibration none;
    rubor_calibration_none(&none);
    rubor_status status = rubor_sample_render(&out->photo, &options, day, NULL);
    rubor_bytes bytes = {out->photo.jpeg.data, out->photo.jpeg.size};
    if (!status)
        status = rubor_photo_decode(&working, bytes, NULL, NULL);
    if (!status)
        status = rubor_calibration_apply(&out->image, &working, &none, NULL);
    if (!status)
        status = rubor_skin_find(&out->skin, &out->image, &none, options.width, options.height, NULL);
    rubor_image_encoded_finish(&working);
    return status;
}

static void add_corners(double *sum, double *n, const rubor_registration *r, const rubor_polygon *visit,
                        const rubor_polygon *baseline)
{
    for (size_t i = 0; i < visit->count && i < baseline->count; i++) {
        rubor_point said = rubor_registration_map(r, visit->points[i]);
        double dx = said.x - baseline->points[i].x, dy = said.y - baseline->points[i].y;
        *sum += dx * dx + dy * dy;
        *n += 1;
    }
}

static void rendered_pairs(int pairs)
{
    static const int days[3] = {0, 3, 8};
    printf("%-24s %6s %9s %9s %9s %9s %8s %10s\n", "rendered", "pairs", "refused", "rms med", "rms max",
           "said max", "overlap", "elsewhere");
    for (int t = 0; t < 6; t++) {
        outcome o = {.refused = 0};
        int elsewhere_refused = 0;
        for (int i = 0; i < pairs; i++) {
            rendered before, after, other;
            if (render(&before, rubor_tones[t].name, 400 + i, -1) ||
                render(&after, rubor_tones[t].name, 400 + i, days[i % 3]) ||
                render(&other, rubor_tones[t].name, 800 + i, -1))
                abort();
            rubor_registration r;
            rubor_error error = {0};
            double sum = 0, n = 0, start = seconds();
            rubor_status status =
                rubor_register(&r, &after.image, &after.skin.skin, &before.image, &before.skin.skin, &error);
            o.seconds += seconds() - start;
            add_corners(&sum, &n, &r, &after.photo.region, &before.photo.region);
            add_corners(&sum, &n, &r, &after.photo.control, &before.photo.control);
            double rms = n > 0 ? sqrt(sum / n) : NAN;
            if (getenv("VERBOSE"))
                printf("  %d %s error %.2f said %.2f overlap %.0f\n", i, status ? error.message : "ok", rms,
                       r.residual_px, r.overlap_percent);
            if (status) {
                o.refused++;
            } else {
                o.errors[o.accepted++] = rms;
                o.said = r.residual_px > o.said ? r.residual_px : o.said;
                o.overlap += r.overlap_percent;
            }
            elsewhere_refused += rubor_register(&r, &other.image, &other.skin.skin, &before.image,
                                                &before.skin.skin, &error) == RUBOR_REFUSED;
            rendered_finish(&before);
            rendered_finish(&after);
            rendered_finish(&other);
        }
        qsort(o.errors, (size_t)o.accepted, sizeof o.errors[0], bench_compare);
        int n = o.accepted;
        printf("%-24s %6d %9d %9.3f %9.3f %9.3f %8.1f %7d/%d\n", rubor_tones[t].name, pairs, o.refused,
               n ? o.errors[n / 2] : NAN, n ? o.errors[n - 1] : NAN, o.said, n ? o.overlap / n : NAN,
               elsewhere_refused, pairs);
    }
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
        qsort(o.errors, (size_t)o.accepted, sizeof o.errors[0], bench_compare);
        int n = o.accepted;
        printf("%-24s %6d %9d %9.3f %9.3f %9.3f %8.1f %7.1f\n", kinds[k].name, pairs, o.refused,
               n ? o.errors[n / 2] : NAN, n ? o.errors[n - 1] : NAN, o.said, n ? o.overlap / n : NAN,
               1000 * o.seconds / pairs);
    }
    rendered_pairs(pairs);
    return 0;
}
