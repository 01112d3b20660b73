/* A store on a disk that fails, fills up or loses power. */
#include "store_fixture.h"

/* ---- a disk that fails at every single operation ---- */

typedef struct attempt {
    rubor_status status;
    char job[RUBOR_JOB_SIZE];
} attempt;

static attempt try_submit(fixture *f, const char *photo)
{
    attempt a = {0};
    rubor_job_info info;
    char digest[RUBOR_DIGEST_SIZE];
    f->request->day = 1;
    a.status = put_photo(f, photo, digest);
    if (!a.status)
        a.status =
            rubor_store_submit(f->store, f->request, digest, NULL, (int64_t)strlen(photo), "t", &info, NULL);
    if (!a.status)
        snprintf(a.job, sizeof a.job, "%s", info.job);
    return a;
}

/* What was acknowledged is there with its bytes; what was not can be tried again; nothing is left over. */
static void check_after_fault(fixture *f, const attempt *a, const char *photo)
{
    rubor_job_info info;
    rubor_buffer bytes;
    int64_t removed;
    rubor_store_fault_reset();
    attempt again = try_submit(f, photo);
    assert_int_equal(again.status, RUBOR_OK);
    if (a->status == RUBOR_OK)
        assert_string_equal(a->job, again.job);
    reopen(f);
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(rubor_store_job(f->store, again.job, false, &info, NULL), RUBOR_OK);
    assert_int_equal(rubor_store_file_get(f->store, RUBOR_STORE_PHOTO, info.digest, &bytes, NULL), RUBOR_OK);
    assert_int_equal(bytes.size, strlen(photo));
    assert_memory_equal(bytes.data, photo, bytes.size);
    free(bytes.data);
}

static void fail_everywhere(fixture *f, int errno_value, bool sticky)
{
    int photos = count_files(f, "photos"), faults = 0;
    for (int op = 0; op < RUBOR_STORE_OP_COUNT; op++)
        for (int nth = 1; nth < 40; nth++) {
            char photo[64];
            snprintf(photo, sizeof photo, "photo %d %d %d %d", errno_value, sticky, op, nth);
            rubor_store_fault_reset();
            rubor_store_fault((rubor_store_op)op, nth, errno_value, sticky);
            attempt a = try_submit(f, photo);
            bool reached = rubor_store_op_count((rubor_store_op)op) >= nth;
            faults += reached;
            if (reached && op < RUBOR_STORE_OP_DB_WRITE)
                assert_int_equal(a.status, RUBOR_IO);
            check_after_fault(f, &a, photo);
            photos++;
            if (!reached)
                break;
        }
    assert_true(faults > 8);
    assert_int_equal(count_files(f, "photos"), photos);
    int64_t lines;
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, NULL), RUBOR_OK);
    assert_int_equal(lines, photos); /* one line a filing: a failed attempt left none */
}

static void a_full_disk_at_any_write_loses_and_acknowledges_nothing(void **state)
{
    fail_everywhere(*state, ENOSPC, false);
}

static void a_disk_error_at_any_write_or_fsync_loses_and_acknowledges_nothing(void **state)
{
    fail_everywhere(*state, EIO, false);
}

static void a_disk_that_stays_full_recovers_when_there_is_room(void **state)
{
    fail_everywhere(*state, ENOSPC, true);
}

/* ---- groups ---- */

enum { GROUP = 5 }; /* enough for one syncfs */

/* Submits a group of photos and commits; *taken of the steps went well. */
static rubor_status submit_group(fixture *f, const char *name, int *taken)
{
    rubor_job_info info;
    *taken = 0;
    rubor_status status = rubor_store_group_begin(f->store, NULL);
    if (status)
        return status;
    for (int i = 0; i < GROUP; i++) {
        char photo[80], digest[RUBOR_DIGEST_SIZE];
        snprintf(photo, sizeof photo, "%s %d", name, i);
        f->request->day = i;
        if (put_photo(f, photo, digest) == RUBOR_OK &&
            rubor_store_submit(f->store, f->request, digest, NULL, 10, "t", &info, NULL) == RUBOR_OK)
            (*taken)++;
    }
    return rubor_store_group_commit(f->store, NULL);
}

static int64_t queued(fixture *f)
{
    rubor_service_status counts = {0};
    assert_int_equal(rubor_store_count(f->store, &counts, NULL), RUBOR_OK);
    return counts.queued;
}

static void a_step_that_fails_leaves_the_rest_of_its_group_alone(void **state)
{
    fixture *f = *state;
    rubor_job_info info = submit(f, 1, "first");
    finish_ok(f, &info, "ok");
    assert_int_equal(rubor_store_group_begin(f->store, NULL), RUBOR_OK);
    rubor_job_info second = submit(f, 2, "second"), third;
    rubor_job_list changed = {0};
    assert_int_equal(finish_with(f, &info, "ok", &changed), RUBOR_CONFLICT); /* it has a result */
    third = submit(f, 3, "third");
    finish_ok(f, &second, "ok");
    assert_int_equal(rubor_store_group_commit(f->store, NULL), RUBOR_OK);
    rubor_job_list_finish(&changed);
    reopen(f);
    assert_int_equal(rubor_store_job(f->store, second.job, false, &info, NULL), RUBOR_OK);
    assert_string_equal(info.state, "done");
    assert_int_equal(rubor_store_job(f->store, third.job, false, &info, NULL), RUBOR_OK);
    assert_string_equal(info.state, "queued");
}

