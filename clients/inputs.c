#include "clients/inputs.h"

#include "imaging/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
