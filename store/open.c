#include "store/fault.h"
#include "store/internal.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static rubor_status make_folder(const char *path, rubor_error *error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_IO, "%s: cannot make the folder: %s", path, strerror(errno));
}

/* mkdir -p */
static rubor_status make_folders(const char *path, rubor_error *error)
{
    char part[4096];
    if (strlen(path) >= sizeof part)
        return rubor_error_set(error, RUBOR_INVALID, "store: the folder's name is too long");
    for (size_t i = 1; path[i]; i++)
        if (path[i] == '/') {
            snprintf(part, sizeof part, "%.*s", (int)i, path);
            if (mkdir(part, 0755) != 0 && errno != EEXIST)
                return rubor_error_set(error, RUBOR_IO, "%s: cannot make the folder: %s", part,
                                       strerror(errno));
        }
    return make_folder(path, error);
}

/* All folders for two first digits at once, so that taking a photo does not have to make (and sync) one. */
static rubor_status make_digit_folders(const char *path, rubor_error *error)
{
    char inner[4300];
    snprintf(inner, sizeof inner, "%s/ff", path);
    if (access(inner, F_OK) == 0)
        return RUBOR_OK;
    rubor_status status = RUBOR_OK;
    for (unsigned i = 0; !status && i < 256; i++) {
        snprintf(inner, sizeof inner, "%s/%02x", path, i);
        status = make_folder(inner, error);
    }
    int fd = status ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!status && (fd < 0 || fsync(fd) != 0))
        status = rubor_error_set(error, RUBOR_IO, "%s: cannot be synced: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

static rubor_status open_folder(rubor_store *store, rubor_store_mode mode, rubor_error *error)
{
    char path[4200];
    rubor_status status = RUBOR_OK;
    if (mode == RUBOR_STORE_WRITE)
        status = make_folders(store->folder, error);
    if (!status && mode == RUBOR_STORE_WRITE) {
        static const char *const inner[] = {"photos", "pictures"};
        for (int i = 0; !status && i < 2; i++) {
            snprintf(path, sizeof path, "%s/%s", store->folder, inner[i]);
            status = make_folder(path, error);
            if (!status)
                status = make_digit_folders(path, error);
        }
    }
    if (status)
        return status;
    store->folder_fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->folder_fd < 0)
        return rubor_error_set(error, errno == ENOENT ? RUBOR_NOT_FOUND : RUBOR_IO,
                               "%s: cannot be opened: %s; name the broker's folder with --data", store->folder,
                               strerror(errno));
    if (mode == RUBOR_STORE_READ)
        return RUBOR_OK;
    store->lock_fd = openat(store->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return rubor_error_set(error, RUBOR_IO, "%s/lock: %s", store->folder, strerror(errno));
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return rubor_error_set(error, RUBOR_CONFLICT, "%s: another broker is using this store; end it, or name another folder with --data",
                               store->folder);
    return RUBOR_OK;
}

static rubor_status user_version(rubor_store *store, int *version, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row;
    rubor_status status = rubor_sql_prepare(store, &statement, error, "PRAGMA user_version", "");
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    *version = status ? 0 : sqlite3_column_int(statement, 0);
    rubor_sql_done(store, statement);
    return status;
}

static rubor_status migrate(rubor_store *store, rubor_error *error)
{
    enum { LATEST = sizeof rubor_store_migrations / sizeof rubor_store_migrations[0] };
    int version;
    rubor_status status = user_version(store, &version, error);
    if (!status && version > LATEST)
        return rubor_error_set(error, RUBOR_UNSUPPORTED,
                               "%s: written by a newer version of Rubor (schema %d, this one knows %d)",
                               store->folder, version, LATEST);
    for (; !status && version < LATEST; version++) {
        status = rubor_store_begin(store, error);
        if (status)
            break;
        if (sqlite3_exec(store->db, rubor_store_migrations[version], NULL, NULL, NULL) != SQLITE_OK)
            status = rubor_sql_error(store, "migration", error);
        char pragma[64];
        snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version + 1);
        if (!status)
            status = rubor_sql_run(store, error, pragma, "");
        status = rubor_store_end(store, status, error);
    }
    return status;
}

