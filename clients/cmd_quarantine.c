#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_list(const rubor_reply *reply)
{
    for (size_t i = 0; i < reply->job_count; i++) {
        const rubor_job_info *job = &reply->jobs[i];
        printf("%s  photo %.16s  attempts %d  %s\n", job->job, job->digest, job->attempts, job->error);
    }
    if (reply->job_count == 0)
        puts("nothing is quarantined");
}

static int run(const rubor_client_options *client, const char *action, const char *job)
{
    rubor_error error = {0};
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    rubor_request *request = calloc(1, sizeof *request);
    int code;
    if (!reply || !request) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        code = rubor_fail("quarantine", &error);
    } else if (job && !rubor_job_well_formed(job)) {
        rubor_error_set(&error, RUBOR_NOT_FOUND, "there is no job \"%.60s\"", job);
        code = rubor_fail("quarantine", &error);
    } else {
        rubor_request_init(request, RUBOR_VERB_QUARANTINE);
        snprintf(request->action, sizeof request->action, "%s", action);
        snprintf(request->job, sizeof request->job, "%s", job ? job : "");
        code = rubor_service_call("quarantine", client, request, reply);
        if (code == RUBOR_EXIT_DONE && !job)
            print_list(&reply->body);
        else if (code == RUBOR_EXIT_DONE)
            printf("job %s: %s\n", job, strcmp(action, "retry") == 0 ? "queued again" : "dropped");
    }
    if (reply)
        rubor_client_reply_finish(reply);
    free(reply);
    free(request);
    return code;
}

int rubor_cmd_quarantine(int argc, char **argv)
{
    rubor_client_options client = {0};
    const struct poptOption table[] = {RUBOR_CLIENT_OPTIONS(client), RUBOR_OPTIONS_END};
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "list | retry JOB | drop JOB",
        "Photos that ended three workers: lists them, tries one again, or drops it.", 1, 2);
    if (code < 0) {
        const char *action = options.arguments[0],
                   *job = options.argument_count > 1 ? options.arguments[1] : NULL;
        bool list = strcmp(action, "list") == 0;
        bool known = list || strcmp(action, "retry") == 0 || strcmp(action, "drop") == 0;
        if (!known)
            code = rubor_usage("quarantine", "\"%.60s\" is no action; use list, retry or drop", action);
        else if (list == (job != NULL))
            code = rubor_usage("quarantine", list ? "list takes no job" : "which job?");
        else
            code = run(&client, action, job);
    }
    rubor_options_finish(&options);
    return code;
}
