#include "clients/commands.h"

#include <stdarg.h>
#include <stdio.h>

int rubor_exit_code(rubor_status status)
{
    switch (status) {
    case RUBOR_OK:
        return RUBOR_EXIT_DONE;
    case RUBOR_INVALID:
        return RUBOR_EXIT_USAGE;
    case RUBOR_UNREACHABLE:
    case RUBOR_TIMEOUT:
    case RUBOR_BUSY:
        return RUBOR_EXIT_UNREACHABLE;
    case RUBOR_INTERNAL:
    case RUBOR_NO_MEMORY:
        return RUBOR_EXIT_FAULT;
    default:
        return RUBOR_EXIT_FAILED;
    }
}

int rubor_fail(const char *command, const rubor_error *error)
{
    fprintf(stderr, "rubor %s: %s\n", command, error->message);
    return rubor_exit_code(error->status);
}

int rubor_usage(const char *command, const char *format, ...)
{
    char text[RUBOR_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rubor_error line = {0};
    rubor_error_set(&line, RUBOR_INVALID, "%s; see rubor %s --help", text, command);
    return rubor_fail(command, &line);
}
