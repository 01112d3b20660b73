/* Making key files. */
#include "broker/zap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { Z85 = 41, PATH = 4600 };

/* A new file; RUBOR_CONFLICT when it is there already. */
static rubor_status write_new(const char *path, const char *line, mode_t mode, rubor_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return rubor_error_set(error, errno == EEXIST ? RUBOR_CONFLICT : RUBOR_IO, "%s: %s", path,
                               strerror(errno));
    size_t length = strlen(line);
    bool written = write(fd, line, length) == (ssize_t)length && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    close(fd);
    if (written)
        return RUBOR_OK;
    unlink(path);
    return rubor_error_set(error, RUBOR_IO, "%s: cannot be written", path);
}

static rubor_status make_pair(const char *folder, const char *name, char public[Z85], rubor_error *error)
{
    char path[PATH], secret[Z85];
    if (zmq_curve_keypair(public, secret) != 0)
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "this ZeroMQ was built without CURVE");
    snprintf(path, sizeof path, "%s/%s.secret", folder, name);
    rubor_status status = write_new(path, secret, 0600, error);
    memset(secret, 0, sizeof secret);
    if (!status) {
        snprintf(path, sizeof path, "%s/%s.public", folder, name);
        unlink(path);
        status = write_new(path, public, 0644, error);
    }
    return status;
}

static rubor_status make_folder(const char *path, rubor_error *error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_IO, "%s: %s", path, strerror(errno));
}

static rubor_status read_line(const char *path, char out[Z85], rubor_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%s: %s", path, strerror(errno));
    bool read = fgets(out, Z85, file) && strlen(out) == Z85 - 1;
    fclose(file);
    return read ? RUBOR_OK : rubor_error_set(error, RUBOR_CORRUPT, "%s: is not a CURVE key", path);
}

/* The broker's pair, made when it is not there. */
static rubor_status broker_public(const char *folder, char public[Z85], rubor_error *error)
{
    char path[PATH];
    rubor_error exists = {0};
    rubor_status status = make_pair(folder, "broker", public, &exists);
    if (status == RUBOR_CONFLICT) {
        snprintf(path, sizeof path, "%s/broker.public", folder);
        return read_line(path, public, error);
    }
    if (status && error)
        *error = exists;
    return status;
}

static rubor_status authorize(const char *folder, rubor_role role, const char *name, const char *public,
                              rubor_error *error)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/authorized", folder);
    FILE *file = fopen(path, "ae");
    if (!file)
        return rubor_error_set(error, RUBOR_IO, "%s: %s", path, strerror(errno));
    bool written = fprintf(file, "%s %s %s\n", rubor_role_name(role), name, public) > 0 &&
                   fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (fclose(file) != 0 || !written)
        return rubor_error_set(error, RUBOR_IO, "%s: cannot be written", path);
    return RUBOR_OK;
}

/* folder/name/ with links to what the client needs, so that --keys folder/name works here and a copy of it
 * works elsewhere (cp -L). */
static rubor_status make_handover(const char *folder, const char *name, rubor_error *error)
{
    char own[PATH], link[PATH], target[300];
    snprintf(own, sizeof own, "%s/%s", folder, name);
    rubor_status status = make_folder(own, error);
    const char *const files[][2] = {{name, ".secret"}, {name, ".public"}, {"broker", ".public"}};
    for (int i = 0; !status && i < 3; i++) {
        snprintf(target, sizeof target, "../%s%s", files[i][0], files[i][1]);
        snprintf(link, sizeof link, "%s/%s%s", own, files[i][0], files[i][1]);
        if (symlink(target, link) != 0 && errno != EEXIST)
            status = rubor_error_set(error, RUBOR_IO, "%s: %s", link, strerror(errno));
    }
    return status;
}

rubor_status rubor_keys_make(const char *folder, rubor_role role, const char *name, rubor_error *error)
{
    char public[Z85], server[Z85];
    size_t length = strlen(name);
    if (length == 0 || length > 63 || name[0] == '.' || name[0] == '-' || strcmp(name, "broker") == 0 ||
        strcmp(name, "authorized") == 0 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != length)
        return rubor_error_set(
            error, RUBOR_INVALID,
            "a name is 1 to 63 letters, digits, dots, dashes or underscores, and not \"broker\"");
    rubor_status status = make_folder(folder, error);
    if (!status)
        status = broker_public(folder, server, error);
    if (!status)
        status = make_pair(folder, name, public, error);
    if (!status)
        status = authorize(folder, role, name, public, error);
    if (!status)
        status = make_handover(folder, name, error);
    return status;
}
