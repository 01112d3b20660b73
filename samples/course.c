#include "samples/course.h"

#include <string.h>

const rubor_course rubor_courses[] = {
    {"normal", RUBOR_COURSE_NORMAL},   {"persistent", RUBOR_COURSE_PERSISTENT},
    {"rebound", RUBOR_COURSE_REBOUND}, {"pih", RUBOR_COURSE_PIH},
    {"none", RUBOR_COURSE_NONE},       {"sunburn", RUBOR_COURSE_SUNBURN},
    {"bruise", RUBOR_COURSE_BRUISE},   {"bruise_spreading", RUBOR_COURSE_BRUISE_SPREADING},
    {"makeup", RUBOR_COURSE_MAKEUP},
};
const int rubor_course_count = sizeof rubor_courses / sizeof rubor_courses[0];

const rubor_course *rubor_course_by_name(const char *name)
{
    for (int i = 0; i < rubor_course_count; i++)
        if (strcmp(rubor_courses[i].name, name) == 0)
            return &rubor_courses[i];
    return NULL;
}

void rubor_course_draw(rubor_course_amounts *out, rubor_random *random)
{
    out->redness = rubor_random_uniform(random, 10, 25);
    out->decay_days = rubor_random_uniform(random, 1.0, 1.9);
    out->plateau = rubor_random_uniform(random, 0.40, 0.65);
    out->pigment = rubor_random_uniform(random, 8, 16);
    out->pinpoints = rubor_random_uniform(random, 18, 60);
    out->crusts = rubor_random_uniform(random, 14, 45);
    out->sunburn = rubor_random_uniform(random, 6, 12);
    out->bruise = rubor_random_uniform(random, 0.5, 1);
}

/* Half of it gone after 0.7 decay times, under a percent after 4.6. */
static double fading(double decay_days, double day)
{
    return rubor_numeric_exp(-day / decay_days);
}

static double redness_share(rubor_course_kind kind, const rubor_course_amounts *amounts, double day)
{
    double fades = fading(amounts->decay_days, day);
    switch (kind) {
    case RUBOR_COURSE_PERSISTENT: /* falls to a plateau that months only lower */
        return amounts->plateau * fading(120, day) + (1 - amounts->plateau) * fades;
    case RUBOR_COURSE_REBOUND: /* rises again from day 4, highest about day 8 */
        return fades +
               amounts->plateau * rubor_numeric_smoothstep(4, 8, day) * fading(6, day > 9 ? day - 9 : 0);
    default:
        return fades;
    }
}

static void findings(rubor_course_day *out, const rubor_course_amounts *amounts, rubor_course_kind kind,
                     int day)
{
    static const double pinpoint[] = {1, 0.4}, crust[] = {0, 0, 0.6, 1, 0.8, 0.35};
    out->pinpoint_share = day < 2 ? pinpoint[day] : 0;
    out->crust_share = day < 6 ? crust[day] : 0;
    out->shine = day == 0 ? 0.8 : 0;
    if (kind == RUBOR_COURSE_BRUISE || kind == RUBOR_COURSE_BRUISE_SPREADING) {
        bool spreads = kind == RUBOR_COURSE_BRUISE_SPREADING;
        out->bruise_new = amounts->bruise * fading(spreads ? 9 : 4, day);
        out->bruise_old =
            amounts->bruise * rubor_numeric_smoothstep(2, 6, day) * fading(5, day > 6 ? day - 6 : 0);
        out->bruise_size = spreads ? 1 + 0.9 * rubor_numeric_smoothstep(0, 7, day)
                                   : 1 + 0.15 * rubor_numeric_smoothstep(0, 2, day);
    }
}

void rubor_course_on_day(rubor_course_day *out, const rubor_course *course,
                         const rubor_course_amounts *amounts, int day)
{
    *out = (rubor_course_day){.bruise_size = 1};
    if (day < 0 || course->kind == RUBOR_COURSE_NONE)
        return;
    out->delta_ei = amounts->redness * redness_share(course->kind, amounts, day);
    if (course->kind == RUBOR_COURSE_PIH)
        out->delta_mi =
            amounts->pigment * rubor_numeric_smoothstep(11, 28, day) * fading(90, day > 28 ? day - 28 : 0);
    if (course->kind == RUBOR_COURSE_SUNBURN)
        out->everywhere_ei =
            amounts->sunburn * rubor_numeric_smoothstep(0, 2, day) * fading(3, day > 2 ? day - 2 : 0);
    if (course->kind == RUBOR_COURSE_MAKEUP)
        out->makeup = day >= 3 ? 0.85 : 0;
    findings(out, amounts, course->kind, day);
}
