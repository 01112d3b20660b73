#include "clients/commands.h"
#include "clients/filing_options.h"
#include "clients/service_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct amend_arguments {
    rubor_client_options client;
    rubor_filing_options filing;
    int withdraw;
} amend_arguments;

static rubor_status read_changes(rubor_request *request, const amend_arguments *arguments, rubor_error *error)
{
    const rubor_filing_options *given = &arguments->filing;
    rubor_filing *filing = malloc(sizeof *filing);
    if (!filing)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_filing_options_read(filing, given, error);
    bool nothing = !*filing->patient && !*filing->session && !*filing->view && filing->day == RUBOR_DAY_UNKNOWN &&
                   !given->region && !given->control;
    request->withdraw = arguments->withdraw != 0;
    if (status == RUBOR_OK && nothing != request->withdraw)
        status = rubor_error_set(
            error, RUBOR_INVALID,
            nothing ? "say what is to change: --patient, --session, --before, --day, --view, --region or --control, or"
                      " --withdraw"
                    : "--withdraw files the photo nowhere: give it alone");
    if (status == RUBOR_OK) {
        memcpy(request->patient, filing->patient, sizeof request->patient);
        memcpy(request->session, filing->session, sizeof request->session);
        memcpy(request->view, filing->view, sizeof request->view);
        request->day = filing->day;
        request->region = filing->region;
        request->control = filing->control;
    }
    free(filing);
    return status;
}

static int run(const amend_arguments *given, const char *job)
{
    rubor_error error = {0};
    rubor_question *question = rubor_question_create("amend", RUBOR_VERB_AMEND);
    if (!question)
        return RUBOR_EXIT_FAULT;
    int code = RUBOR_EXIT_DONE;
    if (read_changes(&question->request, given, &error) != RUBOR_OK)
        code = rubor_usage("amend", "%s", error.message);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_about_job(question, job);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, &given->client);
    if (code == RUBOR_EXIT_DONE && given->withdraw)
        printf("job %s: withdrawn, the photo is in no session any more; submit it again to bring it back\n", job);
    else if (code == RUBOR_EXIT_DONE && question->reply.body.has_job)
        printf("job %s: filed anew as job %s\n", job, question->reply.body.job.job);
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_amend(int argc, char **argv)
{
    amend_arguments given = {0};
    const struct poptOption table[] = {RUBOR_CLIENT_OPTIONS(given.client), RUBOR_FILING_OPTIONS(given.filing),
                                       RUBOR_OPTION_SWITCH("withdraw", &given.withdraw,
                                                           "take the photo out of its session; it stays stored"),
                                       RUBOR_OPTIONS_END};
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "JOB",
        "Files the photo of a job under the right patient, session, day or view, or gives it another region; what "
        "is\nnot given stays. It is measured again. A region given to a photo before treatment counts for all "
        "its visits.",
        1, 1);
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
