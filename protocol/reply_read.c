#include "protocol/reply_rows.h"

#include <stdlib.h>
#include <string.h>

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
    if (!status)
        status = read_flat(&reply->summary, ROWS(summary_rows), rubor_wire_find(map, "summary"), error);
    if (!status && !rubor_urgency_rank(reply->summary.urgency))
        return wrong("urgency", error);
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
