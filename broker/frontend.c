/* Messages from and to clients. Whatever a peer sends ends in an answer or a count, never in an assert. */
#include "broker/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void rubor_broker_peer(rubor_broker *broker, rubor_peer *out, void *socket, const rubor_frames *frames)
{
    memset(out, 0, sizeof *out);
    rubor_bytes id = rubor_frame(frames, 0);
    out->socket = socket;
    out->size = id.size < sizeof out->routing_id ? id.size : sizeof out->routing_id;
    if (out->size)
        memcpy(out->routing_id, id.data, out->size);
    bool curve = broker->zap && socket != broker->local &&
                 !(socket == broker->workers && strncmp(broker->worker_endpoint, "ipc://", 6) == 0);
    if (!curve) {
        out->role = socket == broker->workers ? RUBOR_ROLE_WORKER : RUBOR_ROLE_ADMIN;
        snprintf(out->who, sizeof out->who, "local");
        return;
    }
    /* libzmq 4.3.4 issue 4317: the property is not on the routing-id frame */
    const char *user =
        frames->count > 1 ? zmq_msg_gets(&((rubor_frames *)(uintptr_t)frames)->frame[1], "User-Id") : NULL;
    out->role = rubor_zap_role(broker->zap, user, out->who);
}

/* ---- sending ---- */

