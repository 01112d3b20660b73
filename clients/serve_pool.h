/* A few broker clients shared by the page server's threads: each call borrows one. Thread-safe. */
#ifndef RUBOR_CLIENTS_SERVE_POOL_H
#define RUBOR_CLIENTS_SERVE_POOL_H

#include "clients/mdp_client.h"

typedef struct rubor_serve_pool rubor_serve_pool;

/* options->context is ignored: the pool makes its own. */
rubor_status rubor_serve_pool_create(rubor_serve_pool **out, const rubor_client_options *options, rubor_error *error);
void rubor_serve_pool_destroy(rubor_serve_pool **pool);

/* rubor_client_call on a borrowed client. */
rubor_status rubor_serve_call(rubor_serve_pool *pool, rubor_client_reply *out, rubor_request *request,
                              rubor_error *error);

#endif
