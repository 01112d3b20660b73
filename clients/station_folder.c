/* From the watched folder into the spool. */
#include "clients/inputs.h"
#include "clients/photo_kind.h"
#include "clients/photo_whole.h"
#include "clients/station.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILING_PATIENCE_MS = 2000,   /* for a sidecar that is written after its photo */
    OTHER_PATIENCE_MS = 2000,    /* for a file that gets its real name when it is whole */
    PARTIAL_PATIENCE_MS = 30000, /* then what has no end is told to be damaged */
    SIDECAR_BYTES = 64 * 1024
};

/* ---- how it is filed ---- */

static rubor_status read_sidecar(rubor_filing *filing, const char *path, rubor_error *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, SIDECAR_BYTES, error);
    if (status != RUBOR_OK)
        return status;
    json_error_t where;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &where);
    free(data);
    if (!json)
        return rubor_error_set(error, RUBOR_CORRUPT, "%.200s: line %d: %s", path, where.line, where.text);
    status = rubor_filing_from_json(filing, json, error);
    json_decref(json);
    if (status != RUBOR_OK)
        rubor_error_prefix(error, path);
    return status;
}

/* What the name says, then what IMG.jpg.json or IMG.json says over it. */
static rubor_status find_filing(const rubor_station *s, rubor_filing *filing, const char *name,
                                rubor_error *error)
{
    char path[4096];
    const char *dot = strrchr(name, '.');
    *filing = s->defaults;
    rubor_status status = rubor_file_pattern_read(s->pattern, filing, name, error);
    if (status != RUBOR_OK && status != RUBOR_NOT_FOUND)
        return status;
    snprintf(path, sizeof path, "%.3000s/%s.json", s->folder, name);
    status = read_sidecar(filing, path, error);
    if (status == RUBOR_NOT_FOUND) {
        snprintf(path, sizeof path, "%.3000s/%.*s.json", s->folder, (int)(dot - name), name);
        status = read_sidecar(filing, path, error);
    }
    if (status != RUBOR_OK && status != RUBOR_NOT_FOUND)
        return status;
    return rubor_filing_complete(filing, error);
}

/* ---- into the spool ---- */

/* A mark of this version of this file that says nothing about it. */
static void mark_source(char out[RUBOR_DIGEST_SIZE], const rubor_watched_file *file)
{
    char text[RUBOR_WATCH_NAME_SIZE + 64];
    int length = snprintf(text, sizeof text, "%s\n%lld\n%lld", file->name, (long long)file->size,
                          (long long)file->mtime_ns);
    rubor_digest(out, (rubor_bytes){(const uint8_t *)text, (size_t)length});
}

void rubor_station_remember(rubor_station *s)
{
    static const rubor_spool_place places[] = {RUBOR_SPOOL_SENT, RUBOR_SPOOL_WAITING, RUBOR_SPOOL_QUEUE,
                                               RUBOR_SPOOL_REFUSED};
    rubor_spool_item *item = calloc(1, sizeof *item);
    for (size_t p = 0; item && p < sizeof places / sizeof places[0]; p++) {
        char(*ids)[RUBOR_SPOOL_ID_SIZE] = NULL;
        size_t count = 0;
        if (rubor_spool_list(s->spool, places[p], &ids, &count, NULL) != RUBOR_OK)
            continue;
        for (size_t i = 0; i < count; i++)
            if (rubor_spool_read(s->spool, places[p], ids[i], item, NULL, NULL) == RUBOR_OK && *item->source)
                rubor_hash_set_add(&s->done, item->source);
        free(ids);
    }
    free(item);
}

