#include "broker/broker.h"
#include "clients/commands.h"
#include "clients/mdp_client.h"
#include "clients/options.h"
#include "clients/service_log.h"
#include "clients/supervisor.h"
#include "clients/systemd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { MEMORY_MIB = 2048 };

static char log_name[] = "broker";
static rubor_broker *running; /* for the signal handlers only */

static void on_signal(int number)
{
    if (number == SIGHUP)
        rubor_broker_reload(running);
    else
        rubor_broker_drain(running);
}

static void write_log(void *context, rubor_log_level level, const char *line)
{
    rubor_service_log(context, (int)level, line);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A clinic's clients and workers are connections: as many as the system allows this process. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What peers can make the broker hold has this end: ZeroMQ hands over whole messages only, so one with a key that
 * never ends its message is stopped by nothing else. Not under a sanitizer, whose own memory would count. */
static void limit_memory(long mebibytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rlimit limit;
    rlim_t bytes = (rlim_t)mebibytes << 20;
    if (getrlimit(RLIMIT_DATA, &limit) == 0 && bytes < limit.rlim_max) {
        limit.rlim_cur = bytes;
        setrlimit(RLIMIT_DATA, &limit);
    }
#else
    (void)mebibytes;
#endif
}

static int run(rubor_broker_options *options, long memory_mib)
{
    rubor_error error = {0};
    raise_file_limit();
    limit_memory(memory_mib);
    rubor_status status = rubor_broker_create(&running, options, &error);
    if (status)
        return rubor_fail("broker", &error);
    catch_signals();
    printf("ready endpoint=%s workers=%s\n", rubor_broker_endpoint(running),
           rubor_broker_worker_endpoint(running));
    fflush(stdout);
    rubor_notify_systemd("READY=1");
    status = rubor_broker_run(running, &error);
    rubor_notify_systemd("STOPPING=1");
    rubor_broker *done = running;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    running = NULL;
    rubor_broker_destroy(&done);
    return status ? rubor_fail("broker", &error) : RUBOR_EXIT_DONE;
}

static const char *or_environment(const char *given, const char *name, const char *otherwise)
{
    const char *value = given ? given : getenv(name);
    return value && *value ? value : otherwise;
}

int rubor_cmd_broker(int argc, char **argv)
{
    char *data = NULL, *store = NULL, *endpoint = NULL, *workers = NULL, *local = NULL, *keys = NULL,
         *memory_text = NULL;
    long memory_mib = MEMORY_MIB;
    rubor_error error = {0};
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("data", &data, "folder of the store (default: $XDG_DATA_HOME/rubor)", "DIR"),
        RUBOR_OPTION_TEXT("store", &store, "store by URI: sqlite:FOLDER", "URI"),
        RUBOR_OPTION_TEXT("endpoint", &endpoint,
                          "where clients connect (default: RUBOR_ENDPOINT, else " RUBOR_ENDPOINT_DEFAULT
                          "); port * or 0 picks a free one",
                          "E"),
        RUBOR_OPTION_TEXT("worker-endpoint", &workers,
                          "where workers connect (default: tcp://127.0.0.1:5571)", "E"),
        RUBOR_OPTION_TEXT("local-endpoint", &local,
                          "ipc:// endpoint without keys for this machine's own processes", "E"),
        RUBOR_OPTION_TEXT("keys", &keys, "folder of CURVE keys (default: RUBOR_KEYS)", "DIR"),
        RUBOR_OPTION_TEXT("memory", &memory_text, "most memory the broker may hold (default: 2048)", "MIB"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "",
                                   "Runs the broker: takes photos, keeps them, hands jobs to workers.", 0, 0);
    if (code < 0 && data && store)
        code = rubor_usage("broker", "--data and --store name the same thing; give one");
    if (code < 0 && memory_text &&
        rubor_parse_integer(&memory_mib, "memory", memory_text, 128, 1 << 20, &error))
        code = rubor_usage("broker", "%s", error.message);
    if (code < 0) {
        rubor_broker_options given = {
            .store = store  ? store
                     : data ? data
                            : rubor_default_data(),
            .endpoint = or_environment(endpoint, "RUBOR_ENDPOINT", RUBOR_ENDPOINT_DEFAULT),
            .worker_endpoint = or_environment(workers, "RUBOR_WORKER_ENDPOINT", "tcp://127.0.0.1:5571"),
            .local_endpoint = local,
            .keys = or_environment(keys, "RUBOR_KEYS", NULL),
            .log = write_log,
            .log_context = log_name,
            .alive = rubor_notify_alive,
        };
        code = run(&given, memory_mib);
    }
    rubor_options_finish(&options);
    return code;
}
