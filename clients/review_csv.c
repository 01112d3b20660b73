#include "clients/review_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"redness", "pigmentation", "findings"};
enum { PARTS = sizeof parts / sizeof parts[0] };

static void write_text(FILE *to, const char *text)
{
    bool formula = text[0] && strchr("=+-@\t\r", text[0]) != NULL;
    bool quote = formula || strpbrk(text, ",\"\r\n") != NULL;
    if (!quote) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    if (formula)
        fputc('\'', to);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static void write_value(FILE *to, const json_t *value)
{
    if (json_is_string(value))
        write_text(to, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fprintf(to, "%.10g", json_real_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "true" : "false", to);
}

/* Names (value NULL) or values of one part; a pair becomes .low and .high. shape tells the keys. */
static void write_part(FILE *to, const char *part, json_t *shape, const json_t *value)
{
    const char *key;
    json_t *member;
    json_object_foreach(shape, key, member)
    {
        bool pair = strstr(key, "interval95") != NULL;
        for (size_t end = 0; end < (pair ? 2u : 1u); end++) {
            fputc(',', to);
            if (!value) {
                fprintf(to, "%s.%s%s", part, key, !pair ? "" : end ? ".high" : ".low");
                continue;
            }
            const json_t *cell = json_object_get(value, key);
            write_value(to, pair ? json_array_get(cell, end) : cell);
        }
    }
}

/* The first photo that has this part gives its keys: they are the same in all records of one version. */
static json_t *shape_of(const json_t *days, const char *part)
{
    size_t i;
    json_t *day;
    json_array_foreach((json_t *)(uintptr_t)days, i, day)
    {
        json_t *value = json_object_get(day, part);
        if (json_is_object(value))
            return value;
    }
    return NULL;
}

static void write_flags(FILE *to, const json_t *flags)
{
    char text[512] = "";
    for (size_t i = 0; i < json_array_size(flags); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", json_string_value(json_array_get(flags, i)));
    }
    fputc(',', to);
    write_text(to, text);
}

static void write_rows(FILE *to, const json_t *model)
{
    static const char *const leading[] = {"view", "phase", "day", "job", "photo", "reference"};
    const json_t *days = json_object_get(model, "days");
    json_t *shapes[PARTS];
    fputs("patient,session,view,phase,day,job,photo,reference,verdict", to);
    for (size_t p = 0; p < PARTS; p++) {
        shapes[p] = shape_of(days, parts[p]);
        write_part(to, parts[p], shapes[p], NULL);
    }
    fputs(",flags,in_curve,what\n", to);
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *day = json_array_get(days, i);
        write_value(to, json_object_get(model, "patient"));
        fputc(',', to);
        write_value(to, json_object_get(model, "session"));
        for (size_t k = 0; k < sizeof leading / sizeof leading[0]; k++) {
            fputc(',', to);
            write_value(to, json_object_get(day, leading[k]));
        }
        fputc(',', to);
        write_value(to, json_object_get(json_object_get(day, "quality"), "verdict"));
        json_t *nothing = json_object();
        for (size_t p = 0; p < PARTS; p++) {
            const json_t *value = json_object_get(day, parts[p]);
            write_part(to, parts[p], shapes[p], json_is_object(value) ? value : nothing);
        }
        json_decref(nothing);
        write_flags(to, json_object_get(day, "flags"));
        fputs(json_is_true(json_object_get(day, "in_curve")) ? ",true," : ",false,", to);
        write_value(to, json_object_get(day, "what"));
        fputc('\n', to);
    }
}

rubor_status rubor_review_csv(rubor_buffer *out, const json_t *model, rubor_error *error)
{
    *out = (rubor_buffer){0};
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the table");
    write_rows(to, model);
    bool failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed) {
        free(text);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the table");
    }
    *out = (rubor_buffer){(uint8_t *)text, size};
    return RUBOR_OK;
}
