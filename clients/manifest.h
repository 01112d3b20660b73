/* The manifest of `rubor batch`: RFC 4180 with a header that has path, patient, session, day, and may have
 * view, region, control, profile and others, which are only passed through. */
#ifndef RUBOR_CLIENTS_MANIFEST_H
#define RUBOR_CLIENTS_MANIFEST_H

#include "clients/filing.h"

typedef struct rubor_manifest_row {
    size_t line;
    char *columns;        /* the row as it is repeated in the output, quoted anew */
    char *path;           /* to open: a relative path is taken from the manifest's folder, else from here */
    rubor_filing *filing; /* NULL: error says what is wrong with the row */
    char *error;
} rubor_manifest_row;

typedef struct rubor_manifest {
    char *header; /* names of the columns, quoted anew */
    size_t count;
    rubor_manifest_row *rows;
} rubor_manifest;

/* RUBOR_INVALID: a column is missing. A bad row is kept with its error. */
rubor_status rubor_manifest_read(rubor_manifest *out, const char *path, rubor_error *error);
void rubor_manifest_finish(rubor_manifest *manifest);

#endif
