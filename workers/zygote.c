/* A single-threaded process that forks one child per job and waits for it: fork is safe only where no thread
 * holds a lock, and the worker has ZeroMQ's threads. */
#include "calibration/calibration.h"
#include "workers/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct watch {
    int job_seconds;
    int64_t job_bytes;
} watch;

static rubor_status lock(void *context, rubor_error *error)
{
    const watch *w = context;
    rubor_sandbox_limits limits = {w->job_bytes, w->job_seconds + 1};
    return rubor_sandbox_enter(&limits, error);
}

/* ---- descriptors over the socket pair ---- */

static bool send_pair(int fd, const int fds[2])
{
    char byte = 'j', control[CMSG_SPACE(2 * sizeof(int))] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(header), fds, 2 * sizeof(int));
    ssize_t sent;
    while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return sent == 1;
}

static bool receive_pair(int fd, int fds[2])
{
    char byte, control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got;
    while ((got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        continue;
    struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    memcpy(fds, CMSG_DATA(header), 2 * sizeof(int));
    return true;
}

/* ---- the zygote's life ---- */

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static rubor_zygote_verdict judge(int wait_status)
{
    if (WIFSIGNALED(wait_status) && (WTERMSIG(wait_status) == SIGXCPU))
        return (rubor_zygote_verdict){RUBOR_TIMEOUT, WTERMSIG(wait_status)};
    if (WIFSIGNALED(wait_status))
        return (rubor_zygote_verdict){RUBOR_CRASHED, WTERMSIG(wait_status)};
    if (WEXITSTATUS(wait_status) != 0)
        return (rubor_zygote_verdict){RUBOR_CRASHED, -WEXITSTATUS(wait_status)};
    return (rubor_zygote_verdict){RUBOR_OK, 0};
}

static rubor_zygote_verdict await(pid_t child, int seconds)
{
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int64_t until = monotonic_ms() + (int64_t)seconds * 1000;
    for (;;) {
        int status;
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            return judge(status);
        int64_t left = until - monotonic_ms();
        if (ended < 0 || left <= 0)
            break;
        struct timespec wait = {left / 1000, left % 1000 * 1000000};
        sigtimedwait(&children, NULL, &wait);
    }
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return (rubor_zygote_verdict){RUBOR_TIMEOUT, SIGKILL};
}

static rubor_zygote_verdict run_child(int socket, const int fds[2], watch *w)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return (rubor_zygote_verdict){RUBOR_NO_MEMORY, errno};
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(socket); /* whoever breaks out of the decoder must not speak to the worker as the zygote */
        rubor_job_compute(fds[0], fds[1], lock, w);
        _exit(0);
    }
    return await(child, w->job_seconds);
}

static void live(int fd, watch *w)
{
    int fds[2];
    rubor_calibration_prepare();
    while (receive_pair(fd, fds)) {
        rubor_zygote_verdict verdict = run_child(fd, fds, w);
        close(fds[0]);
        close(fds[1]);
        if (send(fd, &verdict, sizeof verdict, MSG_NOSIGNAL) != sizeof verdict)
            break;
    }
    _exit(0);
}

rubor_status rubor_zygote_start(rubor_zygote *out, int job_seconds, int64_t job_bytes, rubor_error *error)
{
    int pair[2];
    out->fd = out->pid = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "socket pair: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        close(pair[0]);
        close(pair[1]);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        watch w = {job_seconds, job_bytes};
        sigset_t block;
        sigemptyset(&block);
        sigaddset(&block, SIGCHLD);
        sigprocmask(SIG_BLOCK, &block, NULL);
        signal(SIGTERM, SIG_IGN); /* the worker decides when it is over, by closing the socket */
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(pair[0]);
        live(pair[1], &w);
    }
    close(pair[1]);
    out->fd = pair[0];
    out->pid = (int)pid;
    return RUBOR_OK;
}

rubor_status rubor_zygote_send(const rubor_zygote *zygote, int task_fd, int result_fd, rubor_error *error)
{
    const int fds[2] = {task_fd, result_fd};
    if (send_pair(zygote->fd, fds))
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_CRASHED, "the zygote is gone");
}

rubor_status rubor_zygote_receive(const rubor_zygote *zygote, rubor_zygote_verdict *out, rubor_error *error)
{
    ssize_t got;
    while ((got = recv(zygote->fd, out, sizeof *out, MSG_WAITALL)) < 0 && errno == EINTR)
        continue;
    if (got == (ssize_t)sizeof *out)
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_CRASHED, "the zygote is gone");
}

void rubor_zygote_stop(rubor_zygote *zygote)
{
    if (!zygote || zygote->pid <= 0)
        return;
    close(zygote->fd);
    kill(zygote->pid, SIGKILL); /* its child follows by the parent-death signal */
    while (waitpid(zygote->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    zygote->pid = -1;
}
