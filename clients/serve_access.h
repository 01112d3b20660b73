/* Who may use the page: tokens, and the sessions (cookies) they open. Thread-safe.
 *
 * Tokens come from a file readable by its owner only, one a line: NAME ROLE TOKEN [EXPIRES], ROLE reviewer or admin,
 * EXPIRES as YYYY-MM-DD (UTC, the first second of that day); '#' begins a comment. The file is read again whenever it
 * changed: a session ends with its line, and when the file cannot be read. Without a file one token is made, for an admin
 * named "local", valid while the process runs. A session lasts RUBOR_ACCESS_HOURS or until its token's expiry,
 * whichever comes first. */
#ifndef RUBOR_CLIENTS_SERVE_ACCESS_H
#define RUBOR_CLIENTS_SERVE_ACCESS_H

#include "protocol/messages.h"

enum {
    RUBOR_ACCESS_HOURS = 12,
    RUBOR_ACCESS_SESSIONS = 256, /* the oldest gives way */
    RUBOR_ACCESS_PEERS = 64,     /* addresses whose wrong tokens are counted; the oldest gives way */
    RUBOR_ACCESS_WRONG_TOKENS = 20, /* a minute and peer */
    RUBOR_ACCESS_PEER_SIZE = 48,
    RUBOR_ACCESS_TOKEN_SIZE = 65,
    RUBOR_ACCESS_COOKIE_SIZE = 65
};

typedef struct rubor_access rubor_access;

typedef struct rubor_access_user {
    char name[64];
    rubor_role role;
} rubor_access_user;

/* tokens_path NULL: a token is made. RUBOR_UNREADABLE when the file is missing or others may read it. */
rubor_status rubor_access_create(rubor_access **out, const char *tokens_path, rubor_error *error);
void rubor_access_destroy(rubor_access **access);
/* The made token, or NULL when tokens come from a file. */
const char *rubor_access_made_token(const rubor_access *access);

/* Opens a session; cookie is 64 hex digits. peer: where the request comes from, as a text (an address without port).
 * RUBOR_FORBIDDEN for a wrong or expired token (the message does not say which), RUBOR_BUSY after
 * RUBOR_ACCESS_WRONG_TOKENS wrong ones from this peer within a minute; other peers are let in meanwhile. */
rubor_status rubor_access_login(rubor_access *access, char cookie[RUBOR_ACCESS_COOKIE_SIZE], const char *token,
                                const char *peer, rubor_error *error);
/* RUBOR_FORBIDDEN for an unknown or expired cookie and for one whose token is no longer in the file; NULL is allowed. */
rubor_status rubor_access_check(rubor_access *access, rubor_access_user *out, const char *cookie, rubor_error *error);
void rubor_access_logout(rubor_access *access, const char *cookie);

#endif
