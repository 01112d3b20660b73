#include "clients/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed character at text, 0 for an ill-formed one (RFC 3629 section 4). */
static size_t character_length(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xc2 && text[0] <= 0xdf   ? 2
                    : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                    : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                         : 0;
    unsigned char least = text[0] == 0xe0 ? 0xa0 : text[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = text[0] == 0xed ? 0x9f : text[0] == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < length; i++) {
        if (text[i] < least || text[i] > most)
            return 0;
        least = 0x80;
        most = 0xbf;
    }
    return length;
}

void rubor_utf8_clean(char *out, size_t size, const char *text)
{
    const unsigned char *from = (const unsigned char *)text;
    size_t used = 0;
    while (*from) {
        size_t length = character_length(from);
        size_t take = length ? length : 1;
        if (used + take + 1 > size)
            break;
        if (length == 0 || *from < 0x20 || *from == 0x7f)
            out[used] = '?';
        else
            memcpy(out + used, from, take);
        used += take;
        from += take;
    }
    out[used] = '\0';
}
