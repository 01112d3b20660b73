/* Files by digest. A file appears under its name only when it is whole (temporary file, rename), and a row
 * refers to it only when it is on the disk; what a crash leaves between the two has no row and is swept at
 * the next start. */
#include "store/fault.h"
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *kind_folder(rubor_store_kind kind)
{
    return kind == RUBOR_STORE_PHOTO ? "photos" : "pictures";
}

enum { PATH = 4400 };

static bool paths(const rubor_store *store, rubor_store_kind kind, const char *digest, char folder[PATH],
                  char file[PATH])
{
    if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64)
        return false;
    snprintf(folder, PATH, "%s/%s/%.2s", store->folder, kind_folder(kind), digest);
    snprintf(file, PATH, "%s/%s/%.2s/%s", store->folder, kind_folder(kind), digest, digest + 2);
    return true;
}

static rubor_status io_error(const char *path, const char *doing, rubor_error *error)
{
    return rubor_error_set(error, RUBOR_IO, "%s: cannot be %s: %s", path, doing, strerror(errno));
}

static rubor_status sync_path(const char *path, int flags, rubor_error *error)
{
    int fd = rubor_fault_open(path, O_RDONLY | O_CLOEXEC | flags, 0);
    if (fd < 0)
        return io_error(path, "opened", error);
    rubor_status status = rubor_fault_fsync(fd) ? io_error(path, "synced", error) : RUBOR_OK;
    close(fd);
    return status;
}

static rubor_status sync_folder(const char *path, rubor_error *error)
{
    return sync_path(path, O_DIRECTORY, error);
}

static rubor_status write_all(int fd, const char *path, rubor_bytes bytes, rubor_error *error)
{
    size_t at = 0;
    while (at < bytes.size) {
        ssize_t written = rubor_fault_write(fd, bytes.data + at, bytes.size - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return io_error(path, "written", error);
        at += (size_t)written;
    }
    return RUBOR_OK;
}

static rubor_status write_temporary(const char *path, rubor_bytes bytes, rubor_error *error)
{
    int fd = rubor_fault_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return io_error(path, "made", error);
    rubor_status status = write_all(fd, path, bytes, error);
    if (!status) /* the disk may begin; rubor_store_files_sync waits for it */
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    if (close(fd) != 0 && !status)
        status = io_error(path, "closed", error);
    return status;
}

/* Whether the file holds just these bytes: a damaged one of the same size is written again. */
static bool is_there(rubor_store *store, rubor_store_kind kind, const char *digest, rubor_bytes bytes)
{
    rubor_buffer file;
    if (rubor_store_file_get(store, kind, digest, &file, NULL) != RUBOR_OK)
        return false;
    bool same =
        file.size == bytes.size && (bytes.size == 0 || memcmp(file.data, bytes.data, bytes.size) == 0);
    free(file.data);
    return same;
}

static rubor_status remember_unsynced(rubor_store *store, rubor_store_kind kind, const char *digest,
                                      rubor_error *error)
{
    if (store->unsynced_count == store->unsynced_room) {
        size_t room = store->unsynced_room ? 2 * store->unsynced_room : 16;
        void *more = realloc(store->unsynced, room * sizeof *store->unsynced);
        if (!more)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        store->unsynced = more;
        store->unsynced_room = room;
    }
    rubor_unsynced *unsynced = &store->unsynced[store->unsynced_count++];
    unsynced->kind = kind;
    memcpy(unsynced->digest, digest, sizeof unsynced->digest);
    return RUBOR_OK;
}

static rubor_status write_file(rubor_store *store, rubor_store_kind kind, const char *folder,
                               const char *file, rubor_bytes bytes, rubor_error *error)
{
    char temporary[PATH + 8], top[PATH];
    snprintf(top, sizeof top, "%s/%s", store->folder, kind_folder(kind));
    snprintf(temporary, sizeof temporary, "%s.part", file);
    if (mkdir(folder, 0700) == 0) {
        rubor_status status = sync_folder(top, error);
        if (status) {
            rmdir(folder); /* so that the next attempt syncs it again */
            return status;
        }
    } else if (errno != EEXIST) {
        return io_error(folder, "made", error);
    }
    rubor_status status = write_temporary(temporary, bytes, error);
    if (!status && rubor_fault_rename(temporary, file) != 0)
        status = io_error(file, "named", error);
    if (status)
        unlink(temporary);
    return status;
}

rubor_status rubor_store_file_put(rubor_store *store, rubor_store_kind kind, const char *digest,
                                  rubor_bytes bytes, rubor_error *error)
{
    char folder[PATH], file[PATH];
    if (!paths(store, kind, digest, folder, file))
        return rubor_error_set(error, RUBOR_INVALID, "not a digest");
    /* One that is there is synced as well: an earlier attempt may have failed to. */
    rubor_status status = remember_unsynced(store, kind, digest, error);
    if (!status && !is_there(store, kind, digest, bytes))
        status = write_file(store, kind, folder, file, bytes, error);
    if (store->in_group)
        return status;
    if (!status)
        status = rubor_store_files_sync(store, error);
    rubor_store_files_settled(store, status != RUBOR_OK);
    return status;
}

/* Up to so many files are synced one by one, each with its folder. More of them are left to one syncfs, which
 * waits for the disk once but for whatever else is being written there, too. */
enum { SYNC_EACH_MOST = 3 };

/* Before Linux 5.8 syncfs did not tell of errors. */
static bool syncfs_tells_errors(void)
{
    struct utsname system;
    int major = 0, minor = 0;
    return uname(&system) == 0 && sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 8));
}

