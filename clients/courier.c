#include "clients/courier.h"

#include "clients/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASK_WAIT_S = 5,  /* how long the broker holds such a question */
    AGAIN_MS = 1000, /* after a send that found nobody */
    BUSY_LEAST_MS = 200,
    BUSY_MOST_MS = 30 * 1000,
    BUSY_PATIENCE_MS = 60 * 1000
};

void rubor_parcel_expect(rubor_parcel *parcel, const char *job)
{
    snprintf(parcel->job, sizeof parcel->job, "%s", job);
    parcel->state = RUBOR_PARCEL_ACCEPTED;
}

void rubor_parcel_finish(rubor_parcel *parcel)
{
    if (parcel)
        rubor_job_info_finish(&parcel->info);
}

rubor_status rubor_courier_add(rubor_courier *courier, rubor_parcel *parcel, rubor_error *error)
{
    if (courier->count == courier->capacity) {
        size_t capacity = courier->capacity ? 2 * courier->capacity : 16;
        rubor_parcel **more = realloc(courier->parcels, capacity * sizeof *more);
        if (!more)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        courier->parcels = more;
        courier->capacity = capacity;
    }
    courier->parcels[courier->count++] = parcel;
    return RUBOR_OK;
}

void rubor_courier_finish(rubor_courier *courier)
{
    if (!courier)
        return;
    free(courier->parcels);
    courier->parcels = NULL;
    courier->count = courier->capacity = 0;
}

static void end_parcel(rubor_courier *courier, rubor_parcel *parcel, rubor_status status, const char *text)
{
    for (size_t i = 0; i < courier->count; i++) {
        if (courier->parcels[i] != parcel)
            continue;
        memmove(&courier->parcels[i], &courier->parcels[i + 1],
                (courier->count - i - 1) * sizeof(rubor_parcel *));
        courier->count--;
        break;
    }
    parcel->state = RUBOR_PARCEL_ENDED;
    parcel->status = status;
    snprintf(parcel->error, sizeof parcel->error, "%s", text);
    if (courier->ended)
        courier->ended(courier->context, parcel);
}

static void end_unreachable(rubor_courier *courier, rubor_parcel *parcel)
{
    char text[RUBOR_ERROR_MESSAGE_SIZE];
    snprintf(text, sizeof text,
             "no broker answers at %.200s; start one with `rubor up`, name it with --endpoint, or give --keys if it wants keys",
             rubor_client_endpoint(courier->client));
    end_parcel(courier, parcel, RUBOR_UNREACHABLE, text);
}

/* Nobody took one of them: waiting as long for each of the others would tell nothing new. */
static void end_all_unreachable(rubor_courier *courier)
{
    while (courier->count)
        end_unreachable(courier, courier->parcels[0]);
}

/* ---- sending ---- */

static rubor_status send_or_ask(rubor_courier *courier, rubor_parcel *parcel, rubor_error *error)
{
    if (parcel->here_ms) { /* at least 1: a clock that was set back makes it young, not unborn */
        int64_t waited_ms = rubor_clock_wall_ms() - parcel->here_ms;
        parcel->request.waited_ms = waited_ms > 1 ? waited_ms : 1;
    }
    if (parcel->state != RUBOR_PARCEL_ACCEPTED)
        return rubor_client_send(courier->client, &parcel->id, &parcel->request, &parcel->photo,
                                 parcel->ask_first ? 0 : 1, error);
    rubor_request *question = malloc(sizeof *question);
    if (!question)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_request_init(question, RUBOR_VERB_RESULT);
    memcpy(question->job, parcel->job, sizeof question->job);
    question->wait_s = ASK_WAIT_S;
    rubor_status status = rubor_client_send(courier->client, &parcel->id, question, NULL, 0, error);
    free(question);
    return status;
}

static void dispatch(rubor_courier *courier, rubor_parcel *parcel)
{
    rubor_error error = {0};
    int64_t now = rubor_clock_ms();
    if (courier->attempts && parcel->attempts >= courier->attempts) {
        end_unreachable(courier, parcel);
        return;
    }
    parcel->attempts++;
    if (parcel->state != RUBOR_PARCEL_ACCEPTED && !parcel->ask_first)
        parcel->sends++;
    rubor_status status = send_or_ask(courier, parcel, &error);
    if (status == RUBOR_UNREACHABLE) {
        courier->reached = false;
        courier->quiet_until_ms = rubor_clock_ms() + AGAIN_MS;
        parcel->due_ms = courier->quiet_until_ms;
        if (courier->attempts)
            end_all_unreachable(courier);
    } else if (status != RUBOR_OK) {
        end_parcel(courier, parcel, status, error.message);
    } else if (parcel->state == RUBOR_PARCEL_ACCEPTED) {
        parcel->due_ms = now + rubor_client_wait_ms(RUBOR_CLIENT_PHOTO);
    } else {
        parcel->state = RUBOR_PARCEL_SENT;
        parcel->due_ms = now + rubor_client_wait_ms(RUBOR_CLIENT_PHOTO);
    }
}

