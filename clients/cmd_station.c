#include "clients/clock.h"
#include "clients/commands.h"
#include "clients/options.h"
#include "clients/station.h"
#include "clients/submission.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 4,
    CONNECT_MS = 200,             /* a send does not hold up the watching longer than this */
    REFUSED_AGAIN_MS = 30 * 1000, /* a photo that was turned away for now is tried again after so long */
    SPOOL_LOOK_MS = 5000,         /* for what `rubor submit` put there */
    REFUSED_LOOK_MS = 3600 * 1000, /* whether patients of photos that were refused have been forgotten */
    GOODBYE_MS = 2000
};

typedef struct station_arguments {
    rubor_client_options client;
    char *spool, *pattern, *profile;
} station_arguments;

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

void rubor_station_complain(rubor_station *s, const char *name, int64_t occasion, const char *text)
{
    rubor_error line = {0};
    char key[RUBOR_ERROR_MESSAGE_SIZE + 32];
    rubor_error_set(&line, RUBOR_REFUSED, "%.200s: %s", name, text);
    snprintf(key, sizeof key, "%lld %s", (long long)occasion, line.message);
    if (rubor_hash_set_add(&s->told, key))
        fprintf(stderr, "rubor station: %s\n", line.message);
}

/* What is wrong with the spool or the broker is worth a new line every hour. */
static void complain(rubor_station *s, const char *name, const char *text)
{
    rubor_station_complain(s, name, rubor_clock_ms() / (3600 * 1000), text);
}

void rubor_station_say(const char *name, const char *text)
{
    rubor_error line = {0};
    rubor_error_set(&line, RUBOR_OK, "%.200s: %s", name, text);
    printf("%s\n", line.message);
    fflush(stdout);
}

/* ---- from the spool to the broker ---- */

static void remove_moving(rubor_on_the_way *one)
{
    rubor_station *s = one->station;
    for (rubor_on_the_way **at = &s->moving; *at; at = &(*at)->next)
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
    rubor_station *s = context;
    rubor_on_the_way *one = parcel->owner;
    rubor_error error = {0};
    char text[128];
    if (rubor_spool_accepted(s->spool, &one->item, parcel->job, &error) != RUBOR_OK)
        complain(s, one->item.name, error.message);
    rubor_buffer_finish(&one->photo);
    snprintf(text, sizeof text, "sent, job %s%s", parcel->job,
             parcel->duplicate ? " (the broker had it)" : "");
    rubor_station_say(one->item.name, text);
}

static void tell_result(const rubor_on_the_way *one)
{
    const rubor_parcel *parcel = &one->parcel;
    rubor_submission said = {.name = one->item.name, .record = parcel->info.record, .status = parcel->status};
    memcpy(said.job, parcel->job, sizeof said.job);
    memcpy(said.also_filed, parcel->also_filed, sizeof said.also_filed);
    said.before = one->item.filing.day == RUBOR_DAY_BEFORE;
    said.state = parcel->status == RUBOR_OK ? RUBOR_SUBMISSION_DONE : RUBOR_SUBMISSION_FAILED;
    snprintf(said.error, sizeof said.error, "%s", parcel->error);
    rubor_submission_print(stdout, &said);
}

static void on_ended(void *context, rubor_parcel *parcel)
{
    rubor_station *s = context;
    rubor_on_the_way *one = parcel->owner;
    rubor_error error = {0};
    bool turned_away = !*parcel->job && parcel->status != RUBOR_OK;
    memcpy(one->item.job, parcel->job, sizeof one->item.job);
    bool for_now = !parcel->only_ask && (rubor_status_retryable(parcel->status) || parcel->status == RUBOR_FORBIDDEN);
    if (turned_away && for_now) {
        complain(s, one->item.name, parcel->error);
        s->refused_until_ms = rubor_clock_ms() + REFUSED_AGAIN_MS;
    } else if (parcel->status == RUBOR_FORGOTTEN) {
        char text[RUBOR_ERROR_MESSAGE_SIZE];
        snprintf(text, sizeof text, "not taken: %.300s; the copy here is deleted, delete the file too",
                 parcel->error);
        complain(s, one->item.name, text);
        rubor_spool_drop(s->spool, one->item.id);
    } else if (parcel->only_ask) {
        ; /* the patient was not forgotten: the photo stays where it is, for somebody to look at */
    } else if (turned_away) {
        tell_result(one);
        if (rubor_spool_refuse(s->spool, one->item.id, &error) != RUBOR_OK)
            complain(s, one->item.name, error.message);
    } else {
        tell_result(one);
        if (rubor_spool_told(s->spool, &one->item, &error) != RUBOR_OK)
            complain(s, one->item.name, error.message);
    }
    remove_moving(one);
}

