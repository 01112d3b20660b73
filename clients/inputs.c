#include "clients/inputs.h"

#include "imaging/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool names(const char *message, const char *path)
{
    return strstr(message, path) != NULL;
}

rubor_status rubor_input_photo(rubor_file *out, const char *path, rubor_error *error)
{
    out->path = path;
    rubor_status status = rubor_file_read(&out->data, &out->size, path, RUBOR_LIMIT_PHOTO_BYTES, error);
    if (status != RUBOR_OK && error && !names(error->message, path))
        rubor_error_prefix(error, path);
    return status;
}

void rubor_file_finish(rubor_file *file)
{
    if (!file)
        return;
    free(file->data);
    memset(file, 0, sizeof *file);
}

rubor_bytes rubor_file_bytes(const rubor_file *file)
{
    return (rubor_bytes){file->data, file->size};
}

rubor_status rubor_output_check(const char *option, const char *path, const char *const *inputs, size_t count,
                                rubor_error *error)
{
    char folder[PATH_MAX];
    struct stat out, in;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
             slash ? path : ".");
    if (access(folder, W_OK | X_OK) != 0)
        return rubor_error_set(error, RUBOR_UNREADABLE, "--%s %.300s: its folder cannot be written to: %s", option,
                               path, strerror(errno));
    if (stat(path, &out) != 0)
        return RUBOR_OK;
    if (S_ISDIR(out.st_mode))
        return rubor_error_set(error, RUBOR_UNREADABLE, "--%s %.300s: is a folder; name a file", option, path);
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return rubor_error_set(error, RUBOR_INVALID,
                                   "--%s %.300s: would overwrite what is read; name another file", option, path);
    return RUBOR_OK;
}

rubor_status rubor_folder_make(const char *path, bool *made, rubor_error *error)
{
    struct stat about;
    *made = false;
    if (mkdir(path, 0777) == 0) {
        *made = true;
        return RUBOR_OK;
    }
    if (errno == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return RUBOR_OK;
    if (errno == EEXIST)
        return rubor_error_set(error, RUBOR_IO, "%s: is in the way and not a folder; name another one", path);
    return rubor_error_set(error, RUBOR_IO, "%s: the folder cannot be made: %s", path, strerror(errno));
}
