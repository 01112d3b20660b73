#include "workers/worker.h"

#include "imaging/limits.h"
#include "workers/job.h"
#include "workers/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile atomic_int stop_asked;
static volatile atomic_int wake_fd = -1;

void rubor_worker_stop(void)
{
    int saved = errno;
    atomic_store(&stop_asked, 1);
    int fd = atomic_load(&wake_fd);
    if (fd >= 0) {
        ssize_t ignored = write(fd, "s", 1);
        (void)ignored;
    }
    errno = saved;
}

typedef struct worker {
    const rubor_worker_options *options;
    rubor_worker_hello hello;
    rubor_zygote zygote;
    rubor_link link;
    int wake[2];
    bool busy, registered;
    rubor_envelope envelope; /* of the job in hand */
    int result_fd;
    int64_t heard_ms, spoke_ms, retry_ms;
} worker;

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const worker *w, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(const worker *w, int level, const char *format, ...)
{
    char line[512];
    if (!w->options->log)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    w->options->log(w->options->context, level, line);
}

/* ---- results ---- */

static void send_final(worker *w, rubor_status status, const char *message, const rubor_job_result *result)
{
    rubor_error error = {0};
    rubor_buffer packed = {0};
    rubor_envelope *e = &w->envelope;
    e->status = status;
    snprintf(e->message, sizeof e->message, "%s", message);
    e->picture_count = 0;
    for (int i = 0; result && !status && i < result->picture_count; i++)
        snprintf(e->pictures[e->picture_count++], RUBOR_WORD_SIZE, "%s", result->names[i]);
    if (rubor_envelope_pack(&packed, e, &error) == RUBOR_OK) {
        rubor_bytes parts[2 + RUBOR_WIRE_PICTURES] = {{packed.data, packed.size}};
        size_t count = 1;
        if (result && !status) {
            parts[count++] = result->body;
            for (int i = 0; i < result->picture_count; i++)
                parts[count++] = result->pictures[i];
        }
        rubor_link_send_final(&w->link, e->job, parts, count);
        w->spoke_ms = monotonic_ms();
    }
    free(packed.data);
    w->busy = false;
}

static void take_verdict(worker *w, const rubor_zygote_verdict *verdict)
{
    rubor_job_result result = {0};
    rubor_error error = {0};
    char message[128] = "";
    rubor_status status = (rubor_status)verdict->status;
    if (status == RUBOR_TIMEOUT)
        snprintf(message, sizeof message, "the analysis took longer than it may");
    else if (status == RUBOR_CRASHED)
        snprintf(message, sizeof message, "the analysis was ended by %s %d",
                 verdict->detail > 0 ? "signal" : "exit", abs(verdict->detail));
    if (!status) {
        status = rubor_job_result_map(&result, w->result_fd, &error);
        if (!status)
            status = result.status;
    }
    if (status)
        say(w, 4, "job=%s %s: %s", w->envelope.job, rubor_status_name(status),
            message[0]       ? message
            : result.mapping ? result.message
                             : error.message);
    /* A photo that keeps its analysis busy for ever is as bad as one that kills it: counted as a death. BUSY
     * is the worker's own word; a child that says it was taken over. */
    rubor_status told = status == RUBOR_TIMEOUT || status == RUBOR_BUSY ? RUBOR_CRASHED : status;
    send_final(w, told, message[0] ? message : result.mapping ? result.message : error.message, &result);
    rubor_job_result_finish(&result);
    close(w->result_fd);
    w->result_fd = -1;
}

/* ---- jobs ---- */

static void answer_noop(worker *w, rubor_bytes photo)
{
    rubor_record *record = malloc(sizeof *record);
    rubor_buffer body = {0};
    rubor_error error = {0};
    rubor_status status = record ? RUBOR_OK : rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    if (!status) {
        rubor_record_init(record);
        rubor_digest(record->photo.digest, photo);
        rubor_record_reason(record, "retake", "not_analyzed",
                            "This worker runs with --noop and looks at no photo.");
        status = rubor_record_to_bytes(&body, record, &error);
    }
    rubor_job_result result = {.body = {body.data, body.size}};
    send_final(w, status, error.message, &result);
    free(body.data);
    free(record);
}

