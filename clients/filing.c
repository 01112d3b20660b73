#include "clients/filing.h"

#include "clients/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_key {
    const char *key;
    size_t offset, size;
} text_key;

#define TEXT_KEY(member)                                                                                     \
    {                                                                                                        \
#member, offsetof(rubor_filing, member), sizeof(((rubor_filing *)0)->member)                         \
    }
static const text_key text_keys[] = {TEXT_KEY(patient), TEXT_KEY(session), TEXT_KEY(view), TEXT_KEY(profile)};
enum { TEXT_KEYS = sizeof text_keys / sizeof text_keys[0], POLYGON_TEXT = 256 * 48 };

void rubor_filing_init(rubor_filing *filing)
{
    memset(filing, 0, sizeof *filing);
    filing->day = RUBOR_DAY_UNKNOWN;
}

rubor_status rubor_name_copy(char *out, size_t size, const char *key, const char *text, rubor_error *error)
{
    char clean[RUBOR_NAME_SIZE + 8];
    rubor_utf8_clean(clean, sizeof clean, text);
    if (!*text)
        return rubor_error_set(error, RUBOR_INVALID, "%s is empty", key);
    if (strlen(text) >= size)
        return rubor_error_set(error, RUBOR_INVALID, "%s is longer than %zu bytes", key, size - 1);
    if (strcmp(clean, text) != 0)
        return rubor_error_set(error, RUBOR_INVALID, "%s \"%.60s\" is not plain UTF-8 text", key, clean);
    memcpy(out, text, strlen(text) + 1);
    return RUBOR_OK;
}

rubor_status rubor_filing_set(rubor_filing *filing, const char *key, const char *text, rubor_error *error)
{
    for (size_t i = 0; i < TEXT_KEYS; i++)
        if (strcmp(key, text_keys[i].key) == 0)
            return rubor_name_copy((char *)filing + text_keys[i].offset, text_keys[i].size, key, text, error);
    return rubor_error_set(error, RUBOR_INVALID, "there is no key \"%.40s\"", key);
}

rubor_status rubor_filing_set_day(rubor_filing *filing, const char *text, rubor_error *error)
{
    long day = RUBOR_DAY_BEFORE;
    rubor_status status = RUBOR_OK;
    if (strcmp(text, "before") != 0) {
        size_t digits = strspn(text, "0123456789");
        day = digits > 0 && digits <= 6 && !text[digits] ? strtol(text, NULL, 10) : -1;
        if (day < 0 || day > RUBOR_DAY_LAST)
            status = rubor_error_set(error, RUBOR_INVALID,
                                     "day \"%.40s\": give before, or a whole number from 0 to %d", text,
                                     RUBOR_DAY_LAST);
    }
    if (status == RUBOR_OK)
        filing->day = (int)day;
    return status;
}

rubor_status rubor_filing_complete(const rubor_filing *filing, rubor_error *error)
{
    const char *missing = !*filing->patient                  ? "patient"
                          : !*filing->session                ? "session"
                          : filing->day == RUBOR_DAY_UNKNOWN ? "day"
                                                             : NULL;
    return missing ? rubor_error_set(error, RUBOR_INVALID, "the %s is missing", missing) : RUBOR_OK;
}

void rubor_filing_request(rubor_request *out, const rubor_filing *filing, const char *lane)
{
    rubor_request_init(out, RUBOR_VERB_ANALYZE);
    memcpy(out->patient, filing->patient, sizeof out->patient);
    memcpy(out->session, filing->session, sizeof out->session);
    memcpy(out->view, filing->view, sizeof out->view);
    memcpy(out->profile, filing->profile, sizeof out->profile);
    snprintf(out->lane, sizeof out->lane, "%s", lane);
    out->day = filing->day;
    out->region = filing->region;
    out->control = filing->control;
}

/* ---- JSON ---- */

