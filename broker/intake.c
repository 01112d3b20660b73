/* Taking photos: checked, on disk, acknowledged, queued, in this order; photos that arrive together reach the
 * disk together (group.c). */
#include "broker/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

rubor_status rubor_broker_enqueue(rubor_broker *broker, const rubor_pending_job *pending, rubor_error *error)
{
    struct rubor_queue_job job = {.group = pending->group,
                                  .is_baseline = pending->is_baseline,
                                  .bytes = pending->bytes,
                                  .attempts = pending->attempts,
                                  .deaths = pending->deaths};
    if (!rubor_lane_from_name(&job.lane, pending->lane))
        job.lane = RUBOR_LANE_BATCH;
    snprintf(job.id, sizeof job.id, "%s", pending->job);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t now = rubor_broker_now_ms(), wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    /* The wall clock may have been set since: a job is then neither ancient nor unborn, and has never longer
     * to its deadline than it was given. */
    int64_t waited = wall_ms - pending->submitted_ms;
    if (waited < 0 || waited > (int64_t)7 * 86400 * 1000)
        waited = 0;
    if (pending->deadline_ms) {
        int64_t left = pending->deadline_ms - wall_ms, given = pending->deadline_ms - pending->submitted_ms;
        if (left > given)
            left = given;
        job.deadline_ms = left > 0 ? now + left : 1;
    }
    return rubor_queue_add(broker->queue, &job, now - waited, error);
}

void rubor_broker_reload_jobs(rubor_broker *broker, const rubor_job_list *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        rubor_pending_job pending;
        rubor_error error = {0};
        rubor_status status = rubor_store_pending(broker->store, jobs->jobs[i], &pending, &error);
        if (status == RUBOR_NOT_FOUND) {
            rubor_queue_remove(broker->queue, jobs->jobs[i]);
            rubor_broker_notify(broker, jobs->jobs[i]);
        } else if (!status && rubor_queue_find(broker->queue, jobs->jobs[i], NULL) == RUBOR_QUEUE_ABSENT) {
            status = rubor_broker_enqueue(broker, &pending, &error);
        }
        if (status && status != RUBOR_NOT_FOUND)
            rubor_broker_log(broker, RUBOR_LOG_ERROR, "cannot queue job=%s: %s", jobs->jobs[i],
                             error.message);
    }
}

void rubor_broker_true_state(rubor_broker *broker, rubor_job_info *info)
{
    rubor_queue_job job;
    if (strcmp(info->state, "queued") != 0)
        return;
    rubor_queue_state state = rubor_queue_find(broker->queue, info->job, &job);
    if (state == RUBOR_QUEUE_LEASED)
        snprintf(info->state, sizeof info->state, "running");
    if (state != RUBOR_QUEUE_ABSENT)
        info->attempts = job.attempts;
}

static bool looks_like_photo(rubor_bytes bytes)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
    return (bytes.size > sizeof jpeg && memcmp(bytes.data, jpeg, sizeof jpeg) == 0) ||
           (bytes.size > sizeof png && memcmp(bytes.data, png, sizeof png) == 0);
}

/* The cheap half of what decoding checks; the rest is for a worker's sandbox. */
static rubor_status check_photo(rubor_bytes bytes, const char *what, rubor_error *error)
{
    if (bytes.size == 0)
        return rubor_error_set(error, RUBOR_INVALID, "the %s is missing or empty", what);
    if (bytes.size > RUBOR_LIMIT_PHOTO_BYTES)
        return rubor_error_set(error, RUBOR_TOO_LARGE, "the %s is over %d MiB", what,
                               RUBOR_LIMIT_PHOTO_BYTES / 1024 / 1024);
    if (!looks_like_photo(bytes))
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "the %s is neither JPEG nor PNG", what);
    return RUBOR_OK;
}

