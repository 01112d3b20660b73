/* What `analyze` and `calibrate` read besides the photo: files, chart options, station profiles. Errors name
 * the file or the option and what to do. */
#ifndef RUBOR_CLIENTS_INPUTS_H
#define RUBOR_CLIENTS_INPUTS_H

#include "calibration/profile.h"
#include "imaging/photo.h"

typedef struct rubor_file {
    const char *path; /* borrowed */
    uint8_t *data;
    size_t size;
} rubor_file;

rubor_status rubor_input_photo(rubor_file *out, const char *path, rubor_error *error);
void rubor_file_finish(rubor_file *file);
rubor_bytes rubor_file_bytes(const rubor_file *file);

typedef struct rubor_chart_options {
    /* as given on the command line, or NULL */
    char *corners_text, *edition_text, *table_path;
    /* as read by rubor_input_chart */
    bool corners_given, table_given;
    rubor_point corners_px[4];
    rubor_chart_edition edition;
    rubor_chart_table table;
} rubor_chart_options;

/* Rows of a popt table that fill a rubor_chart_options. */
#define RUBOR_CHART_OPTIONS(chart)                                                                           \
    RUBOR_OPTION_TEXT("corners", &(chart).corners_text,                                                      \
                      "chart by hand: outer corners of dark skin, bluish green, black, white", "POLY"),      \
        RUBOR_OPTION_TEXT("edition", &(chart).edition_text,                                                  \
                          "which chart values: before2014 or after2014 (default: by fit)", "EDITION"),       \
        RUBOR_OPTION_TEXT("chart-table", &(chart).table_path,                                                \
                          "your own chart's values: name,L,a,b in D50, 24 rows", "CSV")

rubor_status rubor_input_chart(rubor_chart_options *chart, rubor_error *error);
rubor_status rubor_input_profile(rubor_profile *out, const char *path, rubor_error *error);

/* Whether path can be written without harm, before work begins: its folder takes files, it is no folder, and it
 * is none of the count inputs (NULL ones are passed over), which would be lost. Errors name option and path. */
rubor_status rubor_output_check(const char *option, const char *path, const char *const *inputs, size_t count,
                                rubor_error *error);
/* Makes the folder unless it is there; *made says whether this call did. */
rubor_status rubor_folder_make(const char *path, bool *made, rubor_error *error);

#endif
