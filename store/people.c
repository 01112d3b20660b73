/* Sessions, notes, profiles, amending and forgetting. */
#include "store/fault.h"
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sessions ---- */

static rubor_status session_put(rubor_store *store, const rubor_request *request, const char *who,
                                rubor_error *error)
{
    char tag[24];
    rubor_store_patient_tag(store, request->patient, tag);
    rubor_status status = rubor_sql_run(
        store, error,
        "INSERT INTO sessions(patient, session, date, site, device, needle_mm) VALUES(?1,?2,?3,?4,?5,?6)"
        " ON CONFLICT(patient, session) DO UPDATE SET"
        " date = CASE ?3 WHEN '' THEN date ELSE ?3 END, site = CASE ?4 WHEN '' THEN site ELSE ?4 END,"
        " device = CASE ?5 WHEN '' THEN device ELSE ?5 END, needle_mm = coalesce(?6, needle_mm)",
        "sssssd", request->patient, request->session, request->date, request->site, request->device,
        request->needle_mm);
    return status ? status : rubor_audit_append(store, who, "session", tag, "", error);
}

rubor_status rubor_store_session_put(rubor_store *store, const rubor_request *request, const char *who,
                                     rubor_error *error)
{
    rubor_status status = rubor_store_begin(store, error);
    if (!status)
        status = rubor_store_end(store, session_put(store, request, who, error), error);
    return status;
}

rubor_status rubor_store_session_has_photo_of(rubor_store *store, const char *patient, const char *session,
                                              const char *who, bool *out, rubor_error *error)
{
    sqlite3_stmt *statement;
    *out = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT 1 FROM filings f JOIN filings own ON own.photo = f.photo AND own.who = ?3 WHERE f.patient = ?1"
        " AND f.session = ?2 AND f.kind = 'visit' AND f.withdrawn = 0 LIMIT 1",
        "sss", patient, session, who);
    if (!status)
        status = rubor_sql_step(store, statement, out, error);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_session_get(rubor_store *store, const char *patient, const char *session,
                                     rubor_session_info *out, rubor_error *error)
{
    memset(out, 0, sizeof *out);
    out->needle_mm = NAN;
    snprintf(out->patient, sizeof out->patient, "%s", patient);
    snprintf(out->session, sizeof out->session, "%s", session);
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT s.date, s.site, s.device, s.needle_mm, n.photos, n.last, coalesce(r.revision, 0), m.urgency, m.headline, m.signs FROM (SELECT"
        " count(*) AS photos, max(submitted_ms) AS last FROM filings WHERE patient = ?1 AND session = ?2 AND"
        " kind = 'visit' AND withdrawn = 0) n LEFT JOIN sessions s ON s.patient = ?1 AND s.session = ?2"
        " LEFT JOIN revisions r ON r.patient = ?1 AND r.session = ?2"
        " LEFT JOIN summaries m ON m.patient = ?1 AND m.session = ?2 AND m.revision = r.revision AND m.rules = ?3"
        " WHERE n.photos > 0 OR s.patient IS NOT NULL",
        "sss", patient, session, RUBOR_SUMMARY_RULES);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "patient %s has no session %s", patient, session);
    if (!status) {
        rubor_sql_text(out->date, sizeof out->date, statement, 0);
        rubor_sql_text(out->site, sizeof out->site, statement, 1);
        rubor_sql_text(out->device, sizeof out->device, statement, 2);
        if (sqlite3_column_type(statement, 3) != SQLITE_NULL)
            out->needle_mm = sqlite3_column_double(statement, 3);
        out->photos = sqlite3_column_int64(statement, 4);
        out->last_ms = sqlite3_column_int64(statement, 5);
        out->revision = sqlite3_column_int64(statement, 6);
        rubor_sql_text(out->summary.urgency, sizeof out->summary.urgency, statement, 7);
        rubor_sql_text(out->summary.headline, sizeof out->summary.headline, statement, 8);
        rubor_sql_text(out->summary.signs, sizeof out->summary.signs, statement, 9);
    }
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_summaries_put(rubor_store *store, const rubor_session_summary *items, size_t count,
                                       rubor_error *error)
{
    rubor_status status = rubor_store_begin(store, error);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++) {
        const rubor_session_summary *one = &items[i];
        status = rubor_sql_run(store, error,
                               "INSERT OR REPLACE INTO summaries SELECT patient, session, revision, ?4, ?5, ?6, ?7 FROM"
                               " revisions WHERE patient = ?1 AND session = ?2 AND revision = ?3",
                               "ssissss", one->patient, one->session, one->revision, one->summary.rules,
                               one->summary.urgency, one->summary.headline, one->summary.signs);
    }
    return rubor_store_end(store, status, error);
}

