#include "broker/zap.h"

#include "imaging/photo.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

enum { Z85 = 41, KEYS_MOST = 4096, FILE_MOST = 1024 * 1024, LINE = 512, PATH = 4400 };

typedef struct allowed_key {
    char key[Z85];
    rubor_role role;
    char name[64];
} allowed_key;

struct rubor_zap {
    char *folder;
    void *socket; /* REP, used by the thread only */
    pthread_t thread;
    bool thread_runs;
    atomic_bool stop;
    pthread_mutex_t mutex; /* guards keys and count */
    allowed_key *keys;
    size_t count;
    char secret[Z85];
    _Atomic int64_t refusals;
};

/* ---- files ---- */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < 64 && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

static bool is_key(const char *text)
{
    uint8_t bytes[32];
    return strlen(text) == Z85 - 1 && zmq_z85_decode(bytes, text) != NULL;
}

static rubor_status read_secret(rubor_zap *zap, rubor_error *error)
{
    char path[PATH];
    uint8_t *data = NULL;
    size_t size = 0;
    struct stat info;
    snprintf(path, sizeof path, "%s/broker.secret", zap->folder);
    rubor_status status = rubor_file_read(&data, &size, path, LINE, error);
    if (status)
        return status;
    if (stat(path, &info) == 0 && (info.st_mode & 077))
        status = rubor_error_set(error, RUBOR_FORBIDDEN, "%s: others can read this secret key; chmod 600 it",
                                 path);
    else if (size < Z85 - 1)
        status = rubor_error_set(error, RUBOR_CORRUPT, "%s: is not a CURVE key", path);
    else
        memcpy(zap->secret, data, Z85 - 1);
    if (!status && !is_key(zap->secret))
        status = rubor_error_set(error, RUBOR_CORRUPT, "%s: is not a CURVE key", path);
    memset(data, 0, size);
    free(data);
    return status;
}

/* One line of the list; a blank line or comment leaves *used false. */
static rubor_status parse_line(const char *line, allowed_key *out, bool *used, rubor_error *error)
{
    char role[16] = "", name[64] = "", key[64] = "", rest[8] = "";
    *used = false;
    int fields = sscanf(line, "%15s %63s %63s %7s", role, name, key, rest);
    if (fields <= 0 || role[0] == '#')
        return RUBOR_OK;
    if (fields < 3 || (fields > 3 && rest[0] != '#') || !rubor_role_from_name(&out->role, role) ||
        !is_name(name) || !is_key(key))
        return rubor_error_set(error, RUBOR_CORRUPT, "expected: ROLE NAME PUBLIC-KEY");
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->key, sizeof out->key, "%s", key);
    *used = true;
    return RUBOR_OK;
}

static rubor_status read_list(const char *folder, allowed_key **keys, size_t *count, rubor_error *error)
{
    char path[PATH], line[LINE];
    *keys = NULL;
    *count = 0;
    snprintf(path, sizeof path, "%s/authorized", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%s: %s; make keys with rubor keygen", path,
                               strerror(errno));
    allowed_key *list = calloc(KEYS_MOST, sizeof *list);
    rubor_status status = list ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (int number = 1; !status && fgets(line, sizeof line, file); number++) {
        bool used;
        rubor_error cause = {0};
        if (*count == KEYS_MOST)
            status = rubor_error_set(error, RUBOR_TOO_LARGE, "%s: more than %d keys", path, KEYS_MOST);
        else if (parse_line(line, &list[*count], &used, &cause))
            status = rubor_error_set(error, RUBOR_CORRUPT, "%s: line %d: %s", path, number, cause.message);
        else
            *count += used;
    }
    fclose(file);
    if (status)
        free(list);
    else
        *keys = list;
    return status;
}

rubor_status rubor_zap_reload(rubor_zap *zap, rubor_error *error)
{
    allowed_key *keys;
    size_t count;
    rubor_status status = read_list(zap->folder, &keys, &count, error);
    if (status)
        return status;
    pthread_mutex_lock(&zap->mutex);
    allowed_key *old = zap->keys;
    zap->keys = keys;
    zap->count = count;
    pthread_mutex_unlock(&zap->mutex);
    free(old);
    return RUBOR_OK;
}

/* ---- the handler ---- */

static bool find_key(rubor_zap *zap, const char *key)
{
    bool found = false;
    pthread_mutex_lock(&zap->mutex);
    for (size_t i = 0; i < zap->count && !found; i++)
        found = strcmp(zap->keys[i].key, key) == 0;
    pthread_mutex_unlock(&zap->mutex);
    return found;
}

enum { ZAP_FRAMES = 7 }; /* version, request id, domain, address, identity, mechanism, CURVE public key */

