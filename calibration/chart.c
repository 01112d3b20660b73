/* Chart tables. Values: X-Rite, CIELAB D50 / 2 degree, charts made before and after November 2014. */
#include "calibration/chart.h"

#include "imaging/csv.h"
#include "imaging/photo.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_BYTES_MAX = 64 * 1024 };

#define PATCH_NAMES                                                                                          \
    "dark skin", "light skin", "blue sky", "foliage", "blue flower", "bluish green", "orange",               \
        "purplish blue", "moderate red", "purple", "yellow green", "orange yellow", "blue", "green", "red",  \
        "yellow", "magenta", "cyan", "white 9.5", "neutral 8", "neutral 6.5", "neutral 5", "neutral 3.5",    \
        "black 2"

static const rubor_chart_table before_2014 = {
    .type = "colorchecker24",
    .edition = RUBOR_EDITION_BEFORE_2014,
    .names = {PATCH_NAMES},
    .lab_d50 = {
        {37.986, 13.555, 14.059},  {65.711, 18.13, 17.81},    {49.927, -4.88, -21.905},
        {43.139, -13.095, 21.905}, {55.112, 8.844, -25.399},  {70.719, -33.397, -0.199},
        {62.661, 36.067, 57.096},  {40.02, 10.41, -45.964},   {51.124, 48.239, 16.248},
        {30.325, 22.976, -21.587}, {72.532, -23.709, 57.255}, {71.941, 19.363, 67.857},
        {28.778, 14.179, -50.297}, {55.261, -38.342, 31.37},  {42.101, 53.378, 28.19},
        {81.733, 4.039, 79.819},   {51.935, 49.986, -14.574}, {51.038, -28.631, -28.638},
        {96.539, -0.425, 1.186},   {81.257, -0.638, -0.335},  {66.766, -0.734, -0.504},
        {50.867, -0.153, -0.27},   {35.656, -0.421, -1.231},  {20.461, -0.079, -0.973},
    }};

static const rubor_chart_table after_2014 = {
    .type = "colorchecker24",
    .edition = RUBOR_EDITION_AFTER_2014,
    .names = {PATCH_NAMES},
    .lab_d50 = {
        {37.54, 14.37, 14.92},  {64.66, 19.27, 17.5},    {49.32, -3.82, -22.54}, {43.46, -12.74, 22.72},
        {54.94, 9.61, -24.79},  {70.48, -32.26, -0.37},  {62.73, 35.83, 56.5},   {39.43, 10.75, -45.17},
        {50.57, 48.64, 16.67},  {30.1, 22.54, -20.87},   {71.77, -24.13, 58.19}, {71.51, 18.24, 67.37},
        {28.37, 15.42, -49.8},  {54.38, -39.72, 32.27},  {42.43, 51.05, 28.62},  {81.8, 2.67, 80.41},
        {50.63, 51.28, -14.12}, {49.57, -29.71, -28.32}, {95.19, -1.03, 2.93},   {81.29, -0.57, 0.44},
        {66.89, -0.75, -0.06},  {50.76, -0.13, 0.14},    {35.63, -0.46, -0.48},  {20.64, 0.07, -0.46},
    }};

static const char *const edition_names[] = {"guess", "before2014", "after2014", "own"};

const rubor_chart_table *rubor_chart_table_get(rubor_chart_edition edition)
{
    assert(edition == RUBOR_EDITION_BEFORE_2014 || edition == RUBOR_EDITION_AFTER_2014);
    return edition == RUBOR_EDITION_BEFORE_2014 ? &before_2014 : &after_2014;
}

const char *rubor_chart_edition_name(rubor_chart_edition edition)
{
    assert(edition >= RUBOR_EDITION_GUESS && edition <= RUBOR_EDITION_OWN);
    return edition_names[edition];
}

rubor_status rubor_chart_edition_parse(rubor_chart_edition *out, const char *text, rubor_error *error)
{
    for (int i = RUBOR_EDITION_GUESS; i <= RUBOR_EDITION_OWN; i++)
        if (strcmp(text, edition_names[i]) == 0) {
            *out = (rubor_chart_edition)i;
            return RUBOR_OK;
        }
    return rubor_error_set(error, RUBOR_INVALID,
                           "chart edition '%.40s' is not known; use before2014 or after2014", text);
}

