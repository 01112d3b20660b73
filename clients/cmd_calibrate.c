#include "clients/calibration_view.h"
#include "clients/commands.h"
#include "clients/confined.h"
#include "clients/inputs.h"
#include "clients/json.h"
#include "clients/options.h"
#include "clients/report.h"
#include "clients/service_calls.h"
#include "imaging/limits.h"

#include <stdlib.h>
#include <string.h>

typedef struct calibrate_arguments {
    rubor_client_options client;
    char *overlay, *flat, *profile, *name;
    rubor_chart_options chart;
    int json, put;
} calibrate_arguments;

typedef struct calibrate_work {
    const calibrate_arguments *given;
    rubor_file photo, flat;
    rubor_photo_info info;
    rubor_image_encoded working, flat_working; /* working: its pixels only for --overlay */
    bool decoded;
    rubor_calibration calibration;
    rubor_record record;
} calibrate_work;

/* ---- decoding, in the confined child ---- */

/* What it leaves. Sizes first, so that pixels are only looked at where there are as many. */
enum { INFO_BLOB, CALIBRATION_BLOB, WORKING_SIZE_BLOB, WORKING_BLOB, FLAT_SIZE_BLOB, FLAT_BLOB };

static rubor_status leave(rubor_buffer *out, const void *data, size_t size, rubor_error *error)
{
    out->data = malloc(size);
    if (!out->data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    memcpy(out->data, data, size);
    out->size = size;
    return RUBOR_OK;
}

static size_t image_bytes(int width, int height)
{
    return (size_t)width * (size_t)height * 3 * sizeof(uint16_t);
}

/* The pixels only where somebody looks at them: they are most of what there is to carry. */
static rubor_status leave_image(rubor_buffer *size_out, rubor_buffer *out, rubor_image_encoded *image,
                                bool pixels, rubor_error *error)
{
    const int32_t size[2] = {image->width, image->height};
    rubor_status status = leave(size_out, size, sizeof size, error);
    if (status == RUBOR_OK && pixels)
        status = leave(out, image->rgb, image_bytes(image->width, image->height), error);
    rubor_image_encoded_finish(image);
    return status;
}

static rubor_status decode_flat(calibrate_work *work, rubor_blobs *out, rubor_error *error)
{
    rubor_status status = rubor_photo_decode(&work->flat_working, rubor_file_bytes(&work->flat), NULL, error);
    if (status != RUBOR_OK)
        return rubor_error_prefix(error, work->flat.path);
    return leave_image(&out->blob[FLAT_SIZE_BLOB], &out->blob[FLAT_BLOB], &work->flat_working, true,
                       error);
}

static rubor_status calibrate_confined(void *context, rubor_blobs *out, rubor_error *error)
{
    calibrate_work *work = context;
    const rubor_chart_options *chart = &work->given->chart;
    rubor_bytes bytes = rubor_file_bytes(&work->photo);
    rubor_calibrate_options options = {.corners_px = chart->corners_given ? chart->corners_px : NULL,
                                       .edition = chart->edition,
                                       .table = chart->table_given ? &chart->table : NULL};
    rubor_error own = {0};
    rubor_status found = rubor_photo_probe(&work->info, bytes, error);
    if (found == RUBOR_OK)
        found = rubor_photo_decode(&work->working, bytes, NULL, error);
    if (found == RUBOR_OK)
        found = rubor_calibrate(&work->calibration, &work->info, &work->working, bytes, &options, error);
    if (found != RUBOR_OK)
        rubor_error_prefix(error, work->photo.path);
    if (!work->working.rgb)
        return found;
    rubor_status status = leave(&out->blob[INFO_BLOB], &work->info, sizeof work->info, &own);
    if (status == RUBOR_OK)
        status = leave(&out->blob[CALIBRATION_BLOB], &work->calibration, sizeof work->calibration, &own);
    if (status == RUBOR_OK)
        status = leave_image(&out->blob[WORKING_SIZE_BLOB], &out->blob[WORKING_BLOB], &work->working,
                             work->given->overlay != NULL, &own);
    if (status == RUBOR_OK && found == RUBOR_OK && work->flat.data)
        status = decode_flat(work, out, &own);
    if (status != RUBOR_OK)
        *error = own;
    return status != RUBOR_OK ? status : found;
}

/* ---- what came back, taken with care ---- */

static bool take(void *out, size_t size, const rubor_buffer *blob)
{
    if (blob->size != size)
        return false;
    memcpy(out, blob->data, size);
    return true;
}

static bool take_image(rubor_image_encoded *out, const rubor_buffer *size_blob, rubor_buffer *blob)
{
    int32_t size[2];
    if (!take(size, sizeof size, size_blob) || size[0] < 1 || size[1] < 1 || size[0] > RUBOR_LIMIT_PHOTO_SIDE_PX ||
        size[1] > RUBOR_LIMIT_PHOTO_SIDE_PX || (blob->size && blob->size != image_bytes(size[0], size[1])))
        return false;
    out->width = size[0];
    out->height = size[1];
    out->rgb = (uint16_t *)(void *)blob->data; /* malloc'ed, now the image's */
    *blob = (rubor_buffer){0};
    return true;
}

static void end_text(char *text, size_t size)
{
    text[size - 1] = '\0';
}

static bool take_results(calibrate_work *work, rubor_blobs *made)
{
    work->decoded = made->blob[WORKING_SIZE_BLOB].data != NULL;
    if (!work->decoded)
        return true;
    bool good = take(&work->info, sizeof work->info, &made->blob[INFO_BLOB]) &&
                take(&work->calibration, sizeof work->calibration, &made->blob[CALIBRATION_BLOB]) &&
                take_image(&work->working, &made->blob[WORKING_SIZE_BLOB], &made->blob[WORKING_BLOB]);
    if (good && work->given->overlay)
        good = work->working.rgb != NULL;
    if (good && made->blob[FLAT_BLOB].data)
        good = take_image(&work->flat_working, &made->blob[FLAT_SIZE_BLOB], &made->blob[FLAT_BLOB]);
    end_text(work->info.icc, sizeof work->info.icc);
    end_text(work->info.captured_at, sizeof work->info.captured_at);
    end_text(work->calibration.chart_type, sizeof work->calibration.chart_type);
    end_text(work->calibration.profile_name, sizeof work->calibration.profile_name);
    end_text(work->calibration.location.layout, sizeof work->calibration.location.layout);
    return good;
}

static rubor_status calibrate(calibrate_work *work, rubor_error *error)
{
    rubor_blobs made = {0};
    rubor_calibration_none(&work->calibration);
    rubor_status status = rubor_confined_run(&made, calibrate_confined, work, error);
    if (status == RUBOR_CRASHED)
        rubor_error_prefix(error, work->photo.path);
    else if (!take_results(work, &made))
        status = rubor_error_set(error, RUBOR_CRASHED, "%.300s: the decoder left no whole result",
                                 work->photo.path);
    rubor_blobs_finish(&made);
    return status;
}

/* ---- telling ---- */

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
               rubor_report_number(text, work->calibration.patches[i].delta_e2000, 2, 2));
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
    rubor_question *question = rubor_question_create("calibrate", RUBOR_VERB_PROFILE);
    if (!question)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "the profile was not sent");
    rubor_request *request = &question->request;
    snprintf(request->action, sizeof request->action, "put");
    snprintf(request->profile, sizeof request->profile, "%s", name);
    request->profile_json = (rubor_bytes){(const uint8_t *)text, strlen(text)};
    rubor_status status = rubor_question_call(question, &given->client, error);
    rubor_question_destroy(&question);
    return status;
}

