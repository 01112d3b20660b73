#include "imaging/csv.h"

#include "imaging/limits.h"
#include "imaging/number.h"

#include <stdlib.h>
#include <string.h>

typedef struct record {
    char *text; /* RUBOR_LIMIT_CSV_LINE_BYTES + 1: the fields, each NUL-terminated */
    size_t used;
    size_t count;
    size_t start[RUBOR_CSV_FIELDS];
} record;

struct rubor_csv {
    const char *at, *end;
    size_t line;       /* of the next character */
    size_t start_line; /* of the current record */
    record header, row;
};

static rubor_status fail(const rubor_csv *csv, rubor_error *error, const char *what)
{
    return rubor_error_set(error, RUBOR_INVALID, "CSV line %zu: %s", csv->start_line, what);
}

/* After a fault: go on behind the next line end. */
static void skip_line(rubor_csv *csv)
{
    const char *newline = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
    csv->at = newline ? newline + 1 : csv->end;
    csv->line++;
}

static const char *put(record *to, char c)
{
    if (to->used >= RUBOR_LIMIT_CSV_LINE_BYTES)
        return "the record is longer than 64 KiB";
    to->text[to->used++] = c;
    return NULL;
}

/* Reads behind the opening quote up to and including the closing one. */
static const char *read_quoted(rubor_csv *csv, record *to)
{
    while (csv->at < csv->end) {
        char c = *csv->at++;
        if (c == '"') {
            if (csv->at == csv->end || *csv->at != '"')
                return NULL;
            csv->at++;
        } else if (c == '\n') {
            csv->line++;
        } else if (c == '\0') {
            return "a NUL byte; is this a text file?";
        }
        const char *fault = put(to, c);
        if (fault)
            return fault;
    }
    return "a quote is opened and never closed";
}

static const char *read_plain(rubor_csv *csv, record *to)
{
    for (; csv->at < csv->end; csv->at++) {
        char c = *csv->at;
        if (c == ',' || c == '\n' || c == '\r')
            return NULL;
        if (c == '"')
            return "a quote inside an unquoted field; quote the whole field and double the quotes in it";
        if (c == '\0')
            return "a NUL byte; is this a text file?";
        const char *fault = put(to, c);
        if (fault)
            return fault;
    }
    return NULL;
}

/* What follows a field: *last is set at the end of the record. */
static const char *read_separator(rubor_csv *csv, bool *last)
{
    *last = true;
    if (csv->at == csv->end)
        return NULL;
    char c = *csv->at++;
    if (c == ',') {
        *last = false;
        return NULL;
    }
    if (c == '\r') {
        if (csv->at < csv->end && *csv->at != '\n')
            return "a carriage return without a line feed";
        if (csv->at < csv->end)
            csv->at++;
    } else if (c != '\n') {
        csv->at--;
        return "text after a closing quote";
    }
    csv->line++;
    return NULL;
}

static const char *read_record(rubor_csv *csv, record *to)
{
    to->used = to->count = 0;
    for (bool last = false; !last;) {
        if (to->count == RUBOR_CSV_FIELDS)
            return "more than 256 fields";
        to->start[to->count] = to->used;
        bool quoted = csv->at < csv->end && *csv->at == '"';
        csv->at += quoted;
        const char *fault = quoted ? read_quoted(csv, to) : read_plain(csv, to);
        if (!fault)
            fault = read_separator(csv, &last);
        if (!fault)
            fault = put(to, '\0');
        if (fault)
            return fault;
        to->count++;
    }
    return NULL;
}

static void skip_empty_lines(rubor_csv *csv)
{
    for (;; csv->line++) {
        size_t left = (size_t)(csv->end - csv->at);
        if (left >= 1 && csv->at[0] == '\n')
            csv->at += 1;
        else if (left >= 2 && csv->at[0] == '\r' && csv->at[1] == '\n')
            csv->at += 2;
        else
            return;
    }
}

