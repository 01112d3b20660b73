#include "clients/serve_api.h"

#include "clients/json.h"
#include "clients/review_export.h"
#include "clients/review_model.h"
#include "clients/review_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MOST = 20000, NOTES_MOST = 5000 }; /* in one answer */

static unsigned http_code_of(rubor_status status)
{
    switch (status) {
    case RUBOR_OK:
        return 200;
    case RUBOR_INVALID:
    case RUBOR_PROTOCOL:
        return 400;
    case RUBOR_FORBIDDEN:
        return 403;
    case RUBOR_NOT_FOUND:
        return 404;
    case RUBOR_CONFLICT:
        return 409;
    case RUBOR_TOO_LARGE:
        return 413;
    case RUBOR_BUSY:
    case RUBOR_UNREACHABLE:
        return 503;
    case RUBOR_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}

void rubor_web_refuse(rubor_web_reply *reply, rubor_status status, const char *message)
{
    rubor_buffer_finish(&reply->body);
    json_t *value = json_pack("{s:{s:s,s:o}}", "error", "code", rubor_status_name(status), "message",
                              rubor_json_text(message));
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    reply->http_code = http_code_of(status);
    snprintf(reply->type, sizeof reply->type, "application/json");
    if (text)
        reply->body = (rubor_buffer){(uint8_t *)text, strlen(text)};
}

rubor_status rubor_web_answer(rubor_web_reply *reply, json_t *value, rubor_error *error)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    reply->http_code = 200;
    snprintf(reply->type, sizeof reply->type, "application/json");
    reply->body = (rubor_buffer){(uint8_t *)text, strlen(text)};
    return RUBOR_OK;
}

/* ---- what the page sends, checked and put into a request ---- */

/* A text from the query (GET) or the body (POST). A needed one must be there and fit. */
static rubor_status text_of(const rubor_web_request *from, char *out, size_t size, const char *name, bool needed,
                            rubor_error *error)
{
    const char *text = from->body ? json_string_value(json_object_get(from->body, name))
                                  : from->argument(from->context, name);
    if (!text || !*text)
        return needed ? rubor_error_set(error, RUBOR_INVALID, "\"%s\" is missing", name) : RUBOR_OK;
    if (strlen(text) >= size)
        return rubor_error_set(error, RUBOR_INVALID, "\"%s\" is longer than %zu bytes", name, size - 1);
    snprintf(out, size, "%s", text);
    return RUBOR_OK;
}

static rubor_status treatment_of(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    rubor_status status = text_of(from, to->patient, sizeof to->patient, "patient", true, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->session, sizeof to->session, "session", true, error);
    return status;
}

/* "before", a whole number, or nothing. */
static rubor_status day_of(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    const json_t *day = json_object_get(from->body, "day");
    if (!day || json_is_null(day))
        return RUBOR_OK;
    if (json_is_string(day) && strcmp(json_string_value(day), "before") == 0) {
        to->day = RUBOR_DAY_BEFORE;
        return RUBOR_OK;
    }
    json_int_t number = json_integer_value(day);
    if (!json_is_integer(day) || number < 0 || number > RUBOR_DAY_LAST)
        return rubor_error_set(error, RUBOR_INVALID, "\"day\" must be \"before\" or a whole number from 0 to %d",
                               RUBOR_DAY_LAST);
    to->day = (int)number;
    return RUBOR_OK;
}

/* [[x, y], ...] in pixels of the photo; nothing when it is absent. The broker checks the shape. */
static rubor_status polygon_of(const rubor_web_request *from, rubor_polygon *to, const char *name, rubor_error *error)
{
    const json_t *points = json_object_get(from->body, name);
    if (!points || json_is_null(points))
        return RUBOR_OK;
    const size_t most = sizeof to->points / sizeof to->points[0];
    size_t count = json_array_size(points);
    if (count < 3 || count > most)
        return rubor_error_set(error, RUBOR_INVALID, "\"%s\" must have 3 to %zu corners", name, most);
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(points, i), *x = json_array_get(point, 0), *y = json_array_get(point, 1);
        if (!json_is_number(x) || !json_is_number(y))
            return rubor_error_set(error, RUBOR_INVALID, "\"%s\" must be pairs of numbers", name);
        to->points[i] = (rubor_point){json_number_value(x), json_number_value(y)};
    }
    to->count = count;
    return RUBOR_OK;
}

/* Sends what fill made of the HTTP request and gives the broker's reply to answer. */
typedef rubor_status filler(const rubor_web_request *from, rubor_request *to, rubor_error *error);

