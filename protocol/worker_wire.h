/* What broker and workers say to each other inside MDP 0.2's worker commands (PROTOCOL.md "Workers").
 * Both directions are checked: a worker may be on another machine. Reentrant. */
#ifndef RUBOR_PROTOCOL_WORKER_WIRE_H
#define RUBOR_PROTOCOL_WORKER_WIRE_H

#include "protocol/messages.h"

/* Frame 3 of READY. */
typedef struct rubor_worker_hello {
    char id[64], host[64], version[RUBOR_CODE_SIZE], algorithm[RUBOR_CODE_SIZE], sandbox[64];
    int64_t pid;
    int64_t job_seconds; /* it ends a job itself after so long; RUBOR_JOB_SECONDS when it does not say */
} rubor_worker_hello;

enum { RUBOR_JOB_SECONDS = 120, RUBOR_JOB_SECONDS_MOST = 3600 };

rubor_status rubor_worker_hello_pack(rubor_buffer *out, const rubor_worker_hello *hello, rubor_error *error);
rubor_status rubor_worker_hello_unpack(rubor_worker_hello *out, rubor_bytes body, rubor_error *error);

/* Frame 4 of REQUEST and FINAL. */
typedef struct rubor_envelope {
    char job[RUBOR_JOB_SIZE];
    char kind[RUBOR_WORD_SIZE]; /* "measure" or "series" */
    int64_t attempt;
    char lease[20];      /* 16 hex digits; comes back unchanged */
    rubor_status status; /* FINAL */
    char message[RUBOR_ERROR_MESSAGE_SIZE];
    int picture_count; /* FINAL: that many frames follow the body */
    char pictures[RUBOR_WIRE_PICTURES][RUBOR_WORD_SIZE];
} rubor_envelope;

rubor_status rubor_envelope_pack(rubor_buffer *out, const rubor_envelope *envelope, rubor_error *error);
rubor_status rubor_envelope_unpack(rubor_envelope *out, rubor_bytes body, rubor_error *error);

/* The record alone, as in frame 5 of FINAL and as the store keeps it. */
rubor_status rubor_record_to_bytes(rubor_buffer *out, const rubor_record *record, rubor_error *error);
rubor_status rubor_record_from_bytes(rubor_record *out, rubor_bytes body, rubor_error *error);

#endif