static rubor_status check_request(rubor_broker *broker, const rubor_request *request, int64_t bytes,
                                  int64_t *retry_after_ms, rubor_error *error)
{
    rubor_lane lane;
    *retry_after_ms = 0;
    if (request->lane[0] && !rubor_lane_from_name(&lane, request->lane))
        return rubor_error_set(error, RUBOR_INVALID, "lane is station, review or batch");
    if (request->edition[0] && strcmp(request->edition, "before2014") != 0 &&
        strcmp(request->edition, "after2014") != 0)
        return rubor_error_set(error, RUBOR_INVALID, "edition is before2014 or after2014");
    if (request->profile[0]) {
        char *json;
        rubor_status status = rubor_store_profile_get(broker->store, request->profile, &json, error);
        free(json);
        if (status)
            return status;
    }
    if (broker->draining) {
        *retry_after_ms = 5000;
        return rubor_error_set(error, RUBOR_BUSY, "the service is being stopped");
    }
    return rubor_queue_admit(broker->queue, broker->group.count + 1, broker->group.bytes + bytes,
                             rubor_store_disk_free(broker->store), retry_after_ms, error);
}

/* A photo that is named by its digest and not attached: it must be stored, and a station's own. */
static rubor_status check_stored(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                                 int64_t *bytes, rubor_error *error)
{
    const char *who = peer->role == RUBOR_ROLE_STATION ? peer->who : NULL;
    return rubor_store_photo_bytes(broker->store, request->digest, who, bytes, error);
}

/* Digest and file of a comparison's baseline: attached, or stored already. */
static rubor_status take_baseline(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                                  rubor_bytes attached, char digest[RUBOR_DIGEST_SIZE], rubor_error *error)
{
    if (attached.size == 0 && !request->digest[0])
        return rubor_error_set(error, RUBOR_INVALID, "rubor.compare needs a baseline: frame 5 or digest");
    if (attached.size == 0) {
        int64_t bytes;
        rubor_status status = check_stored(broker, peer, request, &bytes, error);
        snprintf(digest, RUBOR_DIGEST_SIZE, "%s", request->digest);
        return status;
    }
    rubor_status status = check_photo(attached, "baseline", error);
    if (!status) {
        rubor_digest(digest, attached);
        status = rubor_store_file_put(broker->store, RUBOR_STORE_PHOTO, digest, attached, error);
    }
    return status;
}

/* A photo that a client kept for a while may be of a patient who was forgotten meanwhile: it must not bring
 * the patient back. How long it waited is the client's own reckoning, so that its clock need not be right. */
static rubor_status check_forgotten(rubor_broker *broker, const rubor_request *request, rubor_error *error)
{
    int64_t forgotten_ms = 0;
    if (request->waited_ms <= 0)
        return RUBOR_OK;
    rubor_status status = rubor_store_forgotten(broker->store, request->patient, &forgotten_ms, error);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t since_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000 - request->waited_ms;
    if (!status && since_ms <= forgotten_ms)
        status = rubor_error_set(error, RUBOR_FORGOTTEN,
                                 "patient %s was forgotten after this photo was taken; it is not filed",
                                 request->patient);
    return status;
}

static rubor_status keep(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                         const rubor_frames *frames, size_t at, int64_t bytes, rubor_job_info *info,
                         rubor_error *error)
{
    rubor_bytes photo = rubor_frame(frames, at);
    char digest[RUBOR_DIGEST_SIZE], baseline[RUBOR_DIGEST_SIZE] = "";
    bool compare = request->verb == RUBOR_VERB_COMPARE;
    if (photo.size)
        rubor_digest(digest, photo);
    else
        snprintf(digest, sizeof digest, "%s", request->digest);
    rubor_status status = RUBOR_OK;
    if (compare)
        status = take_baseline(broker, peer, request, rubor_frame(frames, at + 1), baseline, error);
    if (!status && photo.size)
        status = rubor_store_file_put(broker->store, RUBOR_STORE_PHOTO, digest, photo, error);
    if (!status)
        status = rubor_store_submit(broker->store, request, digest, compare ? baseline : NULL, bytes,
                                    peer->who, info, error);
    /* What is filed by nothing does not stay. */
    if (status && photo.size)
        rubor_store_file_release(broker->store, RUBOR_STORE_PHOTO, digest);
    if (status && compare && rubor_frame(frames, at + 1).size && baseline[0])
        rubor_store_file_release(broker->store, RUBOR_STORE_PHOTO, baseline);
    return status;
}

