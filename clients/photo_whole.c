#include "clients/photo_whole.h"

#include <string.h>

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool begins(rubor_bytes bytes, const uint8_t *with, size_t size)
{
    size_t least = bytes.size < size ? bytes.size : size;
    return memcmp(bytes.data, with, least) == 0;
}

static bool png_is_whole(rubor_bytes bytes)
{
    size_t at = sizeof png_signature;
    while (at <= bytes.size && bytes.size - at >= 12) {
        const uint8_t *chunk = bytes.data + at;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            return true;
        if (length > bytes.size - at - 12)
            return false;
        at += 12 + length;
    }
    return false;
}

/* Entropy-coded data: up to the next marker that is neither a stuffed zero nor a restart. */
static size_t skip_scan(rubor_bytes bytes, size_t at)
{
    while (at + 1 < bytes.size) {
        const uint8_t *marker = memchr(bytes.data + at, 0xff, bytes.size - at - 1);
        if (!marker)
            return bytes.size;
        at = (size_t)(marker - bytes.data);
        uint8_t code = marker[1];
        if (code != 0 && code != 0xff && !(code >= 0xd0 && code <= 0xd7))
            return at;
        at += code == 0xff ? 1 : 2;
    }
    return bytes.size;
}

static bool jpeg_is_whole(rubor_bytes bytes)
{
    size_t at = 2;
    while (at + 1 < bytes.size) {
        if (bytes.data[at] != 0xff) {
            at++;
            continue;
        }
        uint8_t code = bytes.data[at + 1];
        if (code == 0xff) {
            at++;
            continue;
        }
        if (code == 0xd9)
            return true;
        at += 2;
        if (code == 0 || code == 1 || (code >= 0xd0 && code <= 0xd8))
            continue;
        if (bytes.size - at < 2)
            return false;
        size_t length = (size_t)bytes.data[at] << 8 | bytes.data[at + 1];
        if (length < 2 || length > bytes.size - at)
            return false;
        at += length;
        if (code == 0xda)
            at = skip_scan(bytes, at);
    }
    return false;
}

rubor_photo_shape rubor_photo_shape_of(rubor_bytes bytes)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    if (bytes.size == 0)
        return RUBOR_SHAPE_PARTIAL;
    if (begins(bytes, jpeg, sizeof jpeg))
        return bytes.size > sizeof jpeg && jpeg_is_whole(bytes) ? RUBOR_SHAPE_WHOLE : RUBOR_SHAPE_PARTIAL;
    if (begins(bytes, png_signature, sizeof png_signature))
        return bytes.size > sizeof png_signature && png_is_whole(bytes) ? RUBOR_SHAPE_WHOLE
                                                                        : RUBOR_SHAPE_PARTIAL;
    return RUBOR_SHAPE_OTHER;
}
