/* Messages from and to workers: registration, heartbeats, handing out jobs, taking results. */
#include "broker/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t ready = RUBOR_MDPW_READY, request_command = RUBOR_MDPW_REQUEST,
                     partial = RUBOR_MDPW_PARTIAL, final = RUBOR_MDPW_FINAL, heartbeat = RUBOR_MDPW_HEARTBEAT,
                     disconnect = RUBOR_MDPW_DISCONNECT;

static bool start_message(rubor_frames *frames, const rubor_peer *peer, uint8_t command)
{
    frames->count = 0;
    return rubor_frames_add(frames, peer->routing_id, peer->size) &&
           rubor_frames_add(frames, RUBOR_MDP_WORKER, strlen(RUBOR_MDP_WORKER)) &&
           rubor_frames_add(frames, &command, 1);
}

/* False when the worker cannot be reached. */
static bool send_command(rubor_broker *broker, const rubor_peer *peer, uint8_t command)
{
    rubor_frames frames;
    if (!start_message(&frames, peer, command)) {
        rubor_frames_finish(&frames);
        return true;
    }
    int code = rubor_frames_send(&frames, broker->workers);
    rubor_frames_finish(&frames);
    return code != EHOSTUNREACH;
}

static rubor_worker *find_worker(rubor_broker *broker, const rubor_peer *peer)
{
    for (rubor_worker *w = broker->worker_list; w; w = w->next)
        if (w->peer.size == peer->size && memcmp(w->peer.routing_id, peer->routing_id, peer->size) == 0)
            return w;
    return NULL;
}

void rubor_broker_send_away(rubor_broker *broker, rubor_worker *worker, bool died, const char *why)
{
    send_command(broker, &worker->peer, disconnect);
    for (rubor_worker **at = &broker->worker_list; *at; at = &(*at)->next)
        if (*at == worker) {
            *at = worker->next;
            break;
        }
    broker->worker_count--;
    if (!broker->draining || died)
        rubor_broker_log(broker, died ? RUBOR_LOG_WARNING : RUBOR_LOG_INFO, "worker=%s left: %s job=%s",
                         worker->hello.id, why, worker->busy ? worker->lease.job.id : "-");
    broker->worker_deaths += died;
    rubor_queue_event event =
        rubor_queue_worker_gone(broker->queue, worker->name, !died, rubor_broker_now_ms());
    if (event.kind != RUBOR_EVENT_NONE)
        rubor_broker_event(broker, &event, "");
    free(worker);
}

/* The worker ends a job itself after hello.job_seconds; the margin is for moving photo and result. */
static int64_t longest_job_ms(const rubor_worker *worker)
{
    return (worker->hello.job_seconds + RUBOR_JOB_MARGIN_S) * 1000;
}

void rubor_broker_heartbeats(rubor_broker *broker, int64_t now_ms)
{
    int64_t interval = broker->options.heartbeat_ms;
    for (rubor_worker *w = broker->worker_list, *next; w; w = next) {
        next = w->next;
        if (w->busy && now_ms - w->handed_ms > longest_job_ms(w)) { /* its heartbeats prove nothing */
            rubor_broker_send_away(broker, w, true, "it keeps a job for longer than a job may take");
        } else if (w->bad || now_ms - w->seen_ms > interval * RUBOR_HEARTBEATS_MISSED) {
            rubor_broker_send_away(broker, w, true,
                                   w->bad ? "it cannot be reached" : "its heartbeats stopped");
        } else if (now_ms - w->sent_ms >= interval) {
            w->sent_ms = now_ms;
            w->bad = !send_command(broker, &w->peer, heartbeat);
        }
    }
}

/* ---- events ---- */

static rubor_errand *find_errand(rubor_broker *broker, const char *id)
{
    rubor_errand *errand = broker->errands;
    while (errand && strcmp(errand->id, id) != 0)
        errand = errand->next;
    return errand;
}

