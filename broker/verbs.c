/* Everything that is answered from the store, and the one table that says who handles which verb. */
#include "broker/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A handler fills reply; a status other than RUBOR_OK is answered as an error. *picture may get an
 * attachment. */
typedef struct call {
    rubor_broker *broker;
    const rubor_peer *peer;
    const rubor_request *request;
    rubor_reply *reply;
    rubor_buffer picture;
    bool answered; /* the reply comes later or was sent */
} call;

typedef rubor_status (*handler)(call *c, rubor_error *error);

static rubor_status job_reply(call *c, const char *job, bool record, rubor_error *error)
{
    rubor_status status = rubor_store_job(c->broker->store, job, record, &c->reply->job, error);
    if (status)
        return status;
    c->reply->has_job = true;
    rubor_broker_true_state(c->broker, &c->reply->job);
    return RUBOR_OK;
}

/* NULL, or the station that sees its own only. */
static const char *only(const call *c)
{
    return c->peer->role == RUBOR_ROLE_STATION ? c->peer->who : NULL;
}

/* A station has to do with the photos it submitted itself, and with nobody else's. */
static rubor_status may_touch(call *c, const char *job, rubor_error *error)
{
    bool own = false;
    if (!only(c))
        return RUBOR_OK;
    rubor_status status = rubor_store_submitted_by(c->broker->store, job, c->peer->who, &own, error);
    if (!status && !own)
        status = rubor_error_set(error, RUBOR_FORBIDDEN,
                                 "job %s: a station has to do with photos it submitted itself only", job);
    return status;
}

static rubor_status handle_result(call *c, rubor_error *error)
{
    rubor_status status = may_touch(c, c->request->job, error);
    if (!status)
        status = job_reply(c, c->request->job, true, error);
    const char *state = c->reply->job.state;
    if (status || c->request->wait_s == 0 || (strcmp(state, "queued") != 0 && strcmp(state, "running") != 0))
        return status;
    rubor_broker_wait_for(c->broker, c->peer, RUBOR_VERB_RESULT, &c->request->request, c->request->job,
                          rubor_broker_now_ms() + c->request->wait_s * 1000);
    c->answered = true;
    return RUBOR_OK;
}

/* How a course stands is not for stations. */
static void only_for_reviewers(call *c)
{
    for (size_t i = 0; only(c) && i < c->reply->session_count; i++)
        memset(&c->reply->sessions[i].summary, 0, sizeof c->reply->sessions[i].summary);
}

static rubor_status handle_list(call *c, rubor_error *error)
{
    if (only(c) && strcmp(c->request->what, "notes") == 0)
        return rubor_verb_refuse(RUBOR_VERB_LIST, c->peer->role, "read notes", RUBOR_ROLE_REVIEWER | RUBOR_ROLE_ADMIN,
                                 error);
    rubor_status status = rubor_store_list(c->broker->store, c->request, only(c), c->reply, error);
    for (size_t i = 0; !status && i < c->reply->job_count; i++)
        rubor_broker_true_state(c->broker, &c->reply->jobs[i]);
    only_for_reviewers(c);
    return status;
}

static rubor_status attach(call *c, const char *digest, rubor_error *error)
{
    rubor_status status =
        rubor_store_file_get(c->broker->store, RUBOR_STORE_PICTURE, digest, &c->picture, error);
    if (status)
        return status;
    snprintf(c->reply->digest, sizeof c->reply->digest, "%s", digest);
    bool png = c->picture.size > 4 && memcmp(c->picture.data, "\x89PNG", 4) == 0;
    snprintf(c->reply->type, sizeof c->reply->type, "%s", png ? "image/png" : "image/jpeg");
    return RUBOR_OK;
}

static rubor_status handle_photo(call *c, rubor_error *error)
{
    char digest[RUBOR_DIGEST_SIZE];
    rubor_status status =
        rubor_store_picture_of_photo(c->broker->store, c->request->digest, "photo", digest, error);
    return status ? status : attach(c, digest, error);
}

