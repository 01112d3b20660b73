#include "clients/commands.h"
#include "clients/json.h"
#include "clients/mdp_client.h"
#include "clients/options.h"
#include "clients/report.h"
#include "clients/review_export.h"
#include "clients/review_list.h"
#include "clients/review_model.h"
#include "clients/review_pictures.h"
#include "clients/review_sentence.h"

#include <stdlib.h>
#include <string.h>

typedef struct review_arguments {
    rubor_client_options client;
    char *patient, *session, *html, *pdf, *csv, *fhir;
    int json;
} review_arguments;

static rubor_status ask(rubor_client *client, rubor_client_reply *reply, rubor_verb verb,
                        const review_arguments *given, rubor_error *error)
{
    rubor_request *request = calloc(1, sizeof *request);
    if (!request)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_request_init(request, verb);
    snprintf(request->patient, sizeof request->patient, "%s", given->patient);
    snprintf(request->session, sizeof request->session, "%s", given->session);
    rubor_status status = rubor_client_call(client, reply, request, NULL, 0, 0, error);
    free(request);
    return status;
}

/* rubor_picture_source's; context is the client. */
static rubor_status call(void *context, rubor_client_reply *reply, rubor_request *request, rubor_error *error)
{
    return rubor_client_call(context, reply, request, NULL, 0, 0, error);
}

static rubor_status write_file(const char *path, rubor_buffer *buffer, rubor_error *error)
{
    rubor_status status = rubor_file_write(path, buffer->data, buffer->size, error);
    rubor_buffer_finish(buffer);
    return status;
}

static rubor_status export(const review_arguments *given, rubor_client *client, const rubor_reply *series,
                           const json_t *model, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    rubor_buffer buffer = {0};
    const rubor_picture_source source = {call, client};
    if (given->csv && (status = rubor_review_csv(&buffer, model, error)) == RUBOR_OK)
        status = write_file(given->csv, &buffer, error);
    if (status == RUBOR_OK && given->fhir && (status = rubor_review_fhir(&buffer, model, error)) == RUBOR_OK)
        status = write_file(given->fhir, &buffer, error);
    if (status == RUBOR_OK && given->html &&
        (status = rubor_review_html_whole(&buffer, model, series, &source, error)) == RUBOR_OK)
        status = write_file(given->html, &buffer, error);
    if (status == RUBOR_OK && given->pdf &&
        (status = rubor_review_pdf_whole(&buffer, model, series, &source, error)) == RUBOR_OK)
        status = write_file(given->pdf, &buffer, error);
    return status;
}

static void print_flags(const rubor_record *record, int day)
{
    for (int i = 0; i < record->flag_count; i++) {
        char words[RUBOR_FLAG_WORDS_SIZE];
        rubor_review_flag(words, record->flags[i], day);
        printf("%s%s", i ? ", " : "", words);
    }
    for (int i = 0; i < record->quality.reason_count; i++)
        printf("%s%s", i || record->flag_count ? ", " : "", record->quality.reasons[i].code);
}

static void print_score(const rubor_score *score)
{
    char value[32], low[32], high[32];
    printf(" %6s (%5s to %5s) ", rubor_report_number(value, score->score, 2, 1),
           rubor_report_number(low, score->interval95[0], 2, 1), rubor_report_number(high, score->interval95[1], 2, 1));
}

