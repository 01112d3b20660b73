/* Text from outside made safe to print. */
#ifndef RUBOR_CLIENTS_UTF8_H
#define RUBOR_CLIENTS_UTF8_H

#include <stddef.h>

/* Copies text into out (size bytes, NUL-terminated, cut at a whole character), with control characters and
 * bytes that are not UTF-8 (RFC 3629: no overlong forms, no surrogates) as '?'. */
void rubor_utf8_clean(char *out, size_t size, const char *text);

#endif
