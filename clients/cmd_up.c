/* Broker, workers and page on this machine, as child processes that are watched and replaced. */
#include "broker/zap.h"
#include "clients/commands.h"
#include "clients/mdp_client.h"
#include "clients/options.h"
#include "clients/page_token.h"
#include "clients/serve.h"
#include "clients/service_log.h"
#include "clients/supervisor.h"
#include "clients/systemd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char log_name[] = "up";

typedef struct up {
    const char *data, *store, *endpoint, *worker_endpoint, *http, *metrics, *tokens, *memory;
    char *keys;
    long workers;
    bool noop, page;
    rubor_supervisor supervisor;
    rubor_child *broker, *serve, *exporter;
    int first_worker;
    bool said_ready;
    char token[RUBOR_PAGE_TOKEN_SIZE]; /* of the page; "" with a token file of the user's */
    char real_endpoint[256], real_workers[256], local[256];
} up;

/* A socket in the store's folder, which only its owner may enter; a path that is too long for a socket: none.
 */
static void socket_in(char *out, size_t size, const char *folder, const char *name)
{
    char real[4096];
    out[0] = '\0';
    if (!realpath(folder, real) || strlen(real) + strlen(name) > 90)
        return;
    snprintf(out, size, "ipc://%s/%s", real, name);
}

static bool add_broker(up *u)
{
    const char *folder = strncmp(u->store, "sqlite:", 7) == 0 ? u->store + 7 : u->store;
    char workers[256];
    socket_in(workers, sizeof workers, folder, "workers.sock");
    socket_in(u->local, sizeof u->local, folder, "local.sock");
    u->broker = rubor_supervisor_add(&u->supervisor, "broker", "broker");
    bool added = u->broker && rubor_child_argument(u->broker, "--store", u->store) &&
                 rubor_child_argument(u->broker, "--endpoint", u->endpoint) &&
                 rubor_child_argument(u->broker, "--worker-endpoint",
                                      u->worker_endpoint ? u->worker_endpoint
                                      : workers[0]       ? workers
                                                         : "tcp://127.0.0.1:*");
    if (added && u->memory)
        added = rubor_child_argument(u->broker, "--memory", u->memory);
    if (added && u->keys)
        added = rubor_child_argument(u->broker, "--keys", u->keys);
    if (added && u->keys && u->local[0])
        added = rubor_child_argument(u->broker, "--local-endpoint", u->local);
    return added;
}

/* 0 when the broker is ready, else the exit code. */
static int start_broker(up *u)
{
    rubor_error error = {0};
    if (!add_broker(u) || rubor_child_start(u->broker, &error) != RUBOR_OK) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "the broker cannot be started");
        return rubor_fail("up", &error);
    }
    for (;;) {
        rubor_child *child;
        rubor_supervisor_event event = rubor_supervisor_wait(&u->supervisor, 1000, &child);
        if (event == RUBOR_SUPERVISOR_STOP || event == RUBOR_SUPERVISOR_DIED) {
            u->supervisor.stopping = true; /* a broker that cannot start said why on stderr */
            return event == RUBOR_SUPERVISOR_STOP ? RUBOR_EXIT_DONE : RUBOR_EXIT_FAILED;
        }
        if (event == RUBOR_SUPERVISOR_READY)
            break;
    }
    rubor_child_value(u->broker, "endpoint", u->real_endpoint, sizeof u->real_endpoint);
    rubor_child_value(u->broker, "workers", u->real_workers, sizeof u->real_workers);
    /* Started again it must be found where it was. */
    rubor_child_replace(u->broker, "--endpoint", u->real_endpoint);
    rubor_child_replace(u->broker, "--worker-endpoint", u->real_workers);
    return 0;
}

/* A key of its own for this machine's workers, where they come in by CURVE. */
static bool own_key(const up *u, char *folder, size_t size)
{
    rubor_error error = {0};
    static const char name[] = "up-worker";
    rubor_status status = rubor_keys_make(u->keys, RUBOR_ROLE_WORKER, name, &error);
    snprintf(folder, size, "%s/%s", u->keys, name);
    if (status == RUBOR_OK && u->broker->pid > 0)
        kill(u->broker->pid, SIGHUP); /* it has read the list already */
    if (status != RUBOR_OK && status != RUBOR_CONFLICT)
        rubor_fail("up", &error);
    return status == RUBOR_OK || status == RUBOR_CONFLICT;
}

static bool start_workers(up *u)
{
    char key[4400] = "";
    u->first_worker = u->supervisor.count;
    bool curve = u->keys && strncmp(u->real_workers, "ipc://", 6) != 0;
    if (curve && !own_key(u, key, sizeof key))
        return false;
    for (long i = 0; i < u->workers; i++) {
        rubor_child *child = rubor_supervisor_add(&u->supervisor, "worker", "worker");
        bool added = child && rubor_child_argument(child, "--broker", u->real_workers);
        if (added && curve)
            added = rubor_child_argument(child, "--keys", key);
        if (added && u->noop)
            added = rubor_child_argument(child, "--noop", NULL);
        if (!added || rubor_child_start(child, NULL) != RUBOR_OK)
            return false;
    }
    return true;
}