static rubor_watch_answer keep(rubor_station *s, const rubor_watched_file *file, const char *source,
                               rubor_bytes photo, const rubor_filing *filing)
{
    rubor_error error = {0};
    rubor_watch_answer answer = RUBOR_WATCH_DONE;
    rubor_spool_item *item = calloc(1, sizeof *item);
    if (!item)
        return RUBOR_WATCH_LATER;
    rubor_spool_describe(item, file->name, photo, filing);
    memcpy(item->source, source, sizeof item->source);
    if (file->here_ms < item->here_ms)
        item->here_ms = file->here_ms;
    rubor_spool_place place = rubor_spool_find(s->spool, item->id);
    if (place == RUBOR_SPOOL_SENT || place == RUBOR_SPOOL_WAITING) {
        rubor_station_say(file->name, "known: this very photo was sent before");
    } else if (place == RUBOR_SPOOL_QUEUE) {
        rubor_station_say(file->name, "known: this very photo waits to be sent");
    } else if (place == RUBOR_SPOOL_REFUSED) {
        rubor_station_complain(s, file->name, file->mtime_ns, "known: this very photo was refused before");
    } else if (rubor_spool_put(s->spool, item, photo, &error) != RUBOR_OK) {
        rubor_station_complain(s, file->name, file->mtime_ns, error.message);
        answer = RUBOR_WATCH_LATER;
    } else {
        s->spool_look_ms = 0;
    }
    if (answer == RUBOR_WATCH_DONE)
        rubor_hash_set_add(&s->done, source);
    free(item);
    return answer;
}

/* ---- one entry of the folder ---- */