static void print_table(const rubor_reply *series)
{
    printf("%-8s %-8s  %-23s %-23s %-8s %s\n", "day", "view", "redness (95 %)", "pigmentation (95 %)", "verdict",
           "flags and reasons");
    for (size_t i = 0; i < series->job_count; i++) {
        const rubor_job_info *job = &series->jobs[i];
        if (job->day == RUBOR_DAY_BEFORE)
            printf("%-8s %-8s ", "before", job->view);
        else
            printf("%-8d %-8s ", job->day, job->view);
        /* The numbers of a photo that must be taken again or was compared with none are in the JSON, but nothing to be
         * read off a table. */
        bool compared = job->record && strcmp(job->record->reference, "baseline") == 0 &&
                        strcmp(job->record->quality.verdict, "retake") != 0;
        if (!compared) {
            char what[4 * RUBOR_SENTENCE_SIZE];
            rubor_review_sentence(what, sizeof what, job, series->jobs, series->job_count);
            printf("%s\n", what);
            continue;
        }
        print_score(&job->record->redness);
        print_score(&job->record->pigmentation);
        printf("%-8s ", job->record->quality.verdict);
        print_flags(job->record, job->day);
        if (*job->also_filed)
            printf("%salso filed under %s", job->record->flag_count || job->record->quality.reason_count ? ", " : "",
                   job->also_filed);
        putchar('\n');
    }
    const rubor_series *found = series->series;
    for (int i = 0; found && i < found->flag_count; i++)
        printf("%s (%s): %s\n", found->flags[i].code, found->flags[i].view, found->flags[i].message);
    puts(series->summary.headline);
}

static int list(const review_arguments *given)
{
    rubor_error error = {0};
    rubor_client *client = NULL;
    rubor_status status = rubor_client_create(&client, &given->client, &error);
    if (status == RUBOR_OK)
        status = rubor_review_list(client, given->patient, given->json != 0, &error);
    rubor_client_destroy(&client);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("review", &error);
}

static int run(const review_arguments *given)
{
    rubor_error error = {0};
    rubor_client *client = NULL;
    rubor_client_reply series = {0}, session = {0};
    json_t *model = NULL;
    rubor_status status = rubor_client_create(&client, &given->client, &error);
    if (status == RUBOR_OK)
        status = ask(client, &series, RUBOR_VERB_SERIES, given, &error);
    /* What is known of the treatment is welcome but not needed. */
    if (status == RUBOR_OK && ask(client, &session, RUBOR_VERB_SESSION, given, NULL) != RUBOR_OK)
        session.body.session_count = 0;
    if (status == RUBOR_OK)
        status = rubor_review_model(&model, &series.body, session.body.session_count ? session.body.sessions : NULL,
                                    &error);
    if (status == RUBOR_OK)
        status = export(given, client, &series.body, model, &error);
    if (status == RUBOR_OK && given->json)
        status = rubor_json_print(stdout, model, RUBOR_JSON_INDENTED, &error);
    else if (status == RUBOR_OK)
        print_table(&series.body);
    json_decref(model);
    rubor_client_reply_finish(&series);
    rubor_client_reply_finish(&session);
    rubor_client_destroy(&client);
    return status == RUBOR_OK ? RUBOR_EXIT_DONE : rubor_fail("review", &error);
}

int rubor_cmd_review(int argc, char **argv)
{
    review_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("patient", &given.patient, "pseudonymous id of the patient", "P"),
        RUBOR_OPTION_TEXT("session", &given.session, "the treatment session", "S"),
        RUBOR_OPTION_SWITCH("json", &given.json, "print the review as JSON"),
        RUBOR_OPTION_TEXT("html", &given.html, "write one self-contained page", "F"),
        RUBOR_OPTION_TEXT("pdf", &given.pdf, "write two pages for the patient record", "F"),
        RUBOR_OPTION_TEXT("csv", &given.csv, "write every number as a table", "F"),
        RUBOR_OPTION_TEXT("fhir", &given.fhir, "write a FHIR R4 bundle", "F"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "",
                                   "Shows one treatment over its days: redness and pigmentation against the photo "
                                   "before treatment, and what is unusual.\nWithout --session: how every session (of "
                                   "--patient, or of all) stands, the most urgent first.",
                                   0, 0);
    bool files = given.html || given.pdf || given.csv || given.fhir;
    if (code < 0 && ((given.session && !given.patient) || (files && !given.session)))
        code = rubor_usage("review", "needs --patient and --session");
    if (code < 0)
        code = given.session ? run(&given) : list(&given);
    rubor_options_finish(&options);
    return code;
}
