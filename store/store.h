/* What the service keeps: photos and pictures as files named by their SHA-256, everything else in SQLite
 * (WAL, synchronous=FULL). When a function that writes returns RUBOR_OK, what it wrote survives a power cut.
 *
 *   DATA/rubor.db               tables below, migrated by user_version
 *   DATA/photos/ab/cdef...      originals, untouched
 *   DATA/pictures/ab/cdef...    made by workers
 *   DATA/lock                   held by the one broker that writes
 *
 * A filing is a photo under (patient, session, day, view, parameters); a job measures one filing against one
 * baseline with one algorithm, so that (filing, baseline, algorithm) is the unique key of a result.
 *
 * Thread rule: one thread per store. Errors: RUBOR_IO (retryable: disk full, device error; nothing
 * half-written counts), RUBOR_NOT_FOUND, RUBOR_CONFLICT, RUBOR_UNSUPPORTED, RUBOR_NO_MEMORY. */
#ifndef RUBOR_STORE_STORE_H
#define RUBOR_STORE_STORE_H

#include "protocol/messages.h"

typedef struct rubor_store rubor_store;

typedef enum rubor_store_mode {
    RUBOR_STORE_WRITE, /* takes the lock; RUBOR_CONFLICT when another process holds it */
    RUBOR_STORE_READ   /* must exist already; no lock */
} rubor_store_mode;

/* where: a folder (made if absent), or a URI: "sqlite:FOLDER"; "postgresql:..." is RUBOR_UNSUPPORTED. */
rubor_status rubor_store_open(rubor_store **out, const char *where, rubor_store_mode mode,
                              rubor_error *error);
void rubor_store_close(rubor_store **store);
const char *rubor_store_name(const rubor_store *store);  /* "sqlite:FOLDER" */
int64_t rubor_store_disk_free(const rubor_store *store); /* bytes; -1: unknown */
/* Removes files that no row refers to (left by a crash between file and row) and temporary files. RUBOR_CONFLICT,
 * and nothing is removed, when there are more photos without a row than a crash can leave, or any beside a database
 * that has never served: it is not theirs. */
rubor_status rubor_store_sweep(rubor_store *store, int64_t *removed, rubor_error *error);

/* ---- files by digest ---- */
typedef enum rubor_store_kind { RUBOR_STORE_PHOTO, RUBOR_STORE_PICTURE } rubor_store_kind;

/* On disk and synced, folder included, when RUBOR_OK; inside a group when the group is committed. */
rubor_status rubor_store_file_put(rubor_store *store, rubor_store_kind kind, const char *digest,
                                  rubor_bytes bytes, rubor_error *error);
/* out->data is malloc'ed. */
rubor_status rubor_store_file_get(rubor_store *store, rubor_store_kind kind, const char *digest,
                                  rubor_buffer *out, rubor_error *error);

/* Removes a file when no row refers to it. */
void rubor_store_file_release(rubor_store *store, rubor_store_kind kind, const char *digest);

/* ---- groups: several writes that reach the disk together ----
 * Between begin and commit every writing call is one step of a single transaction: it happens or not on its
 * own, but nothing of it may be told to anybody before commit says RUBOR_OK. Then all of it survives a power
 * cut. Otherwise none of it happened; files that were put are gone again or are swept at the next start.
 * Reading calls see what is in the group. One group at a time. */
rubor_status rubor_store_group_begin(rubor_store *store, rubor_error *error);
rubor_status rubor_store_group_commit(rubor_store *store, rubor_error *error);

/* ---- jobs ---- */
/* Files a photo that is already on disk. request: verb ANALYZE or COMPARE; its measuring parameters are kept.
 * compare_baseline: digest for COMPARE, else NULL. *out tells the job; out->duplicate when it was there. A
 * canceled or failed job of the same key is queued again. */
rubor_status rubor_store_submit(rubor_store *store, const rubor_request *request, const char *digest,
                                const char *compare_baseline, int64_t photo_bytes, const char *who,
                                rubor_job_info *out, rubor_error *error);
rubor_status rubor_store_job(rubor_store *store, const char *job, bool with_record, rubor_job_info *out,
                             rubor_error *error);
/* How large a stored photo is; who: only if that peer itself submitted it, NULL: any. RUBOR_NOT_FOUND. */
rubor_status rubor_store_photo_bytes(rubor_store *store, const char *digest, const char *who, int64_t *bytes,
                                     rubor_error *error);
