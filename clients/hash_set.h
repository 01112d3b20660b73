/* A set of texts, kept as 64 bits of their SHA-256 each: for "was this said before", where a chance of one in
 * 10^19 of a mistake is none. Grows; zero-initialize. One thread. */
#ifndef RUBOR_CLIENTS_HASH_SET_H
#define RUBOR_CLIENTS_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rubor_hash_set {
    uint64_t *slots; /* 0: free */
    size_t count, capacity;
} rubor_hash_set;

/* True when text was not in the set; it is then (without memory: it is not, and true is the answer again). */
bool rubor_hash_set_add(rubor_hash_set *set, const char *text);
bool rubor_hash_set_has(const rubor_hash_set *set, const char *text);
void rubor_hash_set_finish(rubor_hash_set *set);

#endif
