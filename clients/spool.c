#include "clients/spool.h"

#include "clients/clock.h"
#include "clients/inputs.h"
#include "clients/utf8.h"
#include "imaging/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, FOLDER_SIZE = 3840, ITEM_BYTES = 64 * 1024, ID_LENGTH = RUBOR_SPOOL_ID_SIZE - 1 };

struct rubor_spool {
    char folder[FOLDER_SIZE];
    int lock;
};

static const char *const places[] = {"", "queue", "waiting", "sent", "refused"};

static void item_path(char out[PATH_SIZE], const rubor_spool *spool, rubor_spool_place place, const char *id,
                      const char *ending)
{
    snprintf(out, PATH_SIZE, "%s/%s/%s%s", spool->folder, places[place], id, ending);
}

/* ---- opening ---- */

static rubor_status choose_folder(char out[FOLDER_SIZE], const char *folder, rubor_error *error)
{
    const char *own = getenv("RUBOR_SPOOL"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length;
    if (folder || (own && *own))
        length = snprintf(out, FOLDER_SIZE, "%s", folder ? folder : own);
    else if (state && *state)
        length = snprintf(out, FOLDER_SIZE, "%s/rubor/spool", state);
    else if (home && *home)
        length = snprintf(out, FOLDER_SIZE, "%s/.local/state/rubor/spool", home);
    else
        return rubor_error_set(error, RUBOR_INVALID,
                               "there is no place for the spool; name one in RUBOR_SPOOL");
    if (length >= FOLDER_SIZE)
        return rubor_error_set(error, RUBOR_INVALID, "the path of the spool is too long");
    return RUBOR_OK;
}

/* mkdir -p, everything new readable by this user only. */
static rubor_status make_folders(const char *folder, rubor_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", folder);
    for (char *at = path + 1;; at++) {
        if (*at && *at != '/')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return rubor_error_set(error, RUBOR_IO, "spool %.300s: cannot be made: %s", path,
                                   strerror(errno));
        *at = kept;
        if (!kept)
            return RUBOR_OK;
    }
}

rubor_status rubor_spool_open(rubor_spool **out, const char *folder, rubor_error *error)
{
    char path[PATH_SIZE];
    rubor_spool *spool = calloc(1, sizeof *spool);
    *out = NULL;
    if (!spool)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    spool->lock = -1;
    rubor_status status = choose_folder(spool->folder, folder, error);
    for (rubor_spool_place place = RUBOR_SPOOL_QUEUE; status == RUBOR_OK && place <= RUBOR_SPOOL_REFUSED;
         place++) {
        snprintf(path, sizeof path, "%s/%s", spool->folder, places[place]);
        status = make_folders(path, error);
    }
    if (status != RUBOR_OK)
        rubor_spool_close(&spool);
    *out = spool;
    return status;
}

void rubor_spool_close(rubor_spool **spool)
{
    if (!spool || !*spool)
        return;
    if ((*spool)->lock >= 0)
        close((*spool)->lock);
    free(*spool);
    *spool = NULL;
}

const char *rubor_spool_folder(const rubor_spool *spool)
{
    return spool->folder;
}

/* Who puts holds this shared, so that who cleans up knows that nothing is being written. */
static int open_writers_lock(const rubor_spool *spool, int how)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/writers", spool->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && flock(fd, how) != 0) {
        if (errno == EINTR)
            continue;
        close(fd);
        fd = -1;
    }
    return fd;
}

/* "<id>.json.XXXXXX" and "<id>.photo.XXXXXX" of a process that was killed while writing, and a photo whose
 * JSON it had not written yet. */
static bool is_left_over(const rubor_spool *spool, rubor_spool_place place, const char *name)
{
    char path[PATH_SIZE], id[RUBOR_SPOOL_ID_SIZE];
    struct stat about;
    if (strlen(name) <= ID_LENGTH || strspn(name, "0123456789abcdef") != ID_LENGTH)
        return false;
    const char *ending = name + ID_LENGTH;
    if (strncmp(ending, ".json.", 6) == 0 || strncmp(ending, ".photo.", 7) == 0)
        return true;
    if (strcmp(ending, ".photo") != 0)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)ID_LENGTH, name);
    item_path(path, spool, place, id, ".json");
    return stat(path, &about) != 0 && errno == ENOENT;
}

