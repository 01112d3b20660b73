/* Every request and reply between a client and the broker, as plain structs and as msgpack maps.
 *
 * Tables (request.c, reply_rows.h) drive both directions: key, kind, and which verbs take or need it. PROTOCOL.md says
 * what each verb does; this header says what each field holds. Texts are "" and numbers NaN or a named
 * constant where absent. Reentrant. */
#ifndef RUBOR_PROTOCOL_MESSAGES_H
#define RUBOR_PROTOCOL_MESSAGES_H

#include "analyzer/analyze.h"
#include "analyzer/series.h"
#include "analyzer/summary.h"
#include "protocol/record_wire.h"
#include "protocol/wire.h"

/* ---- roles and verbs ---- */
typedef enum rubor_role {
    RUBOR_ROLE_NONE = 0,
    RUBOR_ROLE_STATION = 1,
    RUBOR_ROLE_REVIEWER = 2,
    RUBOR_ROLE_WORKER = 4,
    RUBOR_ROLE_ADMIN = 8
} rubor_role;

const char *rubor_role_name(rubor_role role); /* "station", ...; "none" */
bool rubor_role_from_name(rubor_role *out, const char *name);

/* Columns: enum, service name on the wire, what a person does with it, S station, R reviewer, A admin may use it.
 * Workers use no verb. */
#define RUBOR_VERB_TABLE(X)                                                                                  \
    X(ANALYZE, "rubor.analyze", "submit photos", 1, 0, 1)                                                    \
    X(COMPARE, "rubor.compare", "compare photos", 1, 1, 1)                                                   \
    X(SERIES, "rubor.series", "see the course of a treatment", 0, 1, 1)                                      \
    X(RESULT, "rubor.result", "ask for results", 1, 1, 1)                                                    \
    X(LIST, "rubor.list", "list what is filed", 1, 1, 1)                                                     \
    X(PHOTO, "rubor.photo", "see stored photos", 0, 1, 1)                                                    \
    X(OVERLAY, "rubor.overlay", "see pictures", 1, 1, 1)                                                     \
    X(NOTE, "rubor.note", "write notes", 0, 1, 1)                                                            \
    X(AMEND, "rubor.amend", "file a photo anew", 1, 1, 1)                                                    \
    X(CANCEL, "rubor.cancel", "cancel a job", 1, 0, 1)                                                       \
    X(STATUS, "rubor.status", "see the state of the service", 1, 1, 1)                                       \
    X(SESSION, "rubor.session", "record a treatment", 1, 1, 1)                                               \
    X(PROFILE, "rubor.profile", "use station profiles", 1, 1, 1)                                             \
    X(FORGET, "rubor.forget", "forget a patient", 0, 0, 1)                                                   \
    X(QUARANTINE, "rubor.quarantine", "look after the quarantine", 0, 0, 1)                                  \
    X(AUDIT, "rubor.audit", "read the audit log", 0, 0, 1)

typedef enum rubor_verb {
    RUBOR_VERB_NONE,
#define X(name, service, deed, station, reviewer, admin) RUBOR_VERB_##name,
    RUBOR_VERB_TABLE(X)
#undef X
        RUBOR_VERB_COUNT
} rubor_verb;

const char *rubor_verb_service(rubor_verb verb);
/* RUBOR_VERB_NONE for an unknown service name; name need not end in NUL. */
rubor_verb rubor_verb_from_service(const char *name, size_t length);
bool rubor_verb_allowed(rubor_verb verb, rubor_role role);
/* RUBOR_FORBIDDEN, for a person: "a station may not write notes; a reviewer or an admin may". deed: what was asked for;
 * NULL: the verb's own words. roles: who may, RUBOR_ROLE_... or-ed; 0: whom the verb is for. */
rubor_status rubor_verb_refuse(rubor_verb verb, rubor_role role, const char *deed, unsigned roles, rubor_error *error);

/* ---- sizes (bytes with NUL) ---- */
enum {
    RUBOR_NAME_SIZE = 257, /* patient, session, profile, device, site */
    RUBOR_VIEW_SIZE = 64,  /* as analyzer/series.h */
    RUBOR_JOB_SIZE = 33,   /* 1..32 of [0-9a-z] */
    RUBOR_NOTE_SIZE = 4001,
    RUBOR_WORD_SIZE = 24, /* lane, state, action, picture name */
    RUBOR_DATE_SIZE = 11, /* YYYY-MM-DD */
    RUBOR_ALSO_SIZE = 400, /* holds a whole session and view: a text cut within a letter is no UTF-8 */
    RUBOR_REQUEST_ID_BYTES = 130,
    RUBOR_LIST_MOST = 500, /* items in one reply */
    RUBOR_JOB_PICTURES = RUBOR_WIRE_PICTURES
};
#define RUBOR_VIEW_DEFAULT "front" /* where a request names none */

