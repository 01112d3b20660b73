#include "clients/clock.h"
#include "clients/commands.h"
#include "clients/courier.h"
#include "clients/inputs.h"
#include "clients/manifest.h"
#include "clients/options.h"
#include "clients/record_csv.h"
#include "clients/service_calls.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_FLIGHT_DEFAULT = 8, IN_FLIGHT_MOST = 256, PROGRESS_MS = 1000, PROGRESS_LOG_MS = 10 * 1000 };

typedef struct batch_arguments {
    rubor_client_options client;
    char *manifest, *out, *in_flight;
} batch_arguments;

typedef struct batch_row {
    bool ended, failed;
    char *error, *values; /* values: the record's numbers as CSV */
    char verdict[8], algorithm[RUBOR_CODE_SIZE], digest[RUBOR_DIGEST_SIZE];
} batch_row;

typedef struct batch {
    rubor_manifest manifest;
    batch_row *rows;
    rubor_courier courier;
    size_t ended, failed, already, retakes;
    int64_t told_ms, began_ms;
    bool broken; /* out of memory */
} batch;

static volatile sig_atomic_t stop_asked;

/* One row on its way. */
typedef struct moving {
    rubor_parcel parcel;
    rubor_file photo;
    batch *run;
    size_t row;
} moving;

/* ---- rows ---- */

static void end_row(batch *run, size_t index, const char *error)
{
    batch_row *row = &run->rows[index];
    row->ended = true;
    run->ended++;
    if (!error)
        return;
    row->failed = true;
    run->failed++;
    row->error = strdup(error);
    run->broken = run->broken || !row->error;
    rubor_error line = {0};
    rubor_error_set(&line, RUBOR_REFUSED, "line %zu: %s", run->manifest.rows[index].line, error);
    fprintf(stderr, "%srubor batch: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", line.message);
}

static void keep_record(batch *run, size_t index, const rubor_record *record)
{
    batch_row *row = &run->rows[index];
    rubor_text values = {0};
    rubor_record_csv_values(&values, record);
    run->broken = run->broken || values.failed;
    row->values = values.data;
    memcpy(row->verdict, record->quality.verdict, sizeof row->verdict);
    memcpy(row->algorithm, record->rubor.algorithm, sizeof row->algorithm);
    run->retakes += strcmp(row->verdict, "retake") == 0;
}

static void on_accepted(void *context, rubor_parcel *parcel)
{
    (void)context;
    moving *one = parcel->owner;
    rubor_file_finish(&one->photo);
}

static void on_ended(void *context, rubor_parcel *parcel)
{
    batch *run = context;
    moving *one = parcel->owner;
    char text[RUBOR_ERROR_MESSAGE_SIZE];
    if (parcel->status == RUBOR_OK && parcel->info.record) {
        keep_record(run, one->row, parcel->info.record);
        run->already += parcel->duplicate;
        end_row(run, one->row, NULL);
    } else {
        snprintf(text, sizeof text, "%.200s: %.300s", run->manifest.rows[one->row].path,
                 *parcel->error ? parcel->error : "the job ended without a result");
        end_row(run, one->row, text);
    }
    rubor_parcel_finish(parcel);
    rubor_file_finish(&one->photo);
    free(one);
}

static void start_row(batch *run, size_t index)
{
    const rubor_manifest_row *row = &run->manifest.rows[index];
    rubor_photo_info info;
    rubor_error error = {0};
    moving *one = calloc(1, sizeof *one);
    rubor_filing *filing = malloc(sizeof *filing);
    rubor_status status = one && filing ? rubor_input_photo(&one->photo, row->path, &error)
                              : rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK) {
        rubor_digest(run->rows[index].digest, rubor_file_bytes(&one->photo));
        status = rubor_photo_probe(&info, rubor_file_bytes(&one->photo), &error);
        if (status != RUBOR_OK)
            rubor_error_prefix(&error, row->path);
    }
    if (status == RUBOR_OK) {
        rubor_manifest_filing(filing, row);
        rubor_filing_request(&one->parcel.request, filing, "batch");
        one->parcel.photo = rubor_file_bytes(&one->photo);
        one->parcel.ask_first = true;
        memcpy(one->parcel.request.digest, run->rows[index].digest, sizeof one->parcel.request.digest);
        one->parcel.owner = one;
        one->run = run;
        one->row = index;
        status = rubor_courier_add(&run->courier, &one->parcel, &error);
    }
    if (status != RUBOR_OK) {
        end_row(run, index, error.message);
        if (one)
            rubor_file_finish(&one->photo);
        free(one);
    }
    free(filing);
}

