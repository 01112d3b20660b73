#include "broker/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t rubor_broker_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rubor_broker_log(rubor_broker *broker, rubor_log_level level, const char *format, ...)
{
    if (!broker->options.log)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    broker->options.log(broker->options.log_context, level, line);
}

/* ---- sockets ---- */

static bool is_this_machine(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0 ||
           strncmp(endpoint, "tcp://127.", 10) == 0 || strncmp(endpoint, "tcp://[::1]:", 12) == 0 ||
           strncmp(endpoint, "tcp://localhost:", 16) == 0;
}

/* tcp port 0 means any free one; ZeroMQ writes that as *. */
static void any_port(char *out, size_t size, const char *endpoint)
{
    size_t length = strlen(endpoint);
    if (strncmp(endpoint, "tcp://", 6) == 0 && length > 2 && strcmp(endpoint + length - 2, ":0") == 0)
        snprintf(out, size, "%.*s:*", (int)length - 2, endpoint);
    else
        snprintf(out, size, "%s", endpoint);
}

static rubor_status open_router(rubor_broker *broker, void **out, const char *endpoint, bool curve,
                                char *bound, size_t bound_size, rubor_error *error)
{
    char address[256];
    if (strncmp(endpoint, "tcp://", 6) != 0 && strncmp(endpoint, "ipc://", 6) != 0)
        return rubor_error_set(error, RUBOR_INVALID, "%.200s: an endpoint is tcp://HOST:PORT or ipc://PATH",
                               endpoint);
    if (!curve && !is_this_machine(endpoint))
        return rubor_error_set(
            error, RUBOR_FORBIDDEN,
            "%.200s: is reachable from other machines; give --keys (rubor keygen makes them)", endpoint);
    bool is_for_workers = out == &broker->workers;
    /* A client's photos wait in its own socket rather than here. */
    int mandatory = 1, linger = 2000, high_water = 100, waiting = is_for_workers ? 100 : 16, ipv6 = 1,
        handshake_ms = 10000;
    int64_t largest = RUBOR_LIMIT_PHOTO_BYTES + 8 * 1024 * 1024;
    *out = zmq_socket(broker->context, ZMQ_ROUTER);
    if (!*out)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "ZeroMQ: %s", zmq_strerror(errno));
    zmq_setsockopt(*out, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof mandatory);
    zmq_setsockopt(*out, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(*out, ZMQ_SNDHWM, &high_water, sizeof high_water);
    zmq_setsockopt(*out, ZMQ_RCVHWM, &waiting, sizeof waiting);
    zmq_setsockopt(*out, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    zmq_setsockopt(*out, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof handshake_ms);
    if (strchr(endpoint, '['))
        zmq_setsockopt(*out, ZMQ_IPV6, &ipv6, sizeof ipv6);
    rubor_status status = curve ? rubor_zap_apply(broker->zap, *out, error) : RUBOR_OK;
    if (status)
        return status;
    any_port(address, sizeof address, endpoint);
    if (zmq_bind(*out, address) != 0)
        return rubor_error_set(error, errno == EINVAL || errno == ENODEV ? RUBOR_INVALID : RUBOR_CONFLICT,
                               "%.200s: cannot listen here: %s", endpoint, zmq_strerror(errno));
    if (bound && zmq_getsockopt(*out, ZMQ_LAST_ENDPOINT, bound, &bound_size) != 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "ZeroMQ: %s", zmq_strerror(errno));
    return RUBOR_OK;
}

static rubor_status open_sockets(rubor_broker *broker, rubor_error *error)
{
    const rubor_broker_options *o = &broker->options;
    broker->context = zmq_ctx_new();
    if (!broker->context)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "ZeroMQ: %s", zmq_strerror(errno));
    zmq_ctx_set(broker->context, ZMQ_MAX_SOCKETS, 16);
    rubor_status status = RUBOR_OK;
    if (o->keys)
        status = rubor_zap_create(&broker->zap, broker->context, o->keys, error);
    if (!status)
        status = open_router(broker, &broker->clients, o->endpoint, o->keys != NULL, broker->endpoint,
                             sizeof broker->endpoint, error);
    bool worker_curve = o->keys && strncmp(o->worker_endpoint, "ipc://", 6) != 0;
    if (!status)
        status = open_router(broker, &broker->workers, o->worker_endpoint, worker_curve,
                             broker->worker_endpoint, sizeof broker->worker_endpoint, error);
    if (!status && o->local_endpoint)
        status = open_router(broker, &broker->local, o->local_endpoint, false, NULL, 0, error);
    return status;
}

/* ---- life ---- */

