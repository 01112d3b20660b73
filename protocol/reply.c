#include "protocol/messages.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- flat structs by table ---- */

typedef enum row_kind {
    ROW_TEXT,
    ROW_PROSE,
    ROW_INT64,
    ROW_INT,
    ROW_DAY,
    ROW_NUMBER,
    ROW_BOOL,
    ROW_STATUS
} row_kind;

typedef struct row {
    const char *key;
    row_kind kind;
    size_t offset, size; /* size: of texts with NUL */
} row;

#define TEXT(type, member)                                                                                   \
    {                                                                                                        \
#member, ROW_TEXT, offsetof(type, member), sizeof(((type *)0)->member)                               \
    }
#define ROW(type, kind, member)                                                                              \
    {                                                                                                        \
#member, kind, offsetof(type, member), 0                                                             \
    }
#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

static const row job_rows[] = {
    TEXT(rubor_job_info, job),
    TEXT(rubor_job_info, state),
    ROW(rubor_job_info, ROW_INT64, sequence),
    TEXT(rubor_job_info, patient),
    TEXT(rubor_job_info, session),
    TEXT(rubor_job_info, view),
    ROW(rubor_job_info, ROW_DAY, day),
    TEXT(rubor_job_info, lane),
    TEXT(rubor_job_info, digest),
    TEXT(rubor_job_info, baseline),
    ROW(rubor_job_info, ROW_INT, attempts),
    ROW(rubor_job_info, ROW_BOOL, duplicate),
    ROW(rubor_job_info, ROW_BOOL, current),
    TEXT(rubor_job_info, verdict),
    TEXT(rubor_job_info, reference),
    TEXT(rubor_job_info, algorithm),
    TEXT(rubor_job_info, superseded_by),
    ROW(rubor_job_info, ROW_INT64, submitted_ms),
    ROW(rubor_job_info, ROW_INT64, finished_ms),
    ROW(rubor_job_info, ROW_BOOL, in_curve),
};

static const row session_rows[] = {
    TEXT(rubor_session_info, patient),
    TEXT(rubor_session_info, session),
    TEXT(rubor_session_info, date),
    TEXT(rubor_session_info, site),
    TEXT(rubor_session_info, device),
    ROW(rubor_session_info, ROW_NUMBER, needle_mm),
    ROW(rubor_session_info, ROW_INT64, photos),
    ROW(rubor_session_info, ROW_INT64, last_ms),
};

static const row note_rows[] = {
    TEXT(rubor_note, patient),
    TEXT(rubor_note, session),
    TEXT(rubor_note, view),
    ROW(rubor_note, ROW_DAY, day),
    TEXT(rubor_note, author),
    {"text", ROW_PROSE, offsetof(rubor_note, text), RUBOR_NOTE_SIZE},
    ROW(rubor_note, ROW_INT64, at_ms),
};

static const row audit_rows[] = {
    ROW(rubor_audit_line, ROW_INT64, sequence),
    ROW(rubor_audit_line, ROW_INT64, at_ms),
    TEXT(rubor_audit_line, who),
    TEXT(rubor_audit_line, action),
    TEXT(rubor_audit_line, subject),
    TEXT(rubor_audit_line, detail),
    TEXT(rubor_audit_line, hash),
};

static const row worker_rows[] = {
    TEXT(rubor_worker_info, id),
    TEXT(rubor_worker_info, host),
    TEXT(rubor_worker_info, state),
    TEXT(rubor_worker_info, job),
};