rubor_status rubor_store_note_add(rubor_store *store, const rubor_request *request, const char *who,
                                  rubor_error *error)
{
    char tag[24];
    rubor_store_patient_tag(store, request->patient, tag);
    rubor_status status = rubor_store_begin(store, error);
    if (status)
        return status;
    status = rubor_sql_run(
        store, error,
        "INSERT INTO notes(patient, session, day, view, author, text, at_ms) VALUES(?,?,?,?,?,?,?)",
        "ssisssi", request->patient, request->session, (int64_t)request->day, request->view, who,
        request->text, rubor_store_now_ms());
    if (!status) /* not its text: the audit outlives a deletion */
        status = rubor_audit_append(store, who, "note", tag, "", error);
    return rubor_store_end(store, status, error);
}

/* ---- profiles ---- */

rubor_status rubor_store_profile_put(rubor_store *store, const char *name, rubor_bytes json, const char *who,
                                     rubor_error *error)
{
    char *text = strndup((const char *)json.data, json.size);
    if (!text)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_store_begin(store, error);
    if (!status) {
        status = rubor_sql_run(store, error, "INSERT OR REPLACE INTO profiles VALUES(?,?,?)", "ssi", name,
                               text, rubor_store_now_ms());
        if (!status)
            status = rubor_audit_append(store, who, "profile", name, "", error);
        status = rubor_store_end(store, status, error);
    }
    free(text);
    return status;
}

rubor_status rubor_store_profile_get(rubor_store *store, const char *name, char **json, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    *json = NULL;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, "SELECT json FROM profiles WHERE name = ?", "s", name);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(
            error, RUBOR_NOT_FOUND,
            "profile %s is not known; store it first: rubor calibrate --profile OUT --put PHOTO", name);
    if (!status && !(*json = strdup((const char *)sqlite3_column_text(statement, 0))))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_sql_done(store, statement);
    return status;
}

/* ---- amend ---- */

static void fill_amended(rubor_request *filed, const rubor_request *request, const rubor_job_info *old)
{
    filed->verb = RUBOR_VERB_ANALYZE;
    snprintf(filed->patient, sizeof filed->patient, "%s",
             request->patient[0] ? request->patient : old->patient);
    snprintf(filed->session, sizeof filed->session, "%s",
             request->session[0] ? request->session : old->session);
    snprintf(filed->view, sizeof filed->view, "%s", request->view[0] ? request->view : old->view);
    filed->day = request->day != RUBOR_DAY_UNKNOWN ? request->day : old->day;
    snprintf(filed->lane, sizeof filed->lane, "%s", old->lane);
    if (request->region.count)
        filed->region = request->region;
    if (request->control.count)
        filed->control = request->control;
}

