/* The commands that ask the broker one thing and print what it says. */
#ifndef RUBOR_CLIENTS_SERVICE_CALLS_H
#define RUBOR_CLIENTS_SERVICE_CALLS_H

#include "clients/mdp_client.h"

/* Connects, calls and prints the error, if any, as "rubor <command>: ...". *reply is to be finished by the
 * caller in every case. The result is an exit code. */
int rubor_service_call(const char *command, const rubor_client_options *options, rubor_request *request,
                       rubor_client_reply *reply);

/* A job id is 1 to 32 of [0-9a-z]; another text is a job that nobody knows. */
bool rubor_job_well_formed(const char *job);

#endif
