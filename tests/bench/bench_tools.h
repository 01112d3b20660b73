/* What the measurements of this folder share: options, and work spread over processes. */
#ifndef RUBOR_TESTS_BENCH_TOOLS_H
#define RUBOR_TESTS_BENCH_TOOLS_H

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>

/* What every measurement of rendered photos takes. */
typedef struct bench_common {
    int jobs, width, height, each;
    long long seed;
    char *size; /* as given; bench_options reads width and height from it and frees it */
} bench_common;

/* The end of an option table. */
#define BENCH_COMMON_OPTIONS(common)                                                                         \
    {"seed", 0, POPT_ARG_LONGLONG, &(common)->seed, 0, "seed of the first; the others follow", "S"},         \
        {"jobs", 0, POPT_ARG_INT, &(common)->jobs, 0, "processes at a time", "J"},                           \
        {"size", 0, POPT_ARG_STRING, &(common)->size, 0, "pixels of a photo", "WxH"},                        \
        {"each", 0, POPT_ARG_NONE, &(common)->each, 0, "a line for every one", NULL},                        \
        POPT_AUTOHELP POPT_TABLEEND

/* Fills what the table points at. False, after a line on stderr, for anything it does not know. `--help`
 * prints the options and exits. */
bool bench_options(bench_common *common, int argc, const char **argv, const struct poptOption *table);

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
