/* Shared by the files of broker/ only. */
#ifndef RUBOR_BROKER_INTERNAL_H
#define RUBOR_BROKER_INTERNAL_H

#include "broker/broker.h"
#include "broker/frames.h"
#include "broker/rate.h"
#include "broker/zap.h"
#include "imaging/limits.h"
#include "protocol/worker_wire.h"
#include "store/store.h"

enum {
    RUBOR_ROUTING_ID = 256,
    RUBOR_WAITER_BUCKETS = 1024,
    RUBOR_WAITERS_MOST = 100 * 1000,
    RUBOR_UNSENT_MOST = 20 * 1000,
    RUBOR_UNSENT_BYTES_MOST = 64 * 1024 * 1024,
    RUBOR_WORKERS_MOST = 1024,
    RUBOR_HEARTBEATS_MISSED = 3,
    RUBOR_JOB_MARGIN_S = 30,
    RUBOR_GROUP_MOST = 64,
    RUBOR_SUMMARIES_MOST = 64,
    RUBOR_GROUP_BYTES_MOST = 64 * 1024 * 1024,
    RUBOR_ERRANDS_MOST = 256,
    RUBOR_ERRAND_BYTES_MOST = 64 * 1024 * 1024
};

/* Where a reply goes. */
typedef struct rubor_peer {
    void *socket;
    size_t size;
    uint8_t routing_id[RUBOR_ROUTING_ID];
    bool delimiter; /* the client sent an empty frame first */
    rubor_role role;
    char who[RUBOR_NAME_SIZE];
} rubor_peer;

/* A client that waits for the end of a job. */
typedef struct rubor_waiter {
    rubor_peer peer;
    rubor_verb verb;
    rubor_request_id request;
    char job[RUBOR_JOB_SIZE];
    int64_t until_ms; /* 0: as long as it takes */
    bool duplicate;   /* the job was there before the request */
    struct rubor_waiter *next;
} rubor_waiter;

typedef struct rubor_worker {
    rubor_peer peer;
    rubor_worker_hello hello;
    char name[64]; /* unique: what the queue calls it */
    int64_t seen_ms, sent_ms;
    int64_t handed_ms; /* when it got its job */
    bool busy, bad;    /* bad: to be sent away */
    rubor_lease lease;
    char baseline[RUBOR_DIGEST_SIZE], digest[RUBOR_DIGEST_SIZE]; /* of the job it holds */
    int64_t baseline_filing;                                     /* likewise */
    struct rubor_worker *next;
} rubor_worker;

/* A computation that is asked for and not kept: rubor.series. Its id starts with '~' and is only in the
 * queue. */
typedef struct rubor_errand {
    char id[RUBOR_JOB_SIZE];
    rubor_buffer body;
    rubor_peer peer;
    rubor_request_id request;
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE];
    int64_t revision; /* of the session when its records were collected; -1: its summary is in the store already */
    struct rubor_errand *next;
} rubor_errand;

/* An accepted photo or a result that waits for the commit of its group: nothing is said of it before. */
typedef struct rubor_group_item {
    char job[RUBOR_JOB_SIZE];
    bool is_result;
    /* photo: whom to tell */
    rubor_peer peer;
    rubor_verb verb;
    rubor_request_id request;
    bool no_wait;
    rubor_job_info info;
    /* result */
    int64_t took_ms;
    rubor_job_list changed; /* jobs that the queue has to look at again */
} rubor_group_item;

typedef struct rubor_group {
    bool open; /* the store has begun one */
    int count, last_count;
    int64_t bytes, opened_ms;
    int64_t cost_ms;         /* what a commit takes lately */
    rubor_group_item *items; /* room for RUBOR_GROUP_MOST */
} rubor_group;

typedef struct rubor_unsent {
    rubor_frames frames;
    void *socket;
    size_t bytes;
    int64_t since_ms;
    uint8_t hash; /* of the peer */
    struct rubor_unsent *next;
} rubor_unsent;

struct rubor_broker {
    rubor_broker_options options;
    rubor_store *store;
    rubor_queue *queue;
    rubor_zap *zap;
    void *context, *clients, *workers, *local;
    int wake[2]; /* pipe: signal handlers write, the loop reads */
    char endpoint[256], worker_endpoint[256];
    rubor_waiter *waiters[RUBOR_WAITER_BUCKETS];
    int64_t waiter_count;
    rubor_worker *worker_list;
    int64_t worker_count, worker_serial, errand_serial;
    rubor_errand *errands;
    int64_t errand_count;
    size_t errand_bytes; /* of all that wait or run */
    rubor_group group;
    rubor_session_summary *summaries; /* room for RUBOR_SUMMARIES_MOST */
    int summary_count;                /* that are not in the store yet */
    rubor_rate rate;
    rubor_unsent *unsent, **unsent_end;
    int64_t unsent_count, unsent_to[256]; /* by hash of the peer */
    size_t unsent_bytes;
    bool draining;
    int64_t started_ms, drain_until_ms, expire_next_ms;
    int64_t results, results_ms;
    int64_t refused, malformed, late_results, retries, worker_deaths, dropped_replies;
};

