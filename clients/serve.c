#include "clients/serve.h"

#include "clients/serve_api.h"
#include "clients/web_assets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_BYTES_MOST = 64 * 1024, THREADS = 4, CONNECTIONS_MOST = 64, IDLE_S = 30 };
static const char COOKIE[] = "rubor";

struct rubor_serve {
    struct MHD_Daemon *daemon;
    rubor_serve_pool *pool;
    rubor_small_cache *small;
    rubor_access *access;
    char address[96];
    char hosts[4]
              [80]; /* values of Host that are answered: keeps other sites' names from being pointed here */
    int host_count;
};

typedef struct page_file {
    const char *path, *type;
    const unsigned char *data;
    const size_t *size;
} page_file;

static const page_file page_files[] = {
    {"/", "text/html; charset=utf-8", rubor_web_page_html, &rubor_web_page_html_size},
    {"/page.js", "text/javascript; charset=utf-8", rubor_web_page_js, &rubor_web_page_js_size},
    {"/review.css", "text/css; charset=utf-8", rubor_web_review_css, &rubor_web_review_css_size},
    {"/chart.js", "text/javascript; charset=utf-8", rubor_web_chart_js, &rubor_web_chart_js_size},
};

/* What a POST has sent so far. */
typedef struct exchange {
    char *body;
    size_t size;
    bool too_large;
} exchange;

static enum MHD_Result send_reply(struct MHD_Connection *connection, unsigned code, const char *type,
                                  size_t size, void *data, enum MHD_ResponseMemoryMode mode,
                                  const char *cache, const char *cookie, const char *download)
{
    char disposition[192];
    struct MHD_Response *response = MHD_create_response_from_buffer(size, data, mode);
    if (!response) {
        if (mode == MHD_RESPMEM_MUST_FREE)
            free(data);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", cache);
    MHD_add_response_header(
        response, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    if (download && download[0]) {
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", download);
        MHD_add_response_header(response, "Content-Disposition", disposition);
    }
    if (cookie)
        MHD_add_response_header(response, "Set-Cookie", cookie);
    if (cookie && strstr(cookie, "Max-Age=0"))
        MHD_add_response_header(response, "Clear-Site-Data", "\"cache\"");
    enum MHD_Result sent = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result send_web(struct MHD_Connection *connection, rubor_web_reply *reply, const char *cookie)
{
    uint8_t *data = reply->body.data;
    size_t size = reply->body.size;
    reply->body = (rubor_buffer){0};
    return send_reply(connection, reply->http_code ? reply->http_code : 500, reply->type, size, data,
                      MHD_RESPMEM_MUST_FREE,
                      "no-store", /* patients' pictures do not outlive the session in the browser */
                      cookie, reply->download);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, rubor_status status, unsigned code,
                              const char *message)
{
    rubor_web_reply reply = {0};
    rubor_web_refuse(&reply, status, message);
    if (code)
        reply.http_code = code;
    return send_web(connection, &reply, NULL);
}

static const char *query_argument(void *context, const char *name)
{
    return MHD_lookup_connection_value(context, MHD_GET_ARGUMENT_KIND, name);
}

static bool host_is_known(const rubor_serve *serve, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    for (int i = 0; host && i < serve->host_count; i++)
        if (strcasecmp(host, serve->hosts[i]) == 0)
            return true;
    return false;
}

/* The address a request comes from, without its port; of IPv6 the network of 64 bits, which one person has whole. */
static void peer_address(char out[RUBOR_ACCESS_PEER_SIZE], struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    out[0] = '\0';
    if (address && address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, out,
                  RUBOR_ACCESS_PEER_SIZE);
    } else if (address && address->sa_family == AF_INET6) {
        struct in6_addr network = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&network))
            memset(network.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &network, out, RUBOR_ACCESS_PEER_SIZE);
    }
}

static enum MHD_Result login(rubor_serve *serve, struct MHD_Connection *connection, const json_t *body)
{
    char cookie[RUBOR_ACCESS_COOKIE_SIZE], header[192], from[RUBOR_ACCESS_PEER_SIZE];
    rubor_error error = {0};
    rubor_web_reply reply = {0};
    const char *token = json_string_value(json_object_get(body, "token"));
    peer_address(from, connection);
    rubor_status status = rubor_access_login(serve->access, cookie, token ? token : "", from, &error);
    if (status != RUBOR_OK)
        return refuse(connection, status, status == RUBOR_FORBIDDEN ? 401 : 429, error.message);
    snprintf(header, sizeof header, "%s=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d", COOKIE, cookie,
             RUBOR_ACCESS_HOURS * 3600);
    if (rubor_web_answer(&reply, json_pack("{s:b}", "done", 1), &error) != RUBOR_OK)
        return refuse(connection, error.status, 0, error.message);
    return send_web(connection, &reply, header);
}