static rubor_status ask(const rubor_web_request *from, rubor_client_reply *reply, rubor_verb verb, filler *fill,
                        rubor_error *error)
{
    rubor_request *request = calloc(1, sizeof *request);
    if (!request)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_request_init(request, verb);
    rubor_status status = fill ? fill(from, request, error) : RUBOR_OK;
    /* Notes and corrections are kept under the name of who is logged in, not under the page's own key. */
    if (verb == RUBOR_VERB_NOTE || verb == RUBOR_VERB_AMEND || verb == RUBOR_VERB_SESSION || verb == RUBOR_VERB_FORGET)
        snprintf(request->author, sizeof request->author, "%s", from->user.name);
    if (status == RUBOR_OK)
        status = rubor_serve_call(from->pool, reply, request, error);
    free(request);
    return status;
}

/* ---- routes ---- */

static rubor_status get_me(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    return rubor_web_answer(reply,
                            json_pack("{s:o,s:s,s:s}", "name", rubor_json_text(request->user.name), "role",
                                      rubor_role_name(request->user.role), "version", RUBOR_VERSION),
                            error);
}

static json_t *summary_json(const rubor_summary *summary)
{
    return json_pack("{s:s,s:s,s:o}", "urgency", summary->urgency, "headline", summary->headline, "signs",
                     rubor_json_text(summary->signs));
}

/* "summary" is null where it is to be asked for. */
static bool add_session(json_t *list, const rubor_session_info *one)
{
    json_t *row = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o}", "patient", rubor_json_text(one->patient), "session",
        rubor_json_text(one->session), "date", rubor_json_text(one->date), "site", rubor_json_text(one->site), "device",
        rubor_json_text(one->device), "needle_mm", rubor_json_number(one->needle_mm, 2), "photos",
        (json_int_t)one->photos, "last_ms", (json_int_t)one->last_ms, "revision", (json_int_t)one->revision, "summary",
        one->summary.urgency[0] ? summary_json(&one->summary) : json_null());
    return json_array_append_new(list, row) == 0;
}

/* All of them, page by page: the search is in the browser. */
static rubor_status get_sessions(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    rubor_request *wanted = calloc(1, sizeof *wanted);
    json_t *list = json_array();
    rubor_status status =
        wanted && list ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (int64_t after = 0; status == RUBOR_OK && json_array_size(list) < SESSIONS_MOST;) {
        rubor_client_reply got = {0};
        rubor_request_init(wanted, RUBOR_VERB_LIST);
        snprintf(wanted->what, sizeof wanted->what, "sessions");
        wanted->after = after;
        status = text_of(request, wanted->patient, sizeof wanted->patient, "patient", false, error);
        if (status == RUBOR_OK)
            status = rubor_serve_call(request->pool, &got, wanted, error);
        for (size_t i = 0; status == RUBOR_OK && i < got.body.session_count; i++)
            if (!add_session(list, &got.body.sessions[i]))
                status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        after = got.body.next;
        rubor_client_reply_finish(&got);
        if (!after)
            break;
    }
    free(wanted);
    if (status == RUBOR_OK)
        return rubor_web_answer(reply, json_pack("{s:o}", "sessions", list), error);
    json_decref(list);
    return status;
}

static rubor_status fill_jobs(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    snprintf(to->what, sizeof to->what, "jobs");
    return treatment_of(from, to, error);
}

/* A short text that changes whenever something in the treatment did: what the page asks every few seconds. */
static rubor_status get_version(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    rubor_client_reply got = {0};
    rubor_status status = ask(request, &got, RUBOR_VERB_LIST, fill_jobs, error);
    uint64_t mix = 1469598103934665603u; /* FNV-1a over job ids and states */
    int waiting = 0;
    for (size_t i = 0; status == RUBOR_OK && i < got.body.job_count; i++) {
        const rubor_job_info *job = &got.body.jobs[i];
        for (const char *c = job->job; *c; c++)
            mix = (mix ^ (unsigned char)*c) * 1099511628211u;
        for (const char *c = job->state; *c; c++)
            mix = (mix ^ (unsigned char)*c) * 1099511628211u;
        waiting += strcmp(job->state, "queued") == 0 || strcmp(job->state, "running") == 0;
    }
    rubor_client_reply_finish(&got);
    if (status != RUBOR_OK)
        return status;
    char text[32];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)mix);
    return rubor_web_answer(reply, json_pack("{s:s,s:i}", "version", text, "waiting", waiting), error);
}

