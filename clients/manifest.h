/* The manifest of `rubor batch`: RFC 4180 with a header that has path, patient, session, day, and may have
 * view, region, control, profile and others, which are only passed through. */
#ifndef RUBOR_CLIENTS_MANIFEST_H
#define RUBOR_CLIENTS_MANIFEST_H

#include "clients/filing.h"

typedef struct rubor_manifest_row {
    size_t line;
    char *columns;        /* the row as it is repeated in the output, quoted anew */
    char *path;           /* to open: a relative path is taken from the manifest's folder, else from here */
    char *fields; /* how it is filed, as text: a filing is 9 KiB, and there may be 100,000 rows */
    bool before;  /* a photo before treatment */
    char *error;  /* what is wrong with the row; NULL: nothing */
} rubor_manifest_row;

typedef struct rubor_manifest {
    char *header; /* names of the columns, quoted anew */
    size_t count;
    rubor_manifest_row *rows;
} rubor_manifest;

/* RUBOR_INVALID: a column is missing. A bad row is kept with its error. */
rubor_status rubor_manifest_read(rubor_manifest *out, const char *path, rubor_error *error);
/* The filing of a row without an error. */
void rubor_manifest_filing(rubor_filing *out, const rubor_manifest_row *row);
void rubor_manifest_finish(rubor_manifest *manifest);

#endif