void rubor_broker_acknowledge(rubor_broker *broker, rubor_group_item *item)
{
    rubor_job_info *info = &item->info;
    bool over = strcmp(info->state, "queued") != 0;
    if (!over && rubor_queue_find(broker->queue, info->job, NULL) == RUBOR_QUEUE_ABSENT) {
        rubor_job_list one = {1, &info->job};
        rubor_broker_reload_jobs(broker, &one);
    }
    rubor_broker_true_state(broker, info);
    rubor_reply *reply = malloc(sizeof *reply);
    if (!reply)
        return;
    rubor_reply_init(reply, &item->request);
    reply->has_job = true;
    reply->job = *info;
    reply->job.record = NULL;
    rubor_broker_reply(broker, &item->peer, item->verb, item->no_wait && !over, reply, NULL);
    free(reply);
    if (item->no_wait && !over)
        return;
    rubor_waiter *waiter =
        rubor_broker_wait_for(broker, &item->peer, item->verb, &item->request, info->job, 0);
    if (waiter)
        waiter->duplicate = info->duplicate;
    if (over)
        rubor_broker_notify(broker, info->job);
}

/* Into the open group. What does not go smoothly is tried once more in a group of its own, so that one
 * photo's trouble is not that of the others. */
static rubor_status keep_in_group(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                                  const rubor_frames *frames, size_t at, int64_t bytes, rubor_job_info *info,
                                  rubor_error *error)
{
    rubor_status status = rubor_broker_group_open(broker, error);
    if (!status)
        status = keep(broker, peer, request, frames, at, bytes, info, error);
    if (status && broker->group.count > 0) {
        rubor_broker_settle(broker);
        status = rubor_broker_group_open(broker, error);
        if (!status)
            status = keep(broker, peer, request, frames, at, bytes, info, error);
    }
    if (status)
        rubor_broker_settle(broker); /* empty */
    return status;
}

void rubor_broker_take_photo(rubor_broker *broker, const rubor_peer *peer, const rubor_request *request,
                             const rubor_frames *frames, size_t at)
{
    rubor_error error = {0};
    rubor_job_info info = {0};
    int64_t retry_after_ms = 0;
    rubor_bytes photo = rubor_frame(frames, at);
    int64_t bytes = (int64_t)photo.size;
    if (request->digest[0]) /* names a stored photo: one that is on the disk */
        rubor_broker_settle(broker);
    bool named = photo.size == 0 && request->verb == RUBOR_VERB_ANALYZE && request->digest[0];
    rubor_status status = check_forgotten(broker, request, &error);
    if (!status)
        status = named ? check_stored(broker, peer, request, &bytes, &error) : check_photo(photo, "photo", &error);
    if (!status)
        status = check_request(broker, request, bytes, &retry_after_ms, &error);
    if (!status)
        status = keep_in_group(broker, peer, request, frames, at, bytes, &info, &error);
    if (status) {
        broker->refused += !(named && status == RUBOR_NOT_FOUND); /* a question, answered */
        if (status == RUBOR_IO) {
            retry_after_ms = 5000;
            rubor_broker_log(broker, RUBOR_LOG_ERROR, "a photo could not be stored: %s", error.message);
        }
        rubor_broker_refuse(broker, peer, request->verb, &request->request, &error, retry_after_ms);
        return;
    }
    rubor_group_item *item = rubor_broker_group_next(broker);
    snprintf(item->job, sizeof item->job, "%s", info.job);
    item->peer = *peer;
    item->verb = request->verb;
    item->request = request->request;
    item->no_wait = request->no_wait;
    item->info = info;
    rubor_broker_group_added(broker, bytes);
}
