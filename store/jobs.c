/* Filing photos, what a worker needs, results, and the rule of the baseline. */
#include "store/internal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading a job ---- */

static rubor_status read_record(rubor_store *store, const char *job, rubor_record **out, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_wire_body body = {0};
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, "SELECT record FROM results WHERE job = ?", "s", job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row) {
        rubor_bytes packed = {sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)};
        *out = malloc(sizeof **out);
        status =
            *out ? rubor_wire_unpack(&body, packed, RUBOR_WIRE_REPLY_BYTES, RUBOR_WIRE_REQUEST_VALUES, error)
                 : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        if (!status)
            status = rubor_record_unpack(*out, &body.root, error);
    }
    rubor_wire_body_finish(&body);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status read_pictures(rubor_store *store, rubor_job_info *out, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = true;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error,
                          "SELECT name, digest FROM pictures WHERE job = ? ORDER BY name", "s", out->job);
    while (!status && row && out->picture_count < RUBOR_JOB_PICTURES) {
        status = rubor_sql_step(store, statement, &row, error);
        if (!status && row) {
            rubor_picture_ref *picture = &out->pictures[out->picture_count++];
            rubor_sql_text(picture->name, sizeof picture->name, statement, 0);
            rubor_sql_text(picture->digest, sizeof picture->digest, statement, 1);
        }
    }
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_job_row(rubor_store *store, sqlite3_stmt *statement, bool with_record, rubor_job_info *out,
                           rubor_error *error)
{
    memset(out, 0, sizeof *out);
    rubor_sql_text(out->job, sizeof out->job, statement, 0);
    rubor_sql_text(out->state, sizeof out->state, statement, 1);
    out->sequence = sqlite3_column_int64(statement, 2);
    rubor_sql_text(out->patient, sizeof out->patient, statement, 3);
    rubor_sql_text(out->session, sizeof out->session, statement, 4);
    rubor_sql_text(out->view, sizeof out->view, statement, 5);
    out->day = sqlite3_column_int(statement, 6);
    rubor_sql_text(out->lane, sizeof out->lane, statement, 7);
    rubor_sql_text(out->digest, sizeof out->digest, statement, 8);
    rubor_sql_text(out->baseline, sizeof out->baseline, statement, 9);
    out->attempts = sqlite3_column_int(statement, 10);
    out->current = sqlite3_column_int(statement, 11) != 0;
    rubor_sql_text(out->verdict, sizeof out->verdict, statement, 12);
    rubor_sql_text(out->reference, sizeof out->reference, statement, 13);
    rubor_sql_text(out->algorithm, sizeof out->algorithm, statement, 14);
    rubor_sql_text(out->superseded_by, sizeof out->superseded_by, statement, 15);
    out->submitted_ms = sqlite3_column_int64(statement, 16);
    out->finished_ms = sqlite3_column_int64(statement, 17);
    out->status = sqlite3_column_int(statement, 18)
                      ? rubor_status_from_wire(sqlite3_column_int(statement, 18))
                      : RUBOR_OK;
    rubor_sql_text(out->error, sizeof out->error, statement, 19);
    rubor_status status = read_pictures(store, out, error);
    if (!status && with_record)
        status = read_record(store, out->job, &out->record, error);
    if (!status && with_record && out->day != RUBOR_DAY_UNKNOWN)
        status = rubor_job_find_also_filed(store, out, error);
    if (status)
        rubor_job_info_finish(out);
    return status;
}

static rubor_status job_where(rubor_store *store, const char *job, int64_t filing, const char *baseline,
                              bool with_record, rubor_job_info *out, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status;
    if (job)
        status = rubor_sql_prepare(store, &statement, error,
                                   "SELECT " RUBOR_JOB_COLUMNS
                                   " FROM jobs j JOIN filings f ON f.id = j.filing WHERE j.id = ?",
                                   "s", job);
    else
        status =
            rubor_sql_prepare(store, &statement, error,
                              "SELECT " RUBOR_JOB_COLUMNS " FROM jobs j JOIN filings f ON f.id = j.filing"
                              " WHERE j.filing = ? AND j.baseline = ? AND j.algorithm = ?",
                              "iss", filing, baseline, RUBOR_ALGORITHM);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "job %s is unknown", job ? job : "");
    if (!status)
        status = rubor_job_row(store, statement, with_record, out, error);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_job(rubor_store *store, const char *job, bool with_record, rubor_job_info *out,
                             rubor_error *error)
{
    memset(out, 0, sizeof *out);
    return job_where(store, job, 0, NULL, with_record, out, error);
}

