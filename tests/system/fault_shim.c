/* LD_PRELOAD for tests of a failing or slow disk: the RUBOR_FAULT_AT-th write, fsync, rename, mkdir or open for
 * writing of a path below RUBOR_FAULT_BELOW fails with RUBOR_FAULT_ERRNO; an fsync takes RUBOR_FAULT_SLOW_US. How many were counted is written to
 * RUBOR_FAULT_COUNT at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int mkostemp(char *path, int flags);

static long calls;

static bool is_below(const char *path)
{
    const char *below = getenv("RUBOR_FAULT_BELOW");
    return below && path && strncmp(path, below, strlen(below)) == 0;
}

static bool fd_is_below(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return is_below(path);
}

static bool fails(void)
{
    const char *at = getenv("RUBOR_FAULT_AT"), *code = getenv("RUBOR_FAULT_ERRNO");
    calls++;
    if (!at || calls != strtol(at, NULL, 10))
        return false;
    errno = code ? (int)strtol(code, NULL, 10) : EIO;
    return true;
}

ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    return fd_is_below(fd) && fails() ? -1 : real(fd, data, size);
}

int fsync(int fd)
{
    static int (*real)(int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    bool below = fd_is_below(fd);
    const char *slow = getenv("RUBOR_FAULT_SLOW_US");
    if (below && slow)
        usleep((useconds_t)strtoul(slow, NULL, 10));
    return below && fails() ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "rename");
    return is_below(from) && fails() ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    static int (*real)(const char *, mode_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mkdir");
    return is_below(path) && fails() ? -1 : real(path, mode);
}

int mkostemp(char *path, int flags)
{
    static int (*real)(char *, int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mkostemp");
    return is_below(path) && fails() ? -1 : real(path, flags);
}

static __attribute__((destructor)) void tell(void)
{
    const char *path = getenv("RUBOR_FAULT_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%ld\n", calls);
        fclose(out);
    }
}