static rubor_status fill_treatment(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    return treatment_of(from, to, error);
}

static void add_notes(json_t *out, const rubor_reply *reply)
{
    for (size_t i = 0; i < reply->note_count; i++) {
        const rubor_note *note = &reply->notes[i];
        json_array_append_new(out, json_pack("{s:o,s:o,s:I,s:o,s:o}", "author", rubor_json_text(note->author), "text",
                                             rubor_json_text(note->text), "at_ms", (json_int_t)note->at_ms, "view",
                                             rubor_json_text(note->view), "day",
                                             note->day >= 0 ? json_integer(note->day)
                                             : note->day == RUBOR_DAY_BEFORE ? json_string("before")
                                                                             : json_null()));
    }
}

/* Page by page; *more says that there are later ones than NOTES_MOST. A new reference. */
static rubor_status get_notes(const rubor_web_request *from, json_t **out, bool *more, rubor_error *error)
{
    rubor_request *wanted = calloc(1, sizeof *wanted);
    *out = json_array();
    *more = false;
    rubor_status status = wanted && *out ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (int64_t after = 0; status == RUBOR_OK;) {
        rubor_client_reply got = {0};
        rubor_request_init(wanted, RUBOR_VERB_LIST);
        snprintf(wanted->what, sizeof wanted->what, "notes");
        wanted->after = after;
        status = treatment_of(from, wanted, error);
        if (status == RUBOR_OK)
            status = rubor_serve_call(from->pool, &got, wanted, error);
        if (status == RUBOR_OK)
            add_notes(*out, &got.body);
        after = got.body.next;
        rubor_client_reply_finish(&got);
        *more = after && json_array_size(*out) >= NOTES_MOST;
        if (!after || *more)
            break;
    }
    free(wanted);
    if (status == RUBOR_OK)
        return RUBOR_OK;
    json_decref(*out);
    *out = NULL;
    return status;
}

/* The headline of one session, for the list, where the store has not kept it yet: the broker keeps it as it makes it. */
static rubor_status get_summary(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    rubor_client_reply session = {0}, series = {0};
    rubor_summary summary;
    rubor_status status = ask(request, &session, RUBOR_VERB_SESSION, fill_treatment, error);
    if (status == RUBOR_OK && !session.body.session_count)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "there is no such session");
    const rubor_session_info *info = session.body.sessions;
    if (status == RUBOR_OK && info->summary.urgency[0]) {
        summary = info->summary;
    } else if (status == RUBOR_OK && !info->photos) {
        rubor_summarize(&summary, NULL, NULL, 0);
    } else if (status == RUBOR_OK) {
        status = ask(request, &series, RUBOR_VERB_SERIES, fill_treatment, error);
        summary = series.body.summary;
    }
    rubor_client_reply_finish(&session);
    rubor_client_reply_finish(&series);
    return status == RUBOR_OK ? rubor_web_answer(reply, summary_json(&summary), error) : status;
}

/* Addresses of the pictures: job and name, so the same address always means the same bytes. "images" are as the worker
 * made them, "small" for the strip. */
static void add_picture_addresses(json_t *model, const rubor_reply *series)
{
    json_t *days = json_object_get(model, "days");
    for (size_t i = 0; i < series->job_count && i < json_array_size(days); i++) {
        const rubor_job_info *job = &series->jobs[i];
        json_t *images = json_object(), *small = json_object();
        for (int k = 0; k < job->picture_count; k++) {
            const char *name = job->pictures[k].name;
            char address[128];
            snprintf(address, sizeof address, "api/picture?job=%s&name=%s", job->job, name);
            json_object_set_new(images, name, json_string(address));
            snprintf(address, sizeof address, "api/picture?job=%s&name=%s&size=small", job->job, name);
            json_object_set_new(small, name, json_string(address));
        }
        json_object_set_new(json_array_get(days, i), "images", images);
        json_object_set_new(json_array_get(days, i), "small", small);
    }
}

/* series is the caller's to finish, whatever the status. */
static rubor_status get_model(const rubor_web_request *request, json_t **model, rubor_client_reply *series,
                              rubor_error *error)
{
    rubor_client_reply session = {0};
    json_t *notes = NULL;
    bool more_notes = false;
    rubor_status status = ask(request, series, RUBOR_VERB_SERIES, fill_treatment, error);
    if (status == RUBOR_OK && ask(request, &session, RUBOR_VERB_SESSION, fill_treatment, NULL) != RUBOR_OK)
        session.body.session_count = 0;
    if (status == RUBOR_OK)
        status = get_notes(request, &notes, &more_notes, error);
    if (status == RUBOR_OK)
        status = rubor_review_model(model, &series->body, session.body.session_count ? session.body.sessions : NULL,
                                    error);
    if (status == RUBOR_OK) {
        add_picture_addresses(*model, &series->body);
        json_object_set(*model, "notes", notes);
        json_object_set_new(*model, "more_notes", json_boolean(more_notes));
    }
    rubor_client_reply_finish(&session);
    json_decref(notes);
    return status;
}

