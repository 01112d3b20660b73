#include "clients/record_csv.h"

#include "imaging/number.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX_SIZE = 256 };

/* The dotted path of the maps that are open at a row. */
typedef struct path {
    char text[PREFIX_SIZE];
} path;

static void enter(path *at, const char *key)
{
    size_t used = strlen(at->text);
    snprintf(at->text + used, sizeof at->text - used, "%s.", key);
}

static void leave(path *at)
{
    size_t used = strlen(at->text);
    if (used > 0)
        at->text[used - 1] = '\0';
    char *dot = strrchr(at->text, '.');
    if (dot)
        dot[1] = '\0';
    else
        at->text[0] = '\0';
}

static void put_names(rubor_text *out, const path *at, const rubor_field *field)
{
    switch (field->kind) {
    case RUBOR_FIELD_NUMBER:
    case RUBOR_FIELD_INTEGER:
    case RUBOR_FIELD_INT:
    case RUBOR_FIELD_BOOL:
        rubor_text_putf(out, ",%s%s", at->text, field->key);
        break;
    case RUBOR_FIELD_NUMBERS:
        for (size_t i = 0; i < field->count; i++)
            rubor_text_putf(out, ",%s%s.%zu", at->text, field->key, i);
        break;
    case RUBOR_FIELD_POINTS:
        for (size_t i = 0; i < 2 * field->count; i++)
            rubor_text_putf(out, ",%s%s.%zu.%c", at->text, field->key, i / 2, i % 2 ? 'y' : 'x');
        break;
    default:
        break;
    }
}

void rubor_record_csv_names(rubor_text *out)
{
    size_t count;
    const rubor_field *fields = rubor_record_fields(&count);
    path at = {""};
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind == RUBOR_FIELD_OPEN || fields[i].kind == RUBOR_FIELD_OPEN_OPTIONAL)
            enter(&at, fields[i].key);
        else if (fields[i].kind == RUBOR_FIELD_CLOSE)
            leave(&at);
        else
            put_names(out, &at, &fields[i]);
    }
}

static void put_number(rubor_text *out, double value, int decimals)
{
    if (isfinite(value))
        rubor_text_putf(out, ",%.*f", decimals, rubor_number_round(value, decimals));
    else
        rubor_text_put(out, ",");
}

static void put_integer(rubor_text *out, int64_t value)
{
    if (value == -1)
        rubor_text_put(out, ",");
    else
        rubor_text_putf(out, ",%lld", (long long)value);
}

static void put_values(rubor_text *out, const rubor_record *record, const rubor_field *field)
{
    const void *at = (const char *)record + field->offset;
    size_t count = field->kind == RUBOR_FIELD_POINTS    ? 2 * field->count
                   : field->kind == RUBOR_FIELD_NUMBERS ? field->count
                                                        : 1;
    switch (field->kind) {
    case RUBOR_FIELD_NUMBER:
    case RUBOR_FIELD_NUMBERS:
    case RUBOR_FIELD_POINTS:
        for (size_t i = 0; i < count; i++)
            put_number(out, record ? ((const double *)at)[i] : RUBOR_NULL, field->decimals);
        break;
    case RUBOR_FIELD_INTEGER:
        put_integer(out, record ? *(const int64_t *)at : -1);
        break;
    case RUBOR_FIELD_INT:
        put_integer(out, record ? *(const int *)at : -1);
        break;
    case RUBOR_FIELD_BOOL:
        rubor_text_put(out, !record || *(const int *)at == -1 ? "," : *(const int *)at ? ",true" : ",false");
        break;
    default:
        break;
    }
}

void rubor_record_csv_values(rubor_text *out, const rubor_record *record)
{
    size_t count;
    const rubor_field *fields = rubor_record_fields(&count);
    for (size_t i = 0; i < count; i++)
        put_values(out, record, &fields[i]);
}
