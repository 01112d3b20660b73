#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_log.h"
#include "clients/supervisor.h"
#include "clients/systemd.h"
#include "workers/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static char log_name[] = "worker";

static void on_signal(int number)
{
    (void)number;
    rubor_worker_stop();
}

static void say_ready(void *context, const char *broker, const char *id)
{
    static bool said;
    (void)context;
    if (!said) {
        printf("ready worker=%s broker=%s\n", id, broker);
        fflush(stdout);
        rubor_notify_systemd("READY=1");
    }
    said = true;
}

static int run_one(rubor_worker_options *options)
{
    rubor_error error = {0};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    options->log = rubor_service_log;
    options->ready = say_ready;
    options->context = log_name;
    return rubor_worker_run(options, &error) ? rubor_fail("worker", &error) : RUBOR_EXIT_DONE;
}

static bool add_slot(rubor_supervisor *supervisor, const rubor_worker_options *o, const char *job_seconds)
{
    rubor_child *child = rubor_supervisor_add(supervisor, "worker", "worker");
    bool added = child != NULL;
    for (int i = 0; added && o->brokers[i]; i++)
        added = rubor_child_argument(child, "--broker", o->brokers[i]);
    if (added && o->keys)
        added = rubor_child_argument(child, "--keys", o->keys);
    if (added && job_seconds)
        added = rubor_child_argument(child, "--job-seconds", job_seconds);
    if (added && o->noop)
        added = rubor_child_argument(child, "--noop", NULL);
    return added && rubor_child_start(child, NULL) == RUBOR_OK;
}

/* One process a slot: a slot that crashes takes no other one with it. */
static int run_slots(const rubor_worker_options *o, long slots, const char *job_seconds)
{
    rubor_supervisor *supervisor = calloc(1, sizeof *supervisor);
    rubor_error error = {0};
    bool said = false;
    if (!supervisor) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        return rubor_fail("worker", &error);
    }
    rubor_supervisor_init(supervisor);
    for (long i = 0; i < slots; i++)
        if (!add_slot(supervisor, o, job_seconds))
            rubor_service_log(log_name, 3, "a slot could not be started");
    for (;;) {
        rubor_child *child;
        rubor_notify_alive();
        rubor_supervisor_event event = rubor_supervisor_wait(supervisor, rubor_watchdog_ms(60000), &child);
        if (event == RUBOR_SUPERVISOR_STOP)
            break;
        if (event == RUBOR_SUPERVISOR_DIED)
            rubor_service_log(log_name, 4, "a slot died and is started again");
        if (event == RUBOR_SUPERVISOR_READY && !said) {
            said = true;
            say_ready(NULL, o->brokers[0], "slots");
        }
    }
    supervisor->stopping = true;
    for (int i = 0; i < supervisor->count; i++)
        if (supervisor->children[i].pid > 0)
            kill(supervisor->children[i].pid, SIGTERM); /* all at once; the wait is one by one */
    for (int i = 0; i < supervisor->count; i++)
        rubor_child_stop(supervisor, &supervisor->children[i], 150 * 1000);
    rubor_supervisor_finish(supervisor);
    free(supervisor);
    return RUBOR_EXIT_DONE;
}

int rubor_cmd_worker(int argc, char **argv)
{
    char *slots_text = NULL, *keys = NULL, *seconds_text = NULL, **brokers = NULL;
    int noop = 0;
    const struct poptOption table[] = {
        {"broker", '\0', POPT_ARG_ARGV, &brokers, 0, "a broker's worker endpoint; may be repeated (default: RUBOR_WORKER_ENDPOINT, else "
                                               "tcp://127.0.0.1:5571)",
         "E"},
        RUBOR_OPTION_TEXT("slots", &slots_text, "jobs at a time (default 1)", "N"),
        RUBOR_OPTION_TEXT("keys", &keys, "folder with this worker's CURVE key (default: RUBOR_KEYS)", "DIR"),
        RUBOR_OPTION_TEXT("job-seconds", &seconds_text, "longest time for one job (default 120)", "S"),
        RUBOR_OPTION_SWITCH("noop", &noop,
                            "answer without looking at photos: measures the service, not skin"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    rubor_error error = {0};
    long slots = 1, seconds = 120;
    int code = rubor_options_parse(&options, argc, argv, table, "",
                                   "Runs one worker: computes what a broker hands it, in a sandbox.", 0, 0);
    if (code < 0 &&
        ((slots_text && rubor_parse_integer(&slots, "slots", slots_text, 1, 64, &error)) ||
         (seconds_text && rubor_parse_integer(&seconds, "job-seconds", seconds_text, 1, 3600, &error))))
        code = rubor_usage("worker", "%s", error.message);
    if (code < 0) {
        const char *environment = getenv("RUBOR_WORKER_ENDPOINT");
        const char *fallback[] = {environment && *environment ? environment : "tcp://127.0.0.1:5571", NULL};
        const char *folder = keys ? keys : getenv("RUBOR_KEYS");
        rubor_worker_options given = {.brokers = brokers ? (const char *const *)brokers : fallback,
                                      .keys = folder && *folder ? folder : NULL,
                                      .job_seconds = (int)seconds,
                                      .noop = noop != 0};
        code = slots == 1 ? run_one(&given) : run_slots(&given, slots, seconds_text);
    }
    for (char **at = brokers; at && *at; at++)
        free(*at);
    free(brokers);
    rubor_options_finish(&options);
    return code;
}
