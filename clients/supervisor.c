#include "clients/supervisor.h"

#include "clients/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static sigset_t watched_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    return set;
}

void rubor_supervisor_init(rubor_supervisor *supervisor)
{
    memset(supervisor, 0, sizeof *supervisor);
    sigset_t set = watched_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* A terminal's foreground group stays what it is, or Ctrl-C would not arrive. */
    if (getpgrp() != getpid() && !(isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp()))
        setpgid(0, 0);
}

void rubor_supervisor_finish(rubor_supervisor *supervisor)
{
    for (int i = 0; i < supervisor->count; i++) {
        rubor_child *child = &supervisor->children[i];
        rubor_child_stop(supervisor, child, 2000);
        for (int a = 0; a < child->argument_count; a++)
            free(child->arguments[a]);
    }
    supervisor->count = 0;
}

rubor_child *rubor_supervisor_add(rubor_supervisor *supervisor, const char *name, const char *subcommand)
{
    if (supervisor->count == RUBOR_CHILDREN_MOST)
        return NULL;
    rubor_child *child = &supervisor->children[supervisor->count];
    memset(child, 0, sizeof *child);
    child->name = name;
    child->output = -1;
    child->again_ms = INT64_MAX;
    if (!rubor_child_argument(child, subcommand, NULL))
        return NULL;
    supervisor->count++;
    return child;
}

bool rubor_child_argument(rubor_child *child, const char *option, const char *value)
{
    const char *both[] = {option, value};
    for (int i = 0; i < 2 && both[i]; i++) {
        char *copy = child->argument_count < RUBOR_CHILD_ARGUMENTS - 1 ? strdup(both[i]) : NULL;
        if (!copy)
            return false;
        child->arguments[child->argument_count++] = copy;
    }
    return true;
}

bool rubor_child_replace(rubor_child *child, const char *option, const char *value)
{
    for (int i = 0; i + 1 < child->argument_count; i++)
        if (strcmp(child->arguments[i], option) == 0) {
            char *copy = strdup(value);
            if (!copy)
                return false;
            free(child->arguments[i + 1]);
            child->arguments[i + 1] = copy;
            return true;
        }
    return false;
}

/* After fork: back to ordinary signals, stdout into the pipe, never alone. */
static void become(const rubor_child *child, pid_t parent, int output)
{
    static char program[] = "rubor";
    char *arguments[RUBOR_CHILD_ARGUMENTS + 2] = {program};
    sigset_t none;
    for (int i = 0; i < child->argument_count; i++)
        arguments[i + 1] = child->arguments[i];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    dup2(output, STDOUT_FILENO);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    signal(SIGPIPE, SIG_DFL);
    rubor_forget_systemd();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", arguments);
    _exit(127);
}

rubor_status rubor_child_start(rubor_child *child, rubor_error *error)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "pipe: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(child, parent, pair[1]);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "fork: %s", strerror(errno));
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->output = pair[0];
    child->line_size = 0;
    child->line[0] = '\0';
    child->ready = false;
    child->started_ms = now_ms();
    child->again_ms = INT64_MAX;
    child->starts++;
    return RUBOR_OK;
}

bool rubor_child_value(const rubor_child *child, const char *key, char *out, size_t size)
{
    size_t length = strlen(key);
    for (const char *at = child->line; (at = strstr(at, key)); at += length)
        if (at > child->line && at[-1] == ' ' && at[length] == '=') {
            const char *value = at + length + 1;
            snprintf(out, size, "%.*s", (int)strcspn(value, " \n"), value);
            return true;
        }
    return false;
}

