#include "broker/queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    rubor_queue_job job;
    rubor_queue_state state;
    int64_t ready_ms;                /* DELAYED: when it is queued again */
    uint64_t token;                  /* LEASED */
    int64_t lease_until_ms;          /* LEASED */
    char worker[RUBOR_QUEUE_WORKER]; /* LEASED; "": its result is being stored */
    struct entry *chain;             /* hash table */
    struct entry *prev, *next;       /* list of its state: lane, delayed or leased */
} entry;

typedef struct list {
    entry *first, *last;
    int64_t count;
} list;

/* How many baselines of a group are queued or leased. */
typedef struct group {
    uint64_t id;
    int pending;
    struct group *chain;
} group;

enum { BUCKETS = 4096 };

struct rubor_queue {
    rubor_queue_options options;
    entry *jobs[BUCKETS];
    group *groups[BUCKETS];
    list lanes[RUBOR_LANES], delayed, leased;
    int64_t count, bytes;
    uint64_t random;
    int64_t deadline_bound_ms; /* no deadline of a waiting job is earlier; INT64_MAX: none */
    int passed_over;           /* claims since a job of a lower lane that has waited long got its turn */
};

static const char *lane_name(rubor_lane lane)
{
    static const char *const names[] = {"station", "review", "batch"};
    assert(lane >= 0 && lane < RUBOR_LANES);
    return names[lane];
}

bool rubor_lane_from_name(rubor_lane *out, const char *name)
{
    for (int lane = 0; lane < RUBOR_LANES; lane++)
        if (strcmp(lane_name((rubor_lane)lane), name) == 0) {
            *out = (rubor_lane)lane;
            return true;
        }
    return false;
}

