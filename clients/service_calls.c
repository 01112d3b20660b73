#include "clients/service_calls.h"

#include "clients/commands.h"

#include <stdlib.h>
#include <string.h>

rubor_question *rubor_question_create(const char *command, rubor_verb verb)
{
    rubor_question *question = calloc(1, sizeof *question);
    if (!question) {
        rubor_error error = {0};
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        rubor_fail(command, &error);
        return NULL;
    }
    question->command = command;
    rubor_request_init(&question->request, verb);
    return question;
}

void rubor_question_destroy(rubor_question **question)
{
    if (!question || !*question)
        return;
    rubor_client_reply_finish(&(*question)->reply);
    free(*question);
    *question = NULL;
}

/* A job id is 1 to 32 of [0-9a-z]; another text is a job that nobody knows. */
int rubor_question_about_job(rubor_question *question, const char *job)
{
    rubor_error error = {0};
    size_t length = strlen(job);
    if (length > 0 && length < sizeof question->request.job &&
        strspn(job, "0123456789abcdefghijklmnopqrstuvwxyz") == length) {
        memcpy(question->request.job, job, length + 1);
        return RUBOR_EXIT_DONE;
    }
    rubor_error_set(&error, RUBOR_NOT_FOUND, "there is no job \"%.60s\"", job);
    return rubor_fail(question->command, &error);
}

rubor_status rubor_question_call(rubor_question *question, const rubor_client_options *options,
                                 rubor_error *error)
{
    rubor_client *client = NULL;
    rubor_status status = rubor_client_create(&client, options, error);
    if (status == RUBOR_OK)
        status = rubor_client_call(client, &question->reply, &question->request, NULL, 0, 0, error);
    rubor_client_destroy(&client);
    return status;
}

int rubor_question_ask(rubor_question *question, const rubor_client_options *options)
{
    rubor_error error = {0};
    rubor_status status = rubor_question_call(question, options, &error);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail(question->command, &error);
}