static rubor_status get_review(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    json_t *model = NULL;
    rubor_client_reply series = {0};
    rubor_status status = get_model(request, &model, &series, error);
    rubor_client_reply_finish(&series);
    return status == RUBOR_OK ? rubor_web_answer(reply, model, error) : status;
}

/* rubor_picture_source's; context is the pool. */
static rubor_status call(void *context, rubor_client_reply *reply, rubor_request *request, rubor_error *error)
{
    return rubor_serve_call(context, reply, request, error);
}

static void name_download(rubor_web_reply *reply, const char *patient, const char *session, const char *ending)
{
    snprintf(reply->download, sizeof reply->download, "rubor_%.60s_%.60s.%s", patient, session, ending);
    for (char *c = reply->download; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
            *c = '_';
}

static rubor_status get_export(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    static const struct {
        const char *name, *type;
    } formats[] = {{"csv", "text/csv; charset=utf-8"},
                   {"fhir", "application/fhir+json"},
                   {"pdf", "application/pdf"},
                   {"html", "text/html; charset=utf-8"}};
    enum { CSV, FHIR, PDF, HTML, FORMATS };
    char format[8] = "", patient[RUBOR_NAME_SIZE] = "", session[RUBOR_NAME_SIZE] = "";
    int which = CSV;
    json_t *model = NULL;
    rubor_client_reply series = {0};
    const rubor_picture_source source = {call, request->pool};
    rubor_status status = text_of(request, format, sizeof format, "format", true, error);
    while (which < FORMATS && strcmp(format, formats[which].name) != 0)
        which++;
    if (status == RUBOR_OK && which == FORMATS)
        status = rubor_error_set(error, RUBOR_INVALID, "\"format\" must be csv, fhir, pdf or html");
    if (status == RUBOR_OK)
        status = get_model(request, &model, &series, error);
    if (status == RUBOR_OK)
        status = which == CSV    ? rubor_review_csv(&reply->body, model, error)
                 : which == FHIR ? rubor_review_fhir(&reply->body, model, error)
                 : which == PDF  ? rubor_review_pdf_whole(&reply->body, model, &series.body, &source, error)
                                 : rubor_review_html_whole(&reply->body, model, &series.body, &source, error);
    json_decref(model);
    rubor_client_reply_finish(&series);
    if (status == RUBOR_OK)
        status = text_of(request, patient, sizeof patient, "patient", true, error);
    if (status == RUBOR_OK)
        status = text_of(request, session, sizeof session, "session", true, error);
    if (status != RUBOR_OK)
        return status;
    reply->http_code = 200;
    snprintf(reply->type, sizeof reply->type, "%s", formats[which].type);
    name_download(reply, patient, session, which == FHIR ? "fhir.json" : formats[which].name);
    return RUBOR_OK;
}

static rubor_status fill_picture(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    rubor_status status = text_of(from, to->job, sizeof to->job, "job", true, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->picture, sizeof to->picture, "name", true, error);
    return status;
}

static rubor_status get_picture(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    char size[8] = "";
    rubor_client_reply got = {0};
    rubor_status status = text_of(request, size, sizeof size, "size", false, error);
    if (status == RUBOR_OK && size[0] && strcmp(size, "small") != 0)
        status = rubor_error_set(error, RUBOR_INVALID, "\"size\" must be small or absent");
    /* Asked for even when a small copy is at hand: the broker knows what still exists. */
    if (status == RUBOR_OK)
        status = ask(request, &got, RUBOR_VERB_OVERLAY, fill_picture, error);
    if (status == RUBOR_OK && !got.attachment_count)
        status = rubor_error_set(error, RUBOR_NOT_FOUND, "this job has no such picture");
    bool png = strcmp(got.body.type, "image/png") == 0; /* nothing else than these two is ever passed on */
    if (status == RUBOR_OK && size[0] && !png) {
        rubor_bytes whole = {got.attachments[0].data, got.attachments[0].size};
        status = rubor_small_cache_get(request->small, &reply->body, got.body.digest, whole, error);
    } else if (status == RUBOR_OK) {
        reply->body = got.attachments[0];
        got.attachments[0] = (rubor_buffer){0};
    }
    reply->http_code = 200;
    snprintf(reply->type, sizeof reply->type, png ? "image/png" : "image/jpeg");
    rubor_client_reply_finish(&got);
    return status;
}

static rubor_status done(rubor_web_reply *reply, rubor_error *error)
{
    return rubor_web_answer(reply, json_pack("{s:b}", "done", 1), error);
}

static rubor_status fill_note(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    rubor_status status = treatment_of(from, to, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->text, sizeof to->text, "text", true, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->view, sizeof to->view, "view", false, error);
    return status == RUBOR_OK ? day_of(from, to, error) : status;
}

static rubor_status fill_session(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    const json_t *needle = json_object_get(from->body, "needle_mm");
    rubor_status status = treatment_of(from, to, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->date, sizeof to->date, "date", false, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->site, sizeof to->site, "site", false, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->device, sizeof to->device, "device", false, error);
    if (json_is_number(needle))
        to->needle_mm = json_number_value(needle);
    snprintf(to->action, sizeof to->action, "put");
    return status;
}

static rubor_status fill_amend(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    rubor_status status = text_of(from, to->job, sizeof to->job, "job", true, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->patient, sizeof to->patient, "patient", false, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->session, sizeof to->session, "session", false, error);
    if (status == RUBOR_OK)
        status = text_of(from, to->view, sizeof to->view, "view", false, error);
    if (status == RUBOR_OK)
        status = polygon_of(from, &to->region, "region", error);
    if (status == RUBOR_OK)
        status = polygon_of(from, &to->control, "control", error);
    to->withdraw = json_is_true(json_object_get(from->body, "withdraw"));
    return status == RUBOR_OK ? day_of(from, to, error) : status;
}

static rubor_status fill_forget(const rubor_web_request *from, rubor_request *to, rubor_error *error)
{
    char again[RUBOR_NAME_SIZE] = "";
    rubor_status status = text_of(from, to->patient, sizeof to->patient, "patient", true, error);
    if (status == RUBOR_OK)
        status = text_of(from, again, sizeof again, "again", true, error);
    if (status == RUBOR_OK && strcmp(again, to->patient) != 0)
        status = rubor_error_set(error, RUBOR_INVALID, "the patient's id was not repeated as asked; nothing is deleted");
    to->confirm = true;
    return status;
}

static rubor_status post(const rubor_web_request *request, rubor_web_reply *reply, rubor_verb verb, filler *fill,
                         rubor_error *error)
{
    rubor_client_reply got = {0};
    rubor_status status = ask(request, &got, verb, fill, error);
    rubor_client_reply_finish(&got);
    return status == RUBOR_OK ? done(reply, error) : status;
}

static rubor_status post_note(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    return post(request, reply, RUBOR_VERB_NOTE, fill_note, error);
}

static rubor_status post_session(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    return post(request, reply, RUBOR_VERB_SESSION, fill_session, error);
}

static rubor_status post_amend(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    return post(request, reply, RUBOR_VERB_AMEND, fill_amend, error);
}

static rubor_status post_forget(const rubor_web_request *request, rubor_web_reply *reply, rubor_error *error)
{
    rubor_status status = post(request, reply, RUBOR_VERB_FORGET, fill_forget, error);
    if (status == RUBOR_OK)
        rubor_small_cache_clear(request->small);
    return status;
}

enum { EITHER = RUBOR_ROLE_REVIEWER | RUBOR_ROLE_ADMIN };

static const rubor_web_route routes[] = {
    {"GET", "/api/me", EITHER, get_me},
    {"GET", "/api/sessions", EITHER, get_sessions},
    {"GET", "/api/summary", EITHER, get_summary},
    {"GET", "/api/version", EITHER, get_version},
    {"GET", "/api/review", EITHER, get_review},
    {"GET", "/api/export", EITHER, get_export},
    {"GET", "/api/picture", EITHER, get_picture},
    {"POST", "/api/note", EITHER, post_note},
    {"POST", "/api/session", EITHER, post_session},
    {"POST", "/api/amend", EITHER, post_amend},
    {"POST", "/api/forget", RUBOR_ROLE_ADMIN, post_forget},
};

const rubor_web_route *rubor_web_find_route(const char *method, const char *path, bool *known_path)
{
    *known_path = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) != 0)
            continue;
        *known_path = true;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}