static rubor_status handle_overlay(call *c, rubor_error *error)
{
    const char *name = c->request->picture[0] ? c->request->picture : "overlay";
    rubor_job_info info;
    rubor_status status = rubor_store_job(c->broker->store, c->request->job, false, &info, error);
    if (status)
        return status;
    status = may_touch(c, info.job, error); /* every picture of a job shows the photo */
    if (status)
        return status;
    for (int i = 0; i < info.picture_count; i++)
        if (strcmp(info.pictures[i].name, name) == 0)
            return attach(c, info.pictures[i].digest, error);
    return rubor_error_set(error, RUBOR_NOT_FOUND, "job %s has no picture %s", c->request->job, name);
}

/* How much of a name is kept beside another: at most 120 bytes and no part of a letter, which could not be read back. */
static int kept_size(const char *name)
{
    size_t size = strnlen(name, 121);
    if (size <= 120)
        return (int)size;
    for (size = 120; size > 0 && ((unsigned char)name[size] & 0xc0) == 0x80;)
        size--;
    return (int)size;
}

/* Who acts, for notes and the audit: the peer, and the person it says it acts for. */
static const char *acting(const call *c, char out[RUBOR_NAME_SIZE])
{
    const char *author = c->request->author, *who = c->peer->who;
    if (!author[0] || strcmp(author, who) == 0)
        return who;
    if (strcmp(who, "local") == 0)
        return author;
    snprintf(out, RUBOR_NAME_SIZE, "%.*s (%.*s)", kept_size(author), author, kept_size(who), who);
    return out;
}

static rubor_status handle_note(call *c, rubor_error *error)
{
    char who[RUBOR_NAME_SIZE];
    return rubor_store_note_add(c->broker->store, c->request, acting(c, who), error);
}

static bool is_outside(const rubor_polygon *polygon, double width, double height)
{
    double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (size_t i = 0; i < polygon->count; i++) {
        left = fmin(left, polygon->points[i].x);
        right = fmax(right, polygon->points[i].x);
        top = fmin(top, polygon->points[i].y);
        bottom = fmax(bottom, polygon->points[i].y);
    }
    return polygon->count > 0 && (left >= width || top >= height || right <= 0 || bottom <= 0);
}

/* A photo that was measured has told its size: a region beside it is refused before it replaces anything. */
static rubor_status check_drawn(call *c, rubor_error *error)
{
    const rubor_request *r = c->request;
    rubor_job_info info = {0};
    if (!r->region.count && !r->control.count)
        return RUBOR_OK;
    rubor_status status = rubor_store_job(c->broker->store, r->job, true, &info, error);
    if (!status && info.record && info.record->photo.width > 0 && info.record->photo.height > 0) {
        int64_t width = info.record->photo.width, height = info.record->photo.height;
        bool region = is_outside(&r->region, (double)width, (double)height);
        if (region || is_outside(&r->control, (double)width, (double)height))
            status = rubor_error_set(error, RUBOR_INVALID,
                                     "the %s lies outside the photo of %lld x %lld pixels; nothing was changed",
                                     region ? "region" : "control", (long long)width, (long long)height);
    }
    rubor_job_info_finish(&info);
    return status;
}

static rubor_status check_withdraw(const rubor_request *r, rubor_error *error)
{
    bool more = r->patient[0] || r->session[0] || r->view[0] || r->day != RUBOR_DAY_UNKNOWN || r->region.count ||
                r->control.count;
    return r->withdraw && more ? rubor_error_set(error, RUBOR_INVALID,
                                                 "a photo is either withdrawn or filed anew, not both; nothing was changed")
                               : RUBOR_OK;
}

