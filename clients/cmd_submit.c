#include "clients/commands.h"
#include "clients/filing_options.h"
#include "clients/inputs.h"
#include "clients/json.h"
#include "clients/spool.h"
#include "clients/submission.h"

#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 4, ATTEMPTS = 2 };

typedef struct submit_arguments {
    rubor_client_options client;
    rubor_filing_options filing;
    char *spool;
    int no_wait, json;
} submit_arguments;

typedef struct submitted {
    rubor_submission submission;
    rubor_file photo;
    rubor_parcel parcel;
    bool ended;
    struct submit_run *run;
} submitted;

typedef struct submit_run {
    const submit_arguments *given;
    rubor_filing filing;
    rubor_spool *spool;
    rubor_courier courier;
    submitted *photos;
    size_t count, started, told;
    bool away; /* the broker was not there for an earlier photo */
    char away_text[RUBOR_ERROR_MESSAGE_SIZE];
    int code;
} submit_run;

static void worsen(submit_run *run, int code)
{
    /* An internal fault says more than an unreachable broker, which says more than a photo to take again. */
    if (code > run->code)
        run->code = code;
}

/* ---- one photo ---- */

static void set_failed(submitted *photo, rubor_status status, const char *text)
{
    photo->submission.state = RUBOR_SUBMISSION_FAILED;
    photo->submission.status = status;
    snprintf(photo->submission.error, sizeof photo->submission.error, "%s", text);
    photo->ended = true;
}

/* The broker is not there: the photo is kept on disk until it is. */
static void put_into_spool(submitted *photo, const rubor_status why, const char *text)
{
    submit_run *run = photo->run;
    rubor_spool_item *item = calloc(1, sizeof *item);
    rubor_error error = {0};
    rubor_status status = item ? RUBOR_OK : rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK && !run->spool)
        status = rubor_spool_open(&run->spool, run->given->spool, &error);
    if (status == RUBOR_OK) {
        rubor_spool_describe(item, photo->submission.name, rubor_file_bytes(&photo->photo), &run->filing);
        status = rubor_spool_put(run->spool, item, rubor_file_bytes(&photo->photo), &error);
    }
    free(item);
    photo->submission.status = why;
    photo->ended = true;
    run->away = true;
    if (text != run->away_text)
        snprintf(run->away_text, sizeof run->away_text, "%s", text);
    rubor_error line = {0};
    if (status == RUBOR_OK) {
        photo->submission.state = RUBOR_SUBMISSION_SPOOLED;
        rubor_error_set(&line, why, "%.120s: spooled in %.120s, the next submit or station sends it: %s",
                        photo->submission.name, rubor_spool_folder(run->spool), text);
    } else {
        photo->submission.state = RUBOR_SUBMISSION_FAILED;
        rubor_error_set(&line, why, "%.120s: not sent and not spooled, submit it again: %s; %s",
                        photo->submission.name, text, error.message);
    }
    snprintf(photo->submission.error, sizeof photo->submission.error, "%s", line.message);
    worsen(run, RUBOR_EXIT_UNREACHABLE);
}

static void on_ended(void *context, rubor_parcel *parcel)
{
    (void)context;
    submitted *photo = parcel->owner;
    rubor_submission *said = &photo->submission;
    memcpy(said->job, parcel->job, sizeof said->job);
    memcpy(said->also_filed, parcel->also_filed, sizeof said->also_filed);
    said->before = parcel->request.day == RUBOR_DAY_BEFORE;
    if (parcel->duplicate && parcel->sends == 1) /* not by this very command, whose first answer was lost */
        said->known_since_ms = parcel->info.submitted_ms;
    if (rubor_status_retryable(parcel->status) && !*parcel->job) {
        put_into_spool(photo, parcel->status, parcel->error);
    } else if (parcel->status == RUBOR_UNREACHABLE) {
        /* Accepted, so it is safe; only the result is not known yet. */
        said->state = RUBOR_SUBMISSION_ACCEPTED;
        rubor_error line = {0};
        rubor_error_set(&line, RUBOR_UNREACHABLE,
                        "%.120s: accepted as job %s, then the broker was lost; ask later with "
                        "rubor result %s",
                        said->name, parcel->job, parcel->job);
        snprintf(said->error, sizeof said->error, "%s", line.message);
        said->status = RUBOR_UNREACHABLE;
        photo->ended = true;
        worsen(photo->run, RUBOR_EXIT_UNREACHABLE);
    } else if (parcel->status != RUBOR_OK) {
        rubor_error line = {0};
        rubor_error_set(&line, parcel->status, "%.160s: %s", said->name, parcel->error);
        set_failed(photo, parcel->status, line.message);
        int code = rubor_exit_code(parcel->status);
        worsen(photo->run, *parcel->job && code == RUBOR_EXIT_USAGE ? RUBOR_EXIT_FAILED : code);
    } else {
        bool done = strcmp(parcel->info.state, "done") == 0;
        said->state = done ? RUBOR_SUBMISSION_DONE : RUBOR_SUBMISSION_ACCEPTED;
        said->record = parcel->info.record;
        photo->ended = true;
        if (rubor_submission_is_retake(said))
            worsen(photo->run, RUBOR_EXIT_FAILED);
    }
    rubor_file_finish(&photo->photo);
}

