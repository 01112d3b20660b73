/* The review page over HTTP: static files, the JSON API of serve_api.h, sessions of serve_access.h.
 * Runs in threads of its own between start and stop. */
#ifndef RUBOR_CLIENTS_SERVE_H
#define RUBOR_CLIENTS_SERVE_H

#include "clients/mdp_client.h"

#define RUBOR_HTTP_DEFAULT "127.0.0.1:5580"

typedef struct rubor_serve rubor_serve;

typedef struct rubor_serve_options {
    rubor_client_options client;
    const char *http;        /* HOST:PORT, [v6]:PORT; port 0 or '*' picks a free one. NULL: RUBOR_HTTP_DEFAULT */
    const char *tokens_path; /* see serve_access.h; NULL: one token is made */
    const char *public_host; /* the name that browsers use behind a TLS proxy; NULL: none */
} rubor_serve_options;

/* RUBOR_INVALID (address), RUBOR_FORBIDDEN (an address that is not loopback without a token file), RUBOR_IO (port
 * taken). */
rubor_status rubor_serve_start(rubor_serve **out, const rubor_serve_options *options, rubor_error *error);
/* Finishes what is being answered. NULL and pointers to NULL are allowed. */
void rubor_serve_stop(rubor_serve **serve);

/* "http://127.0.0.1:40123" and the made token (NULL with a token file). */
const char *rubor_serve_address(const rubor_serve *serve);
const char *rubor_serve_token(const rubor_serve *serve);

#endif