static rubor_status handle_amend(call *c, rubor_error *error)
{
    rubor_job_list changed = {0};
    char who[RUBOR_NAME_SIZE];
    rubor_status status = may_touch(c, c->request->job, error);
    if (!status)
        status = check_withdraw(c->request, error);
    if (!status)
        status = check_drawn(c, error);
    if (!status && c->request->withdraw)
        status = rubor_store_withdraw(c->broker->store, c->request->job, acting(c, who), &c->reply->job, &changed,
                                      error);
    else if (!status)
        status =
            rubor_store_amend(c->broker->store, c->request, acting(c, who), &c->reply->job, &changed, error);
    if (!status) {
        c->reply->has_job = true;
        status = rubor_job_list_add(&changed, c->reply->job.job, error);
        rubor_broker_reload_jobs(c->broker, &changed);
        rubor_broker_true_state(c->broker, &c->reply->job);
    }
    rubor_job_list_finish(&changed);
    return status;
}

static rubor_status handle_cancel(call *c, rubor_error *error)
{
    rubor_broker *broker = c->broker;
    rubor_job_info info;
    rubor_status status = may_touch(c, c->request->job, error);
    if (!status)
        status = rubor_store_job(broker->store, c->request->job, false, &info, error);
    if (!status && strcmp(info.state, "queued") != 0 && strcmp(info.state, "canceled") != 0)
        status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is %s already%s", info.job, info.state,
                                 info.current ? "; rubor amend --withdraw takes its photo out of the session" : "");
    if (!status && strcmp(info.state, "queued") == 0) {
        status = rubor_store_cancel(broker->store, info.job, c->peer->who, error);
        if (status)
            return status;
        rubor_queue_remove(broker->queue, info.job);
        rubor_broker_notify(broker, info.job);
    }
    return status ? status : job_reply(c, c->request->job, false, error);
}

static const char *state_of(const rubor_worker *worker)
{
    return worker->busy ? "busy" : "idle";
}

static void describe_workers(rubor_broker *broker, rubor_service_status *out)
{
    for (const rubor_worker *w = broker->worker_list; w && out->workers; w = w->next) {
        rubor_worker_info *info = &out->workers[out->worker_count++];
        snprintf(info->id, sizeof info->id, "%s", w->hello.id);
        snprintf(info->host, sizeof info->host, "%s", w->hello.host);
        snprintf(info->state, sizeof info->state, "%s", state_of(w));
        snprintf(info->job, sizeof info->job, "%s", w->busy ? w->lease.job.id : "");
        if (!out->sandbox[0])
            snprintf(out->sandbox, sizeof out->sandbox, "%s", w->hello.sandbox);
    }
}

static rubor_status handle_status(call *c, rubor_error *error)
{
    rubor_broker *b = c->broker;
    rubor_queue_counts counts;
    rubor_service_status *s = c->reply->service = calloc(1, sizeof *s);
    if (!s || !(s->workers = calloc((size_t)b->worker_count + 1, sizeof *s->workers)))
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_store_count(b->store, s, error);
    rubor_queue_count(b->queue, &counts);
    snprintf(s->version, sizeof s->version, "%s", RUBOR_VERSION);
    snprintf(s->algorithm, sizeof s->algorithm, "%s", RUBOR_ALGORITHM);
    snprintf(s->store, sizeof s->store, "%s", rubor_store_name(b->store));
    s->uptime_s = (double)(rubor_broker_now_ms() - b->started_ms) / 1000.0;
    s->queue_station = counts.lane[RUBOR_LANE_STATION];
    s->queue_review = counts.lane[RUBOR_LANE_REVIEW];
    s->queue_batch = counts.lane[RUBOR_LANE_BATCH];
    int64_t now = rubor_broker_now_ms(),
            *oldest[] = {&s->oldest_station_ms, &s->oldest_review_ms, &s->oldest_batch_ms};
    for (int lane = 0; lane < RUBOR_LANES; lane++)
        *oldest[lane] = counts.oldest_ms[lane] < now ? now - counts.oldest_ms[lane] : 0;
    s->results = b->results;
    s->results_ms = b->results_ms;
    s->running = counts.leased;
    s->queued = s->queued > counts.leased ? s->queued - counts.leased : 0;
    s->refused = b->refused + (b->zap ? rubor_zap_refusals(b->zap) : 0);
    s->malformed = b->malformed;
    s->late_results = b->late_results;
    s->retries = b->retries;
    s->worker_deaths = b->worker_deaths;
    s->disk_free_bytes = rubor_store_disk_free(b->store);
    s->draining = b->draining;
    describe_workers(b, s);
    return status;
}

