#include "clients/hash_set.h"

#include "imaging/photo.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *text)
{
    char digest[RUBOR_DIGEST_SIZE];
    rubor_digest(digest, (rubor_bytes){(const uint8_t *)text, strlen(text)});
    digest[16] = '\0';
    uint64_t hash = strtoull(digest, NULL, 16);
    return hash ? hash : 1;
}

static uint64_t *find_slot(uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (slots[at] && slots[at] != hash)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static bool grow(rubor_hash_set *set)
{
    size_t capacity = set->capacity ? 2 * set->capacity : 256;
    uint64_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i])
            *find_slot(slots, capacity, set->slots[i]) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
    return true;
}

bool rubor_hash_set_add(rubor_hash_set *set, const char *text)
{
    if (2 * (set->count + 1) > set->capacity && !grow(set))
        return true;
    uint64_t hash = hash_of(text), *slot = find_slot(set->slots, set->capacity, hash);
    if (*slot)
        return false;
    *slot = hash;
    set->count++;
    return true;
}

bool rubor_hash_set_has(const rubor_hash_set *set, const char *text)
{
    return set->capacity && *find_slot(set->slots, set->capacity, hash_of(text));
}

void rubor_hash_set_finish(rubor_hash_set *set)
{
    free(set->slots);
    memset(set, 0, sizeof *set);
}
