/* The life of a job between acceptance and its end, as a pure state machine: no clock, no file, no socket.
 * Every call is given the time (now_ms, any monotonic origin) and chance comes from a seed, so that a test
 * can run a day in a moment and repeat it.
 *
 *            add                claim                finish: result
 *   (store) -----> QUEUED ----------------> LEASED -----------------> DONE
 *                   ^  |                     |  |
 *    not_before     |  | cancel, deadline    |  | finish: permanent error, or retries used up
 *    reached        |  v                     |  +-----------------------------------------> FAILED
 *                   |  CANCELED / FAILED     | finish: passing error, worker died, lease expired
 *                   |                        v
 *                   +-------------------- DELAYED --- third death on this photo ---> QUARANTINED
 *
 * Lanes: station before review before batch. A job of a lower lane that has waited ageing_ms gets a turn
 * after being passed over ageing_turns times, so that nothing starves and an urgent photo still waits behind
 * at most one job per slot and one such turn. Within a lane first come, first served. A visit is held back
 * while a baseline of its group is queued or leased (a delayed baseline holds nobody).
 *
 * Thread rule: one thread. Programmer's errors are asserts; nothing a peer sends reaches here unchecked. */
#ifndef RUBOR_BROKER_QUEUE_H
#define RUBOR_BROKER_QUEUE_H

#include "imaging/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum rubor_lane { RUBOR_LANE_STATION, RUBOR_LANE_REVIEW, RUBOR_LANE_BATCH, RUBOR_LANES } rubor_lane;

bool rubor_lane_from_name(rubor_lane *out, const char *name);

typedef struct rubor_queue_options {
    int64_t ageing_ms; /* a job of a lower lane that waited so long gets a turn now and then */
    int ageing_turns;  /* after being passed over so often */
    int64_t lease_ms;  /* without renewal the job is taken back */
    int deaths_most;   /* deaths of workers on one job before quarantine */
    int attempts_most; /* attempts that ended in a passing error before it counts as failed */
    int64_t retry_first_ms, retry_most_ms;
    int64_t count_most, bytes_most, disk_free_least; /* admission */
    uint64_t
        seed; /* of chance: lease tokens and delays repeat with it, so whoever serves gives a random one */
} rubor_queue_options;

void rubor_queue_options_default(rubor_queue_options *options);

enum { RUBOR_QUEUE_ID = 33, RUBOR_QUEUE_WORKER = 64 };

typedef struct rubor_queue_job {
    char id[RUBOR_QUEUE_ID];
    rubor_lane lane;
    uint64_t group; /* 0: none */
    bool is_baseline;
    int64_t bytes;       /* of the photo */
    int64_t deadline_ms; /* in the queue's clock; 0: none */
    int attempts, deaths;
    int64_t queued_ms; /* since when it waits */
} rubor_queue_job;

typedef struct rubor_lease {
    rubor_queue_job job; /* a copy; attempts counts this one */
    uint64_t token;      /* never 0 */
} rubor_lease;

typedef enum rubor_queue_state {
    RUBOR_QUEUE_ABSENT,
    RUBOR_QUEUE_QUEUED,
    RUBOR_QUEUE_DELAYED,
    RUBOR_QUEUE_LEASED
} rubor_queue_state;

/* What became of a job; the caller writes it to the store. */
typedef enum rubor_queue_event_kind {
    RUBOR_EVENT_NONE,
    RUBOR_EVENT_STORE,      /* the result counts: store it, then rubor_queue_remove; till then no worker
                             * holds it, it does not expire, and a second result is late */
    RUBOR_EVENT_FAILED,     /* for good; it has left the queue */
    RUBOR_EVENT_RETRY,      /* delayed; it stays */
    RUBOR_EVENT_QUARANTINE, /* it has left the queue */
    RUBOR_EVENT_LATE        /* an old lease: the message is refused and counted */
} rubor_queue_event_kind;

typedef struct rubor_queue_event {
    rubor_queue_event_kind kind;
    rubor_queue_job job;
    rubor_status status; /* why */
    const char *reason;  /* static text */
    int64_t retry_ms;    /* RETRY: from now */
} rubor_queue_event;

typedef struct rubor_queue rubor_queue;

rubor_status rubor_queue_create(rubor_queue **out, const rubor_queue_options *options, rubor_error *error);
void rubor_queue_destroy(rubor_queue **queue);

/* Whether so many more photos of so many bytes together may be taken. RUBOR_BUSY with *retry_after_ms.
 * disk_free < 0: unknown, not checked. */
rubor_status rubor_queue_admit(const rubor_queue *queue, int64_t jobs, int64_t bytes, int64_t disk_free,
                               int64_t *retry_after_ms, rubor_error *error);
/* RUBOR_CONFLICT when it is there already. */
rubor_status rubor_queue_add(rubor_queue *queue, const rubor_queue_job *job, int64_t now_ms,
                             rubor_error *error);
/* The next job for worker (its name, not "") ; false when none is ready. */
bool rubor_queue_claim(rubor_queue *queue, const char *worker, int64_t now_ms, rubor_lease *out);
/* A sign of life of worker: its lease lives lease_ms from now. */
void rubor_queue_renew(rubor_queue *queue, const char *worker, int64_t now_ms);
/* A worker's last word on a job. status RUBOR_OK: there is a result. A job whose result is being stored is
 * finished once more, with why, when it turns out that it cannot be kept. */
rubor_queue_event rubor_queue_finish(rubor_queue *queue, const char *id, uint64_t token, rubor_status status,
                                     int64_t now_ms);
/* The result could not be stored now (disk) or is against an old baseline: run again; no attempt is counted.
 */
void rubor_queue_again(rubor_queue *queue, const char *id, int64_t delay_ms, int64_t now_ms);
/* worker is gone. One event for the job it held, RUBOR_EVENT_NONE when it held none. graceful: it handed the
 * job back (drain): queued again at once and no death is counted. */
rubor_queue_event rubor_queue_worker_gone(rubor_queue *queue, const char *worker, bool graceful,
                                          int64_t now_ms);
/* Takes the job out in whatever state; a leased one's result will be late. False when it is not there. */
bool rubor_queue_remove(rubor_queue *queue, const char *id);
rubor_queue_state rubor_queue_find(const rubor_queue *queue, const char *id, rubor_queue_job *out);
/* Time passes: expired leases, passed deadlines, delays that are over. Call until kind is RUBOR_EVENT_NONE.
 */
rubor_queue_event rubor_queue_tick(rubor_queue *queue, int64_t now_ms);
/* When the next tick has something to do; INT64_MAX: nothing is timed. */
int64_t rubor_queue_next_ms(const rubor_queue *queue);

typedef struct rubor_queue_counts {
    int64_t lane[RUBOR_LANES]; /* queued or delayed */
    int64_t leased, delayed, bytes;
    int64_t oldest_ms[RUBOR_LANES]; /* queued_ms of the oldest that waits (may be
                                     * below 0); INT64_MAX: none */
} rubor_queue_counts;
void rubor_queue_count(const rubor_queue *queue, rubor_queue_counts *out);

#endif
