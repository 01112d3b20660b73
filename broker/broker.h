/* The broker: takes photos from clients (MDP 0.2), keeps them (store/), hands jobs to workers, answers
 * everything else from the store. One thread does it all; ZeroMQ's own threads and the ZAP thread only move
 * bytes.
 *
 * Life: create (binds, reads the queue back from the store), run (until drained), destroy. rubor_broker_drain
 * and rubor_broker_reload may be called from a signal handler. One ZeroMQ context per process. */
#ifndef RUBOR_BROKER_BROKER_H
#define RUBOR_BROKER_BROKER_H

#include "broker/queue.h"

typedef struct rubor_broker rubor_broker;

typedef enum rubor_log_level {
    RUBOR_LOG_ERROR = 3,
    RUBOR_LOG_WARNING = 4,
    RUBOR_LOG_INFO = 6
} rubor_log_level;
/* One line without newline, "key=value ..." after a few words. Never holds secrets, patients or photo bytes.
 */
typedef void (*rubor_log)(void *context, rubor_log_level level, const char *line);

typedef struct rubor_broker_options {
    const char *store;           /* folder or URI */
    const char *endpoint;        /* clients; port * or 0: a free one */
    const char *worker_endpoint; /* workers */
    const char
        *local_endpoint; /* ipc: without keys, for processes of this machine that may open it; NULL: none */
    const char *keys;    /* folder of rubor keygen; NULL: no CURVE, loopback and ipc only */
    int heartbeat_ms;    /* 0: 1000 */
    int drain_ms;        /* how long running jobs may take to end; 0: 30000 */
    const rubor_queue_options *queue; /* NULL: defaults */
    rubor_log log;                    /* NULL: silent */
    void *log_context;
    void (*alive)(void); /* called in each turn of the loop, several times a second; NULL: nobody cares */
} rubor_broker_options;

/* RUBOR_INVALID (endpoint), RUBOR_FORBIDDEN (an endpoint beyond this machine without keys), RUBOR_CONFLICT
 * (address or store in use), RUBOR_NOT_FOUND / RUBOR_CORRUPT (keys), and what the store says. */
rubor_status rubor_broker_create(rubor_broker **out, const rubor_broker_options *options, rubor_error *error);
void rubor_broker_destroy(rubor_broker **broker);
/* As bound, with real ports. */
const char *rubor_broker_endpoint(const rubor_broker *broker);
const char *rubor_broker_worker_endpoint(const rubor_broker *broker);
/* Until drained; RUBOR_OK when everything it held was finished or kept. */
rubor_status rubor_broker_run(rubor_broker *broker, rubor_error *error);
/* Async-signal-safe. */
void rubor_broker_drain(rubor_broker *broker);
void rubor_broker_reload(rubor_broker *broker);

#endif
