#include "tests/bench/evaluation.h"

#include "samples/tones.h"
#include "tests/mask_overlap.h"

#include <math.h>
#include <string.h>

const char *const evaluation_kind_names[EVALUATION_ALL_KINDS] = {
    "none", "red", "red5",    "pigment", "both",     "course", "bruise", "sunburn", "makeup",
    "lamp", "mix", "nochart", "found",   "unguided", "given",  "face",   "object",  "puton"};

/* A fraction 0..1 that depends on the seed and on what it is for. */
static double fraction(uint64_t seed, uint64_t purpose)
{
    uint64_t z = seed * 0x9E3779B97F4A7C15u + purpose * 0xD1B54A32D192ED03u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

evaluation_plan evaluation_plan_make_also(int index, uint64_t first_seed, int width, int height)
{
    int also = EVALUATION_ALL_KINDS - EVALUATION_KINDS;
    evaluation_plan plan = {.seed = first_seed + (uint64_t)index, .width = width, .height = height};
    plan.tone = index % EVALUATION_TONES;
    plan.kind = (evaluation_kind)(EVALUATION_KINDS + index / EVALUATION_TONES % also);
    return plan;
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

/* A course shown on one of its days. */
static int set_course(rubor_sample_options *options, const char *course, int first, double days)
{
    options->course = course;
    options->pattern = NULL;
    return first + (int)days;
}

/* What the kinds beyond the six of the standard table add; the change is that of "both". */
static int set_circumstance(rubor_sample_options *options, const evaluation_plan *plan)
{
    static const char *const lamps[] = {"D50", "D55", "D65", "FL7", "FL11", "LED-B3", "LED-B4", "LED-B5"};
    static const char *const borders[] = {"beard", "lips", "brow", "nostrils", "hair", "shadow"};
    double ei = fraction(plan->seed, 1), mi = fraction(plan->seed, 2), more = fraction(plan->seed, 5);
    size_t lamp = (size_t)(8 * fraction(plan->seed, 6)), other = lamp + 1 + (size_t)(7 * more);
    if (plan->kind == EVALUATION_BRUISE)
        return set_course(options, "bruise", 0, 8 * more);
    if (plan->kind == EVALUATION_SUNBURN)
        return set_course(options, "sunburn", 1, 4 * more);
    if (plan->kind == EVALUATION_MAKEUP)
        return set_course(options, "makeup", 3, 5 * more);
    options->delta_ei = 4 + 16 * ei;
    options->delta_mi = mi < 0.5 ? 0 : 5 + 14 * (mi - 0.5);
    if (plan->kind == EVALUATION_LAMP || plan->kind == EVALUATION_MIX)
        options->lamp = lamps[lamp];
    if (plan->kind == EVALUATION_LAMP)
        options->visit_lamp = lamps[other % 8];
    if (plan->kind == EVALUATION_MIX) {
        options->visit_lamp2 = lamps[other % 8];
        options->lamp2_share = 0.5;
    }
    if (plan->kind == EVALUATION_NO_CHART)
        options->chart = false;
    if (plan->kind == EVALUATION_FACE)
        options->border = borders[(size_t)(6 * more)];
    if (plan->kind == EVALUATION_OBJECT || plan->kind == EVALUATION_PUT_ON)
        options->object = rubor_sample_objects()[1 + (size_t)(5 * more)];
    return 3;
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
    default:
        return set_circumstance(options, plan);
    }
}

/* What covers the region's skin (make-up, an object): how much of it was taken for skin, how much marked. */
static void judge_cover(evaluation_result *out, const rubor_sample_photo *truth, const rubor_maps *maps)
{
    rubor_mask region = {0};
    int w = truth->skin.width, h = truth->skin.height;
    out->cover_percent = out->cover_skin_percent = out->cover_marked_percent = NAN;
    if (rubor_mask_init(&region, w, h, NULL) != RUBOR_OK)
        return;
    rubor_polygon_rasterize(&region, &truth->region, 1, 1);
    double all = 0, covered = 0, skin = 0, marked = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            if (region.data[i] < 128)
                continue;
            all++;
            if (truth->skin.data[i] >= 128 || truth->findings.data[i])
                continue;
            covered++;
            skin += mask_inside(&maps->skin, x, y, w, h);
            marked += mask_inside(&maps->erythema, x, y, w, h) || mask_inside(&maps->pigment, x, y, w, h);
        }
    out->cover_percent = 100 * covered / all;
    if (out->cover_percent > 0.5) {
        out->cover_skin_percent = 100 * skin / covered;
        out->cover_marked_percent = 100 * marked / covered;
    }
    rubor_mask_finish(&region);
}

