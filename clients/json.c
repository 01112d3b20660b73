#include "clients/json.h"

#include "clients/utf8.h"
#include "imaging/number.h"

#include <string.h>

enum { DEEPEST = 8, LONGEST_TEXT = 1024 };

json_t *rubor_json_number(double value, int decimals)
{
    if (!isfinite(value))
        return json_null();
    return json_real(rubor_number_round(value, decimals));
}

json_t *rubor_json_text(const char *text)
{
    if (!*text)
        return json_null();
    char clean[LONGEST_TEXT];
    rubor_utf8_clean(clean, sizeof clean, text);
    return json_string(clean);
}

bool rubor_json_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

static json_t *numbers_json(const double *values, size_t count, int decimals)
{
    if (!isfinite(values[0]))
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (!append(array, rubor_json_number(values[i], decimals)))
            break;
    return array;
}

static json_t *points_json(const double *values, size_t count, int decimals)
{
    if (!isfinite(values[0]))
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (!append(array, numbers_json(values + 2 * i, 2, decimals)))
            break;
    return array;
}

static size_t list_length(const rubor_record *record, const rubor_field *field)
{
    int count = *(const int *)(const void *)((const char *)record + field->count_offset);
    return count < 0 ? 0 : (size_t)count > field->capacity ? field->capacity : (size_t)count;
}

static json_t *list_json(const rubor_record *record, const rubor_field *field)
{
    const char *at = (const char *)record + field->offset;
    json_t *array = json_array();
    for (size_t i = 0; array && i < list_length(record, field); i++) {
        json_t *item = NULL;
        if (field->kind == RUBOR_FIELD_TEXTS) {
            item = rubor_json_text(at + i * field->count);
        } else if (field->kind == RUBOR_FIELD_REASONS) {
            const rubor_reason *reason = (const rubor_reason *)(const void *)at + i;
            item = json_pack("{so,so}", "code", rubor_json_text(reason->code), "message",
                             rubor_json_text(reason->message));
        } else {
            const rubor_doubt *doubt = (const rubor_doubt *)(const void *)at + i;
            item = json_pack("{so,so}", "source", rubor_json_text(doubt->source), "delta_ei_sd",
                             rubor_json_number(doubt->delta_ei_sd, 3));
        }
        if (!append(array, item))
            break;
    }
    return array;
}

static json_t *value_json(const rubor_record *record, const rubor_field *field)
{
    const void *at = (const char *)record + field->offset;
    switch (field->kind) {
    case RUBOR_FIELD_NUMBER:
        return rubor_json_number(*(const double *)at, field->decimals);
    case RUBOR_FIELD_INTEGER:
        return *(const int64_t *)at == -1 ? json_null() : json_integer(*(const int64_t *)at);
    case RUBOR_FIELD_INT:
        return *(const int *)at == -1 ? json_null() : json_integer(*(const int *)at);
    case RUBOR_FIELD_BOOL:
        return *(const int *)at == -1 ? json_null() : json_boolean(*(const int *)at);
    case RUBOR_FIELD_TEXT:
        return rubor_json_text(at);
    case RUBOR_FIELD_NUMBERS:
        return numbers_json(at, field->count, field->decimals);
    case RUBOR_FIELD_POINTS:
        return points_json(at, field->count, field->decimals);
    default:
        return list_json(record, field);
    }
}

/* The row after the CLOSE that belongs to the OPEN at i. */
static size_t skip_map(const rubor_field *fields, size_t i)
{
    int depth = 0;
    do {
        if (fields[i].kind == RUBOR_FIELD_OPEN || fields[i].kind == RUBOR_FIELD_OPEN_OPTIONAL)
            depth++;
        else if (fields[i].kind == RUBOR_FIELD_CLOSE)
            depth--;
        i++;
    } while (depth > 0);
    return i;
}

json_t *rubor_json_record(const rubor_record *record)
{
    size_t count, depth = 0;
    const rubor_field *fields = rubor_record_fields(&count);
    json_t *open[DEEPEST] = {json_object()};
    bool good = open[0] != NULL;
    for (size_t i = 0; good && i < count;) {
        const rubor_field *field = &fields[i];
        const bool *present = (const bool *)(const void *)((const char *)record + field->offset);
        if (field->kind == RUBOR_FIELD_CLOSE) {
            depth--;
            i++;
        } else if (field->kind == RUBOR_FIELD_OPEN_OPTIONAL && !*present) {
            good = rubor_json_set(open[depth], field->key, json_null());
            i = skip_map(fields, i);
        } else if (field->kind == RUBOR_FIELD_OPEN || field->kind == RUBOR_FIELD_OPEN_OPTIONAL) {
            json_t *map = json_object();
            good = depth + 1 < DEEPEST && rubor_json_set(open[depth], field->key, map);
            open[++depth] = map;
            i++;
        } else {
            good = rubor_json_set(open[depth], field->key, value_json(record, field));
            i++;
        }
    }
    if (good)
        return open[0];
    json_decref(open[0]);
    return NULL;
}

rubor_status rubor_json_print(FILE *out, const json_t *value, rubor_json_form form, rubor_error *error)
{
    size_t flags = JSON_REAL_PRECISION(15) | (form == RUBOR_JSON_LINE ? JSON_COMPACT : JSON_INDENT(2));
    if (!value)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (json_dumpf(value, out, flags) != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
        return rubor_error_set(error, RUBOR_IO, "the result could not be written to the output");
    return RUBOR_OK;
}