static const row service_rows[] = {
    TEXT(rubor_service_status, version),
    TEXT(rubor_service_status, algorithm),
    TEXT(rubor_service_status, store),
    TEXT(rubor_service_status, sandbox),
    ROW(rubor_service_status, ROW_NUMBER, uptime_s),
    ROW(rubor_service_status, ROW_INT64, queue_station),
    ROW(rubor_service_status, ROW_INT64, queue_review),
    ROW(rubor_service_status, ROW_INT64, queue_batch),
    ROW(rubor_service_status, ROW_INT64, queued),
    ROW(rubor_service_status, ROW_INT64, running),
    ROW(rubor_service_status, ROW_INT64, done),
    ROW(rubor_service_status, ROW_INT64, failed),
    ROW(rubor_service_status, ROW_INT64, quarantined),
    ROW(rubor_service_status, ROW_INT64, canceled),
    ROW(rubor_service_status, ROW_INT64, refused),
    ROW(rubor_service_status, ROW_INT64, malformed),
    ROW(rubor_service_status, ROW_INT64, late_results),
    ROW(rubor_service_status, ROW_INT64, retries),
    ROW(rubor_service_status, ROW_INT64, worker_deaths),
    ROW(rubor_service_status, ROW_INT64, oldest_station_ms),
    ROW(rubor_service_status, ROW_INT64, oldest_review_ms),
    ROW(rubor_service_status, ROW_INT64, oldest_batch_ms),
    ROW(rubor_service_status, ROW_INT64, results),
    ROW(rubor_service_status, ROW_INT64, results_ms),
    ROW(rubor_service_status, ROW_INT64, disk_free_bytes),
    ROW(rubor_service_status, ROW_BOOL, draining),
};

static const row landmark_rows[] = {
    ROW(rubor_landmarks, ROW_NUMBER, peak_day),
    ROW(rubor_landmarks, ROW_NUMBER, half_life_days),
    ROW(rubor_landmarks, ROW_NUMBER, resolved_day),
};

static const row flag_rows[] = {
    TEXT(rubor_series_flag, code),
    TEXT(rubor_series_flag, view),
    ROW(rubor_series_flag, ROW_INT, day),
    TEXT(rubor_series_flag, message),
};

static void put_row(rubor_wire_writer *writer, const void *object, const row *r)
{
    const void *at = (const char *)object + r->offset;
    rubor_wire_put_text(writer, r->key);
    switch (r->kind) {
    case ROW_TEXT:
    case ROW_PROSE:
        rubor_wire_put_text_or_nil(writer, at);
        break;
    case ROW_INT64:
        rubor_wire_put_integer(writer, *(const int64_t *)at);
        break;
    case ROW_INT:
    case ROW_STATUS:
        rubor_wire_put_integer(writer, *(const int *)at);
        break;
    case ROW_DAY:
        if (*(const int *)at == RUBOR_DAY_BEFORE)
            rubor_wire_put_text(writer, "before");
        else if (*(const int *)at == RUBOR_DAY_UNKNOWN)
            rubor_wire_put_nil(writer);
        else
            rubor_wire_put_integer(writer, *(const int *)at);
        break;
    case ROW_NUMBER:
        rubor_wire_put_number(writer, *(const double *)at);
        break;
    case ROW_BOOL:
        rubor_wire_put_bool(writer, *(const bool *)at);
        break;
    }
}

static void put_rows(rubor_wire_writer *writer, const void *object, const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_row(writer, object, &rows[i]);
}

static void put_flat(rubor_wire_writer *writer, const void *object, const row *rows, size_t count)
{
    rubor_wire_put_map(writer, count);
    put_rows(writer, object, rows, count);
}

static bool read_day(int *out, const msgpack_object *value)
{
    char word[8];
    int64_t day;
    if (rubor_wire_text(word, sizeof word, value) && strcmp(word, "before") == 0)
        *out = RUBOR_DAY_BEFORE;
    else if (rubor_wire_integer(&day, value, 0, RUBOR_DAY_LAST))
        *out = (int)day;
    else
        return false;
    return true;
}

static bool read_row(void *object, const row *r, const msgpack_object *value)
{
    void *at = (char *)object + r->offset;
    int64_t integer;
    bool nil = rubor_wire_is_nil(value);
    switch (r->kind) {
    case ROW_TEXT:
        return nil || rubor_wire_text(at, r->size, value);
    case ROW_PROSE:
        return nil || rubor_wire_prose(at, r->size, value);
    case ROW_INT64:
        return nil || rubor_wire_integer(at, value, INT64_MIN, INT64_MAX);
    case ROW_INT:
    case ROW_STATUS:
        if (nil)
            return true;
        if (!rubor_wire_integer(&integer, value, -1000000, 1000000))
            return false;
        *(int *)at = (int)integer;
        return true;
    case ROW_DAY:
        *(int *)at = RUBOR_DAY_UNKNOWN;
        return nil || read_day(at, value);
    case ROW_NUMBER:
        *(double *)at = NAN;
        return nil || rubor_wire_number(at, value);
    case ROW_BOOL:
        return nil || rubor_wire_bool(at, value);
    }
    return false;
}