/* A file that is no photo is told here and not sent anywhere. */
static rubor_status load(submitted *photo, rubor_error *error)
{
    rubor_photo_info info;
    rubor_status status = rubor_input_photo(&photo->photo, photo->submission.name, error);
    if (status != RUBOR_OK)
        return status;
    rubor_digest(photo->submission.digest, rubor_file_bytes(&photo->photo));
    status = rubor_photo_probe(&info, rubor_file_bytes(&photo->photo), error);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, photo->submission.name);
    return status;
}

static void start(submit_run *run, submitted *photo)
{
    rubor_error error = {0};
    rubor_status status = load(photo, &error);
    if (status == RUBOR_OK && run->away) {
        put_into_spool(photo, RUBOR_UNREACHABLE, run->away_text);
        rubor_file_finish(&photo->photo);
    } else if (status == RUBOR_OK) {
        rubor_filing_request(&photo->parcel.request, &run->filing, "station");
        photo->parcel.request.no_wait = run->given->no_wait != 0;
        photo->parcel.photo = rubor_file_bytes(&photo->photo);
        photo->parcel.owner = photo;
        status = rubor_courier_add(&run->courier, &photo->parcel, &error);
    }
    if (status != RUBOR_OK) {
        int code = rubor_exit_code(status);
        worsen(run, code == RUBOR_EXIT_USAGE ? RUBOR_EXIT_FAILED : code);
        set_failed(photo, status, error.message);
        rubor_file_finish(&photo->photo);
    }
}

/* Results are told in the order of the command line. */
static void tell(submit_run *run)
{
    while (run->told < run->count && run->photos[run->told].ended) {
        submitted *photo = &run->photos[run->told++];
        if (*photo->submission.error)
            fprintf(stderr, "rubor submit: %s\n", photo->submission.error);
        if (run->given->json) {
            rubor_error error = {0};
            json_t *line = rubor_submission_json(&photo->submission);
            if (rubor_json_print(stdout, line, RUBOR_JSON_LINE, &error) != RUBOR_OK)
                worsen(run, rubor_fail("submit", &error));
            json_decref(line);
        } else if (!*photo->submission.error) {
            rubor_submission_print(stdout, &photo->submission);
        }
        rubor_parcel_finish(&photo->parcel);
        photo->submission.record = NULL;
    }
}

/* ---- what an earlier submit left behind ---- */

typedef struct spooled_one {
    rubor_parcel parcel;
    rubor_spool_item item;
    rubor_buffer photo;
    bool ended;
} spooled_one;

static void on_spooled_ended(void *context, rubor_parcel *parcel)
{
    (void)context;
    spooled_one *one = parcel->owner;
    one->ended = true;
}

/* Sends one spooled photo; the result is whether the broker is still there. */
static bool send_spooled(submit_run *run, const char *id, size_t *sent)
{
    rubor_error error = {0};
    spooled_one *one = calloc(1, sizeof *one);
    if (!one)
        return false;
    bool there = true;
    rubor_courier courier = {.client = run->courier.client, .attempts = 1, .ended = on_spooled_ended};
    rubor_status status =
        rubor_spool_read(run->spool, RUBOR_SPOOL_QUEUE, id, &one->item, &one->photo, &error);
    if (status == RUBOR_OK) {
        rubor_filing_request(&one->parcel.request, &one->item.filing, "station");
        one->parcel.request.no_wait = true;
        one->parcel.here_ms = one->item.here_ms;
        one->parcel.photo = (rubor_bytes){one->photo.data, one->photo.size};
        one->parcel.owner = one;
        status = rubor_courier_add(&courier, &one->parcel, &error);
        while (status == RUBOR_OK && !one->ended)
            rubor_courier_step(&courier, -1, 1000);
        if (status == RUBOR_OK && (status = one->parcel.status) != RUBOR_OK)
            rubor_error_set(&error, status, "%s", one->parcel.error);
    }
    if (status == RUBOR_OK &&
        rubor_spool_accepted(run->spool, &one->item, one->parcel.job, &error) == RUBOR_OK)
        *sent += rubor_spool_told(run->spool, &one->item, NULL) == RUBOR_OK;
    there = status != RUBOR_UNREACHABLE;
    if (status == RUBOR_FORGOTTEN) {
        rubor_spool_drop(run->spool, id);
        fprintf(stderr, "rubor submit: spooled photo %.100s is deleted: %s\n", one->item.name, error.message);
    } else if (status != RUBOR_OK && there && !rubor_status_retryable(status)) {
        rubor_spool_refuse(run->spool, id, NULL);
        fprintf(stderr, "rubor submit: spooled photo %.100s is kept in %s/refused: %s\n", one->item.name,
                rubor_spool_folder(run->spool), error.message);
    }
    rubor_courier_finish(&courier);
    rubor_parcel_finish(&one->parcel);
    rubor_buffer_finish(&one->photo);
    free(one);
    return there;
}

