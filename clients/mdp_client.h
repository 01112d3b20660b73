/* A client of the broker: MDP 0.2 (ZeroMQ RFC 18) over one DEALER socket, bodies as protocol/messages.h says.
 *
 * Requests are pipelined: rubor_client_send returns at once, rubor_client_receive gives whatever arrives next
 * and says by its id which request it answers. rubor_client_call sends one and waits for its FINAL, sending
 * it again when the broker stays silent (every verb is safe to repeat: the broker knows a job it has by its
 * key).
 *
 * Thread rule: one client belongs to one thread. One context a process (libzmq 4.3.4 issue 4242): a process
 * makes one client at a time, or gives all of them one context. */
#ifndef RUBOR_CLIENTS_MDP_CLIENT_H
#define RUBOR_CLIENTS_MDP_CLIENT_H

#include "protocol/messages.h"

#define RUBOR_ENDPOINT_DEFAULT "tcp://127.0.0.1:5570"
enum { RUBOR_CLIENT_ATTEMPTS = 3, RUBOR_CLIENT_ATTACHMENTS = RUBOR_WIRE_FRAMES };

/* How long to wait, in ms; RUBOR_TIMEOUT in the environment is in seconds, 0.1 to 600, default 3. */
typedef enum rubor_client_wait_kind {
    RUBOR_CLIENT_CONNECT, /* until the broker's socket takes a message: RUBOR_TIMEOUT */
    RUBOR_CLIENT_SILENCE, /* a request without any reply is sent again: RUBOR_TIMEOUT * 5 / 3 */
    RUBOR_CLIENT_PHOTO /* likewise for a photo, which has to travel and to be synced: RUBOR_TIMEOUT * 10 / 3
                        */
} rubor_client_wait_kind;
int rubor_client_wait_ms(rubor_client_wait_kind kind);

typedef struct rubor_client rubor_client;

typedef struct rubor_client_options {
    const char *endpoint; /* NULL: RUBOR_ENDPOINT, else RUBOR_ENDPOINT_DEFAULT */
    const char *keys;     /* folder of CURVE keys; NULL: RUBOR_KEYS, else no CURVE */
    void *context;        /* a ZeroMQ context to share; NULL: the client makes and ends its own */
    int connect_ms;       /* how long a send waits for a broker; 0: RUBOR_TIMEOUT */
} rubor_client_options;

/* Connects; the broker need not be there yet. RUBOR_INVALID (a malformed endpoint), RUBOR_UNREADABLE or
 * RUBOR_CORRUPT (keys). */
rubor_status rubor_client_create(rubor_client **out, const rubor_client_options *options, rubor_error *error);
void rubor_client_destroy(rubor_client **client);
const char *rubor_client_endpoint(const rubor_client *client);

/* Sends request with the client's next id (request->request is overwritten) and the attachments as further
 * frames. *id gets the number that its replies carry. RUBOR_UNREACHABLE when nothing accepts it in time. */
rubor_status rubor_client_send(rubor_client *client, uint64_t *id, rubor_request *request,
                               const rubor_bytes *attachments, size_t attachment_count, rubor_error *error);

/* One PARTIAL or FINAL. Zero-initialize; rubor_client_reply_finish frees and zeroes. */
typedef struct rubor_client_reply {
    uint64_t id;
    bool final;
    rubor_reply body;
    size_t attachment_count;
    rubor_buffer attachments[RUBOR_CLIENT_ATTACHMENTS];
} rubor_client_reply;

void rubor_client_reply_finish(rubor_client_reply *reply);

/* The next reply to a request of this client; malformed ones and those of others are passed over.
 * RUBOR_TIMEOUT when none came within timeout_ms (0: do not wait; -1: for ever), RUBOR_CANCELED when a signal
 * came first. */
rubor_status rubor_client_receive(rubor_client *client, rubor_client_reply *out, int timeout_ms,
                                  rubor_error *error);

/* Sends and waits for the FINAL, at most silence_ms between replies (0: RUBOR_CLIENT_SILENCE). What the
 * FINAL says is the result: its status is returned and its text is in error, and out holds the reply in
 * either case. RUBOR_BUSY is waited out as the broker asks, for at most a minute. RUBOR_UNREACHABLE names the
 * endpoint. */
rubor_status rubor_client_call(rubor_client *client, rubor_client_reply *out, rubor_request *request,
                               const rubor_bytes *attachments, size_t attachment_count, int silence_ms,
                               rubor_error *error);

/* Waits until a reply may be there, fd (or none: -1) is readable, a signal came or timeout_ms are over. */
void rubor_client_wait(rubor_client *client, int fd, int timeout_ms);

/* Rows of a popt table for the options that every client command takes. */
#define RUBOR_CLIENT_OPTIONS(options)                                                                        \
    RUBOR_OPTION_TEXT("endpoint", &(options).endpoint,                                                       \
                      "the broker (default: RUBOR_ENDPOINT, "                                                \
                      "else " RUBOR_ENDPOINT_DEFAULT ")",                                                    \
                      "E"),                                                                                  \
        RUBOR_OPTION_TEXT("keys", &(options).keys, "folder of CURVE keys (default: RUBOR_KEYS)", "DIR")

#endif