static json_t *polygon_json(const rubor_polygon *polygon)
{
    char *text = malloc(POLYGON_TEXT);
    size_t used = 0;
    if (!text)
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i < polygon->count; i++)
        used += (size_t)snprintf(text + used, POLYGON_TEXT - used, "%s%.9g,%.9g", i ? " " : "",
                                 polygon->points[i].x, polygon->points[i].y);
    json_t *out = json_string(text);
    free(text);
    return out;
}

json_t *rubor_filing_to_json(const rubor_filing *filing)
{
    json_t *out = json_object();
    bool good = out != NULL;
    for (size_t i = 0; good && i < TEXT_KEYS; i++) {
        const char *text = (const char *)filing + text_keys[i].offset;
        good = !*text || json_object_set_new(out, text_keys[i].key, json_string(text)) == 0;
    }
    if (good && filing->day != RUBOR_DAY_UNKNOWN)
        good = json_object_set_new(out, "day",
                                   filing->day == RUBOR_DAY_BEFORE ? json_string("before")
                                                                   : json_integer(filing->day)) == 0;
    if (good && filing->region.count)
        good = json_object_set_new(out, "region", polygon_json(&filing->region)) == 0;
    if (good && filing->control.count)
        good = json_object_set_new(out, "control", polygon_json(&filing->control)) == 0;
    if (good)
        return out;
    json_decref(out);
    return NULL;
}

static rubor_status read_polygon(rubor_polygon *out, const char *key, const json_t *value, rubor_error *error)
{
    if (json_is_string(value)) {
        rubor_status status = rubor_polygon_parse(out, json_string_value(value), error);
        if (status != RUBOR_OK)
            rubor_error_prefix(error, key);
        return status;
    }
    size_t count = json_array_size(value);
    if (count < 3 || count > sizeof out->points / sizeof out->points[0])
        return rubor_error_set(error, RUBOR_INVALID, "%s: give 3 to 256 points", key);
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(value, i);
        const json_t *x = json_array_get(point, 0), *y = json_array_get(point, 1);
        if (json_array_size(point) != 2 || !json_is_number(x) || !json_is_number(y))
            return rubor_error_set(error, RUBOR_INVALID, "%s: point %zu is not [x, y]", key, i + 1);
        out->points[i] = (rubor_point){json_number_value(x), json_number_value(y)};
    }
    out->count = count;
    return RUBOR_OK;
}

static rubor_status read_day(rubor_filing *filing, const json_t *value, rubor_error *error)
{
    char text[32];
    if (json_is_string(value))
        return rubor_filing_set_day(filing, json_string_value(value), error);
    if (!json_is_integer(value))
        return rubor_error_set(error, RUBOR_INVALID, "day: give \"before\" or a whole number");
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    return rubor_filing_set_day(filing, text, error);
}

rubor_status rubor_filing_from_json(rubor_filing *filing, const json_t *object, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    if (!json_is_object(object))
        return rubor_error_set(error, RUBOR_INVALID, "is not a JSON object");
    for (size_t i = 0; status == RUBOR_OK && i < TEXT_KEYS; i++) {
        const json_t *value = json_object_get(object, text_keys[i].key);
        if (json_is_string(value))
            status = rubor_filing_set(filing, text_keys[i].key, json_string_value(value), error);
        else if (value && !json_is_null(value))
            status = rubor_error_set(error, RUBOR_INVALID, "%s: give a text", text_keys[i].key);
    }
    const json_t *day = json_object_get(object, "day"), *region = json_object_get(object, "region"),
                 *control = json_object_get(object, "control");
    if (status == RUBOR_OK && day && !json_is_null(day))
        status = read_day(filing, day, error);
    if (status == RUBOR_OK && region && !json_is_null(region))
        status = read_polygon(&filing->region, "region", region, error);
    if (status == RUBOR_OK && control && !json_is_null(control))
        status = read_polygon(&filing->control, "control", control, error);
    return status;
}
