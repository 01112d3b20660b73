#include "clients/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- text ---- */

static void put(FILE *out, const char *name, const char *kind, const char *help)
{
    fprintf(out, "# HELP rubor_%s %s\n# TYPE rubor_%s %s\n", name, help, name, kind);
}

static void put_one(FILE *out, const char *name, const char *kind, const char *help, double value)
{
    put(out, name, kind, help);
    fprintf(out, "rubor_%s %.17g\n", name, value);
}

static void put_labeled(FILE *out, const char *name, const char *label, const char *value, double number)
{
    fprintf(out, "rubor_%s{%s=\"%s\"} %.17g\n", name, label, value, number);
}

static void put_queue(FILE *out, const rubor_service_status *s)
{
    put(out, "queue_jobs", "gauge", "Jobs waiting, by lane.");
    put_labeled(out, "queue_jobs", "lane", "station", (double)s->queue_station);
    put_labeled(out, "queue_jobs", "lane", "review", (double)s->queue_review);
    put_labeled(out, "queue_jobs", "lane", "batch", (double)s->queue_batch);
    put(out, "queue_oldest_seconds", "gauge", "Age of the job that waits longest, by lane.");
    put_labeled(out, "queue_oldest_seconds", "lane", "station", (double)s->oldest_station_ms / 1000);
    put_labeled(out, "queue_oldest_seconds", "lane", "review", (double)s->oldest_review_ms / 1000);
    put_labeled(out, "queue_oldest_seconds", "lane", "batch", (double)s->oldest_batch_ms / 1000);
    put(out, "jobs", "gauge", "Jobs in the store, by state.");
    put_labeled(out, "jobs", "state", "queued", (double)s->queued);
    put_labeled(out, "jobs", "state", "running", (double)s->running);
    put_labeled(out, "jobs", "state", "done", (double)s->done);
    put_labeled(out, "jobs", "state", "failed", (double)s->failed);
    put_labeled(out, "jobs", "state", "quarantined", (double)s->quarantined);
    put_labeled(out, "jobs", "state", "canceled", (double)s->canceled);
}

static void put_counters(FILE *out, const rubor_service_status *s)
{
    size_t busy = 0;
    for (size_t i = 0; i < s->worker_count; i++)
        busy += strcmp(s->workers[i].state, "busy") == 0;
    put(out, "workers", "gauge", "Registered workers, by state.");
    put_labeled(out, "workers", "state", "busy", (double)busy);
    put_labeled(out, "workers", "state", "idle", (double)(s->worker_count - busy));
    put(out, "job_duration_seconds", "summary", "From handing a job out to its stored result.");
    fprintf(out, "rubor_job_duration_seconds_sum %.17g\nrubor_job_duration_seconds_count %" PRId64 "\n",
            (double)s->results_ms / 1000, s->results);
    put_one(out, "retries_total", "counter", "Jobs put back to be tried again.", (double)s->retries);
    put_one(out, "refused_total", "counter", "Requests and connections refused.", (double)s->refused);
    put_one(out, "malformed_total", "counter", "Messages that could not be read.", (double)s->malformed);
    put_one(out, "late_results_total", "counter", "Results with an old lease.", (double)s->late_results);
    put_one(out, "worker_deaths_total", "counter", "Workers found dead.", (double)s->worker_deaths);
    put_one(out, "disk_free_bytes", "gauge", "Room left for the store.", (double)s->disk_free_bytes);
    put_one(out, "uptime_seconds", "gauge", "Since the broker started.", s->uptime_s);
    put_one(out, "draining", "gauge", "1 while the broker stops.", s->draining);
    put(out, "info", "gauge", "Version and algorithm.");
    fprintf(out, "rubor_info{version=\"%s\",algorithm=\"%s\"} 1\n", s->version, s->algorithm);
}

/* status NULL: the broker does not answer. */
static rubor_status write_text(char **out, const rubor_service_status *status, rubor_error *error)
{
    size_t size;
    FILE *stream = open_memstream(out, &size);
    if (!stream)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    put_one(stream, "up", "gauge", "1 when the broker answers.", status != NULL);
    if (status) {
        put_queue(stream, status);
        put_counters(stream, status);
    }
    bool bad = ferror(stream) != 0;
    if (fclose(stream) != 0 || bad) {
        free(*out);
        *out = NULL;
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    }
    return RUBOR_OK;
}

