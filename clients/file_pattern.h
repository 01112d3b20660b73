/* File names that say what a photo is: a POSIX extended regular expression with named parts,
 * (?<patient>...) (?<session>...) (?<day>...) (?<view>...). \d stands for [0-9]. */
#ifndef RUBOR_CLIENTS_FILE_PATTERN_H
#define RUBOR_CLIENTS_FILE_PATTERN_H

#include "clients/filing.h"

typedef struct rubor_file_pattern rubor_file_pattern;

/* P-17_S1_before.jpg, P-17_S1_3_left.png */
#define RUBOR_FILE_PATTERN_DEFAULT                                                                           \
    "^(?<patient>[A-Za-z0-9.-]+)_(?<session>[A-Za-z0-9.-]+)_(?<day>before|[0-9]{1,4})"                       \
    "(_(?<view>[A-Za-z0-9-]+))?\\.([Jj][Pp][Ee]?[Gg]|[Pp][Nn][Gg])$"

/* RUBOR_INVALID: not a regular expression, an unknown or repeated name. */
rubor_status rubor_file_pattern_create(rubor_file_pattern **out, const char *expression, rubor_error *error);
void rubor_file_pattern_destroy(rubor_file_pattern **pattern);

/* Fills from name what the pattern names. RUBOR_NOT_FOUND: name does not match. RUBOR_INVALID: it does, with
 * a value out of range. */
rubor_status rubor_file_pattern_read(const rubor_file_pattern *pattern, rubor_filing *filing,
                                     const char *name, rubor_error *error);

#endif
