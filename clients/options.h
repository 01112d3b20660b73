/* Command line options of the subcommands: popt underneath, --help everywhere, wrong usage is exit code 2. */
#ifndef RUBOR_CLIENTS_OPTIONS_H
#define RUBOR_CLIENTS_OPTIONS_H

#include "clients/commands.h"
#include "imaging/image.h"

#include <popt.h>

typedef struct rubor_options {
    poptContext context;
    const struct poptOption *table;
    const char *command;
    const char **arguments; /* what is left after the options, NULL-terminated; owned by context */
    int argument_count;
} rubor_options;

/* The last rows of every option table. */
#define RUBOR_OPTIONS_END {"help", 'h', POPT_ARG_NONE, NULL, 'h', "show this help", NULL}, POPT_TABLEEND

/* A row for a text option; *(variable) is NULL when it was not given. A row for a switch. */
#define RUBOR_OPTION_TEXT(name, variable, text, value)                                                       \
    {                                                                                                        \
        name, '\0', POPT_ARG_STRING, variable, 0, text, value                                                \
    }
#define RUBOR_OPTION_SWITCH(name, variable, text)                                                            \
    {                                                                                                        \
        name, '\0', POPT_ARG_NONE, variable, 0, text, NULL                                                   \
    }

/* Parses argv. rest: how the arguments after the options are called in the help ("PHOTO", "" for none); text:
 * one sentence or several lines on what the command does. Returns -1 to go on, else the exit code to end with
 * (help was asked for, or wrong usage, already said on stderr). Call rubor_options_finish in both cases. */
int rubor_options_parse(rubor_options *options, int argc, char **argv, const struct poptOption *table,
                        const char *rest, const char *text, int least_arguments, int most_arguments);
/* Frees the texts that the table's variables hold, and sets them to NULL. */
void rubor_options_finish(rubor_options *options);

/* Whole decimal number least..most; RUBOR_INVALID names the option. */
rubor_status rubor_parse_integer(long *out, const char *option, const char *text, long least, long most,
                                 rubor_error *error);
rubor_status rubor_parse_number(double *out, const char *option, const char *text, double least, double most,
                                rubor_error *error);
/* A polygon option; the error's message names the option. */
rubor_status rubor_parse_polygon(rubor_polygon *out, const char *option, const char *text,
                                 rubor_error *error);

#endif
