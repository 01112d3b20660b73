/* What the measurements of this folder share: options, and work spread over processes. */
#ifndef RUBOR_TESTS_BENCH_TOOLS_H
#define RUBOR_TESTS_BENCH_TOOLS_H

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>

/* Fills what the table points at. False, after a line on stderr, for anything it does not know. `--help`
 * prints the options and exits. */
bool bench_options(int argc, const char **argv, const struct poptOption *table);

/* "1200x900" into two positive numbers. */
bool bench_size(int *width, int *height, const char *text);

/* Zeroed memory that this process and its children see alike; NULL when there is none. Lives until exit. */
void *bench_memory(size_t bytes);

/* one(context, i) for i from 0 below count, each in its own process, at most `jobs` at a time, in order of i.
 * Results go into memory of bench_memory. False when a process crashed; the others are still run. */
bool bench_run(int count, int jobs, void (*one)(void *context, int index), void *context);

/* For qsort: doubles, ascending. */
int bench_compare(const void *one, const void *other);

/* A cell of a table: the number with so many decimals, "-" where there is none. */
#define BENCH_CELL(decimals, value) bench_cell((char[24]){0}, decimals, value)
const char *bench_cell(char text[24], int decimals, double value);

#endif