/* Sends what is due; the result is how long nothing else will be. */
static int64_t dispatch_due(rubor_courier *courier, int64_t most_ms)
{
    for (size_t i = 0; i < courier->count;) {
        rubor_parcel *parcel = courier->parcels[i];
        int64_t now = rubor_clock_ms();
        if (parcel->due_ms <= now && courier->quiet_until_ms <= now)
            dispatch(courier, parcel);
        if (i < courier->count && courier->parcels[i] == parcel)
            i++;
    }
    int64_t now = rubor_clock_ms(), wait = most_ms;
    for (size_t i = 0; i < courier->count; i++) {
        int64_t due = courier->parcels[i]->due_ms;
        due = due < courier->quiet_until_ms ? courier->quiet_until_ms : due;
        if (due - now < wait)
            wait = due > now ? due - now : 0;
    }
    return wait;
}

/* ---- receiving ---- */

static bool has_ended(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "quarantined") == 0 ||
           strcmp(state, "canceled") == 0;
}

static void note_acceptance(rubor_courier *courier, rubor_parcel *parcel, const rubor_job_info *info)
{
    if (parcel->state == RUBOR_PARCEL_ACCEPTED || !*info->job)
        return;
    memcpy(parcel->job, info->job, sizeof parcel->job);
    parcel->duplicate = info->duplicate;
    memcpy(parcel->also_filed, info->also_filed, sizeof parcel->also_filed);
    parcel->state = RUBOR_PARCEL_ACCEPTED;
    if (courier->accepted)
        courier->accepted(courier->context, parcel);
}

static void handle_job_end(rubor_courier *courier, rubor_parcel *parcel, rubor_reply *body)
{
    rubor_job_info_finish(&parcel->info);
    parcel->info = body->job; /* its record moves along */
    memset(&body->job, 0, sizeof body->job);
    body->has_job = false;
    rubor_status status = parcel->info.status != RUBOR_OK ? parcel->info.status : body->status;
    bool done = strcmp(parcel->info.state, "done") == 0 || !has_ended(parcel->info.state);
    if (status == RUBOR_OK && !done)
        status = strcmp(parcel->info.state, "canceled") == 0 ? RUBOR_CANCELED : RUBOR_CRASHED;
    const char *text = *parcel->info.error ? parcel->info.error : *body->error ? body->error : "";
    end_parcel(courier, parcel, status, status != RUBOR_OK && !*text ? rubor_status_text(status) : text);
}

static void handle_busy(rubor_courier *courier, rubor_parcel *parcel, const rubor_reply *body)
{
    int64_t now = rubor_clock_ms(), retry_after_ms = body->retry_after_ms;
    parcel->busy_since_ms = parcel->busy_since_ms ? parcel->busy_since_ms : now;
    if (courier->attempts && now - parcel->busy_since_ms > BUSY_PATIENCE_MS) {
        end_parcel(courier, parcel, RUBOR_BUSY,
                   *body->error ? body->error : "the broker is busy; try again later");
        return;
    }
    int64_t wait = retry_after_ms < BUSY_LEAST_MS  ? BUSY_LEAST_MS
                   : retry_after_ms > BUSY_MOST_MS ? BUSY_MOST_MS
                                                   : retry_after_ms;
    if (parcel->state == RUBOR_PARCEL_SENT)
        parcel->state = RUBOR_PARCEL_READY;
    parcel->attempts = 0; /* it is there, only busy */
    parcel->due_ms = now + wait;
}

/* The broker does not have the photo: now it travels. */
static void send_after_all(rubor_parcel *parcel)
{
    parcel->ask_first = false;
    parcel->request.digest[0] = '\0';
    parcel->state = RUBOR_PARCEL_READY;
    parcel->due_ms = rubor_clock_ms();
}

static void handle(rubor_courier *courier, rubor_client_reply *reply)
{
    rubor_parcel *parcel = NULL;
    for (size_t i = 0; i < courier->count && !parcel; i++)
        if (courier->parcels[i]->id == reply->id)
            parcel = courier->parcels[i];
    courier->reached = true;
    courier->heard_ms = rubor_clock_ms();
    if (!parcel)
        return;
    rubor_reply *body = &reply->body;
    parcel->attempts = 0;
    parcel->due_ms = rubor_clock_ms() + rubor_client_wait_ms(RUBOR_CLIENT_PHOTO);
    if (body->has_job)
        note_acceptance(courier, parcel, &body->job);
    if (!reply->final)
        return;
    if (body->status == RUBOR_BUSY && !body->has_job)
        handle_busy(courier, parcel, body);
    else if (body->status == RUBOR_NOT_FOUND && !body->has_job && parcel->ask_first && !parcel->only_ask)
        send_after_all(parcel);
    else if (body->has_job && (has_ended(body->job.state) || parcel->request.no_wait))
        handle_job_end(courier, parcel, body);
    else if (body->has_job)
        parcel->due_ms = rubor_clock_ms(); /* asked, and still queued or running: ask on */
    else
        end_parcel(courier, parcel, body->status != RUBOR_OK ? body->status : RUBOR_PROTOCOL, body->error);
}

void rubor_courier_step(rubor_courier *courier, int fd, int timeout_ms)
{
    rubor_client_reply *reply = malloc(sizeof *reply);
    if (!reply)
        return;
    int64_t wait = dispatch_due(courier, timeout_ms);
    bool handled = courier->count == 0 && fd < 0; /* nothing is awaited any more */
    for (int pass = 0; pass < 2 && !handled; pass++) {
        while (rubor_client_receive(courier->client, reply, 0, NULL) == RUBOR_OK) {
            handle(courier, reply);
            rubor_client_reply_finish(reply);
            handled = true;
        }
        if (pass == 0 && !handled)
            rubor_client_wait(courier->client, fd, (int)wait);
    }
    free(reply);
}