static enum MHD_Result logout(rubor_serve *serve, struct MHD_Connection *connection)
{
    char header[96];
    rubor_error error = {0};
    rubor_web_reply reply = {0};
    const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE);
    if (cookie)
        rubor_access_logout(serve->access, cookie);
    snprintf(header, sizeof header, "%s=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0", COOKIE);
    if (rubor_web_answer(&reply, json_pack("{s:b}", "done", 1), &error) != RUBOR_OK)
        return refuse(connection, error.status, 0, error.message);
    return send_web(connection, &reply, header);
}

static enum MHD_Result call_api(rubor_serve *serve, struct MHD_Connection *connection, const char *method,
                                const char *path, const json_t *body)
{
    bool known = false;
    rubor_error error = {0};
    rubor_web_reply reply = {0};
    const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE);
    rubor_web_request request = {
        .pool = serve->pool, .small = serve->small, .body = body, .argument = query_argument, .context = connection};
    if (rubor_access_check(serve->access, &request.user, cookie, &error) != RUBOR_OK)
        return refuse(connection, RUBOR_FORBIDDEN, 401, error.message);
    const rubor_web_route *route = rubor_web_find_route(method, path, &known);
    if (!route)
        return refuse(connection, known ? RUBOR_INVALID : RUBOR_NOT_FOUND, known ? 405 : 404,
                      known ? "this address does not take that method" : "there is nothing at this address");
    if (!(route->roles & request.user.role))
        return refuse(connection, rubor_verb_refuse(RUBOR_VERB_NONE, request.user.role, "do this", route->roles, &error), 0,
                      error.message);
    rubor_status status = route->handle(&request, &reply, &error);
    if (status != RUBOR_OK) {
        rubor_buffer_finish(&reply.body);
        rubor_web_refuse(&reply, status, error.message);
    }
    return send_web(connection, &reply, NULL);
}

static enum MHD_Result serve_post(rubor_serve *serve, struct MHD_Connection *connection, const char *path,
                                  const exchange *sent)
{
    /* A form on another site cannot set this header: with SameSite it keeps foreign pages from acting here.
     */
    if (!MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Rubor"))
        return refuse(connection, RUBOR_FORBIDDEN, 0, "the header X-Rubor is missing");
    if (sent->too_large)
        return refuse(connection, RUBOR_TOO_LARGE, 0, "the body is over 64 KiB");
    json_t *body = json_loadb(sent->body ? sent->body : "", sent->size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(body)) {
        json_decref(body);
        return refuse(connection, RUBOR_INVALID, 0, "the body is not a JSON object");
    }
    enum MHD_Result result = strcmp(path, "/api/login") == 0 ? login(serve, connection, body)
                             : strcmp(path, "/api/logout") == 0
                                 ? logout(serve, connection)
                                 : call_api(serve, connection, "POST", path, body);
    json_decref(body);
    return result;
}

static enum MHD_Result serve_get(rubor_serve *serve, struct MHD_Connection *connection, const char *path)
{
    for (size_t i = 0; i < sizeof page_files / sizeof page_files[0]; i++)
        if (strcmp(path, page_files[i].path) == 0)
            return send_reply(connection, 200, page_files[i].type, *page_files[i].size,
                              (void *)(uintptr_t)page_files[i].data, MHD_RESPMEM_PERSISTENT, "no-cache",
                              NULL, NULL);
    if (strncmp(path, "/api/", 5) == 0)
        return call_api(serve, connection, "GET", path, NULL);
    return refuse(connection, RUBOR_NOT_FOUND, 0, "there is nothing at this address");
}

static enum MHD_Result collect(exchange *sent, const char *data, size_t *size)
{
    if (sent->size + *size > BODY_BYTES_MOST) {
        sent->too_large = true;
    } else if (!sent->too_large) {
        char *grown = realloc(sent->body, sent->size + *size);
        if (!grown)
            return MHD_NO;
        memcpy(grown + sent->size, data, *size);
        sent->body = grown;
        sent->size += *size;
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data, size_t *size,
                              void **state)
{
    (void)version;
    rubor_serve *serve = context;
    if (!*state) {
        *state = calloc(1, sizeof(exchange));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size)
        return collect(*state, data, size);
    if (!host_is_known(serve, connection))
        return refuse(connection, RUBOR_FORBIDDEN, 421, "this host name is not served here");
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return serve_get(serve, connection, path);
    if (strcmp(method, "POST") == 0)
        return serve_post(serve, connection, path, *state);
    return refuse(connection, RUBOR_INVALID, 405, "only GET, HEAD and POST are answered");
}

static void forget_exchange(void *context, struct MHD_Connection *connection, void **state,
                            enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    exchange *sent = *state;
    if (sent)
        free(sent->body);
    free(sent);
    *state = NULL;
}

/* HOST:PORT -> a bound, listening socket. */
static rubor_status open_socket(int *out, const char *http, bool *loopback, rubor_error *error)
{
    char host[80];
    const char *colon = strrchr(http, ':');
    size_t length = colon ? (size_t)(colon - http) : 0;
    if (!colon || !length || length >= sizeof host || !colon[1])
        return rubor_error_set(error, RUBOR_INVALID, "\"%s\" is not HOST:PORT", http);
    bool bracketed = http[0] == '[' && http[length - 1] == ']' && length > 2;
    snprintf(host, sizeof host, "%.*s", (int)(length - (bracketed ? 2 : 0)), http + (bracketed ? 1 : 0));
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    if (getaddrinfo(host, strcmp(colon + 1, "*") == 0 ? "0" : colon + 1, &hints, &found) != 0)
        return rubor_error_set(error, RUBOR_INVALID, "\"%s\" is not an address this machine can listen on",
                               http);
    const struct sockaddr *name = found->ai_addr;
    *loopback = name->sa_family == AF_INET
                    ? ntohl(((const struct sockaddr_in *)(const void *)name)->sin_addr.s_addr) >> 24 == 127
                    : IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)name)->sin6_addr);
    int one = 1, fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listening = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                     bind(fd, name, found->ai_addrlen) == 0 && listen(fd, 64) == 0;
    int why = errno;
    freeaddrinfo(found);
    if (listening) {
        *out = fd;
        return RUBOR_OK;
    }
    if (fd >= 0)
        close(fd);
    return rubor_error_set(error, RUBOR_IO, "cannot listen on http://%s (%s)", http, strerror(why));
}

