/* CURVE keys of a client, as `rubor keygen` lays them out. */
#ifndef RUBOR_CLIENTS_CLIENT_KEYS_H
#define RUBOR_CLIENTS_CLIENT_KEYS_H

#include "imaging/status.h"

/* Makes socket a CURVE client of the broker whose public key is in folder/broker.public, with the one key
 * pair of folder whose secret is in folder/<name>.secret (0600 or 0400, or it is refused). Both files hold 40
 * characters of Z85 on one line. RUBOR_NOT_FOUND, RUBOR_CORRUPT, RUBOR_FORBIDDEN; secrets are in no message.
 */
rubor_status rubor_client_keys_apply(void *socket, const char *folder, rubor_error *error);

#endif