/* What the request itself said, for who may not see the rest. */
static void echo_session(rubor_session_info *out, const rubor_request *r)
{
    snprintf(out->patient, sizeof out->patient, "%s", r->patient);
    snprintf(out->session, sizeof out->session, "%s", r->session);
    snprintf(out->date, sizeof out->date, "%s", r->date);
    snprintf(out->site, sizeof out->site, "%s", r->site);
    snprintf(out->device, sizeof out->device, "%s", r->device);
    out->needle_mm = r->needle_mm;
}

static rubor_status handle_session(call *c, rubor_error *error)
{
    const rubor_request *r = c->request;
    bool put = strcmp(r->action, "put") == 0 ||
               (!r->action[0] && (r->date[0] || r->site[0] || r->device[0] || !isnan(r->needle_mm)));
    if (r->action[0] && !put && strcmp(r->action, "get") != 0)
        return rubor_error_set(error, RUBOR_INVALID, "rubor.session: action is get or put");
    if (!isnan(r->needle_mm) && (r->needle_mm <= 0 || r->needle_mm > 10))
        return rubor_error_set(error, RUBOR_INVALID, "the needle depth must be above 0 and at most 10 mm");
    char who[RUBOR_NAME_SIZE];
    bool seen = true; /* a station records any treatment, and reads those it has photos in */
    rubor_status status = only(c) ? rubor_store_session_has_photo_of(c->broker->store, r->patient, r->session,
                                                                     c->peer->who, &seen, error)
                                  : RUBOR_OK;
    if (!status && !put && !seen)
        status = rubor_verb_refuse(RUBOR_VERB_SESSION, c->peer->role, "read a treatment that it has no photo in",
                                   RUBOR_ROLE_REVIEWER | RUBOR_ROLE_ADMIN, error);
    if (!status && put)
        status = rubor_store_session_put(c->broker->store, r, acting(c, who), error);
    if (status)
        return status;
    c->reply->sessions = calloc(1, sizeof *c->reply->sessions);
    if (!c->reply->sessions)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (seen)
        status = rubor_store_session_get(c->broker->store, r->patient, r->session, &c->reply->sessions[0], error);
    else
        echo_session(&c->reply->sessions[0], r);
    if (status)
        return status;
    c->reply->has_sessions = true;
    c->reply->session_count = 1;
    only_for_reviewers(c);
    return RUBOR_OK;
}

static rubor_status handle_profile(call *c, rubor_error *error)
{
    const rubor_request *r = c->request;
    if (strcmp(r->action, "list") == 0) {
        rubor_request *list = malloc(sizeof *list);
        if (!list)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        rubor_request_init(list, RUBOR_VERB_LIST);
        snprintf(list->what, sizeof list->what, "profiles");
        rubor_status status = rubor_store_list(c->broker->store, list, NULL, c->reply, error);
        free(list);
        return status;
    }
    if (!r->profile[0])
        return rubor_error_set(error, RUBOR_INVALID, "rubor.profile needs profile");
    if (!r->action[0] || strcmp(r->action, "get") == 0)
        return rubor_store_profile_get(c->broker->store, r->profile, &c->reply->profile_json, error);
    if (strcmp(r->action, "put") != 0)
        return rubor_error_set(error, RUBOR_INVALID, "rubor.profile: action is get, put or list");
    if (c->peer->role == RUBOR_ROLE_REVIEWER)
        return rubor_verb_refuse(RUBOR_VERB_PROFILE, c->peer->role, "store a station profile",
                                 RUBOR_ROLE_STATION | RUBOR_ROLE_ADMIN, error);
    if (!r->profile_json.size || memchr(r->profile_json.data, '\0', r->profile_json.size))
        return rubor_error_set(error, RUBOR_INVALID, "rubor.profile put needs profile_json");
    rubor_error cause = {0};
    rubor_profile *profile = malloc(sizeof *profile);
    if (!profile)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status =
        rubor_profile_read(profile, (const char *)r->profile_json.data, r->profile_json.size, &cause);
    free(profile);
    if (status)
        return rubor_error_set(error, RUBOR_INVALID, "the profile cannot be read: %s", cause.message);
    return rubor_store_profile_put(c->broker->store, r->profile, r->profile_json, c->peer->who, error);
}