static void judge_masks(evaluation_result *out, const rubor_sample_photo *truth, const rubor_maps *maps)
{
    out->skin_iou = mask_iou(mask_compare(&truth->skin, &maps->skin));
    out->erythema_dice = mask_dice(mask_compare(&truth->erythema, &maps->erythema));
    out->pigment_dice = mask_dice(mask_compare(&truth->pigment, &maps->pigment));
    double marked = 0;
    const rubor_mask *skin_found = &maps->skin;
    size_t count = (size_t)skin_found->width * (size_t)skin_found->height, all = 0;
    for (size_t i = 0; i < count; i++) {
        all += skin_found->data[i] >= 128;
        marked += maps->erythema.data[i] >= 128 || maps->pigment.data[i] >= 128;
    }
    out->marked_percent = all ? 100 * marked / (double)all : NAN;
    judge_cover(out, truth, maps);
}

static rubor_status analyze_pair(evaluation_result *out, const rubor_sample_photo *before,
                                 const rubor_sample_photo *after, int day, rubor_error *error)
{
    rubor_maps maps = {0};
    rubor_bytes visit = {after->jpeg.data, after->jpeg.size}, base = {before->jpeg.data, before->jpeg.size};
    rubor_analyze_options guided = {
        .baseline_region = &before->region, .baseline_control = &before->control, .day = day};
    rubor_analyze_options unguided = {.day = day};
    evaluation_kind kind = out->plan.kind;
    if (kind == EVALUATION_FOUND)
        guided.baseline_control = NULL;
    if (kind == EVALUATION_UNGUIDED)
        guided = unguided;
    if (kind == EVALUATION_GIVEN)
        guided = (rubor_analyze_options){.region = &after->region, .control = &after->control, .day = day};
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

/* The unguided record reads all skin against the chart alone. */
static void read_truth(evaluation_result *out, const rubor_sample_truth *truth)
{
    out->truth = *truth;
    if (out->plan.kind != EVALUATION_UNGUIDED)
        return;
    out->truth.delta_ei = truth->skin_ei;
    out->truth.delta_mi = truth->skin_mi;
    out->truth.redness_score = out->truth.pigment_score = NAN;
}

static rubor_status render_pair(rubor_sample_photo *before, rubor_sample_photo *after,
                                const rubor_sample_options *options, evaluation_kind kind, int day,
                                rubor_error *error)
{
    rubor_sample_options bare = *options;
    rubor_sample_series *series = NULL;
    rubor_status status = rubor_sample_series_create(&series, options, error);
    if (status == RUBOR_OK && kind != EVALUATION_PUT_ON)
        status = rubor_sample_series_render(before, series, -1, error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(after, series, day, error);
    rubor_sample_series_destroy(&series);
    bare.object = NULL;
    if (status == RUBOR_OK && kind == EVALUATION_PUT_ON) /* worn on the visit only */
        status = rubor_sample_render(before, &bare, -1, error);
    return status;
}

void evaluation_run(evaluation_result *out, const evaluation_plan *plan)
{
    rubor_sample_options options;
    rubor_sample_photo before = {0}, after = {0};
    rubor_error error = {0};
    memset(out, 0, sizeof *out);
    out->plan = *plan;
    rubor_sample_options_default(&options);
    options.seed = plan->seed;
    options.tone = rubor_tones[plan->tone].name;
    options.camera = plan->camera;
    options.lamp = plan->lamp;
    options.width = plan->width;
    options.height = plan->height;
    options.glare_percent = 4 * fraction(plan->seed, 4);
    int day = set_change(&options, plan);
    rubor_status status = render_pair(&before, &after, &options, plan->kind, day, &error);
    if (status == RUBOR_OK && plan->keep) {
        keep_photo(plan, "before", &before);
        keep_photo(plan, "after", &after);
    }
    if (status == RUBOR_OK) {
        read_truth(out, &after.truth);
        status = analyze_pair(out, &before, &after, day, &error);
    }
    out->done = status == RUBOR_OK;
    if (!out->done)
        snprintf(out->failure, sizeof out->failure, "%.*s", (int)sizeof out->failure - 1, error.message);
    rubor_sample_photo_finish(&before);
    rubor_sample_photo_finish(&after);
}
