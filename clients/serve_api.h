/* The page's JSON API: what is asked over HTTP becomes requests to the broker. Nothing here knows the HTTP library.
 * Every route says which role may use it; the server checks the session before it calls. Thread-safe. */
#ifndef RUBOR_CLIENTS_SERVE_API_H
#define RUBOR_CLIENTS_SERVE_API_H

#include "clients/serve_access.h"
#include "clients/serve_pool.h"
#include "clients/small_picture.h"

#include <jansson.h>

typedef struct rubor_web_request {
    rubor_serve_pool *pool;
    rubor_small_cache *small;
    rubor_access_user user;
    const json_t *body; /* POST: a JSON object; GET: NULL */
    const char *(*argument)(void *context, const char *name); /* GET: query argument or NULL */
    void *context;
} rubor_web_request;

typedef struct rubor_web_reply {
    unsigned http_code;
    char type[64];       /* media type */
    rubor_buffer body;   /* owned; finish with rubor_buffer_finish */
    char download[160];  /* a file name of letters, digits and "._-": to be saved, not shown; "": shown */
} rubor_web_reply;

typedef struct rubor_web_route {
    const char *method, *path;
    int roles; /* rubor_role bits that may use it */
    rubor_status (*handle)(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error);
} rubor_web_route;

/* NULL for an unknown path; *known_path says whether another method exists for it. */
const rubor_web_route *rubor_web_find_route(const char *method, const char *path, bool *known_path);

/* {"error": {"code", "message"}} with the HTTP code that fits status. */
void rubor_web_refuse(rubor_web_reply *reply, rubor_status status, const char *message);
/* Takes value. */
rubor_status rubor_web_answer(rubor_web_reply *reply, json_t *value, rubor_error *error);

#endif
