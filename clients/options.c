#include "clients/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const rubor_options *options, const char *rest, const char *text)
{
    printf("Usage: rubor %s [OPTION...]%s%s\n%s\n\nOptions:\n", options->command, *rest ? " " : "", rest,
           text);
    for (const struct poptOption *row = options->table; row->longName || row->shortName; row++) {
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", row->longName, row->argDescrip ? " " : "",
                 row->argDescrip ? row->argDescrip : "");
        printf("  %-24s %s\n", name, row->descrip ? row->descrip : "");
    }
    fputs("\nExit codes: 0 done, 1 a photo or job failed or needs a retake, 2 wrong usage,\n"
          "3 the service could not be reached, 4 an internal fault.\n",
          stdout);
}

/* popt keeps the last of a repeated option in silence: "--day 5 --day 6" would file the photo under day 6. */
static const char *find_repeated(int argc, char **argv, const struct poptOption *table)
{
    for (const struct poptOption *row = table; row->longName || row->shortName; row++) {
        size_t length = row->longName ? strlen(row->longName) : 0;
        int count = 0;
        if (!length || (row->argInfo & POPT_ARG_MASK) != POPT_ARG_STRING)
            continue;
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
            bool named = strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, row->longName, length) == 0;
            bool apart = named && argv[i][length + 2] == '\0';
            count += apart || (named && argv[i][length + 2] == '=');
            i += apart; /* its value is not an option */
        }
        if (count > 1)
            return row->longName;
    }
    return NULL;
}

int rubor_options_parse(rubor_options *options, int argc, char **argv, const struct poptOption *table,
                        const char *rest, const char *text, int least_arguments, int most_arguments)
{
    memset(options, 0, sizeof *options);
    options->table = table;
    options->command = argv[0];
    const char *repeated = find_repeated(argc, argv, table);
    if (repeated)
        return rubor_usage(argv[0], "--%s is given twice", repeated);
    options->context = poptGetContext(NULL, argc, (const char **)(void *)argv, table, 0);
    if (!options->context) {
        rubor_error error = {0};
        rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
        return rubor_fail(argv[0], &error);
    }
    int code;
    while ((code = poptGetNextOpt(options->context)) > 0) {
        if (code == 'h') {
            print_help(options, rest, text);
            return RUBOR_EXIT_DONE;
        }
    }
    if (code < -1)
        return rubor_usage(argv[0], "%s: %s", poptBadOption(options->context, POPT_BADOPTION_NOALIAS),
                           poptStrerror(code));
    options->arguments = poptGetArgs(options->context);
    while (options->arguments && options->arguments[options->argument_count])
        options->argument_count++;
    if (options->argument_count < least_arguments)
        return rubor_usage(argv[0], "%s is missing", rest);
    if (options->argument_count > most_arguments)
        return rubor_usage(argv[0], "\"%.200s\" is one argument too many",
                           options->arguments[most_arguments]);
    return -1;
}

void rubor_options_finish(rubor_options *options)
{
    for (const struct poptOption *row = options->table; row && (row->longName || row->shortName); row++) {
        if ((row->argInfo & POPT_ARG_MASK) == POPT_ARG_STRING && row->arg) {
            char **text = row->arg;
            free(*text);
            *text = NULL;
        }
    }
    if (options->context)
        poptFreeContext(options->context);
    memset(options, 0, sizeof *options);
}

rubor_status rubor_parse_integer(long *out, const char *option, const char *text, long least, long most,
                                 rubor_error *error)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    bool starts_well = (*text >= '0' && *text <= '9') || *text == '-';
    if (!starts_well || end == text || *end || errno || value < least || value > most)
        return rubor_error_set(error, RUBOR_INVALID, "--%s %.40s: give a whole number from %ld to %ld",
                               option, text, least, most);
    *out = value;
    return RUBOR_OK;
}

rubor_status rubor_parse_number(double *out, const char *option, const char *text, double least, double most,
                                rubor_error *error)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < least || value > most)
        return rubor_error_set(error, RUBOR_INVALID, "--%s %.40s: give a number from %g to %g", option, text,
                               least, most);
    *out = value;
    return RUBOR_OK;
}

rubor_status rubor_parse_polygon(rubor_polygon *out, const char *option, const char *text, rubor_error *error)
{
    rubor_status status = rubor_polygon_parse(out, text, error);
    if (status != RUBOR_OK) {
        char prefix[48];
        snprintf(prefix, sizeof prefix, "--%s", option);
        rubor_error_prefix(error, prefix);
    }
    return status;
}