int64_t rubor_broker_now_ms(void); /* monotonic */
void rubor_broker_log(rubor_broker *broker, rubor_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- frontend.c: from and to clients ---- */
void rubor_broker_client_message(rubor_broker *broker, void *socket, rubor_frames *frames, bool whole);
/* attachment may be NULL; it is taken over. reply is packed, not finished. */
void rubor_broker_reply(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb, bool final,
                        const rubor_reply *reply, rubor_buffer *attachment);
void rubor_broker_refuse(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb,
                         const rubor_request_id *request, const rubor_error *error, int64_t retry_after_ms);
void rubor_broker_flush(rubor_broker *broker);
/* NULL: the client was told to come back. */
rubor_waiter *rubor_broker_wait_for(rubor_broker *broker, const rubor_peer *peer, rubor_verb verb,
                                    const rubor_request_id *request, const char *job, int64_t until_ms);
/* The job ended (or is gone): everyone who waits for it is told. */
void rubor_broker_notify(rubor_broker *broker, const char *job);
/* The job is being measured. */
void rubor_broker_notify_progress(rubor_broker *broker, const char *job, int attempt);
void rubor_broker_expire_waiters(rubor_broker *broker, int64_t now_ms);
/* Who sent it: role and name from CURVE, or the local administrator. */
void rubor_broker_peer(rubor_broker *broker, rubor_peer *out, void *socket, const rubor_frames *frames);

/* ---- group.c: what is written together, so that the disk is waited for once ---- */
/* Opens the group when none is open. */
rubor_status rubor_broker_group_open(rubor_broker *broker, rubor_error *error);
/* The next item, zeroed, to be filled. bytes: of its files. There is room: a full group settles at once in
 * rubor_broker_group_added, which is called when the item is filled. */
rubor_group_item *rubor_broker_group_next(rubor_broker *broker);
void rubor_broker_group_added(rubor_broker *broker, int64_t bytes);
/* Commits and tells everyone; on failure everyone is told that, and results are measured again. Called before
 * anything else reads or writes what others may hear of. */
void rubor_broker_settle(rubor_broker *broker);
/* How long to look for more before settling; 0: not at all. */
long rubor_broker_group_patience_ms(const rubor_broker *broker);
bool rubor_broker_group_is_due(const rubor_broker *broker);
void rubor_broker_group_finish(rubor_broker *broker);

/* ---- summaries.c: how courses stand, kept for the lists ---- */
void rubor_broker_keep_summary(rubor_broker *broker, const rubor_errand *errand, const rubor_summary *summary);
/* Outside of a group. */
void rubor_broker_write_summaries(rubor_broker *broker);

/* ---- verbs.c, intake.c ---- */
void rubor_broker_serve(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                        const rubor_frames *frames, size_t first_attachment);
void rubor_broker_take_photo(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                             const rubor_frames *frames, size_t first_attachment);
/* The photo is on disk: says so and queues it. */
void rubor_broker_acknowledge(rubor_broker *broker, rubor_group_item *item);
/* Brings queue in line with what the store says of these jobs. */
void rubor_broker_reload_jobs(rubor_broker *broker, const rubor_job_list *jobs);
rubor_status rubor_broker_enqueue(rubor_broker *broker, const rubor_pending_job *pending, rubor_error *error);
/* state of a job as the client sees it: the store's, or running when a worker has it. */
void rubor_broker_true_state(rubor_broker *broker, rubor_job_info *info);

/* ---- backend.c: from and to workers ---- */
void rubor_broker_worker_message(rubor_broker *broker, rubor_frames *frames, bool whole);
void rubor_broker_dispatch(rubor_broker *broker);
void rubor_broker_heartbeats(rubor_broker *broker, int64_t now_ms);
void rubor_broker_send_away(rubor_broker *broker, rubor_worker *worker, bool died, const char *why);
/* Writes down what the queue decided. */
void rubor_broker_event(rubor_broker *broker, const rubor_queue_event *event, const char *message);

#endif
