#include "samples/scene.h"

#include "samples/layout.h"
#include "samples/object.h"
#include "samples/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_PERSON = 1, STREAM_DEVICE = 6 };
enum { SIDE_MIN = 240, SIDE_MAX = 8000 };

static const char *const pattern_names[] = {"soft", "uniform", "patchy", NULL};

const char *const *rubor_sample_objects(void)
{
    return rubor_object_names;
}

void rubor_sample_options_default(rubor_sample_options *options)
{
    *options = (rubor_sample_options){
        .seed = 1,
        .tone = "intermediate",
        .course = "normal",
        .width = 1600,
        .height = 1200,
        .glare_percent = -1,
        .chart = true,
        .delta_ei = NAN,
        .delta_mi = NAN,
        .movement = 1,
        .perspective = 1,
        .stretch = 1,
        .noise = 1,
        .shading = 1,
        .shine = 1,
        .lamp_drift = 1,
        .lamp2_share = NAN,
        .exposure = 1,
        .red_gain = 1,
        .closeness = 1,
        .skin_share = 1,
    };
}

/* Names of one kind, one after the other, for an error message. */
typedef struct name_list {
    char text[400];
    size_t used;
} name_list;

static void add_name(name_list *list, const char *name)
{
    int written = snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s",
                           list->used ? ", " : "", name);
    if (written > 0 && (size_t)written < sizeof list->text - list->used)
        list->used += (size_t)written;
}

static rubor_status unknown(rubor_error *error, const char *what, const char *name, const name_list *list)
{
    return rubor_error_set(error, RUBOR_INVALID, "unknown %s '%.60s'; known: %s", what,
                           name ? name : "(none)", list->text);
}

static rubor_status unknown_in(rubor_error *error, const char *what, const char *name,
                               const char *const *names)
{
    name_list list = {0};
    for (; *names; names++)
        add_name(&list, *names);
    return unknown(error, what, name, &list);
}

/* The static name equal to name, so that a scene does not depend on the caller's strings; NULL if not listed.
 */
static const char *listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return *names;
    return NULL;
}

static rubor_status choose_tone_and_course(rubor_scene *scene, rubor_error *error)
{
    rubor_sample_options *o = &scene->options;
    scene->tone = o->tone ? rubor_tone_by_name(o->tone) : NULL;
    if (!scene->tone) {
        name_list list = {0};
        for (int i = 0; i < RUBOR_TONE_COUNT; i++)
            add_name(&list, rubor_tones[i].name);
        return unknown(error, "tone", o->tone, &list);
    }
    scene->course = o->course ? rubor_course_by_name(o->course) : NULL;
    if (!scene->course) {
        name_list list = {0};
        for (int i = 0; i < rubor_course_count; i++)
            add_name(&list, rubor_courses[i].name);
        return unknown(error, "course", o->course, &list);
    }
    o->tone = scene->tone->name;
    o->course = scene->course->name;
    if (o->pattern && !listed(pattern_names, o->pattern))
        return unknown_in(error, "pattern", o->pattern, pattern_names);
    if (o->border && !listed(rubor_border_names, o->border))
        return unknown_in(error, "border", o->border, rubor_border_names);
    if (o->object && !listed(rubor_object_names, o->object))
        return unknown_in(error, "object", o->object, rubor_object_names);
    o->object = o->object ? listed(rubor_object_names, o->object) : NULL;
    scene->object = rubor_object_by_name(o->object);
    o->pattern = o->pattern ? listed(pattern_names, o->pattern) : NULL;
    o->border = o->border ? listed(rubor_border_names, o->border) : NULL;
    return RUBOR_OK;
}

static rubor_status find_lamp(const rubor_spectrum **out, const char *what, const char *name,
                              rubor_error *error)
{
    *out = rubor_illuminant_by_name(name);
    if (*out)
        return RUBOR_OK;
    name_list list = {0};
    for (size_t i = 0; i < rubor_illuminant_count(); i++)
        add_name(&list, rubor_illuminant(i)->name);
    return unknown(error, what, name, &list);
}

/* Lamps a clinic may have; drawn when none is named. */
static const char *const usual_lamps[] = {"D50", "D55", "D65", "FL7", "FL11", "LED-B3", "LED-B4", "LED-B5"};

/* Replaces the caller's name by the spectrum's own; leaves *out when there is no name. */
static rubor_status choose_lamp(const rubor_spectrum **out, const char *what, const char **name,
                                rubor_error *error)
{
    if (!*name)
        return RUBOR_OK;
    rubor_status status = find_lamp(out, what, *name, error);
    *name = status == RUBOR_OK ? (*out)->name : NULL;
    return status;
}

