#include "clients/commands.h"
#include "clients/filing.h"
#include "clients/options.h"
#include "clients/service_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct amend_arguments {
    rubor_client_options client;
    char *patient, *session, *day, *view, *region, *control;
    int before;
} amend_arguments;

static rubor_status read_changes(rubor_filing *filing, const amend_arguments *given, rubor_error *error)
{
    rubor_filing_init(filing);
    rubor_status status = RUBOR_OK;
    if (given->patient)
        status = rubor_filing_set(filing, "patient", given->patient, error);
    if (status == RUBOR_OK && given->session)
        status = rubor_filing_set(filing, "session", given->session, error);
    if (status == RUBOR_OK && given->view)
        status = rubor_filing_set(filing, "view", given->view, error);
    if (status == RUBOR_OK && given->before && given->day)
        status = rubor_error_set(error, RUBOR_INVALID, "--before and --day exclude each other");
    if (status == RUBOR_OK && given->before)
        filing->day = RUBOR_DAY_BEFORE;
    if (status == RUBOR_OK && given->day) {
        long day = 0;
        status = rubor_parse_integer(&day, "day", given->day, 0, RUBOR_DAY_LAST, error);
        filing->day = (int)day;
    }
    if (status == RUBOR_OK && given->region)
        status = rubor_polygon_parse(&filing->region, given->region, error);
    if (status == RUBOR_OK && given->control)
        status = rubor_polygon_parse(&filing->control, given->control, error);
    bool nothing = !*filing->patient && !*filing->session && !*filing->view && filing->day == RUBOR_DAY_UNKNOWN &&
                   !given->region && !given->control;
    if (status == RUBOR_OK && nothing)
        status = rubor_error_set(error, RUBOR_INVALID,
                                 "say what is to change: --patient, --session, --day, --view, --region or --control");
    return status;
}

static int ask(const amend_arguments *given, const rubor_filing *filing, const char *job,
               rubor_request *request, rubor_client_reply *reply)
{
    rubor_error error = {0};
    if (!rubor_job_well_formed(job)) {
        rubor_error_set(&error, RUBOR_NOT_FOUND, "there is no job \"%.60s\"", job);
        return rubor_fail("amend", &error);
    }
    rubor_request_init(request, RUBOR_VERB_AMEND);
    snprintf(request->job, sizeof request->job, "%s", job);
    memcpy(request->patient, filing->patient, sizeof request->patient);
    memcpy(request->session, filing->session, sizeof request->session);
    memcpy(request->view, filing->view, sizeof request->view);
    request->day = filing->day;
    request->region = filing->region;
    request->control = filing->control;
    int code = rubor_service_call("amend", &given->client, request, reply);
    if (code == RUBOR_EXIT_DONE && reply->body.has_job)
        printf("job %s: filed anew as job %s\n", job, reply->body.job.job);
    return code;
}

static int run(const amend_arguments *given, const char *job)
{
    rubor_error error = {0};
    rubor_filing *filing = calloc(1, sizeof *filing);
    rubor_request *request = calloc(1, sizeof *request);
    rubor_client_reply *reply = calloc(1, sizeof *reply);
    int code;
    if (!filing || !request || !reply) {
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        code = rubor_fail("amend", &error);
    } else if (read_changes(filing, given, &error) != RUBOR_OK) {
        code = rubor_usage("amend", "%s", error.message);
    } else {
        code = ask(given, filing, job, request, reply);
    }
    if (reply)
        rubor_client_reply_finish(reply);
    free(reply);
    free(request);
    free(filing);
    return code;
}

int rubor_cmd_amend(int argc, char **argv)
{
    amend_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("patient", &given.patient, "the right patient", "P"),
        RUBOR_OPTION_TEXT("session", &given.session, "the right treatment session", "S"),
        RUBOR_OPTION_SWITCH("before", &given.before, "it was taken before treatment"),
        RUBOR_OPTION_TEXT("day", &given.day, "the right day, 0 to 3650", "N"),
        RUBOR_OPTION_TEXT("view", &given.view, "the right view", "V"),
        RUBOR_OPTION_TEXT("region", &given.region, "the treated region; on a photo before treatment all visits follow", "POLY"),
        RUBOR_OPTION_TEXT("control", &given.control, "untreated skin, likewise", "POLY"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code =
        rubor_options_parse(&options, argc, argv, table, "JOB",
                            "Files the photo of a job under the right patient, session, day or view, or gives it "
                            "another region; it is measured again.",
                            1, 1);
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
