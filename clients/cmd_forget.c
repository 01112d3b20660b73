#include "clients/commands.h"
#include "clients/filing.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>
#include <stdlib.h>

static int run(const rubor_client_options *client, const char *patient)
{
    rubor_error error = {0};
    rubor_filing *filing = calloc(1, sizeof *filing);
    rubor_request *request = calloc(1, sizeof *request);
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    int code;
    if (!filing || !request || !reply) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        code = rubor_fail("forget", &error);
    } else if (rubor_filing_set(filing, "patient", patient, &error) != RUBOR_OK) {
        code = rubor_usage("forget", "%s", error.message);
    } else {
        rubor_request_init(request, RUBOR_VERB_FORGET);
        snprintf(request->patient, sizeof request->patient, "%s", patient);
        request->confirm = true;
        code = rubor_service_call("forget", client, request, reply);
        if (code == RUBOR_EXIT_DONE)
            printf("forgotten: %lld jobs and %lld photos are gone; the audit log says so\n",
                   (long long)reply->body.removed_jobs, (long long)reply->body.removed_photos);
    }
    if (reply)
        rubor_client_reply_finish(reply);
    free(reply);
    free(request);
    free(filing);
    return code;
}

int rubor_cmd_forget(int argc, char **argv)
{
    rubor_client_options client = {0};
    char *patient = NULL;
    int yes = 0;
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(client),
        RUBOR_OPTION_TEXT("patient", &patient, "whom to forget", "P"),
        RUBOR_OPTION_SWITCH("yes", &yes, "really: photos, results and notes cannot be brought back"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "",
        "Deletes a patient's photos, results, sessions and notes everywhere; an audit line "
        "stays.",
        0, 0);
    if (code < 0 && !patient)
        code = rubor_usage(argv[0], "--patient is missing");
    if (code < 0 && !yes)
        code = rubor_usage(argv[0], "nothing was deleted: add --yes to delete everything of this patient");
    if (code < 0)
        code = run(&client, patient);
    rubor_options_finish(&options);
    return code;
}
