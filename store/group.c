/* Transactions, and groups of them that reach the disk together. */
#include "store/internal.h"

rubor_status rubor_store_begin(rubor_store *store, rubor_error *error)
{
    if (!store->in_group)
        return rubor_sql_run(store, error, "BEGIN IMMEDIATE", "");
    if (store->group_broken) /* a savepoint outside a transaction would commit on its own */
        return rubor_error_set(error, RUBOR_IO, "database: an earlier write of this group failed");
    return rubor_sql_run(store, error, "SAVEPOINT step", "");
}

static rubor_status end_step(rubor_store *store, rubor_status status, rubor_error *error)
{
    if (!status)
        status = rubor_sql_run(store, error, "RELEASE step", "");
    /* SQLite ends the transaction by itself on a full disk and the like: then the steps before are lost, too.
     */
    if (sqlite3_get_autocommit(store->db))
        store->group_broken = true;
    else if (status && (rubor_sql_run(store, NULL, "ROLLBACK TO step", "") != RUBOR_OK ||
                        rubor_sql_run(store, NULL, "RELEASE step", "") != RUBOR_OK))
        store->group_broken = true;
    return status;
}

rubor_status rubor_store_end(rubor_store *store, rubor_status status, rubor_error *error)
{
    if (store->in_group)
        return store->group_broken ? status : end_step(store, status, error);
    if (!status)
        status = rubor_sql_run(store, error, "COMMIT", "");
    if (status && !sqlite3_get_autocommit(store->db))
        rubor_sql_run(store, NULL, "ROLLBACK", "");
    return status;
}

rubor_status rubor_store_group_begin(rubor_store *store, rubor_error *error)
{
    /* While commits fail no group writes files: they would pile up and look like those of another database. */
    rubor_status status = rubor_store_files_resolve(store, error);
    if (!status)
        status = rubor_store_begin(store, error);
    store->in_group = status == RUBOR_OK;
    store->group_broken = false;
    return status;
}

/* Files first: a row never refers to bytes that are not on the disk. Files that are on it stay when the
 * commit fails: after a crash its rows may be there all the same. The next commit that succeeds tells. */
rubor_status rubor_store_group_commit(rubor_store *store, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    if (store->group_broken)
        status = rubor_error_set(error, RUBOR_IO, "database: a write of this group failed");
    if (!status)
        status = rubor_store_files_sync(store, error);
    bool synced = status == RUBOR_OK;
    store->in_group = false;
    status = rubor_store_end(store, status, error);
    if (status && synced)
        rubor_store_files_doubted(store);
    else
        rubor_store_files_settled(store, !synced);
    return status;
}