/* Quietly does nothing when there is no spool, or a station is sending it. */
static void drain_spool(submit_run *run)
{
    char(*ids)[RUBOR_SPOOL_ID_SIZE] = NULL;
    size_t count = 0, sent = 0;
    if (!run->spool && rubor_spool_open(&run->spool, run->given->spool, NULL) != RUBOR_OK)
        return;
    if (rubor_spool_lock(run->spool, NULL) != RUBOR_OK ||
        rubor_spool_list(run->spool, RUBOR_SPOOL_QUEUE, &ids, &count, NULL) != RUBOR_OK)
        return;
    for (size_t i = 0; i < count && send_spooled(run, ids[i], &sent); i++)
        continue;
    if (sent)
        fprintf(stderr, "rubor submit: sent %zu photo%s that an earlier submit had spooled\n", sent,
                sent == 1 ? "" : "s");
    free(ids);
}

/* ---- the command ---- */

static void submit_all(submit_run *run)
{
    while (run->told < run->count) {
        while (run->started < run->count && run->courier.count < IN_FLIGHT) {
            start(run, &run->photos[run->started++]);
            tell(run);
        }
        if (run->courier.count)
            rubor_courier_step(&run->courier, -1, 1000);
        tell(run);
    }
}

static int submit(const submit_arguments *given, const char **paths, size_t count)
{
    rubor_error error = {0};
    submit_run *run = calloc(1, sizeof *run);
    submitted *photos = calloc(count, sizeof *photos);
    int code = RUBOR_EXIT_FAULT;
    if (!run || !photos) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        rubor_fail("submit", &error);
        goto out;
    }
    *run = (submit_run){.given = given, .photos = photos, .count = count};
    run->courier = (rubor_courier){.ended = on_ended, .attempts = ATTEMPTS};
    if (rubor_filing_options_read(&run->filing, &given->filing, &error) != RUBOR_OK ||
        rubor_filing_options_complete(&run->filing, &error) != RUBOR_OK) {
        code = rubor_usage("submit", "%s", error.message);
        goto out;
    }
    if (rubor_client_create(&run->courier.client, &given->client, &error) != RUBOR_OK) {
        code = rubor_fail("submit", &error);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        photos[i].submission.name = paths[i];
        photos[i].run = run;
    }
    submit_all(run);
    if (run->courier.reached)
        drain_spool(run);
    code = run->code;
out:
    if (run) {
        rubor_courier_finish(&run->courier);
        rubor_client_destroy(&run->courier.client);
        rubor_spool_close(&run->spool);
    }
    free(photos);
    free(run);
    return code;
}

int rubor_cmd_submit(int argc, char **argv)
{
    submit_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_FILING_OPTIONS(given.filing),
        RUBOR_OPTION_TEXT("profile", &given.filing.profile, "station profile kept at the broker", "NAME"),
        RUBOR_OPTION_TEXT("spool", &given.spool,
                          "where photos wait when the broker is away (default: RUBOR_SPOOL)", "DIR"),
        RUBOR_OPTION_SWITCH("no-wait", &given.no_wait, "end when the photos are on disk at the broker"),
        RUBOR_OPTION_SWITCH("json", &given.json, "print one line of JSON for each photo"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code =
        rubor_options_parse(&options, argc, argv, table, "PHOTO...",
                            "Sends photos of one visit and waits for what they show. When the broker is away "
                            "they are spooled on disk. Needs\n--patient, --session, and --before or --day.",
                            1, 1 << 20);
    if (code < 0)
        code = submit(&given, options.arguments, (size_t)options.argument_count);
    rubor_options_finish(&options);
    return code;
}
