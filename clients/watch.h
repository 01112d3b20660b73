/* A watched folder: what is in it, whole and quiet, each told until its owner is done with it, and again when it
 * changes. inotify, with a look at the whole folder every few seconds, since a network share tells nothing. Times
 * are monotonic or compared for equality only, so that a clock set back does no harm. One thread. */
#ifndef RUBOR_CLIENTS_WATCH_H
#define RUBOR_CLIENTS_WATCH_H

#include "imaging/status.h"

#include <stdint.h>

enum { RUBOR_WATCH_NAME_SIZE = 256 };

typedef struct rubor_watch rubor_watch;

typedef enum rubor_watched_kind {
    RUBOR_WATCHED_FILE, /* also behind a symbolic link */
    RUBOR_WATCHED_FOLDER,
    RUBOR_WATCHED_NO_TARGET, /* a symbolic link to nothing */
    RUBOR_WATCHED_OTHER,     /* a pipe, socket or device */
    RUBOR_WATCHED_GONE       /* taken away before its owner was done with it */
} rubor_watched_kind;

typedef struct rubor_watched_file {
    char name[RUBOR_WATCH_NAME_SIZE]; /* within the folder */
    rubor_watched_kind kind;
    int64_t size, mtime_ns; /* of files; with the name they tell a version from others */
    int64_t here_ms;        /* since 1970: when this version came to (or was renamed in) this folder */
} rubor_watched_file;

typedef enum rubor_watch_answer {
    RUBOR_WATCH_DONE,  /* nothing more to do with this version */
    RUBOR_WATCH_AGAIN, /* look again soon (half-written), or when it or its sidecar changes */
    RUBOR_WATCH_LATER  /* look again after RUBOR_WATCH_RESCAN_MS, or when it or its sidecar changes */
} rubor_watch_answer;

/* Called with each entry (hidden ones are left alone) that has not changed for RUBOR_WATCH_QUIET_MS. waited_ms:
 * since when this version is known. */
typedef rubor_watch_answer (*rubor_watch_look)(void *context, const rubor_watched_file *file,
                                               int64_t waited_ms);

enum { RUBOR_WATCH_QUIET_MS = 250, RUBOR_WATCH_AGAIN_MS = 500, RUBOR_WATCH_RESCAN_MS = 10 * 1000 };

/* RUBOR_NOT_FOUND, RUBOR_UNREADABLE (not a folder). */
rubor_status rubor_watch_open(rubor_watch **out, const char *folder, rubor_watch_look look, void *context,
                              rubor_error *error);
void rubor_watch_close(rubor_watch **watch);
int rubor_watch_fd(const rubor_watch *watch);
/* Whether the version that was told is what lies there now. */
bool rubor_watch_unchanged(const rubor_watch *watch, const rubor_watched_file *file);
/* IMG.json and IMG.jpg.json are sidecars of IMG.jpg. */
bool rubor_watch_is_sidecar(const char *name);
/* Whether the file that a sidecar belongs to is in the folder. */
bool rubor_watch_has_photo_of(const rubor_watch *watch, const char *sidecar);
/* Reads what inotify says and looks at what is due. *next_ms: when to call again at the latest, in ms from
 * now. RUBOR_NOT_FOUND: the folder is gone. */
rubor_status rubor_watch_step(rubor_watch *watch, int *next_ms, rubor_error *error);

#endif