/* ---- all of them ---- */

/* For a person one line that changes; for a log a line now and then. */
static void tell_progress(batch *run, bool last)
{
    int64_t now = rubor_clock_ms(), spent_ms = now - run->began_ms;
    bool person = isatty(STDERR_FILENO) != 0;
    if (!last && now - run->told_ms < (person ? PROGRESS_MS : PROGRESS_LOG_MS))
        return;
    run->told_ms = now;
    size_t left = run->manifest.count - run->ended;
    char remaining[64] = "";
    if (left && run->ended && spent_ms > 10 * PROGRESS_MS)
        snprintf(remaining, sizeof remaining, ", about %lld min left",
                 (long long)((double)spent_ms / (double)run->ended * (double)left / 60000) + 1);
    fprintf(stderr, "%srubor batch: %zu of %zu: %zu measured, %zu already done, %zu failed, %zu to retake%s%s",
            person ? "\r\033[K" : "", run->ended, run->manifest.count, run->ended - run->failed - run->already,
            run->already, run->failed, run->retakes, remaining, person && !last ? "" : "\n");
    fflush(stderr);
}

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* The first Ctrl-C ends the batch in order, a second one at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Nobody takes messages, or nobody answers them; longer than any pause a busy broker asks for. */
static bool is_gone(const batch *run)
{
    int64_t heard = run->courier.heard_ms > run->began_ms ? run->courier.heard_ms : run->began_ms;
    int patience = (run->courier.reached ? 4 : 2) * rubor_client_wait_ms(RUBOR_CLIENT_PHOTO);
    return rubor_clock_ms() - heard > patience;
}

static rubor_status wait_for_room(batch *run, size_t most, rubor_error *error)
{
    while (run->courier.count > most) {
        rubor_courier_step(&run->courier, -1, PROGRESS_MS);
        tell_progress(run, false);
        if (stop_asked)
            return rubor_error_set(error, RUBOR_CANCELED,
                                   "stopped after %zu of %zu; start the batch again: only what is missing "
                                   "will be done",
                                   run->ended, run->manifest.count);
        if (is_gone(run))
            return rubor_error_set(
                error, RUBOR_UNREACHABLE,
                "the broker at %.200s is gone; start the batch again when it is back: only what is "
                "missing will be done",
                rubor_client_endpoint(run->courier.client));
    }
    return run->broken ? rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory") : RUBOR_OK;
}

/* Photos before treatment first, so that each visit is measured once, against its baseline. */
static rubor_status work(batch *run, size_t in_flight, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    run->told_ms = run->began_ms = rubor_clock_ms();
    catch_signals();
    for (int pass = 0; pass < 2 && status == RUBOR_OK; pass++) {
        for (size_t i = 0; i < run->manifest.count && status == RUBOR_OK; i++) {
            const rubor_manifest_row *row = &run->manifest.rows[i];
            if ((pass == 0) != row->before)
                continue;
            if (row->error)
                end_row(run, i, row->error);
            else
                start_row(run, i);
            status = wait_for_room(run, in_flight - 1, error);
        }
        if (status == RUBOR_OK)
            status = wait_for_room(run, 0, error);
    }
    tell_progress(run, true);
    return status;
}

/* ---- the table ---- */

static void put_row(rubor_text *text, const rubor_manifest_row *in, const batch_row *row)
{
    rubor_text_put(text, in->columns);
    rubor_text_putf(text, ",%s,%s,", row->failed ? "failed" : "done", row->verdict);
    rubor_text_put_csv(text, row->error ? row->error : "");
    rubor_text_putf(text, ",%s,%s", row->algorithm, row->digest);
    if (row->values)
        rubor_text_put(text, row->values);
    else
        rubor_record_csv_values(text, NULL);
    rubor_text_put(text, "\n");
}