static rubor_status handle_forget(call *c, rubor_error *error)
{
    rubor_job_list stopped = {0};
    char who[RUBOR_NAME_SIZE];
    rubor_status status =
        rubor_store_forget(c->broker->store, c->request->patient, c->request->unsent, acting(c, who),
                           &c->reply->removed_jobs, &c->reply->removed_photos, &stopped, error);
    if (!status)
        rubor_broker_reload_jobs(c->broker, &stopped);
    rubor_job_list_finish(&stopped);
    return status;
}

static rubor_status handle_quarantine(call *c, rubor_error *error)
{
    const rubor_request *r = c->request;
    rubor_broker *broker = c->broker;
    if (strcmp(r->action, "list") == 0)
        return rubor_store_list_state(broker->store, "quarantined", c->reply, error);
    bool retry = strcmp(r->action, "retry") == 0;
    if (!retry && strcmp(r->action, "drop") != 0)
        return rubor_error_set(error, RUBOR_INVALID, "rubor.quarantine: action is list, retry or drop");
    if (!r->job[0])
        return rubor_error_set(error, RUBOR_INVALID, "rubor.quarantine %s needs job", r->action);
    rubor_status status = job_reply(c, r->job, false, error);
    if (!status && strcmp(c->reply->job.state, "quarantined") != 0)
        status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is %s, not quarantined", r->job,
                                 c->reply->job.state);
    if (status)
        return status;
    if (!retry) {
        snprintf(c->reply->job.state, sizeof c->reply->job.state, "canceled");
        return rubor_store_drop(broker->store, r->job, c->peer->who, error);
    }
    status = rubor_store_retry(broker->store, r->job, c->peer->who, error);
    rubor_job_list one = {1, &c->reply->job.job};
    if (!status)
        rubor_broker_reload_jobs(broker, &one);
    snprintf(c->reply->job.state, sizeof c->reply->job.state, "queued");
    c->reply->job.status = RUBOR_OK;
    return status;
}

static rubor_status handle_audit(call *c, rubor_error *error)
{
    return rubor_store_audit_list(c->broker->store, c->request->after, c->request->limit, c->reply, error);
}

