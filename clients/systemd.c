#include "clients/systemd.h"

#include "clients/clock.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* One datagram; path may be abstract ("@..."). */
static bool send_to(const char *path, const char *bytes, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ssize_t sent = sendto(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
    return sent == (ssize_t)size;
}

void rubor_notify_systemd(const char *state)
{
    send_to(getenv("NOTIFY_SOCKET"), state, strlen(state));
}

/* 0: not watched. */
static int64_t watchdog_interval_ms(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!interval || (pid && strtol(pid, NULL, 10) != getpid()))
        return 0;
    return strtoll(interval, NULL, 10) / 3000;
}

int rubor_watchdog_ms(int most)
{
    int64_t interval = watchdog_interval_ms();
    return interval > 0 && interval < most ? (int)interval : most;
}

void rubor_notify_alive(void)
{
    static int64_t next_ms;
    int64_t interval = watchdog_interval_ms(), now = interval > 0 ? rubor_clock_ms() : 0;
    if (interval <= 0 || now < next_ms)
        return;
    next_ms = now + interval / 2;
    rubor_notify_systemd("WATCHDOG=1");
}

void rubor_forget_systemd(void)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

bool rubor_stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long device = 0, inode = 0;
    struct stat info;
    return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 && fstat(STDERR_FILENO, &info) == 0 &&
           info.st_dev == device && info.st_ino == inode;
}

/* The word after "key=" at the start of a word of the line; empty when there is none. */
static void find_field(char *out, size_t size, const char *line, const char *key)
{
    size_t length = strlen(key);
    out[0] = '\0';
    for (const char *at = line; (at = strstr(at, key)); at += length) {
        if ((at > line && at[-1] != ' ') || at[length] != '=')
            continue;
        const char *value = at + length + 1;
        snprintf(out, size, "%.*s", (int)strcspn(value, " :,;"), value);
        return;
    }
}

bool rubor_journal_send(const char *part, int priority, const char *line)
{
    const char *path = getenv("RUBOR_JOURNAL_SOCKET"); /* for tests */
    char text[2048], job[64], worker[128];
    find_field(job, sizeof job, line, "job");
    find_field(worker, sizeof worker, line, "worker");
    bool has_job = job[0] && strcmp(job, "-") != 0;
    int size = snprintf(text, sizeof text,
                        "PRIORITY=%d\nSYSLOG_IDENTIFIER=rubor\nRUBOR_PART=%s\n%s%s%s%s%s%sMESSAGE=%.1400s\n",
                        priority, part, has_job ? "RUBOR_JOB=" : "", has_job ? job : "", has_job ? "\n" : "",
                        worker[0] ? "RUBOR_WORKER=" : "", worker, worker[0] ? "\n" : "", line);
    return size > 0 && (size_t)size < sizeof text &&
           send_to(path ? path : "/run/systemd/journal/socket", text, (size_t)size);
}