static rubor_status read_flat(void *object, const row *rows, size_t count, const msgpack_object *map,
                              rubor_error *error)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return rubor_error_set(error, RUBOR_PROTOCOL, "reply: an entry is not a map");
    for (size_t i = 0; i < count; i++)
        if (!read_row(object, &rows[i], rubor_wire_find(map, rows[i].key)))
            return rubor_error_set(error, RUBOR_PROTOCOL, "reply: %s has a value of the wrong kind",
                                   rows[i].key);
    return RUBOR_OK;
}

/* ---- writing ---- */

static void put_error(rubor_wire_writer *writer, rubor_status status, const char *message)
{
    rubor_wire_put_text(writer, "error");
    if (status == RUBOR_OK) {
        rubor_wire_put_nil(writer);
        return;
    }
    rubor_wire_put_map(writer, 4);
    rubor_wire_put_text(writer, "code");
    rubor_wire_put_integer(writer, (int64_t)status);
    rubor_wire_put_text(writer, "name");
    rubor_wire_put_text(writer, rubor_status_name(status));
    rubor_wire_put_text(writer, "message");
    rubor_wire_put_text(writer, message[0] ? message : rubor_status_text(status));
    rubor_wire_put_text(writer, "retryable");
    rubor_wire_put_bool(writer, rubor_status_retryable(status));
}

enum { JOB_ROWS = sizeof job_rows / sizeof job_rows[0], JOB_PAIRS = JOB_ROWS + 2 };

static void put_job_pairs(rubor_wire_writer *writer, const rubor_job_info *job)
{
    put_rows(writer, job, ROWS(job_rows));
    rubor_wire_put_text(writer, "pictures");
    rubor_wire_put_map(writer, (size_t)job->picture_count);
    for (int i = 0; i < job->picture_count; i++) {
        rubor_wire_put_text(writer, job->pictures[i].name);
        rubor_wire_put_text(writer, job->pictures[i].digest);
    }
    rubor_wire_put_text(writer, "result");
    if (job->record)
        rubor_record_pack(writer, job->record);
    else
        rubor_wire_put_nil(writer);
}

static void put_array_of(rubor_wire_writer *writer, const char *key, const void *items, size_t count,
                         size_t size, const row *rows, size_t row_count)
{
    rubor_wire_put_text(writer, key);
    rubor_wire_put_array(writer, count);
    for (size_t i = 0; i < count; i++)
        put_flat(writer, (const char *)items + i * size, rows, row_count);
}

static void put_series(rubor_wire_writer *writer, const rubor_series *series)
{
    rubor_wire_put_text(writer, "series");
    rubor_wire_put_array(writer, (size_t)series->view_count);
    for (int i = 0; i < series->view_count; i++) {
        rubor_wire_put_map(writer, 3);
        rubor_wire_put_text(writer, "view");
        rubor_wire_put_text(writer, series->views[i].view);
        rubor_wire_put_text(writer, "redness");
        put_flat(writer, &series->views[i].redness, ROWS(landmark_rows));
        rubor_wire_put_text(writer, "pigmentation");
        put_flat(writer, &series->views[i].pigmentation, ROWS(landmark_rows));
    }
    put_array_of(writer, "flags", series->flags, (size_t)series->flag_count, sizeof series->flags[0],
                 ROWS(flag_rows));
}

static size_t count_pairs(const rubor_reply *reply)
{
    return 3 + (reply->retry_after_ms > 0) + (reply->has_job ? JOB_PAIRS : 0) + reply->has_jobs +
           reply->has_sessions + reply->has_notes + reply->has_names + (reply->has_audit ? 2 : 0) +
           (reply->profile_json != NULL) + (reply->series ? 2 : 0) + (reply->service ? 2 : 0) +
           (!reply->has_job && reply->digest[0]) + (reply->type[0] != '\0') +
           (reply->removed_jobs >= 0 ? 2 : 0) + (reply->next > 0);
}

