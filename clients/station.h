/* What the two halves of `rubor station` share: the folder that is watched, the spool that is sent. One thread. */
#ifndef RUBOR_CLIENTS_STATION_H
#define RUBOR_CLIENTS_STATION_H

#include "clients/courier.h"
#include "clients/file_pattern.h"
#include "clients/hash_set.h"
#include "clients/spool.h"
#include "clients/watch.h"

/* A photo on its way, or an accepted one whose result is awaited. */
typedef struct rubor_on_the_way {
    rubor_parcel parcel;
    rubor_spool_item item;
    rubor_buffer photo;
    struct rubor_station *station;
    struct rubor_on_the_way *next;
} rubor_on_the_way;

/* Items of a place still to be taken up, listed once for many. */
typedef struct rubor_pending_items {
    char (*ids)[RUBOR_SPOOL_ID_SIZE];
    size_t count, next;
} rubor_pending_items;

typedef struct rubor_station {
    const char *folder;
    rubor_filing defaults;
    rubor_file_pattern *pattern;
    rubor_spool *spool;
    rubor_watch *watch;
    rubor_courier courier;
    rubor_on_the_way *moving;
    size_t moving_count;
    rubor_pending_items queue, waiting, refused;
    int64_t spool_look_ms, refused_until_ms, refused_look_ms;
    bool away;           /* said that the broker is not there */
    rubor_hash_set told; /* troubles that were told */
    rubor_hash_set done; /* sources of photos that are in the spool or were sent */
} rubor_station;

/* A line about a photo on stdout, "NAME: text". */
void rubor_station_say(const char *name, const char *text);
/* A line about a trouble on stderr, once for each occasion: a version of a file, an hour, ... */
void rubor_station_complain(rubor_station *station, const char *name, int64_t occasion, const char *text);

/* Everything that lies in the folder comes here (context: the station): a photo goes into the spool, anything
 * else is told. */
rubor_watch_answer rubor_station_look(void *context, const rubor_watched_file *file, int64_t waited_ms);
/* Files that earlier runs dealt with are not read again. */
void rubor_station_remember(rubor_station *station);

#endif
