#include "clients/commands.h"
#include "clients/confined.h"
#include "clients/inputs.h"
#include "clients/json.h"
#include "clients/maps.h"
#include "clients/options.h"
#include "clients/report.h"
#include "protocol/worker_wire.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct analyze_arguments {
    char *baseline, *region, *control, *baseline_region, *baseline_control, *day, *profile, *maps;
    rubor_chart_options chart;
    int json;
} analyze_arguments;

/* Everything that the analysis borrows. */
typedef struct analyze_inputs {
    rubor_file photo, baseline;
    rubor_polygon region, control, baseline_region, baseline_control;
    rubor_profile profile;
    rubor_analyze_options options;
} analyze_inputs;

static rubor_status read_polygons(analyze_inputs *in, const analyze_arguments *given, rubor_error *error)
{
    rubor_analyze_options *options = &in->options;
    const struct {
        const char *name, *text;
        rubor_polygon *drawn;
        const rubor_polygon **option;
    } polygons[] = {{"region", given->region, &in->region, &options->region},
                    {"control", given->control, &in->control, &options->control},
                    {"baseline-region", given->baseline_region, &in->baseline_region, &options->baseline_region},
                    {"baseline-control", given->baseline_control, &in->baseline_control, &options->baseline_control}};
    for (size_t i = 0; i < sizeof polygons / sizeof polygons[0]; i++) {
        if (!polygons[i].text)
            continue;
        rubor_status status = rubor_parse_polygon(polygons[i].drawn, polygons[i].name, polygons[i].text, error);
        if (status != RUBOR_OK)
            return status;
        *polygons[i].option = polygons[i].drawn;
    }
    return RUBOR_OK;
}

static rubor_status read_inputs(analyze_inputs *in, analyze_arguments *given, const char *photo,
                                rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    long day = RUBOR_DAY_UNKNOWN;
    rubor_analyze_options *options = &in->options;
    if (given->day && strcmp(given->day, "before") == 0)
        day = RUBOR_DAY_BEFORE;
    else if (given->day)
        status = rubor_parse_integer(&day, "day", given->day, 0, RUBOR_DAY_LAST, error);
    if (status == RUBOR_OK)
        status = read_polygons(in, given, error);
    if (status == RUBOR_OK)
        status = rubor_input_chart(&given->chart, error);
    if (status == RUBOR_OK && given->profile) {
        status = rubor_input_profile(&in->profile, given->profile, error);
        options->profile = options->baseline_profile = &in->profile;
    }
    if (status == RUBOR_OK)
        status = rubor_input_photo(&in->photo, photo, error);
    if (status == RUBOR_OK && given->baseline)
        status = rubor_input_photo(&in->baseline, given->baseline, error);
    options->day = (int)day;
    options->corners_px = given->chart.corners_given ? given->chart.corners_px : NULL;
    options->edition = given->chart.edition;
    options->chart_table = given->chart.table_given ? &given->chart.table : NULL;
    options->now = (int64_t)time(NULL);
    return status;
}

/* A damaged file is told by its name; the analyzer says "baseline: ..." where the photo itself is sound. */
static void name_culprit(const analyze_inputs *in, rubor_error *error)
{
    bool baseline = strncmp(error->message, "baseline:", 9) == 0;
    rubor_error_prefix(error, baseline ? in->baseline.path : in->photo.path);
}

static rubor_status print_record(const rubor_record *record, const char *path, int day, bool json, rubor_error *error)
{
    if (!json) {
        rubor_report_record(stdout, path, record, day);
        if (fflush(stdout) != 0)
            return rubor_error_set(error, RUBOR_IO, "the result could not be written to the output");
        return RUBOR_OK;
    }
    json_t *value = rubor_json_record(record);
    rubor_status status = rubor_json_print(stdout, value, RUBOR_JSON_INDENTED, error);
    json_decref(value);
    return status;
}

/* What the confined child leaves: the record, then the maps. */
enum { RECORD_BLOB, MAPS_BLOB };

typedef struct measuring {
    const analyze_arguments *given;
    const analyze_inputs *in;
    rubor_record *record;
} measuring;