static uint8_t peer_hash(const rubor_frames *frames)
{
    rubor_bytes id = rubor_frame(frames, 0);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ id.data[i]) * 16777619u;
    return (uint8_t)(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

static void keep_unsent(rubor_broker *broker, void *socket, rubor_frames *frames)
{
    size_t bytes = 0;
    uint8_t hash = peer_hash(frames);
    for (size_t i = 0; i < frames->count; i++)
        bytes += rubor_frame(frames, i).size;
    rubor_unsent *unsent = NULL;
    if (broker->unsent_count < RUBOR_UNSENT_MOST && broker->unsent_bytes + bytes <= RUBOR_UNSENT_BYTES_MOST)
        unsent = malloc(sizeof *unsent);
    if (!unsent) {
        broker->dropped_replies++;
        rubor_frames_finish(frames);
        return;
    }
    unsent->frames.count = frames->count;
    for (size_t i = 0; i < frames->count; i++) {
        zmq_msg_init(&unsent->frames.frame[i]);
        zmq_msg_move(&unsent->frames.frame[i], &frames->frame[i]);
    }
    rubor_frames_finish(frames);
    unsent->socket = socket;
    unsent->bytes = bytes;
    unsent->since_ms = rubor_broker_now_ms();
    unsent->hash = hash;
    unsent->next = NULL;
    broker->unsent_to[hash]++;
    *broker->unsent_end = unsent;
    broker->unsent_end = &unsent->next;
    broker->unsent_count++;
    broker->unsent_bytes += bytes;
}

/* A later message must not overtake one that waits for the same peer (by hash: a collision only waits, too).
 */
static bool must_wait(const rubor_broker *broker, const rubor_frames *frames)
{
    return broker->unsent_to[peer_hash(frames)] > 0;
}

static void send_or_keep(rubor_broker *broker, void *socket, rubor_frames *frames)
{
    int code = must_wait(broker, frames) ? EAGAIN : rubor_frames_send(frames, socket);
    if (code == EAGAIN && frames->count)
        keep_unsent(broker, socket, frames);
    else if (code)
        broker->dropped_replies++;
}

/* Tries what slow readers did not take; gives up on one after a minute. */
void rubor_broker_flush(rubor_broker *broker)
{
    int64_t now = broker->unsent ? rubor_broker_now_ms() : 0;
    bool blocked[256] = {false};
    for (rubor_unsent **at = &broker->unsent; *at;) {
        rubor_unsent *unsent = *at;
        uint8_t hash = unsent->hash;
        int code = blocked[hash] ? EAGAIN : rubor_frames_send(&unsent->frames, unsent->socket);
        if (code == EAGAIN && unsent->frames.count && now - unsent->since_ms < 60 * 1000) {
            blocked[hash] = true;
            at = &unsent->next;
            continue;
        }
        broker->dropped_replies += code != 0;
        rubor_frames_finish(&unsent->frames);
        *at = unsent->next;
        if (broker->unsent_end == &unsent->next)
            broker->unsent_end = at;
        broker->unsent_to[hash]--;
        broker->unsent_count--;
        broker->unsent_bytes -= unsent->bytes;
        free(unsent);
    }
}

static bool start_message(rubor_frames *frames, const rubor_peer *peer, uint8_t command, const char *service)
{
    frames->count = 0;
    return rubor_frames_add(frames, peer->routing_id, peer->size) &&
           (!peer->delimiter || rubor_frames_add(frames, "", 0)) &&
           rubor_frames_add(frames, RUBOR_MDP_CLIENT, strlen(RUBOR_MDP_CLIENT)) &&
           rubor_frames_add(frames, &command, 1) && rubor_frames_add(frames, service, strlen(service));
}

void rubor_broker_reply(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb, bool final,
                        const rubor_reply *reply, rubor_buffer *attachment)
{
    rubor_buffer body;
    rubor_error error = {0};
    rubor_frames frames;
    rubor_status status = rubor_reply_pack(&body, reply, &error);
    bool built = !status && start_message(&frames, peer, final ? RUBOR_MDPC_FINAL : RUBOR_MDPC_PARTIAL,
                                          rubor_verb_service(verb));
    if (!built) {
        free(body.data);
    } else {
        built = rubor_frames_add_buffer(&frames, &body);
        if (built && attachment && attachment->data)
            built = rubor_frames_add_buffer(&frames, attachment);
        if (built)
            send_or_keep(broker, peer->socket, &frames);
        else
            rubor_frames_finish(&frames);
    }
    broker->dropped_replies += !built;
}

void rubor_broker_refuse(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb,
                         const rubor_request_id *request, const rubor_error *error, int64_t retry_after_ms)
{
    rubor_reply *reply = malloc(sizeof *reply);
    if (!reply)
        return;
    rubor_reply_init(reply, request);
    reply->status = error->status;
    snprintf(reply->error, sizeof reply->error, "%s", error->message);
    reply->retry_after_ms = retry_after_ms;
    rubor_broker_reply(broker, peer, verb, true, reply, NULL);
    rubor_reply_finish(reply);
    free(reply);
}

/* ---- waiting ---- */

static rubor_waiter **bucket_of(rubor_broker *broker, const char *job)
{
    uint32_t hash = 2166136261u;
    for (; *job; job++)
        hash = (hash ^ (unsigned char)*job) * 16777619u;
    return &broker->waiters[hash % RUBOR_WAITER_BUCKETS];
}

rubor_waiter *rubor_broker_wait_for(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb,
                                    const rubor_request_id *request, const char *job, int64_t until_ms)
{
    rubor_waiter *waiter = broker->waiter_count < RUBOR_WAITERS_MOST ? calloc(1, sizeof *waiter) : NULL;
    if (!waiter) {
        rubor_error error = {0};
        rubor_error_set(&error, RUBOR_BUSY, "too many clients wait; the job goes on, ask later with rubor result %s",
                        job);
        rubor_broker_refuse(broker, peer, verb, request, &error, 5000);
        return NULL;
    }
    waiter->peer = *peer;
    waiter->verb = verb;
    waiter->request = *request;
    waiter->until_ms = until_ms;
    snprintf(waiter->job, sizeof waiter->job, "%s", job);
    rubor_waiter **bucket = bucket_of(broker, job);
    waiter->next = *bucket;
    *bucket = waiter;
    broker->waiter_count++;
    return waiter;
}

static void tell(rubor_broker *broker, const rubor_waiter *waiter, bool final, const rubor_job_info *info,
                 const rubor_error *error)
{
    if (!info) {
        rubor_broker_refuse(broker, &waiter->peer, waiter->verb, &waiter->request, error, 0);
        return;
    }
    rubor_reply *reply = malloc(sizeof *reply);
    if (!reply)
        return;
    rubor_reply_init(reply, &waiter->request);
    reply->has_job = true;
    reply->job = *info; /* borrowed: the record is not finished here */
    reply->job.duplicate = waiter->duplicate;
    if (waiter->verb != RUBOR_VERB_RESULT && final && info->status) {
        reply->status = info->status;
        snprintf(reply->error, sizeof reply->error, "%s", info->error);
    }
    rubor_broker_reply(broker, &waiter->peer, waiter->verb, final, reply, NULL);
    free(reply);
}

static bool is_over(const rubor_job_info *info)
{
    return strcmp(info->state, "queued") != 0 && strcmp(info->state, "running") != 0;
}

void rubor_broker_notify(rubor_broker *broker, const char *job)
{
    rubor_job_info info = {0};
    rubor_error error = {0};
    bool loaded = false, found = false;
    for (rubor_waiter **at = bucket_of(broker, job); *at;) {
        rubor_waiter *waiter = *at;
        if (strcmp(waiter->job, job) != 0) {
            at = &waiter->next;
            continue;
        }
        if (!loaded) {
            found = rubor_store_job(broker->store, job, true, &info, &error) == RUBOR_OK;
            loaded = true;
            if (found && !is_over(&info)) {
                rubor_job_info_finish(&info);
                return;
            }
        }
        tell(broker, waiter, true, found ? &info : NULL, &error);
        *at = waiter->next;
        free(waiter);
        broker->waiter_count--;
    }
    if (found)
        rubor_job_info_finish(&info);
}

void rubor_broker_notify_progress(rubor_broker *broker, const char *job, int attempt)
{
    rubor_job_info info = {0};
    rubor_error error = {0};
    bool loaded = false;
    for (rubor_waiter *waiter = *bucket_of(broker, job); waiter; waiter = waiter->next) {
        if (strcmp(waiter->job, job) != 0)
            continue;
        if (!loaded && rubor_store_job(broker->store, job, false, &info, &error) != RUBOR_OK)
            return;
        loaded = true;
        snprintf(info.state, sizeof info.state, "running");
        info.attempts = attempt;
        tell(broker, waiter, false, &info, NULL);
    }
}

void rubor_broker_expire_waiters(rubor_broker *broker, int64_t now_ms)
{
    for (int i = 0; broker->waiter_count && i < RUBOR_WAITER_BUCKETS; i++)
        for (rubor_waiter **at = &broker->waiters[i]; *at;) {
            rubor_waiter *waiter = *at;
            if (!waiter->until_ms || waiter->until_ms > now_ms) {
                at = &waiter->next;
                continue;
            }
            rubor_job_info info = {0};
            rubor_error error = {0};
            bool found = rubor_store_job(broker->store, waiter->job, true, &info, &error) == RUBOR_OK;
            if (found)
                rubor_broker_true_state(broker, &info);
            tell(broker, waiter, true, found ? &info : NULL, &error);
            rubor_job_info_finish(&info);
            *at = waiter->next;
            free(waiter);
            broker->waiter_count--;
        }
}

/* ---- receiving ---- */

static void answer_mmi(rubor_broker *broker, const rubor_peer *peer, const rubor_frames *frames, size_t at)
{
    rubor_frames out;
    rubor_bytes service = rubor_frame(frames, at), name = rubor_frame(frames, at + 1);
    const char *code = "501";
    char called[64];
    snprintf(called, sizeof called, "%.*s", (int)(service.size < 63 ? service.size : 63),
             (const char *)service.data);
    if (rubor_frame_is(frames, at, RUBOR_MMI_SERVICE, strlen(RUBOR_MMI_SERVICE))) {
        rubor_verb verb = rubor_verb_from_service((const char *)name.data, name.size);
        bool needs_worker =
            verb == RUBOR_VERB_ANALYZE || verb == RUBOR_VERB_COMPARE || verb == RUBOR_VERB_SERIES;
        code = verb == RUBOR_VERB_NONE || (needs_worker && broker->worker_count == 0) ? "404" : "200";
    }
    if (start_message(&out, peer, RUBOR_MDPC_FINAL, called) && rubor_frames_add(&out, code, 3))
        send_or_keep(broker, peer->socket, &out);
    else
        rubor_frames_finish(&out);
}

/* wait_ms: the peer has had more than its share; it is told to come back. */
static void handle_request(rubor_broker *broker, const rubor_peer *peer, rubor_frames *frames, size_t at,
                           int64_t wait_ms)
{
    rubor_error error = {0};
    rubor_bytes service = rubor_frame(frames, at);
    rubor_verb verb = rubor_verb_from_service((const char *)service.data, service.size);
    rubor_request *request = malloc(sizeof *request);
    if (!request)
        return;
    rubor_status status = rubor_request_unpack(request, verb, rubor_frame(frames, at + 1), &error);
    if (verb == RUBOR_VERB_NONE)
        status = rubor_error_set(&error, RUBOR_NOT_FOUND, "there is no such service");
    else if (!rubor_verb_allowed(verb, peer->role)) /* after reading, so that it carries the request id */
        status = rubor_verb_refuse(verb, peer->role, NULL, 0, &error);
    if (!status && wait_ms)
        status = rubor_error_set(&error, RUBOR_BUSY, "others are waiting: ask again in %lld ms", (long long)wait_ms);
    if (status) {
        broker->refused++;
        broker->malformed += status == RUBOR_PROTOCOL || status == RUBOR_TOO_LARGE;
        rubor_broker_refuse(broker, peer, verb, &request->request, &error, status == RUBOR_BUSY ? wait_ms : 0);
    } else {
        rubor_broker_serve(broker, peer, request, frames, at + 2);
    }
    free(request);
}

/* By the key; without keys by the connection. */
static uint64_t rate_peer(const rubor_broker *broker, const rubor_peer *peer)
{
    return broker->zap && peer->socket != broker->local ? rubor_rate_peer(peer->who, strlen(peer->who))
                                                        : rubor_rate_peer(peer->routing_id, peer->size);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void rubor_broker_client_message(rubor_broker *broker, void *socket, rubor_frames *frames, bool whole)
{
    rubor_peer peer;
    rubor_broker_peer(broker, &peer, socket, frames);
    size_t at = 1;
    if (frames->count > 1 && rubor_frame(frames, 1).size == 0) {
        peer.delimiter = true;
        at = 2;
    }
    static const uint8_t request = RUBOR_MDPC_REQUEST;
    if (!whole || frames->count < at + 4 ||
        !rubor_frame_is(frames, at, RUBOR_MDP_CLIENT, strlen(RUBOR_MDP_CLIENT)) ||
        !rubor_frame_is(frames, at + 1, &request, 1)) {
        broker->malformed++;
        return;
    }
    if (peer.role == RUBOR_ROLE_NONE || peer.role == RUBOR_ROLE_WORKER) {
        broker->refused++;
        return;
    }
    rubor_bytes service = rubor_frame(frames, at + 2);
    rubor_verb verb = rubor_verb_from_service((const char *)service.data, service.size);
    uint64_t rated = rate_peer(broker, &peer);
    int64_t wait_ms = rubor_rate_wait_ms(&broker->rate, rated, now_us());
    if (!wait_ms && verb != RUBOR_VERB_ANALYZE && verb != RUBOR_VERB_COMPARE)
        rubor_broker_settle(broker); /* no answer from what is not on the disk yet */
    int64_t began_us = now_us();
    if (service.size >= 4 && memcmp(service.data, "mmi.", 4) == 0)
        answer_mmi(broker, &peer, frames, at + 2);
    else
        handle_request(broker, &peer, frames, at + 2, wait_ms);
    if (!wait_ms)
        rubor_rate_charge(&broker->rate, rated, now_us() - began_us, now_us());
}