rubor_status rubor_store_submitted_by(rubor_store *store, const char *job, const char *who, bool *out,
                                      rubor_error *error)
{
    sqlite3_stmt *statement;
    *out = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT 1 FROM jobs j JOIN filings f ON f.id = j.filing JOIN filings own ON own.photo = f.photo"
        " AND own.who = ? WHERE j.id = ? LIMIT 1",
        "ss", who, job);
    if (!status)
        status = rubor_sql_step(store, statement, out, error);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_photo_bytes(rubor_store *store, const char *digest, const char *who, int64_t *bytes,
                                     rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    *bytes = 0;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT bytes FROM photos WHERE digest = ?1 AND (?2 = '' OR EXISTS"
                                            " (SELECT 1 FROM filings WHERE photo = ?1 AND who = ?2))",
                                            "ss", digest, who ? who : "");
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        *bytes = sqlite3_column_int64(statement, 0);
    rubor_sql_done(store, statement);
    if (!status && !row)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "photo %s is not stored here; send it", digest);
    return status;
}

/* ---- filing ---- */

/* The part of a request that changes what is measured, as bytes that are equal when it is equal. */
static rubor_status pack_parameters(rubor_buffer *out, const rubor_request *request, rubor_error *error)
{
    rubor_request *kept = malloc(sizeof *kept);
    if (!kept)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_request_init(kept, RUBOR_VERB_COMPARE);
    rubor_request_id_text(&kept->request, "task");
    kept->day = request->day;
    kept->region = request->region;
    kept->control = request->control;
    kept->corners = request->corners;
    kept->baseline_region = request->baseline_region;
    kept->baseline_control = request->baseline_control;
    snprintf(kept->edition, sizeof kept->edition, "%s", request->edition);
    snprintf(kept->profile, sizeof kept->profile, "%s", request->profile);
    kept->chart_table = request->chart_table;
    rubor_status status = rubor_request_pack(out, kept, error);
    free(kept);
    return status;
}

typedef struct filing_key {
    const char *kind, *patient, *session, *view, *photo, *baseline, *profile, *who;
    int day;
    rubor_bytes parameters;
    bool bare; /* sent without region and control, as stations do */
} filing_key;

/* A photo sent again without region and control, as it was filed before somebody amended that filing in its place: what
 * was amended stands, else a station or a batch that sends its photos once more would undo a drawn region. 0: none. */
