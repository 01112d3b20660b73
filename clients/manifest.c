#include "clients/manifest.h"

#include "clients/text_buffer.h"
#include "imaging/csv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_BYTES = 512 * 1024 * 1024 };

enum { PATIENT, SESSION, DAY, VIEW, REGION, CONTROL, PROFILE, FIELDS };
static const char *const field_names[FIELDS] = {"patient", "session", "day",    "view",
                                                "region",  "control", "profile"};
enum { FIELDS_NEEDED = DAY + 1 };

typedef struct reading {
    rubor_csv *csv;
    const char *manifest_path;
    int path, columns[FIELDS];
} reading;

void rubor_manifest_finish(rubor_manifest *manifest)
{
    if (!manifest)
        return;
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->rows[i].columns);
        free(manifest->rows[i].path);
        free(manifest->rows[i].fields);
        free(manifest->rows[i].error);
    }
    free(manifest->rows);
    free(manifest->header);
    memset(manifest, 0, sizeof *manifest);
}

static rubor_status find_columns(reading *in, rubor_error *error)
{
    rubor_status status = rubor_csv_require(&in->path, in->csv, "path", error);
    for (size_t i = 0; status == RUBOR_OK && i < FIELDS; i++) {
        if (i < FIELDS_NEEDED)
            status = rubor_csv_require(&in->columns[i], in->csv, field_names[i], error);
        else
            in->columns[i] = rubor_csv_column(in->csv, field_names[i]);
    }
    return status;
}

/* A relative path is taken from the manifest's folder; where nothing is there, from the current one. */
static char *resolve(const reading *in, const char *path)
{
    const char *slash = strrchr(in->manifest_path, '/');
    if (*path == '/' || !slash)
        return strdup(path);
    size_t folder = (size_t)(slash - in->manifest_path) + 1;
    char *beside = malloc(folder + strlen(path) + 1);
    if (!beside)
        return NULL;
    memcpy(beside, in->manifest_path, folder);
    memcpy(beside + folder, path, strlen(path) + 1);
    if (access(beside, F_OK) != 0 && access(path, F_OK) == 0) {
        free(beside);
        return strdup(path);
    }
    return beside;
}

static rubor_status read_polygon(rubor_polygon *out, const char *name, const char *text, rubor_error *error)
{
    if (!*text)
        return RUBOR_OK;
    rubor_status status = rubor_polygon_parse(out, text, error);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, name);
    return status;
}

static rubor_status read_filing(rubor_filing *filing, const char *const fields[FIELDS], rubor_error *error)
{
    static const int texts[] = {PATIENT, SESSION, VIEW, PROFILE};
    rubor_filing_init(filing);
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; status == RUBOR_OK && i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i] < FIELDS_NEEDED || *fields[texts[i]])
            status = rubor_filing_set(filing, field_names[texts[i]], fields[texts[i]], error);
    if (status == RUBOR_OK)
        status = rubor_filing_set_day(filing, fields[DAY], error);
    if (status == RUBOR_OK)
        status = read_polygon(&filing->region, "region", fields[REGION], error);
    if (status == RUBOR_OK)
        status = read_polygon(&filing->control, "control", fields[CONTROL], error);
    return status;
}

void rubor_manifest_filing(rubor_filing *out, const rubor_manifest_row *row)
{
    const char *fields[FIELDS], *at = row->fields;
    for (size_t i = 0; i < FIELDS; i++, at += strlen(at) + 1)
        fields[i] = at;
    read_filing(out, fields, NULL); /* it was good when the manifest was read */
}

/* The fields one after the other, each with its NUL. */
static char *join_fields(const char *const fields[FIELDS])
{
    size_t size = 0;
    for (size_t i = 0; i < FIELDS; i++)
        size += strlen(fields[i]) + 1;
    char *out = malloc(size), *at = out;
    for (size_t i = 0; out && i < FIELDS; i++) {
        size_t length = strlen(fields[i]) + 1;
        memcpy(at, fields[i], length);
        at += length;
    }
    return out;
}