/* The client's request id, kept as the msgpack value it came as (text, binary or integer) and echoed so. */
typedef struct rubor_request_id {
    size_t size; /* 0: none */
    uint8_t packed[RUBOR_REQUEST_ID_BYTES];
} rubor_request_id;

void rubor_request_id_text(rubor_request_id *out, const char *text); /* at most 127 bytes are kept */
bool rubor_request_id_equal(const rubor_request_id *a, const rubor_request_id *b);

/* ---- request ---- */
typedef struct rubor_request {
    rubor_verb verb;
    rubor_request_id request;
    char job[RUBOR_JOB_SIZE];
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE];
    int day; /* RUBOR_DAY_UNKNOWN: not given; RUBOR_DAY_BEFORE; 0..3650 */
    char view[RUBOR_VIEW_SIZE];
    rubor_polygon region, control, corners;          /* displayed px of the photo; count 0: not given */
    rubor_polygon baseline_region, baseline_control; /* compare: displayed px of the baseline */
    char edition[16];                                /* "before2014", "after2014" */
    rubor_bytes chart_table;                         /* CSV text, borrowed from the body */
    char profile[RUBOR_NAME_SIZE];                   /* name of a stored profile */
    rubor_bytes profile_json;                        /* borrowed from the body */
    char lane[RUBOR_WORD_SIZE];     /* "station" (default of analyze), "review" (compare), "batch" */
    bool no_wait;                   /* FINAL right after acceptance */
    int64_t deadline_s;             /* from arrival; 0: none */
    int64_t wait_s;                 /* result: FINAL when the job ended or after so long; 0: at once */
    int64_t waited_ms;              /* analyze: how long the photo was with the client; 0: not told */
    char digest[RUBOR_DIGEST_SIZE]; /* photo; analyze, compare: of a stored photo or baseline, not attached */
    char picture[RUBOR_WORD_SIZE];  /* overlay: "overlay", "photo", "aligned", ... */
    char what[RUBOR_WORD_SIZE];     /* list: "jobs" (default), "sessions", "notes", "profiles" */
    char action[RUBOR_WORD_SIZE];   /* quarantine: list retry drop; profile: get put list; session: get put */
    char date[RUBOR_DATE_SIZE], site[RUBOR_NAME_SIZE], device[RUBOR_NAME_SIZE];
    double needle_mm;             /* NaN: not given */
    char text[RUBOR_NOTE_SIZE];   /* note */
    char author[RUBOR_NAME_SIZE]; /* the person a client acts for, as the client names them */
    bool results;                 /* list: with records */
    bool all;                     /* list: superseded and withdrawn jobs too */
    bool withdraw;                /* amend: the photo is filed nowhere; no other key is given */
    bool confirm;                 /* forget: must be true */
    bool unsent;                  /* forget: also a patient of whom nothing has come yet */
    int64_t after, limit;         /* list, audit: rows after this sequence number, at most so many */
} rubor_request;

/* Zeroed, with day, needle_mm and limit at "not given". */
void rubor_request_init(rubor_request *request, rubor_verb verb);
/* The msgpack frame. RUBOR_INVALID when a needed key is absent. free() out->data. */
rubor_status rubor_request_pack(rubor_buffer *out, const rubor_request *request, rubor_error *error);
/* Reads and checks a peer's body for verb. RUBOR_PROTOCOL (not msgpack, not a map, no request id),
 * RUBOR_INVALID (a key is missing, unknown or out of range: the message names it; out->request is set so that
 * the refusal can be answered), RUBOR_TOO_LARGE. chart_table and profile_json point into body's bytes. */
rubor_status rubor_request_unpack(rubor_request *out, rubor_verb verb, rubor_bytes body, rubor_error *error);

/* ---- reply ---- */
typedef struct rubor_picture_ref {
    char name[RUBOR_WORD_SIZE]; /* "photo", "overlay", "aligned", ... */
    char digest[RUBOR_DIGEST_SIZE];
} rubor_picture_ref;

/* One photo filed under a day and the job that measures or measured it. */
typedef struct rubor_job_info {
    char job[RUBOR_JOB_SIZE];
    char state[RUBOR_WORD_SIZE]; /* queued running done failed quarantined canceled */
    int64_t sequence;            /* grows with submission; `after` of the next list */
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE], view[RUBOR_VIEW_SIZE];
    int day; /* RUBOR_DAY_BEFORE or 0..3650; RUBOR_DAY_UNKNOWN for compare */
    char lane[RUBOR_WORD_SIZE];
    char digest[RUBOR_DIGEST_SIZE], baseline[RUBOR_DIGEST_SIZE]; /* baseline "": within frame */
    int attempts;
    bool duplicate; /* this very job was there before the request */
    char also_filed[RUBOR_ALSO_SIZE]; /* with a result, and in the first reply to analyze: where else the very same photo is filed, in words */
    bool current;   /* false: a newer baseline, algorithm or amendment took its place */
    char verdict[8], reference[16], algorithm[RUBOR_CODE_SIZE];
    char superseded_by[RUBOR_JOB_SIZE];
    int64_t submitted_ms, finished_ms; /* since 1970; 0: not yet */
    rubor_status status;               /* why it failed; RUBOR_OK otherwise */
    char error[RUBOR_ERROR_MESSAGE_SIZE];
    int picture_count;
    rubor_picture_ref pictures[RUBOR_JOB_PICTURES];
    bool in_curve;        /* rubor.series only */
    rubor_record *record; /* owned; NULL: no result (yet), or not asked for */
} rubor_job_info;