/* True when this made the child ready. What it prints later is read and thrown away. */
static bool read_output(rubor_child *child)
{
    char bytes[512];
    ssize_t got = read(child->output, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close(child->output);
        child->output = -1;
    }
    bool was = child->ready;
    for (ssize_t i = 0; i < got && !child->ready; i++) {
        if (bytes[i] == '\n') {
            child->ready = strncmp(child->line, "ready ", 6) == 0 || strcmp(child->line, "ready") == 0;
            if (!child->ready)
                child->line_size = 0;
        } else if (child->line_size + 1 < sizeof child->line) {
            child->line[child->line_size++] = bytes[i];
        }
        child->line[child->line_size] = '\0';
    }
    return child->ready && !was;
}

static void mark_dead(rubor_supervisor *supervisor, rubor_child *child)
{
    enum { FIRST_MS = 200, MOST_MS = 10000, WELL_MS = 10000 };
    int64_t now = now_ms();
    if (child->output >= 0)
        close(child->output);
    child->output = -1;
    child->pid = 0;
    child->ready = false;
    child->backoff_ms =
        now - child->started_ms > WELL_MS || !child->backoff_ms ? FIRST_MS : 2 * child->backoff_ms;
    if (child->backoff_ms > MOST_MS)
        child->backoff_ms = MOST_MS;
    child->again_ms = supervisor->stopping ? INT64_MAX : now + child->backoff_ms;
}

static rubor_child *reap(rubor_supervisor *supervisor)
{
    for (int i = 0; i < supervisor->count; i++) {
        rubor_child *child = &supervisor->children[i];
        int status;
        if (child->pid > 0 && waitpid(child->pid, &status, WNOHANG) == child->pid) {
            mark_dead(supervisor, child);
            return child;
        }
    }
    return NULL;
}

static void start_due(rubor_supervisor *supervisor)
{
    for (int i = 0; i < supervisor->count; i++) {
        rubor_child *child = &supervisor->children[i];
        if (child->pid == 0 && !supervisor->stopping && child->again_ms <= now_ms() &&
            rubor_child_start(child, NULL) != RUBOR_OK)
            child->again_ms = now_ms() + 1000;
    }
}

static bool read_children(rubor_supervisor *supervisor, int wait_ms, rubor_child **child)
{
    struct pollfd items[RUBOR_CHILDREN_MOST];
    int index[RUBOR_CHILDREN_MOST], count = 0;
    for (int i = 0; i < supervisor->count; i++)
        if (supervisor->children[i].output >= 0) {
            index[count] = i;
            items[count++] = (struct pollfd){supervisor->children[i].output, POLLIN, 0};
        }
    if (poll(items, (nfds_t)count, wait_ms) <= 0)
        return false;
    for (int i = 0; i < count; i++) {
        *child = &supervisor->children[index[i]];
        if (items[i].revents && read_output(*child))
            return true;
    }
    return false;
}

rubor_supervisor_event rubor_supervisor_wait(rubor_supervisor *supervisor, int wait_ms, rubor_child **child)
{
    sigset_t set = watched_signals();
    int64_t until = now_ms() + wait_ms;
    *child = NULL;
    do {
        struct timespec none = {0, 0};
        int got = sigtimedwait(&set, NULL, &none);
        if (got == SIGTERM || got == SIGINT)
            return RUBOR_SUPERVISOR_STOP;
        if (got == SIGHUP)
            return RUBOR_SUPERVISOR_RELOAD;
        if ((*child = reap(supervisor)))
            return RUBOR_SUPERVISOR_DIED;
        start_due(supervisor);
        if (read_children(supervisor, 50, child))
            return RUBOR_SUPERVISOR_READY;
    } while (now_ms() < until);
    return RUBOR_SUPERVISOR_TIME;
}

int rubor_child_stop(rubor_supervisor *supervisor, rubor_child *child, int patience_ms)
{
    if (child->pid <= 0)
        return 0;
    int status = 0;
    int64_t until = now_ms() + patience_ms;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (now_ms() >= until) {
            kill(child->pid, SIGKILL);
            waitpid(child->pid, &status, 0);
            break;
        }
        usleep(5000);
    }
    supervisor->stopping = true;
    mark_dead(supervisor, child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
