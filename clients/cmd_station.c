#include "clients/clock.h"
#include "clients/commands.h"
#include "clients/file_pattern.h"
#include "clients/inputs.h"
#include "clients/options.h"
#include "clients/photo_whole.h"
#include "clients/spool.h"
#include "clients/submission.h"
#include "clients/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 4,
    CONNECT_MS = 200,             /* a send does not hold up the watching longer than this */
    PARTIAL_PATIENCE_MS = 30000,  /* then a photo without an end is told to be damaged */
    REFUSED_AGAIN_MS = 30 * 1000, /* a photo that was turned away for now is tried again after so long */
    SPOOL_LOOK_MS = 5000,         /* for what `rubor submit` put there */
    GOODBYE_MS = 2000,
    SIDECAR_BYTES = 64 * 1024
};

typedef struct station_arguments {
    rubor_client_options client;
    char *spool, *pattern, *profile;
} station_arguments;

/* A photo on its way, or an accepted one whose result is awaited. */
typedef struct on_the_way {
    rubor_parcel parcel;
    rubor_spool_item item;
    rubor_buffer photo;
    struct station *station;
    struct on_the_way *next;
} on_the_way;

/* Items of a place still to be taken up, listed once for many. */
typedef struct pending {
    char (*ids)[RUBOR_SPOOL_ID_SIZE];
    size_t count, next;
} pending;

typedef struct station {
    const char *folder;
    rubor_filing defaults;
    rubor_file_pattern *pattern;
    rubor_spool *spool;
    rubor_watch *watch;
    rubor_courier courier;
    on_the_way *moving;
    size_t moving_count;
    pending queue, waiting;
    int64_t spool_look_ms, refused_until_ms;
    bool away; /* said that the broker is not there */
    char last_complaint[RUBOR_ERROR_MESSAGE_SIZE];
} station;

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* One line per trouble; the same trouble is not repeated. */
static void complain(station *s, const char *name, const char *text)
{
    rubor_error line = {0};
    rubor_error_set(&line, RUBOR_REFUSED, "%.200s: %s", name, text);
    if (strcmp(line.message, s->last_complaint) == 0)
        return;
    memcpy(s->last_complaint, line.message, sizeof line.message);
    fprintf(stderr, "rubor station: %s\n", line.message);
}

static void say(const char *name, const char *text)
{
    rubor_error line = {0};
    rubor_error_set(&line, RUBOR_OK, "%.200s: %s", name, text);
    printf("%s\n", line.message);
    fflush(stdout);
}

/* ---- from the folder into the spool ---- */

static rubor_status read_sidecar(rubor_filing *filing, const char *path, rubor_error *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, SIDECAR_BYTES, error);
    if (status != RUBOR_OK)
        return status;
    json_error_t where;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &where);
    free(data);
    if (!json)
        return rubor_error_set(error, RUBOR_CORRUPT, "%.200s: line %d: %s", path, where.line, where.text);
    status = rubor_filing_from_json(filing, json, error);
    json_decref(json);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, path);
    return status;
}

/* What the name says, then what IMG.jpg.json or IMG.json says over it. */
static rubor_status find_filing(const station *s, rubor_filing *filing, const char *name, rubor_error *error)
{
    char path[4096];
    const char *dot = strrchr(name, '.');
    *filing = s->defaults;
    rubor_status status = rubor_file_pattern_read(s->pattern, filing, name, error);
    if (status != RUBOR_OK && status != RUBOR_NOT_FOUND)
        return status;
    snprintf(path, sizeof path, "%.3000s/%s.json", s->folder, name);
    status = read_sidecar(filing, path, error);
    if (status == RUBOR_NOT_FOUND) {
        snprintf(path, sizeof path, "%.3000s/%.*s.json", s->folder, (int)(dot - name), name);
        status = read_sidecar(filing, path, error);
    }
    if (status != RUBOR_OK && status != RUBOR_NOT_FOUND)
        return status;
    return rubor_filing_complete(filing, error);
}

static rubor_watch_answer keep(station *s, const rubor_watched_file *file, rubor_bytes photo,
                               const rubor_filing *filing)
{
    rubor_error error = {0};
    rubor_watch_answer answer = RUBOR_WATCH_DONE;
    rubor_spool_item *item = calloc(1, sizeof *item);
    if (!item)
        return RUBOR_WATCH_AGAIN;
    rubor_spool_describe(item, file->name, photo, filing);
    item->source_size = file->size;
    item->source_mtime_ns = file->mtime_ns;
    rubor_spool_place place = rubor_spool_find(s->spool, item->id);
    if (place == RUBOR_SPOOL_SENT || place == RUBOR_SPOOL_WAITING) {
        say(file->name, "known: this very photo was sent before");
    } else if (place == RUBOR_SPOOL_REFUSED) {
        complain(s, file->name, "known: this very photo was refused before");
    } else if (rubor_spool_put(s->spool, item, photo, &error) != RUBOR_OK) {
        complain(s, file->name, error.message);
        answer = RUBOR_WATCH_AGAIN;
    } else {
        s->spool_look_ms = 0;
    }
    free(item);
    return answer;
}

