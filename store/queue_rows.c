/* What the queue and the workers are told of a job. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bit; a collision only makes a visit wait for a stranger's baseline. */
static uint64_t group_hash(uint64_t hash, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text;; at++) {
        hash = (hash ^ *at) * 0x100000001b3u;
        if (!*at)
            return hash;
    }
}

#define PENDING_COLUMNS                                                                                      \
    "SELECT j.id, j.lane, f.kind, f.patient, f.session, f.view, f.day, j.attempts, j.deaths, p.bytes,"       \
    " j.submitted_ms, j.deadline_ms FROM jobs j JOIN filings f ON f.id = j.filing"                           \
    " JOIN photos p ON p.digest = f.photo "

static void read_pending(rubor_pending_job *out, sqlite3_stmt *statement)
{
    memset(out, 0, sizeof *out);
    char text[RUBOR_NAME_SIZE];
    rubor_sql_text(out->job, sizeof out->job, statement, 0);
    rubor_sql_text(out->lane, sizeof out->lane, statement, 1);
    rubor_sql_text(text, sizeof text, statement, 2);
    if (strcmp(text, "visit") == 0) {
        out->group = 0xcbf29ce484222325u;
        for (int column = 3; column <= 5; column++) {
            rubor_sql_text(text, sizeof text, statement, column);
            out->group = group_hash(out->group, text);
        }
        out->group |= 1; /* 0 means none */
        out->is_baseline = sqlite3_column_int(statement, 6) == RUBOR_DAY_BEFORE;
    }
    out->attempts = sqlite3_column_int(statement, 7);
    out->deaths = sqlite3_column_int(statement, 8);
    out->bytes = sqlite3_column_int64(statement, 9);
    out->submitted_ms = sqlite3_column_int64(statement, 10);
    out->deadline_ms = sqlite3_column_int64(statement, 11);
}

rubor_status rubor_store_pending(rubor_store *store, const char *job, rubor_pending_job *out,
                                 rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error, PENDING_COLUMNS "WHERE j.id = ? AND j.state = 'queued'", "s", job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "job %s is not queued", job);
    if (!status)
        read_pending(out, statement);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_each_pending(rubor_store *store, rubor_pending_visitor visit, void *context,
                                      rubor_error *error)
{
    sqlite3_stmt *statement;
    rubor_pending_job job;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            PENDING_COLUMNS "WHERE j.state = 'queued' ORDER BY j.seq", "");
    bool row = true;
    while (!status && row) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        read_pending(&job, statement);
        status = visit(context, &job, error);
    }
    rubor_sql_done(store, statement);
    return status;
}

/* ---- the task ---- */

/* Region, control and profile name of the photo that is the baseline, as it was filed. */
static rubor_status read_baseline_parameters(rubor_store *store, int64_t filing, rubor_request *task, char *profile,
                                             rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT parameters, profile FROM filings WHERE id = ?", "i", filing);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    rubor_request *filed = row ? malloc(sizeof *filed) : NULL;
    if (row && !filed)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (!status && row) {
        rubor_bytes packed = {sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)};
        status = rubor_request_unpack(filed, RUBOR_VERB_COMPARE, packed, error);
        if (!status) {
            task->baseline_region = filed->region;
            task->baseline_control = filed->control;
            rubor_sql_text(profile, RUBOR_NAME_SIZE, statement, 1);
        }
    }
    free(filed);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status load_profile(rubor_store *store, const char *name, char **json, rubor_error *error)
{
    if (!name[0])
        return RUBOR_OK;
    rubor_status status = rubor_store_profile_get(store, name, json, error);
    return status;
}

static rubor_status build_task(rubor_store *store, const char *job, rubor_bytes parameters, rubor_task *out,
                               rubor_request *task, rubor_error *error)
{
    char baseline_profile[RUBOR_NAME_SIZE] = "";
    rubor_status status = rubor_request_unpack(task, RUBOR_VERB_COMPARE, parameters, error);
    if (!status && out->baseline[0])
        status = rubor_baseline_filing(store, job, out->baseline, &out->baseline_filing, error);
    if (!status && out->baseline_filing)
        status = read_baseline_parameters(store, out->baseline_filing, task, baseline_profile, error);
    if (!status)
        status = load_profile(store, task->profile, &out->profile_json, error);
    if (!status)
        status = load_profile(store, baseline_profile, &out->baseline_profile_json, error);
    if (!status)
        status = rubor_request_pack(&out->parameters, task, error);
    return status;
}

rubor_status rubor_store_task(rubor_store *store, const char *job, rubor_task *out, rubor_error *error)
{
    memset(out, 0, sizeof *out);
    snprintf(out->job, sizeof out->job, "%s", job);
    sqlite3_stmt *statement;
    bool row = false;
    rubor_request *task = NULL;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error,
                          "SELECT f.photo, j.baseline, f.parameters FROM jobs j JOIN filings f ON"
                          " f.id = j.filing WHERE j.id = ?",
                          "s", job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "job %s is unknown", job);
    if (!status && !(task = malloc(sizeof *task)))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (!status) {
        rubor_sql_text(out->digest, sizeof out->digest, statement, 0);
        rubor_sql_text(out->baseline, sizeof out->baseline, statement, 1);
        rubor_bytes parameters = {sqlite3_column_blob(statement, 2),
                                  (size_t)sqlite3_column_bytes(statement, 2)};
        status = build_task(store, job, parameters, out, task, error);
    }
    free(task);
    rubor_sql_done(store, statement);
    if (status)
        rubor_task_finish(out);
    return status;
}

void rubor_task_finish(rubor_task *task)
{
    if (!task)
        return;
    free(task->parameters.data);
    free(task->profile_json);
    free(task->baseline_profile_json);
    memset(task, 0, sizeof *task);
}