static rubor_status write_table(const batch *run, const char *path, rubor_error *error)
{
    rubor_text text = {0};
    rubor_text_put(&text, run->manifest.header);
    rubor_text_put(&text, ",state,verdict,error,algorithm,digest");
    rubor_record_csv_names(&text);
    rubor_text_put(&text, "\n");
    for (size_t i = 0; i < run->manifest.count; i++)
        put_row(&text, &run->manifest.rows[i], &run->rows[i]);
    rubor_status status = text.failed ? rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory")
                                      : rubor_file_write(path, text.data, text.size, error);
    rubor_text_finish(&text);
    return status;
}

/* ---- the command ---- */

static rubor_status look_for_broker(rubor_client *client, rubor_error *error)
{
    rubor_question *question = rubor_question_create("batch", RUBOR_VERB_STATUS);
    if (!question)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "nothing was sent");
    rubor_status status = rubor_client_call(client, &question->reply, &question->request, NULL, 0, 0, error);
    rubor_question_destroy(&question);
    return status;
}

static void finish(batch *run)
{
    while (run->courier.count) {
        moving *one = run->courier.parcels[--run->courier.count]->owner;
        rubor_parcel_finish(&one->parcel);
        rubor_file_finish(&one->photo);
        free(one);
    }
    rubor_courier_finish(&run->courier);
    rubor_client_destroy(&run->courier.client);
    for (size_t i = 0; run->rows && i < run->manifest.count; i++) {
        free(run->rows[i].error);
        free(run->rows[i].values);
    }
    free(run->rows);
    rubor_manifest_finish(&run->manifest);
}

static int run_batch(const batch_arguments *given)
{
    rubor_error error = {0};
    batch run = {.courier = {.accepted = on_accepted, .ended = on_ended}};
    long in_flight = IN_FLIGHT_DEFAULT;
    run.courier.context = &run;
    if (given->in_flight &&
        rubor_parse_integer(&in_flight, "in-flight", given->in_flight, 1, IN_FLIGHT_MOST, &error) != RUBOR_OK)
        return rubor_usage("batch", "%s", error.message);
    const char *manifest = given->manifest;
    /* Hours of work must not end at a folder that was never there. */
    rubor_status status =
        given->out ? rubor_output_check("out", given->out, &manifest, 1, &error) : RUBOR_OK;
    if (status == RUBOR_OK)
        status = rubor_manifest_read(&run.manifest, given->manifest, &error);
    if (status == RUBOR_OK) {
        run.rows = calloc(run.manifest.count ? run.manifest.count : 1, sizeof *run.rows);
        if (!run.rows)
            status = rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    }
    if (status == RUBOR_OK)
        status = rubor_client_create(&run.courier.client, &given->client, &error);
    if (status == RUBOR_OK)
        status = look_for_broker(run.courier.client, &error);
    if (status == RUBOR_OK)
        status = work(&run, (size_t)in_flight, &error);
    if (status == RUBOR_OK && given->out)
        status = write_table(&run, given->out, &error);
    int code = status != RUBOR_OK ? rubor_fail("batch", &error)
               : run.failed       ? RUBOR_EXIT_FAILED
                                  : RUBOR_EXIT_DONE;
    finish(&run);
    return code;
}

int rubor_cmd_batch(int argc, char **argv)
{
    batch_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("manifest", &given.manifest, "what to measure: path,patient,session,day,view,region",
                          "F.csv"),
        RUBOR_OPTION_TEXT("out", &given.out, "write a table of every number", "F.csv"),
        RUBOR_OPTION_TEXT("in-flight", &given.in_flight, "photos on their way at a time (default: 8)", "N"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "",
        "Measures the photos of a manifest through the broker. A second run does only what is "
        "not done yet and sends no\nphoto twice. Manifest: RFC 4180 with a header; columns path, patient, "
        "session, day (before or a number) and,\nif wanted, view, region, control, profile. A relative path is "
        "taken from the manifest's folder; where nothing\nis there, from the current one. Other columns are "
        "repeated in the table.",
        0, 0);
    if (code < 0 && !given.manifest)
        code = rubor_usage(argv[0], "--manifest is missing");
    if (code < 0)
        code = run_batch(&given);
    rubor_options_finish(&options);
    return code;
}
