/* Child processes that are started, listened to, and started again when they die: `rubor up` and `rubor
 * worker
 * --slots`. Single-threaded; the children are this executable with other arguments, in this process's own
 * group, and get SIGTERM when it dies. */
#ifndef RUBOR_CLIENTS_SUPERVISOR_H
#define RUBOR_CLIENTS_SUPERVISOR_H

#include "imaging/status.h"

#include <stdint.h>
#include <sys/types.h>

enum { RUBOR_CHILDREN_MOST = 72, RUBOR_CHILD_ARGUMENTS = 24, RUBOR_READY_SIZE = 1024 };

typedef struct rubor_child {
    const char *name;                       /* static text, for messages */
    char *arguments[RUBOR_CHILD_ARGUMENTS]; /* owned; [0] is the subcommand */
    int argument_count;
    pid_t pid;                   /* 0: not running */
    int output;                  /* its stdout; -1 */
    char line[RUBOR_READY_SIZE]; /* what it printed first; "" until then */
    size_t line_size;
    bool ready; /* it printed a line that starts with "ready " */
    int64_t started_ms, again_ms, backoff_ms;
    int starts;
} rubor_child;

typedef struct rubor_supervisor {
    rubor_child children[RUBOR_CHILDREN_MOST];
    int count;
    bool stopping;
} rubor_supervisor;

/* Blocks the signals, makes the process group. Before anything else. */
void rubor_supervisor_init(rubor_supervisor *supervisor);
void rubor_supervisor_finish(rubor_supervisor *supervisor);
/* Adds a child (not started). NULL when there are too many or no memory. */
rubor_child *rubor_supervisor_add(rubor_supervisor *supervisor, const char *name, const char *subcommand);
bool rubor_child_argument(rubor_child *child, const char *option, const char *value); /* value may be NULL */
/* Replaces the value after option. */
bool rubor_child_replace(rubor_child *child, const char *option, const char *value);
rubor_status rubor_child_start(rubor_child *child, rubor_error *error);
/* The value of key=... in the child's ready line; false when it has none. */
bool rubor_child_value(const rubor_child *child, const char *key, char *out, size_t size);

typedef enum rubor_supervisor_event {
    RUBOR_SUPERVISOR_TIME,  /* nothing but time */
    RUBOR_SUPERVISOR_READY, /* a child got ready */
    RUBOR_SUPERVISOR_DIED,  /* a child died; it is started again by later calls unless stopping */
    RUBOR_SUPERVISOR_STOP,  /* SIGTERM or SIGINT */
    RUBOR_SUPERVISOR_RELOAD /* SIGHUP */
} rubor_supervisor_event;

/* Waits at most wait_ms for something; *child gets the child concerned. Children that are due are started. */
rubor_supervisor_event rubor_supervisor_wait(rubor_supervisor *supervisor, int wait_ms, rubor_child **child);
/* Sends SIGTERM, waits, sends SIGKILL after patience_ms. Returns the exit code (128 + signal). */
int rubor_child_stop(rubor_supervisor *supervisor, rubor_child *child, int patience_ms);

#endif
