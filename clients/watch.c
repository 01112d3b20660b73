#include "clients/watch.h"

#include "clients/clock.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct watched {
    rubor_watched_file file;
    bool done;
    int64_t due_ms, since_ms; /* look at due_ms; this version has been here since since_ms */
    unsigned seen;            /* by which look at the whole folder */
    struct watched *next;
} watched;

struct rubor_watch {
    char folder[3072];
    int inotify;
    bool gone;
    void *by_name; /* tsearch tree of watched */
    watched *entries;
    int64_t rescan_ms;
    unsigned rescans;
    rubor_watch_look look;
    void *context;
};

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const watched *)left)->file.name, ((const watched *)right)->file.name);
}

bool rubor_watch_is_sidecar(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcasecmp(name + length - 5, ".json") == 0;
}

rubor_status rubor_watch_open(rubor_watch **out, const char *folder, rubor_watch_look look, void *context,
                              rubor_error *error)
{
    struct stat about;
    *out = NULL;
    if (strlen(folder) >= sizeof(*out)->folder)
        return rubor_error_set(error, RUBOR_INVALID, "the path of the folder is too long");
    if (stat(folder, &about) != 0)
        return rubor_error_set(error, RUBOR_NOT_FOUND,
                               "%.300s: %s; name the folder that the camera writes into", folder,
                               strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return rubor_error_set(error, RUBOR_UNREADABLE, "%.300s: is not a folder", folder);
    rubor_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    snprintf(watch->folder, sizeof watch->folder, "%s", folder);
    watch->look = look;
    watch->context = context;
    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    uint32_t mask = IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_MODIFY | IN_DELETE |
                    IN_DELETE_SELF | IN_MOVE_SELF;
    rubor_status status = RUBOR_OK;
    if (watch->inotify < 0 || inotify_add_watch(watch->inotify, folder, mask) < 0)
        status = rubor_error_set(error, RUBOR_UNREADABLE, "%.300s: cannot be watched: %s", folder,
                                 strerror(errno));
    *out = watch;
    if (status != RUBOR_OK)
        rubor_watch_close(out);
    return status;
}

void rubor_watch_close(rubor_watch **watch)
{
    if (!watch || !*watch)
        return;
    if ((*watch)->inotify >= 0)
        close((*watch)->inotify);
    for (watched *at = (*watch)->entries; at;) {
        watched *next = at->next;
        tdelete(at, &(*watch)->by_name, compare_names);
        free(at);
        at = next;
    }
    free(*watch);
    *watch = NULL;
}

int rubor_watch_fd(const rubor_watch *watch)
{
    return watch->inotify;
}

/* ---- entries ---- */

static watched *find_entry(rubor_watch *watch, const char *name, bool make)
{
    watched key = {0};
    if (strlen(name) >= sizeof key.file.name)
        return NULL;
    memcpy(key.file.name, name, strlen(name) + 1);
    watched **found = tfind(&key, &watch->by_name, compare_names);
    if (found || !make)
        return found ? *found : NULL;
    watched *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    *made = key;
    if (!tsearch(made, &watch->by_name, compare_names)) {
        free(made);
        return NULL;
    }
    made->next = watch->entries;
    watch->entries = made;
    return made;
}

static bool same_version(const rubor_watched_file *one, const rubor_watched_file *other)
{
    return one->kind == other->kind && one->size == other->size && one->mtime_ns == other->mtime_ns;
}

/* What lies under the name now, without the name. */
static rubor_watched_file examine(const rubor_watch *watch, const char *name)
{
    char path[4096];
    struct stat about;
    rubor_watched_file now = {.kind = RUBOR_WATCHED_GONE};
    snprintf(path, sizeof path, "%s/%s", watch->folder, name);
    if (stat(path, &about) != 0) {
        if (lstat(path, &about) == 0)
            now.kind = RUBOR_WATCHED_NO_TARGET;
        return now;
    }
    now.kind = S_ISREG(about.st_mode)   ? RUBOR_WATCHED_FILE
               : S_ISDIR(about.st_mode) ? RUBOR_WATCHED_FOLDER
                                        : RUBOR_WATCHED_OTHER;
    if (now.kind != RUBOR_WATCHED_FILE)
        return now;
    now.size = about.st_size;
    now.mtime_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec;
    now.here_ms = (int64_t)about.st_ctim.tv_sec * 1000 + about.st_ctim.tv_nsec / 1000000;
    return now;
}

bool rubor_watch_unchanged(const rubor_watch *watch, const rubor_watched_file *file)
{
    rubor_watched_file now = examine(watch, file->name);
    return same_version(&now, file);
}

/* "IMG" of IMG.json belongs to IMG.jpg, "IMG.jpg" of IMG.jpg.json too. */
static bool belongs(const char *sidecar, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t stem = strlen(sidecar) - strlen(".json");
    bool whole_name = strlen(name) == stem, bare = dot && (size_t)(dot - name) == stem;
    return (whole_name || bare) && strncmp(name, sidecar, stem) == 0 && strcmp(name, sidecar) != 0;
}

bool rubor_watch_has_photo_of(const rubor_watch *watch, const char *sidecar)
{
    for (const watched *at = watch->entries; at; at = at->next)
        if (at->file.kind == RUBOR_WATCHED_FILE && belongs(sidecar, at->file.name))
            return true;
    return false;
}

/* The filing of these may be known now. */
static void sidecar_changed(rubor_watch *watch, const char *sidecar)
{
    for (watched *at = watch->entries; at; at = at->next)
        if (!at->done && belongs(sidecar, at->file.name))
            at->due_ms = rubor_clock_ms() + RUBOR_WATCH_QUIET_MS;
}

/* Notes what lies under the name; a version not seen before is looked at when it has been quiet. */
static void refresh(rubor_watch *watch, const char *name)
{
    if (name[0] == '.')
        return;
    rubor_watched_file now = examine(watch, name);
    watched *one = find_entry(watch, name, now.kind != RUBOR_WATCHED_GONE);
    if (!one)
        return;
    one->seen = watch->rescans;
    if (same_version(&one->file, &now) && one->since_ms)
        return;
    memcpy(now.name, one->file.name, sizeof now.name);
    one->file = now;
    one->since_ms = rubor_clock_ms();
    one->due_ms = one->since_ms + RUBOR_WATCH_QUIET_MS;
    one->done = one->done && now.kind == RUBOR_WATCHED_GONE; /* it was dealt with before */
    if (rubor_watch_is_sidecar(name))
        sidecar_changed(watch, name);
}

/* Entries that went unnoticed (a network share) are examined; what is over and gone is not kept. */
static void drop_gone(rubor_watch *watch)
{
    for (watched **at = &watch->entries; *at;) {
        watched *one = *at;
        if (one->seen != watch->rescans)
            refresh(watch, one->file.name);
        if (one->done && one->file.kind == RUBOR_WATCHED_GONE) {
            *at = one->next;
            tdelete(one, &watch->by_name, compare_names);
            free(one);
        } else {
            at = &one->next;
        }
    }
}

static void rescan(rubor_watch *watch)
{
    DIR *folder = opendir(watch->folder);
    watch->rescan_ms = rubor_clock_ms() + RUBOR_WATCH_RESCAN_MS;
    if (!folder)
        return;
    watch->rescans++;
    for (struct dirent *at; (at = readdir(folder));)
        refresh(watch, at->d_name);
    closedir(folder);
    drop_gone(watch);
}

/* Somebody may have been given the right to read it. */
static void hurry(rubor_watch *watch, const char *name)
{
    watched *one = find_entry(watch, name, false);
    if (one && !one->done)
        one->due_ms = rubor_clock_ms() + RUBOR_WATCH_QUIET_MS;
}

static void read_events(rubor_watch *watch)
{
    _Alignas(struct inotify_event) char buffer[16384];
    ssize_t got;
    while ((got = read(watch->inotify, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
                watch->gone = true;
            if (event->mask & IN_Q_OVERFLOW)
                watch->rescan_ms = 0;
            if (event->len > 0)
                refresh(watch, event->name);
            if (event->len > 0 && event->mask & IN_ATTRIB)
                hurry(watch, event->name);
            at += sizeof *event + event->len;
        }
}

static void look_at(rubor_watch *watch, watched *one)
{
    refresh(watch, one->file.name);
    int64_t now = rubor_clock_ms();
    if (one->due_ms > now)
        return; /* changed meanwhile */
    rubor_watch_answer answer = watch->look(watch->context, &one->file, now - one->since_ms);
    one->done = answer == RUBOR_WATCH_DONE;
    one->due_ms = rubor_clock_ms() + (answer == RUBOR_WATCH_AGAIN ? RUBOR_WATCH_AGAIN_MS : RUBOR_WATCH_RESCAN_MS);
}

rubor_status rubor_watch_step(rubor_watch *watch, int *next_ms, rubor_error *error)
{
    read_events(watch);
    if (watch->gone)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%.300s: the watched folder is gone", watch->folder);
    if (watch->rescan_ms <= rubor_clock_ms())
        rescan(watch);
    int64_t next = watch->rescan_ms;
    for (watched *at = watch->entries; at; at = at->next) {
        if (!at->done && at->due_ms <= rubor_clock_ms())
            look_at(watch, at);
        if (!at->done && at->due_ms < next)
            next = at->due_ms;
    }
    int64_t wait = next - rubor_clock_ms();
    *next_ms = wait < 0 ? 0 : wait > RUBOR_WATCH_RESCAN_MS ? RUBOR_WATCH_RESCAN_MS : (int)wait;
    return RUBOR_OK;
}
