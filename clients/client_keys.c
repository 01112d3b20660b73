#include "clients/client_keys.h"

#include "imaging/photo.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

enum { Z85_SIZE = 41, KEY_FILE_BYTES = 4096, PATH_SIZE = 4096 };
static const char z85_alphabet[] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

static rubor_status read_key(char out[Z85_SIZE], const char *path, rubor_error *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, KEY_FILE_BYTES, error);
    if (status != RUBOR_OK)
        return rubor_error_set(error, status, "%.300s: %s; make keys with rubor keygen", path,
                               rubor_status_text(status));
    size_t length = 0;
    while (length < size && length < Z85_SIZE && data[length] && strchr(z85_alphabet, data[length]))
        length++;
    bool ends = length == size || data[length] == '\n' || data[length] == '\r';
    if (length != Z85_SIZE - 1 || !ends) {
        status = rubor_error_set(error, RUBOR_CORRUPT,
                                 "%.300s: is not a CURVE key; make one with rubor keygen", path);
    } else {
        memcpy(out, data, length);
        out[length] = '\0';
    }
    memset(data, 0, size);
    free(data);
    return status;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcmp(text + length - tail, ending) == 0;
}

/* The one secret of the folder that is not the broker's. */
static rubor_status find_secret(char path[PATH_SIZE], const char *folder, rubor_error *error)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return rubor_error_set(error, errno == ENOENT ? RUBOR_NOT_FOUND : RUBOR_UNREADABLE,
                               "--keys %.300s: %s; make keys with rubor keygen", folder, strerror(errno));
    size_t found = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (!ends_with(entry->d_name, ".secret") || strcmp(entry->d_name, "broker.secret") == 0)
            continue;
        found++;
        snprintf(path, PATH_SIZE, "%.3800s/%s", folder, entry->d_name);
    }
    closedir(listing);
    if (found == 1)
        return RUBOR_OK;
    return rubor_error_set(error, found ? RUBOR_INVALID : RUBOR_NOT_FOUND,
                           "--keys %.300s: holds %zu client keys and must hold one; see rubor keygen --help",
                           folder, found);
}

static rubor_status check_private(const char *path, rubor_error *error)
{
    struct stat about;
    if (stat(path, &about) == 0 && (about.st_mode & 077) != 0)
        return rubor_error_set(error, RUBOR_FORBIDDEN,
                               "%.300s: others can read this secret key; chmod 600 it or make a new one",
                               path);
    return RUBOR_OK;
}

rubor_status rubor_client_keys_apply(void *socket, const char *folder, rubor_error *error)
{
    char path[PATH_SIZE], server[Z85_SIZE], secret[Z85_SIZE] = "", public[Z85_SIZE];
    snprintf(path, sizeof path, "%.3800s/broker.public", folder);
    rubor_status status = read_key(server, path, error);
    if (status == RUBOR_OK)
        status = find_secret(path, folder, error);
    if (status == RUBOR_OK)
        status = check_private(path, error);
    if (status == RUBOR_OK)
        status = read_key(secret, path, error);
    if (status == RUBOR_OK && (zmq_curve_public(public, secret) != 0 ||
                               zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, Z85_SIZE) != 0 ||
                               zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public, Z85_SIZE) != 0 ||
                               zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, Z85_SIZE) != 0))
        status = rubor_error_set(error, RUBOR_CORRUPT, "%.300s: the key is not accepted: %s", path,
                                 zmq_strerror(zmq_errno()));
    memset(secret, 0, sizeof secret);
    return status;
}