static void put_jobs(rubor_wire_writer *writer, const rubor_reply *reply)
{
    rubor_wire_put_text(writer, "jobs");
    rubor_wire_put_array(writer, reply->job_count);
    for (size_t i = 0; i < reply->job_count; i++) {
        rubor_wire_put_map(writer, JOB_PAIRS + 1);
        put_job_pairs(writer, &reply->jobs[i]);
        put_error(writer, reply->jobs[i].status, reply->jobs[i].error);
    }
}

static void put_lists(rubor_wire_writer *writer, const rubor_reply *reply)
{
    if (reply->has_jobs)
        put_jobs(writer, reply);
    if (reply->has_sessions)
        put_array_of(writer, "sessions", reply->sessions, reply->session_count, sizeof reply->sessions[0],
                     ROWS(session_rows));
    if (reply->has_notes)
        put_array_of(writer, "notes", reply->notes, reply->note_count, sizeof reply->notes[0],
                     ROWS(note_rows));
    if (reply->has_names) {
        rubor_wire_put_text(writer, "names");
        rubor_wire_put_array(writer, reply->name_count);
        for (size_t i = 0; i < reply->name_count; i++)
            rubor_wire_put_text(writer, reply->names[i]);
    }
    if (reply->has_audit) {
        put_array_of(writer, "audit", reply->audit, reply->audit_count, sizeof reply->audit[0],
                     ROWS(audit_rows));
        rubor_wire_put_text(writer, "intact");
        rubor_wire_put_bool(writer, reply->audit_intact);
    }
    if (reply->service) {
        rubor_wire_put_text(writer, "service");
        put_flat(writer, reply->service, ROWS(service_rows));
        put_array_of(writer, "workers", reply->service->workers, reply->service->worker_count,
                     sizeof reply->service->workers[0], ROWS(worker_rows));
    }
}

static void put_rest(rubor_wire_writer *writer, const rubor_reply *reply)
{
    if (reply->profile_json) {
        rubor_wire_put_text(writer, "profile_json");
        rubor_wire_put_text(writer, reply->profile_json);
    }
    if (reply->series)
        put_series(writer, reply->series);
    if (!reply->has_job && reply->digest[0]) {
        rubor_wire_put_text(writer, "digest");
        rubor_wire_put_text(writer, reply->digest);
    }
    if (reply->type[0]) {
        rubor_wire_put_text(writer, "type");
        rubor_wire_put_text(writer, reply->type);
    }
    if (reply->removed_jobs >= 0) {
        rubor_wire_put_text(writer, "removed_jobs");
        rubor_wire_put_integer(writer, reply->removed_jobs);
        rubor_wire_put_text(writer, "removed_photos");
        rubor_wire_put_integer(writer, reply->removed_photos);
    }
    if (reply->next > 0) {
        rubor_wire_put_text(writer, "next");
        rubor_wire_put_integer(writer, reply->next);
    }
}

rubor_status rubor_reply_pack(rubor_buffer *out, const rubor_reply *reply, rubor_error *error)
{
    static const uint8_t nil = 0xc0;
    rubor_wire_writer writer;
    rubor_wire_writer_init(&writer);
    rubor_wire_put_map(&writer, count_pairs(reply));
    rubor_wire_put_text(&writer, "request");
    if (reply->request.size)
        rubor_wire_put_raw(&writer, (rubor_bytes){reply->request.packed, reply->request.size});
    else
        rubor_wire_put_raw(&writer, (rubor_bytes){&nil, 1});
    rubor_wire_put_text(&writer, "status");
    rubor_wire_put_integer(&writer, (int64_t)reply->status);
    if (reply->status == RUBOR_OK && reply->has_job)
        put_error(&writer, reply->job.status, reply->job.error);
    else
        put_error(&writer, reply->status, reply->error);
    if (reply->retry_after_ms > 0) {
        rubor_wire_put_text(&writer, "retry_after_ms");
        rubor_wire_put_integer(&writer, reply->retry_after_ms);
    }
    if (reply->has_job)
        put_job_pairs(&writer, &reply->job);
    put_lists(&writer, reply);
    put_rest(&writer, reply);
    rubor_status status = rubor_wire_take(out, &writer, error);
    rubor_wire_writer_finish(&writer);
    return status;
}