/* Whether who itself submitted the job's photo, under this job or another. */
rubor_status rubor_store_submitted_by(rubor_store *store, const char *job, const char *who, bool *out,
                                      rubor_error *error);

/* What the queue has to know of a job that is to run. */
typedef struct rubor_pending_job {
    char job[RUBOR_JOB_SIZE];
    char lane[RUBOR_WORD_SIZE];
    uint64_t group; /* same for photos of one patient, session and view; 0: compare */
    bool is_baseline;
    int attempts, deaths;
    int64_t bytes, submitted_ms, deadline_ms; /* deadline 0: none */
} rubor_pending_job;

rubor_status rubor_store_pending(rubor_store *store, const char *job, rubor_pending_job *out,
                                 rubor_error *error);
/* Calls visit for every queued or running job in order of submission. */
typedef rubor_status (*rubor_pending_visitor)(void *context, const rubor_pending_job *job,
                                              rubor_error *error);
rubor_status rubor_store_each_pending(rubor_store *store, rubor_pending_visitor visit, void *context,
                                      rubor_error *error);

/* What a worker is sent. finish frees. */
typedef struct rubor_task {
    char job[RUBOR_JOB_SIZE];
    rubor_buffer parameters; /* a packed COMPARE request: day, regions, corners, edition, chart table */
    char digest[RUBOR_DIGEST_SIZE], baseline[RUBOR_DIGEST_SIZE];
    int64_t baseline_filing; /* under which region, control and profile the baseline is filed; 0: nowhere */
    char *profile_json, *baseline_profile_json; /* NULL: none */
} rubor_task;

rubor_status rubor_store_task(rubor_store *store, const char *job, rubor_task *out, rubor_error *error);
void rubor_task_finish(rubor_task *task);

/* Changes of state that are no result. Counters are written as given. */
rubor_status rubor_store_mark(rubor_store *store, const char *job, const char *state, int attempts,
                              int deaths, rubor_status status, const char *message, rubor_error *error);
/* On somebody's request, with the line of the audit in the same transaction. RUBOR_CONFLICT when the job is
 * not queued / not quarantined. retry begins anew: no attempts, no deaths, no deadline. */
rubor_status rubor_store_cancel(rubor_store *store, const char *job, const char *who, rubor_error *error);
rubor_status rubor_store_retry(rubor_store *store, const char *job, const char *who, rubor_error *error);

typedef struct rubor_outcome {
    rubor_status status; /* RUBOR_OK: record is the result; else message says why there is none */
    const char *message;
    const rubor_record *record;
    rubor_bytes packed;   /* the record as it came */
    const char *baseline; /* digest that was measured against, "" for none */
    int64_t baseline_filing; /* the task's; 0: none */
    int attempts;
    int picture_count;
    rubor_picture_ref pictures[RUBOR_JOB_PICTURES]; /* files already put */
} rubor_outcome;

/* Jobs that were made or changed by a step and are to be (re)loaded by the queue with rubor_store_pending. */
typedef struct rubor_job_list {
    size_t count;
    char (*jobs)[RUBOR_JOB_SIZE];
} rubor_job_list;
void rubor_job_list_finish(rubor_job_list *list);
rubor_status rubor_job_list_add(rubor_job_list *list, const char *job, rubor_error *error);

/* The result of a job, once: RUBOR_CONFLICT when it has one, RUBOR_BUSY when it is to be measured against
 * another baseline by now, or against the same one with another region (run it again). When the job was a baseline, *changed
 * gets the visits that are to be measured against it; the same photo filed there before with another region, control or
 * calibration is withdrawn, and what was measured against it no longer counts. */
rubor_status rubor_store_finish(rubor_store *store, const char *job, const rubor_outcome *outcome,
                                rubor_job_list *changed, rubor_error *error);
/* Files the photo of job under what request gives; the old job is withdrawn. */
/* Takes the photo of a job out of its session: the job is no longer current, the photo stays stored and may be filed again.
 * out: the job as it is then. */
rubor_status rubor_store_withdraw(rubor_store *store, const char *job, const char *who, rubor_job_info *out,
                                  rubor_job_list *changed, rubor_error *error);
rubor_status rubor_store_amend(rubor_store *store, const rubor_request *request, const char *who,
                               rubor_job_info *out, rubor_job_list *changed, rubor_error *error);