/* Whether one syncfs of the store's folder is one of photos/ and pictures/, which may be mounts of their own. */
static bool is_one_disk(const rubor_store *store)
{
    struct stat top, photos, pictures;
    return fstat(store->folder_fd, &top) == 0 && fstatat(store->folder_fd, "photos", &photos, 0) == 0 &&
           fstatat(store->folder_fd, "pictures", &pictures, 0) == 0 && top.st_dev == photos.st_dev &&
           top.st_dev == pictures.st_dev;
}

rubor_status rubor_store_files_sync(rubor_store *store, rubor_error *error)
{
    if (store->unsynced_count > SYNC_EACH_MOST && syncfs_tells_errors() && is_one_disk(store))
        return rubor_fault_syncfs(store->folder_fd) ? io_error(store->folder, "synced", error) : RUBOR_OK;
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; !status && i < store->unsynced_count; i++) {
        char folder[PATH], file[PATH];
        const rubor_unsynced *unsynced = &store->unsynced[i];
        paths(store, unsynced->kind, unsynced->digest, folder, file);
        status = sync_path(file, O_NOFOLLOW, error);
        if (!status)
            status = sync_folder(folder, error);
    }
    return status;
}

void rubor_store_files_settled(rubor_store *store, bool unwanted)
{
    while (unwanted && store->unsynced_count > 0) {
        rubor_unsynced last = store->unsynced[--store->unsynced_count];
        rubor_store_file_release(store, last.kind, last.digest);
    }
    store->unsynced_count = 0;
}

void rubor_store_files_doubted(rubor_store *store)
{
    free(store->doubtful);
    store->doubtful = store->unsynced;
    store->doubtful_count = store->unsynced_count;
    store->unsynced = NULL;
    store->unsynced_count = store->unsynced_room = 0;
}

rubor_status rubor_store_files_resolve(rubor_store *store, rubor_error *error)
{
    if (!store->doubtful_count)
        return RUBOR_OK;
    rubor_status status =
        rubor_sql_run(store, error, "INSERT OR REPLACE INTO meta VALUES('probe', ?)", "i", rubor_store_now_ms());
    if (status)
        return status;
    for (size_t i = 0; i < store->doubtful_count; i++)
        rubor_store_file_release(store, store->doubtful[i].kind, store->doubtful[i].digest);
    free(store->doubtful);
    store->doubtful = NULL;
    store->doubtful_count = 0;
    return RUBOR_OK;
}

rubor_status rubor_store_file_get(rubor_store *store, rubor_store_kind kind, const char *digest,
                                  rubor_buffer *out, rubor_error *error)
{
    char folder[PATH], file[PATH];
    out->data = NULL;
    out->size = 0;
    if (!paths(store, kind, digest, folder, file))
        return rubor_error_set(error, RUBOR_INVALID, "not a digest");
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? rubor_error_set(error, RUBOR_NOT_FOUND, "no file has the digest %s", digest)
                               : io_error(file, "opened", error);
    rubor_status status = RUBOR_OK;
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size > RUBOR_WIRE_REPLY_BYTES)
        status = io_error(file, "read", error);
    size_t size = status ? 0 : (size_t)info.st_size;
    uint8_t *data = status ? NULL : malloc(size + 1);
    if (!status && !data)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (size_t at = 0; !status && at < size;) {
        ssize_t got = read(fd, data + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            status = io_error(file, "read", error);
        else
            at += (size_t)got;
    }
    close(fd);
    if (status) {
        free(data);
        return status;
    }
    out->data = data;
    out->size = size;
    return RUBOR_OK;
}