static void add_host(rubor_serve *serve, const char *host, int port)
{
    if (serve->host_count < 4)
        snprintf(serve->hosts[serve->host_count++], sizeof serve->hosts[0], port ? "%s:%d" : "%s", host,
                 port);
}

static void name_address(rubor_serve *serve, int fd, const char *http, const char *public_host)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    getsockname(fd, (struct sockaddr *)&bound, &size);
    int port =
        ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                                          : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    char host[80];
    snprintf(host, sizeof host, "%.*s", (int)(strrchr(http, ':') - http), http);
    snprintf(serve->address, sizeof serve->address, "http://%s:%d", host, port);
    add_host(serve, host, port);
    add_host(serve, "localhost", port);
    add_host(serve, "127.0.0.1", port);
    if (public_host)
        add_host(serve, public_host, 0);
}

rubor_status rubor_serve_start(rubor_serve **out, const rubor_serve_options *options, rubor_error *error)
{
    *out = NULL;
    const char *http = options->http ? options->http : RUBOR_HTTP_DEFAULT;
    int fd = -1;
    bool loopback = false;
    rubor_serve *serve = calloc(1, sizeof *serve);
    if (!serve)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = open_socket(&fd, http, &loopback, error);
    if (status == RUBOR_OK && !loopback && !options->tokens_path)
        status =
            rubor_error_set(error, RUBOR_FORBIDDEN,
                            "%s can be reached from other machines: name a token file with --tokens", http);
    if (status == RUBOR_OK)
        status = rubor_access_create(&serve->access, options->tokens_path, error);
    if (status == RUBOR_OK)
        status = rubor_serve_pool_create(&serve->pool, &options->client, error);
    if (status == RUBOR_OK)
        status = rubor_small_cache_create(&serve->small, RUBOR_SMALL_CACHE_BYTES, error);
    if (status != RUBOR_OK)
        goto out;
    name_address(serve, fd, http, options->public_host);
    serve->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, serve, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_NOTIFY_COMPLETED, forget_exchange, NULL, MHD_OPTION_END);
    if (!serve->daemon)
        status = rubor_error_set(error, RUBOR_INTERNAL, "the HTTP server could not be started on %s", http);
    else
        fd = -1; /* the daemon closes it */
out:
    if (fd >= 0)
        close(fd);
    if (status != RUBOR_OK)
        rubor_serve_stop(&serve);
    *out = serve;
    return status;
}

void rubor_serve_stop(rubor_serve **serve)
{
    if (!serve || !*serve)
        return;
    if ((*serve)->daemon)
        MHD_stop_daemon((*serve)->daemon);
    rubor_serve_pool_destroy(&(*serve)->pool);
    rubor_small_cache_destroy(&(*serve)->small);
    rubor_access_destroy(&(*serve)->access);
    free(*serve);
    *serve = NULL;
}

const char *rubor_serve_address(const rubor_serve *serve)
{
    return serve->address;
}

const char *rubor_serve_token(const rubor_serve *serve)
{
    return rubor_access_made_token(serve->access);
}