/* new_job takes the old one's place; "": none does. */
static rubor_status withdraw(rubor_store *store, const rubor_job_info *old, const char *new_job,
                             bool same_place, rubor_job_list *changed, rubor_error *error)
{
    rubor_status status =
        rubor_sql_run(store, error,
                      "UPDATE jobs SET current = 0, superseded_by = ?, state = CASE state WHEN"
                      " 'queued' THEN 'canceled' ELSE state END WHERE id = ?",
                      "ss", new_job, old->job);
    if (!status)
        status = rubor_job_list_add(changed, old->job, error);
    if (!status && old->day == RUBOR_DAY_BEFORE && (same_place || !*new_job))
        status = rubor_baseline_retire(store, old, *new_job ? new_job : old->job, error);
    /* In the same place they are realigned when the new baseline is measured. */
    if (!status && old->day == RUBOR_DAY_BEFORE && !same_place)
        status = rubor_store_realign(store, old->patient, old->session, old->view, changed, error);
    return status;
}

static rubor_status must_be_current(const rubor_job_info *job, rubor_error *error)
{
    if (job->current && job->day != RUBOR_DAY_UNKNOWN)
        return RUBOR_OK;
    bool withdrawn = job->day != RUBOR_DAY_UNKNOWN && !job->superseded_by[0];
    return rubor_error_set(error, RUBOR_CONFLICT, "job %s is not the current measurement of a filed photo; %s", job->job,
                           withdrawn ? "its photo was withdrawn: submit it again to bring it back"
                                     : "its new job is in rubor review --json");
}

static rubor_status withdraw_inside(rubor_store *store, const rubor_job_info *old, const char *who,
                                    rubor_job_list *changed, rubor_error *error)
{
    rubor_status status = rubor_sql_run(
        store, error, "UPDATE filings SET withdrawn = 1 WHERE id = (SELECT filing FROM jobs WHERE id = ?)", "s", old->job);
    if (!status)
        status = withdraw(store, old, "", false, changed, error);
    return status ? status : rubor_audit_append(store, who, "withdraw", old->job, old->digest, error);
}

rubor_status rubor_store_withdraw(rubor_store *store, const char *job, const char *who, rubor_job_info *out,
                                  rubor_job_list *changed, rubor_error *error)
{
    rubor_status status = rubor_store_job(store, job, false, out, error);
    if (!status)
        status = must_be_current(out, error);
    if (!status)
        status = rubor_store_begin(store, error);
    if (status)
        return status;
    status = rubor_store_end(store, withdraw_inside(store, out, who, changed, error), error);
    return status ? status : rubor_store_job(store, job, false, out, error);
}

rubor_status rubor_store_amend(rubor_store *store, const rubor_request *request, const char *who,
                               rubor_job_info *out, rubor_job_list *changed, rubor_error *error)
{
    rubor_job_info old;
    bool same_place = false;
    rubor_request *filed = malloc(sizeof *filed);
    if (!filed)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_store_job(store, request->job, false, &old, error);
    if (!status)
        status = must_be_current(&old, error);
    sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!status)
        status = rubor_sql_prepare(
            store, &statement, error,
            "SELECT f.parameters, p.bytes, f.id FROM jobs j JOIN filings f ON f.id = j.filing"
            " JOIN photos p ON p.digest = f.photo WHERE j.id = ?",
            "s", request->job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    int64_t bytes = 0, filing = 0;
    if (!status && row) {
        rubor_bytes packed = {sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)};
        bytes = sqlite3_column_int64(statement, 1);
        filing = sqlite3_column_int64(statement, 2);
        status = rubor_request_unpack(filed, RUBOR_VERB_COMPARE, packed, error);
    }
    if (!status) {
        fill_amended(filed, request, &old);
        same_place = strcmp(filed->patient, old.patient) == 0 && strcmp(filed->session, old.session) == 0 &&
                     strcmp(filed->view, old.view) == 0 && filed->day == old.day;
        if (same_place && !request->region.count && !request->control.count)
            status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is filed so already", request->job);
    }
    if (!status)
        status = rubor_store_begin(store, error);
    if (!status) {
        status = rubor_submit_inside(store, filed, old.digest, NULL, bytes, true, who, out, error);
        if (!status && strcmp(out->job, old.job) == 0)
            status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is filed so already", request->job);
        if (!status)
            status =
                rubor_sql_run(store, error, "UPDATE filings SET withdrawn = 1 WHERE id = ?", "i", filing);
        if (!status)
            status = withdraw(store, &old, out->job, same_place, changed, error);
        if (!status)
            status = rubor_audit_append(store, who, "amend", old.job, out->job, error);
        status = rubor_store_end(store, status, error);
    }
    rubor_sql_done(store, statement); /* a chart table in filed points into it */
    free(filed);
    return status;
}

