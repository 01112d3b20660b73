#include "clients/mdp_client.h"

#include "clients/client_keys.h"
#include "clients/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum { ENDPOINT_SIZE = 512, BUSY_WAIT_MS = 60 * 1000, BUSY_STEP_MS = 200 };

struct rubor_client {
    void *context, *socket;
    bool own_context;
    char endpoint[ENDPOINT_SIZE];
    uint64_t session,
        next; /* ids are "<session>-<number>" so that an earlier process's replies are told apart */
};

int rubor_client_wait_ms(rubor_client_wait_kind kind)
{
    const char *given = getenv("RUBOR_TIMEOUT");
    double seconds = given ? strtod(given, NULL) : 0;
    if (!(seconds >= 0.1 && seconds <= 600))
        seconds = 3;
    double thirds = kind == RUBOR_CLIENT_CONNECT ? 3 : kind == RUBOR_CLIENT_SILENCE ? 5 : 10;
    return (int)(seconds * 1000 * thirds / 3);
}

static const char *environment_or(const char *given, const char *variable, const char *otherwise)
{
    if (given)
        return given;
    const char *value = getenv(variable);
    return value && *value ? value : otherwise;
}

static bool set_integer(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static rubor_status open_socket(rubor_client *client, const char *keys, int connect_ms, rubor_error *error)
{
    client->socket = zmq_socket(client->context, ZMQ_DEALER);
    /* IMMEDIATE: a request waits here, where it can time out, and not in a queue towards nobody. */
    bool good = client->socket && set_integer(client->socket, ZMQ_LINGER, 1000) &&
                set_integer(client->socket, ZMQ_IMMEDIATE, 1) &&
                set_integer(client->socket, ZMQ_RECONNECT_IVL, 50) &&
                set_integer(client->socket, ZMQ_RECONNECT_IVL_MAX, 1000) &&
                set_integer(client->socket, ZMQ_HEARTBEAT_IVL, 2000) &&
                set_integer(client->socket, ZMQ_HEARTBEAT_TIMEOUT, 6000) &&
                set_integer(client->socket, ZMQ_SNDHWM, 64) &&
                set_integer(client->socket, ZMQ_SNDTIMEO,
                            connect_ms ? connect_ms : rubor_client_wait_ms(RUBOR_CLIENT_CONNECT));
    int64_t most = RUBOR_WIRE_REPLY_BYTES;
    good = good && zmq_setsockopt(client->socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
    if (!good)
        return rubor_error_set(error, RUBOR_INTERNAL, "the client socket cannot be made: %s",
                               zmq_strerror(zmq_errno()));
    if (keys) {
        rubor_status status = rubor_client_keys_apply(client->socket, keys, error);
        if (status != RUBOR_OK)
            return status;
    }
    if (zmq_connect(client->socket, client->endpoint) != 0)
        return rubor_error_set(error, RUBOR_INVALID,
                               "endpoint %.200s: %s; give one like " RUBOR_ENDPOINT_DEFAULT, client->endpoint,
                               zmq_strerror(zmq_errno()));
    return RUBOR_OK;
}

rubor_status rubor_client_create(rubor_client **out, const rubor_client_options *options, rubor_error *error)
{
    *out = NULL;
    rubor_client *client = calloc(1, sizeof *client);
    if (!client)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    const char *endpoint = environment_or(options->endpoint, "RUBOR_ENDPOINT", RUBOR_ENDPOINT_DEFAULT);
    int length = snprintf(client->endpoint, sizeof client->endpoint, "%s", endpoint);
    rubor_status status = RUBOR_OK;
    if (length >= ENDPOINT_SIZE)
        status =
            rubor_error_set(error, RUBOR_INVALID, "the endpoint is longer than %d bytes", ENDPOINT_SIZE - 1);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    client->session = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    client->own_context = options->context == NULL;
    client->context = options->context ? options->context : zmq_ctx_new();
    if (status == RUBOR_OK && !client->context)
        status = rubor_error_set(error, RUBOR_INTERNAL, "no ZeroMQ context: %s", zmq_strerror(zmq_errno()));
    if (status == RUBOR_OK)
        status = open_socket(client, environment_or(options->keys, "RUBOR_KEYS", NULL), options->connect_ms,
                             error);
    if (status != RUBOR_OK)
        rubor_client_destroy(&client);
    *out = client;
    return status;
}

void rubor_client_destroy(rubor_client **client)
{
    if (!client || !*client)
        return;
    if ((*client)->socket)
        zmq_close((*client)->socket);
    if ((*client)->own_context && (*client)->context)
        zmq_ctx_term((*client)->context);
    free(*client);
    *client = NULL;
}

const char *rubor_client_endpoint(const rubor_client *client)
{
    return client->endpoint;
}

void rubor_client_wait(rubor_client *client, int fd, int timeout_ms)
{
    zmq_pollitem_t items[] = {{client->socket, 0, ZMQ_POLLIN, 0}, {NULL, fd, ZMQ_POLLIN, 0}};
    zmq_poll(items, fd >= 0 ? 2 : 1, timeout_ms);
}

/* ---- sending ---- */

static void request_id(rubor_request_id *out, const rubor_client *client, uint64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%llx-%llu", (unsigned long long)client->session, (unsigned long long)number);
    rubor_request_id_text(out, text);
}

static bool send_frame(void *socket, const void *data, size_t size, bool more)
{
    int sent;
    do {
        sent = zmq_send(socket, data, size, more ? ZMQ_SNDMORE : 0);
    } while (sent < 0 && zmq_errno() == EINTR);
    return sent >= 0;
}

static rubor_status send_message(rubor_client *client, const rubor_request *request,
                                 const rubor_bytes *attachments, size_t attachment_count, rubor_error *error)
{
    static const uint8_t command = RUBOR_MDPC_REQUEST;
    const char *service = rubor_verb_service(request->verb);
    rubor_buffer body = {0};
    rubor_status status = rubor_request_pack(&body, request, error);
    if (status != RUBOR_OK)
        return status;
    bool good = send_frame(client->socket, RUBOR_MDP_CLIENT, strlen(RUBOR_MDP_CLIENT), true) &&
                send_frame(client->socket, &command, 1, true) &&
                send_frame(client->socket, service, strlen(service), true) &&
                send_frame(client->socket, body.data, body.size, attachment_count > 0);
    for (size_t i = 0; good && i < attachment_count; i++)
        good = send_frame(client->socket, attachments[i].data, attachments[i].size, i + 1 < attachment_count);
    if (!good)
        status = rubor_error_set(
            error, RUBOR_UNREACHABLE,
            "no broker answers at %.200s; start one with `rubor up`, name it with --endpoint, or give --keys if it wants keys",
            client->endpoint);
    rubor_buffer_finish(&body);
    return status;
}

rubor_status rubor_client_send(rubor_client *client, uint64_t *id, rubor_request *request,
                               const rubor_bytes *attachments, size_t attachment_count, rubor_error *error)
{
    *id = ++client->next;
    request_id(&request->request, client, *id);
    return send_message(client, request, attachments, attachment_count, error);
}

/* ---- receiving ---- */

void rubor_client_reply_finish(rubor_client_reply *reply)
{
    if (!reply)
        return;
    rubor_reply_finish(&reply->body);
    for (size_t i = 0; i < reply->attachment_count; i++)
        rubor_buffer_finish(&reply->attachments[i]);
    memset(reply, 0, sizeof *reply);
}

typedef struct frames {
    size_t count;
    bool too_many;
    zmq_msg_t frame[RUBOR_WIRE_FRAMES];
} frames;

static void frames_finish(frames *message)
{
    for (size_t i = 0; i < message->count; i++)
        zmq_msg_close(&message->frame[i]);
    message->count = 0;
}

/* All frames of the next message; those beyond the limit are dropped and the message marked. */
static bool receive_frames(void *socket, frames *message)
{
    memset(message, 0, sizeof *message);
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int got;
        do {
            got = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
        } while (got < 0 && zmq_errno() == EINTR);
        if (got < 0) {
            zmq_msg_close(&frame);
            return message->count > 0;
        }
        more = zmq_msg_more(&frame) != 0;
        if (message->count < RUBOR_WIRE_FRAMES) {
            message->frame[message->count++] = frame;
        } else {
            message->too_many = true;
            zmq_msg_close(&frame);
        }
    }
    return true;
}

static rubor_bytes frame_bytes(frames *message, size_t i)
{
    return (rubor_bytes){zmq_msg_data(&message->frame[i]), zmq_msg_size(&message->frame[i])};
}

static bool frame_is(frames *message, size_t i, const void *data, size_t size)
{
    rubor_bytes bytes = frame_bytes(message, i);
    return bytes.size == size && memcmp(bytes.data, data, size) == 0;
}

/* The number of the request that a reply echoes, 0 for one that this client never sent. */
static uint64_t find_number(const rubor_client *client, const rubor_request_id *echoed)
{
    char text[sizeof echoed->packed + 1] = {0};
    memcpy(text, echoed->packed, echoed->size <= sizeof echoed->packed ? echoed->size : 0);
    const char *dash = strrchr(text, '-');
    if (!dash)
        return 0;
    unsigned long long number = strtoull(dash + 1, NULL, 10);
    rubor_request_id expected;
    request_id(&expected, client, number);
    return number <= client->next && rubor_request_id_equal(&expected, echoed) ? number : 0;
}

static bool copy_attachments(rubor_client_reply *out, frames *message, size_t first)
{
    for (size_t i = first; i < message->count; i++) {
        rubor_bytes bytes = frame_bytes(message, i);
        rubor_buffer *copy = &out->attachments[out->attachment_count];
        copy->data = malloc(bytes.size ? bytes.size : 1);
        if (!copy->data)
            return false;
        if (bytes.size)
            memcpy(copy->data, bytes.data, bytes.size);
        copy->size = bytes.size;
        out->attachment_count++;
    }
    return true;
}

/* RFC 18: "MDPC02", command, service, then the body. */
static bool read_message(const rubor_client *client, rubor_client_reply *out, frames *message)
{
    const uint8_t partial = RUBOR_MDPC_PARTIAL, final = RUBOR_MDPC_FINAL;
    if (message->too_many || message->count < 4 ||
        !frame_is(message, 0, RUBOR_MDP_CLIENT, strlen(RUBOR_MDP_CLIENT)))
        return false;
    out->final = frame_is(message, 1, &final, 1);
    if (!out->final && !frame_is(message, 1, &partial, 1))
        return false;
    if (rubor_reply_unpack(&out->body, frame_bytes(message, 3), NULL) != RUBOR_OK)
        return false;
    out->id = find_number(client, &out->body.request);
    return out->id != 0 && copy_attachments(out, message, 4);
}

rubor_status rubor_client_receive(rubor_client *client, rubor_client_reply *out, int timeout_ms,
                                  rubor_error *error)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : rubor_clock_ms() + timeout_ms;
    memset(out, 0, sizeof *out);
    for (;;) {
        frames message;
        while (receive_frames(client->socket, &message)) {
            bool ours = read_message(client, out, &message);
            frames_finish(&message);
            if (ours)
                return RUBOR_OK;
            rubor_client_reply_finish(out);
        }
        int64_t left = end - rubor_clock_ms();
        if (timeout_ms >= 0 && left <= 0)
            return rubor_error_set(error, RUBOR_TIMEOUT, "the broker at %.200s does not answer",
                                   client->endpoint);
        zmq_pollitem_t item = {client->socket, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, timeout_ms < 0 ? -1 : (long)left) < 0 && zmq_errno() == EINTR)
            return rubor_error_set(error, RUBOR_CANCELED, "interrupted while waiting for the broker");
    }
}