static rubor_status choose_lamps(rubor_scene *scene, rubor_error *error)
{
    rubor_sample_options *o = &scene->options;
    rubor_status status = choose_lamp(&scene->lamps[0].main, "lamp", &o->lamp, error);
    if (status == RUBOR_OK)
        status = choose_lamp(&scene->lamps[0].second, "lamp2", &o->lamp2, error);
    scene->lamps[1] = scene->lamps[0];
    if (status == RUBOR_OK)
        status = choose_lamp(&scene->lamps[1].main, "visit_lamp", &o->visit_lamp, error);
    if (status == RUBOR_OK)
        status = choose_lamp(&scene->lamps[1].second, "visit_lamp2", &o->visit_lamp2, error);
    return status;
}

static rubor_status choose_device(rubor_scene *scene, rubor_error *error)
{
    rubor_sample_options *o = &scene->options;
    rubor_random random = rubor_random_stream(o->seed, STREAM_DEVICE);
    size_t camera = (size_t)rubor_random_below(&random, (int)rubor_camera_count());
    const char *lamp = usual_lamps[rubor_random_below(&random, sizeof usual_lamps / sizeof usual_lamps[0])];
    scene->camera = o->camera ? rubor_camera_by_name(o->camera) : rubor_camera(camera);
    if (!scene->camera) {
        name_list list = {0};
        for (size_t i = 0; i < rubor_camera_count(); i++)
            add_name(&list, rubor_camera(i)->name);
        return unknown(error, "camera", o->camera, &list);
    }
    o->lamp = o->lamp ? o->lamp : lamp;
    o->camera = scene->camera->name;
    return choose_lamps(scene, error);
}

static bool in_range(double x, double low, double high)
{
    return x >= low && x <= high; /* false for NaN */
}

/* What spoils a visit's photo. */
static rubor_status check_spoiling(const rubor_sample_options *o, rubor_error *error)
{
    const struct {
        const char *name;
        double value, least, most;
    } rows[] = {
        {"blur", o->blur_px, 0, 40},
        {"skin blur", o->skin_blur_px, 0, 40},
        {"chart blur", o->chart_blur_px, 0, 40},
        {"motion", o->motion_px, 0, 100},
        {"exposure", o->exposure, 0.01, 20},
        {"red gain", o->red_gain, 0.1, 10},
        {"reflection", o->reflection_percent, 0, 60},
        {"closeness", o->closeness, 0.3, 2},
        {"tilt", o->tilt_degrees, 0, 50},
        {"skin share", o->skin_share, 0, 1},
        {"lamp2 share", isnan(o->lamp2_share) ? 0 : o->lamp2_share, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!in_range(rows[i].value, rows[i].least, rows[i].most))
            return rubor_error_set(error, RUBOR_INVALID, "%s of %g: it must be %g to %g", rows[i].name,
                                   rows[i].value, rows[i].least, rows[i].most);
    return RUBOR_OK;
}

static rubor_status check_numbers(const rubor_sample_options *o, rubor_error *error)
{
    if (o->width < SIDE_MIN || o->height < SIDE_MIN || o->width > SIDE_MAX || o->height > SIDE_MAX)
        return rubor_error_set(error, RUBOR_INVALID, "size %dx%d: each side must be %d to %d pixels",
                               o->width, o->height, SIDE_MIN, SIDE_MAX);
    if (!in_range((double)o->width / o->height, 0.5, 2.0))
        return rubor_error_set(error, RUBOR_INVALID,
                               "size %dx%d: the sides' ratio must be between 1:2 and 2:1", o->width,
                               o->height);
    const double factor[] = {o->movement, o->perspective, o->stretch,   o->noise,
                             o->shading,  o->shine,       o->lamp_drift};
    for (size_t i = 0; i < sizeof factor / sizeof factor[0]; i++)
        if (!in_range(factor[i], 0, 10))
            return rubor_error_set(error, RUBOR_INVALID, "a sample's factor is %g; it must be 0 to 10",
                                   factor[i]);
    if (!(o->glare_percent <= 30))
        return rubor_error_set(error, RUBOR_INVALID, "glare of %g %%: it must be at most 30",
                               o->glare_percent);
    if ((!isnan(o->delta_ei) && !in_range(o->delta_ei, -15, 45)) ||
        (!isnan(o->delta_mi) && !in_range(o->delta_mi, -25, 60)))
        return rubor_error_set(error, RUBOR_INVALID,
                               "delta_ei must be -15 to 45 and delta_mi -25 to 60 (not %g and %g)",
                               o->delta_ei, o->delta_mi);
    if (o->jpeg_quality < 0 || o->jpeg_quality > 100)
        return rubor_error_set(error, RUBOR_INVALID, "JPEG quality %d: it must be 1 to 100", o->jpeg_quality);
    return check_spoiling(o, error);
}

static rubor_status allocate(rubor_scene *scene, rubor_error *error)
{
    double reach = 0.04 + 0.025 * (scene->options.movement + scene->options.perspective);
    double more = rubor_view_reach(&scene->options); /* a far or tilted camera sees more skin */
    scene->margin = (int)(rubor_numeric_clamp(reach + more, 0, more > 0.45 ? 1.3 : 0.5) * scene->width);
    scene->margin += RUBOR_COARSE_STEP - scene->margin % RUBOR_COARSE_STEP;
    scene->fine_width = scene->width + 2 * scene->margin;
    scene->fine_height = scene->height + 2 * scene->margin;
    scene->coarse_width = scene->fine_width / RUBOR_COARSE_STEP + 2;
    scene->coarse_height = scene->fine_height / RUBOR_COARSE_STEP + 2;
    size_t fine = (size_t)scene->fine_width * (size_t)scene->fine_height * RUBOR_FINE_COUNT;
    size_t coarse = (size_t)scene->coarse_width * (size_t)scene->coarse_height * RUBOR_COARSE_COUNT;
    scene->fine = malloc(fine * sizeof(float));
    scene->coarse = malloc(coarse * sizeof(float));
    if (!scene->fine || !scene->coarse)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a sample of %dx%d", scene->width,
                               scene->height);
    return RUBOR_OK;
}

