#include "imaging/encode.h"
#include "imaging/photo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rubor_status open_failure(const char *path, int code, rubor_error *error)
{
    rubor_status status = code == ENOENT || code == ENOTDIR                    ? RUBOR_NOT_FOUND
                          : code == EMFILE || code == ENFILE || code == ENOMEM ? RUBOR_IO
                                                                               : RUBOR_UNREADABLE;
    return rubor_error_set(error, status, "%.300s: %s%s", *path ? path : "(no name)", strerror(code),
                           status == RUBOR_NOT_FOUND ? "; check the path"
                           : code == EACCES          ? "; ask its owner for the right to read it"
                                                     : "");
}

static rubor_status check_kind(const char *path, const struct stat *about, size_t limit, rubor_error *error)
{
    if (S_ISDIR(about->st_mode))
        return rubor_error_set(error, RUBOR_UNREADABLE, "%.300s: is a directory; name a file", path);
    if (!S_ISREG(about->st_mode))
        return rubor_error_set(error, RUBOR_UNREADABLE, "%.300s: is not a regular file; name a file", path);
    if (about->st_size == 0)
        return rubor_error_set(error, RUBOR_CORRUPT, "%.300s: the file is empty; copy it again", path);
    if ((uintmax_t)about->st_size > limit)
        return rubor_error_set(error, RUBOR_TOO_LARGE,
                               "%.300s: %jd bytes are over the limit of %zu; is it the right file?", path,
                               (intmax_t)about->st_size, limit);
    return RUBOR_OK;
}

/* The file may shrink while it is read; it is never read beyond the size it had. */
static rubor_status read_all(uint8_t *data, size_t size, int fd, const char *path, rubor_error *error)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, data + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return rubor_error_set(error, RUBOR_IO, "%.300s: %s", path, strerror(errno));
        if (got == 0)
            return rubor_error_set(error, RUBOR_CORRUPT, "%.300s: the file became shorter while it was read",
                                   path);
        have += (size_t)got;
    }
    return RUBOR_OK;
}

rubor_status rubor_file_read(uint8_t **data, size_t *size, const char *path, size_t limit, rubor_error *error)
{
    *data = NULL;
    *size = 0;
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return open_failure(path, errno, error);
    uint8_t *buffer = NULL;
    struct stat about;
    rubor_status status = RUBOR_OK;
    if (fstat(fd, &about))
        status = rubor_error_set(error, RUBOR_IO, "%.300s: %s", path, strerror(errno));
    else
        status = check_kind(path, &about, limit, error);
    if (status)
        goto out;
    buffer = malloc((size_t)about.st_size);
    if (!buffer) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "%.300s: no memory for %jd bytes", path,
                                 (intmax_t)about.st_size);
        goto out;
    }
    status = read_all(buffer, (size_t)about.st_size, fd, path, error);
    if (!status) {
        *data = buffer;
        *size = (size_t)about.st_size;
        buffer = NULL;
    }
out:
    free(buffer);
    close(fd);
    return status;
}

bool rubor_descriptor_write(int fd, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

/* So that the new name survives a power cut too. */
static rubor_status sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return RUBOR_IO;
    int failed = fsync(fd);
    int code = errno;
    close(fd);
    errno = code;
    return failed && code != EINVAL ? RUBOR_IO : RUBOR_OK; /* EINVAL: this filesystem has no such thing */
}

rubor_status rubor_file_write(const char *path, const void *data, size_t size, rubor_error *error)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return rubor_error_set(error, RUBOR_INVALID, "%.300s: the path is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return rubor_error_set(error, errno == ENOENT || errno == ENOTDIR ? RUBOR_NOT_FOUND : RUBOR_IO,
                               "%.300s: cannot be written: %s", path, strerror(errno));
    mode_t mask = umask(0); /* mkostemp makes 0600; a result is as readable as any file the user makes */
    umask(mask);
    rubor_status status = rubor_descriptor_write(fd, data, size) ? RUBOR_OK : RUBOR_IO;
    if (!status && (fchmod(fd, 0666 & ~mask) || fsync(fd)))
        status = RUBOR_IO;
    int code = errno;
    if (close(fd) && !status) {
        status = RUBOR_IO;
        code = errno;
    }
    if (!status && rename(temporary, path)) {
        status = RUBOR_IO;
        code = errno;
    }
    if (status) {
        unlink(temporary);
        return rubor_error_set(error, RUBOR_IO, "%.300s: cannot be written: %s", path, strerror(code));
    }
    if (sync_folder(path))
        return rubor_error_set(error, RUBOR_IO, "%.300s: written, but its folder cannot be synced: %s", path,
                               strerror(errno));
    return RUBOR_OK;
}
