#include "clients/commands.h"
#include "clients/json.h"
#include "clients/options.h"
#include "clients/report.h"
#include "clients/service_calls.h"

#include <string.h>

typedef struct result_arguments {
    rubor_client_options client;
    char *wait;
    int json;
} result_arguments;

static rubor_status print_job(const rubor_job_info *job, bool json, rubor_error *error)
{
    if (!json) {
        printf("%-14s%s, %s, attempts %d\n", "job", job->job, job->state, job->attempts);
        if (*job->superseded_by)
            printf("%-14s%s\n", "replaced by", job->superseded_by);
        if (*job->error)
            printf("%-14s%s\n", "error", job->error);
        if (job->record)
            rubor_report_record(stdout, job->digest, job->record, job->day);
        return fflush(stdout) == 0 ? RUBOR_OK
                                   : rubor_error_set(error, RUBOR_IO, "the result could not be written");
    }
    json_t *out = json_pack("{so,so,si,so,so,so,so,sb}", "job", rubor_json_text(job->job), "state",
                            rubor_json_text(job->state), "attempts", job->attempts, "result",
                            job->record ? rubor_json_record(job->record) : json_null(), "error",
                            rubor_json_text(job->error), "digest", rubor_json_text(job->digest),
                            "superseded_by", rubor_json_text(job->superseded_by), "current", job->current);
    rubor_status status = rubor_json_print(stdout, out, RUBOR_JSON_LINE, error);
    json_decref(out);
    return status;
}

/* A failed job is told whole, and by the exit code. */
static int tell(const rubor_job_info *job, bool json)
{
    rubor_error error = {0};
    if (print_job(job, json, &error) != RUBOR_OK)
        return rubor_fail("result", &error);
    bool failed = strcmp(job->state, "failed") == 0 || strcmp(job->state, "quarantined") == 0;
    if (failed) {
        rubor_error_set(&error, RUBOR_CRASHED, "job %s %s: %s", job->job, job->state,
                        *job->error ? job->error : rubor_status_text(job->status));
        rubor_fail("result", &error);
        return RUBOR_EXIT_FAILED;
    }
    return RUBOR_EXIT_DONE;
}

static int run(const result_arguments *given, const char *job)
{
    rubor_error error = {0};
    long wait_s = 0;
    if (given->wait && rubor_parse_integer(&wait_s, "wait", given->wait, 0, 86400, &error) != RUBOR_OK)
        return rubor_usage("result", "%s", error.message);
    rubor_question *question = rubor_question_create("result", RUBOR_VERB_RESULT);
    if (!question)
        return RUBOR_EXIT_FAULT;
    question->request.wait_s = wait_s;
    int code = rubor_question_about_job(question, job);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, &given->client);
    if (code == RUBOR_EXIT_DONE && question->reply.body.has_job)
        code = tell(&question->reply.body.job, given->json != 0);
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_result(int argc, char **argv)
{
    result_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("wait", &given.wait, "wait so many seconds for the job to end (default: 0)",
                          "SECONDS"),
        RUBOR_OPTION_SWITCH("json", &given.json, "print the job as JSON"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "JOB",
                                   "Asks how a job stands and for its result.", 1, 1);
    if (code < 0)
        code = run(&given, options.arguments[0]);
    rubor_options_finish(&options);
    return code;
}