static void a_group_that_was_not_committed_never_happened(void **state)
{
    fixture *f = *state;
    rubor_job_info info;
    int64_t removed;
    char digest[RUBOR_DIGEST_SIZE];
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK); /* as each start does */
    assert_int_equal(rubor_store_group_begin(f->store, NULL), RUBOR_OK);
    for (int i = 0; i < GROUP; i++)
        submit(f, i, i % 2 ? "odd" : "even");
    reopen(f); /* as after kill -9 */
    assert_int_equal(queued(f), 0);
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(count_files(f, "photos"), 0);
    info = submit(f, 1, "odd");
    assert_false(info.duplicate);
    assert_int_equal(put_photo(f, "odd", digest), RUBOR_OK);
}

static void a_file_that_is_taken_back_within_a_group_does_not_fail_it(void **state)
{
    fixture *f = *state;
    char digest[RUBOR_DIGEST_SIZE];
    assert_int_equal(rubor_store_group_begin(f->store, NULL), RUBOR_OK);
    submit(f, 1, "kept");
    assert_int_equal(put_photo(f, "filed by nothing", digest), RUBOR_OK);
    rubor_store_file_release(f->store, RUBOR_STORE_PHOTO, digest);
    assert_int_equal(rubor_store_group_commit(f->store, NULL), RUBOR_OK);
    assert_int_equal(count_files(f, "photos"), 1);
    assert_int_equal(queued(f), 1);
}

static void a_crash_while_a_patient_of_many_photos_is_forgotten_stops_no_start(void **state)
{
    enum { MANY = 200 }; /* more than a group leaves */
    fixture *f = *state;
    char photo[32], digest[RUBOR_DIGEST_SIZE];
    int64_t jobs, photos, removed;
    rubor_job_list stopped = {0};
    for (int i = 0; i < MANY; i++) {
        snprintf(photo, sizeof photo, "of many %d", i);
        submit(f, i % 60, photo);
    }
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(rubor_store_forget(f->store, "P", false, "who", &jobs, &photos, &stopped, NULL), RUBOR_OK);
    assert_int_equal(photos, MANY);
    rubor_job_list_finish(&stopped);
    for (int i = 0; i < MANY; i++) { /* as if the crash had come before they were removed */
        snprintf(photo, sizeof photo, "of many %d", i);
        assert_int_equal(put_photo(f, photo, digest), RUBOR_OK);
    }
    reopen(f);
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(removed, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(photo, sizeof photo, "of many %d", i);
        assert_int_equal(put_photo(f, photo, digest), RUBOR_OK);
    }
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_CONFLICT); /* once only */
}

static void a_disk_that_takes_files_but_no_commit_leaves_no_pile_of_photos(void **state)
{
    fixture *f = *state;
    int64_t removed;
    int taken;
    submit(f, 1, "first");
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK); /* as each start does */
    rubor_store_fault(RUBOR_STORE_OP_DB_SYNC, 1, EIO, true);
    for (int i = 0; i < 40; i++) { /* 200 photos, all told to come back */
        char name[32];
        snprintf(name, sizeof name, "no commit %d", i);
        assert_int_equal(submit_group(f, name, &taken), RUBOR_IO);
    }
    assert_true(count_files(f, "photos") <= 1 + GROUP);
    reopen(f); /* as after kill -9, on a disk that is well again */
    rubor_store_fault_reset();
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(count_files(f, "photos"), queued(f));
}

static void photos_of_a_failed_commit_go_with_the_next_that_succeeds(void **state)
{
    fixture *f = *state;
    int taken;
    rubor_store_fault(RUBOR_STORE_OP_DB_SYNC, 1, EIO, false);
    assert_int_equal(submit_group(f, "failed", &taken), RUBOR_IO);
    assert_int_equal(count_files(f, "photos"), GROUP);
    rubor_store_fault_reset();
    assert_int_equal(submit_group(f, "stored", &taken), RUBOR_OK);
    assert_int_equal(count_files(f, "photos"), GROUP);
    assert_int_equal(queued(f), GROUP);
}

/* Whether a group is whole or has not happened, for a fault at any operation in it; sticky: the disk stays
 * bad. */