static char *repeat_columns(const reading *in)
{
    rubor_text text = {0};
    for (size_t i = 0; i < rubor_csv_column_count(in->csv); i++) {
        rubor_text_put(&text, i ? "," : "");
        rubor_text_put_csv(&text, rubor_csv_field(in->csv, (int)i));
    }
    if (text.failed)
        rubor_text_finish(&text);
    return text.data;
}

static char *repeat_header(const reading *in)
{
    rubor_text text = {0};
    for (size_t i = 0; i < rubor_csv_column_count(in->csv); i++) {
        rubor_text_put(&text, i ? "," : "");
        rubor_text_put_csv(&text, rubor_csv_column_name(in->csv, i));
    }
    if (text.failed)
        rubor_text_finish(&text);
    return text.data;
}

/* A record that is no record has no columns to repeat: empty ones keep the table square. */
static char *empty_columns(const reading *in)
{
    size_t commas = rubor_csv_column_count(in->csv) - 1;
    char *text = malloc(commas + 1);
    if (text) {
        memset(text, ',', commas);
        text[commas] = '\0';
    }
    return text;
}

static rubor_status keep_fields(const reading *in, rubor_manifest_row *row, rubor_error *error)
{
    const char *fields[FIELDS];
    rubor_filing *filing = malloc(sizeof *filing);
    if (!filing)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = rubor_csv_field(in->csv, in->columns[i]);
    rubor_status status = read_filing(filing, fields, error);
    if (status == RUBOR_OK && !*rubor_csv_field(in->csv, in->path))
        status = rubor_error_set(error, RUBOR_INVALID, "path is empty");
    if (status == RUBOR_OK && !(row->fields = join_fields(fields)))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    row->before = filing->day == RUBOR_DAY_BEFORE;
    free(filing);
    return status;
}

static bool fill_row(const reading *in, rubor_manifest_row *row, rubor_status read, rubor_error *error)
{
    row->line = rubor_csv_line(in->csv);
    row->columns = read == RUBOR_OK ? repeat_columns(in) : empty_columns(in);
    row->path = read == RUBOR_OK ? resolve(in, rubor_csv_field(in->csv, in->path)) : strdup("");
    if (!row->columns || !row->path)
        return false;
    rubor_status status = read == RUBOR_OK ? keep_fields(in, row, error) : read;
    if (status == RUBOR_OK || status == RUBOR_NO_MEMORY)
        return status == RUBOR_OK;
    row->error = strdup(error->message);
    return row->error != NULL;
}

static rubor_status read_rows(rubor_manifest *out, const reading *in, rubor_error *error)
{
    size_t capacity = 0;
    for (;;) {
        rubor_error wrong = {0};
        bool more = false;
        rubor_status read = rubor_csv_next(in->csv, &more, &wrong);
        if (read == RUBOR_OK && !more)
            return RUBOR_OK;
        if (read == RUBOR_NO_MEMORY)
            return rubor_error_set(error, read, "%s", wrong.message);
        if (out->count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            rubor_manifest_row *rows = realloc(out->rows, capacity * sizeof *rows);
            if (!rows)
                return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
            out->rows = rows;
        }
        rubor_manifest_row *row = &out->rows[out->count++];
        memset(row, 0, sizeof *row);
        if (!fill_row(in, row, read, &wrong))
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    }
}

rubor_status rubor_manifest_read(rubor_manifest *out, const char *path, rubor_error *error)
{
    reading in = {.manifest_path = path};
    uint8_t *data = NULL;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    rubor_status status = rubor_file_read(&data, &size, path, MANIFEST_BYTES, error);
    if (status != RUBOR_OK)
        return status;
    status = rubor_csv_create(&in.csv, data, size, error);
    if (status == RUBOR_OK)
        status = find_columns(&in, error);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, path);
    if (status == RUBOR_OK && !(out->header = repeat_header(&in)))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK)
        status = read_rows(out, &in, error);
    rubor_csv_destroy(&in.csv);
    free(data);
    if (status != RUBOR_OK)
        rubor_manifest_finish(out);
    return status;
}