static rubor_status load_pending(void *context, const rubor_pending_job *job, rubor_error *error)
{
    return rubor_broker_enqueue(context, job, error);
}

static rubor_status open_queue(rubor_broker *broker, rubor_error *error)
{
    rubor_queue_options defaults;
    rubor_queue_options_default(&defaults);
    /* Lease tokens of an earlier life must fit nothing: a worker may still hold one. */
    randombytes_buf(&defaults.seed, sizeof defaults.seed);
    const rubor_queue_options *options = broker->options.queue ? broker->options.queue : &defaults;
    int64_t removed;
    rubor_status status = rubor_store_open(&broker->store, broker->options.store, RUBOR_STORE_WRITE, error);
    if (!status)
        status = rubor_store_sweep(broker->store, &removed, error);
    if (!status && removed > 0)
        rubor_broker_log(broker, RUBOR_LOG_WARNING, "removed files that no job refers to count=%lld",
                         (long long)removed);
    if (!status)
        status = rubor_queue_create(&broker->queue, options, error);
    if (!status)
        status = rubor_store_each_pending(broker->store, load_pending, broker, error);
    return status;
}

rubor_status rubor_broker_create(rubor_broker **out, const rubor_broker_options *options, rubor_error *error)
{
    *out = NULL;
    rubor_broker *broker = calloc(1, sizeof *broker);
    if (!broker)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    broker->options = *options;
    if (broker->options.heartbeat_ms <= 0)
        broker->options.heartbeat_ms = 1000;
    if (broker->options.drain_ms <= 0)
        broker->options.drain_ms = 30000;
    broker->started_ms = rubor_broker_now_ms();
    broker->unsent_end = &broker->unsent;
    broker->wake[0] = broker->wake[1] = -1;
    rubor_status status = RUBOR_OK;
    if (pipe2(broker->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        status = rubor_error_set(error, RUBOR_IO, "pipe: %s", strerror(errno));
    if (!status)
        status = open_queue(broker, error);
    if (!status)
        status = open_sockets(broker, error);
    if (status)
        rubor_broker_destroy(&broker);
    *out = broker;
    return status;
}

static void free_lists(rubor_broker *broker)
{
    for (int i = 0; i < RUBOR_WAITER_BUCKETS; i++)
        for (rubor_waiter *w = broker->waiters[i], *next; w; w = next) {
            next = w->next;
            free(w);
        }
    for (rubor_worker *w = broker->worker_list, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    for (rubor_errand *e = broker->errands, *next; e; e = next) {
        next = e->next;
        free(e->body.data);
        free(e);
    }
    for (rubor_unsent *u = broker->unsent, *next; u; u = next) {
        next = u->next;
        rubor_frames_finish(&u->frames);
        free(u);
    }
}

void rubor_broker_destroy(rubor_broker **broker)
{
    if (!broker || !*broker)
        return;
    rubor_broker *b = *broker;
    free_lists(b);
    rubor_broker_group_finish(b);
    free(b->summaries);
    void *sockets[] = {b->clients, b->workers, b->local};
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++)
        if (sockets[i])
            zmq_close(sockets[i]);
    rubor_zap_destroy(&b->zap);
    if (b->context)
        zmq_ctx_term(b->context);
    rubor_queue_destroy(&b->queue);
    rubor_store_close(&b->store);
    for (int i = 0; i < 2; i++)
        if (b->wake[i] >= 0)
            close(b->wake[i]);
    free(b);
    *broker = NULL;
}

const char *rubor_broker_endpoint(const rubor_broker *broker)
{
    return broker->endpoint;
}

const char *rubor_broker_worker_endpoint(const rubor_broker *broker)
{
    return broker->worker_endpoint;
}

static void wake(rubor_broker *broker, char what)
{
    int saved = errno;
    ssize_t ignored = write(broker->wake[1], &what, 1);
    (void)ignored; /* a full pipe wakes as well */
    errno = saved;
}

void rubor_broker_drain(rubor_broker *broker)
{
    wake(broker, 'd');
}

void rubor_broker_reload(rubor_broker *broker)
{
    wake(broker, 'r');
}

/* ---- the loop ---- */

static void read_wakes(rubor_broker *broker)
{
    char what[64];
    ssize_t got;
    while ((got = read(broker->wake[0], what, sizeof what)) > 0)
        for (ssize_t i = 0; i < got; i++) {
            rubor_error error = {0};
            if (what[i] == 'd' && !broker->draining) {
                broker->draining = true;
                broker->drain_until_ms = rubor_broker_now_ms() + broker->options.drain_ms;
                rubor_broker_log(broker, RUBOR_LOG_INFO, "draining");
            } else if (what[i] == 'r' && broker->zap) {
                if (rubor_zap_reload(broker->zap, &error))
                    rubor_broker_log(broker, RUBOR_LOG_ERROR, "keys are kept as they were: %s",
                                     error.message);
                else
                    rubor_broker_log(broker, RUBOR_LOG_INFO, "keys read again");
            }
        }
}

/* At most so many messages of one socket, and so much time for a client socket, before the others and the
 * timers get their turn: a photo costs an fsync, and a disk may take seconds for one. */
enum { TURN = 64, TURN_MS = 200 };

static void read_clients(rubor_broker *broker, void *socket)
{
    rubor_frames frames;
    int64_t until_ms = rubor_broker_now_ms() + TURN_MS;
    for (int i = 0; socket && i < TURN && rubor_broker_now_ms() < until_ms; i++) {
        int got = rubor_frames_receive(&frames, socket);
        if (got == 0)
            return;
        rubor_broker_client_message(broker, socket, &frames, got > 0);
        rubor_frames_finish(&frames);
    }
}

/* True when nothing waits any more. */
static bool read_workers(rubor_broker *broker)
{
    rubor_frames frames;
    for (int i = 0; i < TURN; i++) {
        int got = rubor_frames_receive(&frames, broker->workers);
        if (got == 0)
            return true;
        rubor_broker_worker_message(broker, &frames, got > 0);
        rubor_frames_finish(&frames);
    }
    return false;
}

/* A worker is not dead, nor its lease over, while its heartbeats wait to be read: workers_read says that
 * nothing slow was done since their socket was found empty. */
static void run_timers(rubor_broker *broker, bool workers_read)
{
    int64_t now = rubor_broker_now_ms();
    if (workers_read)
        rubor_broker_heartbeats(broker, now);
    while (workers_read) {
        rubor_queue_event event = rubor_queue_tick(broker->queue, now);
        if (event.kind == RUBOR_EVENT_NONE)
            break;
        rubor_broker_event(broker, &event, "");
    }
    if (now >= broker->expire_next_ms) {
        rubor_broker_settle(broker); /* they are told what is on the disk */
        rubor_broker_write_summaries(broker);
        rubor_broker_expire_waiters(broker, now);
        broker->expire_next_ms = now + 250;
    }
}

static long poll_timeout(rubor_broker *broker)
{
    if (broker->group.open)
        return rubor_broker_group_patience_ms(broker);
    int64_t now = rubor_broker_now_ms(), next = rubor_queue_next_ms(broker->queue) - now;
    int64_t most = broker->unsent ? 5 : broker->options.heartbeat_ms / 4;
    if (broker->waiter_count > 0 && most > 250)
        most = 250;
    return (long)(next < 0 ? 0 : next < most ? next : most);
}

static bool is_drained(rubor_broker *broker)
{
    rubor_queue_counts counts;
    rubor_queue_count(broker->queue, &counts);
    return counts.leased == 0 || rubor_broker_now_ms() >= broker->drain_until_ms;
}

rubor_status rubor_broker_run(rubor_broker *broker, rubor_error *error)
{
    while (!broker->draining || !is_drained(broker)) {
        zmq_pollitem_t items[] = {{NULL, broker->wake[0], ZMQ_POLLIN, 0},
                                  {broker->clients, 0, ZMQ_POLLIN, 0},
                                  {broker->workers, 0, ZMQ_POLLIN, 0},
                                  {broker->local, 0, ZMQ_POLLIN, 0}};
        int count = zmq_poll(items, broker->local ? 4 : 3, poll_timeout(broker));
        if (count < 0 && errno != EINTR)
            return rubor_error_set(error, RUBOR_INTERNAL, "ZeroMQ: %s", zmq_strerror(errno));
        if (count == 0 || rubor_broker_group_is_due(broker))
            rubor_broker_settle(broker);
        read_wakes(broker);
        read_workers(broker);
        read_clients(broker, broker->clients);
        read_clients(broker, broker->local);
        run_timers(broker, read_workers(broker));
        rubor_broker_dispatch(broker);
        rubor_broker_flush(broker);
        if (broker->options.alive)
            broker->options.alive();
    }
    rubor_broker_settle(broker);
    rubor_broker_write_summaries(broker);
    rubor_broker_flush(broker);
    while (broker->worker_list)
        rubor_broker_send_away(broker, broker->worker_list, false, "the broker ends");
    rubor_broker_log(broker, RUBOR_LOG_INFO, "drained");
    return RUBOR_OK;
}