/* ---- forget ---- */

static rubor_status collect(rubor_store *store, const char *sql, const char *patient, rubor_job_list *list,
                            char (**digests)[RUBOR_DIGEST_SIZE], size_t *count, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = true;
    rubor_status status = rubor_sql_prepare(store, &statement, error, sql, "s", patient);
    while (!status && row) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        char text[RUBOR_DIGEST_SIZE];
        rubor_sql_text(text, sizeof text, statement, 0);
        if (list) {
            status = rubor_job_list_add(list, text, error);
            continue;
        }
        void *more = realloc(*digests, (*count + 1) * RUBOR_DIGEST_SIZE);
        if (!more) {
            status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
            break;
        }
        *digests = more;
        memcpy((*digests)[(*count)++], text, RUBOR_DIGEST_SIZE);
    }
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status delete_rows(rubor_store *store, const char *patient, int64_t *jobs, rubor_error *error)
{
    static const char *const statements[] = {
        "DELETE FROM jobs WHERE filing IN (SELECT id FROM filings WHERE patient = ?)",
        "DELETE FROM filings WHERE patient = ?", "DELETE FROM sessions WHERE patient = ?",
        "DELETE FROM notes WHERE patient = ?", "DELETE FROM revisions WHERE patient = ?",
        "DELETE FROM summaries WHERE patient = ?"};
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; !status && i < sizeof statements / sizeof statements[0]; i++) {
        status = rubor_sql_run(store, error, statements[i], "s", patient);
        if (i == 0)
            *jobs = sqlite3_changes64(store->db);
    }
    return status;
}

/* A mistyped id must not look like a patient who is gone. */
static rubor_status must_be_known(rubor_store *store, const char *patient, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error,
                          "SELECT 1 FROM filings WHERE patient = ?1 UNION ALL SELECT 1 FROM sessions"
                          " WHERE patient = ?1 UNION ALL SELECT 1 FROM notes WHERE patient = ?1",
                          "s", patient);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    rubor_sql_done(store, statement);
    if (!status && !row)
        status = rubor_error_set(
            error, RUBOR_NOT_FOUND,
            "patient %s is not known here, so nothing was deleted; ids are case-sensitive. If a station still has photos of"
            " this patient: rubor forget --unsent",
            patient);
    return status;
}

/* Drops the row of a photo that no filing uses any more. */
static rubor_status release_photo(rubor_store *store, const char *digest, int64_t *released,
                                  rubor_error *error)
{
    rubor_status status = rubor_sql_run(store, error,
                                        "DELETE FROM photos WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM "
                                        "filings WHERE photo = ?1) AND NOT EXISTS"
                                        " (SELECT 1 FROM filings WHERE baseline = ?1 AND baseline <> '')",
                                        "s", digest);
    *released += status ? 0 : sqlite3_changes64(store->db);
    return status;
}