static rubor_watch_answer look(void *context, const rubor_watched_file *watched, int64_t waited_ms)
{
    station *s = context;
    rubor_error error = {0};
    rubor_file file = {0};
    char path[4096];
    snprintf(path, sizeof path, "%.3000s/%s", s->folder, watched->name);
    rubor_filing *filing = calloc(1, sizeof *filing);
    rubor_watch_answer answer = RUBOR_WATCH_AGAIN;
    rubor_status status = filing ? rubor_input_photo(&file, path, &error)
                                 : rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    rubor_photo_shape shape =
        status == RUBOR_OK ? rubor_photo_shape_of(rubor_file_bytes(&file)) : RUBOR_SHAPE_PARTIAL;
    bool empty = status == RUBOR_CORRUPT;
    if (status == RUBOR_NOT_FOUND) {
        answer = RUBOR_WATCH_DONE; /* taken away again */
    } else if (status != RUBOR_OK && !empty) {
        complain(s, watched->name, error.message);
        answer = status == RUBOR_TOO_LARGE ? RUBOR_WATCH_DONE : RUBOR_WATCH_AGAIN;
    } else if (shape == RUBOR_SHAPE_OTHER) {
        complain(s, watched->name, "is not a JPEG or PNG photo; it was not sent");
        answer = RUBOR_WATCH_DONE;
    } else if (shape == RUBOR_SHAPE_PARTIAL) {
        if (waited_ms >= PARTIAL_PATIENCE_MS)
            complain(s, watched->name, "ends in the middle; copy it again or retake it");
    } else if (find_filing(s, filing, watched->name, &error) == RUBOR_OK) {
        answer = keep(s, watched, rubor_file_bytes(&file), filing);
    } else if (waited_ms >= 4 * RUBOR_WATCH_AGAIN_MS) {
        char text[RUBOR_ERROR_MESSAGE_SIZE];
        snprintf(text, sizeof text, "waits: %.300s: name it as --pattern says or write %.100s.json",
                 error.message, watched->name);
        complain(s, watched->name, text);
    }
    rubor_file_finish(&file);
    free(filing);
    return answer;
}

/* ---- from the spool to the broker ---- */

static void remove_moving(on_the_way *one)
{
    station *s = one->station;
    for (on_the_way **at = &s->moving; *at; at = &(*at)->next)
        if (*at == one) {
            *at = one->next;
            s->moving_count--;
            break;
        }
    rubor_parcel_finish(&one->parcel);
    rubor_buffer_finish(&one->photo);
    free(one);
}

static void on_accepted(void *context, rubor_parcel *parcel)
{
    station *s = context;
    on_the_way *one = parcel->owner;
    rubor_error error = {0};
    char text[128];
    if (rubor_spool_accepted(s->spool, &one->item, parcel->job, &error) != RUBOR_OK)
        complain(s, one->item.name, error.message);
    rubor_buffer_finish(&one->photo);
    snprintf(text, sizeof text, "sent, job %s%s", parcel->job,
             parcel->duplicate ? " (the broker had it)" : "");
    say(one->item.name, text);
}

static void tell_result(const on_the_way *one)
{
    const rubor_parcel *parcel = &one->parcel;
    rubor_submission said = {.name = one->item.name, .record = parcel->info.record, .status = parcel->status};
    memcpy(said.job, parcel->job, sizeof said.job);
    said.state = parcel->status == RUBOR_OK ? RUBOR_SUBMISSION_DONE : RUBOR_SUBMISSION_FAILED;
    snprintf(said.error, sizeof said.error, "%s", parcel->error);
    rubor_submission_print(stdout, &said);
}

static void on_ended(void *context, rubor_parcel *parcel)
{
    station *s = context;
    on_the_way *one = parcel->owner;
    rubor_error error = {0};
    bool turned_away = !*parcel->job && parcel->status != RUBOR_OK;
    bool for_now = rubor_status_retryable(parcel->status) || parcel->status == RUBOR_FORBIDDEN;
    if (turned_away && for_now) {
        complain(s, one->item.name, parcel->error);
        s->refused_until_ms = rubor_clock_ms() + REFUSED_AGAIN_MS;
    } else if (turned_away) {
        tell_result(one);
        if (rubor_spool_refuse(s->spool, one->item.id, &error) != RUBOR_OK)
            complain(s, one->item.name, error.message);
    } else {
        tell_result(one);
        if (rubor_spool_told(s->spool, one->item.id, &error) != RUBOR_OK)
            complain(s, one->item.name, error.message);
    }
    remove_moving(one);
}