static bool is_moving(const rubor_station *s, const char *id)
{
    for (const rubor_on_the_way *at = s->moving; at; at = at->next)
        if (strcmp(at->item.id, id) == 0)
            return true;
    return false;
}

/* refused: only whether the patient was forgotten is asked, with the digest of a photo that nobody has. */
static void fill_parcel(rubor_on_the_way *one, bool refused)
{
    rubor_parcel *parcel = &one->parcel;
    rubor_filing_request(&parcel->request, &one->item.filing, "station");
    parcel->here_ms = one->item.here_ms;
    parcel->photo = (rubor_bytes){one->photo.data, one->photo.size};
    parcel->ask_first = parcel->only_ask = refused;
    if (refused)
        snprintf(parcel->request.digest, sizeof parcel->request.digest, "%064d", 0);
}

static void set_moving(rubor_station *s, rubor_spool_place place, const char *id)
{
    rubor_error error = {0};
    rubor_on_the_way *one = calloc(1, sizeof *one);
    if (!one)
        return;
    one->station = s;
    one->parcel.owner = one;
    bool from_queue = place == RUBOR_SPOOL_QUEUE;
    rubor_status status =
        rubor_spool_read(s->spool, place, id, &one->item, from_queue ? &one->photo : NULL, &error);
    if (status == RUBOR_OK && place == RUBOR_SPOOL_WAITING)
        rubor_parcel_expect(&one->parcel, one->item.job);
    else if (status == RUBOR_OK)
        fill_parcel(one, place == RUBOR_SPOOL_REFUSED);
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

static void take_up(rubor_station *s, rubor_spool_place place, rubor_pending_items *list)
{
    while (list->next < list->count && s->moving_count < IN_FLIGHT) {
        const char *id = list->ids[list->next++];
        if (is_moving(s, id))
            continue;
        rubor_spool_tidy(s->spool, id);
        if (rubor_spool_find(s->spool, id) == place)
            set_moving(s, place, id);
    }
}

static void list_again(rubor_station *s, rubor_spool_place place, rubor_pending_items *list)
{
    if (list->next < list->count)
        return;
    free(list->ids);
    list->next = 0;
    if (rubor_spool_list(s->spool, place, &list->ids, &list->count, NULL) != RUBOR_OK)
        list->count = 0;
}

static void load_spool(rubor_station *s)
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
    if (now >= s->refused_look_ms) {
        s->refused_look_ms = now + REFUSED_LOOK_MS;
        list_again(s, RUBOR_SPOOL_REFUSED, &s->refused);
    }
    take_up(s, RUBOR_SPOOL_REFUSED, &s->refused);
}

static void tell_presence(rubor_station *s)
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

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static rubor_status open_station(rubor_station *s, const station_arguments *given, const char *folder,
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
        status = rubor_watch_open(&s->watch, folder, rubor_station_look, s, error);
    if (status == RUBOR_OK)
        status = rubor_spool_open(&s->spool, given->spool, error);
    if (status == RUBOR_OK)
        status = rubor_spool_lock(s->spool, error);
    if (status == RUBOR_OK)
        status = rubor_client_create(&s->courier.client, &client, error);
    if (status == RUBOR_OK)
        rubor_station_remember(s);
    return status;
}

static void close_station(rubor_station *s)
{
    rubor_courier_finish(&s->courier);
    while (s->moving)
        remove_moving(s->moving);
    free(s->queue.ids);
    free(s->waiting.ids);
    free(s->refused.ids);
    rubor_client_destroy(&s->courier.client);
    rubor_spool_close(&s->spool);
    rubor_watch_close(&s->watch);
    rubor_file_pattern_destroy(&s->pattern);
    rubor_hash_set_finish(&s->told);
    rubor_hash_set_finish(&s->done);
}

static rubor_status work(rubor_station *s, rubor_error *error)
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
    rubor_station *s = calloc(1, sizeof *s);
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