rubor_status rubor_metrics_text(char **out, const rubor_service_status *status, rubor_error *error)
{
    return write_text(out, status, error);
}

/* ---- HTTP ---- */

struct rubor_metrics {
    struct MHD_Daemon *daemon;
    rubor_client *client; /* used by the daemon's one thread */
    char address[320];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static char *ask(rubor_metrics *metrics)
{
    char *text = NULL;
    rubor_error error = {0};
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    rubor_request *request = calloc(1, sizeof *request);
    if (reply && request) {
        rubor_request_init(request, RUBOR_VERB_STATUS);
        rubor_status status = rubor_client_call(metrics->client, reply, request, NULL, 0, 2000, &error);
        write_text(&text, status ? NULL : reply->body.service, &error);
        rubor_client_reply_finish(reply);
    }
    free(reply);
    free(request);
    return text;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body, size_t *body_size,
                              void **state)
{
    static char first;
    (void)version;
    (void)body;
    if (!*state) {
        *state = &first;
        return MHD_YES;
    }
    *body_size = 0;
    if (strcmp(method, "GET") != 0 || strcmp(path, "/metrics") != 0) {
        char *text = strdup("GET /metrics is all there is\n");
        return text ? answer(connection, MHD_HTTP_NOT_FOUND, text) : MHD_NO;
    }
    char *text = ask(context);
    return text ? answer(connection, MHD_HTTP_OK, text) : MHD_NO;
}

/* A listening socket for HOST:PORT or [v6]:PORT; writes the address as bound. */
static rubor_status listen_at(int *fd, char *address, size_t size, const char *http, rubor_error *error)
{
    char host[256] = "", bare[256];
    const char *colon = strrchr(http, ':');
    if (!colon || (size_t)(colon - http) >= sizeof host || !colon[1])
        return rubor_error_set(error, RUBOR_INVALID, "%.200s: give HOST:PORT", http);
    snprintf(host, sizeof host, "%.*s", (int)(colon - http), http);
    size_t length = strlen(host);
    bool brackets = length > 2 && host[0] == '[' && host[length - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(brackets ? length - 2 : length), host + brackets);
    const char *port = strcmp(colon + 1, "*") == 0 ? "0" : colon + 1;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    int code = getaddrinfo(bare, port, &hints, &found);
    if (code)
        return rubor_error_set(error, RUBOR_INVALID, "%.200s: %s", http, gai_strerror(code));
    int yes = 1;
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = *fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                 bind(*fd, found->ai_addr, found->ai_addrlen) == 0 && listen(*fd, 16) == 0;
    freeaddrinfo(found);
    struct sockaddr_storage real = {0};
    socklen_t real_size = sizeof real;
    if (!bound || getsockname(*fd, (struct sockaddr *)&real, &real_size) != 0) {
        rubor_error_set(error, RUBOR_CONFLICT, "%.200s: cannot listen here: %s", http, strerror(errno));
        if (*fd >= 0)
            close(*fd);
        return RUBOR_CONFLICT;
    }
    uint16_t number = real.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&real)->sin6_port
                                                 : ((struct sockaddr_in *)&real)->sin_port;
    snprintf(address, size, "http://%s:%u/metrics", host, ntohs(number));
    return RUBOR_OK;
}

rubor_status rubor_metrics_start(rubor_metrics **out, const rubor_client_options *client, const char *http,
                                 rubor_error *error)
{
    rubor_metrics *metrics = calloc(1, sizeof *metrics);
    int fd = -1;
    *out = NULL;
    if (!metrics)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_client_create(&metrics->client, client, error);
    if (!status)
        status = listen_at(&fd, metrics->address, sizeof metrics->address, http, error);
    if (!status) {
        metrics->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, metrics,
                                           MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, 32u,
                                           MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
        if (!metrics->daemon) {
            close(fd);
            status = rubor_error_set(error, RUBOR_INTERNAL, "%.200s: the HTTP server cannot start", http);
        }
    }
    if (status)
        rubor_metrics_stop(&metrics);
    *out = metrics;
    return status;
}

void rubor_metrics_stop(rubor_metrics **metrics)
{
    if (!metrics || !*metrics)
        return;
    if ((*metrics)->daemon)
        MHD_stop_daemon((*metrics)->daemon);
    rubor_client_destroy(&(*metrics)->client);
    free(*metrics);
    *metrics = NULL;
}

const char *rubor_metrics_address(const rubor_metrics *metrics)
{
    return metrics->address;
}
