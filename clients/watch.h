/* A watched folder: which photo files are in it, whole and quiet, each told once until it changes. inotify
 * with a look at the whole folder every few seconds, since a network share tells nothing. One thread. */
#ifndef RUBOR_CLIENTS_WATCH_H
#define RUBOR_CLIENTS_WATCH_H

#include "imaging/status.h"

#include <stdint.h>

enum { RUBOR_WATCH_NAME_SIZE = 256 };

typedef struct rubor_watch rubor_watch;

typedef struct rubor_watched_file {
    char name[RUBOR_WATCH_NAME_SIZE]; /* within the folder */
    int64_t size, mtime_ns;
} rubor_watched_file;

typedef enum rubor_watch_answer {
    RUBOR_WATCH_DONE, /* nothing more to do with this version of the file */
    RUBOR_WATCH_AGAIN /* look at it again soon (half-written), or when it or its sidecar changes */
} rubor_watch_answer;

/* Called with each photo (by its ending: jpg, jpeg, png; hidden files are left alone) that has not changed
 * for RUBOR_WATCH_QUIET_MS. waited_ms: how long this version has been AGAIN. */
typedef rubor_watch_answer (*rubor_watch_look)(void *context, const rubor_watched_file *file,
                                               int64_t waited_ms);

enum { RUBOR_WATCH_QUIET_MS = 250, RUBOR_WATCH_AGAIN_MS = 500, RUBOR_WATCH_RESCAN_MS = 10 * 1000 };

/* RUBOR_NOT_FOUND, RUBOR_UNREADABLE (not a folder). */
rubor_status rubor_watch_open(rubor_watch **out, const char *folder, rubor_watch_look look, void *context,
                              rubor_error *error);
void rubor_watch_close(rubor_watch **watch);
int rubor_watch_fd(const rubor_watch *watch);
/* A file of this name, size and time was dealt with in an earlier run. */
rubor_status rubor_watch_know(rubor_watch *watch, const rubor_watched_file *file, rubor_error *error);
/* Reads what inotify says and looks at what is due. *next_ms: when to call again at the latest, in ms from
 * now. RUBOR_NOT_FOUND: the folder is gone. */
rubor_status rubor_watch_step(rubor_watch *watch, int *next_ms, rubor_error *error);

#endif