rubor_status rubor_store_forget(rubor_store *store, const char *patient, bool unsent, const char *who,
                                int64_t *jobs, int64_t *photos, rubor_job_list *stopped, rubor_error *error)
{
    char(*photo_digests)[RUBOR_DIGEST_SIZE] = NULL, (*picture_digests)[RUBOR_DIGEST_SIZE] = NULL, tag[24];
    size_t photo_count = 0, picture_count = 0;
    rubor_store_patient_tag(store, patient, tag);
    rubor_status status = rubor_store_begin(store, error);
    if (status)
        return status;
    status = unsent ? RUBOR_OK : must_be_known(store, patient, error);
    if (!status)
        status =
            collect(store, "SELECT j.id FROM jobs j JOIN filings f ON f.id = j.filing WHERE f.patient = ?",
                    patient, stopped, NULL, NULL, error);
    if (!status)
        status =
            collect(store,
                    "SELECT photo FROM filings WHERE patient = ?1 UNION SELECT baseline FROM filings WHERE"
                    " patient = ?1 AND baseline <> ''",
                    patient, NULL, &photo_digests, &photo_count, error);
    if (!status)
        status =
            collect(store,
                    "SELECT DISTINCT p.digest FROM pictures p JOIN jobs j ON j.id = p.job JOIN filings f ON"
                    " f.id = j.filing WHERE f.patient = ?",
                    patient, NULL, &picture_digests, &picture_count, error);
    if (!status)
        status = delete_rows(store, patient, jobs, error);
    *photos = 0;
    for (size_t i = 0; !status && i < photo_count; i++)
        status = release_photo(store, photo_digests[i], photos, error);
    if (!status)
        status = rubor_audit_append(store, who, "forget", tag, "", error);
    if (!status) /* a sweep that finds their files after a crash knows that they are to go */
        status = rubor_sql_run(store, error,
                               "INSERT INTO meta VALUES('forgotten_photos', ?1) ON CONFLICT(key) DO UPDATE SET"
                               " value = value + ?1",
                               "i", *photos);
    status = rubor_store_end(store, status, error);
    if (!status) {
        for (size_t i = 0; i < photo_count; i++)
            rubor_store_file_release(store, RUBOR_STORE_PHOTO, photo_digests[i]);
        for (size_t i = 0; i < picture_count; i++)
            rubor_store_file_release(store, RUBOR_STORE_PICTURE, picture_digests[i]);
        rubor_fault_syncfs(store->folder_fd); /* gone also after a power cut; else the next start removes them */
        rubor_sql_run(store, NULL, "PRAGMA wal_checkpoint(TRUNCATE)",
                      ""); /* nothing of it stays in the log */
    } else {
        stopped->count = 0;
    }
    free(photo_digests);
    free(picture_digests);
    return status;
}

rubor_status rubor_store_forgotten(rubor_store *store, const char *patient, int64_t *at_ms,
                                   rubor_error *error)
{
    sqlite3_stmt *statement;
    char tag[24];
    bool row = false;
    *at_ms = 0;
    rubor_store_patient_tag(store, patient, tag);
    rubor_status status =
        rubor_sql_prepare(store, &statement, error,
                          "SELECT max(at_ms) FROM audit WHERE action = 'forget' AND subject = ?", "s", tag);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        *at_ms = sqlite3_column_int64(statement, 0);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_drop(rubor_store *store, const char *job, const char *who, rubor_error *error)
{
    rubor_job_info info;
    int64_t released = 0;
    rubor_status status = rubor_store_job(store, job, false, &info, error);
    if (!status && strcmp(info.state, "quarantined") != 0)
        status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is %s, not quarantined", job, info.state);
    if (!status)
        status = rubor_store_begin(store, error);
    if (status)
        return status;
    /* withdrawn first, so that its session counts as changed and its headline is made again */
    status = rubor_sql_run(store, error, "UPDATE filings SET withdrawn = 1 WHERE id = (SELECT filing FROM jobs WHERE id = ?)",
                           "s", job);
    if (!status)
        status = rubor_sql_run(store, error, "DELETE FROM filings WHERE id = (SELECT filing FROM jobs WHERE id = ?)", "s",
                               job);
    if (!status)
        status = release_photo(store, info.digest, &released, error);
    if (!status)
        status = rubor_audit_append(store, who, "drop", job, info.digest, error);
    status = rubor_store_end(store, status, error);
    if (!status)
        rubor_store_file_release(store, RUBOR_STORE_PHOTO, info.digest);
    return status;
}
