#include "clients/options.h"
#include "samples/sample.h"

#include <limits.h>
#include <string.h>

typedef struct arguments {
    char *out, *days, *seed, *size, *tone, *course, *camera, *lamp, *lamp2, *border, *pattern, *object,
        *visit_lamp, *visit_lamp2;
    char *glare, *movement, *stretch, *perspective, *delta_ei, *delta_mi, *lamp2_share;
    char *blur, *skin_blur, *chart_blur, *motion, *exposure, *red_gain, *reflection, *closeness, *tilt,
        *skin_share;
    int no_chart;
} arguments;

static rubor_status read_seed(uint64_t *out, const char *text, rubor_error *error)
{
    long seed;
    rubor_status status = rubor_parse_integer(&seed, "seed", text, 0, LONG_MAX, error);
    if (status == RUBOR_OK)
        *out = (uint64_t)seed;
    return status;
}

static rubor_status read_size(rubor_sample_options *options, const char *text, rubor_error *error)
{
    char width[8] = "";
    const char *times = strchr(text, 'x');
    long w, h;
    if (!times || times == text || (size_t)(times - text) >= sizeof width)
        return rubor_error_set(error, RUBOR_INVALID, "--size %.40s: give WIDTHxHEIGHT, such as 1600x1200",
                               text);
    memcpy(width, text, (size_t)(times - text));
    rubor_status status = rubor_parse_integer(&w, "size", width, 1, 100000, error);
    if (status == RUBOR_OK)
        status = rubor_parse_integer(&h, "size", times + 1, 1, 100000, error);
    if (status != RUBOR_OK)
        return status;
    options->width = (int)w;
    options->height = (int)h;
    return RUBOR_OK;
}

static rubor_status read_numbers(rubor_sample_options *options, const arguments *given, rubor_error *error)
{
    const struct {
        const char *name, *text;
        double *value, least, most;
    } rows[] = {
        {"glare", given->glare, &options->glare_percent, 0, 30},
        {"movement", given->movement, &options->movement, 0, 10},
        {"stretch", given->stretch, &options->stretch, 0, 10},
        {"perspective", given->perspective, &options->perspective, 0, 10},
        {"blur", given->blur, &options->blur_px, 0, 40},
        {"motion", given->motion, &options->motion_px, 0, 100},
        {"exposure", given->exposure, &options->exposure, 0.01, 20},
        {"closeness", given->closeness, &options->closeness, 0.3, 2},
        {"skin-blur", given->skin_blur, &options->skin_blur_px, 0, 40},
        {"chart-blur", given->chart_blur, &options->chart_blur_px, 0, 40},
        {"red-gain", given->red_gain, &options->red_gain, 0.1, 10},
        {"reflection", given->reflection, &options->reflection_percent, 0, 60},
        {"tilt", given->tilt, &options->tilt_degrees, 0, 50},
        {"skin-share", given->skin_share, &options->skin_share, 0, 1},
        {"lamp2-share", given->lamp2_share, &options->lamp2_share, 0, 1},
        {"delta-ei", given->delta_ei, &options->delta_ei, -15, 45},
        {"delta-mi", given->delta_mi, &options->delta_mi, -25, 60},
    };
    rubor_status status = given->seed ? read_seed(&options->seed, given->seed, error) : RUBOR_OK;
    if (status == RUBOR_OK && given->size)
        status = read_size(options, given->size, error);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == RUBOR_OK; i++)
        if (rows[i].text)
            status = rubor_parse_number(rows[i].value, rows[i].name, rows[i].text, rows[i].least,
                                        rows[i].most, error);
    return status;
}

static int run(const arguments *given)
{
    rubor_sample_options options;
    rubor_error error = {0};
    rubor_sample_options_default(&options);
    if (given->tone)
        options.tone = given->tone;
    if (given->course)
        options.course = given->course;
    options.camera = given->camera;
    options.lamp = given->lamp;
    options.lamp2 = given->lamp2;
    options.border = given->border;
    options.pattern = given->pattern;
    options.object = given->object;
    options.visit_lamp = given->visit_lamp;
    options.visit_lamp2 = given->visit_lamp2;
    options.chart = !given->no_chart;
    rubor_status status = read_numbers(&options, given, &error);
    if (status == RUBOR_OK)
        status = rubor_sample_write(given->out, &options, given->days ? given->days : "0-10", &error);
    if (status == RUBOR_INVALID)
        return rubor_usage("sample", "%s", error.message);
    if (status == RUBOR_OK) /* what for, and what the polygons belong to, is asked next */
        printf("%s: before.jpg, a photo of each day, and where the treated skin (region.txt) and untreated skin\n"
               "(control.txt) lie in before.jpg; truth.json says what a measurement should find\n",
               given->out);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("sample", &error);
}

