#include "imaging/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *rubor_status_name(rubor_status status)
{
    switch (status) {
#define X(name, text, retryable, wire)                                                                       \
    case RUBOR_##name:                                                                                       \
        return #name;
        RUBOR_STATUS_TABLE(X)
#undef X
    }
    return "UNKNOWN";
}

const char *rubor_status_text(rubor_status status)
{
    switch (status) {
#define X(name, text, retryable, wire)                                                                       \
    case RUBOR_##name:                                                                                       \
        return text;
        RUBOR_STATUS_TABLE(X)
#undef X
    }
    return "unknown status";
}

bool rubor_status_retryable(rubor_status status)
{
    switch (status) {
#define X(name, text, retryable, wire)                                                                       \
    case RUBOR_##name:                                                                                       \
        return retryable;
        RUBOR_STATUS_TABLE(X)
#undef X
    }
    return false;
}

rubor_status rubor_status_from_wire(int wire_code)
{
    switch (wire_code) {
#define X(name, text, retryable, wire)                                                                       \
    case wire:                                                                                               \
        return RUBOR_##name;
        RUBOR_STATUS_TABLE(X)
#undef X
    }
    return RUBOR_INTERNAL;
}

/* A hostile file name or message must not write a second line or move the cursor. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

rubor_status rubor_error_set(rubor_error *error, rubor_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        make_one_line(error->message);
        error->status = status;
    }
    return status;
}

rubor_status rubor_error_prefix(rubor_error *error, const char *prefix)
{
    if (!error)
        return RUBOR_INTERNAL;
    char message[RUBOR_ERROR_MESSAGE_SIZE];
    memcpy(message, error->message, sizeof message);
    return rubor_error_set(error, error->status, "%s: %s", prefix, message);
}
