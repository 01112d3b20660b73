#include "clients/serve_access.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { LINE_BYTES = 512 };

typedef struct session {
    char cookie[RUBOR_ACCESS_COOKIE_SIZE];
    unsigned char token[crypto_hash_sha256_BYTES]; /* digest of the token that opened it */
    rubor_access_user user;
    int64_t opened_s, ends_s; /* CLOCK_REALTIME; ends_s 0: free slot */
} session;

/* Wrong tokens from one address within one minute. */
typedef struct peer {
    char address[RUBOR_ACCESS_PEER_SIZE];
    int64_t minute;
    int wrong;
} peer;

struct rubor_access {
    pthread_mutex_t lock;
    char *tokens_path;
    char made[RUBOR_ACCESS_TOKEN_SIZE];
    session sessions[RUBOR_ACCESS_SESSIONS];
    peer peers[RUBOR_ACCESS_PEERS];
    struct stat read; /* the token file as its lines were last compared with the sessions */
    int64_t read_s;
};

static void make_secret(char out[65])
{
    unsigned char bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(out, 65, bytes, sizeof bytes);
}

static void digest_of(unsigned char out[crypto_hash_sha256_BYTES], const char *secret)
{
    crypto_hash_sha256(out, (const unsigned char *)secret, strlen(secret));
}

/* Compares digests, so that neither length nor a common prefix shows in the time taken. */
static bool has_digest(const char *secret, const unsigned char digest[crypto_hash_sha256_BYTES])
{
    unsigned char own[crypto_hash_sha256_BYTES];
    digest_of(own, secret);
    return sodium_memcmp(own, digest, sizeof own) == 0;
}

static bool same_secret(const char *one, const char *other)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    digest_of(digest, other);
    return has_digest(one, digest);
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
    const int month = day.tm_mon, of_month = day.tm_mday;
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    int64_t seconds = (int64_t)timegm(&day); /* makes another day of one that is in no calendar */
    return day.tm_mon == month - 1 && day.tm_mday == of_month ? seconds : 0;
}

/* One line of the token file; true when it holds the token of this digest. expires_s 0: never. */
static bool line_matches(const char *line, const unsigned char *token, rubor_access_user *user, int64_t *expires_s)
{
    char name[64], role[16], secret[128], expires[32];
    int fields = sscanf(line, " %63s %15s %127s %31s", name, role, secret, expires);
    if (fields < 3 || name[0] == '#' || strlen(secret) < 16 || !has_digest(secret, token))
        return false;
    if (!rubor_role_from_name(&user->role, role) ||
        (user->role != RUBOR_ROLE_REVIEWER && user->role != RUBOR_ROLE_ADMIN))
        return false;
    snprintf(user->name, sizeof user->name, "%s", name);
    *expires_s = fields == 4 ? parse_day(expires) : 0;
    return fields < 4 || *expires_s > 0; /* an expiry that cannot be read does not mean "for ever" */
}

static FILE *open_tokens(const rubor_access *access)
{
    return check_file(access->tokens_path, NULL) == RUBOR_OK ? fopen(access->tokens_path, "re") : NULL;
}

static bool find_token(const rubor_access *access, const unsigned char *token, rubor_access_user *user,
                       int64_t *expires_s)
{
    *expires_s = 0;
    if (!access->tokens_path) {
        snprintf(user->name, sizeof user->name, "local");
        user->role = RUBOR_ROLE_ADMIN;
        return has_digest(access->made, token);
    }
    FILE *file = open_tokens(access);
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

static bool same_file(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev && one->st_size == other->st_size &&
           one->st_mode == other->st_mode && one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
           one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* Ends the sessions whose line is gone, has another role or has expired, once for each state of the file. A file that
 * changed within the two seconds before it was read is read again: its time may not tell two changes apart. */
static void follow_file(rubor_access *access, int64_t now_s)
{
    struct stat now = {0};
    if (!access->tokens_path)
        return;
    if (stat(access->tokens_path, &now) != 0)
        memset(&now, 0, sizeof now);
    if (same_file(&now, &access->read) && now.st_ctim.tv_sec + 2 < access->read_s)
        return;
    access->read = now;
    access->read_s = now_s;
    for (int i = 0; i < RUBOR_ACCESS_SESSIONS; i++) {
        session *slot = &access->sessions[i];
        rubor_access_user user = {0};
        int64_t expires_s = 0;
        if (slot->ends_s <= now_s)
            continue;
        if (!find_token(access, slot->token, &user, &expires_s) || (expires_s && expires_s <= now_s))
            sodium_memzero(slot, sizeof *slot);
        else
            slot->user = user;
        if (expires_s && expires_s < slot->ends_s)
            slot->ends_s = expires_s;
    }
}

/* This address's count of the current minute; a new address takes the place of the one counted longest ago. */
static peer *peer_of(rubor_access *access, const char *address, int64_t now_s)
{
    peer *place = &access->peers[0];
    for (int i = 0; i < RUBOR_ACCESS_PEERS; i++) {
        peer *one = &access->peers[i];
        if (strcmp(one->address, address) == 0) {
            place = one;
            break;
        }
        if (one->minute < place->minute)
            place = one;
    }
    if (strcmp(place->address, address) != 0 || place->minute != now_s / 60) {
        *place = (peer){.minute = now_s / 60};
        snprintf(place->address, sizeof place->address, "%s", address);
    }
    return place;
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
                                const char *address, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    rubor_access_user user = {0};
    unsigned char digest[crypto_hash_sha256_BYTES];
    int64_t now_s = (int64_t)time(NULL), expires_s;
    digest_of(digest, token);
    pthread_mutex_lock(&access->lock);
    peer *from = peer_of(access, address, now_s);
    if (from->wrong >= RUBOR_ACCESS_WRONG_TOKENS) {
        status = rubor_error_set(error, RUBOR_BUSY, "too many wrong tokens from this address; wait a minute");
    } else if (!find_token(access, digest, &user, &expires_s) || (expires_s && expires_s <= now_s)) {
        from->wrong++;
        status = rubor_error_set(error, RUBOR_FORBIDDEN, "this token is not valid");
    } else {
        session *slot = free_slot(access, now_s);
        make_secret(slot->cookie);
        memcpy(slot->token, digest, sizeof slot->token);
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
    follow_file(access, (int64_t)time(NULL));
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
