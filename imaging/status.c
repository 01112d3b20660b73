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

/* How many bytes the character at text has in UTF-8 (Unicode 15, table 3-7); 0: it is none. Stops at the
 * final NUL, which is no continuation. */
static int character_size(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f; /* no surrogates */
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    int size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (int i = 2; i < size; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return size;
}

/* A hostile file name or message must not write a second line or move the cursor, and a message that is sent
 * must be UTF-8: raw bytes of a file, or a character that a limit cut in two, become '?'. */
static void make_one_line(char *text)
{
    while (*text) {
        int size = character_size((unsigned char *)text);
        bool control = (unsigned char)*text < 0x20 || *text == 0x7f ||
                       ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0); /* C1 */
        if (size == 0 || (control && size == 1))
            *text = '?';
        else if (control)
            text[0] = text[1] = '?';
        text += size ? size : 1;
    }
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
