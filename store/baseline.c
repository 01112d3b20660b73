/* Which photo before treatment counts, how it was filed, and which results stop counting with it. */
#include "store/internal.h"

#include <stdio.h>
#include <string.h>

rubor_status rubor_baseline_best(rubor_store *store, const char *patient, const char *session, const char *view,
                                 char out[RUBOR_DIGEST_SIZE], rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    out[0] = '\0';
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT f.photo FROM filings f JOIN jobs j ON j.filing = f.id "
                                            "WHERE f.patient = ? AND f.session = ? AND"
                                            " f.view = ? AND f.kind = 'visit' AND f.day = ? AND f.withdrawn "
                                            "= 0 AND j.current = 1 AND j.state = 'done'"
                                            " AND j.verdict <> 'retake' ORDER BY f.id DESC LIMIT 1",
                                            "sssi", patient, session, view, (int64_t)RUBOR_DAY_BEFORE);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        rubor_sql_text(out, RUBOR_DIGEST_SIZE, statement, 0);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_baseline_filing(rubor_store *store, const char *job, const char *baseline, int64_t *filing,
                                   rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    *filing = 0;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT b.id FROM jobs j JOIN filings f ON f.id = j.filing JOIN filings b ON"
        " b.patient = f.patient AND b.session = f.session AND b.view = f.view AND b.kind = 'visit' AND b.day = ?"
        " AND b.photo = ? LEFT JOIN jobs m ON m.filing = b.id AND m.current = 1 WHERE j.id = ? AND f.kind = 'visit'"
        " ORDER BY b.withdrawn, m.state IS NOT 'done' OR m.verdict = 'retake', b.id DESC LIMIT 1",
        "iss", (int64_t)RUBOR_DAY_BEFORE, baseline, job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row)
        *filing = sqlite3_column_int64(statement, 0);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_baseline_retire(rubor_store *store, const rubor_job_info *baseline, const char *by, rubor_error *error)
{
    return rubor_sql_run(
        store, error,
        /* Each job's own mark: the same baseline may retire a filing's earlier and later jobs. */
        "UPDATE jobs SET baseline = baseline || '/' || ? || '/' || id WHERE baseline = ? AND filing IN (SELECT id"
        " FROM filings WHERE patient = ? AND session = ? AND view = ? AND kind = 'visit' AND day >= 0)",
        "sssss", by, baseline->digest, baseline->patient, baseline->session, baseline->view);
}

/* An earlier filing of the photo in the same place: one that is not withdrawn (then with its job), else the last. */
static rubor_status filed_before(rubor_store *store, const rubor_job_info *job, bool *otherwise, char old_job[RUBOR_JOB_SIZE],
                                 rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT o.parameters_digest <> f.parameters_digest, CASE o.withdrawn WHEN 0 THEN coalesce(m.id, '') ELSE '' END"
        " FROM jobs j JOIN filings f ON f.id = j.filing JOIN filings o ON o.kind = f.kind AND o.patient = f.patient AND"
        " o.session = f.session AND o.view = f.view AND o.day = f.day AND o.photo = f.photo AND o.id < f.id"
        " LEFT JOIN jobs m ON m.filing = o.id AND m.current = 1 WHERE j.id = ? ORDER BY o.withdrawn, o.id DESC LIMIT 1",
        "s", job->job);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    *otherwise = !status && row && sqlite3_column_int(statement, 0) != 0;
    old_job[0] = '\0';
    if (*otherwise)
        rubor_sql_text(old_job, RUBOR_JOB_SIZE, statement, 1);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status withdraw_for(rubor_store *store, const char *old_job, const char *job, rubor_job_list *changed,
                                 rubor_error *error)
{
    rubor_status status = rubor_sql_run(
        store, error, "UPDATE filings SET withdrawn = 1 WHERE id = (SELECT filing FROM jobs WHERE id = ?)", "s", old_job);
    if (!status)
        status = rubor_sql_run(store, error,
                               "UPDATE jobs SET current = 0, superseded_by = ?, state = CASE state WHEN"
                               " 'queued' THEN 'canceled' ELSE state END WHERE id = ?",
                               "ss", job, old_job);
    if (!status)
        status = rubor_job_list_add(changed, old_job, error);
    return status ? status : rubor_audit_append(store, "broker", "replace", old_job, job, error);
}

rubor_status rubor_baseline_replace(rubor_store *store, const rubor_job_info *job, rubor_job_list *changed,
                                    rubor_error *error)
{
    bool otherwise, any = false;
    char old_job[RUBOR_JOB_SIZE];
    rubor_status status;
    do {
        status = filed_before(store, job, &otherwise, old_job, error);
        any = any || otherwise;
        if (!status && old_job[0])
            status = withdraw_for(store, old_job, job->job, changed, error);
    } while (!status && old_job[0]);
    return status || !any ? status : rubor_baseline_retire(store, job, job->job, error);
}