rubor_status rubor_scene_make(rubor_scene *out, const rubor_sample_options *options, rubor_error *error)
{
    *out = (rubor_scene){.options = *options, .width = options->width, .height = options->height};
    rubor_status status = check_numbers(options, error);
    if (status == RUBOR_OK)
        status = choose_tone_and_course(out, error);
    if (status == RUBOR_OK)
        status = choose_device(out, error);
    if (status == RUBOR_OK)
        status = allocate(out, error);
    if (status != RUBOR_OK)
        goto out;
    rubor_random person = rubor_random_stream(options->seed, STREAM_PERSON);
    rubor_course_draw(&out->amounts, &person);
    rubor_skin_optics_make(&out->skin, out->tone, &person);
    rubor_layout_draw(out);
    rubor_layout_coarse(out);
    status = rubor_scene_texture(out, error);
out:
    if (status != RUBOR_OK)
        rubor_scene_finish(out);
    return status;
}

void rubor_scene_finish(rubor_scene *scene)
{
    if (!scene)
        return;
    free(scene->fine);
    free(scene->coarse);
    *scene = (rubor_scene){0};
}

static int clamp_index(int i, int count)
{
    return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* Catmull-Rom weights. */
static void cubic(float w[4], float t)
{
    w[0] = t * (-0.5f + t * (1 - 0.5f * t));
    w[1] = 1 + t * t * (-2.5f + 1.5f * t);
    w[2] = t * (0.5f + t * (2 - 1.5f * t));
    w[3] = t * t * (-0.5f + 0.5f * t);
}

void rubor_scene_fine(float out[RUBOR_FINE_COUNT], const rubor_scene *scene, float x, float y)
{
    /* the margin is added to whole pixels: it may not change a fraction's rounding */
    float fx = floorf(x), fy = floorf(y), wx[4], wy[4];
    int ix = (int)fx + scene->margin, iy = (int)fy + scene->margin;
    cubic(wx, x - fx);
    cubic(wy, y - fy);
    for (int c = 0; c < RUBOR_FINE_COUNT; c++)
        out[c] = 0;
    for (int j = 0; j < 4; j++) {
        const float *row = scene->fine + (size_t)clamp_index(iy - 1 + j, scene->fine_height) *
                                             (size_t)scene->fine_width * RUBOR_FINE_COUNT;
        for (int i = 0; i < 4; i++) {
            const float *fine = row + (size_t)clamp_index(ix - 1 + i, scene->fine_width) * RUBOR_FINE_COUNT;
            float w = wx[i] * wy[j];
            for (int c = 0; c < RUBOR_FINE_COUNT; c++)
                out[c] += w * fine[c];
        }
    }
}

void rubor_scene_coarse(float out[RUBOR_COARSE_COUNT], const rubor_scene *scene, float x, float y)
{
    float u = x / RUBOR_COARSE_STEP, v = y / RUBOR_COARSE_STEP;
    float low = -(float)(scene->margin / RUBOR_COARSE_STEP);
    float top_u = low + (float)scene->coarse_width - 1.001f,
          top_v = low + (float)scene->coarse_height - 1.001f;
    u = u < low ? low : u > top_u ? top_u : u;
    v = v < low ? low : v > top_v ? top_v : v;
    float whole_u = floorf(u), whole_v = floorf(v), fu = u - whole_u, fv = v - whole_v;
    int i = (int)(whole_u - low), j = (int)(whole_v - low);
    const float *p =
        scene->coarse + ((size_t)j * (size_t)scene->coarse_width + (size_t)i) * RUBOR_COARSE_COUNT;
    const float *q = p + (size_t)scene->coarse_width * RUBOR_COARSE_COUNT;
    float w00 = (1 - fu) * (1 - fv), w10 = fu * (1 - fv), w01 = (1 - fu) * fv, w11 = fu * fv;
    for (int c = 0; c < RUBOR_COARSE_COUNT; c++)
        out[c] = w00 * p[c] + w10 * p[c + RUBOR_COARSE_COUNT] + w01 * q[c] + w11 * q[c + RUBOR_COARSE_COUNT];
}
