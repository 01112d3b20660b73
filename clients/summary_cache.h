/* The headline of each session as it was last computed: the list of sessions shows it without computing every course
 * again. Thread-safe. */
#ifndef RUBOR_CLIENTS_SUMMARY_CACHE_H
#define RUBOR_CLIENTS_SUMMARY_CACHE_H

#include "clients/review_sentence.h"

enum { RUBOR_SUMMARY_SLOTS = 65536, RUBOR_SUMMARY_SIGNS_SIZE = 128 };

typedef struct rubor_summary {
    rubor_urgency urgency;
    const char *headline;                 /* static */
    char signs[RUBOR_SUMMARY_SIGNS_SIZE]; /* "rebound on day 5, possible pih on day 21"; "": none */
} rubor_summary;

/* Of a reply to rubor.series. */
void rubor_summary_of(rubor_summary *out, const rubor_reply *series);
/* "none", "care", "look". */
const char *rubor_urgency_name(rubor_urgency urgency);

/* At most RUBOR_SUMMARY_SLOTS of them, about 13 MB; the slot of one that gave way is computed again. */
typedef struct rubor_summary_cache rubor_summary_cache;
rubor_status rubor_summary_cache_create(rubor_summary_cache **out, rubor_error *error);
void rubor_summary_cache_destroy(rubor_summary_cache **cache);
/* Whether the summary of this very revision of the session is known. */
bool rubor_summary_cache_get(rubor_summary_cache *cache, rubor_summary *out, const rubor_session_info *session);
void rubor_summary_cache_put(rubor_summary_cache *cache, const rubor_session_info *session, const rubor_summary *summary);
/* Forgets all: a patient was forgotten. */
void rubor_summary_cache_clear(rubor_summary_cache *cache);

#endif
