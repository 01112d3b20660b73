/* CURVE for the broker's sockets, and the ZAP handler (ZeroMQ RFC 27) that lets in the keys of the
 * allow-list.
 *
 * A folder of keys, as rubor keygen makes it:
 *   broker.secret, broker.public   the broker's pair, 40 characters of Z85 and a newline; the secret is 0600
 *   authorized                     one line a key: ROLE NAME PUBLIC-KEY; # starts a comment
 * The list is read again by rubor_zap_reload (SIGHUP). A connection that is open already stays open, but
 * every message is checked against the list of the moment (rubor_zap_role), so a removed key can do nothing.
 */
#ifndef RUBOR_BROKER_ZAP_H
#define RUBOR_BROKER_ZAP_H

#include "protocol/messages.h"

typedef struct rubor_zap rubor_zap;

/* Starts the handler's thread in context. Call before binding. RUBOR_NOT_FOUND, RUBOR_CORRUPT (names file and
 * line), RUBOR_FORBIDDEN (the secret can be read by others). */
rubor_status rubor_zap_create(rubor_zap **out, void *context, const char *folder, rubor_error *error);
void rubor_zap_destroy(rubor_zap **zap);
/* The old list stays when the new one cannot be read. */
rubor_status rubor_zap_reload(rubor_zap *zap, rubor_error *error);
/* Makes socket a CURVE server with the broker's key; before bind. */
rubor_status rubor_zap_apply(const rubor_zap *zap, void *socket, rubor_error *error);
/* Role of the key that CURVE named user (the User-Id of a message); RUBOR_ROLE_NONE when it is not on the
 * list. */
rubor_role rubor_zap_role(rubor_zap *zap, const char *user, char name[RUBOR_NAME_SIZE]);
int64_t rubor_zap_refusals(const rubor_zap *zap);

/* Makes keys in folder for name: name.secret and name.public, a line in authorized, and broker's pair when it
 * is not there. The folder folder/name holds what the client needs (its secret and broker.public), to be
 * handed over. RUBOR_CONFLICT when name has a key already. */
rubor_status rubor_keys_make(const char *folder, rubor_role role, const char *name, rubor_error *error);

#endif
