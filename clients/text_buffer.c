#include "clients/text_buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rubor_text_finish(rubor_text *text)
{
    if (!text)
        return;
    free(text->data);
    memset(text, 0, sizeof *text);
}

static bool reserve(rubor_text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 - text->size)
        return false;
    if (text->size + more + 1 <= text->capacity)
        return true;
    size_t capacity = 2 * (text->size + more + 1);
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

static void put(rubor_text *text, const char *more, size_t size)
{
    if (!reserve(text, size))
        return;
    memcpy(text->data + text->size, more, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void rubor_text_put(rubor_text *text, const char *more)
{
    put(text, more, strlen(more));
}

void rubor_text_putf(rubor_text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        text->failed = true;
    else
        put(text, line, (size_t)length);
}

void rubor_text_put_csv(rubor_text *text, const char *field)
{
    if (!strpbrk(field, ",\"\r\n")) {
        rubor_text_put(text, field);
        return;
    }
    put(text, "\"", 1);
    for (; *field; field++) {
        if (*field == '"')
            put(text, "\"", 1);
        put(text, field, 1);
    }
    put(text, "\"", 1);
}