static rubor_status find_amended(rubor_store *store, const filing_key *key, const char *parameters_digest, int64_t *id,
                                 rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    *id = 0;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "WITH RECURSIVE later(job) AS (SELECT a.detail FROM filings f JOIN jobs j ON j.filing = f.id JOIN audit a"
        " ON a.action = 'amend' AND a.subject = j.id WHERE f.kind = 'visit' AND f.patient = ? AND f.session = ? AND"
        " f.day = ? AND f.view = ? AND f.photo = ? AND f.parameters_digest = ? AND f.withdrawn = 1"
        " UNION SELECT j.superseded_by FROM later l JOIN jobs j ON j.id = l.job WHERE j.superseded_by <> '')"
        " SELECT g.id FROM later l JOIN jobs j ON j.id = l.job JOIN filings g ON g.id = j.filing WHERE g.withdrawn = 0"
        " AND g.patient = ? AND g.session = ? AND g.day = ? AND g.view = ? AND g.photo = ? ORDER BY g.id DESC LIMIT 1",
        "ssisssssiss", key->patient, key->session, (int64_t)key->day, key->view, key->photo, parameters_digest,
        key->patient, key->session, (int64_t)key->day, key->view, key->photo);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        *id = sqlite3_column_int64(statement, 0);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status find_or_add_filing(rubor_store *store, const filing_key *key, int64_t *id,
                                       rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    char parameters_digest[RUBOR_DIGEST_SIZE];
    rubor_digest(parameters_digest, key->parameters);
    rubor_status status =
        rubor_sql_prepare(store, &statement, error,
                          "SELECT id FROM filings WHERE kind = ? AND patient = ? AND session = ? AND day = ? "
                          "AND view = ? AND photo = ?"
                          " AND baseline = ? AND parameters_digest = ? AND withdrawn = 0",
                          "sssissss", key->kind, key->patient, key->session, (int64_t)key->day, key->view,
                          key->photo, key->baseline, parameters_digest);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        *id = sqlite3_column_int64(statement, 0);
    rubor_sql_done(store, statement);
    if (!status && !row && key->bare && strcmp(key->kind, "visit") == 0) {
        status = find_amended(store, key, parameters_digest, id, error);
        row = *id != 0;
    }
    if (status || row)
        return status;
    status = rubor_sql_run(
        store, error,
        "INSERT INTO filings(kind, patient, session, day, view, photo, baseline, parameters,"
        " parameters_digest, profile, submitted_ms, who) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
        "sssisssbssis", key->kind, key->patient, key->session, (int64_t)key->day, key->view, key->photo,
        key->baseline, &key->parameters, parameters_digest, key->profile, rubor_store_now_ms(), key->who);
    *id = sqlite3_last_insert_rowid(store->db);
    return status;
}

static rubor_status add_job(rubor_store *store, int64_t filing, const char *baseline, const char *lane,
                            int64_t deadline_ms, char id[RUBOR_JOB_SIZE], rubor_error *error)
{
    unsigned char random[8];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(id, RUBOR_JOB_SIZE, random, sizeof random);
    rubor_status status = rubor_sql_run(
        store, error, "UPDATE jobs SET current = 0, superseded_by = ? WHERE filing = ? AND current = 1", "si",
        id, filing);
    if (status)
        return status;
    return rubor_sql_run(
        store, error,
        "INSERT INTO jobs(id, filing, baseline, algorithm, state, lane, deadline_ms, submitted_ms)"
        " VALUES(?,?,?,?,'queued',?,?,?)",
        "sisssii", id, filing, baseline, RUBOR_ALGORITHM, lane, deadline_ms, rubor_store_now_ms());
}

/* A job that was there already: it has the new deadline, its own may have passed, and is run again when it
 * was canceled or had failed for a reason that may pass. */
static rubor_status revive(rubor_store *store, rubor_job_info *job, int64_t deadline_ms, rubor_error *error)
{
    job->duplicate = true;
    bool again = strcmp(job->state, "canceled") == 0 ||
                 (strcmp(job->state, "failed") == 0 && rubor_status_retryable(job->status));
    if (!again)
        return RUBOR_OK;
    snprintf(job->state, sizeof job->state, "queued");
    job->status = RUBOR_OK;
    job->error[0] = '\0';
    job->attempts = 0;
    job->duplicate = false;
    return rubor_sql_run(store, error,
                         "UPDATE jobs SET state = 'queued', status = 0, error = '', attempts = 0, deaths = 0,"
                         " finished_ms = 0, deadline_ms = ? WHERE id = ?",
                         "is", deadline_ms, job->job);
}

static rubor_status find_or_add_job(rubor_store *store, int64_t filing, const char *baseline,
                                    const char *lane, int64_t deadline_ms, rubor_job_info *out,
                                    rubor_error *error)
{
    char id[RUBOR_JOB_SIZE];
    rubor_error missing = {0};
    rubor_status status = job_where(store, NULL, filing, baseline, false, out, &missing);
    if (!status)
        return revive(store, out, deadline_ms, error);
    if (status != RUBOR_NOT_FOUND) {
        if (error)
            *error = missing;
        return status;
    }
    status = add_job(store, filing, baseline, lane, deadline_ms, id, error);
    return status ? status : job_where(store, id, 0, NULL, false, out, error);
}