/* ---- reading ---- */

static rubor_status wrong(const char *key, rubor_error *error)
{
    return rubor_error_set(error, RUBOR_PROTOCOL, "reply: %s has a value of the wrong kind", key);
}

static rubor_status read_error(rubor_status *status, char *message, size_t size, const msgpack_object *map,
                               rubor_error *error)
{
    if (rubor_wire_is_nil(map))
        return RUBOR_OK;
    int64_t code;
    if (!rubor_wire_integer(&code, rubor_wire_find(map, "code"), 0, 1000) ||
        !rubor_wire_text(message, size, rubor_wire_find(map, "message")))
        return wrong("error", error);
    *status = rubor_status_from_wire((int)code);
    return RUBOR_OK;
}

static rubor_status read_pictures(rubor_job_info *job, const msgpack_object *map, rubor_error *error)
{
    if (rubor_wire_is_nil(map))
        return RUBOR_OK;
    if (map->type != MSGPACK_OBJECT_MAP || map->via.map.size > RUBOR_JOB_PICTURES)
        return wrong("pictures", error);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        rubor_picture_ref *picture = &job->pictures[i];
        if (!rubor_wire_text(picture->name, sizeof picture->name, &map->via.map.ptr[i].key) ||
            !rubor_wire_text(picture->digest, sizeof picture->digest, &map->via.map.ptr[i].val))
            return wrong("pictures", error);
    }
    job->picture_count = (int)map->via.map.size;
    return RUBOR_OK;
}

static rubor_status read_job(rubor_job_info *job, const msgpack_object *map, rubor_error *error)
{
    rubor_status status = read_flat(job, ROWS(job_rows), map, error);
    if (!status)
        status = read_pictures(job, rubor_wire_find(map, "pictures"), error);
    if (!status)
        status =
            read_error(&job->status, job->error, sizeof job->error, rubor_wire_find(map, "error"), error);
    const msgpack_object *result = rubor_wire_find(map, "result");
    if (status || rubor_wire_is_nil(result))
        return status;
    job->record = malloc(sizeof *job->record);
    if (!job->record)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    return rubor_record_unpack(job->record, result, error);
}

static void job_start(rubor_job_info *job)
{
    memset(job, 0, sizeof *job);
    job->day = RUBOR_DAY_UNKNOWN;
}

/* Allocates *items for the array under key; *count grows with what was read, so that finish frees what is
 * there. */
static rubor_status read_array_of(void **items, size_t *count, bool *present, size_t size, const row *rows,
                                  size_t row_count, const msgpack_object *map, const char *key,
                                  rubor_error *error)
{
    const msgpack_object *array = rubor_wire_find(map, key);
    if (rubor_wire_is_nil(array))
        return RUBOR_OK;
    if (array->type != MSGPACK_OBJECT_ARRAY)
        return wrong(key, error);
    *items = calloc((size_t)array->via.array.size + 1, size);
    if (!*items)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    if (present)
        *present = true;
    for (uint32_t i = 0; i < array->via.array.size; i++) {
        rubor_status status =
            read_flat((char *)*items + i * size, rows, row_count, &array->via.array.ptr[i], error);
        if (status)
            return status;
        *count = i + 1;
    }
    return RUBOR_OK;
}

static rubor_status read_jobs(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    const msgpack_object *array = rubor_wire_find(map, "jobs");
    if (rubor_wire_is_nil(array))
        return RUBOR_OK;
    if (array->type != MSGPACK_OBJECT_ARRAY)
        return wrong("jobs", error);
    reply->jobs = calloc((size_t)array->via.array.size + 1, sizeof *reply->jobs);
    if (!reply->jobs)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    reply->has_jobs = true;
    for (uint32_t i = 0; i < array->via.array.size; i++) {
        job_start(&reply->jobs[i]);
        reply->job_count = i + 1;
        rubor_status status = read_job(&reply->jobs[i], &array->via.array.ptr[i], error);
        if (status)
            return status;
    }
    return RUBOR_OK;
}

