/* A worker: registers at a broker, gets one job at a time, has it computed in a sandboxed child, sends the
 * result.
 *
 * Three processes. The worker talks ZeroMQ and sends heartbeats; it never decodes or computes, so a long job
 * does not look dead. The zygote was forked before any thread existed and only forks and watches. The child
 * does one job: rlimits, no_new_privs, Landlock (no file at all, where the kernel has it), a short list of
 * system calls, then decoding and analysis; photo and result pass through anonymous memory of bounded size. A
 * child that dies or takes too long is a RUBOR_CRASHED or RUBOR_TIMEOUT of that job and of nothing else. */
#ifndef RUBOR_WORKERS_WORKER_H
#define RUBOR_WORKERS_WORKER_H

#include "imaging/status.h"

#include <stdint.h>

typedef struct rubor_worker_options {
    const char *const *brokers; /* endpoints, NULL-terminated; the next is tried when one is silent */
    const char *keys;           /* folder with NAME.secret and broker.public, or NULL */
    const char *id;             /* NULL: host-pid */
    int heartbeat_ms;           /* 0: 1000; must be near the broker's */
    int job_seconds;            /* wall clock per job; 0: 120 */
    int64_t job_bytes;          /* address space of the child; 0: 3 GiB */
    bool noop; /* answer at once without looking at the photo: for measuring the service itself */
    void (*log)(void *context, int level, const char *line); /* NULL: silent */
    void (*ready)(void *context, const char *broker,
                  const char *id); /* when registered; NULL: nobody cares */
    void *context;
} rubor_worker_options;

/* Runs until rubor_worker_stop (the job in hand is finished first): RUBOR_OK. RUBOR_CRASHED: the zygote died;
 * start the process again. Call before any thread is made. One per process. */
rubor_status rubor_worker_run(const rubor_worker_options *options, rubor_error *error);
/* Async-signal-safe; works before run, too. */
void rubor_worker_stop(void);

#endif
