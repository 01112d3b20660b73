/* LD_PRELOAD for tests of a failing or slow disk. Counted are writes, syncs, truncations, renames, and
 * folders and files made, of paths below RUBOR_FAULT_BELOW. The chosen one fails, and the ones after it when
 * asked for.
 *
 *   RUBOR_FAULT_AT, RUBOR_FAULT_ERRNO   which (1: the first) and with what (EIO)
 *   RUBOR_FAULT_CONTROL                 or a file of five int64 that a test maps and changes while the
 * process runs: calls so far, which call fails (0: none), errno, how many more fail (-1: all), failed
 *   RUBOR_FAULT_COUNT                   a file that gets the count at the end
 *   RUBOR_FAULT_SLOW_US                 an fsync, fdatasync or syncfs takes so long
 *   RUBOR_FAULT_LOG                     a file that gets a line for each of these calls, and "send" for what
 * goes out to a peer over TCP */
#undef _FILE_OFFSET_BITS /* it would make pwrite and pwrite64 one name */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct control {
    _Atomic int64_t calls, at, code, more, failed;
} control;

static control own;

static control *the_control(void)
{
    static control *mapped;
    if (mapped)
        return mapped;
    const char *path = getenv("RUBOR_FAULT_CONTROL"), *at = getenv("RUBOR_FAULT_AT"),
               *code = getenv("RUBOR_FAULT_ERRNO");
    own.at = at ? strtol(at, NULL, 10) : 0;
    own.code = code ? strtol(code, NULL, 10) : EIO;
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd >= 0 ? mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        syscall(SYS_close, fd);
    mapped = memory == MAP_FAILED ? &own : memory;
    return mapped;
}

static void note(const char *what, const char *path)
{
    const char *log = getenv("RUBOR_FAULT_LOG");
    char line[PATH_MAX + 32];
    if (!log)
        return;
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && length > 0)
        syscall(SYS_write, fd, line, (size_t)length);
    if (fd >= 0)
        syscall(SYS_close, fd);
}

static bool fails(const char *what, const char *path)
{
    const char *below = getenv("RUBOR_FAULT_BELOW");
    if (!below || !path || strncmp(path, below, strlen(below)) != 0)
        return false;
    note(what, path);
    const char *slow = getenv("RUBOR_FAULT_SLOW_US");
    if (slow && (strstr(what, "sync")))
        usleep((useconds_t)strtoul(slow, NULL, 10));
    control *c = the_control();
    int64_t call = atomic_fetch_add(&c->calls, 1) + 1, at = c->at;
    if (at == 0 || call < at || (c->more >= 0 && call > at + c->more))
        return false;
    c->failed++;
    errno = (int)c->code;
    return true;
}

static bool fd_fails(const char *what, int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return fails(what, path);
}

/* Defines `name` with these parameters; it fails when the condition says so and else calls the real one. */
#define WRAP(type, name, parameters, arguments, condition)                                                   \
    type name parameters                                                                                     \
    {                                                                                                        \
        static type(*real) parameters;                                                                       \
        if (!real)                                                                                           \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        return (condition) ? -1 : real arguments;                                                            \
    }

WRAP(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), fd_fails("write", fd))
WRAP(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at),
     fd_fails("write", fd))
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t size, __off64_t at), (fd, data, size, at),
     fd_fails("write", fd))
WRAP(int, fsync, (int fd), (fd), fd_fails("fsync", fd))
WRAP(int, fdatasync, (int fd), (fd), fd_fails("fdatasync", fd))
WRAP(int, syncfs, (int fd), (fd), fd_fails("syncfs", fd))
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), fd_fails("truncate", fd))
WRAP(int, ftruncate64, (int fd, __off64_t size), (fd, size), fd_fails("truncate", fd))
WRAP(int, rename, (const char *from, const char *to), (from, to), fails("rename", from))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), fails("mkdir", path))
WRAP(int, mkostemp, (char *path, int flags), (path, flags), fails("make", path))

static bool is_tcp(int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
           (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

static bool tell_of_sending(int fd)
{
    if (getenv("RUBOR_FAULT_LOG") && is_tcp(fd))
        note("send", "");
    return false;
}

WRAP(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags),
     tell_of_sending(fd))

static int open_with(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) && fails("make", path))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_with(path, flags, mode);
}

static __attribute__((destructor)) void tell(void)
{
    const char *path = getenv("RUBOR_FAULT_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%lld\n", (long long)the_control()->calls);
        fclose(out);
    }
}
