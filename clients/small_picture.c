#include "clients/small_picture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUALITY = 80, COPIES_MOST = 2048 };

typedef struct copy {
    char digest[RUBOR_DIGEST_SIZE];
    rubor_buffer picture;
    uint64_t asked; /* grows with each question */
} copy;

struct rubor_small_cache {
    pthread_mutex_t lock;
    copy copies[COPIES_MOST];
    int count;
    size_t bytes, bytes_most;
    uint64_t asked;
};

static rubor_status duplicate(rubor_buffer *out, const uint8_t *data, size_t size, rubor_error *error)
{
    *out = (rubor_buffer){malloc(size ? size : 1), size};
    if (!out->data)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a picture");
    memcpy(out->data, data, size);
    return RUBOR_OK;
}

rubor_status rubor_picture_shrink(rubor_buffer *out, rubor_bytes picture, int pixels, rubor_error *error)
{
    *out = (rubor_buffer){0};
    rubor_photo_info info;
    rubor_image_encoded image = {0};
    rubor_decode_options options = {.max_pixels = pixels};
    rubor_status status = rubor_photo_probe(&info, picture, error);
    if (status == RUBOR_OK && info.format == RUBOR_FORMAT_JPEG && (int64_t)info.width * info.height <= pixels)
        return duplicate(out, picture.data, picture.size, error);
    if (status == RUBOR_OK)
        status = rubor_photo_decode(&image, picture, &options, error);
    if (status == RUBOR_OK)
        status = rubor_jpeg_encode(out, &image, QUALITY, true, error);
    rubor_image_encoded_finish(&image);
    return status;
}

rubor_status rubor_small_cache_create(rubor_small_cache **out, size_t bytes, rubor_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    pthread_mutex_init(&(*out)->lock, NULL);
    (*out)->bytes_most = bytes;
    return RUBOR_OK;
}

void rubor_small_cache_clear(rubor_small_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    for (int i = 0; i < cache->count; i++)
        rubor_buffer_finish(&cache->copies[i].picture);
    cache->count = 0;
    cache->bytes = 0;
    pthread_mutex_unlock(&cache->lock);
}

void rubor_small_cache_destroy(rubor_small_cache **cache)
{
    if (!cache || !*cache)
        return;
    rubor_small_cache_clear(*cache);
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

static copy *find(rubor_small_cache *cache, const char *digest)
{
    for (int i = 0; i < cache->count; i++)
        if (strcmp(cache->copies[i].digest, digest) == 0)
            return &cache->copies[i];
    return NULL;
}

static void drop_oldest(rubor_small_cache *cache)
{
    copy *oldest = &cache->copies[0];
    for (int i = 1; i < cache->count; i++)
        if (cache->copies[i].asked < oldest->asked)
            oldest = &cache->copies[i];
    cache->bytes -= oldest->picture.size;
    rubor_buffer_finish(&oldest->picture);
    *oldest = cache->copies[--cache->count];
}

/* What cannot be kept is made again the next time. */
static void keep(rubor_small_cache *cache, const char *digest, const rubor_buffer *picture)
{
    rubor_buffer kept = {0};
    if (picture->size > cache->bytes_most || find(cache, digest) ||
        duplicate(&kept, picture->data, picture->size, NULL) != RUBOR_OK)
        return;
    while (cache->count == COPIES_MOST || cache->bytes + kept.size > cache->bytes_most)
        drop_oldest(cache);
    copy *place = &cache->copies[cache->count++];
    *place = (copy){.picture = kept, .asked = ++cache->asked};
    snprintf(place->digest, sizeof place->digest, "%s", digest);
    cache->bytes += kept.size;
}

rubor_status rubor_small_cache_get(rubor_small_cache *cache, rubor_buffer *out, const char *digest, rubor_bytes picture,
                                   rubor_error *error)
{
    *out = (rubor_buffer){0};
    pthread_mutex_lock(&cache->lock);
    copy *found = find(cache, digest);
    rubor_status status = RUBOR_OK;
    if (found) {
        found->asked = ++cache->asked;
        status = duplicate(out, found->picture.data, found->picture.size, error);
    }
    pthread_mutex_unlock(&cache->lock);
    if (found)
        return status;
    status = rubor_picture_shrink(out, picture, RUBOR_SMALL_PIXELS, error);
    if (status != RUBOR_OK)
        return status;
    pthread_mutex_lock(&cache->lock);
    keep(cache, digest, out);
    pthread_mutex_unlock(&cache->lock);
    return RUBOR_OK;
}
