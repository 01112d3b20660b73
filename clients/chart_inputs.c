#include "clients/inputs.h"
#include "clients/options.h"

#include <stdlib.h>
#include <string.h>

enum { PROFILE_BYTES = 4 * 1024 * 1024 };

static bool names(const char *message, const char *path)
{
    return strstr(message, path) != NULL;
}

rubor_status rubor_input_chart(rubor_chart_options *chart, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    if (chart->corners_text) {
        rubor_polygon polygon;
        status = rubor_parse_polygon(&polygon, "corners", chart->corners_text, error);
        if (status == RUBOR_OK && polygon.count != 4)
            status =
                rubor_error_set(error, RUBOR_INVALID, "--corners: give 4 points, not %zu", polygon.count);
        if (status != RUBOR_OK)
            return status;
        memcpy(chart->corners_px, polygon.points, sizeof chart->corners_px);
        chart->corners_given = true;
    }
    if (chart->edition_text) {
        status = rubor_chart_edition_parse(&chart->edition, chart->edition_text, error);
        if (status != RUBOR_OK) {
            rubor_error_prefix(error, "--edition");
            return status;
        }
    }
    if (chart->table_path) {
        status = rubor_chart_table_load(&chart->table, chart->table_path, error);
        chart->table_given = status == RUBOR_OK;
        if (status != RUBOR_OK && error && !names(error->message, chart->table_path))
            rubor_error_prefix(error, chart->table_path);
    }
    return status;
}

rubor_status rubor_input_profile(rubor_profile *out, const char *path, rubor_error *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, PROFILE_BYTES, error);
    if (status == RUBOR_OK)
        status = rubor_profile_read(out, (const char *)data, size, error);
    if (status != RUBOR_OK && error && !names(error->message, path))
        rubor_error_prefix(error, path);
    free(data);
    return status;
}