static rubor_status load_salt(rubor_store *store, rubor_store_mode mode, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, "SELECT value FROM meta WHERE key = 'salt'", "");
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row && sqlite3_column_bytes(statement, 0) == RUBOR_STORE_SALT)
        memcpy(store->salt, sqlite3_column_blob(statement, 0), RUBOR_STORE_SALT);
    rubor_sql_done(store, statement);
    if (status || row || mode == RUBOR_STORE_READ)
        return status;
    randombytes_buf(store->salt, sizeof store->salt);
    rubor_bytes salt = {store->salt, sizeof store->salt};
    return rubor_sql_run(store, error, "INSERT INTO meta(key, value) VALUES('salt', ?)", "b", &salt);
}

static rubor_status open_database(rubor_store *store, rubor_store_mode mode, rubor_error *error)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/rubor.db", store->folder);
    rubor_fault_register_vfs();
    int flags =
        mode == RUBOR_STORE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    if (mode == RUBOR_STORE_READ && access(path, F_OK) != 0)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "%s: there is no store here", store->folder);
    if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, "rubor") != SQLITE_OK)
        return rubor_error_set(error, RUBOR_IO, "%s: %s", path,
                               store->db ? sqlite3_errmsg(store->db) : "cannot be opened");
    sqlite3_busy_timeout(store->db, 5000);
    static const char *const pragmas[] = {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                                          "PRAGMA foreign_keys = ON", "PRAGMA secure_delete = ON",
                                          "PRAGMA journal_size_limit = 67108864"};
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; !status && i < sizeof pragmas / sizeof pragmas[0]; i++)
        status = rubor_sql_run(store, error, pragmas[i], "");
    if (!status && mode == RUBOR_STORE_WRITE)
        status = migrate(store, error);
    if (!status)
        status = load_salt(store, mode, error);
    return status;
}

/* "foo:bar": a URI, or meant as one, and no path. */
static bool has_scheme(const char *where)
{
    size_t letters = strspn(where, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return letters > 0 && where[letters] == ':';
}

rubor_status rubor_store_open(rubor_store **out, const char *where, rubor_store_mode mode, rubor_error *error)
{
    *out = NULL;
    if (strncmp(where, "postgresql:", 11) == 0 || strncmp(where, "postgres:", 9) == 0)
        return rubor_error_set(error, RUBOR_UNSUPPORTED,
                               "PostgreSQL is not built in this version; use a folder or sqlite:FOLDER");
    if (strncmp(where, "sqlite:", 7) == 0)
        where += 7;
    else if (has_scheme(where))
        return rubor_error_set(error, RUBOR_UNSUPPORTED,
                               "store %.200s: only sqlite:FOLDER or a folder is known here; write ./%.200s if it is a"
                               " folder's name",
                               where, where);
    if (!where[0])
        return rubor_error_set(error, RUBOR_INVALID, "store: no folder is named");
    if (sodium_init() < 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "libsodium cannot start");
    rubor_store *store = calloc(1, sizeof *store);
    if (!store)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    store->lock_fd = store->folder_fd = -1;
    store->folder = strdup(where);
    size_t name_size = strlen(where) + 8;
    store->name = malloc(name_size);
    rubor_status status =
        store->folder && store->name ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (!status) {
        snprintf(store->name, name_size, "sqlite:%s", where);
        status = open_folder(store, mode, error);
    }
    if (!status)
        status = open_database(store, mode, error);
    if (status)
        rubor_store_close(&store);
    *out = store;
    return status;
}

void rubor_store_close(rubor_store **store)
{
    if (!store || !*store)
        return;
    rubor_store *s = *store;
    rubor_sql_forget_kept(s);
    sqlite3_close(s->db);
    if (s->folder_fd >= 0)
        close(s->folder_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->unsynced);
    free(s->doubtful);
    free(s->folder);
    free(s->name);
    free(s);
    *store = NULL;
}

const char *rubor_store_name(const rubor_store *store)
{
    return store->name;
}

int64_t rubor_store_disk_free(const rubor_store *store)
{
    struct statvfs info;
    if (fstatvfs(store->folder_fd, &info) != 0)
        return -1;
    return (int64_t)info.f_bavail * (int64_t)info.f_frsize;
}
