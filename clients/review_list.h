/* `rubor review` without a session: how every session stands, the most urgent first. */
#ifndef RUBOR_CLIENTS_REVIEW_LIST_H
#define RUBOR_CLIENTS_REVIEW_LIST_H

#include "clients/mdp_client.h"

/* patient NULL: of all patients. Prints a line each, or with json one array. */
rubor_status rubor_review_list(rubor_client *client, const char *patient, bool json, rubor_error *error);

#endif
