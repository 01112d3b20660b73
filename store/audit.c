/* hash(n) = SHA-256 of hash(n-1) and the line's fields, each with its length before it. */
#include "store/internal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_HASH "0000000000000000000000000000000000000000000000000000000000000000"

static void hash_field(crypto_hash_sha256_state *state, const char *text)
{
    char length[24];
    int size = snprintf(length, sizeof length, "%zu:", strlen(text));
    crypto_hash_sha256_update(state, (const unsigned char *)length, (unsigned long long)size);
    crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text));
}

static void hash_line(char out[RUBOR_DIGEST_SIZE], const char *previous, const rubor_audit_line *line)
{
    char numbers[64];
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    snprintf(numbers, sizeof numbers, "%" PRId64 " %" PRId64, line->sequence, line->at_ms);
    crypto_hash_sha256_init(&state);
    hash_field(&state, previous);
    hash_field(&state, numbers);
    hash_field(&state, line->who);
    hash_field(&state, line->action);
    hash_field(&state, line->subject);
    hash_field(&state, line->detail);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(out, RUBOR_DIGEST_SIZE, hash, sizeof hash);
}

static rubor_status last_line(rubor_store *store, int64_t *sequence, char hash[RUBOR_DIGEST_SIZE],
                              rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    *sequence = row ? sqlite3_column_int64(statement, 0) : 0;
    if (row)
        rubor_sql_text(hash, RUBOR_DIGEST_SIZE, statement, 1);
    else
        memcpy(hash, FIRST_HASH, RUBOR_DIGEST_SIZE);
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_audit_append(rubor_store *store, const char *who, const char *action, const char *subject,
                                const char *detail, rubor_error *error)
{
    rubor_audit_line line = {.at_ms = rubor_store_now_ms()};
    char previous[RUBOR_DIGEST_SIZE];
    rubor_status status = last_line(store, &line.sequence, previous, error);
    if (status)
        return status;
    line.sequence++;
    snprintf(line.who, sizeof line.who, "%s", who);
    snprintf(line.action, sizeof line.action, "%s", action);
    snprintf(line.subject, sizeof line.subject, "%s", subject);
    snprintf(line.detail, sizeof line.detail, "%s", detail);
    hash_line(line.hash, previous, &line);
    return rubor_sql_run(store, error, "INSERT INTO audit VALUES(?,?,?,?,?,?,?)", "iisssss", line.sequence,
                         line.at_ms, line.who, line.action, line.subject, line.detail, line.hash);
}

static void read_line(rubor_audit_line *line, sqlite3_stmt *statement)
{
    line->sequence = sqlite3_column_int64(statement, 0);
    line->at_ms = sqlite3_column_int64(statement, 1);
    rubor_sql_text(line->who, sizeof line->who, statement, 2);
    rubor_sql_text(line->action, sizeof line->action, statement, 3);
    rubor_sql_text(line->subject, sizeof line->subject, statement, 4);
    rubor_sql_text(line->detail, sizeof line->detail, statement, 5);
    rubor_sql_text(line->hash, sizeof line->hash, statement, 6);
}

/* The lines after *lines, whose last hash is `previous`; both go on with what is verified. */
static rubor_status verify_on(rubor_store *store, int64_t *lines, char previous[RUBOR_DIGEST_SIZE],
                              rubor_error *error)
{
    sqlite3_stmt *statement;
    char expected[RUBOR_DIGEST_SIZE];
    rubor_audit_line line;
    rubor_status status = rubor_sql_prepare(store, &statement, error,
                                            "SELECT * FROM audit WHERE seq > ? ORDER BY seq", "i", *lines);
    while (!status) {
        bool row;
        status = rubor_sql_step(store, statement, &row, error);
        if (status || !row)
            break;
        read_line(&line, statement);
        hash_line(expected, previous, &line);
        if (line.sequence != *lines + 1)
            status = rubor_error_set(error, RUBOR_CORRUPT, "audit line %" PRId64 " is missing", *lines + 1);
        else if (strcmp(expected, line.hash) != 0)
            status =
                rubor_error_set(error, RUBOR_CORRUPT, "audit line %" PRId64 " was changed", line.sequence);
        if (!status)
            memcpy(previous, line.hash, RUBOR_DIGEST_SIZE);
        *lines += !status;
    }
    rubor_sql_done(store, statement);
    return status;
}

rubor_status rubor_store_audit_verify(rubor_store *store, int64_t *lines, rubor_error *error)
{
    char previous[RUBOR_DIGEST_SIZE] = FIRST_HASH;
    *lines = 0;
    return verify_on(store, lines, previous, error);
}

/* From the first line for the first page of a list, for the others from where the last page's look ended. */
static bool is_intact(rubor_store *store, bool first_page)
{
    if (first_page || !store->audited_hash[0]) {
        store->audited_lines = 0;
        memcpy(store->audited_hash, FIRST_HASH, sizeof store->audited_hash);
    }
    if (verify_on(store, &store->audited_lines, store->audited_hash, NULL) == RUBOR_OK)
        return true;
    store->audited_hash[0] = '\0'; /* the next look begins anew */
    return false;
}

rubor_status rubor_store_audit_list(rubor_store *store, int64_t after, int64_t limit, rubor_reply *reply,
                                    rubor_error *error)
{
    if (limit <= 0 || limit > RUBOR_LIST_MOST)
        limit = RUBOR_LIST_MOST;
    reply->audit = calloc((size_t)limit, sizeof *reply->audit);
    if (!reply->audit)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    reply->has_audit = true;
    sqlite3_stmt *statement;
    rubor_status status =
        rubor_sql_prepare(store, &statement, error, "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
                          "ii", after, limit);
    bool row = true;
    while (!status && row) {
        status = rubor_sql_step(store, statement, &row, error);
        if (!status && row)
            read_line(&reply->audit[reply->audit_count++], statement);
    }
    rubor_sql_done(store, statement);
    if (!status && (int64_t)reply->audit_count == limit)
        reply->next = reply->audit[limit - 1].sequence;
    if (!status)
        reply->audit_intact = is_intact(store, after <= 0);
    return status;
}

void rubor_store_patient_tag(const rubor_store *store, const char *patient, char out[24])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)patient, strlen(patient), store->salt,
                       sizeof store->salt);
    sodium_bin2hex(out, 17, hash, 8);
}