void rubor_job_info_finish(rubor_job_info *info);

typedef struct rubor_session_info {
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE];
    char date[RUBOR_DATE_SIZE], site[RUBOR_NAME_SIZE], device[RUBOR_NAME_SIZE];
    double needle_mm;
    int64_t photos, last_ms;
    int64_t revision; /* another one whenever a photo was filed, measured, amended or withdrawn */
    rubor_summary summary; /* of this revision; urgency "": not made yet */
} rubor_session_info;

typedef struct rubor_note {
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE], view[RUBOR_VIEW_SIZE];
    int day; /* RUBOR_DAY_UNKNOWN: about the whole session */
    char author[RUBOR_NAME_SIZE], text[RUBOR_NOTE_SIZE];
    int64_t at_ms;
} rubor_note;

typedef struct rubor_audit_line {
    int64_t sequence, at_ms;
    char who[RUBOR_NAME_SIZE], action[RUBOR_WORD_SIZE], subject[RUBOR_NAME_SIZE];
    char detail[RUBOR_ERROR_MESSAGE_SIZE], hash[RUBOR_DIGEST_SIZE];
} rubor_audit_line;

typedef struct rubor_worker_info {
    char id[64], host[64], state[RUBOR_WORD_SIZE], job[RUBOR_JOB_SIZE];
} rubor_worker_info;

typedef struct rubor_service_status {
    char version[RUBOR_CODE_SIZE], algorithm[RUBOR_CODE_SIZE], store[RUBOR_NAME_SIZE], sandbox[64];
    double uptime_s;
    int64_t queue_station, queue_review, queue_batch;                 /* jobs waiting */
    int64_t queued, running, done, failed, quarantined, canceled;     /* jobs in the store */
    int64_t refused, malformed, late_results, retries, worker_deaths; /* since start */
    int64_t oldest_station_ms, oldest_review_ms, oldest_batch_ms;     /* waiting since; 0: none waits */
    int64_t results, results_ms; /* stored since start, and how long they took from handing out */
    int64_t disk_free_bytes;
    bool draining;
    size_t worker_count;
    rubor_worker_info *workers; /* owned */
} rubor_service_status;

/* Which sections a reply carries is told by what is set. */
typedef struct rubor_reply {
    rubor_request_id request;
    rubor_status status; /* of the request; for analyze and compare of the job as well */
    char error[RUBOR_ERROR_MESSAGE_SIZE];
    int64_t retry_after_ms; /* with RUBOR_BUSY; else 0 */
    bool has_job;
    rubor_job_info job; /* analyze, compare, result, amend, cancel, quarantine retry/drop */
    bool has_jobs;
    size_t job_count;
    rubor_job_info *jobs; /* list, quarantine list, series */
    bool has_sessions;
    size_t session_count;
    rubor_session_info *sessions; /* list what=sessions, session */
    bool has_notes;
    size_t note_count;
    rubor_note *notes; /* list what=notes */
    bool has_audit;
    size_t audit_count;
    rubor_audit_line *audit; /* audit */
    bool audit_intact;
    bool has_names;
    size_t name_count;
    char (*names)[RUBOR_NAME_SIZE]; /* list what=profiles */
    char *profile_json;             /* profile get; owned, NUL-terminated */
    rubor_series *series;           /* series; owned */
    rubor_summary summary;          /* series: of all photos of the session */
    rubor_service_status *service;  /* status; owned */
    char digest[RUBOR_DIGEST_SIZE],
        type[32];                         /* photo, overlay: the attached picture's digest and media type */
    int64_t removed_jobs, removed_photos; /* forget; -1: not part of this reply */
    int64_t next;                         /* list, audit: `after` of the next page; 0: this was the last */
} rubor_reply;

void rubor_reply_init(rubor_reply *reply, const rubor_request_id *request);
void rubor_reply_finish(rubor_reply *reply);
rubor_status rubor_reply_pack(rubor_buffer *out, const rubor_reply *reply, rubor_error *error);
/* What a client calls on frame 3. RUBOR_PROTOCOL names the key. */
rubor_status rubor_reply_unpack(rubor_reply *out, rubor_bytes body, rubor_error *error);

#endif
