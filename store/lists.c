#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t page_size(const rubor_request *request)
{
    return request->limit > 0 && request->limit <= RUBOR_LIST_MOST ? request->limit : RUBOR_LIST_MOST;
}

static rubor_status out_of_memory(rubor_error *error)
{
    return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
}

static rubor_status fill_jobs(rubor_store *store, sqlite3_stmt *statement, int64_t limit, bool records,
                              rubor_reply *reply, rubor_error *error)
{
    reply->jobs = calloc((size_t)limit, sizeof *reply->jobs);
    if (!reply->jobs)
        return out_of_memory(error);
    reply->has_jobs = true;
    rubor_status status = RUBOR_OK;
    for (bool row = true; !status && (int64_t)reply->job_count < limit;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        status = rubor_job_row(store, statement, records, &reply->jobs[reply->job_count], error);
        reply->job_count += !status;
    }
    if (!status && (int64_t)reply->job_count == limit)
        reply->next = reply->jobs[limit - 1].sequence;
    return status;
}

/* Only what a peer may see that submitted it: filings of photos of its own. */
#define OF_OWN_PHOTOS(who)                                                                                   \
    " AND (" who " = '' OR EXISTS (SELECT 1 FROM filings own WHERE own.photo = f.photo AND own.who = " who   \
    "))"

static rubor_status list_jobs(rubor_store *store, const rubor_request *request, const char *who,
                              rubor_reply *reply, rubor_error *error)
{
    sqlite3_stmt *statement;
    int64_t limit = page_size(request);
    /* Two statements, so that a patient's list goes by the index on filings and a whole list by the order of
     * jobs. */
    static const char *const by_patient =
        "SELECT " RUBOR_JOB_COLUMNS
        " FROM filings f JOIN jobs j ON j.filing = f.id WHERE j.seq > ?1 AND f.patient = ?2"
        " AND (?3 = '' OR f.session = ?3) AND (?4 = '' OR f.view = ?4) AND (?5 = -2 OR f.day = ?5) AND"
        " f.kind = 'visit' AND (?6 OR (j.current = 1 AND f.withdrawn = 0))" OF_OWN_PHOTOS(
            "?8") " ORDER BY j.seq"
                  " LIMIT ?7";
    static const char *const all =
        "SELECT " RUBOR_JOB_COLUMNS
        " FROM jobs j JOIN filings f ON f.id = j.filing WHERE j.seq > ?1 AND ?2 = '' AND"
        " (?3 = '' OR f.session = ?3) AND (?4 = '' OR f.view = ?4) AND (?5 = -2 OR f.day = ?5) AND f.kind = "
        "'visit'"
        " AND (?6 OR (j.current = 1 AND f.withdrawn = 0))" OF_OWN_PHOTOS("?8") " ORDER BY j.seq LIMIT ?7";
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, request->patient[0] ? by_patient : all, "isssiiis",
                          request->after, request->patient, request->session, request->view,
                          (int64_t)request->day, (int64_t)request->all, limit, who);
    if (!status)
        status = fill_jobs(store, statement, limit, request->results, reply, error);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_list_state(rubor_store *store, const char *state, rubor_reply *reply,
                                    rubor_error *error)
{
    sqlite3_stmt *statement;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT " RUBOR_JOB_COLUMNS " FROM jobs j JOIN filings f ON"
                                            " f.id = j.filing WHERE j.state = ? ORDER BY j.seq LIMIT ?",
                                            "si", state, (int64_t)RUBOR_LIST_MOST);
    if (!status)
        status = fill_jobs(store, statement, RUBOR_LIST_MOST, false, reply, error);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status list_sessions(rubor_store *store, const rubor_request *request, const char *who,
                                  rubor_reply *reply, rubor_error *error)
{
    sqlite3_stmt *statement;
    int64_t limit = page_size(request), at = request->after;
    reply->sessions = calloc((size_t)limit, sizeof *reply->sessions);
    if (!reply->sessions)
        return out_of_memory(error);
    reply->has_sessions = true;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT patient, session FROM (SELECT patient, session FROM sessions WHERE ?4 = '' UNION"
        " SELECT patient, session FROM filings f WHERE kind = 'visit' AND withdrawn = 0" OF_OWN_PHOTOS(
            "?4") ")"
                  " WHERE ?1 = '' OR patient = ?1 ORDER BY patient, session LIMIT ?2 OFFSET ?3",
        "siis", request->patient, limit, at, who);
    for (bool row = true; !status && (int64_t)reply->session_count < limit;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE];
        rubor_sql_text(patient, sizeof patient, statement, 0);
        rubor_sql_text(session, sizeof session, statement, 1);
        status =
            rubor_store_session_get(store, patient, session, &reply->sessions[reply->session_count], error);
        reply->session_count += !status;
    }
    rubor_sql_done(store, statement);
    if (!status && (int64_t)reply->session_count == limit)
        reply->next = at + limit;
    return status;
}

