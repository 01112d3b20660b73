#include "protocol/reply_rows.h"

#include <stdlib.h>
#include <string.h>

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

static void put_series(rubor_wire_writer *writer, const rubor_series *series, const rubor_summary *summary)
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
    rubor_wire_put_text(writer, "summary");
    put_flat(writer, summary, ROWS(summary_rows));
}

static size_t count_pairs(const rubor_reply *reply)
{
    return 3 + (reply->retry_after_ms > 0) + (reply->has_job ? JOB_PAIRS : 0) + reply->has_jobs +
           reply->has_sessions + reply->has_notes + reply->has_names + (reply->has_audit ? 2 : 0) +
           (reply->profile_json != NULL) + (reply->series ? 3 : 0) + (reply->service ? 2 : 0) +
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
        put_series(writer, reply->series, &reply->summary);
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