static void answer_series(rubor_broker *broker, const rubor_errand *errand, rubor_bytes body,
                          rubor_error *error)
{
    rubor_reply *answer = calloc(1, sizeof *answer), *asked = calloc(1, sizeof *asked);
    rubor_status status = answer && asked ? rubor_reply_unpack(answer, body, error) : RUBOR_NO_MEMORY;
    if (!status)
        status = rubor_reply_unpack(asked, (rubor_bytes){errand->body.data, errand->body.size}, error);
    if (!status && (!answer->series || answer->job_count != asked->job_count))
        status = rubor_error_set(error, RUBOR_PROTOCOL, "a worker's series does not fit what was asked");
    if (!status) {
        for (size_t i = 0; i < asked->job_count; i++)
            asked->jobs[i].in_curve = answer->jobs[i].in_curve;
        asked->request = errand->request;
        asked->series = answer->series;
        answer->series = NULL;
        asked->summary = answer->summary;
        rubor_broker_keep_summary(broker, errand, &answer->summary);
        rubor_broker_reply(broker, &errand->peer, RUBOR_VERB_SERIES, true, asked, NULL);
    } else {
        rubor_broker_refuse(broker, &errand->peer, RUBOR_VERB_SERIES, &errand->request, error, 0);
    }
    if (answer)
        rubor_reply_finish(answer);
    if (asked)
        rubor_reply_finish(asked);
    free(answer);
    free(asked);
}

static void answer_errand(rubor_broker *broker, const char *id, rubor_status status, const char *message,
                          rubor_bytes body)
{
    rubor_errand *errand = find_errand(broker, id);
    if (!errand)
        return;
    rubor_error error = {0};
    if (status) {
        rubor_error_set(&error, status, "%s", message[0] ? message : rubor_status_text(status));
        rubor_broker_refuse(broker, &errand->peer, RUBOR_VERB_SERIES, &errand->request, &error, 0);
    } else {
        answer_series(broker, errand, body, &error);
    }
    for (rubor_errand **at = &broker->errands; *at; at = &(*at)->next)
        if (*at == errand) {
            *at = errand->next;
            break;
        }
    broker->errand_count--;
    broker->errand_bytes -= errand->body.size;
    free(errand->body.data);
    free(errand);
}

