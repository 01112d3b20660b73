#include "clients/calibration_view.h"
#include "clients/commands.h"
#include "clients/inputs.h"
#include "clients/json.h"
#include "clients/mdp_client.h"
#include "clients/options.h"
#include "clients/report.h"

#include <stdlib.h>
#include <string.h>

typedef struct calibrate_arguments {
    rubor_client_options client;
    char *overlay, *flat, *profile, *name;
    rubor_chart_options chart;
    int json, put;
} calibrate_arguments;

typedef struct calibrate_work {
    rubor_file photo, flat;
    rubor_photo_info info;
    rubor_image_encoded working;
    rubor_calibration calibration;
    rubor_record record;
} calibrate_work;

static rubor_status calibrate(calibrate_work *work, const calibrate_arguments *given, rubor_error *error)
{
    rubor_bytes bytes = rubor_file_bytes(&work->photo);
    rubor_calibrate_options options = {
        .corners_px = given->chart.corners_given ? given->chart.corners_px : NULL,
        .edition = given->chart.edition,
        .table = given->chart.table_given ? &given->chart.table : NULL,
    };
    rubor_calibration_none(&work->calibration);
    rubor_status status = rubor_photo_probe(&work->info, bytes, error);
    if (status == RUBOR_OK)
        status = rubor_photo_decode(&work->working, bytes, NULL, error);
    if (status == RUBOR_OK)
        status = rubor_calibrate(&work->calibration, &work->info, &work->working, bytes, &options, error);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, work->photo.path);
    return status;
}

static rubor_status print_json(const calibrate_work *work, const rubor_chart_table *table, rubor_error *error)
{
    json_t *record = rubor_json_record(&work->record);
    json_t *out = json_object();
    bool good = record && out;
    const char *const keys[] = {"schema", "rubor", "photo", "calibration"};
    for (size_t i = 0; good && i < 4; i++)
        good = json_object_set(out, keys[i], json_object_get(record, keys[i])) == 0;
    json_t *patches = work->record.calibration.chart_present
                          ? rubor_calibration_patches_json(&work->calibration, table)
                          : json_null();
    good = good && rubor_json_set(out, "patches", patches);
    rubor_status status = rubor_json_print(stdout, good ? out : NULL, RUBOR_JSON_INDENTED, error);
    json_decref(record);
    json_decref(out);
    return status;
}

static void print_patches(const calibrate_work *work, const rubor_chart_table *table)
{
    if (!work->record.calibration.chart_present)
        return;
    printf("%-4s %-20s %-9s %10s\n", "", "patch", "use", "DeltaE2000");
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        char text[32];
        printf("%-4d %-20s %-9s %10s\n", i + 1, table->names[i],
               rubor_patch_use_name(work->calibration.patches[i].use),
               rubor_report_number(text, work->calibration.patches[i].delta_e2000, 2));
    }
}

static rubor_status print_calibration(const calibrate_work *work, const calibrate_arguments *given,
                                      rubor_error *error)
{
    const rubor_chart_table *table =
        rubor_calibration_table(&work->calibration, given->chart.table_given ? &given->chart.table : NULL);
    if (given->json)
        return print_json(work, table, error);
    rubor_report_calibration(stdout, &work->record);
    print_patches(work, table);
    if (fflush(stdout) != 0)
        return rubor_error_set(error, RUBOR_IO, "the result could not be written to the output");
    return RUBOR_OK;
}

static rubor_status write_overlay(const calibrate_work *work, const calibrate_arguments *given,
                                  rubor_error *error)
{
    rubor_buffer png = {0};
    const rubor_chart_table *table =
        rubor_calibration_table(&work->calibration, given->chart.table_given ? &given->chart.table : NULL);
    rubor_status status =
        rubor_calibration_draw(&png, &work->calibration, table, &work->info, &work->working, error);
    if (status == RUBOR_OK)
        status = rubor_file_write(given->overlay, png.data, png.size, error);
    rubor_buffer_finish(&png);
    return status;
}

/* "front-room" of "/etc/rubor/front-room.json". */
static void profile_name(char out[64], const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, 64, "%.63s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = '\0';
}

/* Keeps the profile at the broker, where `submit --profile NAME` and stations find it. */
static rubor_status put_profile(const calibrate_arguments *given, const char *name, const char *text,
                                rubor_error *error)
{
    rubor_client *client = NULL;
    rubor_request *request = calloc(1, sizeof *request);
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    rubor_status status = request && reply ? rubor_client_create(&client, &given->client, error)
                                           : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK) {
        rubor_request_init(request, RUBOR_VERB_PROFILE);
        snprintf(request->action, sizeof request->action, "put");
        snprintf(request->profile, sizeof request->profile, "%s", name);
        request->profile_json = (rubor_bytes){(const uint8_t *)text, strlen(text)};
        status = rubor_client_call(client, reply, request, NULL, 0, 0, error);
    }
    rubor_client_destroy(&client);
    if (reply)
        rubor_client_reply_finish(reply);
    free(reply);
    free(request);
    return status;
}