static bool is_referred_to(rubor_store *store, rubor_store_kind kind, const char *digest)
{
    sqlite3_stmt *statement;
    bool row = true;
    const char *sql = kind == RUBOR_STORE_PHOTO ? "SELECT 1 FROM photos WHERE digest = ?"
                                                : "SELECT 1 FROM pictures WHERE digest = ? LIMIT 1";
    if (rubor_sql_prepare(store, &statement, NULL, sql, "s", digest))
        return true;
    if (rubor_sql_step(store, statement, &row, NULL))
        row = true; /* when in doubt, keep */
    rubor_sql_done(store, statement);
    return row;
}

static void forget_unsynced(rubor_store *store, rubor_store_kind kind, const char *digest)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->unsynced_count; i++)
        if (store->unsynced[i].kind != kind || strcmp(store->unsynced[i].digest, digest) != 0)
            store->unsynced[kept++] = store->unsynced[i];
    store->unsynced_count = kept;
}

void rubor_store_file_release(rubor_store *store, rubor_store_kind kind, const char *digest)
{
    char folder[PATH], file[PATH];
    if (!paths(store, kind, digest, folder, file) || is_referred_to(store, kind, digest))
        return;
    unlink(file);
    forget_unsynced(store, kind, digest); /* else the sync of its group would miss it */
}

/* What can be left is a group of photos whose commit failed and one that a crash cut short, and those of a patient who
 * was being forgotten. More files without a row are not left over: the database is not theirs. */
enum { LEFT_BY_A_CRASH = 2 * 64 };

typedef struct sweep {
    rubor_store *store;
    rubor_store_kind kind;
    bool remove; /* else they are counted */
    int64_t count;
} sweep;

static void sweep_folder(sweep *s, const char *path, const char *prefix)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        char digest[300], file[PATH + 300];
        snprintf(digest, sizeof digest, "%s%s", prefix, entry->d_name);
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        bool temporary = strlen(digest) > 64;
        if (!temporary && is_referred_to(s->store, s->kind, digest))
            continue;
        if (s->remove)
            s->count += unlink(file) == 0;
        else
            s->count += !temporary;
    }
    closedir(folder);
}

static void sweep_kind(sweep *s)
{
    for (unsigned i = 0; i < 256; i++) {
        char path[PATH], prefix[3];
        snprintf(prefix, sizeof prefix, "%02x", i);
        snprintf(path, sizeof path, "%s/%s/%s", s->store->folder, kind_folder(s->kind), prefix);
        sweep_folder(s, path, prefix);
    }
}

/* Whether this database has never served: photos beside it belong to another one. */
static rubor_status has_served(rubor_store *store, bool *out, rubor_error *error)
{
    sqlite3_stmt *statement;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT 1 FROM meta WHERE key = 'served' UNION ALL SELECT 1 FROM audit LIMIT 1", "");
    if (!status)
        status = rubor_sql_step(store, statement, out, error);
    rubor_sql_done(store, statement);
    return status;
}

/* Photos of forgotten patients since the last sweep: their rows went first, a crash may have kept the files. */
static rubor_status count_forgotten(rubor_store *store, int64_t *out, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT value FROM meta WHERE key = 'forgotten_photos'", "");
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    *out = !status && row ? sqlite3_column_int64(statement, 0) : 0;
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_sweep(rubor_store *store, int64_t *removed, rubor_error *error)
{
    sweep photos = {.store = store, .kind = RUBOR_STORE_PHOTO},
          pictures = {.store = store, .kind = RUBOR_STORE_PICTURE};
    bool served = false;
    int64_t forgotten = 0;
    *removed = 0;
    rubor_status status = has_served(store, &served, error);
    if (!status)
        status = count_forgotten(store, &forgotten, error);
    if (status)
        return status;
    sweep_kind(&photos);
    if (photos.count > (served ? LEFT_BY_A_CRASH + forgotten : 0))
        return rubor_error_set(
            error, RUBOR_CONFLICT,
            "%s: %lld photos here are unknown to rubor.db; put their database back, or move"
            " photos/ away",
            store->folder, (long long)photos.count);
    photos.count = 0;
    photos.remove = pictures.remove = true;
    sweep_kind(&photos);
    sweep_kind(&pictures);
    *removed = photos.count + pictures.count;
    if (forgotten)
        status = rubor_sql_run(store, error, "DELETE FROM meta WHERE key = 'forgotten_photos'", "");
    return served || status
               ? status
               : rubor_sql_run(store, error, "INSERT OR REPLACE INTO meta VALUES('served', x'01')", "");
}
