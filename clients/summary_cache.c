#include "clients/summary_cache.h"

#include "imaging/photo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 4, KEY = 33 };

typedef struct slot {
    char key[KEY]; /* half a digest of patient and session; "": free */
    int64_t revision;
    uint64_t put; /* the one put longest ago gives way */
    rubor_summary summary;
} slot;

struct rubor_summary_cache {
    pthread_mutex_t lock;
    uint64_t puts;
    slot *slots; /* RUBOR_SUMMARY_SLOTS */
};

const char *rubor_urgency_name(rubor_urgency urgency)
{
    static const char *const names[] = {
        [RUBOR_URGENCY_NONE] = "none", [RUBOR_URGENCY_CARE] = "care", [RUBOR_URGENCY_LOOK] = "look"};
    return names[urgency];
}

void rubor_summary_of(rubor_summary *out, const rubor_reply *series)
{
    memset(out, 0, sizeof *out);
    out->urgency = rubor_review_headline(&out->headline, series);
    const rubor_series *found = series->series;
    for (int i = 0; found && i < found->flag_count; i++) {
        char words[RUBOR_FLAG_WORDS_SIZE];
        if (rubor_review_flag_is_about_photos(found->flags[i].code))
            continue;
        rubor_review_flag(words, found->flags[i].code, RUBOR_DAY_UNKNOWN);
        size_t used = strlen(out->signs);
        snprintf(out->signs + used, sizeof out->signs - used, "%s%s on day %d", used ? ", " : "", words,
                 found->flags[i].day);
    }
}

rubor_status rubor_summary_cache_create(rubor_summary_cache **out, rubor_error *error)
{
    rubor_summary_cache *cache = *out = calloc(1, sizeof *cache);
    if (cache)
        cache->slots = calloc(RUBOR_SUMMARY_SLOTS, sizeof *cache->slots);
    if (cache && cache->slots) {
        pthread_mutex_init(&cache->lock, NULL);
        return RUBOR_OK;
    }
    free(cache);
    *out = NULL;
    return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
}

void rubor_summary_cache_destroy(rubor_summary_cache **cache)
{
    if (!cache || !*cache)
        return;
    pthread_mutex_destroy(&(*cache)->lock);
    free((*cache)->slots);
    free(*cache);
    *cache = NULL;
}

void rubor_summary_cache_clear(rubor_summary_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    memset(cache->slots, 0, RUBOR_SUMMARY_SLOTS * sizeof *cache->slots);
    pthread_mutex_unlock(&cache->lock);
}

/* The session's slot, or the one that it may take. */
static slot *find(rubor_summary_cache *cache, char key[KEY], const rubor_session_info *session)
{
    char names[2 * RUBOR_NAME_SIZE + 2], digest[RUBOR_DIGEST_SIZE];
    int size = snprintf(names, sizeof names, "%s\n%s", session->patient, session->session);
    rubor_digest(digest, (rubor_bytes){(const uint8_t *)names, (size_t)size});
    snprintf(key, KEY, "%.32s", digest);
    digest[8] = '\0';
    size_t at = strtoul(digest, NULL, 16);
    slot *out = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        slot *one = &cache->slots[(at + i) % RUBOR_SUMMARY_SLOTS];
        if (strcmp(one->key, key) == 0)
            return one;
        if (!out || one->put < out->put)
            out = one;
    }
    return out;
}

bool rubor_summary_cache_get(rubor_summary_cache *cache, rubor_summary *out, const rubor_session_info *session)
{
    char key[KEY];
    pthread_mutex_lock(&cache->lock);
    const slot *one = find(cache, key, session);
    bool known = strcmp(one->key, key) == 0 && one->revision == session->revision;
    if (known)
        *out = one->summary;
    pthread_mutex_unlock(&cache->lock);
    return known;
}

void rubor_summary_cache_put(rubor_summary_cache *cache, const rubor_session_info *session, const rubor_summary *summary)
{
    char key[KEY];
    pthread_mutex_lock(&cache->lock);
    slot *one = find(cache, key, session);
    memcpy(one->key, key, sizeof one->key);
    one->revision = session->revision;
    one->summary = *summary;
    one->put = ++cache->puts;
    pthread_mutex_unlock(&cache->lock);
}
