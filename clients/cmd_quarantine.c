#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>
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
    rubor_question *question = rubor_question_create("quarantine", RUBOR_VERB_QUARANTINE);
    if (!question)
        return RUBOR_EXIT_FAULT;
    snprintf(question->request.action, sizeof question->request.action, "%s", action);
    int code = job ? rubor_question_about_job(question, job) : RUBOR_EXIT_DONE;
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, client);
    if (code == RUBOR_EXIT_DONE && !job)
        print_list(&question->reply.body);
    else if (code == RUBOR_EXIT_DONE)
        printf("job %s: %s\n", job, strcmp(action, "retry") == 0 ? "queued again" : "dropped");
    rubor_question_destroy(&question);
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
            code = rubor_usage("quarantine", list ? "list takes no job" : "%s needs a JOB; list shows them", action);
        else
            code = run(&client, action, job);
    }
    rubor_options_finish(&options);
    return code;
}