static rubor_bytes read_head(const char *path, uint8_t head[RUBOR_PHOTO_KIND_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t got = fd >= 0 ? read(fd, head, RUBOR_PHOTO_KIND_BYTES) : 0;
    if (fd >= 0)
        close(fd);
    return (rubor_bytes){head, got > 0 ? (size_t)got : 0};
}

static void refuse(rubor_station *s, const rubor_watched_file *file, const char *why)
{
    char text[RUBOR_ERROR_MESSAGE_SIZE];
    snprintf(text, sizeof text, "not taken: %s", why);
    rubor_station_complain(s, file->name, file->mtime_ns, text);
}

static void refuse_kind(rubor_station *s, const rubor_watched_file *file, rubor_bytes head)
{
    char why[RUBOR_ERROR_MESSAGE_SIZE];
    rubor_photo_kind_refusal(why, sizeof why, file->name, head);
    refuse(s, file, why);
}

static void path_of(char out[4096], const rubor_station *s, const rubor_watched_file *file)
{
    snprintf(out, 4096, "%.3000s/%s", s->folder, file->name);
}

/* The name and the sidecars do not say whose photo it is. */
static rubor_watch_answer look_unfiled(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms,
                                       const rubor_error *why)
{
    char text[RUBOR_ERROR_MESSAGE_SIZE], path[4096];
    uint8_t head[RUBOR_PHOTO_KIND_BYTES];
    if (waited_ms < FILING_PATIENCE_MS)
        return RUBOR_WATCH_AGAIN;
    path_of(path, s, file);
    rubor_bytes begins = read_head(path, head);
    if (begins.size && rubor_photo_shape_of(begins) == RUBOR_SHAPE_OTHER) {
        refuse_kind(s, file, begins);
        return RUBOR_WATCH_DONE;
    }
    snprintf(text, sizeof text, "waits: %.300s: name it as --pattern says or write %.100s.json", why->message,
             file->name);
    rubor_station_complain(s, file->name, file->mtime_ns, text);
    return RUBOR_WATCH_LATER;
}

static rubor_watch_answer look_partial(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms)
{
    if (waited_ms < PARTIAL_PATIENCE_MS)
        return RUBOR_WATCH_AGAIN;
    refuse(s, file, file->size ? "ends in the middle; copy it again or retake it"
                               : "is empty; copy it again or retake it");
    return RUBOR_WATCH_LATER;
}

static rubor_watch_answer look_whole(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms,
                                     const char *source, const rubor_filing *filing)
{
    rubor_error error = {0};
    rubor_file photo = {0};
    char path[4096];
    path_of(path, s, file);
    rubor_watch_answer answer = RUBOR_WATCH_AGAIN;
    rubor_status status = rubor_input_photo(&photo, path, &error);
    rubor_photo_shape shape = status == RUBOR_OK ? rubor_photo_shape_of(rubor_file_bytes(&photo))
                                                 : RUBOR_SHAPE_PARTIAL;
    if (!rubor_watch_unchanged(s->watch, file)) {
        answer = RUBOR_WATCH_AGAIN; /* what was read may be half of one and half of another */
    } else if (status != RUBOR_OK && status != RUBOR_CORRUPT) {
        refuse(s, file, error.message);
        answer = status == RUBOR_TOO_LARGE ? RUBOR_WATCH_DONE : RUBOR_WATCH_LATER;
    } else if (shape == RUBOR_SHAPE_OTHER) {
        refuse_kind(s, file, rubor_file_bytes(&photo));
        answer = RUBOR_WATCH_DONE;
    } else if (shape == RUBOR_SHAPE_PARTIAL) {
        answer = look_partial(s, file, waited_ms);
    } else {
        answer = keep(s, file, source, rubor_file_bytes(&photo), filing);
    }
    rubor_file_finish(&photo);
    return answer;
}

static rubor_watch_answer look_photo(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms)
{
    char source[RUBOR_DIGEST_SIZE];
    rubor_error error = {0};
    mark_source(source, file);
    if (rubor_hash_set_has(&s->done, source))
        return RUBOR_WATCH_DONE;
    rubor_filing *filing = calloc(1, sizeof *filing);
    if (!filing)
        return RUBOR_WATCH_LATER;
    rubor_watch_answer answer = find_filing(s, filing, file->name, &error) == RUBOR_OK
                                    ? look_whole(s, file, waited_ms, source, filing)
                                    : look_unfiled(s, file, waited_ms, &error);
    free(filing);
    return answer;
}

static rubor_watch_answer look_other(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms)
{
    bool copying = rubor_photo_kind_is_copying(file->name);
    if (waited_ms < (copying ? PARTIAL_PATIENCE_MS : OTHER_PATIENCE_MS))
        return RUBOR_WATCH_AGAIN;
    char path[4096];
    uint8_t head[RUBOR_PHOTO_KIND_BYTES];
    path_of(path, s, file);
    if (copying)
        refuse(s, file, "seems to be a copy that stopped; copy it again, or rename it when it is whole");
    else
        refuse_kind(s, file, read_head(path, head));
    return RUBOR_WATCH_DONE;
}

static rubor_watch_answer look_sidecar(rubor_station *s, const rubor_watched_file *file, int64_t waited_ms)
{
    if (rubor_watch_has_photo_of(s->watch, file->name))
        return RUBOR_WATCH_DONE;
    if (waited_ms < PARTIAL_PATIENCE_MS)
        return RUBOR_WATCH_AGAIN;
    rubor_station_complain(s, file->name, file->mtime_ns, "waits: the photo that it tells of is not here");
    return RUBOR_WATCH_LATER;
}

rubor_watch_answer rubor_station_look(void *context, const rubor_watched_file *file, int64_t waited_ms)
{
    rubor_station *s = context;
    bool photo = rubor_photo_kind_is_photo(file->name);
    switch (file->kind) {
    case RUBOR_WATCHED_FOLDER:
        refuse(s, file, "is a folder; photos in folders within the watched one are not looked for");
        return RUBOR_WATCH_DONE;
    case RUBOR_WATCHED_NO_TARGET:
        refuse(s, file, "is a link to a file that is not there");
        return RUBOR_WATCH_LATER;
    case RUBOR_WATCHED_OTHER:
        refuse(s, file, "is no file but a pipe, socket or device");
        return RUBOR_WATCH_DONE;
    case RUBOR_WATCHED_GONE:
        if (photo)
            refuse(s, file, "was taken away or renamed before it was read");
        return RUBOR_WATCH_DONE;
    default:
        return photo                                  ? look_photo(s, file, waited_ms)
               : rubor_watch_is_sidecar(file->name) ? look_sidecar(s, file, waited_ms)
                                                      : look_other(s, file, waited_ms);
    }
}