/* ---- one request, one answer ---- */

static void pause_ms(int64_t milliseconds)
{
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static rubor_status await_final(rubor_client *client, rubor_client_reply *out, uint64_t id, int silence_ms,
                                rubor_error *error)
{
    int64_t end = rubor_clock_ms() + silence_ms;
    for (;;) {
        int64_t left = end - rubor_clock_ms();
        rubor_status status = rubor_client_receive(client, out, left > 0 ? (int)left : 0, error);
        if (status != RUBOR_OK)
            return status;
        if (out->id == id && out->final)
            return RUBOR_OK;
        if (out->id == id)
            end = rubor_clock_ms() + silence_ms;
        rubor_client_reply_finish(out);
    }
}

static rubor_status call_once(rubor_client *client, rubor_client_reply *out, rubor_request *request,
                              const rubor_bytes *attachments, size_t attachment_count, int silence_ms,
                              rubor_error *error)
{
    rubor_status status = RUBOR_TIMEOUT;
    for (int attempt = 0; attempt < RUBOR_CLIENT_ATTEMPTS && status == RUBOR_TIMEOUT; attempt++) {
        uint64_t id;
        status = rubor_client_send(client, &id, request, attachments, attachment_count, error);
        if (status == RUBOR_OK)
            status = await_final(client, out, id, silence_ms, error);
    }
    return status == RUBOR_TIMEOUT
               ? rubor_error_set(error, RUBOR_UNREACHABLE,
                                 "the broker at %.200s took the request and does not answer",
                                 client->endpoint)
               : status;
}

rubor_status rubor_client_call(rubor_client *client, rubor_client_reply *out, rubor_request *request,
                               const rubor_bytes *attachments, size_t attachment_count, int silence_ms,
                               rubor_error *error)
{
    int64_t give_up = rubor_clock_ms() + BUSY_WAIT_MS;
    memset(out, 0, sizeof *out);
    for (;;) {
        rubor_status status =
            call_once(client, out, request, attachments, attachment_count,
                      silence_ms ? silence_ms : rubor_client_wait_ms(RUBOR_CLIENT_SILENCE), error);
        if (status != RUBOR_OK)
            return status;
        if (out->body.status != RUBOR_BUSY || rubor_clock_ms() >= give_up)
            break;
        int64_t wait = out->body.retry_after_ms;
        rubor_client_reply_finish(out);
        pause_ms(wait < BUSY_STEP_MS ? BUSY_STEP_MS : wait > 5000 ? 5000 : wait);
    }
    if (out->body.status != RUBOR_OK)
        return rubor_error_set(error, out->body.status, "%s",
                               *out->body.error ? out->body.error : rubor_status_text(out->body.status));
    return RUBOR_OK;
}
