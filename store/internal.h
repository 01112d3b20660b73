/* Shared by the files of store/ only. */
#ifndef RUBOR_STORE_INTERNAL_H
#define RUBOR_STORE_INTERNAL_H

#include "store/store.h"

#include <sqlite3.h>

enum { RUBOR_STORE_SALT = 32 };

/* Statements are kept between calls: reading their text costs more than running most of them. */
enum { RUBOR_SQL_KEPT_MOST = 64 };
typedef struct rubor_sql_kept {
    const char *text; /* by address; a string constant */
    sqlite3_stmt *statement;
    bool busy;
} rubor_sql_kept;

/* A file that was put and may not be on the disk yet. */
typedef struct rubor_unsynced {
    rubor_store_kind kind;
    char digest[RUBOR_DIGEST_SIZE];
} rubor_unsynced;

struct rubor_store {
    sqlite3 *db;
    char *folder, *name;
    int lock_fd, folder_fd;
    uint8_t salt[RUBOR_STORE_SALT];
    int64_t audited_lines; /* so far, by the pages of a list */
    char audited_hash[RUBOR_DIGEST_SIZE];
    bool in_group, group_broken; /* broken: SQLite has rolled the whole of it back */
    rubor_sql_kept kept[RUBOR_SQL_KEPT_MOST];
    size_t kept_count;
    rubor_unsynced *unsynced;
    size_t unsynced_count, unsynced_room;
    rubor_unsynced *doubtful; /* of a group whose commit failed: nobody knows yet whether its rows are on the disk */
    size_t doubtful_count;
};

/* Milliseconds since 1970. */
int64_t rubor_store_now_ms(void);

/* RUBOR_IO (full, device), RUBOR_CONFLICT (constraint), RUBOR_NO_MEMORY... from SQLite's last error. */
rubor_status rubor_sql_error(rubor_store *store, const char *doing, rubor_error *error);
/* Prepares sql and binds by format: s text (NULL: null), i int64, d double (NaN: null), b rubor_bytes *. */
rubor_status rubor_sql_prepare(rubor_store *store, sqlite3_stmt **out, rubor_error *error, const char *sql,
                               const char *format, ...);
/* Every prepared statement ends here; NULL is fine. */
void rubor_sql_done(rubor_store *store, sqlite3_stmt *statement);
/* Before the database is closed. */
void rubor_sql_forget_kept(rubor_store *store);
/* Prepares, binds, runs to the end and forgets; for statements without rows. */
rubor_status rubor_sql_run(rubor_store *store, rubor_error *error, const char *sql, const char *format, ...);
/* One step: *row tells whether there is a row. */
rubor_status rubor_sql_step(rubor_store *store, sqlite3_stmt *statement, bool *row, rubor_error *error);
/* Copies a text column ("" for null). */
void rubor_sql_text(char *out, size_t size, sqlite3_stmt *statement, int column);

/* A transaction, or inside a group a savepoint of it. */
rubor_status rubor_store_begin(rubor_store *store, rubor_error *error);
/* Commits when status is RUBOR_OK, else rolls back; returns the first failure. */
rubor_status rubor_store_end(rubor_store *store, rubor_status status, rubor_error *error);

/* Every file that was put since the last call is on disk under its name when RUBOR_OK. */
rubor_status rubor_store_files_sync(rubor_store *store, rubor_error *error);
/* Forgets them; unwanted: and removes those that no row refers to. */
void rubor_store_files_settled(rubor_store *store, bool unwanted);
/* Instead: they stay until a later commit succeeds, after which no row of theirs can come back. */
void rubor_store_files_doubted(rubor_store *store);
/* Whether the disk takes a commit again, and then removes what was doubted and no row refers to. RUBOR_IO: it does not. */
rubor_status rubor_store_files_resolve(rubor_store *store, rubor_error *error);

/* Inside a transaction. */
rubor_status rubor_audit_append(rubor_store *store, const char *who, const char *action, const char *subject,
                                const char *detail, rubor_error *error);
/* rubor_store_submit without its transaction. amends: on behalf of somebody who amends, not of a station that sends. */
rubor_status rubor_submit_inside(rubor_store *store, const rubor_request *request, const char *digest,
                                 const char *compare_baseline, int64_t photo_bytes, bool amends, const char *who,
                                 rubor_job_info *out, rubor_error *error);
/* The baseline that counts for visits of this patient, session and view; "" when there is none (yet). */
rubor_status rubor_baseline_best(rubor_store *store, const char *patient, const char *session, const char *view,
                                 char out[RUBOR_DIGEST_SIZE], rubor_error *error);
/* The filing that says with which region the photo baseline is to be used for a visit's job; 0: none. */
rubor_status rubor_baseline_filing(rubor_store *store, const char *job, const char *baseline, int64_t *filing,
                                   rubor_error *error);
/* The results against this baseline no longer count, the same photo may come back with another region: their key is
 * moved aside, so that the visits are measured anew as soon as a baseline has been. Only the digest in front of the '/'
 * is ever read back. */
rubor_status rubor_baseline_retire(rubor_store *store, const rubor_job_info *baseline, const char *by, rubor_error *error);
/* A baseline was measured: takes the place of the same photo's earlier filing there, if that had other parameters. */
rubor_status rubor_baseline_replace(rubor_store *store, const rubor_job_info *job, rubor_job_list *changed,
                                    rubor_error *error);
/* Brings the jobs of all visits of (patient, session, view) in line with the baseline that counts now. */
rubor_status rubor_store_realign(rubor_store *store, const char *patient, const char *session,
                                 const char *view, rubor_job_list *changed, rubor_error *error);

/* Columns that rubor_job_row reads, for SELECT ... FROM jobs j JOIN filings f ON f.id = j.filing. */
#define RUBOR_JOB_COLUMNS                                                                                    \
    "j.id, j.state, j.seq, f.patient, f.session, f.view, f.day, j.lane, f.photo, j.baseline, j.attempts, "   \
    "j.current, j.verdict, j.reference, j.algorithm, j.superseded_by, j.submitted_ms, j.finished_ms, "       \
    "j.status, j.error"
rubor_status rubor_job_row(rubor_store *store, sqlite3_stmt *statement, bool with_record, rubor_job_info *out,
                           rubor_error *error);
/* Fills also_filed: where else the very same photo is filed, of this patient first. Another patient's id is not
 * told. */
rubor_status rubor_job_find_also_filed(rubor_store *store, rubor_job_info *of, rubor_error *error);

#endif
