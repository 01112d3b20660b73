#include "clients/commands.h"
#include "clients/filing_options.h"
#include "clients/service_calls.h"

#include <stdio.h>

static int run(const rubor_client_options *client, const char *patient, bool unsent)
{
    rubor_error error = {0};
    rubor_question *question = rubor_question_create("forget", RUBOR_VERB_FORGET);
    if (!question)
        return RUBOR_EXIT_FAULT;
    rubor_request *request = &question->request;
    int code = RUBOR_EXIT_DONE;
    request->confirm = true;
    request->unsent = unsent;
    if (rubor_name_copy(request->patient, sizeof request->patient, "patient", patient, &error) != RUBOR_OK)
        code = rubor_usage("forget", "%s", error.message);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, client);
    if (code == RUBOR_EXIT_DONE)
        printf("forgotten: %lld jobs and %lld photos are gone%s; the audit log says so\n",
               (long long)question->reply.body.removed_jobs, (long long)question->reply.body.removed_photos,
               unsent ? ", and photos taken until now are deleted at a station that sends them later" : "");
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_forget(int argc, char **argv)
{
    rubor_client_options client = {0};
    char *patient = NULL;
    int yes = 0, unsent = 0;
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(client),
        RUBOR_OPTION_PATIENT(&patient),
        RUBOR_OPTION_SWITCH("yes", &yes, "really: photos, results and notes cannot be brought back"),
        RUBOR_OPTION_SWITCH("unsent", &unsent, "also when nothing of this patient is here: a station still has the photos"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "",
        "Deletes a patient's photos, results, sessions and notes at the broker; an audit line stays. Photos that a "
        "station\nhas not sent yet, or that were refused, it deletes when it asks next, within an hour while\nit runs. Files in the camera's folder, archives and backups are "
        "yours to delete.",
        0, 0);
    if (code < 0 && !patient)
        code = rubor_usage(argv[0], "--patient is missing");
    if (code < 0 && !yes)
        code = rubor_usage(argv[0], "nothing was deleted: add --yes to delete everything of this patient");
    if (code < 0)
        code = run(&client, patient, unsent != 0);
    rubor_options_finish(&options);
    return code;
}