static void start_job(worker *w, const rubor_link_message *message)
{
    rubor_error error = {0};
    if (rubor_envelope_unpack(&w->envelope, message->parts[0], &error) != RUBOR_OK) {
        say(w, 3, "a job that cannot be read was sent: %s", error.message);
        return;
    }
    bool series = strcmp(w->envelope.kind, "series") == 0;
    w->busy = true;
    if (w->options->noop && !series) {
        answer_noop(w, message->count > 2 ? message->parts[2] : (rubor_bytes){0});
        return;
    }
    rubor_task_header header = {.series = series, .now_s = (int64_t)time(NULL)};
    rubor_bytes parts[RUBOR_TASK_PARTS] = {{0}};
    for (size_t i = 0; i < RUBOR_TASK_PARTS && i + 1 < message->count; i++)
        parts[i] = message->parts[i + 1];
    int task_fd = -1;
    rubor_status status = rubor_task_write(&task_fd, &header, parts, &error);
    if (!status) {
        w->result_fd = memfd_create("rubor-result", MFD_CLOEXEC);
        status = w->result_fd >= 0 ? rubor_zygote_send(&w->zygote, task_fd, w->result_fd, &error)
                                   : rubor_error_set(&error, RUBOR_NO_MEMORY, "no memory for a result");
    }
    if (task_fd >= 0)
        close(task_fd);
    if (status) {
        if (w->result_fd >= 0)
            close(w->result_fd);
        w->result_fd = -1;
        send_final(w, status, error.message, NULL);
    }
}

/* A job that comes while one runs is handed back at once: dropped, it would be kept alive by our heartbeats.
 */
static void refuse_job(worker *w, const rubor_link_message *message)
{
    rubor_error error = {0};
    rubor_buffer packed = {0};
    rubor_envelope *e = malloc(sizeof *e);
    say(w, 3, "a second job was sent while one runs");
    if (e && rubor_envelope_unpack(e, message->parts[0], &error) == RUBOR_OK) {
        e->status = RUBOR_BUSY;
        snprintf(e->message, sizeof e->message, "the worker is busy with another job");
        e->picture_count = 0;
        if (rubor_envelope_pack(&packed, e, &error) == RUBOR_OK)
            rubor_link_send_final(&w->link, e->job, &(rubor_bytes){packed.data, packed.size}, 1);
    }
    free(packed.data);
    free(e);
}

/* ---- the loop ---- */

static rubor_status connect_again(worker *w, const char *why, rubor_error *error)
{
    if (why)
        say(w, 4, "registers again: %s", why);
    w->registered = false;
    w->heard_ms = w->spoke_ms = monotonic_ms();
    rubor_status status = rubor_link_open(&w->link, w->options->brokers, w->options->keys, error);
    if (status == RUBOR_OK)
        rubor_link_send_ready(&w->link, &w->hello);
    w->retry_ms = w->heard_ms + 2000;
    return status;
}

static void read_broker(worker *w)
{
    rubor_link_message message;
    for (int i = 0; i < 16 && rubor_link_receive(&w->link, &message); i++) {
        w->heard_ms = monotonic_ms();
        if (message.command == RUBOR_MDPW_DISCONNECT) {
            rubor_link_message_finish(&message);
            w->retry_ms = monotonic_ms() + 500;
            rubor_link_close(&w->link);
            return;
        }
        if (!w->registered && w->options->ready)
            w->options->ready(w->options->context, w->link.endpoint, w->hello.id);
        w->registered = true;
        if (message.command == RUBOR_MDPW_REQUEST && message.count > 0 && w->busy)
            refuse_job(w, &message);
        else if (message.command == RUBOR_MDPW_REQUEST && message.count > 0)
            start_job(w, &message);
        rubor_link_message_finish(&message);
    }
}

