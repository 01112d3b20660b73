#include "clients/page_token.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static rubor_status make(const char *path, rubor_error *error)
{
    unsigned char bytes[32];
    char secret[RUBOR_PAGE_TOKEN_SIZE], line[96];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return RUBOR_OK;
    if (fd < 0)
        return rubor_error_set(error, RUBOR_IO, "%.300s: cannot be made: %s", path, strerror(errno));
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(secret, sizeof secret, bytes, sizeof bytes);
    int length = snprintf(line, sizeof line, "local admin %s\n", secret);
    bool written = write(fd, line, (size_t)length) == length && fsync(fd) == 0;
    int why = errno;
    sodium_memzero(line, sizeof line);
    if (close(fd) == 0 && written)
        return RUBOR_OK;
    unlink(path);
    return rubor_error_set(error, RUBOR_IO, "%.300s: cannot be written: %s", path, strerror(why));
}

rubor_status rubor_page_token(char *path, size_t path_size, char token[RUBOR_PAGE_TOKEN_SIZE],
                              const char *folder, rubor_error *error)
{
    char line[256];
    if (sodium_init() < 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "no source of random numbers");
    int length = snprintf(path, path_size, "%s/page.tokens", folder);
    if (length < 0 || (size_t)length >= path_size)
        return rubor_error_set(error, RUBOR_INVALID, "%.300s: the path is too long", folder);
    rubor_status status = make(path, error);
    if (status != RUBOR_OK)
        return status;
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, " local admin %64s", token) == 1 && strlen(token) >= 16;
    if (file)
        fclose(file);
    sodium_memzero(line, sizeof line);
    return found ? RUBOR_OK
                 : rubor_error_set(error, RUBOR_CORRUPT,
                                   "%.300s: no line \"local admin TOKEN\"; delete the file to get a "
                                   "new token",
                                   path);
}