static rubor_status read_series(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    const msgpack_object *views = rubor_wire_find(map, "series");
    if (rubor_wire_is_nil(views))
        return RUBOR_OK;
    if (views->type != MSGPACK_OBJECT_ARRAY || views->via.array.size > RUBOR_SERIES_VIEWS)
        return wrong("series", error);
    reply->series = calloc(1, sizeof *reply->series);
    if (!reply->series)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    rubor_status status = RUBOR_OK;
    for (uint32_t i = 0; !status && i < views->via.array.size; i++) {
        rubor_series_view *view = &reply->series->views[i];
        const msgpack_object *entry = &views->via.array.ptr[i];
        if (!rubor_wire_text(view->view, sizeof view->view, rubor_wire_find(entry, "view")))
            return wrong("view", error);
        status = read_flat(&view->redness, ROWS(landmark_rows), rubor_wire_find(entry, "redness"), error);
        if (!status)
            status = read_flat(&view->pigmentation, ROWS(landmark_rows),
                               rubor_wire_find(entry, "pigmentation"), error);
        reply->series->view_count++;
    }
    const msgpack_object *flags = rubor_wire_find(map, "flags");
    if (status || rubor_wire_is_nil(flags))
        return status;
    if (flags->type != MSGPACK_OBJECT_ARRAY || flags->via.array.size > RUBOR_SERIES_FLAGS)
        return wrong("flags", error);
    for (uint32_t i = 0; !status && i < flags->via.array.size; i++) {
        status = read_flat(&reply->series->flags[i], ROWS(flag_rows), &flags->via.array.ptr[i], error);
        reply->series->flag_count++;
    }
    return status;
}

static rubor_status read_names(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    const msgpack_object *array = rubor_wire_find(map, "names");
    if (rubor_wire_is_nil(array))
        return RUBOR_OK;
    if (array->type != MSGPACK_OBJECT_ARRAY)
        return wrong("names", error);
    reply->names = calloc((size_t)array->via.array.size + 1, sizeof *reply->names);
    if (!reply->names)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    reply->has_names = true;
    for (uint32_t i = 0; i < array->via.array.size; i++) {
        if (!rubor_wire_text(reply->names[i], RUBOR_NAME_SIZE, &array->via.array.ptr[i]))
            return wrong("names", error);
        reply->name_count = i + 1;
    }
    return RUBOR_OK;
}

static rubor_status read_service(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    const msgpack_object *service = rubor_wire_find(map, "service");
    if (rubor_wire_is_nil(service))
        return RUBOR_OK;
    reply->service = calloc(1, sizeof *reply->service);
    if (!reply->service)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a reply");
    rubor_status status = read_flat(reply->service, ROWS(service_rows), service, error);
    if (status)
        return status;
    return read_array_of((void **)&reply->service->workers, &reply->service->worker_count, NULL,
                         sizeof reply->service->workers[0], ROWS(worker_rows), map, "workers", error);
}

static rubor_status read_profile(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    const msgpack_object *value = rubor_wire_find(map, "profile_json");
    if (rubor_wire_is_nil(value))
        return RUBOR_OK;
    if (value->type != MSGPACK_OBJECT_STR)
        return wrong("profile_json", error);
    reply->profile_json = strndup(value->via.str.ptr, value->via.str.size);
    return reply->profile_json ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
}