static void fail_groups_everywhere(fixture *f, int errno_value, bool sticky)
{
    int64_t stored = 0, lines;
    int faults = 0;
    for (int op = 0; op < RUBOR_STORE_OP_COUNT; op++)
        for (int nth = 1; nth < 80; nth++) {
            char name[64];
            int taken, again;
            snprintf(name, sizeof name, "group %d %d %d %d", errno_value, sticky, op, nth);
            rubor_store_fault_reset();
            rubor_store_fault((rubor_store_op)op, nth, errno_value, sticky);
            rubor_status status = submit_group(f, name, &taken);
            bool reached = rubor_store_op_count((rubor_store_op)op) >= nth;
            rubor_store_fault_reset();
            faults += reached;
            assert_true(status == RUBOR_OK || reached);
            assert_int_equal(queued(f), stored + (status == RUBOR_OK ? taken : 0));
            assert_int_equal(submit_group(f, name, &again), RUBOR_OK);
            assert_int_equal(again, GROUP);
            stored += GROUP;
            assert_int_equal(queued(f), stored);
            if (!reached)
                break;
        }
    assert_true(faults > 15);
    reopen(f);
    assert_int_equal(queued(f), stored);
    assert_int_equal(count_files(f, "photos"), stored);
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, NULL), RUBOR_OK);
    assert_int_equal(lines, stored);
}

static void a_full_disk_at_any_write_of_a_group_acknowledges_none_of_it(void **state)
{
    fail_groups_everywhere(*state, ENOSPC, false);
}

static void a_disk_error_at_any_write_or_sync_of_a_group_acknowledges_none_of_it(void **state)
{
    fail_groups_everywhere(*state, EIO, false);
}

static void a_group_recovers_when_a_full_disk_has_room_again(void **state)
{
    fail_groups_everywhere(*state, ENOSPC, true);
}

/* ---- the write-ahead log cut short, as by a power cut ---- */

typedef struct kept_file {
    char *data;
    long size;
} kept_file;

static kept_file keep_file(const char *folder, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    kept_file kept = {0};
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    kept.size = ftell(in);
    rewind(in);
    kept.data = malloc((size_t)kept.size + 1);
    assert_non_null(kept.data);
    assert_int_equal(fread(kept.data, 1, (size_t)kept.size, in), kept.size);
    fclose(in);
    return kept;
}

static void put_back(const char *folder, const char *name, const kept_file *kept, long size)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(kept->data, 1, (size_t)size, out), size);
    assert_int_equal(fclose(out), 0);
}

static int64_t count_jobs(const char *folder)
{
    rubor_store *store;
    rubor_error error = {0};
    rubor_service_status counts = {0};
    int64_t lines;
    if (rubor_store_open(&store, folder, RUBOR_STORE_WRITE, &error) != RUBOR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(rubor_store_count(store, &counts, NULL), RUBOR_OK);
    assert_int_equal(rubor_store_audit_verify(store, &lines, NULL), RUBOR_OK);
    rubor_store_close(&store);
    assert_int_equal(lines, counts.queued);
    return counts.queued;
}

static void the_log_cut_at_any_byte_of_its_last_record_keeps_all_before_it(void **state)
{
    fixture *f = *state;
    char folder[80];
    submit(f, 1, "first");
    submit(f, 1, "second");
    kept_file before = keep_file(f->folder, "rubor.db-wal");
    submit(f, 1, "third");
    kept_file log = keep_file(f->folder, "rubor.db-wal"), database = keep_file(f->folder, "rubor.db");
    assert_true(log.size > before.size);
    snprintf(folder, sizeof folder, "%s-cut", f->folder);
    mkdir(folder, 0700);
    long step = getenv("RUBOR_LONG") ? 1 : 389, cuts = 0; /* a prime: all places within a page in turn */
    for (long size = before.size;; size = size + step < log.size ? size + step : log.size, cuts++) {
        put_back(folder, "rubor.db", &database, database.size);
        put_back(folder, "rubor.db-wal", &log, size);
        int64_t jobs = count_jobs(folder);
        assert_in_range(jobs, 2, 3);
        if (size == log.size) {
            assert_int_equal(jobs, 3);
            break;
        }
    }
    if (step == 1)
        print_message("the log was cut at %ld places\n", cuts + 1);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(before.data);
    free(log.data);
    free(database.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_at_any_write_loses_and_acknowledges_nothing),
        TEST(a_disk_error_at_any_write_or_fsync_loses_and_acknowledges_nothing),
        TEST(a_disk_that_stays_full_recovers_when_there_is_room),
        TEST(a_step_that_fails_leaves_the_rest_of_its_group_alone),
        TEST(a_group_that_was_not_committed_never_happened),
        TEST(a_file_that_is_taken_back_within_a_group_does_not_fail_it),
        TEST(a_crash_while_a_patient_of_many_photos_is_forgotten_stops_no_start),
        TEST(a_disk_that_takes_files_but_no_commit_leaves_no_pile_of_photos),
        TEST(photos_of_a_failed_commit_go_with_the_next_that_succeeds),
        TEST(a_full_disk_at_any_write_of_a_group_acknowledges_none_of_it),
        TEST(a_disk_error_at_any_write_or_sync_of_a_group_acknowledges_none_of_it),
        TEST(a_group_recovers_when_a_full_disk_has_room_again),
        TEST(the_log_cut_at_any_byte_of_its_last_record_keeps_all_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
