#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>

static int run(const rubor_client_options *client, const char *job)
{
    rubor_question *question = rubor_question_create("cancel", RUBOR_VERB_CANCEL);
    if (!question)
        return RUBOR_EXIT_FAULT;
    const rubor_reply *told = &question->reply.body;
    int code = rubor_question_about_job(question, job);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, client);
    if (code == RUBOR_EXIT_DONE)
        printf("job %s: %s\n", job, told->has_job ? told->job.state : "canceled");
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_cancel(int argc, char **argv)
{
    rubor_client_options client = {0};
    const struct poptOption table[] = {RUBOR_CLIENT_OPTIONS(client), RUBOR_OPTIONS_END};
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "JOB",
                                   "Cancels a job that has not begun; its photo is kept.", 1, 1);
    if (code < 0)
        code = run(&client, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