static rubor_status write_profile(calibrate_work *work, const calibrate_arguments *given, rubor_error *error)
{
    rubor_image_encoded flat = {0};
    rubor_profile *profile = calloc(1, sizeof *profile);
    char name[64], *text = NULL;
    rubor_status status = RUBOR_OK;
    if (!profile)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (given->flat) {
        status = rubor_input_photo(&work->flat, given->flat, error);
        if (status == RUBOR_OK) {
            status = rubor_photo_decode(&flat, rubor_file_bytes(&work->flat), NULL, error);
            if (status != RUBOR_OK)
                rubor_error_prefix(error, given->flat);
        }
    }
    profile_name(name, given->profile);
    if (status == RUBOR_OK)
        status = rubor_profile_make(profile, given->name ? given->name : name, &work->info,
                                    &work->calibration, given->flat ? &flat : NULL, error);
    if (status == RUBOR_OK)
        status = rubor_profile_write(&text, profile, error);
    if (status == RUBOR_OK)
        status = rubor_file_write(given->profile, text, strlen(text), error);
    if (status == RUBOR_OK && given->put)
        status = put_profile(given, profile->name, text, error);
    rubor_image_encoded_finish(&flat);
    free(text);
    free(profile);
    return status;
}

/* A photo without a usable chart is still told about (status none) and drawn; its error decides the exit
 * code. */
static rubor_status tell(calibrate_work *work, const calibrate_arguments *given, rubor_status found,
                         rubor_error *error)
{
    rubor_error own = {0};
    rubor_calibration_to_record(&work->record, &work->calibration, &work->info, &work->working,
                                rubor_file_bytes(&work->photo));
    rubor_status status = RUBOR_OK;
    if (given->overlay)
        status = write_overlay(work, given, &own);
    if (status == RUBOR_OK && found == RUBOR_OK && given->profile)
        status = write_profile(work, given, &own);
    if (status == RUBOR_OK && (found == RUBOR_OK || given->json))
        status = print_calibration(work, given, &own);
    if (status != RUBOR_OK && found == RUBOR_OK)
        *error = own;
    return found != RUBOR_OK ? found : status;
}

static int run(calibrate_arguments *given, const char *photo)
{
    rubor_error error = {0};
    calibrate_work *work = calloc(1, sizeof *work);
    if (!work) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        return rubor_fail("calibrate", &error);
    }
    rubor_status status = rubor_input_chart(&given->chart, &error);
    if (status == RUBOR_OK)
        status = rubor_input_photo(&work->photo, photo, &error);
    if (status == RUBOR_OK) {
        status = calibrate(work, given, &error);
        if (work->working.rgb && (status == RUBOR_OK || status == RUBOR_NOT_FOUND || status == RUBOR_REFUSED))
            status = tell(work, given, status, &error);
    }
    int code = status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("calibrate", &error);
    rubor_file_finish(&work->photo);
    rubor_file_finish(&work->flat);
    rubor_image_encoded_finish(&work->working);
    free(work);
    return code;
}

int rubor_cmd_calibrate(int argc, char **argv)
{
    calibrate_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_OPTION_SWITCH("json", &given.json, "print the calibration as JSON"),
        RUBOR_OPTION_TEXT("overlay", &given.overlay, "draw what was found, patch by patch, with DeltaE",
                          "FILE.png"),
        RUBOR_CHART_OPTIONS(given.chart),
        RUBOR_OPTION_TEXT("flat", &given.flat, "photo of a gray card or white sheet: evens out the light",
                          "PHOTO"),
        RUBOR_OPTION_TEXT("profile", &given.profile, "write a station profile for photos without a chart",
                          "OUT"),
        RUBOR_OPTION_TEXT("name", &given.name, "name of the profile (default: OUT without its ending)",
                          "NAME"),
        RUBOR_OPTION_SWITCH("put", &given.put,
                            "keep the profile at the broker too, for submit --profile NAME"),
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code =
        rubor_options_parse(&options, argc, argv, table, "PHOTO",
                            "Finds the 24-patch color chart in a photo and fits tone curve, glare, color "
                            "matrix and spectral gain to it.",
                            1, 1);
    if (code < 0 && given.flat && !given.profile)
        code = rubor_usage(argv[0], "--flat needs --profile OUT");
    if (code < 0 && given.put && !given.profile)
        code = rubor_usage(argv[0], "--put needs --profile OUT");
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