static void clean(const rubor_spool *spool, rubor_spool_place place)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", spool->folder, places[place]);
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (is_left_over(spool, place, entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

static void clean_up(const rubor_spool *spool)
{
    int writers = open_writers_lock(spool, LOCK_EX | LOCK_NB);
    if (writers < 0)
        return;
    clean(spool, RUBOR_SPOOL_QUEUE);
    clean(spool, RUBOR_SPOOL_WAITING);
    clean(spool, RUBOR_SPOOL_SENT);
    close(writers);
}

rubor_status rubor_spool_lock(rubor_spool *spool, rubor_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/lock", spool->folder);
    if (spool->lock < 0)
        spool->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock < 0)
        return rubor_error_set(error, RUBOR_IO, "%.300s: %s", path, strerror(errno));
    if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0) {
        clean_up(spool);
        return RUBOR_OK;
    }
    return rubor_error_set(error, RUBOR_BUSY,
                           "spool %.300s: another process is sending it; end that one first", spool->folder);
}

/* ---- items ---- */


void rubor_spool_describe(rubor_spool_item *item, const char *name, rubor_bytes photo,
                          const rubor_filing *filing)
{
    memset(item, 0, sizeof *item);
    rubor_digest(item->digest, photo);
    rubor_utf8_clean(item->name, sizeof item->name, name);
    item->here_ms = rubor_clock_wall_ms();
    item->filing = *filing;
    json_t *json = rubor_filing_to_json(filing);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    size_t size = sizeof item->digest + (text ? strlen(text) : 0);
    char *both = malloc(size);
    if (both) {
        snprintf(both, size, "%s%s", item->digest, text ? text : "");
        rubor_digest(item->id, (rubor_bytes){(const uint8_t *)both, size - 1});
    } else {
        memcpy(item->id, item->digest, sizeof item->id);
    }
    free(both);
    free(text);
    json_decref(json);
}

rubor_spool_place rubor_spool_find(const rubor_spool *spool, const char *id)
{
    /* The furthest first: a crash between two steps leaves an item in two places, and the later one counts.
     */
    static const rubor_spool_place order[] = {RUBOR_SPOOL_SENT, RUBOR_SPOOL_WAITING, RUBOR_SPOOL_QUEUE,
                                              RUBOR_SPOOL_REFUSED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        char path[PATH_SIZE];
        struct stat about;
        item_path(path, spool, order[i], id, ".json");
        if (stat(path, &about) == 0)
            return order[i];
    }
    return RUBOR_SPOOL_NOWHERE;
}

static rubor_status write_json(const char *path, json_t *object, rubor_error *error)
{
    char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
    rubor_status status = text ? rubor_file_write(path, text, strlen(text), error)
                               : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    free(text);
    return status;
}

/* What each place holds of an item: a name may say who the patient is, so none stays when all is told. */
static json_t *item_json(const rubor_spool_item *item, rubor_spool_place place)
{
    json_t *out = json_pack("{ss,ss}", "digest", item->digest, "source", item->source);
    bool good = out != NULL;
    if (good && place != RUBOR_SPOOL_SENT)
        good = json_object_set_new(out, "name", json_string(item->name)) == 0;
    if (good && place == RUBOR_SPOOL_QUEUE)
        good = json_object_set_new(out, "here_ms", json_integer(item->here_ms)) == 0 &&
               json_object_set_new(out, "filing", rubor_filing_to_json(&item->filing)) == 0;
    else if (good)
        good = json_object_set_new(out, "job", json_string(item->job)) == 0;
    if (good)
        return out;
    json_decref(out);
    return NULL;
}

/* Written and synced before the item is removed from where it was. */
static rubor_status write_at(rubor_spool *spool, const rubor_spool_item *item, rubor_spool_place place,
                             rubor_error *error)
{
    char path[PATH_SIZE];
    json_t *json = item_json(item, place);
    item_path(path, spool, place, item->id, ".json");
    rubor_status status = write_json(path, json, error);
    json_decref(json);
    return status;
}

static void remove_at(const rubor_spool *spool, rubor_spool_place place, const char *id)
{
    char path[PATH_SIZE];
    item_path(path, spool, place, id, ".json"); /* first: it makes the photo valid */
    unlink(path);
    item_path(path, spool, place, id, ".photo");
    unlink(path);
}