/* Reads a whole request; false when it is no well-formed CURVE one. */
static bool receive_request(void *socket, char id[256], size_t *id_size, char key[Z85], bool *any)
{
    uint8_t frame[ZAP_FRAMES][256];
    int sizes[ZAP_FRAMES] = {0}, count = 0, more = 1;
    *any = false;
    while (more) {
        uint8_t scratch[256];
        int got = zmq_recv(socket, count < ZAP_FRAMES ? frame[count] : scratch, 256, 0);
        if (got < 0)
            return false;
        *any = true;
        if (count < ZAP_FRAMES)
            sizes[count] = got > 256 ? 256 : got;
        count++;
        size_t size = sizeof more;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    }
    *id_size = count > 1 ? (size_t)sizes[1] : 0;
    memcpy(id, frame[1], *id_size);
    if (count != ZAP_FRAMES || sizes[0] != 3 || memcmp(frame[0], "1.0", 3) != 0 || sizes[5] != 5 ||
        memcmp(frame[5], "CURVE", 5) != 0 || sizes[6] != 32)
        return false;
    return zmq_z85_encode(key, frame[6], 32) != NULL;
}

static void answer(void *socket, const char *id, size_t id_size, bool allowed, const char *key)
{
    zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(socket, id, id_size, ZMQ_SNDMORE);
    zmq_send(socket, allowed ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(socket, allowed ? "OK" : "not on the list", allowed ? 2 : 15, ZMQ_SNDMORE);
    zmq_send(socket, key, allowed ? strlen(key) : 0, ZMQ_SNDMORE); /* the User-Id is the public key itself */
    zmq_send(socket, "", 0, 0);
}

static void *handle(void *data)
{
    rubor_zap *zap = data;
    while (!atomic_load(&zap->stop)) {
        char id[256], key[Z85] = "";
        size_t id_size = 0;
        bool any;
        bool well_formed = receive_request(zap->socket, id, &id_size, key, &any);
        if (!any)
            continue; /* the receive timeout: look at stop again */
        bool allowed = well_formed && find_key(zap, key);
        if (!allowed)
            atomic_fetch_add(&zap->refusals, 1);
        answer(zap->socket, id, id_size, allowed, key);
    }
    return NULL;
}

rubor_status rubor_zap_create(rubor_zap **out, void *context, const char *folder, rubor_error *error)
{
    rubor_zap *zap = calloc(1, sizeof *zap);
    *out = NULL;
    if (!zap)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    pthread_mutex_init(&zap->mutex, NULL);
    zap->folder = strdup(folder);
    rubor_status status =
        zap->folder ? read_secret(zap, error) : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (!status)
        status = rubor_zap_reload(zap, error);
    if (!status) {
        int wait_ms = 200, linger = 0;
        zap->socket = zmq_socket(context, ZMQ_REP);
        if (!zap->socket || zmq_setsockopt(zap->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) ||
            zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger) ||
            zmq_bind(zap->socket, "inproc://zeromq.zap.01"))
            status = rubor_error_set(error, RUBOR_INTERNAL, "ZAP: %s", zmq_strerror(errno));
    }
    if (!status) {
        zap->thread_runs = pthread_create(&zap->thread, NULL, handle, zap) == 0;
        if (!zap->thread_runs)
            status = rubor_error_set(error, RUBOR_NO_MEMORY, "ZAP: no thread");
    }
    if (status)
        rubor_zap_destroy(&zap);
    *out = zap;
    return status;
}

void rubor_zap_destroy(rubor_zap **zap)
{
    if (!zap || !*zap)
        return;
    rubor_zap *z = *zap;
    atomic_store(&z->stop, true);
    if (z->thread_runs)
        pthread_join(z->thread, NULL);
    if (z->socket)
        zmq_close(z->socket);
    pthread_mutex_destroy(&z->mutex);
    memset(z->secret, 0, sizeof z->secret);
    free(z->keys);
    free(z->folder);
    free(z);
    *zap = NULL;
}

rubor_status rubor_zap_apply(const rubor_zap *zap, void *socket, rubor_error *error)
{
    int server = 1;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, zap->secret, Z85) ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "rubor", 5))
        return rubor_error_set(error, RUBOR_INTERNAL, "CURVE: %s", zmq_strerror(errno));
    return RUBOR_OK;
}

rubor_role rubor_zap_role(rubor_zap *zap, const char *user, char name[RUBOR_NAME_SIZE])
{
    rubor_role role = RUBOR_ROLE_NONE;
    name[0] = '\0';
    pthread_mutex_lock(&zap->mutex);
    for (size_t i = 0; user && i < zap->count; i++)
        if (strcmp(zap->keys[i].key, user) == 0) {
            role = zap->keys[i].role;
            snprintf(name, RUBOR_NAME_SIZE, "%s", zap->keys[i].name);
            break;
        }
    pthread_mutex_unlock(&zap->mutex);
    return role;
}

int64_t rubor_zap_refusals(const rubor_zap *zap)
{
    return atomic_load(&zap->refusals);
}
