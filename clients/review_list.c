#include "clients/review_list.h"

#include "clients/clock.h"
#include "clients/json.h"
#include "clients/utf8.h"

#include <stdlib.h>
#include <string.h>

typedef struct session_list {
    rubor_session_info *rows;
    size_t count, room;
} session_list;

static rubor_status add(session_list *list, const rubor_session_info *session, rubor_error *error)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        void *more = realloc(list->rows, room * sizeof *list->rows);
        if (!more)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        list->rows = more;
        list->room = room;
    }
    list->rows[list->count++] = *session;
    return RUBOR_OK;
}

static rubor_status load(session_list *list, rubor_client *client, rubor_request *request, const char *patient,
                         rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    for (int64_t after = 0; status == RUBOR_OK;) {
        rubor_client_reply got = {0};
        rubor_request_init(request, RUBOR_VERB_LIST);
        snprintf(request->what, sizeof request->what, "sessions");
        snprintf(request->patient, sizeof request->patient, "%s", patient ? patient : "");
        request->after = after;
        status = rubor_client_call(client, &got, request, NULL, 0, 0, error);
        for (size_t i = 0; status == RUBOR_OK && i < got.body.session_count; i++)
            status = add(list, &got.body.sessions[i], error);
        after = got.body.next;
        rubor_client_reply_finish(&got);
        if (!after)
            break;
    }
    return status;
}

/* What the store has not kept a worker makes. */
static rubor_status summarize(rubor_session_info *row, rubor_client *client, rubor_request *request, rubor_error *error)
{
    rubor_client_reply series = {0};
    if (row->summary.urgency[0])
        return RUBOR_OK;
    rubor_summarize(&row->summary, NULL, NULL, 0);
    if (!row->photos)
        return RUBOR_OK;
    rubor_request_init(request, RUBOR_VERB_SERIES);
    memcpy(request->patient, row->patient, sizeof request->patient);
    memcpy(request->session, row->session, sizeof request->session);
    rubor_status status = rubor_client_call(client, &series, request, NULL, 0, 0, error);
    if (status == RUBOR_OK)
        row->summary = series.body.summary;
    rubor_client_reply_finish(&series);
    return status;
}

/* The most urgent first, then the latest photo first. */
static int compare(const void *left, const void *right)
{
    const rubor_session_info *a = left, *b = right;
    int more = rubor_urgency_rank(b->summary.urgency) - rubor_urgency_rank(a->summary.urgency);
    return more ? more : (a->last_ms < b->last_ms) - (a->last_ms > b->last_ms);
}

static void print_row(const rubor_session_info *row)
{
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE], date[RUBOR_CLOCK_DATE_SIZE] = "-";
    rubor_utf8_clean(patient, sizeof patient, row->patient);
    rubor_utf8_clean(session, sizeof session, row->session);
    if (row->last_ms)
        rubor_clock_date(date, row->last_ms);
    const char *signs = row->summary.signs;
    int length = (int)strlen(row->summary.headline) - (*signs != '\0'); /* "a look." becomes "a look: rebound ..." */
    printf("%-7s %-16s %-12s %6lld  %-10s  %.*s%s%s\n", row->summary.urgency, patient, session,
           (long long)row->photos, date, length, row->summary.headline, *signs ? ": " : "", signs);
}

static rubor_status print_json(const session_list *list, rubor_error *error)
{
    json_t *out = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const rubor_session_info *row = &list->rows[i];
        json_array_append_new(
            out, json_pack("{s:o,s:o,s:I,s:I,s:s,s:s,s:o}", "patient", rubor_json_text(row->patient), "session",
                           rubor_json_text(row->session), "photos", (json_int_t)row->photos, "last_ms",
                           (json_int_t)row->last_ms, "urgency", row->summary.urgency,
                           "headline", row->summary.headline, "signs", rubor_json_text(row->summary.signs)));
    }
    rubor_status status = rubor_json_print(stdout, out, RUBOR_JSON_INDENTED, error);
    json_decref(out);
    return status;
}

rubor_status rubor_review_list(rubor_client *client, const char *patient, bool json, rubor_error *error)
{
    session_list list = {0};
    rubor_request *request = calloc(1, sizeof *request);
    rubor_status status = request ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK)
        status = load(&list, client, request, patient, error);
    if (status == RUBOR_OK && !list.count && patient)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "patient %s has no session; ids are case-sensitive", patient);
    for (size_t i = 0; status == RUBOR_OK && i < list.count; i++)
        status = summarize(&list.rows[i], client, request, error);
    if (status == RUBOR_OK && list.count)
        qsort(list.rows, list.count, sizeof *list.rows, compare);
    if (status == RUBOR_OK && json) {
        status = print_json(&list, error);
    } else if (status == RUBOR_OK) {
        printf("%-7s %-16s %-12s %6s  %-10s  %s\n", "urgency", "patient", "session", "photos", "latest", "how it stands");
        for (size_t i = 0; i < list.count; i++)
            print_row(&list.rows[i]);
    }
    free(list.rows);
    free(request);
    return status;
}