static bool is_moving(const station *s, const char *id)
{
    for (const on_the_way *at = s->moving; at; at = at->next)
        if (strcmp(at->item.id, id) == 0)
            return true;
    return false;
}

static void set_moving(station *s, rubor_spool_place place, const char *id)
{
    rubor_error error = {0};
    on_the_way *one = calloc(1, sizeof *one);
    if (!one)
        return;
    one->station = s;
    one->parcel.owner = one;
    bool from_queue = place == RUBOR_SPOOL_QUEUE;
    rubor_status status =
        rubor_spool_read(s->spool, place, id, &one->item, from_queue ? &one->photo : NULL, &error);
    if (status == RUBOR_OK && from_queue) {
        rubor_filing_request(&one->parcel.request, &one->item.filing, "station");
        one->parcel.photo = (rubor_bytes){one->photo.data, one->photo.size};
    } else if (status == RUBOR_OK) {
        rubor_parcel_expect(&one->parcel, one->item.job);
    }
    if (status == RUBOR_OK)
        status = rubor_courier_add(&s->courier, &one->parcel, &error);
    if (status != RUBOR_OK) {
        complain(s, *one->item.name ? one->item.name : id, error.message);
        if (status == RUBOR_CORRUPT && from_queue)
            rubor_spool_refuse(s->spool, id, NULL);
        rubor_buffer_finish(&one->photo);
        free(one);
        return;
    }
    one->next = s->moving;
    s->moving = one;
    s->moving_count++;
}

/* A crash between two steps leaves an item behind where it was: finish the step. */
static bool passed_on(station *s, const char *id)
{
    rubor_spool_place place = rubor_spool_find(s->spool, id);
    if (place != RUBOR_SPOOL_WAITING && place != RUBOR_SPOOL_SENT)
        return false;
    rubor_spool_forget_queued(s->spool, id);
    return true;
}

static void take_up(station *s, rubor_spool_place place, pending *list)
{
    while (list->next < list->count && s->moving_count < IN_FLIGHT) {
        const char *id = list->ids[list->next++];
        if (is_moving(s, id) || (place == RUBOR_SPOOL_QUEUE && passed_on(s, id)))
            continue;
        if (rubor_spool_find(s->spool, id) == place)
            set_moving(s, place, id);
    }
}

static void list_again(station *s, rubor_spool_place place, pending *list)
{
    if (list->next < list->count)
        return;
    free(list->ids);
    list->next = 0;
    if (rubor_spool_list(s->spool, place, &list->ids, &list->count, NULL) != RUBOR_OK)
        list->count = 0;
}

static void load_spool(station *s)
{
    int64_t now = rubor_clock_ms();
    if (now >= s->spool_look_ms) {
        s->spool_look_ms = now + SPOOL_LOOK_MS;
        list_again(s, RUBOR_SPOOL_QUEUE, &s->queue);
        list_again(s, RUBOR_SPOOL_WAITING, &s->waiting);
    }
    if (now >= s->refused_until_ms)
        take_up(s, RUBOR_SPOOL_QUEUE, &s->queue);
    take_up(s, RUBOR_SPOOL_WAITING, &s->waiting);
}

static void tell_presence(station *s)
{
    bool waits = s->moving_count > 0;
    if (waits && !s->courier.reached && s->courier.quiet_until_ms && !s->away) {
        fprintf(stderr,
                "rubor station: no broker answers at %s; photos are kept in %s and sent when it is back\n",
                rubor_client_endpoint(s->courier.client), rubor_spool_folder(s->spool));
        s->away = true;
    } else if (s->courier.reached && s->away) {
        fprintf(stderr, "rubor station: the broker is back\n");
        s->away = false;
    }
}

/* ---- the command ---- */