static const char *lane_of(const rubor_request *request)
{
    if (request->lane[0])
        return request->lane;
    return request->verb == RUBOR_VERB_COMPARE ? "review" : "station";
}

static rubor_status submit(rubor_store *store, const rubor_request *request, const filing_key *key,
                           int64_t photo_bytes, rubor_job_info *out, rubor_error *error)
{
    int64_t filing = 0, now = rubor_store_now_ms();
    char baseline[RUBOR_DIGEST_SIZE] = "";
    bool visit = strcmp(key->kind, "visit") == 0;
    rubor_status status = rubor_sql_run(store, error, "INSERT OR IGNORE INTO photos VALUES(?,?,?)", "sii",
                                        key->photo, photo_bytes, now);
    bool seen = !status && sqlite3_changes64(store->db) == 0; /* else it can be filed nowhere else */
    if (!status && key->baseline[0])
        status = rubor_sql_run(store, error, "INSERT OR IGNORE INTO photos VALUES(?,0,?)", "si",
                               key->baseline, now);
    if (!status)
        status = find_or_add_filing(store, key, &filing, error);
    if (!status && visit && key->day != RUBOR_DAY_BEFORE)
        status = rubor_baseline_best(store, key->patient, key->session, key->view, baseline, error);
    if (!status)
        status = find_or_add_job(store, filing, visit ? baseline : key->baseline, lane_of(request),
                                 request->deadline_s ? now + request->deadline_s * 1000 : 0, out, error);
    if (!status && visit && seen)
        status = rubor_job_find_also_filed(store, out, error);
    if (!status && !out->duplicate)
        status =
            rubor_audit_append(store, key->who, visit ? "submit" : "compare", out->job, key->photo, error);
    return status;
}

rubor_status rubor_submit_inside(rubor_store *store, const rubor_request *request, const char *digest,
                                 const char *compare_baseline, int64_t photo_bytes, bool amends, const char *who,
                                 rubor_job_info *out, rubor_error *error)
{
    memset(out, 0, sizeof *out);
    rubor_buffer parameters = {0};
    rubor_status status = pack_parameters(&parameters, request, error);
    if (status)
        return status;
    filing_key key = {compare_baseline ? "compare" : "visit",
                      request->patient,
                      request->session,
                      request->view[0] ? request->view : RUBOR_VIEW_DEFAULT,
                      digest,
                      compare_baseline ? compare_baseline : "",
                      request->profile,
                      who,
                      request->day,
                      {parameters.data, parameters.size},
                      !amends && !request->region.count && !request->control.count};
    status = submit(store, request, &key, photo_bytes, out, error);
    free(parameters.data);
    return status;
}

rubor_status rubor_store_submit(rubor_store *store, const rubor_request *request, const char *digest,
                                const char *compare_baseline, int64_t photo_bytes, const char *who,
                                rubor_job_info *out, rubor_error *error)
{
    rubor_status status = rubor_store_begin(store, error);
    if (!status)
        status = rubor_store_end(
            store,
            rubor_submit_inside(store, request, digest, compare_baseline, photo_bytes, false, who, out, error),
            error);
    return status;
}

/* ---- the rule of the baseline ---- */

typedef struct visit_row {
    int64_t filing;
    char job[RUBOR_JOB_SIZE], baseline[RUBOR_DIGEST_SIZE], state[RUBOR_WORD_SIZE], lane[RUBOR_WORD_SIZE];
    int64_t deadline_ms;
} visit_row;

