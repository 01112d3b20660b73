#include "clients/manifest.h"

#include "clients/text_buffer.h"
#include "imaging/csv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_BYTES = 512 * 1024 * 1024 };

typedef struct reading {
    rubor_csv *csv;
    const char *manifest_path;
    int path, patient, session, day, view, region, control, profile;
} reading;

void rubor_manifest_finish(rubor_manifest *manifest)
{
    if (!manifest)
        return;
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->rows[i].columns);
        free(manifest->rows[i].path);
        free(manifest->rows[i].filing);
        free(manifest->rows[i].error);
    }
    free(manifest->rows);
    free(manifest->header);
    memset(manifest, 0, sizeof *manifest);
}

static rubor_status find_columns(reading *in, rubor_error *error)
{
    const struct {
        const char *name;
        int *column;
    } needed[] = {
        {"path", &in->path}, {"patient", &in->patient}, {"session", &in->session}, {"day", &in->day}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (rubor_csv_require(needed[i].column, in->csv, needed[i].name, error) != RUBOR_OK)
            return error ? error->status : RUBOR_INVALID;
    in->view = rubor_csv_column(in->csv, "view");
    in->region = rubor_csv_column(in->csv, "region");
    in->control = rubor_csv_column(in->csv, "control");
    in->profile = rubor_csv_column(in->csv, "profile");
    return RUBOR_OK;
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

static rubor_status read_filing(const reading *in, rubor_filing *filing, rubor_error *error)
{
    rubor_filing_init(filing);
    const struct {
        const char *key;
        int column;
        bool needed;
    } texts[] = {{"patient", in->patient, true},
                 {"session", in->session, true},
                 {"view", in->view, false},
                 {"profile", in->profile, false}};
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; status == RUBOR_OK && i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = rubor_csv_field(in->csv, texts[i].column);
        if (texts[i].needed || *text)
            status = rubor_filing_set(filing, texts[i].key, text, error);
    }
    if (status == RUBOR_OK)
        status = rubor_filing_set_day(filing, rubor_csv_field(in->csv, in->day), error);
    if (status == RUBOR_OK)
        status = read_polygon(&filing->region, "region", rubor_csv_field(in->csv, in->region), error);
    if (status == RUBOR_OK)
        status = read_polygon(&filing->control, "control", rubor_csv_field(in->csv, in->control), error);
    if (status == RUBOR_OK && !*rubor_csv_field(in->csv, in->path))
        status = rubor_error_set(error, RUBOR_INVALID, "path is empty");
    return status;
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

static bool fill_row(const reading *in, rubor_manifest_row *row, rubor_status read, rubor_error *error)
{
    row->line = rubor_csv_line(in->csv);
    rubor_status status = read;
    if (read == RUBOR_OK) {
        row->columns = repeat_columns(in);
        row->path = resolve(in, rubor_csv_field(in->csv, in->path));
        row->filing = malloc(sizeof *row->filing);
        if (!row->columns || !row->path || !row->filing)
            return false;
        status = read_filing(in, row->filing, error);
    } else {
        row->columns = empty_columns(in);
        row->path = strdup("");
        if (!row->columns || !row->path)
            return false;
    }
    if (status == RUBOR_OK)
        return true;
    free(row->filing);
    row->filing = NULL;
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