/* Files that earlier runs dealt with are not read again. */
static void remember(station *s)
{
    static const rubor_spool_place places[] = {RUBOR_SPOOL_SENT, RUBOR_SPOOL_WAITING, RUBOR_SPOOL_QUEUE};
    rubor_spool_item *item = calloc(1, sizeof *item);
    for (size_t p = 0; item && p < sizeof places / sizeof places[0]; p++) {
        char(*ids)[RUBOR_SPOOL_ID_SIZE] = NULL;
        size_t count = 0;
        if (rubor_spool_list(s->spool, places[p], &ids, &count, NULL) != RUBOR_OK)
            continue;
        for (size_t i = 0; i < count; i++) {
            rubor_watched_file file = {.name = ""};
            if (rubor_spool_read(s->spool, places[p], ids[i], item, NULL, NULL) != RUBOR_OK ||
                !item->source_mtime_ns)
                continue;
            memcpy(file.name, item->name, sizeof file.name);
            file.size = item->source_size;
            file.mtime_ns = item->source_mtime_ns;
            rubor_watch_know(s->watch, &file, NULL);
        }
        free(ids);
    }
    free(item);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static rubor_status open_station(station *s, const station_arguments *given, const char *folder,
                                 rubor_error *error)
{
    rubor_client_options client = given->client;
    client.connect_ms = CONNECT_MS;
    s->folder = folder;
    s->courier = (rubor_courier){.accepted = on_accepted, .ended = on_ended, .context = s};
    rubor_filing_init(&s->defaults);
    rubor_status status = RUBOR_OK;
    if (given->profile)
        status = rubor_filing_set(&s->defaults, "profile", given->profile, error);
    if (status == RUBOR_OK)
        status = rubor_file_pattern_create(
            &s->pattern, given->pattern ? given->pattern : RUBOR_FILE_PATTERN_DEFAULT, error);
    if (status == RUBOR_OK)
        status = rubor_watch_open(&s->watch, folder, look, s, error);
    if (status == RUBOR_OK)
        status = rubor_spool_open(&s->spool, given->spool, error);
    if (status == RUBOR_OK)
        status = rubor_spool_lock(s->spool, error);
    if (status == RUBOR_OK)
        status = rubor_client_create(&s->courier.client, &client, error);
    if (status == RUBOR_OK)
        remember(s);
    return status;
}

static void close_station(station *s)
{
    rubor_courier_finish(&s->courier);
    while (s->moving)
        remove_moving(s->moving);
    free(s->queue.ids);
    free(s->waiting.ids);
    rubor_client_destroy(&s->courier.client);
    rubor_spool_close(&s->spool);
    rubor_watch_close(&s->watch);
    rubor_file_pattern_destroy(&s->pattern);
}

static rubor_status work(station *s, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    while (!stop_asked && status == RUBOR_OK) {
        int wait = 0;
        status = rubor_watch_step(s->watch, &wait, error);
        load_spool(s);
        if (status == RUBOR_OK)
            rubor_courier_step(&s->courier, rubor_watch_fd(s->watch),
                               wait < SPOOL_LOOK_MS ? wait : SPOOL_LOOK_MS);
        tell_presence(s);
    }
    /* What was sent is on disk here as well; a short wait for the broker's word saves sending it twice. */
    for (int64_t end = rubor_clock_ms() + GOODBYE_MS;
         s->courier.reached && s->courier.count && rubor_clock_ms() < end;)
        rubor_courier_step(&s->courier, -1, 100);
    return status;
}

static int run(const station_arguments *given, const char *folder)
{
    rubor_error error = {0};
    station *s = calloc(1, sizeof *s);
    if (!s) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        return rubor_fail("station", &error);
    }
    catch_signals();
    rubor_status status = open_station(s, given, folder, &error);
    if (status == RUBOR_OK) {
        printf("ready dir=%s spool=%s endpoint=%s\n", folder, rubor_spool_folder(s->spool),
               rubor_client_endpoint(s->courier.client));
        fflush(stdout);
        status = work(s, &error);
    }
    close_station(s);
    free(s);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("station", &error);
}

int rubor_cmd_station(int argc, char **argv)
{
    station_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("spool", &given.spool, "where photos wait for the broker (default: RUBOR_SPOOL)",
                          "DIR"),
        RUBOR_OPTION_TEXT("pattern", &given.pattern,
                          "how file names say it: (?<patient>..)(?<session>..)(?<day>..)(?<view>..)",
                          "REGEX"),
        RUBOR_OPTION_TEXT("profile", &given.profile, "station profile kept at the broker", "NAME"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "WATCHED_DIR",
        "Sends each photo that appears in a folder and prints what became of it. Photos are kept on disk "
        "until the\n"
        "broker has them. A photo says what it is by its name (default: PATIENT_SESSION_before.jpg,\n"
        "PATIENT_SESSION_DAY.jpg, PATIENT_SESSION_DAY_VIEW.jpg) or by PHOTO.json beside it with the keys "
        "patient,\n"
        "session, day, view, region, control, profile.",
        1, 1);
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
