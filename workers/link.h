/* The worker's end of the connection: MDP 0.2's worker commands over one DEALER socket. */
#ifndef RUBOR_WORKERS_LINK_H
#define RUBOR_WORKERS_LINK_H

#include "protocol/worker_wire.h"

#include <zmq.h>

typedef struct rubor_link {
    void *context, *socket; /* socket NULL: not connected */
    size_t broker;          /* which of the endpoints */
    char endpoint[256];
} rubor_link;

rubor_status rubor_link_create(rubor_link *link, rubor_error *error);
void rubor_link_destroy(rubor_link *link);
/* A new socket to the current broker. keys: folder with one NAME.secret and broker.public, or NULL. */
rubor_status rubor_link_open(rubor_link *link, const char *const *brokers, const char *keys,
                             rubor_error *error);
void rubor_link_close(rubor_link *link);
void rubor_link_next_broker(rubor_link *link);

void rubor_link_send_command(rubor_link *link, uint8_t command);
void rubor_link_send_ready(rubor_link *link, const rubor_worker_hello *hello);
void rubor_link_send_final(rubor_link *link, const char *address, const rubor_bytes *parts, size_t count);

typedef struct rubor_link_message {
    uint8_t command;
    size_t count; /* parts: REQUEST without address and empty frame */
    rubor_bytes parts[RUBOR_WIRE_FRAMES];
    size_t frame_count;
    zmq_msg_t frames[RUBOR_WIRE_FRAMES];
} rubor_link_message;

/* False when nothing (well-formed) is waiting. */
bool rubor_link_receive(rubor_link *link, rubor_link_message *out);
void rubor_link_message_finish(rubor_link_message *message);

#endif