static rubor_status read_scalars(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    static const row rows[] = {
        ROW(rubor_reply, ROW_INT64, retry_after_ms),
        ROW(rubor_reply, ROW_INT64, next),
        ROW(rubor_reply, ROW_INT64, removed_jobs),
        ROW(rubor_reply, ROW_INT64, removed_photos),
        TEXT(rubor_reply, digest),
        TEXT(rubor_reply, type),
        {"intact", ROW_BOOL, offsetof(rubor_reply, audit_intact), 0},
    };
    int64_t code;
    if (!rubor_wire_integer(&code, rubor_wire_find(map, "status"), 0, 1000))
        return wrong("status", error);
    reply->status = code == 0 ? RUBOR_OK : rubor_status_from_wire((int)code);
    const msgpack_object *id = rubor_wire_find(map, "request");
    if (!rubor_wire_is_nil(id)) {
        msgpack_sbuffer buffer;
        msgpack_sbuffer_init(&buffer);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        if (msgpack_pack_object(&packer, *id) == 0 && buffer.size <= sizeof reply->request.packed) {
            memcpy(reply->request.packed, buffer.data, buffer.size);
            reply->request.size = buffer.size;
        }
        msgpack_sbuffer_destroy(&buffer);
    }
    return read_flat(reply, ROWS(rows), map, error);
}

static rubor_status read_all(rubor_reply *reply, const msgpack_object *map, rubor_error *error)
{
    rubor_status status = read_scalars(reply, map, error), ignored = RUBOR_OK;
    if (!status && rubor_wire_find(map, "job")) {
        reply->has_job = true;
        status = read_job(&reply->job, map, error);
    }
    if (!status && reply->status)
        status =
            read_error(&ignored, reply->error, sizeof reply->error, rubor_wire_find(map, "error"), error);
    if (!status)
        status = read_jobs(reply, map, error);
    if (!status)
        status = read_array_of((void **)&reply->sessions, &reply->session_count, &reply->has_sessions,
                               sizeof reply->sessions[0], ROWS(session_rows), map, "sessions", error);
    if (!status)
        status = read_array_of((void **)&reply->notes, &reply->note_count, &reply->has_notes,
                               sizeof reply->notes[0], ROWS(note_rows), map, "notes", error);
    if (!status)
        status = read_array_of((void **)&reply->audit, &reply->audit_count, &reply->has_audit,
                               sizeof reply->audit[0], ROWS(audit_rows), map, "audit", error);
    if (!status)
        status = read_names(reply, map, error);
    if (!status)
        status = read_service(reply, map, error);
    if (!status)
        status = read_profile(reply, map, error);
    if (!status)
        status = read_series(reply, map, error);
    return status;
}

rubor_status rubor_reply_unpack(rubor_reply *out, rubor_bytes body, rubor_error *error)
{
    rubor_reply_init(out, NULL);
    rubor_wire_body unpacked;
    rubor_status status =
        rubor_wire_unpack(&unpacked, body, RUBOR_WIRE_REPLY_BYTES, RUBOR_WIRE_REPLY_VALUES, error);
    if (status)
        return status;
    if (unpacked.root.type != MSGPACK_OBJECT_MAP)
        status = rubor_error_set(error, RUBOR_PROTOCOL, "reply body is not a map");
    else
        status = read_all(out, &unpacked.root, error);
    rubor_wire_body_finish(&unpacked);
    if (status)
        rubor_reply_finish(out);
    return status;
}

/* ---- life ---- */

void rubor_job_info_finish(rubor_job_info *info)
{
    if (!info)
        return;
    free(info->record);
    info->record = NULL;
}

void rubor_reply_init(rubor_reply *reply, const rubor_request_id *request)
{
    memset(reply, 0, sizeof *reply);
    if (request)
        reply->request = *request;
    reply->removed_jobs = reply->removed_photos = -1;
    reply->job.day = RUBOR_DAY_UNKNOWN;
}

void rubor_reply_finish(rubor_reply *reply)
{
    if (!reply)
        return;
    rubor_job_info_finish(&reply->job);
    for (size_t i = 0; i < reply->job_count; i++)
        rubor_job_info_finish(&reply->jobs[i]);
    free(reply->jobs);
    free(reply->sessions);
    free(reply->notes);
    free(reply->audit);
    free(reply->names);
    free(reply->profile_json);
    free(reply->series);
    if (reply->service)
        free(reply->service->workers);
    free(reply->service);
    rubor_reply_init(reply, NULL);
}