static rubor_status write_item(rubor_spool *spool, const rubor_spool_item *item, rubor_bytes photo,
                               rubor_error *error)
{
    char path[PATH_SIZE];
    item_path(path, spool, RUBOR_SPOOL_QUEUE, item->id, ".photo");
    rubor_status status = rubor_file_write(path, photo.data, photo.size, error);
    if (status != RUBOR_OK)
        return status;
    status = write_at(spool, item, RUBOR_SPOOL_QUEUE, error);
    if (status != RUBOR_OK)
        unlink(path);
    return status;
}

rubor_status rubor_spool_put(rubor_spool *spool, const rubor_spool_item *item, rubor_bytes photo,
                             rubor_error *error)
{
    char path[PATH_SIZE];
    struct stat about;
    item_path(path, spool, RUBOR_SPOOL_QUEUE, item->id, ".json");
    if (stat(path, &about) == 0)
        return RUBOR_OK;
    int writers = open_writers_lock(spool, LOCK_SH);
    if (writers < 0)
        return rubor_error_set(error, RUBOR_IO, "spool %.300s: cannot be written: %s", spool->folder,
                               strerror(errno));
    rubor_status status = write_item(spool, item, photo, error);
    close(writers);
    return status;
}

typedef struct listed {
    char id[RUBOR_SPOOL_ID_SIZE];
    struct timespec written;
} listed;

static int by_age(const void *left, const void *right)
{
    const listed *a = left, *b = right;
    if (a->written.tv_sec != b->written.tv_sec)
        return a->written.tv_sec < b->written.tv_sec ? -1 : 1;
    if (a->written.tv_nsec != b->written.tv_nsec)
        return a->written.tv_nsec < b->written.tv_nsec ? -1 : 1;
    return strcmp(a->id, b->id);
}

static bool item_name(char id[RUBOR_SPOOL_ID_SIZE], const char *name)
{
    if (strlen(name) != ID_LENGTH + 5 || strcmp(name + ID_LENGTH, ".json") != 0 ||
        strspn(name, "0123456789abcdef") < ID_LENGTH)
        return false;
    memcpy(id, name, ID_LENGTH);
    id[ID_LENGTH] = '\0';
    return true;
}

static rubor_status collect(const rubor_spool *spool, rubor_spool_place place, listed **out, size_t *count,
                            rubor_error *error)
{
    char path[PATH_SIZE];
    size_t capacity = 0;
    snprintf(path, sizeof path, "%s/%s", spool->folder, places[place]);
    DIR *folder = opendir(path);
    if (!folder)
        return rubor_error_set(error, RUBOR_IO, "%.300s: %s", path, strerror(errno));
    rubor_status status = RUBOR_OK;
    for (struct dirent *entry; status == RUBOR_OK && (entry = readdir(folder));) {
        listed one;
        struct stat about;
        if (!item_name(one.id, entry->d_name) || fstatat(dirfd(folder), entry->d_name, &about, 0) != 0)
            continue;
        one.written = about.st_mtim;
        if (*count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            listed *more = realloc(*out, capacity * sizeof **out);
            if (!more) {
                status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
                break;
            }
            *out = more;
        }
        (*out)[(*count)++] = one;
    }
    closedir(folder);
    return status;
}

rubor_status rubor_spool_list(const rubor_spool *spool, rubor_spool_place place,
                              char (**ids)[RUBOR_SPOOL_ID_SIZE], size_t *count, rubor_error *error)
{
    listed *items = NULL;
    *ids = NULL;
    *count = 0;
    rubor_status status = collect(spool, place, &items, count, error);
    if (status == RUBOR_OK && *count) {
        qsort(items, *count, sizeof *items, by_age);
        *ids = calloc(*count, sizeof **ids);
        if (!*ids)
            status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        for (size_t i = 0; *ids && i < *count; i++)
            memcpy((*ids)[i], items[i].id, RUBOR_SPOOL_ID_SIZE);
    }
    if (status != RUBOR_OK)
        *count = 0;
    free(items);
    return status;
}

static void copy_text(char *out, size_t size, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    snprintf(out, size, "%s", text ? text : "");
}

