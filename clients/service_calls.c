#include "clients/service_calls.h"

#include "clients/commands.h"

#include <string.h>

int rubor_service_call(const char *command, const rubor_client_options *options, rubor_request *request,
                       rubor_client_reply *reply)
{
    rubor_error error = {0};
    rubor_client *client = NULL;
    memset(reply, 0, sizeof *reply);
    rubor_status status = rubor_client_create(&client, options, &error);
    if (status == RUBOR_OK)
        status = rubor_client_call(client, reply, request, NULL, 0, 0, &error);
    rubor_client_destroy(&client);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail(command, &error);
}

bool rubor_job_well_formed(const char *job)
{
    size_t length = strlen(job);
    return length > 0 && length < RUBOR_JOB_SIZE &&
           strspn(job, "0123456789abcdefghijklmnopqrstuvwxyz") == length;
}