int rubor_cmd_sample(int argc, char **argv)
{
    arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("out", &given.out, "folder to write into, made if absent", "DIR"),
        RUBOR_OPTION_TEXT("seed", &given.seed, "whole number; same seed, same bytes (1)", "N"),
        RUBOR_OPTION_TEXT("tone", &given.tone,
                          "very_light, light, intermediate, tan, brown or dark (intermediate)", "CLASS"),
        RUBOR_OPTION_TEXT("days", &given.days, "days since treatment (0-10), such as 0-10,14,21,28", "LIST"),
        RUBOR_OPTION_TEXT("course", &given.course,
                          "normal, persistent, rebound, pih, none, sunburn, bruise,\n"
                          "                           bruise_spreading or makeup (normal)",
                          "NAME"),
        RUBOR_OPTION_TEXT("camera", &given.camera, "a measured camera (drawn from the seed)", "NAME"),
        RUBOR_OPTION_TEXT("lamp", &given.lamp, "a CIE illuminant (drawn from the seed)", "NAME"),
        RUBOR_OPTION_TEXT("lamp2", &given.lamp2, "a second lamp from the other side (none)", "NAME"),
        RUBOR_OPTION_TEXT("lamp2-share", &given.lamp2_share,
                          "its part of the light, 0 to 1 (0.25 to 0.5, from the seed)", "X"),
        RUBOR_OPTION_TEXT("visit-lamp", &given.visit_lamp, "another lamp from day 0 on (none)", "NAME"),
        RUBOR_OPTION_TEXT("visit-lamp2", &given.visit_lamp2, "another second lamp from day 0 on (none)",
                          "NAME"),
        RUBOR_OPTION_TEXT("size", &given.size, "pixels (1600x1200)", "WxH"),
        RUBOR_OPTION_TEXT("border", &given.border,
                          "none, background, hair, clothing, lips, beard, jewelry, brow, nostrils, shadow\n"
                          "                           (drawn from the seed)",
                          "NAME"),
        RUBOR_OPTION_TEXT("object", &given.object,
                          "none, ring, earring, necklace, tattoo or plaster, over the region's border (none)",
                          "NAME"),
        RUBOR_OPTION_TEXT("glare", &given.glare, "veiling glare, % of white (0 to 4, from the seed)", "X"),
        RUBOR_OPTION_TEXT("movement", &given.movement, "factor on shift, turn and zoom between days (1)",
                          "X"),
        RUBOR_OPTION_TEXT("stretch", &given.stretch, "factor on the stretch of the skin (1)", "X"),
        RUBOR_OPTION_TEXT("perspective", &given.perspective, "factor on the tilt between days (1)", "X"),
        RUBOR_OPTION_TEXT("delta-ei", &given.delta_ei, "this redness on every day instead of a course", "X"),
        RUBOR_OPTION_TEXT("delta-mi", &given.delta_mi, "this pigment on every day instead of a course", "X"),
        RUBOR_OPTION_TEXT("pattern", &given.pattern, "soft, uniform or patchy (soft)", "NAME"),
        RUBOR_OPTION_TEXT("blur", &given.blur, "defocus from day 0 on, sigma in pixels (0)", "X"),
        RUBOR_OPTION_TEXT("skin-blur", &given.skin_blur, "likewise, of everything but the chart (0)", "X"),
        RUBOR_OPTION_TEXT("chart-blur", &given.chart_blur, "likewise, of the chart alone (0)", "X"),
        RUBOR_OPTION_TEXT("motion", &given.motion, "shake from day 0 on, pixels (0)", "X"),
        RUBOR_OPTION_TEXT("exposure", &given.exposure, "factor on the light from day 0 on (1)", "X"),
        RUBOR_OPTION_TEXT("red-gain", &given.red_gain, "factor on the red channel from day 0 on (1)", "X"),
        RUBOR_OPTION_TEXT("reflection", &given.reflection,
                          "a lamp's reflection over the region from day 0 on, % of the frame (0)", "X"),
        RUBOR_OPTION_TEXT("tilt", &given.tilt, "camera turned to the side from day 0 on, degrees (0)", "X"),
        RUBOR_OPTION_TEXT("skin-share", &given.skin_share,
                          "part of the frame's width that is not cloth from day 0 on (1)", "X"),
        RUBOR_OPTION_TEXT("closeness", &given.closeness, "factor on the scale from day 0 on (1)", "X"),
        RUBOR_OPTION_SWITCH("no-chart", &given.no_chart, "no color chart in the photos"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code =
        rubor_options_parse(&options, argc, argv, table, "",
                            "Renders a treatment with known truth: before.jpg, dayNN.jpg, masks, region.txt, "
                            "control.txt and truth.json.",
                            0, 0);
    if (code < 0 && !given.out)
        code = rubor_usage("sample", "needs --out");
    if (code < 0)
        code = run(&given);
    rubor_options_finish(&options);
    return code;
}
