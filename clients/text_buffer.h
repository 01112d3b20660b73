/* Text that grows. A failed allocation sticks and is told by rubor_text_failed. Zero-initialize. */
#ifndef RUBOR_CLIENTS_TEXT_BUFFER_H
#define RUBOR_CLIENTS_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rubor_text {
    char *data; /* NUL-terminated once anything was put */
    size_t size, capacity;
    bool failed;
} rubor_text;

void rubor_text_finish(rubor_text *text);
void rubor_text_put(rubor_text *text, const char *more);
void rubor_text_putf(rubor_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A field of RFC 4180, quoted where it has to be. */
void rubor_text_put_csv(rubor_text *text, const char *field);

#endif
