#include "workers/link.h"

#include "imaging/limits.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { Z85 = 41, PATH = 4400 };

/* ---- keys ---- */

static rubor_status read_key(const char *path, char key[Z85], rubor_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%s: %s", path, strerror(errno));
    bool whole = fgets(key, Z85, file) && strlen(key) == Z85 - 1;
    fclose(file);
    return whole ? RUBOR_OK : rubor_error_set(error, RUBOR_CORRUPT, "%s: is not a CURVE key", path);
}

static rubor_status find_secret(const char *folder, char path[PATH], rubor_error *error)
{
    DIR *listing = opendir(folder);
    int found = 0;
    if (!listing)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%s: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(listing));) {
        size_t length = strlen(entry->d_name);
        if (length < 8 || strcmp(entry->d_name + length - 7, ".secret") != 0 ||
            strcmp(entry->d_name, "broker.secret") == 0)
            continue;
        snprintf(path, PATH, "%s/%s", folder, entry->d_name);
        found++;
    }
    closedir(listing);
    if (found == 1)
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_NOT_FOUND,
                           "%s: holds %d worker keys and must hold one (use --keys %s/NAME)", folder, found,
                           folder);
}

static rubor_status apply_keys(void *socket, const char *folder, rubor_error *error)
{
    char path[PATH], server[Z85], secret[Z85] = "", public[Z85];
    struct stat info;
    snprintf(path, sizeof path, "%s/broker.public", folder);
    rubor_status status = read_key(path, server, error);
    if (!status)
        status = find_secret(folder, path, error);
    if (!status && stat(path, &info) == 0 && (info.st_mode & 077))
        status = rubor_error_set(error, RUBOR_FORBIDDEN, "%s: others can read this secret key; chmod 600 it",
                                 path);
    if (!status)
        status = read_key(path, secret, error);
    if (!status &&
        (zmq_curve_public(public, secret) || zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, Z85) ||
         zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public, Z85) ||
         zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, Z85)))
        status = rubor_error_set(error, RUBOR_CORRUPT, "%s: the key is not accepted", path);
    memset(secret, 0, sizeof secret);
    return status;
}

/* ---- life ---- */

rubor_status rubor_link_create(rubor_link *link, rubor_error *error)
{
    memset(link, 0, sizeof *link);
    link->context = zmq_ctx_new();
    return link->context ? RUBOR_OK
                         : rubor_error_set(error, RUBOR_NO_MEMORY, "ZeroMQ: %s", zmq_strerror(errno));
}

void rubor_link_destroy(rubor_link *link)
{
    if (!link || !link->context)
        return;
    rubor_link_close(link);
    zmq_ctx_term(link->context);
    link->context = NULL;
}

rubor_status rubor_link_open(rubor_link *link, const char *const *brokers, const char *keys,
                             rubor_error *error)
{
    if (!brokers[link->broker])
        link->broker = 0;
    snprintf(link->endpoint, sizeof link->endpoint, "%s", brokers[link->broker]);
    link->socket = zmq_socket(link->context, ZMQ_DEALER);
    if (!link->socket)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "ZeroMQ: %s", zmq_strerror(errno));
    int linger = 5000, high_water = 100;
    int64_t largest = RUBOR_LIMIT_PHOTO_BYTES + 8 * 1024 * 1024;
    zmq_setsockopt(link->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(link->socket, ZMQ_SNDHWM, &high_water, sizeof high_water);
    zmq_setsockopt(link->socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    rubor_status status = keys ? apply_keys(link->socket, keys, error) : RUBOR_OK;
    if (!status && zmq_connect(link->socket, link->endpoint) != 0)
        status = rubor_error_set(error, RUBOR_INVALID, "%.200s: %s", link->endpoint, zmq_strerror(errno));
    if (status)
        rubor_link_close(link);
    return status;
}

void rubor_link_close(rubor_link *link)
{
    if (link->socket)
        zmq_close(link->socket);
    link->socket = NULL;
}

void rubor_link_next_broker(rubor_link *link)
{
    link->broker++;
}

/* ---- sending; what does not fit into the queue is dropped: the broker's lease runs out and it sends again
 * ---- */

static bool send_part(rubor_link *link, const void *data, size_t size, bool more)
{
    return zmq_send(link->socket, size ? data : "", size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

static bool send_start(rubor_link *link, uint8_t command, bool more)
{
    return link->socket && send_part(link, RUBOR_MDP_WORKER, strlen(RUBOR_MDP_WORKER), true) &&
           send_part(link, &command, 1, more);
}

void rubor_link_send_command(rubor_link *link, uint8_t command)
{
    send_start(link, command, false);
}

void rubor_link_send_ready(rubor_link *link, const rubor_worker_hello *hello)
{
    rubor_buffer packed;
    if (rubor_worker_hello_pack(&packed, hello, NULL) == RUBOR_OK &&
        send_start(link, RUBOR_MDPW_READY, true) &&
        send_part(link, RUBOR_WORKER_SERVICE, strlen(RUBOR_WORKER_SERVICE), true))
        send_part(link, packed.data, packed.size, false);
    free(packed.data);
}

void rubor_link_send_final(rubor_link *link, const char *address, const rubor_bytes *parts, size_t count)
{
    bool sent = send_start(link, RUBOR_MDPW_FINAL, true) && send_part(link, address, strlen(address), true) &&
                send_part(link, "", 0, true);
    for (size_t i = 0; sent && i < count; i++)
        sent = send_part(link, parts[i].data, parts[i].size, i + 1 < count);
}

/* ---- receiving ---- */

static rubor_bytes frame(rubor_link_message *message, size_t index)
{
    return (rubor_bytes){zmq_msg_data(&message->frames[index]), zmq_msg_size(&message->frames[index])};
}

static bool receive_frames(rubor_link *link, rubor_link_message *out)
{
    int more = 1;
    bool too_many = false;
    out->frame_count = 0;
    while (more) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, link->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return false;
        }
        more = zmq_msg_more(&part);
        if (out->frame_count < RUBOR_WIRE_FRAMES) {
            zmq_msg_init(&out->frames[out->frame_count]);
            zmq_msg_move(&out->frames[out->frame_count++], &part);
        } else {
            too_many = true;
        }
        zmq_msg_close(&part);
    }
    return !too_many;
}

bool rubor_link_receive(rubor_link *link, rubor_link_message *out)
{
    enum { HEADER, COMMAND, ADDRESS, EMPTY, BODY };
    out->count = 0;
    bool whole = receive_frames(link, out);
    rubor_bytes header = out->frame_count > COMMAND ? frame(out, HEADER) : (rubor_bytes){0};
    bool ours = whole && header.size == strlen(RUBOR_MDP_WORKER) &&
                memcmp(header.data, RUBOR_MDP_WORKER, header.size) == 0 && frame(out, COMMAND).size == 1;
    if (!ours) {
        rubor_link_message_finish(out);
        return false;
    }
    out->command = frame(out, COMMAND).data[0];
    for (size_t i = BODY; i < out->frame_count; i++)
        out->parts[out->count++] = frame(out, i);
    return true;
}

void rubor_link_message_finish(rubor_link_message *message)
{
    for (size_t i = 0; i < message->frame_count; i++)
        zmq_msg_close(&message->frames[i]);
    message->frame_count = message->count = 0;
}