static rubor_status list_notes(rubor_store *store, const rubor_request *request, rubor_reply *reply,
                               rubor_error *error)
{
    sqlite3_stmt *statement;
    int64_t limit = page_size(request), last = 0;
    reply->notes = calloc((size_t)limit, sizeof *reply->notes);
    if (!reply->notes)
        return out_of_memory(error);
    reply->has_notes = true;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT id, patient, session, day, view, author, text, at_ms FROM notes WHERE id > ?1 AND (?2 = '' OR"
        " patient = ?2) AND (?3 = '' OR session = ?3) ORDER BY id LIMIT ?4",
        "issi", request->after, request->patient, request->session, limit);
    for (bool row = true; !status;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        rubor_note *note = &reply->notes[reply->note_count++];
        last = sqlite3_column_int64(statement, 0);
        rubor_sql_text(note->patient, sizeof note->patient, statement, 1);
        rubor_sql_text(note->session, sizeof note->session, statement, 2);
        note->day = sqlite3_column_int(statement, 3);
        rubor_sql_text(note->view, sizeof note->view, statement, 4);
        rubor_sql_text(note->author, sizeof note->author, statement, 5);
        rubor_sql_text(note->text, sizeof note->text, statement, 6);
        note->at_ms = sqlite3_column_int64(statement, 7);
    }
    rubor_sql_done(store, statement);
    if (!status && (int64_t)reply->note_count == limit)
        reply->next = last;
    return status;
}

static rubor_status list_profiles(rubor_store *store, const rubor_request *request, rubor_reply *reply,
                                  rubor_error *error)
{
    sqlite3_stmt *statement;
    int64_t limit = page_size(request);
    reply->names = calloc((size_t)limit, sizeof *reply->names);
    if (!reply->names)
        return out_of_memory(error);
    reply->has_names = true;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT name FROM profiles ORDER BY name LIMIT ? OFFSET ?", "ii",
                                            limit, request->after);
    for (bool row = true; !status;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        rubor_sql_text(reply->names[reply->name_count++], RUBOR_NAME_SIZE, statement, 0);
    }
    rubor_sql_done(store, statement);
    if (!status && (int64_t)reply->name_count == limit)
        reply->next = request->after + limit;
    return status;
}

rubor_status rubor_store_list(rubor_store *store, const rubor_request *request, const char *who,
                              rubor_reply *reply, rubor_error *error)
{
    const char *what = request->what;
    if (!who)
        who = "";
    if (!what[0] || strcmp(what, "jobs") == 0)
        return list_jobs(store, request, who, reply, error);
    if (strcmp(what, "sessions") == 0)
        return list_sessions(store, request, who, reply, error);
    if (strcmp(what, "notes") == 0)
        return list_notes(store, request, reply, error);
    if (strcmp(what, "profiles") == 0)
        return list_profiles(store, request, reply, error);
    return rubor_error_set(error, RUBOR_INVALID, "rubor.list: what is jobs, sessions, notes or profiles");
}

rubor_status rubor_store_count(rubor_store *store, rubor_service_status *out, rubor_error *error)
{
    const struct {
        const char *state;
        int64_t *count;
    } counts[] = {{"queued", &out->queued},
                  {"done", &out->done},
                  {"failed", &out->failed},
                  {"quarantined", &out->quarantined},
                  {"canceled", &out->canceled}};
    sqlite3_stmt *statement;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, "SELECT state, count(*) FROM jobs GROUP BY state", "");
    for (bool row = true; !status;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        const char *state = (const char *)sqlite3_column_text(statement, 0);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            if (state && strcmp(state, counts[i].state) == 0)
                *counts[i].count = sqlite3_column_int64(statement, 1);
    }
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_picture_of_photo(rubor_store *store, const char *photo, const char *name,
                                          char out[RUBOR_DIGEST_SIZE], rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT p.digest FROM pictures p JOIN jobs j ON j.id = p.job JOIN filings f ON f.id = j.filing WHERE"
        " f.photo = ? AND p.name = ? ORDER BY j.seq DESC LIMIT 1",
        "ss", photo, name);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "photo %.12s... has no picture (yet)", photo);
    if (!status)
        rubor_sql_text(out, RUBOR_DIGEST_SIZE, statement, 0);
    rubor_sql_done(store, statement);
    return status;
}