static rubor_status realign_one(rubor_store *store, const visit_row *visit, const char *best,
                                rubor_job_list *changed, rubor_error *error)
{
    char id[RUBOR_JOB_SIZE];
    rubor_job_info existing;
    rubor_error missing = {0};
    bool waiting = strcmp(visit->state, "queued") == 0;
    rubor_status status = job_where(store, NULL, visit->filing, best, false, &existing, &missing);
    if (!status) {
        snprintf(id, sizeof id, "%s", existing.job);
        status = rubor_sql_run(
            store, error,
            "UPDATE jobs SET current = 0, superseded_by = ?, state = CASE state WHEN 'queued' THEN"
            " 'canceled' ELSE state END WHERE id = ?",
            "ss", id, visit->job);
        if (!status)
            status = rubor_sql_run(store, error,
                                   "UPDATE jobs SET current = 1, superseded_by = '' WHERE id = ?", "s", id);
        /* Canceled when another baseline took its place: it is wanted again. */
        if (!status)
            status = revive(store, &existing, waiting ? visit->deadline_ms : 0, error);
        if (!status && waiting)
            status = rubor_job_list_add(changed, visit->job, error);
    } else if (waiting) {
        snprintf(id, sizeof id, "%s", visit->job);
        status = rubor_sql_run(store, error, "UPDATE jobs SET baseline = ? WHERE id = ?", "ss", best, id);
    } else {
        status = add_job(store, visit->filing, best, visit->lane, 0, id, error);
    }
    return status ? status : rubor_job_list_add(changed, id, error);
}

rubor_status rubor_store_realign(rubor_store *store, const char *patient, const char *session,
                                 const char *view, rubor_job_list *changed, rubor_error *error)
{
    char best[RUBOR_DIGEST_SIZE];
    sqlite3_stmt *statement = NULL;
    visit_row *visits = NULL;
    size_t count = 0, capacity = 0;
    rubor_status status = rubor_baseline_best(store, patient, session, view, best, error);
    if (!status)
        status = rubor_sql_prepare(
            store, &statement, error,
            "SELECT f.id, j.id, j.baseline, j.state, j.lane, j.deadline_ms FROM filings f JOIN jobs j ON"
            " j.filing = f.id WHERE f.patient = ? AND f.session = ? AND f.view = ? AND f.kind = 'visit' AND "
            "f.day >= 0"
            " AND f.withdrawn = 0 AND j.current = 1 AND j.baseline <> ? AND j.state NOT IN ('canceled', "
            "'quarantined')"
            " ORDER BY j.seq",
            "ssss", patient, session, view, best);
    for (bool row = true; !status;) {
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 32;
            visit_row *more = realloc(visits, capacity * sizeof *visits);
            if (!more) {
                status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
                break;
            }
            visits = more;
        }
        visit_row *visit = &visits[count++];
        visit->filing = sqlite3_column_int64(statement, 0);
        rubor_sql_text(visit->job, sizeof visit->job, statement, 1);
        rubor_sql_text(visit->baseline, sizeof visit->baseline, statement, 2);
        rubor_sql_text(visit->state, sizeof visit->state, statement, 3);
        rubor_sql_text(visit->lane, sizeof visit->lane, statement, 4);
        visit->deadline_ms = sqlite3_column_int64(statement, 5);
    }
    rubor_sql_done(store, statement);
    for (size_t i = 0; !status && i < count; i++)
        status = realign_one(store, &visits[i], best, changed, error);
    free(visits);
    return status;
}

/* ---- results ---- */

static rubor_status write_result(rubor_store *store, const char *job, const rubor_outcome *outcome,
                                 rubor_error *error)
{
    rubor_status status = rubor_sql_run(store, error, "INSERT INTO results(job, record) VALUES(?, ?)", "sb",
                                        job, &outcome->packed);
    for (int i = 0; !status && i < outcome->picture_count; i++)
        status = rubor_sql_run(store, error, "INSERT INTO pictures VALUES(?,?,?)", "sss", job,
                               outcome->pictures[i].name, outcome->pictures[i].digest);
    if (status == RUBOR_CONFLICT) /* not "it has a result already": finish has looked */
        status =
            rubor_error_set(error, RUBOR_PROTOCOL, "the result of job %s has two pictures of one name", job);
    return status;
}

