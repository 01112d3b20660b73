/* The tables behind replies, shared by reply.c (writing) and reply_read.c (reading) only. */
#ifndef RUBOR_PROTOCOL_REPLY_ROWS_H
#define RUBOR_PROTOCOL_REPLY_ROWS_H

#include "protocol/messages.h"

#include <stddef.h>

typedef enum row_kind {
    ROW_TEXT,
    ROW_PROSE,
    ROW_INT64,
    ROW_INT,
    ROW_DAY,
    ROW_NUMBER,
    ROW_BOOL,
    ROW_STATUS
} row_kind;

typedef struct row {
    const char *key;
    row_kind kind;
    size_t offset, size; /* size: of texts with NUL */
} row;

#define TEXT(type, member)                                                                                   \
    {                                                                                                        \
#member, ROW_TEXT, offsetof(type, member), sizeof(((type *)0)->member)                               \
    }
#define ROW(type, kind, member)                                                                              \
    {                                                                                                        \
#member, kind, offsetof(type, member), 0                                                             \
    }
#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

static const row job_rows[] = {
    TEXT(rubor_job_info, job),
    TEXT(rubor_job_info, state),
    ROW(rubor_job_info, ROW_INT64, sequence),
    TEXT(rubor_job_info, patient),
    TEXT(rubor_job_info, session),
    TEXT(rubor_job_info, view),
    ROW(rubor_job_info, ROW_DAY, day),
    TEXT(rubor_job_info, lane),
    TEXT(rubor_job_info, digest),
    TEXT(rubor_job_info, baseline),
    ROW(rubor_job_info, ROW_INT, attempts),
    ROW(rubor_job_info, ROW_BOOL, duplicate),
    TEXT(rubor_job_info, also_filed),
    ROW(rubor_job_info, ROW_BOOL, current),
    TEXT(rubor_job_info, verdict),
    TEXT(rubor_job_info, reference),
    TEXT(rubor_job_info, algorithm),
    TEXT(rubor_job_info, superseded_by),
    ROW(rubor_job_info, ROW_INT64, submitted_ms),
    ROW(rubor_job_info, ROW_INT64, finished_ms),
    ROW(rubor_job_info, ROW_BOOL, in_curve),
};

static const row session_rows[] = {
    TEXT(rubor_session_info, patient),
    TEXT(rubor_session_info, session),
    TEXT(rubor_session_info, date),
    TEXT(rubor_session_info, site),
    TEXT(rubor_session_info, device),
    ROW(rubor_session_info, ROW_NUMBER, needle_mm),
    ROW(rubor_session_info, ROW_INT64, photos),
    ROW(rubor_session_info, ROW_INT64, last_ms),
    ROW(rubor_session_info, ROW_INT64, revision),
    {"urgency", ROW_TEXT, offsetof(rubor_session_info, summary.urgency), sizeof(((rubor_summary *)0)->urgency)},
    {"headline", ROW_TEXT, offsetof(rubor_session_info, summary.headline), RUBOR_HEADLINE_SIZE},
    {"signs", ROW_TEXT, offsetof(rubor_session_info, summary.signs), RUBOR_SIGNS_SIZE},
};

static const row note_rows[] = {
    TEXT(rubor_note, patient),
    TEXT(rubor_note, session),
    TEXT(rubor_note, view),
    ROW(rubor_note, ROW_DAY, day),
    TEXT(rubor_note, author),
    {"text", ROW_PROSE, offsetof(rubor_note, text), RUBOR_NOTE_SIZE},
    ROW(rubor_note, ROW_INT64, at_ms),
};

static const row audit_rows[] = {
    ROW(rubor_audit_line, ROW_INT64, sequence),
    ROW(rubor_audit_line, ROW_INT64, at_ms),
    TEXT(rubor_audit_line, who),
    TEXT(rubor_audit_line, action),
    TEXT(rubor_audit_line, subject),
    TEXT(rubor_audit_line, detail),
    TEXT(rubor_audit_line, hash),
};

static const row worker_rows[] = {
    TEXT(rubor_worker_info, id),
    TEXT(rubor_worker_info, host),
    TEXT(rubor_worker_info, state),
    TEXT(rubor_worker_info, job),
};

static const row service_rows[] = {
    TEXT(rubor_service_status, version),
    TEXT(rubor_service_status, algorithm),
    TEXT(rubor_service_status, store),
    TEXT(rubor_service_status, sandbox),
    ROW(rubor_service_status, ROW_NUMBER, uptime_s),
    ROW(rubor_service_status, ROW_INT64, queue_station),
    ROW(rubor_service_status, ROW_INT64, queue_review),
    ROW(rubor_service_status, ROW_INT64, queue_batch),
    ROW(rubor_service_status, ROW_INT64, queued),
    ROW(rubor_service_status, ROW_INT64, running),
    ROW(rubor_service_status, ROW_INT64, done),
    ROW(rubor_service_status, ROW_INT64, failed),
    ROW(rubor_service_status, ROW_INT64, quarantined),
    ROW(rubor_service_status, ROW_INT64, canceled),
    ROW(rubor_service_status, ROW_INT64, refused),
    ROW(rubor_service_status, ROW_INT64, malformed),
    ROW(rubor_service_status, ROW_INT64, late_results),
    ROW(rubor_service_status, ROW_INT64, retries),
    ROW(rubor_service_status, ROW_INT64, worker_deaths),
    ROW(rubor_service_status, ROW_INT64, oldest_station_ms),
    ROW(rubor_service_status, ROW_INT64, oldest_review_ms),
    ROW(rubor_service_status, ROW_INT64, oldest_batch_ms),
    ROW(rubor_service_status, ROW_INT64, results),
    ROW(rubor_service_status, ROW_INT64, results_ms),
    ROW(rubor_service_status, ROW_INT64, disk_free_bytes),
    ROW(rubor_service_status, ROW_BOOL, draining),
};

static const row landmark_rows[] = {
    ROW(rubor_landmarks, ROW_NUMBER, peak_day),
    ROW(rubor_landmarks, ROW_NUMBER, half_life_days),
    {"half_life_low", ROW_NUMBER, offsetof(rubor_landmarks, half_life_interval95), 0},
    {"half_life_high", ROW_NUMBER, offsetof(rubor_landmarks, half_life_interval95) + sizeof(double), 0},
    ROW(rubor_landmarks, ROW_NUMBER, resolved_day),
    {"resolved_low", ROW_NUMBER, offsetof(rubor_landmarks, resolved_interval95), 0},
    {"resolved_high", ROW_NUMBER, offsetof(rubor_landmarks, resolved_interval95) + sizeof(double), 0},
};

static const row summary_rows[] = {
    TEXT(rubor_summary, urgency),
    TEXT(rubor_summary, headline),
    TEXT(rubor_summary, signs),
    TEXT(rubor_summary, rules),
};

static const row flag_rows[] = {
    TEXT(rubor_series_flag, code),
    TEXT(rubor_series_flag, view),
    ROW(rubor_series_flag, ROW_INT, day),
    TEXT(rubor_series_flag, message),
};

#endif