/* Collects the session's current records and sends them to a worker. */
static rubor_status handle_series(call *c, rubor_error *error)
{
    rubor_broker *broker = c->broker;
    if (broker->draining)
        return rubor_error_set(error, RUBOR_BUSY, "the service is being stopped");
    if (broker->errand_count >= RUBOR_ERRANDS_MOST) /* before the work of collecting them */
        return rubor_error_set(error, RUBOR_BUSY, "too many courses are being computed: try again later");
    rubor_request *list = malloc(sizeof *list);
    rubor_errand *errand = calloc(1, sizeof *errand);
    rubor_reply *records = calloc(1, sizeof *records);
    rubor_status status =
        list && errand && records ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (!status) {
        rubor_reply_init(records, NULL);
        rubor_request_init(list, RUBOR_VERB_LIST);
        snprintf(list->patient, sizeof list->patient, "%s", c->request->patient);
        snprintf(list->session, sizeof list->session, "%s", c->request->session);
        list->results = true;
        status = rubor_store_list(broker->store, list, NULL, records, error);
    }
    rubor_session_info info;
    if (!status && records->job_count > 0)
        status = rubor_store_session_get(broker->store, c->request->patient, c->request->session, &info, error);
    if (!status && records->job_count == 0)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "patient %s has no photos in session %s",
                                 c->request->patient, c->request->session);
    if (!status)
        status = rubor_reply_pack(&errand->body, records, error);
    if (!status && errand->body.size > RUBOR_ERRAND_BYTES_MOST - broker->errand_bytes)
        status = rubor_error_set(error, RUBOR_BUSY, "too many courses are being computed: try again later");
    if (!status) {
        rubor_queue_job job = {.lane = RUBOR_LANE_REVIEW, .bytes = (int64_t)errand->body.size};
        snprintf(errand->id, sizeof errand->id, "~%lld", (long long)++broker->errand_serial);
        snprintf(job.id, sizeof job.id, "%s", errand->id);
        job.deadline_ms = rubor_broker_now_ms() + 60 * 1000;
        errand->peer = *c->peer;
        errand->request = c->request->request;
        snprintf(errand->patient, sizeof errand->patient, "%s", c->request->patient);
        snprintf(errand->session, sizeof errand->session, "%s", c->request->session);
        errand->revision = info.summary.urgency[0] ? -1 : info.revision;
        status = rubor_queue_add(broker->queue, &job, rubor_broker_now_ms(), error);
    }
    if (!status) {
        errand->next = broker->errands;
        broker->errands = errand;
        broker->errand_count++;
        broker->errand_bytes += errand->body.size;
        c->answered = true;
    } else if (errand) {
        free(errand->body.data);
        free(errand);
    }
    if (records)
        rubor_reply_finish(records);
    free(records);
    free(list);
    return status;
}

static const handler handlers[RUBOR_VERB_COUNT] = {
    [RUBOR_VERB_SERIES] = handle_series,   [RUBOR_VERB_RESULT] = handle_result,
    [RUBOR_VERB_LIST] = handle_list,       [RUBOR_VERB_PHOTO] = handle_photo,
    [RUBOR_VERB_OVERLAY] = handle_overlay, [RUBOR_VERB_NOTE] = handle_note,
    [RUBOR_VERB_AMEND] = handle_amend,     [RUBOR_VERB_CANCEL] = handle_cancel,
    [RUBOR_VERB_STATUS] = handle_status,   [RUBOR_VERB_SESSION] = handle_session,
    [RUBOR_VERB_PROFILE] = handle_profile, [RUBOR_VERB_FORGET] = handle_forget,
    [RUBOR_VERB_AUDIT] = handle_audit,     [RUBOR_VERB_QUARANTINE] = handle_quarantine,
};

void rubor_broker_serve(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                        const rubor_frames *frames, size_t first_attachment)
{
    if (request->verb == RUBOR_VERB_ANALYZE || request->verb == RUBOR_VERB_COMPARE) {
        rubor_broker_take_photo(broker, peer, request, frames, first_attachment);
        return;
    }
    rubor_error error = {0};
    call c = {broker, peer, request, malloc(sizeof *c.reply), {NULL, 0}, false};
    if (!c.reply)
        return;
    rubor_reply_init(c.reply, &request->request);
    rubor_status status = handlers[request->verb](&c, &error);
    if (status) {
        broker->refused++;
        rubor_broker_refuse(broker, peer, request->verb, &request->request, &error,
                            status == RUBOR_BUSY ? 5000 : 0);
        free(c.picture.data);
    } else if (!c.answered) {
        rubor_broker_reply(broker, peer, request->verb, true, c.reply, &c.picture);
    }
    rubor_reply_finish(c.reply);
    free(c.reply);
}