static rubor_status finish(rubor_store *store, const char *job, const rubor_outcome *outcome,
                           rubor_job_list *changed, rubor_error *error)
{
    rubor_job_info info;
    rubor_status status = job_where(store, job, 0, NULL, false, &info, error);
    if (status)
        return status;
    if (strcmp(info.state, "queued") != 0)
        return rubor_error_set(error, RUBOR_CONFLICT, "job %s is %s already", job, info.state);
    if (outcome->status == RUBOR_OK && strcmp(info.baseline, outcome->baseline) != 0)
        return rubor_error_set(error, RUBOR_BUSY, "job %s has another baseline by now", job);
    if (outcome->status == RUBOR_OK && outcome->baseline_filing) {
        int64_t filing;
        status = rubor_baseline_filing(store, job, info.baseline, &filing, error);
        if (!status && filing != outcome->baseline_filing)
            status = rubor_error_set(error, RUBOR_BUSY, "the baseline of job %s is filed otherwise by now", job);
        if (status)
            return status;
    }
    bool done = outcome->status == RUBOR_OK;
    if (done)
        status = write_result(store, job, outcome, error);
    if (!status)
        status = rubor_sql_run(
            store, error,
            "UPDATE jobs SET state = ?, attempts = ?, finished_ms = ?, status = ?, error = ?,"
            " verdict = ?, reference = ? WHERE id = ?",
            "siiissss", done ? "done" : "failed", (int64_t)outcome->attempts, rubor_store_now_ms(),
            (int64_t)outcome->status, outcome->message ? outcome->message : "",
            done ? outcome->record->quality.verdict : "", done ? outcome->record->reference : "", job);
    if (!status && done && info.day == RUBOR_DAY_BEFORE && info.current &&
        strcmp(outcome->record->quality.verdict, "retake") != 0)
        status = rubor_baseline_replace(store, &info, changed, error);
    if (!status && done && info.day == RUBOR_DAY_BEFORE && info.current)
        status = rubor_store_realign(store, info.patient, info.session, info.view, changed, error);
    return status;
}

rubor_status rubor_store_finish(rubor_store *store, const char *job, const rubor_outcome *outcome,
                                rubor_job_list *changed, rubor_error *error)
{
    rubor_status status = rubor_store_begin(store, error);
    if (!status)
        status = rubor_store_end(store, finish(store, job, outcome, changed, error), error);
    if (status)
        changed->count = 0; /* what was rolled back did not change */
    return status;
}

rubor_status rubor_store_mark(rubor_store *store, const char *job, const char *state, int attempts,
                              int deaths, rubor_status status, const char *message, rubor_error *error)
{
    bool ended = strcmp(state, "queued") != 0;
    return rubor_sql_run(
        store, error,
        "UPDATE jobs SET state = ?, attempts = ?, deaths = ?, status = ?, error = ?, finished_ms = ?"
        " WHERE id = ?",
        "siiisis", state, (int64_t)attempts, (int64_t)deaths, (int64_t)status, message ? message : "",
        ended ? rubor_store_now_ms() : (int64_t)0, job);
}

static rubor_status act(rubor_store *store, const char *job, const char *from, const char *who,
                        const char *action, const char *sql, rubor_error *error)
{
    rubor_job_info info;
    rubor_status status = rubor_store_begin(store, error);
    if (status)
        return status;
    status = job_where(store, job, 0, NULL, false, &info, error);
    if (!status && strcmp(info.state, from) != 0)
        status = rubor_error_set(error, RUBOR_CONFLICT, "job %s is %s, not %s", job, info.state, from);
    if (!status)
        status = rubor_sql_run(store, error, sql, "is", rubor_store_now_ms(), job);
    if (!status)
        status = rubor_audit_append(store, who, action, job, "", error);
    return rubor_store_end(store, status, error);
}

rubor_status rubor_store_cancel(rubor_store *store, const char *job, const char *who, rubor_error *error)
{
    static_assert(RUBOR_CANCELED == 16, "the number in the SQL");
    return act(store, job, "queued", who, "cancel",
               "UPDATE jobs SET state = 'canceled', deaths = 0, status = 16, error = 'canceled on request',"
               " finished_ms = ?1 WHERE id = ?2",
               error);
}

rubor_status rubor_store_retry(rubor_store *store, const char *job, const char *who, rubor_error *error)
{
    return act(store, job, "quarantined", who, "retry",
               "UPDATE jobs SET state = 'queued', attempts = 0, deaths = 0, status = 0, error = '',"
               " deadline_ms = 0, finished_ms = 0 * ?1 WHERE id = ?2",
               error);
}
