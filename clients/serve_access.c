#include "clients/serve_access.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FAILED_LOGINS_A_MINUTE = 20, LINE_BYTES = 512 };

typedef struct session {
    char cookie[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access_user user;
    int64_t opened_s, ends_s; /* CLOCK_REALTIME; ends_s 0: free slot */
} session;

struct rubor_access {
    pthread_mutex_t lock;
    char *tokens_path;
    char made[RUBOR_ACCESS_TOKEN_SIZE];
    session sessions[RUBOR_ACCESS_SESSIONS];
    int64_t failed_minute;
    int failed_count;
};

static void make_secret(char out[65])
{
    unsigned char bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(out, 65, bytes, sizeof bytes);
}

/* Compares digests, so that neither length nor a common prefix shows in the time taken. */
static bool same_secret(const char *one, const char *other)
{
    unsigned char a[crypto_hash_sha256_BYTES], b[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(a, (const unsigned char *)one, strlen(one));
    crypto_hash_sha256(b, (const unsigned char *)other, strlen(other));
    return sodium_memcmp(a, b, sizeof a) == 0;
}

static rubor_status check_file(const char *path, rubor_error *error)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return rubor_error_set(error, RUBOR_UNREADABLE, "%s: the token file cannot be read (%s)", path,
                               strerror(errno));
    if (facts.st_mode & (S_IRWXG | S_IRWXO))
        return rubor_error_set(error, RUBOR_UNREADABLE, "%s: others may read this token file; run chmod 600 on it",
                               path);
    return RUBOR_OK;
}

rubor_status rubor_access_create(rubor_access **out, const char *tokens_path, rubor_error *error)
{
    *out = NULL;
    if (sodium_init() < 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "no source of random numbers");
    rubor_status status = tokens_path ? check_file(tokens_path, error) : RUBOR_OK;
    if (status != RUBOR_OK)
        return status;
    rubor_access *access = calloc(1, sizeof *access);
    if (access && tokens_path)
        access->tokens_path = strdup(tokens_path);
    if (!access || (tokens_path && !access->tokens_path)) {
        free(access);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    }
    if (!tokens_path)
        make_secret(access->made);
    pthread_mutex_init(&access->lock, NULL);
    *out = access;
    return RUBOR_OK;
}

void rubor_access_destroy(rubor_access **access)
{
    if (!access || !*access)
        return;
    pthread_mutex_destroy(&(*access)->lock);
    free((*access)->tokens_path);
    sodium_memzero(*access, sizeof **access);
    free(*access);
    *access = NULL;
}

const char *rubor_access_made_token(const rubor_access *access)
{
    return access->made[0] ? access->made : NULL;
}

/* Seconds since 1970 of YYYY-MM-DD; 0 for anything else. */
static int64_t parse_day(const char *text)
{
    struct tm day = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &used) != 3 || text[used])
        return 0;
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    return (int64_t)timegm(&day);
}

/* One line of the token file; true when it holds this token. expires_s 0: never. */
static bool line_matches(const char *line, const char *token, rubor_access_user *user, int64_t *expires_s)
{
    char name[64], role[16], secret[128], expires[32];
    int fields = sscanf(line, " %63s %15s %127s %31s", name, role, secret, expires);
    if (fields < 3 || name[0] == '#' || strlen(secret) < 16 || !same_secret(secret, token))
        return false;
    if (!rubor_role_from_name(&user->role, role) ||
        (user->role != RUBOR_ROLE_REVIEWER && user->role != RUBOR_ROLE_ADMIN))
        return false;
    snprintf(user->name, sizeof user->name, "%s", name);
    *expires_s = fields == 4 ? parse_day(expires) : 0;
    return fields < 4 || *expires_s > 0; /* an expiry that cannot be read does not mean "for ever" */
}

static bool find_token(const rubor_access *access, const char *token, rubor_access_user *user, int64_t *expires_s)
{
    *expires_s = 0;
    if (!access->tokens_path) {
        snprintf(user->name, sizeof user->name, "local");
        user->role = RUBOR_ROLE_ADMIN;
        return same_secret(access->made, token);
    }
    FILE *file = check_file(access->tokens_path, NULL) == RUBOR_OK ? fopen(access->tokens_path, "re") : NULL;
    if (!file)
        return false;
    char line[LINE_BYTES];
    bool found = false;
    while (!found && fgets(line, sizeof line, file))
        found = line_matches(line, token, user, expires_s);
    fclose(file);
    sodium_memzero(line, sizeof line);
    return found;
}

static bool too_many_failures(rubor_access *access, int64_t now_s)
{
    if (access->failed_minute != now_s / 60) {
        access->failed_minute = now_s / 60;
        access->failed_count = 0;
    }
    return access->failed_count >= FAILED_LOGINS_A_MINUTE;
}

static session *free_slot(rubor_access *access, int64_t now_s)
{
    session *oldest = &access->sessions[0];
    for (int i = 0; i < RUBOR_ACCESS_SESSIONS; i++) {
        session *slot = &access->sessions[i];
        if (slot->ends_s <= now_s)
            return slot;
        if (slot->opened_s < oldest->opened_s)
            oldest = slot;
    }
    return oldest;
}

rubor_status rubor_access_login(rubor_access *access, char cookie[RUBOR_ACCESS_COOKIE_SIZE], const char *token,
                                rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    rubor_access_user user = {0};
    int64_t now_s = (int64_t)time(NULL), expires_s;
    pthread_mutex_lock(&access->lock);
    if (too_many_failures(access, now_s)) {
        status = rubor_error_set(error, RUBOR_BUSY, "too many wrong tokens; wait a minute");
    } else if (!find_token(access, token, &user, &expires_s) || (expires_s && expires_s <= now_s)) {
        access->failed_count++;
        status = rubor_error_set(error, RUBOR_FORBIDDEN, "this token is not valid");
    } else {
        session *slot = free_slot(access, now_s);
        make_secret(slot->cookie);
        slot->user = user;
        slot->opened_s = now_s;
        slot->ends_s = now_s + RUBOR_ACCESS_HOURS * 3600;
        if (expires_s && expires_s < slot->ends_s)
            slot->ends_s = expires_s;
        snprintf(cookie, RUBOR_ACCESS_COOKIE_SIZE, "%s", slot->cookie);
    }
    pthread_mutex_unlock(&access->lock);
    return status;
}

static session *find_session(rubor_access *access, const char *cookie)
{
    int64_t now_s = (int64_t)time(NULL);
    for (int i = 0; cookie && i < RUBOR_ACCESS_SESSIONS; i++) {
        session *slot = &access->sessions[i];
        if (slot->ends_s > now_s && same_secret(slot->cookie, cookie))
            return slot;
    }
    return NULL;
}

rubor_status rubor_access_check(rubor_access *access, rubor_access_user *out, const char *cookie, rubor_error *error)
{
    pthread_mutex_lock(&access->lock);
    const session *found = find_session(access, cookie);
    if (found)
        *out = found->user;
    pthread_mutex_unlock(&access->lock);
    return found ? RUBOR_OK : rubor_error_set(error, RUBOR_FORBIDDEN, "log in first");
}

void rubor_access_logout(rubor_access *access, const char *cookie)
{
    pthread_mutex_lock(&access->lock);
    session *found = find_session(access, cookie);
    if (found)
        sodium_memzero(found, sizeof *found);
    pthread_mutex_unlock(&access->lock);
}
