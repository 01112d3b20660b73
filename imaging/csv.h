/* Reading CSV (RFC 4180) from a memory buffer, one record at a time: chart tables, batch manifests.
 *
 * Accepted: LF or CRLF line ends, a UTF-8 byte order mark, quoted fields (with commas, line ends and doubled
 * quotes inside), a missing last line end; empty lines are skipped. Refused with the line number
 * (RUBOR_INVALID): a quote inside an unquoted field, text after a closing quote, a quote that never closes, a
 * NUL byte, a bare CR, a record beyond RUBOR_LIMIT_CSV_LINE_BYTES or RUBOR_CSV_FIELDS, a record whose number
 * of fields differs from the header's, a header with an empty or repeated name.
 *
 * Ownership: the reader borrows the bytes; fields point into the reader and hold until the next call.
 * Thread rule: one reader belongs to one thread. */
#ifndef RUBOR_IMAGING_CSV_H
#define RUBOR_IMAGING_CSV_H

#include "imaging/status.h"

#include <stddef.h>

enum { RUBOR_CSV_FIELDS = 256 };

typedef struct rubor_csv rubor_csv;

/* Reads the header record. NULL on error (also on an empty buffer). */
rubor_status rubor_csv_create(rubor_csv **out, const void *data, size_t size, rubor_error *error);
void rubor_csv_destroy(rubor_csv **csv);

/* Column of a header name (exact match), -1 when absent. */
int rubor_csv_column(const rubor_csv *csv, const char *name);
/* As above, but RUBOR_INVALID "column "x" is missing ..." when absent. */
rubor_status rubor_csv_require(int *column, const rubor_csv *csv, const char *name, rubor_error *error);
size_t rubor_csv_column_count(const rubor_csv *csv);
const char *rubor_csv_column_name(const rubor_csv *csv, size_t column);

/* Reads the next record; *more is false at the end (then no fields). After an error the next call goes on
 * with the next line, so that a caller may list bad lines and continue. */
rubor_status rubor_csv_next(rubor_csv *csv, bool *more, rubor_error *error);
/* A field of the current record, NUL-terminated; "" for column -1 or past the last one. */
const char *rubor_csv_field(const rubor_csv *csv, int column);
/* The line on which the current record starts, from 1. */
size_t rubor_csv_line(const rubor_csv *csv);
/* A field as a finite decimal number; RUBOR_INVALID with line and column name. */
rubor_status rubor_csv_number(double *out, const rubor_csv *csv, int column, rubor_error *error);

#endif
