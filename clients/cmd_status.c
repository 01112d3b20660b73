#include "clients/commands.h"
#include "clients/json.h"
#include "clients/metrics.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *workers_json(const rubor_service_status *s)
{
    json_t *workers = json_array();
    for (size_t i = 0; i < s->worker_count; i++) {
        const rubor_worker_info *w = &s->workers[i];
        json_array_append_new(workers, json_pack("{so,so,so,so}", "id", rubor_json_text(w->id), "host",
                                                 rubor_json_text(w->host), "state", rubor_json_text(w->state),
                                                 "job", rubor_json_text(w->job)));
    }
    return workers;
}

static json_t *status_json(const rubor_service_status *s)
{
    return json_pack("{so,so,so,so,s{sI,sI,sI},s{sI,sI,sI,sI,sI,sI},sI,sI,sI,sI,sI,so,sI,so,sb}", "version",
                     rubor_json_text(s->version), "algorithm", rubor_json_text(s->algorithm), "uptime_s",
                     rubor_json_number(s->uptime_s, 1), "workers", workers_json(s), "queue", "station",
                     (json_int_t)s->queue_station, "review", (json_int_t)s->queue_review, "batch",
                     (json_int_t)s->queue_batch, "jobs", "queued", (json_int_t)s->queued, "running",
                     (json_int_t)s->running, "done", (json_int_t)s->done, "failed", (json_int_t)s->failed,
                     "quarantined", (json_int_t)s->quarantined, "canceled", (json_int_t)s->canceled,
                     "refused", (json_int_t)s->refused, "malformed", (json_int_t)s->malformed, "late_results",
                     (json_int_t)s->late_results, "retries", (json_int_t)s->retries, "worker_deaths",
                     (json_int_t)s->worker_deaths, "store", rubor_json_text(s->store), "disk_free_bytes",
                     (json_int_t)s->disk_free_bytes, "sandbox", rubor_json_text(s->sandbox), "draining",
                     s->draining);
}

static void print_text(const rubor_service_status *s)
{
    printf("rubor %s, algorithm %s, up %.0f s%s\n", s->version, s->algorithm, s->uptime_s,
           s->draining ? ", draining" : "");
    printf("%-10s station %" PRId64 ", review %" PRId64 ", batch %" PRId64 "\n", "waiting", s->queue_station,
           s->queue_review, s->queue_batch);
    printf("%-10s queued %" PRId64 ", running %" PRId64 ", done %" PRId64 ", failed %" PRId64
           ", quarantined %" PRId64 ", canceled %" PRId64 "\n",
           "jobs", s->queued, s->running, s->done, s->failed, s->quarantined, s->canceled);
    printf("%-10s refused %" PRId64 ", malformed %" PRId64 ", retries %" PRId64 ", worker deaths %" PRId64
           ", late results %" PRId64 "\n",
           "counted", s->refused, s->malformed, s->retries, s->worker_deaths, s->late_results);
    printf("%-10s %s, %.1f GB free\n", "store", s->store, (double)s->disk_free_bytes / 1e9);
    printf("%-10s %s\n", "sandbox", s->sandbox[0] ? s->sandbox : "unknown: no worker");
    for (size_t i = 0; i < s->worker_count; i++)
        printf("%-10s %s on %s: %s%s%s\n", "worker", s->workers[i].id, s->workers[i].host, s->workers[i].state,
               *s->workers[i].job ? " with job " : "",
               s->workers[i].job);
}

typedef enum form { TEXT, JSON, PROMETHEUS } form;

static rubor_status print_metrics(const rubor_service_status *s, rubor_error *error)
{
    char *text;
    rubor_status status = rubor_metrics_text(&text, s, error);
    if (!status)
        fputs(text, stdout);
    free(text);
    return status;
}

/* Until SIGTERM. */
static int serve_metrics(const rubor_client_options *client, const char *http)
{
    rubor_metrics *metrics;
    rubor_error error = {0};
    sigset_t ends;
    int ended;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before any thread starts */
    signal(SIGPIPE, SIG_IGN);
    if (rubor_metrics_start(&metrics, client, http, &error) != RUBOR_OK)
        return rubor_fail("status", &error);
    printf("ready metrics=%s\n", rubor_metrics_address(metrics));
    fflush(stdout);
    sigwait(&ends, &ended);
    rubor_metrics_stop(&metrics);
    return RUBOR_EXIT_DONE;
}

static rubor_status print(const rubor_service_status *service, form wanted, rubor_error *error)
{
    if (!service)
        return rubor_error_set(error, RUBOR_PROTOCOL, "the broker's answer holds no status");
    if (wanted == PROMETHEUS)
        return print_metrics(service, error);
    if (wanted == TEXT) {
        print_text(service);
        return RUBOR_OK;
    }
    json_t *out = status_json(service);
    rubor_status status = rubor_json_print(stdout, out, RUBOR_JSON_LINE, error);
    json_decref(out);
    return status;
}

static int run(const rubor_client_options *client, form wanted)
{
    rubor_error error = {0};
    rubor_question *question = rubor_question_create("status", RUBOR_VERB_STATUS);
    if (!question)
        return RUBOR_EXIT_FAULT;
    int code = rubor_question_ask(question, client);
    if (code == RUBOR_EXIT_DONE && print(question->reply.body.service, wanted, &error) != RUBOR_OK)
        code = rubor_fail("status", &error);
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_status(int argc, char **argv)
{
    rubor_client_options client = {0};
    char *http = NULL;
    int json = 0, prometheus = 0;
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(client),
        RUBOR_OPTION_SWITCH("json", &json, "one JSON object"),
        RUBOR_OPTION_SWITCH("prometheus", &prometheus, "Prometheus text"),
        RUBOR_OPTION_TEXT("metrics", &http, "serve Prometheus text at http://HOST:PORT/metrics until SIGTERM",
                          "HOST:PORT"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "", "Says how the service is doing.", 0, 0);
    if (code < 0)
        code = http ? serve_metrics(&client, http)
                    : run(&client, json         ? JSON
                                   : prometheus ? PROMETHEUS
                                                : TEXT);
    rubor_options_finish(&options);
    return code;
}
