#include "clients/commands.h"

#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name, *text;
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
#define X(name, text) {#name, text, rubor_cmd_##name},
    RUBOR_COMMAND_TABLE(X)
#undef X
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_overview(FILE *out)
{
    fputs("Usage: rubor COMMAND [OPTION...]\n"
          "Measures how red and how pigmented skin is in clinic photographs, and follows both over the "
          "days.\n\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].text);
    fputs("\n`rubor COMMAND --help` explains one command, `rubor --version` says which version this is.\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return RUBOR_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_overview(stdout);
        return RUBOR_EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("rubor " RUBOR_VERSION);
        return RUBOR_EXIT_DONE;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    rubor_error error = {0};
    rubor_error_set(&error, RUBOR_INVALID, "there is no command \"%.64s\"; see rubor --help", name);
    fprintf(stderr, "rubor: %s\n", error.message);
    return RUBOR_EXIT_USAGE;
}