void rubor_queue_options_default(rubor_queue_options *options)
{
    *options = (rubor_queue_options){
        .ageing_ms = 60 * 1000,
        .ageing_turns = 8,
        .lease_ms = 10 * 1000,
        .deaths_most = 3,
        .attempts_most = 8,
        .retry_first_ms = 500,
        .retry_most_ms = 5 * 60 * 1000,
        .count_most = 200 * 1000,
        .bytes_most = (int64_t)1 << 40,
        .disk_free_least = (int64_t)512 << 20,
        .seed = 1,
    };
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(rubor_queue *queue)
{
    uint64_t z = (queue->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- hash tables ---- */

static size_t bucket_of_id(const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    return (size_t)(hash >> 20) % BUCKETS;
}

static entry *find(const rubor_queue *queue, const char *id)
{
    entry *e = queue->jobs[bucket_of_id(id)];
    while (e && strcmp(e->job.id, id) != 0)
        e = e->chain;
    return e;
}

static group *find_group(const rubor_queue *queue, uint64_t id)
{
    group *g = queue->groups[id % BUCKETS];
    while (g && g->id != id)
        g = g->chain;
    return g;
}

static bool is_held(const rubor_queue *queue, const rubor_queue_job *job)
{
    return job->group && !job->is_baseline && find_group(queue, job->group);
}

static rubor_status hold_group(rubor_queue *queue, uint64_t id, rubor_error *error)
{
    group *g = find_group(queue, id);
    if (!g) {
        g = calloc(1, sizeof *g);
        if (!g)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        g->id = id;
        g->chain = queue->groups[id % BUCKETS];
        queue->groups[id % BUCKETS] = g;
    }
    g->pending++;
    return RUBOR_OK;
}

static void release_group(rubor_queue *queue, uint64_t id)
{
    for (group **at = &queue->groups[id % BUCKETS]; *at; at = &(*at)->chain) {
        if ((*at)->id != id)
            continue;
        group *g = *at;
        if (--g->pending == 0) {
            *at = g->chain;
            free(g);
        }
        return;
    }
}

/* ---- lists ---- */

static list *list_of(rubor_queue *queue, const entry *e)
{
    if (e->state == RUBOR_QUEUE_LEASED)
        return &queue->leased;
    return e->state == RUBOR_QUEUE_DELAYED ? &queue->delayed : &queue->lanes[e->job.lane];
}

static void unlink_entry(rubor_queue *queue, entry *e)
{
    list *l = list_of(queue, e);
    *(e->prev ? &e->prev->next : &l->first) = e->next;
    *(e->next ? &e->next->prev : &l->last) = e->prev;
    e->prev = e->next = NULL;
    l->count--;
}

/* Lanes are kept in order of queued_ms: a job that comes back takes its old place. */
static void link_entry(rubor_queue *queue, entry *e)
{
    list *l = list_of(queue, e);
    entry *before = l->last;
    if (e->state == RUBOR_QUEUE_QUEUED)
        while (before && before->job.queued_ms > e->job.queued_ms)
            before = before->prev;
    e->prev = before;
    e->next = before ? before->next : l->first;
    *(e->prev ? &e->prev->next : &l->first) = e;
    *(e->next ? &e->next->prev : &l->last) = e;
    l->count++;
}

static bool holds_others(const entry *e)
{
    return e->job.is_baseline && e->job.group &&
           (e->state == RUBOR_QUEUE_QUEUED || e->state == RUBOR_QUEUE_LEASED);
}

/* The one place where an entry changes its state. A baseline that could not be counted for want of memory
 * holds nobody; its visits are measured again when it is done, so only work is lost. */
static void set_state(rubor_queue *queue, entry *e, rubor_queue_state state)
{
    if (e->state != RUBOR_QUEUE_ABSENT) {
        unlink_entry(queue, e);
        if (holds_others(e))
            release_group(queue, e->job.group);
    }
    e->state = state;
    if (state == RUBOR_QUEUE_ABSENT)
        return;
    link_entry(queue, e);
    if (state != RUBOR_QUEUE_LEASED && e->job.deadline_ms && e->job.deadline_ms < queue->deadline_bound_ms)
        queue->deadline_bound_ms = e->job.deadline_ms;
    if (holds_others(e) && hold_group(queue, e->job.group, NULL) != RUBOR_OK)
        e->job.group = 0;
}

static void drop_entry(rubor_queue *queue, entry *e)
{
    set_state(queue, e, RUBOR_QUEUE_ABSENT);
    for (entry **at = &queue->jobs[bucket_of_id(e->job.id)]; *at; at = &(*at)->chain)
        if (*at == e) {
            *at = e->chain;
            break;
        }
    queue->count--;
    queue->bytes -= e->job.bytes;
    free(e);
}

/* ---- life ---- */

rubor_status rubor_queue_create(rubor_queue **out, const rubor_queue_options *options, rubor_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    (*out)->options = *options;
    (*out)->random = options->seed;
    (*out)->deadline_bound_ms = INT64_MAX;
    return RUBOR_OK;
}

void rubor_queue_destroy(rubor_queue **queue)
{
    if (!queue || !*queue)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*queue)->jobs[i])
            drop_entry(*queue, (*queue)->jobs[i]);
    free(*queue);
    *queue = NULL;
}

rubor_status rubor_queue_admit(const rubor_queue *queue, int64_t jobs, int64_t bytes, int64_t disk_free,
                               int64_t *retry_after_ms, rubor_error *error)
{
    *retry_after_ms = 0;
    const rubor_queue_options *o = &queue->options;
    const char *what = NULL;
    if (queue->count + jobs > o->count_most)
        what = "jobs";
    else if (queue->bytes + bytes > o->bytes_most)
        what = "bytes";
    else if (disk_free >= 0 && disk_free - bytes < o->disk_free_least)
        what = "disk";
    if (!what)
        return RUBOR_OK;
    *retry_after_ms = what[0] == 'd' ? 60 * 1000 : 2000;
    return rubor_error_set(error, RUBOR_BUSY, "the service is full (%s): try again in %d s", what,
                           (int)(*retry_after_ms / 1000));
}

/* A baseline that a more urgent visit waits for is as urgent as the visit. */
static void hurry_baseline(rubor_queue *queue, uint64_t id, rubor_lane lane)
{
    for (int slower = lane + 1; slower < RUBOR_LANES; slower++)
        for (entry *e = queue->lanes[slower].first, *next; e; e = next) {
            next = e->next;
            if (e->job.group != id || !e->job.is_baseline)
                continue;
            unlink_entry(queue, e);
            e->job.lane = lane;
            link_entry(queue, e);
        }
}

rubor_status rubor_queue_add(rubor_queue *queue, const rubor_queue_job *job, int64_t now_ms,
                             rubor_error *error)
{
    assert(job->id[0] && job->lane >= 0 && job->lane < RUBOR_LANES);
    if (find(queue, job->id))
        return rubor_error_set(error, RUBOR_CONFLICT, "job %s is in the queue already", job->id);
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    e->job = *job;
    e->job.queued_ms = now_ms;
    size_t bucket = bucket_of_id(job->id);
    e->chain = queue->jobs[bucket];
    queue->jobs[bucket] = e;
    queue->count++;
    queue->bytes += job->bytes;
    set_state(queue, e, RUBOR_QUEUE_QUEUED);
    if (is_held(queue, &e->job) && e->job.lane < RUBOR_LANE_BATCH)
        hurry_baseline(queue, e->job.group, e->job.lane);
    return RUBOR_OK;
}

/* ---- claiming ---- */

static entry *first_ready(const rubor_queue *queue, const list *lane)
{
    entry *e = lane->first;
    while (e && is_held(queue, &e->job))
        e = e->next;
    return e;
}

/* The most urgent lane first. A job of a lower lane that has waited ageing_ms is passed over `ageing_turns`
 * times and then gets a turn: nothing starves, and an urgent photo that arrives finds at most the jobs that
 * run already and one such turn before it. */
static entry *choose(rubor_queue *queue, int64_t now_ms)
{
    entry *best = NULL, *aged = NULL;
    for (int lane = 0; lane < RUBOR_LANES; lane++) {
        entry *e = first_ready(queue, &queue->lanes[lane]);
        if (!e)
            continue;
        if (!best)
            best = e;
        else if (now_ms - e->job.queued_ms >= queue->options.ageing_ms &&
                 (!aged || e->job.queued_ms < aged->job.queued_ms))
            aged = e;
    }
    if (!aged) {
        queue->passed_over = 0;
        return best;
    }
    if (queue->passed_over < queue->options.ageing_turns) {
        queue->passed_over++;
        return best;
    }
    queue->passed_over = 0;
    return aged;
}

bool rubor_queue_claim(rubor_queue *queue, const char *worker, int64_t now_ms, rubor_lease *out)
{
    assert(worker[0]);
    entry *e = choose(queue, now_ms);
    if (!e)
        return false;
    e->job.attempts++;
    e->token = next_random(queue) | 1;
    e->lease_until_ms = now_ms + queue->options.lease_ms;
    snprintf(e->worker, sizeof e->worker, "%s", worker);
    set_state(queue, e, RUBOR_QUEUE_LEASED);
    out->job = e->job;
    out->token = e->token;
    return true;
}

void rubor_queue_renew(rubor_queue *queue, const char *worker, int64_t now_ms)
{
    for (entry *e = queue->leased.first; e; e = e->next)
        if (strcmp(e->worker, worker) == 0)
            e->lease_until_ms = now_ms + queue->options.lease_ms;
}

/* ---- endings ---- */

/* first * 2^(attempts - 1), at most `most`, plus up to half of itself by chance. */
static int64_t retry_delay(rubor_queue *queue, int attempts)
{
    int64_t delay = queue->options.retry_first_ms;
    for (int i = 1; i < attempts && delay < queue->options.retry_most_ms; i++)
        delay *= 2;
    if (delay > queue->options.retry_most_ms)
        delay = queue->options.retry_most_ms;
    return delay + (int64_t)(next_random(queue) % (uint64_t)(delay / 2 + 1));
}

static rubor_queue_event leave(rubor_queue *queue, entry *e, rubor_queue_event_kind kind, rubor_status status,
                               const char *reason)
{
    rubor_queue_event event = {kind, e->job, status, reason, 0};
    drop_entry(queue, e);
    return event;
}

static rubor_queue_event delay(rubor_queue *queue, entry *e, rubor_status status, const char *reason,
                               int64_t now_ms)
{
    int64_t wait = retry_delay(queue, e->job.attempts);
    e->ready_ms = now_ms + wait;
    e->token = 0;
    set_state(queue, e, RUBOR_QUEUE_DELAYED);
    return (rubor_queue_event){RUBOR_EVENT_RETRY, e->job, status, reason, wait};
}

static rubor_queue_event died(rubor_queue *queue, entry *e, const char *reason, int64_t now_ms)
{
    e->job.deaths++;
    if (e->job.deaths >= queue->options.deaths_most)
        return leave(queue, e, RUBOR_EVENT_QUARANTINE, RUBOR_CRASHED, reason);
    return delay(queue, e, RUBOR_CRASHED, reason, now_ms);
}

rubor_queue_event rubor_queue_finish(rubor_queue *queue, const char *id, uint64_t token, rubor_status status,
                                     int64_t now_ms)
{
    entry *e = find(queue, id);
    bool storing = e && e->state == RUBOR_QUEUE_LEASED && !e->worker[0];
    if (!e || e->state != RUBOR_QUEUE_LEASED || e->token != token || (storing && status == RUBOR_OK)) {
        rubor_queue_event late = {
            .kind = RUBOR_EVENT_LATE, .status = RUBOR_CONFLICT, .reason = "an old lease"};
        snprintf(late.job.id, sizeof late.job.id, "%s", id);
        return late;
    }
    if (status == RUBOR_OK) {
        e->worker[0] = '\0';
        e->lease_until_ms = INT64_MAX;
        return (rubor_queue_event){RUBOR_EVENT_STORE, e->job, RUBOR_OK, "", 0};
    }
    if (status == RUBOR_CRASHED)
        return died(queue, e, "the photo ended the process that analyzed it", now_ms);
    if (!rubor_status_retryable(status))
        return leave(queue, e, RUBOR_EVENT_FAILED, status, "");
    if (e->job.attempts >= queue->options.attempts_most)
        return leave(queue, e, RUBOR_EVENT_FAILED, status, "every retry failed");
    return delay(queue, e, status, "", now_ms);
}

void rubor_queue_again(rubor_queue *queue, const char *id, int64_t delay_ms, int64_t now_ms)
{
    entry *e = find(queue, id);
    if (!e)
        return;
    if (e->job.attempts > 0)
        e->job.attempts--;
    e->token = 0;
    e->ready_ms = now_ms + delay_ms;
    set_state(queue, e, delay_ms > 0 ? RUBOR_QUEUE_DELAYED : RUBOR_QUEUE_QUEUED);
}

rubor_queue_event rubor_queue_worker_gone(rubor_queue *queue, const char *worker, bool graceful,
                                          int64_t now_ms)
{
    for (entry *e = queue->leased.first; e; e = e->next) {
        if (strcmp(e->worker, worker) != 0)
            continue;
        if (!graceful)
            return died(queue, e, "the worker died", now_ms);
        rubor_queue_again(queue, e->job.id, 0, now_ms);
        break;
    }
    return (rubor_queue_event){.kind = RUBOR_EVENT_NONE, .reason = ""};
}

bool rubor_queue_remove(rubor_queue *queue, const char *id)
{
    entry *e = find(queue, id);
    if (e)
        drop_entry(queue, e);
    return e != NULL;
}

rubor_queue_state rubor_queue_find(const rubor_queue *queue, const char *id, rubor_queue_job *out)
{
    const entry *e = find(queue, id);
    if (e && out)
        *out = e->job;
    return e ? e->state : RUBOR_QUEUE_ABSENT;
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first waiting job whose deadline has passed; when there is none, the bound is made exact again. Walks
 * the whole queue, but only when the bound says that it may be worth it. */
static entry *past_deadline(rubor_queue *queue, int64_t now_ms)
{
    if (now_ms < queue->deadline_bound_ms)
        return NULL;
    int64_t next = INT64_MAX;
    for (int i = 0; i <= RUBOR_LANES; i++) {
        list *l = i < RUBOR_LANES ? &queue->lanes[i] : &queue->delayed;
        for (entry *e = l->first; e; e = e->next) {
            if (e->job.deadline_ms && e->job.deadline_ms <= now_ms)
                return e;
            if (e->job.deadline_ms)
                next = earlier(next, e->job.deadline_ms);
        }
    }
    queue->deadline_bound_ms = next;
    return NULL;
}

rubor_queue_event rubor_queue_tick(rubor_queue *queue, int64_t now_ms)
{
    for (entry *e = queue->leased.first; e; e = e->next)
        if (e->lease_until_ms <= now_ms)
            return died(queue, e, "the lease expired", now_ms);
    entry *late = past_deadline(queue, now_ms);
    if (late)
        return leave(queue, late, RUBOR_EVENT_FAILED, RUBOR_TIMEOUT, "its deadline passed before it ran");
    for (entry *e = queue->delayed.first, *next; e; e = next) {
        next = e->next;
        if (e->ready_ms <= now_ms)
            set_state(queue, e, RUBOR_QUEUE_QUEUED);
    }
    return (rubor_queue_event){.kind = RUBOR_EVENT_NONE, .reason = ""};
}

int64_t rubor_queue_next_ms(const rubor_queue *queue)
{
    int64_t next = queue->deadline_bound_ms;
    for (const entry *e = queue->leased.first; e; e = e->next)
        next = earlier(next, e->lease_until_ms);
    for (const entry *e = queue->delayed.first; e; e = e->next)
        next = earlier(next, e->ready_ms);
    return next;
}

void rubor_queue_count(const rubor_queue *queue, rubor_queue_counts *out)
{
    memset(out, 0, sizeof *out);
    for (int lane = 0; lane < RUBOR_LANES; lane++) {
        out->lane[lane] = queue->lanes[lane].count;
        out->oldest_ms[lane] = queue->lanes[lane].first ? queue->lanes[lane].first->job.queued_ms : INT64_MAX;
    }
    for (const entry *e = queue->delayed.first; e; e = e->next)
        out->lane[e->job.lane]++;
    out->leased = queue->leased.count;
    out->delayed = queue->delayed.count;
    out->bytes = queue->bytes;
}