static rubor_status write_profile(calibrate_work *work, const calibrate_arguments *given, rubor_error *error)
{
    rubor_profile *profile = calloc(1, sizeof *profile);
    char name[64], *text = NULL;
    if (!profile)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    profile_name(name, given->profile);
    rubor_status status =
        rubor_profile_make(profile, given->name ? given->name : name, &work->info, &work->calibration,
                           given->flat ? &work->flat_working : NULL, error);
    if (status == RUBOR_OK)
        status = rubor_profile_write(&text, profile, error);
    if (status == RUBOR_OK)
        status = rubor_file_write(given->profile, text, strlen(text), error);
    if (status == RUBOR_OK && given->put)
        status = put_profile(given, profile->name, text, error);
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

static rubor_status check_outputs(const calibrate_arguments *given, const char *photo, rubor_error *error)
{
    const char *inputs[] = {photo, given->flat, given->chart.table_path};
    rubor_status status = RUBOR_OK;
    if (given->overlay)
        status = rubor_output_check("overlay", given->overlay, inputs, 3, error);
    if (status == RUBOR_OK && given->profile)
        status = rubor_output_check("profile", given->profile, inputs, 3, error);
    return status;
}

static int run(calibrate_arguments *given, const char *photo)
{
    rubor_error error = {0};
    calibrate_work *work = calloc(1, sizeof *work);
    if (!work) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        return rubor_fail("calibrate", &error);
    }
    rubor_status status = check_outputs(given, photo, &error);
    if (status == RUBOR_OK)
        status = rubor_input_chart(&given->chart, &error);
    if (status == RUBOR_OK)
        status = rubor_input_photo(&work->photo, photo, &error);
    if (status == RUBOR_OK && given->flat)
        status = rubor_input_photo(&work->flat, given->flat, &error);
    if (status == RUBOR_OK) {
        work->given = given;
        status = calibrate(work, &error);
        if (work->decoded && (status == RUBOR_OK || status == RUBOR_NOT_FOUND || status == RUBOR_REFUSED))
            status = tell(work, given, status, &error);
    }
    int code = status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("calibrate", &error);
    rubor_file_finish(&work->photo);
    rubor_file_finish(&work->flat);
    rubor_image_encoded_finish(&work->working);
    rubor_image_encoded_finish(&work->flat_working);
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