static rubor_status fail_job(rubor_broker *broker, const rubor_queue_event *event, const char *message,
                             rubor_error *error)
{
    char text[RUBOR_ERROR_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%s%s%s", message, message[0] && event->reason[0] ? "; " : "", event->reason);
    const char *state = event->kind == RUBOR_EVENT_QUARANTINE ? "quarantined" : "failed";
    return rubor_store_mark(broker->store, event->job.id, state, event->job.attempts, event->job.deaths,
                            event->status, text, error);
}

void rubor_broker_event(rubor_broker *broker, const rubor_queue_event *event, const char *message)
{
    rubor_error error = {0};
    rubor_status status = RUBOR_OK;
    bool errand = event->job.id[0] == '~';
    if (event->kind != RUBOR_EVENT_NONE && event->kind != RUBOR_EVENT_LATE)
        rubor_broker_settle(broker); /* what comes is a transaction of its own, and is told */
    switch (event->kind) {
    case RUBOR_EVENT_RETRY:
        broker->retries++;
        rubor_broker_log(broker, RUBOR_LOG_WARNING,
                         "job=%s attempt=%d is tried again in_ms=%" PRId64 ": %s %s", event->job.id,
                         event->job.attempts, event->retry_ms, message, event->reason);
        if (!errand)
            status = rubor_store_mark(broker->store, event->job.id, "queued", event->job.attempts,
                                      event->job.deaths, RUBOR_OK, "", &error);
        break;
    case RUBOR_EVENT_FAILED:
    case RUBOR_EVENT_QUARANTINE:
        rubor_broker_log(broker, RUBOR_LOG_WARNING, "job=%s attempts=%d %s: %s %s", event->job.id,
                         event->job.attempts, event->kind == RUBOR_EVENT_FAILED ? "failed" : "is quarantined",
                         message, event->reason);
        if (errand) {
            answer_errand(broker, event->job.id, event->status, message[0] ? message : event->reason,
                          (rubor_bytes){0});
        } else {
            status = fail_job(broker, event, message, &error);
            rubor_broker_notify(broker, event->job.id);
        }
        break;
    case RUBOR_EVENT_LATE:
        broker->late_results++;
        rubor_broker_log(broker, RUBOR_LOG_WARNING, "job=%s: a result with an old lease is refused",
                         event->job.id);
        break;
    default:
        break;
    }
    if (status) /* the queue is right; the store catches up at the next change or the next start */
        rubor_broker_log(broker, RUBOR_LOG_ERROR, "job=%s: cannot be marked: %s", event->job.id,
                         error.message);
}

/* ---- handing out ---- */

static bool add_task(rubor_broker *broker, rubor_frames *frames, rubor_worker *worker, rubor_error *error)
{
    rubor_task task;
    rubor_buffer photo = {0}, baseline = {0};
    rubor_status status = rubor_store_task(broker->store, worker->lease.job.id, &task, error);
    if (status)
        return false;
    status = rubor_store_file_get(broker->store, RUBOR_STORE_PHOTO, task.digest, &photo, error);
    if (!status && task.baseline[0])
        status = rubor_store_file_get(broker->store, RUBOR_STORE_PHOTO, task.baseline, &baseline, error);
    snprintf(worker->digest, sizeof worker->digest, "%s", task.digest);
    snprintf(worker->baseline, sizeof worker->baseline, "%s", task.baseline);
    worker->baseline_filing = task.baseline_filing;
    const char *profile = task.profile_json ? task.profile_json : "";
    const char *baseline_profile = task.baseline_profile_json ? task.baseline_profile_json : "";
    bool built = !status && rubor_frames_add_buffer(frames, &task.parameters) &&
                 rubor_frames_add_buffer(frames, &photo);
    built = built &&
            (baseline.data ? rubor_frames_add_buffer(frames, &baseline) : rubor_frames_add(frames, "", 0));
    built = built && rubor_frames_add(frames, profile, strlen(profile)) &&
            rubor_frames_add(frames, baseline_profile, strlen(baseline_profile));
    free(photo.data);
    free(baseline.data);
    rubor_task_finish(&task);
    return built;
}

static bool add_errand(rubor_broker *broker, rubor_frames *frames, const rubor_worker *worker,
                       rubor_error *error)
{
    const rubor_errand *errand = find_errand(broker, worker->lease.job.id);
    if (!errand) {
        rubor_error_set(error, RUBOR_NOT_FOUND, "nobody asks for it any more");
        return false;
    }
    return rubor_frames_add(frames, errand->body.data, errand->body.size);
}

static bool build_request(rubor_broker *broker, rubor_frames *frames, rubor_worker *worker,
                          rubor_error *error)
{
    const rubor_queue_job *job = &worker->lease.job;
    bool errand = job->id[0] == '~';
    rubor_buffer packed;
    rubor_envelope *envelope = calloc(1, sizeof *envelope);
    if (!envelope)
        return false;
    snprintf(envelope->job, sizeof envelope->job, "%s", job->id);
    snprintf(envelope->kind, sizeof envelope->kind, "%s", errand ? "series" : "measure");
    snprintf(envelope->lease, sizeof envelope->lease, "%016" PRIx64, worker->lease.token);
    envelope->attempt = job->attempts;
    bool built = rubor_envelope_pack(&packed, envelope, error) == RUBOR_OK;
    free(envelope);
    return built && start_message(frames, &worker->peer, request_command) &&
           rubor_frames_add(frames, job->id, strlen(job->id)) && rubor_frames_add(frames, "", 0) &&
           rubor_frames_add_buffer(frames, &packed) &&
           (errand ? add_errand(broker, frames, worker, error) : add_task(broker, frames, worker, error));
}

/* False when the job could not be handed over; then it is back in the queue or has failed. */
static bool hand_out(rubor_broker *broker, rubor_worker *worker)
{
    rubor_frames frames = {0};
    rubor_error error = {0};
    const char *id = worker->lease.job.id;
    int64_t now = rubor_broker_now_ms();
    if (!build_request(broker, &frames, worker, &error)) {
        rubor_frames_finish(&frames);
        rubor_status status = error.status ? error.status : RUBOR_NO_MEMORY;
        rubor_queue_event event = rubor_queue_finish(broker->queue, id, worker->lease.token, status, now);
        rubor_broker_event(broker, &event, error.message);
        return false;
    }
    int code = rubor_frames_send(&frames, broker->workers);
    if (code) {
        rubor_frames_finish(&frames);
        rubor_queue_again(broker->queue, id, 0, now);
        worker->bad = true;
        return false;
    }
    worker->busy = true;
    worker->sent_ms = worker->handed_ms = now;
    if (id[0] != '~')
        rubor_broker_notify_progress(broker, id, worker->lease.job.attempts);
    return true;
}

void rubor_broker_dispatch(rubor_broker *broker)
{
    if (broker->draining)
        return;
    for (rubor_worker *w = broker->worker_list; w; w = w->next)
        while (!w->busy && !w->bad &&
               rubor_queue_claim(broker->queue, w->name, rubor_broker_now_ms(), &w->lease))
            hand_out(broker, w);
}

/* ---- results ---- */

static rubor_status keep_pictures(rubor_broker *broker, const rubor_envelope *envelope,
                                  const rubor_frames *frames, size_t first, rubor_outcome *outcome,
                                  rubor_error *error)
{
    if (frames->count != first + (size_t)envelope->picture_count)
        return rubor_error_set(error, RUBOR_PROTOCOL, "a worker's pictures do not fit its envelope");
    for (int i = 0; i < envelope->picture_count; i++) {
        rubor_bytes bytes = rubor_frame(frames, first + (size_t)i);
        rubor_picture_ref *picture = &outcome->pictures[outcome->picture_count];
        if (bytes.size == 0 || bytes.size > RUBOR_WIRE_PICTURE_BYTES)
            return rubor_error_set(error, RUBOR_PROTOCOL, "a worker's picture is empty or too large");
        rubor_digest(picture->digest, bytes);
        snprintf(picture->name, sizeof picture->name, "%s", envelope->pictures[i]);
        rubor_status status =
            rubor_store_file_put(broker->store, RUBOR_STORE_PICTURE, picture->digest, bytes, error);
        if (status)
            return status;
        outcome->picture_count++;
    }
    return RUBOR_OK;
}

static rubor_status keep_result(rubor_broker *broker, rubor_worker *worker, const rubor_envelope *envelope,
                                const rubor_frames *frames, size_t body, rubor_job_list *changed,
                                rubor_error *error)
{
    rubor_record *record = malloc(sizeof *record);
    if (!record)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_outcome outcome = {.status = RUBOR_OK,
                             .record = record,
                             .packed = rubor_frame(frames, body),
                             .baseline = worker->baseline,
                             .baseline_filing = worker->baseline_filing,
                             .attempts = worker->lease.job.attempts};
    rubor_status status = rubor_record_from_bytes(record, outcome.packed, error);
    if (!status && strcmp(record->photo.digest, worker->digest) != 0)
        status = rubor_error_set(error, RUBOR_CORRUPT, "the stored photo does not have its digest any more");
    if (!status && strcmp(record->rubor.algorithm, RUBOR_ALGORITHM) != 0)
        status = rubor_error_set(error, RUBOR_PROTOCOL, "the worker runs another algorithm than this broker");
    if (!status)
        status = keep_pictures(broker, envelope, frames, body + 1, &outcome, error);
    if (!status)
        status = rubor_store_finish(broker->store, worker->lease.job.id, &outcome, changed, error);
    for (int i = 0; status && i < outcome.picture_count; i++)
        rubor_store_file_release(broker->store, RUBOR_STORE_PICTURE, outcome.pictures[i].digest);
    free(record);
    return status;
}

/* Into the open group. What does not go smoothly is tried once more when the group is settled: what the store
 * says then is said of what is on the disk. */
static rubor_status keep_in_group(rubor_broker *broker, rubor_worker *worker, const rubor_envelope *envelope,
                                  const rubor_frames *frames, size_t body, rubor_job_list *changed,
                                  rubor_error *error)
{
    rubor_status status = rubor_broker_group_open(broker, error);
    if (!status)
        status = keep_result(broker, worker, envelope, frames, body, changed, error);
    if (status && broker->group.count > 0) {
        rubor_broker_settle(broker);
        status = rubor_broker_group_open(broker, error);
        if (!status)
            status = keep_result(broker, worker, envelope, frames, body, changed, error);
    }
    if (status)
        rubor_broker_settle(broker); /* empty */
    return status;
}

/* The queue accepted the lease; now the store decides. */
static void take_result(rubor_broker *broker, rubor_worker *worker, const rubor_envelope *envelope,
                        const rubor_frames *frames, size_t body)
{
    char id[RUBOR_JOB_SIZE];
    rubor_error error = {0};
    rubor_job_list changed = {0};
    int64_t now = rubor_broker_now_ms();
    snprintf(id, sizeof id, "%s", worker->lease.job.id);
    if (id[0] == '~') {
        rubor_queue_remove(broker->queue, id);
        answer_errand(broker, id, RUBOR_OK, "", rubor_frame(frames, body));
        return;
    }
    rubor_status status = keep_in_group(broker, worker, envelope, frames, body, &changed, &error);
    if (status == RUBOR_OK) {
        rubor_group_item *item = rubor_broker_group_next(broker);
        item->is_result = true;
        snprintf(item->job, sizeof item->job, "%s", id);
        item->took_ms = now - worker->handed_ms;
        item->changed = changed; /* taken over */
        int64_t bytes = 0;
        for (size_t i = body; i < frames->count; i++)
            bytes += (int64_t)rubor_frame(frames, i).size;
        rubor_broker_group_added(broker, bytes);
        return;
    }
    if (status == RUBOR_CONFLICT || status == RUBOR_NOT_FOUND) {
        broker->late_results++;
        rubor_queue_remove(broker->queue, id);
        rubor_broker_notify(broker, id);
    } else if (status == RUBOR_BUSY) {
        rubor_queue_again(broker->queue, id, 0, now);
    } else if (status == RUBOR_IO) {
        rubor_broker_log(broker, RUBOR_LOG_ERROR,
                         "job=%s: the result could not be stored and is measured again: %s", id,
                         error.message);
        rubor_queue_again(broker->queue, id, 2000, now);
    } else {
        rubor_queue_event event = rubor_queue_finish(broker->queue, id, worker->lease.token, status, now);
        rubor_broker_event(broker, &event, error.message);
    }
    rubor_job_list_finish(&changed);
}

static void handle_final(rubor_broker *broker, rubor_worker *worker, const rubor_frames *frames)
{
    enum {
        ENVELOPE = 5,
        BODY = 6
    }; /* routing id, header, command, address, empty, envelope, body, pictures */
    rubor_error error = {0};
    rubor_envelope *envelope = malloc(sizeof *envelope);
    if (!envelope || frames->count < ENVELOPE + 1 || rubor_frame(frames, 4).size != 0 ||
        rubor_envelope_unpack(envelope, rubor_frame(frames, ENVELOPE), &error) != RUBOR_OK) {
        broker->malformed++;
        free(envelope);
        rubor_broker_send_away(broker, worker, true, "it sent a malformed result");
        return;
    }
    uint64_t token = strtoull(envelope->lease, NULL, 16);
    bool its_own =
        worker->busy && strcmp(worker->lease.job.id, envelope->job) == 0 && worker->lease.token == token;
    if (its_own)
        worker->busy = false;
    rubor_status status = envelope->status;
    if (its_own && status == RUBOR_BUSY) { /* it computes something else; it registers when it is free */
        rubor_queue_again(broker->queue, envelope->job, 0, rubor_broker_now_ms());
        free(envelope);
        rubor_broker_send_away(broker, worker, false, "it is busy with another job");
        return;
    }
    if (status == RUBOR_OK && frames->count <= BODY)
        status = rubor_error_set(&error, RUBOR_PROTOCOL, "a worker's result is empty");
    rubor_queue_event event =
        rubor_queue_finish(broker->queue, envelope->job, its_own ? token : 0, status, rubor_broker_now_ms());
    if (event.kind == RUBOR_EVENT_STORE)
        take_result(broker, worker, envelope, frames, BODY);
    else
        rubor_broker_event(broker, &event, envelope->message[0] ? envelope->message : error.message);
    free(envelope);
}

/* ---- receiving ---- */

static void handle_ready(rubor_broker *broker, const rubor_peer *peer, const rubor_frames *frames)
{
    rubor_error error = {0};
    rubor_worker *worker = calloc(1, sizeof *worker);
    rubor_status status =
        worker ? rubor_worker_hello_unpack(&worker->hello, rubor_frame(frames, 4), &error) : RUBOR_NO_MEMORY;
    bool known = rubor_frame_is(frames, 3, RUBOR_WORKER_SERVICE, strlen(RUBOR_WORKER_SERVICE));
    if (status || !known || find_worker(broker, peer) || broker->worker_count >= RUBOR_WORKERS_MOST ||
        broker->draining || strcmp(worker->hello.algorithm, RUBOR_ALGORITHM) != 0) {
        broker->refused++;
        if (!status && strcmp(worker->hello.algorithm, RUBOR_ALGORITHM) != 0)
            rubor_broker_log(broker, RUBOR_LOG_WARNING,
                             "worker=%s is refused: it runs algorithm %s, this broker %s", worker->hello.id,
                             worker->hello.algorithm, RUBOR_ALGORITHM);
        send_command(broker, peer, disconnect);
        free(worker);
        return;
    }
    worker->peer = *peer;
    worker->seen_ms = rubor_broker_now_ms();
    worker->sent_ms = worker->seen_ms;
    snprintf(worker->name, sizeof worker->name, "w%lld", (long long)++broker->worker_serial);
    worker->next = broker->worker_list;
    broker->worker_list = worker;
    broker->worker_count++;
    send_command(broker, peer, heartbeat); /* so that the worker knows it is registered */
    rubor_broker_log(broker, RUBOR_LOG_INFO, "worker=%s host=%s registered", worker->hello.id,
                     worker->hello.host);
}

void rubor_broker_worker_message(rubor_broker *broker, rubor_frames *frames, bool whole)
{
    rubor_peer peer;
    rubor_broker_peer(broker, &peer, broker->workers, frames);
    rubor_worker *worker = find_worker(broker, &peer);
    if (peer.role != RUBOR_ROLE_WORKER && peer.role != RUBOR_ROLE_ADMIN) {
        broker->refused++;
        if (worker)
            rubor_broker_send_away(broker, worker, true, "its key is not on the list any more");
        return;
    }
    if (!whole || frames->count < 3 ||
        !rubor_frame_is(frames, 1, RUBOR_MDP_WORKER, strlen(RUBOR_MDP_WORKER))) {
        broker->malformed++;
        if (worker)
            rubor_broker_send_away(broker, worker, true, "it sent a malformed message");
        return;
    }
    if (worker) {
        worker->seen_ms = rubor_broker_now_ms();
        rubor_queue_renew(broker->queue, worker->name, worker->seen_ms);
    }
    if (rubor_frame_is(frames, 2, &ready, 1)) {
        handle_ready(broker, &peer, frames);
    } else if (rubor_frame_is(frames, 2, &disconnect, 1)) {
        if (worker)
            rubor_broker_send_away(broker, worker, false, "it said goodbye");
    } else if (!worker) {
        send_command(broker, &peer, disconnect); /* it registers again, on a new socket */
    } else if (rubor_frame_is(frames, 2, &final, 1)) {
        handle_final(broker, worker, frames);
    } else if (!rubor_frame_is(frames, 2, &heartbeat, 1) && !rubor_frame_is(frames, 2, &partial, 1)) {
        broker->malformed++;
        rubor_broker_send_away(broker, worker, true, "it sent an unknown command");
    }
}