/* The page is a client like any other; with keys it uses the socket that only this user may open. */
static bool start_page(up *u)
{
    if (!u->page)
        return true;
    char made[4200];
    rubor_error error = {0};
    const char *folder = strncmp(u->store, "sqlite:", 7) == 0 ? u->store + 7 : u->store;
    if (!u->tokens && rubor_page_token(made, sizeof made, u->token, folder, &error) != RUBOR_OK) {
        rubor_fail("up", &error);
        return false;
    }
    u->serve = rubor_supervisor_add(&u->supervisor, "serve", "serve");
    const char *endpoint = u->keys && u->local[0] ? u->local : u->real_endpoint;
    return u->serve && rubor_child_argument(u->serve, "--endpoint", endpoint) &&
           rubor_child_argument(u->serve, "--http", u->http ? u->http : RUBOR_HTTP_DEFAULT) &&
           rubor_child_argument(u->serve, "--tokens", u->tokens ? u->tokens : made) &&
           rubor_child_start(u->serve, NULL) == RUBOR_OK;
}

static bool start_metrics(up *u)
{
    if (!u->metrics)
        return true;
    u->exporter = rubor_supervisor_add(&u->supervisor, "metrics", "status");
    const char *endpoint = u->keys && u->local[0] ? u->local : u->real_endpoint;
    return u->exporter && rubor_child_argument(u->exporter, "--endpoint", endpoint) &&
           rubor_child_argument(u->exporter, "--metrics", u->metrics) &&
           rubor_child_start(u->exporter, NULL) == RUBOR_OK;
}

static void say_ready(up *u)
{
    bool worker = false;
    char http[256], metrics[256];
    for (long i = 0; i < u->workers; i++)
        worker = worker || u->supervisor.children[u->first_worker + i].ready;
    if (u->said_ready || !worker || (u->serve && !u->serve->ready) || (u->exporter && !u->exporter->ready))
        return;
    u->said_ready = true;
    printf("ready endpoint=%s", u->real_endpoint);
    if (u->serve && rubor_child_value(u->serve, "http", http, sizeof http)) {
        printf(" http=%s", http);
        rubor_child_replace(u->serve, "--http", strncmp(http, "http://", 7) == 0 ? http + 7 : http);
    }
    if (u->serve && u->token[0])
        printf(" token=%s", u->token);
    if (u->exporter && rubor_child_value(u->exporter, "metrics", metrics, sizeof metrics))
        printf(" metrics=%s", metrics);
    printf(" workers=%s\n", u->real_workers);
    fflush(stdout);
    rubor_notify_systemd("READY=1");
}

/* The broker drains first, while workers still work for it. */
static int stop_all(up *u)
{
    rubor_notify_systemd("STOPPING=1");
    u->supervisor.stopping = true;
    if (u->serve)
        rubor_child_stop(&u->supervisor, u->serve, 5000);
    int code = rubor_child_stop(&u->supervisor, u->broker, 40 * 1000);
    for (int i = 0; i < u->supervisor.count; i++)
        if (u->supervisor.children[i].pid > 0)
            kill(u->supervisor.children[i].pid, SIGTERM);
    rubor_supervisor_finish(&u->supervisor);
    return code ? RUBOR_EXIT_FAULT : RUBOR_EXIT_DONE;
}

static int watch(up *u)
{
    for (;;) {
        rubor_child *child;
        char line[128];
        rubor_notify_alive();
        switch (rubor_supervisor_wait(&u->supervisor, rubor_watchdog_ms(60000), &child)) {
        case RUBOR_SUPERVISOR_STOP:
            return stop_all(u);
        case RUBOR_SUPERVISOR_RELOAD:
            if (u->broker->pid > 0)
                kill(u->broker->pid, SIGHUP);
            break;
        case RUBOR_SUPERVISOR_DIED:
            snprintf(line, sizeof line, "%s died and is started again in_ms=%lld", child->name,
                     (long long)child->backoff_ms);
            rubor_service_log(log_name, 4, line);
            if ((child == u->serve || child == u->exporter) && !u->said_ready && child->starts > 2) {
                u->supervisor.stopping = true;
                stop_all(u);
                return RUBOR_EXIT_FAILED; /* its address is taken, as it said on stderr */
            }
            break;
        case RUBOR_SUPERVISOR_READY:
            say_ready(u);
            break;
        case RUBOR_SUPERVISOR_TIME:
            break;
        }
    }
}