static rubor_status read_json(const char *path, rubor_spool_item *item, rubor_spool_place place,
                              rubor_error *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_status status = rubor_file_read(&data, &size, path, ITEM_BYTES, error);
    if (status != RUBOR_OK)
        return status;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    free(data);
    if (!json_is_object(json))
        status = rubor_error_set(error, RUBOR_CORRUPT, "%.300s: is not a spooled item", path);
    copy_text(item->name, sizeof item->name, json, "name");
    copy_text(item->digest, sizeof item->digest, json, "digest");
    copy_text(item->job, sizeof item->job, json, "job");
    copy_text(item->source, sizeof item->source, json, "source");
    item->here_ms = json_integer_value(json_object_get(json, "here_ms"));
    if (status == RUBOR_OK && (place == RUBOR_SPOOL_QUEUE || place == RUBOR_SPOOL_REFUSED)) {
        status = rubor_filing_from_json(&item->filing, json_object_get(json, "filing"), error);
        if (status == RUBOR_OK)
            status = rubor_filing_complete(&item->filing, error);
        if (status != RUBOR_OK) {
            rubor_error_prefix(error, path);
            status = rubor_error_set(error, RUBOR_CORRUPT, "%s", error ? error->message : "");
        }
    }
    json_decref(json);
    return status;
}

rubor_status rubor_spool_read(const rubor_spool *spool, rubor_spool_place place, const char *id,
                              rubor_spool_item *item, rubor_buffer *photo, rubor_error *error)
{
    char path[PATH_SIZE], digest[RUBOR_DIGEST_SIZE];
    rubor_error own = {0};
    error = error ? error : &own;
    memset(item, 0, sizeof *item);
    rubor_filing_init(&item->filing);
    snprintf(item->id, sizeof item->id, "%s", id);
    item_path(path, spool, place, id, ".json");
    rubor_status status = read_json(path, item, place, error);
    if (status != RUBOR_OK || !photo)
        return status;
    photo->data = NULL;
    photo->size = 0;
    item_path(path, spool, place, id, ".photo");
    status = rubor_file_read(&photo->data, &photo->size, path, RUBOR_LIMIT_PHOTO_BYTES, error);
    if (status == RUBOR_NOT_FOUND)
        return rubor_error_set(error, RUBOR_CORRUPT, "%.300s: the spooled photo is gone", path);
    if (status != RUBOR_OK)
        return status;
    rubor_digest(digest, (rubor_bytes){photo->data, photo->size});
    if (strcmp(digest, item->digest) == 0)
        return RUBOR_OK;
    rubor_buffer_finish(photo);
    return rubor_error_set(error, RUBOR_CORRUPT, "%.300s: the spooled photo is damaged", path);
}

/* ---- moving on ---- */

rubor_status rubor_spool_accepted(rubor_spool *spool, rubor_spool_item *item, const char *job,
                                  rubor_error *error)
{
    snprintf(item->job, sizeof item->job, "%s", job);
    rubor_status status = write_at(spool, item, RUBOR_SPOOL_WAITING, error);
    if (status == RUBOR_OK)
        remove_at(spool, RUBOR_SPOOL_QUEUE, item->id);
    return status;
}

rubor_status rubor_spool_told(rubor_spool *spool, const rubor_spool_item *item, rubor_error *error)
{
    rubor_status status = write_at(spool, item, RUBOR_SPOOL_SENT, error);
    if (status == RUBOR_OK)
        remove_at(spool, RUBOR_SPOOL_WAITING, item->id);
    return status;
}

void rubor_spool_tidy(rubor_spool *spool, const char *id)
{
    rubor_spool_place reached = rubor_spool_find(spool, id);
    if (reached == RUBOR_SPOOL_WAITING || reached == RUBOR_SPOOL_SENT)
        remove_at(spool, RUBOR_SPOOL_QUEUE, id);
    if (reached == RUBOR_SPOOL_SENT)
        remove_at(spool, RUBOR_SPOOL_WAITING, id);
}

void rubor_spool_drop(rubor_spool *spool, const char *id)
{
    remove_at(spool, RUBOR_SPOOL_QUEUE, id);
    remove_at(spool, RUBOR_SPOOL_REFUSED, id);
}

static rubor_status move_to_refused(const rubor_spool *spool, const char *id, const char *ending,
                                    rubor_error *error)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    item_path(from, spool, RUBOR_SPOOL_QUEUE, id, ending);
    item_path(to, spool, RUBOR_SPOOL_REFUSED, id, ending);
    if (rename(from, to) != 0)
        return rubor_error_set(error, RUBOR_IO, "%.300s: cannot be moved: %s", from, strerror(errno));
    return RUBOR_OK;
}

rubor_status rubor_spool_refuse(rubor_spool *spool, const char *id, rubor_error *error)
{
    move_to_refused(spool, id, ".photo", NULL);
    return move_to_refused(spool, id, ".json", error);
}