/* Deletes the patient; *stopped gets jobs that were queued or running and are gone. */
rubor_status rubor_store_forget(rubor_store *store, const char *patient, bool unsent, const char *who, int64_t *jobs,
                                int64_t *photos, rubor_job_list *stopped, rubor_error *error);
/* *at_ms: when the patient was last forgotten, ms since 1970; 0: never. */
rubor_status rubor_store_forgotten(rubor_store *store, const char *patient, int64_t *at_ms,
                                   rubor_error *error);
/* Drops a quarantined job for good: canceled, its photo is kept only where another filing uses it. */
rubor_status rubor_store_drop(rubor_store *store, const char *job, const char *who, rubor_error *error);

/* ---- lists; the reply's sections and next are filled ---- */
/* who: only jobs and sessions of photos that this peer submitted itself; NULL: all. */
rubor_status rubor_store_list(rubor_store *store, const rubor_request *request, const char *who,
                              rubor_reply *reply, rubor_error *error);
rubor_status rubor_store_list_state(rubor_store *store, const char *state, rubor_reply *reply,
                                    rubor_error *error);
rubor_status rubor_store_count(rubor_store *store, rubor_service_status *out, rubor_error *error);
/* The digest of the picture called name of a photo's newest result. */
rubor_status rubor_store_picture_of_photo(rubor_store *store, const char *photo, const char *name,
                                          char out[RUBOR_DIGEST_SIZE], rubor_error *error);

/* ---- sessions, notes, profiles ---- */
rubor_status rubor_store_session_put(rubor_store *store, const rubor_request *request, const char *who,
                                     rubor_error *error);
/* Whether a photo that who itself submitted is filed in this session. */
rubor_status rubor_store_session_has_photo_of(rubor_store *store, const char *patient, const char *session,
                                              const char *who, bool *out, rubor_error *error);
rubor_status rubor_store_session_get(rubor_store *store, const char *patient, const char *session,
                                     rubor_session_info *out, rubor_error *error);
typedef struct rubor_session_summary {
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE];
    int64_t revision; /* of the session whose photos were summed up */
    rubor_summary summary;
} rubor_session_summary;
/* Keeps what workers said of sessions, for the lists; of one that has changed since, or is gone, nothing. */
rubor_status rubor_store_summaries_put(rubor_store *store, const rubor_session_summary *items, size_t count,
                                       rubor_error *error);
rubor_status rubor_store_note_add(rubor_store *store, const rubor_request *request, const char *who,
                                  rubor_error *error);
rubor_status rubor_store_profile_put(rubor_store *store, const char *name, rubor_bytes json, const char *who,
                                     rubor_error *error);
rubor_status rubor_store_profile_get(rubor_store *store, const char *name, char **json, rubor_error *error);

/* ---- audit: append only, each line's hash covers the line and the hash before it ---- */
/* *lines: how many were verified. RUBOR_CORRUPT names the first line that does not fit. */
rubor_status rubor_store_audit_verify(rubor_store *store, int64_t *lines, rubor_error *error);
rubor_status rubor_store_audit_list(rubor_store *store, int64_t after, int64_t limit, rubor_reply *reply,
                                    rubor_error *error);
/* How a patient is named in audit lines: 16 hex digits keyed with this store's own secret, so that the log
 * that outlives a deletion does not name the patient to who does not know the id. */
void rubor_store_patient_tag(const rubor_store *store, const char *patient, char out[24]);

/* ---- fault injection for tests: the nth call from now of an operation fails with errno value ---- */
typedef enum rubor_store_op {
    RUBOR_STORE_OP_OPEN,
    RUBOR_STORE_OP_WRITE,
    RUBOR_STORE_OP_FSYNC,
    RUBOR_STORE_OP_RENAME,
    RUBOR_STORE_OP_DB_WRITE, /* SQLite's own, through a VFS */
    RUBOR_STORE_OP_DB_SYNC,
    RUBOR_STORE_OP_COUNT
} rubor_store_op;
/* countdown 1: the next call; 0: none. sticky: all later calls fail as well. Process-wide. */
void rubor_store_fault(rubor_store_op op, int countdown, int errno_value, bool sticky);
/* Calls of op since the last rubor_store_fault_reset. */
int64_t rubor_store_op_count(rubor_store_op op);
void rubor_store_fault_reset(void);

#endif