static int run(up *u)
{
    rubor_supervisor_init(&u->supervisor);
    const char *folder = strncmp(u->store, "sqlite:", 7) == 0 ? u->store + 7 : u->store;
    if (!strchr(u->store, ':') || folder != u->store)
        mkdir(folder, 0700); /* so that sockets can lie in it; the broker makes what is above it, too */
    int code = start_broker(u);
    if (code == 0 && (!start_workers(u) || !start_page(u) || !start_metrics(u))) {
        rubor_error error = {0};
        rubor_error_set(&error, RUBOR_NO_MEMORY, "workers or page cannot be started");
        stop_all(u);
        return rubor_fail("up", &error);
    }
    if (code == 0 && !u->supervisor.stopping)
        code = watch(u);
    rubor_supervisor_finish(&u->supervisor);
    return code;
}

int rubor_cmd_up(int argc, char **argv)
{
    char *data = NULL, *store = NULL, *workers_text = NULL, *endpoint = NULL, *worker_endpoint = NULL,
         *http = NULL, *metrics = NULL, *keys = NULL, *tokens = NULL, *memory = NULL;
    int noop = 0, no_page = 0;
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("data", &data, "folder of the store (default: $XDG_DATA_HOME/rubor)", "DIR"),
        RUBOR_OPTION_TEXT("store", &store, "store by URI: sqlite:FOLDER", "URI"),
        RUBOR_OPTION_TEXT("workers", &workers_text, "worker processes (default: one per core)", "N"),
        RUBOR_OPTION_TEXT("endpoint", &endpoint,
                          "where clients connect (default: RUBOR_ENDPOINT, else " RUBOR_ENDPOINT_DEFAULT
                          "); port * or 0 picks a free one",
                          "E"),
        RUBOR_OPTION_TEXT("worker-endpoint", &worker_endpoint,
                          "where workers connect (default: a socket in the store's folder)", "E"),
        RUBOR_OPTION_TEXT("http", &http, "where the page listens (default: " RUBOR_HTTP_DEFAULT ")",
                          "HOST:PORT"),
        RUBOR_OPTION_TEXT("tokens", &tokens,
                          "token file of the page (default: page.tokens in the store's folder, made once)",
                          "FILE"),
        RUBOR_OPTION_SWITCH("no-http", &no_page, "no page"),
        RUBOR_OPTION_TEXT("metrics", &metrics, "serve Prometheus text at http://HOST:PORT/metrics",
                          "HOST:PORT"),
        RUBOR_OPTION_TEXT("keys", &keys, "folder of CURVE keys (default: RUBOR_KEYS)", "DIR"),
        RUBOR_OPTION_TEXT("memory", &memory, "most memory the broker may hold (default: 2048)", "MIB"),
        RUBOR_OPTION_SWITCH("noop", &noop, "workers that look at no photo: measures the service, not skin"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    rubor_error error = {0};
    long mebibytes, cores = sysconf(_SC_NPROCESSORS_ONLN), workers = cores > 0 && cores <= 64 ? cores : 64;
    int code =
        rubor_options_parse(&options, argc, argv, table, "",
                            "Runs broker, workers, store and page on this machine until SIGTERM.", 0, 0);
    if (code < 0 && data && store)
        code = rubor_usage("up", "--data and --store name the same thing; give one");
    if (code < 0 && workers_text && rubor_parse_integer(&workers, "workers", workers_text, 1, 64, &error))
        code = rubor_usage("up", "%s", error.message);
    if (code < 0 && memory && rubor_parse_integer(&mebibytes, "memory", memory, 128, 1 << 20, &error))
        code = rubor_usage("up", "%s", error.message);
    bool here = !http || strncmp(http, "127.", 4) == 0 || strncmp(http, "localhost:", 10) == 0 ||
                strncmp(http, "[::1]:", 6) == 0;
    if (code < 0 && !here && !tokens)
        code = rubor_usage(
            "up", "--http %.100s can be reached from other machines: name a token file with --tokens", http);
    up *u = code < 0 ? calloc(1, sizeof *u) : NULL;
    if (u) {
        const char *from_environment = getenv("RUBOR_ENDPOINT"), *folder = keys ? keys : getenv("RUBOR_KEYS");
        u->store = store ? store : data ? data : rubor_default_data();
        u->endpoint = endpoint                                ? endpoint
                      : from_environment && *from_environment ? from_environment
                                                              : RUBOR_ENDPOINT_DEFAULT;
        u->worker_endpoint = worker_endpoint;
        u->http = http;
        u->metrics = metrics;
        u->memory = memory;
        u->tokens = tokens;
        u->page = !no_page;
        u->keys = folder && *folder ? strdup(folder) : NULL;
        unsetenv("RUBOR_KEYS"); /* children are told on their command line; some of them need none */
        u->workers = workers;
        u->noop = noop != 0;
        code = run(u);
        free(u->keys);
        free(u);
    }
    rubor_options_finish(&options);
    return code;
}