/* One data row; index counts from 0. */
static rubor_status table_row(rubor_chart_table *out, int index, const rubor_csv *csv, const int column[4],
                              rubor_error *error)
{
    const char *name = rubor_csv_field(csv, column[0]);
    if (index >= RUBOR_CHART_PATCHES)
        return rubor_error_set(error, RUBOR_CORRUPT, "line %zu: more than %d patches", rubor_csv_line(csv),
                               RUBOR_CHART_PATCHES);
    if (*name == '\0' || strlen(name) >= sizeof out->names[index])
        return rubor_error_set(error, RUBOR_CORRUPT, "line %zu: a patch name has 1 to %zu bytes",
                               rubor_csv_line(csv), sizeof out->names[index] - 1);
    memcpy(out->names[index], name, strlen(name) + 1);
    double value[3];
    for (int k = 0; k < 3; k++)
        if (rubor_csv_number(&value[k], csv, column[k + 1], error) != RUBOR_OK)
            return error ? error->status : RUBOR_INVALID;
    if (value[0] < 0 || value[0] > 110 || fabs(value[1]) > 200 || fabs(value[2]) > 200)
        return rubor_error_set(error, RUBOR_CORRUPT, "line %zu: %g, %g, %g is not a color in CIELAB",
                               rubor_csv_line(csv), value[0], value[1], value[2]);
    out->lab_d50[index] = (rubor_lab){value[0], value[1], value[2]};
    return RUBOR_OK;
}

static rubor_status table_read(rubor_chart_table *out, const void *data, size_t size, rubor_error *error)
{
    static const char *const columns[4] = {"name", "L", "a", "b"};
    rubor_csv *csv = NULL;
    int column[4] = {0}, count = 0;
    bool more = true;
    rubor_status status = rubor_csv_create(&csv, data, size, error);
    for (int k = 0; status == RUBOR_OK && k < 4; k++)
        status = rubor_csv_require(&column[k], csv, columns[k], error);
    while (status == RUBOR_OK && (status = rubor_csv_next(csv, &more, error)) == RUBOR_OK && more)
        status = table_row(out, count++, csv, column, error);
    if (status == RUBOR_OK && count != RUBOR_CHART_PATCHES)
        status = rubor_error_set(error, RUBOR_CORRUPT, "line %zu: the table ends after %d of %d patches",
                                 rubor_csv_line(csv), count, RUBOR_CHART_PATCHES);
    rubor_csv_destroy(&csv);
    return status;
}

static rubor_status table_of_bytes(rubor_chart_table *out, const void *data, size_t size, rubor_error *own)
{
    *out = (rubor_chart_table){.type = "own", .edition = RUBOR_EDITION_OWN};
    rubor_status status = table_read(out, data, size, own);
    if (status == RUBOR_INVALID)
        status = own->status = RUBOR_CORRUPT; /* a bad file is damaged, not a bad argument */
    return status;
}

rubor_status rubor_chart_table_read(rubor_chart_table *out, const void *data, size_t size, rubor_error *error)
{
    rubor_error own = {0};
    rubor_status status = size > TABLE_BYTES_MAX ? rubor_error_set(&own, RUBOR_TOO_LARGE,
                                                                   "more than %d bytes", (int)TABLE_BYTES_MAX)
                                                 : table_of_bytes(out, data, size, &own);
    if (status != RUBOR_OK)
        rubor_error_prefix(&own, "the chart table");
    if (status != RUBOR_OK && error)
        *error = own;
    return status;
}

rubor_status rubor_chart_table_load(rubor_chart_table *out, const char *path, rubor_error *error)
{
    rubor_error own = {0};
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, TABLE_BYTES_MAX, &own);
    if (status == RUBOR_OK) {
        status = table_of_bytes(out, data, size, &own);
        if (status != RUBOR_OK)
            rubor_error_prefix(&own, path);
    }
    free(data);
    if (status != RUBOR_OK && error)
        *error = own;
    return status;
}
