/* Smaller copies of the pictures that workers made: for the strip of days and for the exported page. */
#ifndef RUBOR_CLIENTS_SMALL_PICTURE_H
#define RUBOR_CLIENTS_SMALL_PICTURE_H

#include "imaging/encode.h"
#include "imaging/photo.h"

enum {
    RUBOR_SMALL_PIXELS = 480 * 360, /* a card of the strip, on a screen of two dots a px */
    RUBOR_SMALL_CACHE_BYTES = 32 * 1024 * 1024
};

/* A JPEG of at most pixels, the same shape; a JPEG that is no larger is copied as it is. Free out->data.
 * RUBOR_CORRUPT, RUBOR_UNSUPPORTED, RUBOR_NO_MEMORY. Reentrant. */
rubor_status rubor_picture_shrink(rubor_buffer *out, rubor_bytes picture, int pixels, rubor_error *error);

/* Remembers small copies by the picture's digest: each is made once while it is asked for, the one asked for longest
 * ago gives way. Thread-safe. */
typedef struct rubor_small_cache rubor_small_cache;

/* bytes: what all copies together may take. */
rubor_status rubor_small_cache_create(rubor_small_cache **out, size_t bytes, rubor_error *error);
void rubor_small_cache_destroy(rubor_small_cache **cache);
/* Forgets all copies. */
void rubor_small_cache_clear(rubor_small_cache *cache);
/* rubor_picture_shrink to RUBOR_SMALL_PIXELS, or the copy made before. */
rubor_status rubor_small_cache_get(rubor_small_cache *cache, rubor_buffer *out, const char *digest, rubor_bytes picture,
                                   rubor_error *error);

#endif