static rubor_status read_header(rubor_csv *csv, rubor_error *error)
{
    if (csv->end - csv->at >= 3 && memcmp(csv->at, "\xef\xbb\xbf", 3) == 0)
        csv->at += 3;
    skip_empty_lines(csv);
    csv->start_line = csv->line;
    if (csv->at == csv->end)
        return rubor_error_set(error, RUBOR_INVALID, "CSV: the file is empty; a header line is needed");
    const char *fault = read_record(csv, &csv->header);
    if (fault)
        return fail(csv, error, fault);
    for (size_t i = 0; i < csv->header.count; i++) {
        const char *name = rubor_csv_column_name(csv, i);
        if (!*name)
            return rubor_error_set(error, RUBOR_INVALID, "CSV line %zu: column %zu has no name",
                                   csv->start_line, i + 1);
        if ((size_t)rubor_csv_column(csv, name) != i)
            return rubor_error_set(error, RUBOR_INVALID, "CSV line %zu: column \"%.64s\" appears twice",
                                   csv->start_line, name);
    }
    return RUBOR_OK;
}

rubor_status rubor_csv_create(rubor_csv **out, const void *data, size_t size, rubor_error *error)
{
    *out = NULL;
    rubor_csv *csv = calloc(1, sizeof *csv);
    if (!csv)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to read a CSV file");
    rubor_status status = RUBOR_OK;
    csv->header.text = malloc(RUBOR_LIMIT_CSV_LINE_BYTES + 1);
    csv->row.text = malloc(RUBOR_LIMIT_CSV_LINE_BYTES + 1);
    csv->at = size ? data : "";
    csv->end = csv->at + size;
    csv->line = 1;
    if (!csv->header.text || !csv->row.text)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory to read a CSV file");
    else
        status = read_header(csv, error);
    if (status)
        rubor_csv_destroy(&csv);
    *out = csv;
    return status;
}

void rubor_csv_destroy(rubor_csv **csv)
{
    if (!csv || !*csv)
        return;
    free((*csv)->header.text);
    free((*csv)->row.text);
    free(*csv);
    *csv = NULL;
}

int rubor_csv_column(const rubor_csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->header.count; i++)
        if (strcmp(rubor_csv_column_name(csv, i), name) == 0)
            return (int)i;
    return -1;
}

rubor_status rubor_csv_require(int *column, const rubor_csv *csv, const char *name, rubor_error *error)
{
    *column = rubor_csv_column(csv, name);
    if (*column < 0)
        return rubor_error_set(error, RUBOR_INVALID, "CSV: column \"%s\" is missing from the header; columns are separated by commas", name);
    return RUBOR_OK;
}

size_t rubor_csv_column_count(const rubor_csv *csv)
{
    return csv->header.count;
}

const char *rubor_csv_column_name(const rubor_csv *csv, size_t column)
{
    return column < csv->header.count ? csv->header.text + csv->header.start[column] : "";
}

rubor_status rubor_csv_next(rubor_csv *csv, bool *more, rubor_error *error)
{
    *more = false;
    csv->row.count = 0;
    skip_empty_lines(csv);
    csv->start_line = csv->line;
    if (csv->at == csv->end)
        return RUBOR_OK;
    const char *fault = read_record(csv, &csv->row);
    if (fault) {
        csv->row.count = 0;
        skip_line(csv);
        return fail(csv, error, fault);
    }
    if (csv->row.count != csv->header.count) {
        size_t count = csv->row.count;
        csv->row.count = 0;
        return rubor_error_set(error, RUBOR_INVALID, "CSV line %zu: %zu fields, but the header has %zu",
                               csv->start_line, count, csv->header.count);
    }
    *more = true;
    return RUBOR_OK;
}

const char *rubor_csv_field(const rubor_csv *csv, int column)
{
    return column >= 0 && (size_t)column < csv->row.count ? csv->row.text + csv->row.start[column] : "";
}

size_t rubor_csv_line(const rubor_csv *csv)
{
    return csv->start_line;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

rubor_status rubor_csv_number(double *out, const rubor_csv *csv, int column, rubor_error *error)
{
    const char *text = rubor_csv_field(csv, column);
    const char *from = skip_blanks(text);
    size_t used = rubor_number_parse(out, from);
    if (!used || *skip_blanks(from + used))
        return rubor_error_set(error, RUBOR_INVALID,
                               "CSV line %zu, column \"%.64s\": \"%.40s\" is not a number", csv->start_line,
                               column >= 0 ? rubor_csv_column_name(csv, (size_t)column) : "?", text);
    return RUBOR_OK;
}
