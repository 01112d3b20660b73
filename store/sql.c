#include "store/internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t rubor_store_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

rubor_status rubor_sql_error(rubor_store *store, const char *doing, rubor_error *error)
{
    int code = sqlite3_extended_errcode(store->db);
    const char *text = sqlite3_errmsg(store->db);
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return rubor_error_set(error, RUBOR_CONFLICT, "%s: %s", doing, text);
    case SQLITE_NOMEM:
        return rubor_error_set(error, RUBOR_NO_MEMORY, "%s: out of memory", doing);
    case SQLITE_FULL:
        return rubor_error_set(error, RUBOR_IO, "%s: the disk is full", doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return rubor_error_set(error, RUBOR_BUSY, "%s: the database is in use", doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return rubor_error_set(error, RUBOR_CORRUPT, "%s: %s", doing, text);
    default:
        return rubor_error_set(error, RUBOR_IO, "%s: %s (SQLite %d)", doing, text, code);
    }
}

static int bind_one(sqlite3_stmt *statement, int index, char kind, va_list *arguments)
{
    switch (kind) {
    case 's':
        return sqlite3_bind_text(statement, index, va_arg(*arguments, const char *), -1, SQLITE_TRANSIENT);
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'd': {
        double number = va_arg(*arguments, double);
        return isnan(number) ? sqlite3_bind_null(statement, index)
                             : sqlite3_bind_double(statement, index, number);
    }
    default: {
        const rubor_bytes *bytes = va_arg(*arguments, const rubor_bytes *);
        return sqlite3_bind_blob64(statement, index, bytes->size ? (const void *)bytes->data : "",
                                   bytes->size, SQLITE_TRANSIENT);
    }
    }
}

/* The kept statement of this text, or a new one that is kept when there is room. One that is being read (a
 * call within a loop over the same statement) is not handed out twice. */
static rubor_status find_or_prepare(rubor_store *store, sqlite3_stmt **out, const char *sql,
                                    rubor_error *error)
{
    bool known = false;
    for (size_t i = 0; i < store->kept_count; i++) {
        rubor_sql_kept *kept = &store->kept[i];
        if (kept->text != sql)
            continue;
        known = true;
        if (kept->busy || strcmp(sqlite3_sql(kept->statement), sql) != 0)
            continue; /* the same address with another text: it was no constant */
        kept->busy = true;
        *out = kept->statement;
        return RUBOR_OK;
    }
    bool keep = !known && store->kept_count < RUBOR_SQL_KEPT_MOST;
    if (sqlite3_prepare_v3(store->db, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, out, NULL) != SQLITE_OK)
        return rubor_sql_error(store, "database", error);
    if (keep)
        store->kept[store->kept_count++] = (rubor_sql_kept){sql, *out, true};
    return RUBOR_OK;
}

void rubor_sql_done(rubor_store *store, sqlite3_stmt *statement)
{
    for (size_t i = 0; statement && i < store->kept_count; i++)
        if (store->kept[i].statement == statement) {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
            store->kept[i].busy = false;
            return;
        }
    sqlite3_finalize(statement);
}

void rubor_sql_forget_kept(rubor_store *store)
{
    for (size_t i = 0; i < store->kept_count; i++)
        sqlite3_finalize(store->kept[i].statement);
    store->kept_count = 0;
}

static rubor_status prepare(rubor_store *store, sqlite3_stmt **out, rubor_error *error, const char *sql,
                            const char *format, va_list *arguments)
{
    *out = NULL;
    rubor_status status = find_or_prepare(store, out, sql, error);
    for (int i = 0; !status && format[i]; i++)
        if (bind_one(*out, i + 1, format[i], arguments) != SQLITE_OK)
            status = rubor_sql_error(store, "database", error);
    if (status) {
        rubor_sql_done(store, *out);
        *out = NULL;
    }
    return status;
}

rubor_status rubor_sql_prepare(rubor_store *store, sqlite3_stmt **out, rubor_error *error, const char *sql,
                               const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    rubor_status status = prepare(store, out, error, sql, format, &arguments);
    va_end(arguments);
    return status;
}

rubor_status rubor_sql_run(rubor_store *store, rubor_error *error, const char *sql, const char *format, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    va_start(arguments, format);
    rubor_status status = prepare(store, &statement, error, sql, format, &arguments);
    va_end(arguments);
    bool row = true;
    while (!status && row)
        status = rubor_sql_step(store, statement, &row, error);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_sql_step(rubor_store *store, sqlite3_stmt *statement, bool *row, rubor_error *error)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return RUBOR_OK;
    return rubor_sql_error(store, "database", error);
}

void rubor_sql_text(char *out, size_t size, sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}
