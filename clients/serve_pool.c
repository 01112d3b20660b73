#include "clients/serve_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <zmq.h>

enum { IDLE_MOST = 8, SILENCE_MS = 8000 };

struct rubor_serve_pool {
    void *context;
    rubor_client_options options;
    pthread_mutex_t lock;
    rubor_client *idle[IDLE_MOST];
    int idle_count;
};

rubor_status rubor_serve_pool_create(rubor_serve_pool **out, const rubor_client_options *options, rubor_error *error)
{
    *out = NULL;
    rubor_serve_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    pool->context = zmq_ctx_new();
    if (!pool->context) {
        free(pool);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no ZeroMQ context");
    }
    pool->options = *options;
    pool->options.context = pool->context;
    pthread_mutex_init(&pool->lock, NULL);
    *out = pool;
    return RUBOR_OK;
}

void rubor_serve_pool_destroy(rubor_serve_pool **pool)
{
    if (!pool || !*pool)
        return;
    for (int i = 0; i < (*pool)->idle_count; i++)
        rubor_client_destroy(&(*pool)->idle[i]);
    zmq_ctx_term((*pool)->context);
    pthread_mutex_destroy(&(*pool)->lock);
    free(*pool);
    *pool = NULL;
}

static rubor_client *take(rubor_serve_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    rubor_client *client = pool->idle_count ? pool->idle[--pool->idle_count] : NULL;
    pthread_mutex_unlock(&pool->lock);
    return client;
}

static void give_back(rubor_serve_pool *pool, rubor_client *client)
{
    pthread_mutex_lock(&pool->lock);
    bool kept = pool->idle_count < IDLE_MOST;
    if (kept)
        pool->idle[pool->idle_count++] = client;
    pthread_mutex_unlock(&pool->lock);
    if (!kept)
        rubor_client_destroy(&client);
}

rubor_status rubor_serve_call(rubor_serve_pool *pool, rubor_client_reply *out, rubor_request *request,
                              rubor_error *error)
{
    rubor_client *client = take(pool);
    if (!client) {
        rubor_status status = rubor_client_create(&client, &pool->options, error);
        if (status != RUBOR_OK)
            return status;
    }
    rubor_status status = rubor_client_call(client, out, request, NULL, 0, SILENCE_MS, error);
    /* After a silence the socket may still hold an answer to the old question: begin with a fresh one. */
    if (status == RUBOR_UNREACHABLE || status == RUBOR_TIMEOUT)
        rubor_client_destroy(&client);
    else
        give_back(pool, client);
    return status;
}
