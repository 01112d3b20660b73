/* How a session is known to have changed, and what is kept of it until it does. */
#include "store_fixture.h"

/* Changes the database while nobody has it open, as an older version would have left it, and opens it again. */
static void as_older(fixture *f, const char *sql)
{
    char path[128];
    sqlite3 *db;
    rubor_store_close(&f->store);
    snprintf(path, sizeof path, "%s/rubor.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_store(f);
}

static int rows_of(fixture *f, const char *table)
{
    char path[128], sql[64];
    sqlite3 *db;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/rubor.db", f->folder);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int rows = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return rows;
}

static int64_t revision(fixture *f, const char *session)
{
    rubor_session_info info;
    assert_int_equal(rubor_store_session_get(f->store, "P", session, &info, NULL), RUBOR_OK);
    return info.revision;
}

static void a_sessions_revision_never_comes_twice(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    int64_t seen[12];
    int count = 0;
    rubor_job_info job = submit(f, 1, "photo"), other, moved;
    seen[count++] = revision(f, "S");
    finish_ok(f, &job, "ok");
    seen[count++] = revision(f, "S");
    other = submit(f, 2, "another");
    seen[count++] = revision(f, "S");
    assert_int_equal(rubor_store_cancel(f->store, other.job, "ann", NULL), RUBOR_OK);
    seen[count++] = revision(f, "S");
    move_to_session(f, &job, "elsewhere", &moved);
    seen[count++] = revision(f, "S");
    int64_t elsewhere = revision(f, "elsewhere");
    assert_int_equal(submit(f, 2, "another").duplicate, false); /* begins anew */
    seen[count++] = revision(f, "S");
    assert_int_equal(rubor_store_withdraw(f->store, other.job, "ann", &moved, &changed, NULL), RUBOR_OK);
    rubor_job_list_finish(&changed);
    submit(f, 1, "photo");
    seen[count++] = revision(f, "S");
    assert_int_equal(revision(f, "elsewhere"), elsewhere); /* nothing happened there */
    int64_t jobs, photos;
    rubor_job_list stopped = {0};
    assert_int_equal(rubor_store_forget(f->store, "P", false, "ann", &jobs, &photos, &stopped, NULL), RUBOR_OK);
    rubor_job_list_finish(&stopped);
    submit(f, 1, "photo"); /* the same photo in a session of the same name */
    seen[count++] = revision(f, "S");
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            assert_true(seen[i] > seen[k]);
}

static void a_store_written_before_revisions_were_counted_goes_on_with_larger_ones(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo");
    finish_ok(f, &job, "ok");
    as_older(f, "DROP TRIGGER job_added; DROP TRIGGER job_changed; DROP TRIGGER filing_changed;"
                "DROP TABLE changes; DROP TABLE revisions; DROP TABLE summaries; PRAGMA user_version = 2");
    int64_t first = revision(f, "S");
    assert_true(first > 1 * 8 + 3); /* what the only job counted as, done */
    submit(f, 2, "photo");
    assert_true(revision(f, "S") > first);
}

/* What a session is told to be like, as a worker said it of its present revision. */
static void keep_headline(fixture *f, const char *session, const char *headline)
{
    rubor_session_summary one = {.patient = "P", .revision = revision(f, session)};
    snprintf(one.session, sizeof one.session, "%s", session);
    snprintf(one.summary.urgency, sizeof one.summary.urgency, "care");
    snprintf(one.summary.headline, sizeof one.summary.headline, "%s", headline);
    snprintf(one.summary.rules, sizeof one.summary.rules, "%s", RUBOR_SUMMARY_RULES);
    assert_int_equal(rubor_store_summaries_put(f->store, &one, 1, NULL), RUBOR_OK);
}

/* "" where none is known; the same in the list of all sessions. */
static void assert_headline(fixture *f, const char *session, const char *wanted)
{
    rubor_session_info info;
    rubor_reply *reply = malloc(sizeof *reply);
    bool listed = false;
    assert_int_equal(rubor_store_session_get(f->store, "P", session, &info, NULL), RUBOR_OK);
    assert_string_equal(info.summary.headline, wanted);
    assert_string_equal(info.summary.urgency, *wanted ? "care" : "");
    rubor_reply_init(reply, NULL);
    rubor_request_init(f->request, RUBOR_VERB_LIST);
    snprintf(f->request->what, sizeof f->request->what, "sessions");
    assert_int_equal(rubor_store_list(f->store, f->request, NULL, reply, NULL), RUBOR_OK);
    for (size_t i = 0; i < reply->session_count; i++)
        if (strcmp(reply->sessions[i].session, session) == 0) {
            assert_string_equal(reply->sessions[i].summary.headline, wanted);
            listed = true;
        }
    assert_true(listed);
    rubor_reply_finish(reply);
    free(reply);
    rubor_request_init(f->request, RUBOR_VERB_ANALYZE);
    snprintf(f->request->patient, sizeof f->request->patient, "P");
    snprintf(f->request->session, sizeof f->request->session, "S");
}

static void a_headline_is_kept_over_a_restart_until_something_of_its_session_changes(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info job = submit(f, 1, "photo"), second, moved;
    finish_ok(f, &job, "ok");
    assert_headline(f, "S", "");
    keep_headline(f, "S", "one");
    reopen(f);
    assert_headline(f, "S", "one");
    second = submit(f, 2, "another");
    assert_headline(f, "S", "");
    keep_headline(f, "S", "two");
    finish_ok(f, &second, "ok");
    assert_headline(f, "S", "");
    keep_headline(f, "S", "three");
    move_to_session(f, &second, "elsewhere", &moved);
    assert_headline(f, "S", "");
    keep_headline(f, "S", "four");
    keep_headline(f, "elsewhere", "there");
    assert_int_equal(rubor_store_withdraw(f->store, job.job, "ann", &moved, &changed, NULL), RUBOR_OK);
    rubor_job_list_finish(&changed);
    assert_headline(f, "elsewhere", "there"); /* nothing happened there */
}

static void a_headline_of_a_photo_that_fails_or_is_run_again_is_another(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo");
    keep_headline(f, "S", "waiting");
    rubor_store_mark(f->store, job.job, "quarantined", 3, 3, RUBOR_CRASHED, "", NULL);
    assert_headline(f, "S", "");
    keep_headline(f, "S", "set aside");
    assert_int_equal(rubor_store_retry(f->store, job.job, "ann", NULL), RUBOR_OK);
    assert_headline(f, "S", "");
}

static void a_headline_of_a_photo_that_is_dropped_is_another(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo");
    submit(f, 2, "another");
    rubor_store_mark(f->store, job.job, "quarantined", 3, 3, RUBOR_CRASHED, "", NULL);
    keep_headline(f, "S", "not every photo counts");
    assert_int_equal(rubor_store_drop(f->store, job.job, "ann", NULL), RUBOR_OK);
    assert_headline(f, "S", "");
}

static void a_headline_that_comes_after_its_session_changed_or_went_is_not_kept(void **state)
{
    fixture *f = *state;
    int64_t jobs, photos;
    rubor_job_list stopped = {0};
    submit(f, 1, "photo");
    rubor_session_summary late = {.patient = "P", .session = "S", .revision = revision(f, "S")};
    snprintf(late.summary.urgency, sizeof late.summary.urgency, "care");
    snprintf(late.summary.headline, sizeof late.summary.headline, "late");
    snprintf(late.summary.rules, sizeof late.summary.rules, "%s", RUBOR_SUMMARY_RULES);
    submit(f, 2, "another");
    keep_headline(f, "S", "now");
    assert_int_equal(rubor_store_summaries_put(f->store, &late, 1, NULL), RUBOR_OK);
    assert_headline(f, "S", "now");
    late.revision = revision(f, "S");
    assert_int_equal(rubor_store_forget(f->store, "P", false, "ann", &jobs, &photos, &stopped, NULL), RUBOR_OK);
    rubor_job_list_finish(&stopped);
    assert_int_equal(rubor_store_summaries_put(f->store, &late, 1, NULL), RUBOR_OK);
    assert_int_equal(rows_of(f, "summaries"), 0);
}

static void a_headline_by_other_rules_is_not_shown_and_replaced(void **state)
{
    fixture *f = *state;
    submit(f, 1, "photo");
    keep_headline(f, "S", "old words");
    as_older(f, "UPDATE summaries SET rules = '2026.1.1/1'");
    assert_headline(f, "S", "");
    keep_headline(f, "S", "new words");
    assert_headline(f, "S", "new words");
    assert_int_equal(rows_of(f, "summaries"), 1);
}

static void a_store_without_kept_headlines_gets_room_for_them(void **state)
{
    fixture *f = *state;
    submit(f, 1, "photo");
    as_older(f, "DROP TABLE summaries; PRAGMA user_version = 3");
    assert_headline(f, "S", "");
    keep_headline(f, "S", "known now");
    assert_headline(f, "S", "known now");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sessions_revision_never_comes_twice),
        TEST(a_store_written_before_revisions_were_counted_goes_on_with_larger_ones),
        TEST(a_headline_is_kept_over_a_restart_until_something_of_its_session_changes),
        TEST(a_headline_of_a_photo_that_fails_or_is_run_again_is_another),
        TEST(a_headline_of_a_photo_that_is_dropped_is_another),
        TEST(a_headline_that_comes_after_its_session_changed_or_went_is_not_kept),
        TEST(a_headline_by_other_rules_is_not_shown_and_replaced),
        TEST(a_store_without_kept_headlines_gets_room_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