static rubor_status measure(void *context, rubor_blobs *out, rubor_error *error)
{
    const measuring *m = context;
    rubor_maps maps = {0};
    rubor_status status =
        rubor_analyze(m->record, m->given->maps ? &maps : NULL, rubor_file_bytes(&m->in->photo),
                      rubor_file_bytes(&m->in->baseline), &m->in->options, error);
    if (status == RUBOR_OK)
        status = rubor_record_to_bytes(&out->blob[RECORD_BLOB], m->record, error);
    if (status == RUBOR_OK && m->given->maps)
        status = rubor_maps_encode(&out->blob[MAPS_BLOB], &maps, error);
    rubor_maps_finish(&maps);
    return status;
}

static rubor_status analyze(const analyze_arguments *given, const analyze_inputs *in, rubor_record *record,
                            rubor_error *error)
{
    measuring work = {given, in, record};
    rubor_blobs made = {0};
    rubor_status status = rubor_confined_run(&made, measure, &work, error);
    const rubor_buffer *packed = &made.blob[RECORD_BLOB];
    if (status == RUBOR_OK)
        status = rubor_record_from_bytes(record, (rubor_bytes){packed->data, packed->size}, error);
    if (status != RUBOR_OK)
        name_culprit(in, error);
    if (status == RUBOR_OK && given->maps)
        status = rubor_maps_write(&made.blob[MAPS_BLOB], given->maps, error);
    if (status == RUBOR_OK)
        status = print_record(record, in->photo.path, in->options.day, given->json, error);
    rubor_blobs_finish(&made);
    return status;
}

static int run(analyze_arguments *given, const char *photo)
{
    rubor_error error = {0};
    analyze_inputs *in = calloc(1, sizeof *in);
    rubor_record *record = calloc(1, sizeof *record);
    rubor_status status = RUBOR_OK;
    int code = RUBOR_EXIT_DONE;
    if (!in || !record) {
        status = rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        goto out;
    }
    status = read_inputs(in, given, photo, &error);
    if (status == RUBOR_OK)
        status = analyze(given, in, record, &error);
    if (status == RUBOR_OK && strcmp(record->quality.verdict, "retake") == 0)
        code = RUBOR_EXIT_FAILED;
out:
    if (status != RUBOR_OK)
        code = rubor_fail("analyze", &error);
    if (in) {
        rubor_file_finish(&in->photo);
        rubor_file_finish(&in->baseline);
    }
    free(in);
    free(record);
    return code;
}

int rubor_cmd_analyze(int argc, char **argv)
{
    analyze_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("baseline", &given.baseline, "the photo before treatment to compare with",
                          "BEFORE"),
        RUBOR_OPTION_TEXT("region", &given.region, "treated region, \"x,y x,y x,y ...\" in pixels of PHOTO",
                          "POLY"),
        RUBOR_OPTION_TEXT("control", &given.control, "likewise untreated skin, to anchor the comparison on", "POLY"),
        RUBOR_OPTION_TEXT("baseline-region", &given.baseline_region,
                          "treated region in pixels of BEFORE; the alignment carries it over", "POLY"),
        RUBOR_OPTION_TEXT("baseline-control", &given.baseline_control, "likewise untreated skin", "POLY"),
        RUBOR_OPTION_TEXT("day", &given.day, "calendar days since treatment, 0 to 3650", "N"),
        RUBOR_OPTION_TEXT("profile", &given.profile, "station profile for photos without a chart", "FILE"),
        RUBOR_CHART_OPTIONS(given.chart),
        RUBOR_OPTION_TEXT("maps", &given.maps, "write maps, masks and an overlay as PNG files", "DIR"),
        RUBOR_OPTION_SWITCH("json", &given.json, "print the record as JSON"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "PHOTO",
                                   "Measures redness and pigmentation in one photo, or their change since a "
                                   "baseline. No service is needed.",
                                   1, 1);
    if (code < 0 && !given.baseline && (given.baseline_region || given.baseline_control))
        code = rubor_usage("analyze", "--baseline-%s is drawn on the photo before treatment: name it with --baseline",
                           given.baseline_region ? "region" : "control");
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
