/* What passes between worker, zygote and child: a task and its result, each in one piece of anonymous memory.
 */
#ifndef RUBOR_WORKERS_JOB_H
#define RUBOR_WORKERS_JOB_H

#include "protocol/worker_wire.h"

enum {
    RUBOR_TASK_PARAMETERS, /* packed COMPARE request; series: packed reply with jobs */
    RUBOR_TASK_PHOTO,
    RUBOR_TASK_BASELINE,
    RUBOR_TASK_PROFILE,
    RUBOR_TASK_BASELINE_PROFILE,
    RUBOR_TASK_PARTS
};

typedef struct rubor_task_header {
    uint64_t magic;
    int32_t series; /* 0: measure */
    int32_t reserved;
    int64_t now_s;
    uint64_t size[RUBOR_TASK_PARTS];
} rubor_task_header;

typedef struct rubor_result_header {
    uint64_t magic;
    int32_t status;
    int32_t picture_count;
    char message[RUBOR_ERROR_MESSAGE_SIZE];
    uint64_t body_size;
    struct {
        char name[RUBOR_WORD_SIZE];
        uint64_t size;
    } pictures[RUBOR_WIRE_PICTURES];
} rubor_result_header;

enum { RUBOR_RESULT_BYTES_MOST = RUBOR_WIRE_PICTURES * RUBOR_WIRE_PICTURE_BYTES + RUBOR_WIRE_REPLY_BYTES };
#define RUBOR_TASK_MAGIC 0x7275626f7274736bu
#define RUBOR_RESULT_MAGIC 0x7275626f72727374u

/* Anonymous memory with the header and the parts; the parts' sizes are taken from them. */
rubor_status rubor_task_write(int *fd, const rubor_task_header *header,
                              const rubor_bytes parts[RUBOR_TASK_PARTS], rubor_error *error);
/* Maps it; parts point into the mapping. RUBOR_PROTOCOL when sizes do not fit. */
rubor_status rubor_task_map(int fd, rubor_task_header *header, rubor_bytes parts[RUBOR_TASK_PARTS],
                            rubor_error *error);

/* Maps a child's result; everything in it is checked. Zero-initialize; finish unmaps. */
typedef struct rubor_job_result {
    void *mapping;
    size_t mapping_size;
    rubor_status status;
    char message[RUBOR_ERROR_MESSAGE_SIZE];
    rubor_bytes body;
    int picture_count;
    char names[RUBOR_WIRE_PICTURES][RUBOR_WORD_SIZE];
    rubor_bytes pictures[RUBOR_WIRE_PICTURES];
} rubor_job_result;

rubor_status rubor_job_result_map(rubor_job_result *out, int fd, rubor_error *error);
void rubor_job_result_finish(rubor_job_result *result);

/* ---- compute.c: in the child ---- */
/* Maps the task, calls lock (the sandbox), then reads, computes and writes the result to fd. */
void rubor_job_compute(int task_fd, int result_fd, rubor_status (*lock)(void *context, rubor_error *error),
                       void *context);

/* ---- sandbox.c ---- */
typedef struct rubor_sandbox_limits {
    int64_t memory_bytes;
    int cpu_seconds;
} rubor_sandbox_limits;
/* Cannot be undone; for the child only. */
rubor_status rubor_sandbox_enter(const rubor_sandbox_limits *limits, rubor_error *error);
/* What this kernel and build give: "rlimits+seccomp+landlock". */
const char *rubor_sandbox_name(void);

/* ---- zygote.c ---- */
typedef struct rubor_zygote {
    int fd; /* one end of a socket pair; readable when a job ended or the zygote died */
    int pid;
} rubor_zygote;

typedef struct rubor_zygote_verdict {
    int32_t status; /* RUBOR_OK: look at the result; else CRASHED or TIMEOUT */
    int32_t detail; /* signal or exit code */
} rubor_zygote_verdict;

/* Before any thread. */
rubor_status rubor_zygote_start(rubor_zygote *out, int job_seconds, int64_t job_bytes, rubor_error *error);
rubor_status rubor_zygote_send(const rubor_zygote *zygote, int task_fd, int result_fd, rubor_error *error);
/* RUBOR_CRASHED: the zygote itself is gone. */
rubor_status rubor_zygote_receive(const rubor_zygote *zygote, rubor_zygote_verdict *out, rubor_error *error);
void rubor_zygote_stop(rubor_zygote *zygote);

#endif
