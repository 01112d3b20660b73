#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>
#include <stdlib.h>

static int run(const rubor_client_options *client, const char *job)
{
    rubor_error error = {0};
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    rubor_request *request = calloc(1, sizeof *request);
    int code = RUBOR_EXIT_FAULT;
    if (!reply || !request) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        code = rubor_fail("cancel", &error);
    } else if (!rubor_job_well_formed(job)) {
        rubor_error_set(&error, RUBOR_NOT_FOUND, "there is no job \"%.60s\"", job);
        code = rubor_fail("cancel", &error);
    } else {
        rubor_request_init(request, RUBOR_VERB_CANCEL);
        snprintf(request->job, sizeof request->job, "%s", job);
        code = rubor_service_call("cancel", client, request, reply);
        if (code == RUBOR_EXIT_DONE)
            printf("job %s: %s\n", job, reply->body.has_job ? reply->body.job.state : "canceled");
    }
    if (reply)
        rubor_client_reply_finish(reply);
    free(reply);
    free(request);
    return code;
}

int rubor_cmd_cancel(int argc, char **argv)
{
    rubor_client_options client = {0};
    const struct poptOption table[] = {RUBOR_CLIENT_OPTIONS(client), RUBOR_OPTIONS_END};
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "JOB",
                                   "Cancels a job that has not ended; its photo is kept.", 1, 1);
    if (code < 0)
        code = run(&client, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
