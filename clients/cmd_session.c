#include "clients/commands.h"
#include "clients/filing_options.h"
#include "clients/json.h"
#include "clients/service_calls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct session_arguments {
    rubor_client_options client;
    char *patient, *session, *date, *site, *needle_mm, *device;
    int json;
} session_arguments;

static int number_of(const char *text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++)
        value = 10 * value + (text[i] - '0');
    return value;
}

static rubor_status read_date(char out[RUBOR_DATE_SIZE], const char *text, rubor_error *error)
{
    bool good = strlen(text) == 10 && text[4] == '-' && text[7] == '-';
    for (size_t i = 0; good && i < 10; i++)
        good = i == 4 || i == 7 || (text[i] >= '0' && text[i] <= '9');
    if (good) { /* a day that the calendar does not have comes back as another one */
        struct tm day = {.tm_year = number_of(text, 4) - 1900,
                         .tm_mon = number_of(text + 5, 2) - 1,
                         .tm_mday = number_of(text + 8, 2)},
                  same = day;
        good = timegm(&same) != -1 && same.tm_mon == day.tm_mon && same.tm_mday == day.tm_mday;
    }
    if (!good)
        return rubor_error_set(error, RUBOR_INVALID, "--date %.40s: give a day of the calendar as YYYY-MM-DD",
                               text);
    snprintf(out, RUBOR_DATE_SIZE, "%s", text);
    return RUBOR_OK;
}

static rubor_status fill(rubor_request *request, const session_arguments *given, rubor_error *error)
{
    bool put = given->date || given->site || given->needle_mm || given->device;
    snprintf(request->action, sizeof request->action, "%s", put ? "put" : "get");
    const struct {
        const char *option, *text;
        char *to;
        bool needed;
    } names[] = {{"patient", given->patient, request->patient, true},
                 {"session", given->session, request->session, true},
                 {"site", given->site, request->site, false},
                 {"device", given->device, request->device, false}};
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; status == RUBOR_OK && i < sizeof names / sizeof names[0]; i++) {
        if (names[i].text)
            status = rubor_name_copy(names[i].to, RUBOR_NAME_SIZE, names[i].option, names[i].text, error);
        else if (names[i].needed)
            status = rubor_error_set(error, RUBOR_INVALID, "--%s is missing", names[i].option);
    }
    if (status == RUBOR_OK && given->date)
        status = read_date(request->date, given->date, error);
    if (status == RUBOR_OK && given->needle_mm)
        status = rubor_parse_number(&request->needle_mm, "needle-mm", given->needle_mm, 0.05, 10, error);
    return status;
}

static rubor_status print_session(const rubor_session_info *session, bool json, rubor_error *error)
{
    char needle[32];
    if (json) {
        json_t *out =
            json_pack("{so,so,so,so,so,so,sI}", "patient", rubor_json_text(session->patient), "session",
                      rubor_json_text(session->session), "date", rubor_json_text(session->date), "site",
                      rubor_json_text(session->site), "device", rubor_json_text(session->device), "needle_mm",
                      rubor_json_number(session->needle_mm, 3), "photos", (json_int_t)session->photos);
        rubor_status status = rubor_json_print(stdout, out, RUBOR_JSON_LINE, error);
        json_decref(out);
        return status;
    }
    if (isfinite(session->needle_mm))
        snprintf(needle, sizeof needle, "%g mm", session->needle_mm);
    else
        snprintf(needle, sizeof needle, "-");
    printf("%s %s: date %s, site %s, needle %s, device %s, %lld photos\n", session->patient, session->session,
           *session->date ? session->date : "-", *session->site ? session->site : "-", needle,
           *session->device ? session->device : "-", (long long)session->photos);
    return RUBOR_OK;
}

static int run(const session_arguments *given)
{
    rubor_error error = {0};
    rubor_question *question = rubor_question_create("session", RUBOR_VERB_SESSION);
    if (!question)
        return RUBOR_EXIT_FAULT;
    int code = RUBOR_EXIT_DONE;
    if (fill(&question->request, given, &error) != RUBOR_OK)
        code = rubor_usage("session", "%s", error.message);
    if (code == RUBOR_EXIT_DONE)
        code = rubor_question_ask(question, &given->client);
    const rubor_reply *told = &question->reply.body;
    for (size_t i = 0; code == RUBOR_EXIT_DONE && i < told->session_count; i++)
        if (print_session(&told->sessions[i], given->json != 0, &error) != RUBOR_OK)
            code = rubor_fail("session", &error);
    rubor_question_destroy(&question);
    return code;
}

int rubor_cmd_session(int argc, char **argv)
{
    session_arguments given = {0};
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_PATIENT(&given.patient),
        RUBOR_OPTION_SESSION(&given.session),
        RUBOR_OPTION_TEXT("date", &given.date, "day of treatment", "YYYY-MM-DD"),
        RUBOR_OPTION_TEXT("site", &given.site, "body site", "TEXT"),
        RUBOR_OPTION_TEXT("needle-mm", &given.needle_mm, "depth of the needles in mm", "X"),
        RUBOR_OPTION_TEXT("device", &given.device, "device used", "TEXT"),
        RUBOR_OPTION_SWITCH("json", &given.json, "print the session as JSON"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "",
                                   "Keeps what is known about a treatment session (what is given replaces what was kept), and shows it.\nNeeds --patient and --session.", 0, 0);
    if (code < 0)
        code = run(&given);
    rubor_options_finish(&options);
    return code;
}
