#include "clients/confined.h"
#include "imaging/encode.h"

#include "workers/job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC 0x7275626f72626c62u
static const int64_t memory_bytes = (int64_t)3 << 30; /* as a worker's child */

/* What the child leaves in the anonymous file: this, then the blobs one after the other. */
typedef struct leaving {
    uint64_t magic;
    int32_t status, reserved;
    char message[RUBOR_ERROR_MESSAGE_SIZE];
    uint64_t size[RUBOR_CONFINED_BLOBS];
} leaving;

void rubor_blobs_finish(rubor_blobs *blobs)
{
    for (int i = 0; i < RUBOR_CONFINED_BLOBS; i++)
        rubor_buffer_finish(&blobs->blob[i]);
}

/* ---- in the child ---- */

/* Nothing of the parent's stays open but the file for the result, so that even a broken child cannot write to
 * the terminal. */
static bool leave_behind(int *fd)
{
    if (dup2(*fd, STDIN_FILENO) < 0)
        return false;
    *fd = STDIN_FILENO;
    return close_range(STDOUT_FILENO, ~0u, 0) == 0;
}

static void live(int fd, rubor_blobs *out,
                 rubor_status (*work)(void *context, rubor_blobs *out, rubor_error *error), void *context)
{
    const rubor_sandbox_limits limits = {memory_bytes, RUBOR_CONFINED_SECONDS};
    rubor_error error = {0};
    leaving left = {.magic = MAGIC};
    signal(SIGALRM, SIG_DFL);
    alarm(RUBOR_CONFINED_SECONDS);
    rubor_status status = leave_behind(&fd)
                              ? rubor_sandbox_enter(&limits, &error)
                              : rubor_error_set(&error, RUBOR_INTERNAL, "sandbox: %s", strerror(errno));
    if (status == RUBOR_OK)
        status = work(context, out, &error);
    left.status = (int32_t)status;
    memcpy(left.message, error.message, sizeof left.message);
    for (int i = 0; i < RUBOR_CONFINED_BLOBS; i++)
        left.size[i] = out->blob[i].data ? out->blob[i].size : 0;
    bool written = rubor_descriptor_write(fd, &left, sizeof left);
    for (int i = 0; written && i < RUBOR_CONFINED_BLOBS; i++)
        written = rubor_descriptor_write(fd, out->blob[i].data, (size_t)left.size[i]);
    _exit(written ? 0 : 1);
}

/* ---- in the parent ---- */

static rubor_status tell_death(int wait_status, rubor_error *error)
{
    const char *why = "it left no whole result";
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    if (number == SIGXCPU || number == SIGALRM)
        why = "it took too long";
    else if (number == SIGSYS)
        why = "it asked for what a decoder has no business with";
    else if (number == SIGKILL)
        why = "it was killed, perhaps for lack of memory";
    else if (number)
        why = strsignal(number);
    return rubor_error_set(
        error, RUBOR_CRASHED,
        "the decoder was stopped: %s; if it happens again, the file is damaged or hostile: "
        "take another photo",
        why);
}

static rubor_status copy_blobs(rubor_blobs *out, const uint8_t *mapping, size_t size, const leaving *left,
                               rubor_error *error)
{
    size_t at = sizeof *left;
    for (int i = 0; i < RUBOR_CONFINED_BLOBS; i++) {
        size_t wanted = (size_t)left->size[i];
        if (left->size[i] > size - at)
            return tell_death(0, error);
        if (!wanted)
            continue;
        out->blob[i].data = malloc(wanted);
        if (!out->blob[i].data)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        memcpy(out->blob[i].data, mapping + at, wanted);
        out->blob[i].size = wanted;
        at += wanted;
    }
    return RUBOR_OK;
}

static rubor_status read_result(rubor_blobs *out, int fd, rubor_error *error)
{
    struct stat about;
    leaving left;
    if (fstat(fd, &about) != 0 || (size_t)about.st_size < sizeof left ||
        about.st_size > RUBOR_RESULT_BYTES_MOST)
        return tell_death(0, error);
    size_t size = (size_t)about.st_size;
    uint8_t *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a result: %s", strerror(errno));
    memcpy(&left, mapping, sizeof left);
    left.message[sizeof left.message - 1] = '\0';
    rubor_status status =
        left.magic == MAGIC ? copy_blobs(out, mapping, size, &left, error) : tell_death(0, error);
    munmap(mapping, size);
    if (status == RUBOR_OK && left.status != 0)
        status = rubor_error_set(error, rubor_status_from_wire(left.status), "%s", left.message);
    if (status == RUBOR_CRASHED || status == RUBOR_NO_MEMORY)
        rubor_blobs_finish(out);
    return status;
}

rubor_status rubor_confined_run(rubor_blobs *out,
                                rubor_status (*work)(void *context, rubor_blobs *out, rubor_error *error),
                                void *context, rubor_error *error)
{
    int fd = memfd_create("rubor-result", MFD_CLOEXEC), wait_status = 0;
    pid_t parent = getpid(), child = fd >= 0 ? fork() : -1;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        live(fd, out, work, context);
    }
    rubor_status status = RUBOR_OK;
    if (child < 0) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no process for the decoder: %s", strerror(errno));
    } else {
        while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR)
            continue;
        status = wait_status == 0 ? read_result(out, fd, error) : tell_death(wait_status, error);
    }
    if (fd >= 0)
        close(fd);
    return status;
}