static void keep_alive(worker *w)
{
    enum { MISSED = 5 }; /* the broker may be in an fsync: more patient with it than it is with us */
    int64_t now = monotonic_ms();
    rubor_error error = {0};
    if (!w->link.socket) { /* READY says "I am free": not while a job runs, though its result is lost */
        if (!w->busy && now >= w->retry_ms && connect_again(w, NULL, &error) != RUBOR_OK)
            say(w, 3, "%s", error.message);
    } else if (!w->busy && now - w->heard_ms > (int64_t)MISSED * w->options->heartbeat_ms) {
        rubor_link_close(&w->link);
        rubor_link_next_broker(&w->link);
        if (connect_again(w, "the broker is silent", &error) != RUBOR_OK)
            say(w, 3, "%s", error.message);
    } else if (now - w->spoke_ms >= w->options->heartbeat_ms) {
        rubor_link_send_command(&w->link, RUBOR_MDPW_HEARTBEAT);
        w->spoke_ms = now;
    }
}

static rubor_status run_loop(worker *w, rubor_error *error)
{
    rubor_status connected = connect_again(w, NULL, error);
    if (connected) /* keys or endpoint are wrong: said once, at the start */
        return connected;
    while (!atomic_load(&stop_asked) || w->busy) {
        zmq_pollitem_t items[] = {{NULL, w->wake[0], ZMQ_POLLIN, 0},
                                  {NULL, w->zygote.fd, ZMQ_POLLIN, 0},
                                  {w->link.socket, 0, ZMQ_POLLIN, 0}};
        int count = zmq_poll(items, w->link.socket ? 3 : 2, w->options->heartbeat_ms / 4);
        char drop[16];
        if (count < 0 && errno != EINTR)
            return rubor_error_set(error, RUBOR_INTERNAL, "ZeroMQ: %s", zmq_strerror(errno));
        while (read(w->wake[0], drop, sizeof drop) > 0)
            continue;
        if (count > 0 && items[1].revents) {
            rubor_zygote_verdict verdict;
            rubor_status status = rubor_zygote_receive(&w->zygote, &verdict, error);
            if (status)
                return status;
            if (w->busy)
                take_verdict(w, &verdict);
        }
        if (w->link.socket)
            read_broker(w);
        keep_alive(w);
    }
    if (w->link.socket)
        rubor_link_send_command(&w->link, RUBOR_MDPW_DISCONNECT);
    return RUBOR_OK;
}

static void name_worker(worker *w)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(w->hello.host, sizeof w->hello.host, "%s", host[0] ? host : "unknown");
    w->hello.pid = getpid();
    w->hello.job_seconds = w->options->job_seconds;
    if (w->options->id)
        snprintf(w->hello.id, sizeof w->hello.id, "%s", w->options->id);
    else
        snprintf(w->hello.id, sizeof w->hello.id, "%.40s-%d", w->hello.host, (int)w->hello.pid);
    snprintf(w->hello.version, sizeof w->hello.version, "%s", RUBOR_VERSION);
    snprintf(w->hello.algorithm, sizeof w->hello.algorithm, "%s", RUBOR_ALGORITHM);
    snprintf(w->hello.sandbox, sizeof w->hello.sandbox, "%s",
             w->options->noop ? "noop" : rubor_sandbox_name());
}

rubor_status rubor_worker_run(const rubor_worker_options *options, rubor_error *error)
{
    rubor_worker_options own = *options;
    own.heartbeat_ms = own.heartbeat_ms > 0 ? own.heartbeat_ms : 1000;
    own.job_seconds = own.job_seconds > 0 ? own.job_seconds : RUBOR_JOB_SECONDS;
    own.job_bytes = own.job_bytes > 0 ? own.job_bytes : (int64_t)3 << 30;
    worker *w = calloc(1, sizeof *w);
    if (!w)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    w->options = &own;
    w->result_fd = w->wake[0] = w->wake[1] = -1;
    name_worker(w);
    rubor_status status = rubor_zygote_start(&w->zygote, own.job_seconds, own.job_bytes, error);
    if (!status && pipe2(w->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        status = rubor_error_set(error, RUBOR_INTERNAL, "pipe: %s", strerror(errno));
    atomic_store(&wake_fd, w->wake[1]);
    if (!status)
        status = rubor_link_create(&w->link, error);
    if (!status)
        status = run_loop(w, error);
    atomic_store(&wake_fd, -1);
    rubor_link_destroy(&w->link);
    rubor_zygote_stop(&w->zygote);
    for (int i = 0; i < 2; i++)
        if (w->wake[i] >= 0)
            close(w->wake[i]);
    if (w->result_fd >= 0)
        close(w->result_fd);
    free(w);
    return status;
}
