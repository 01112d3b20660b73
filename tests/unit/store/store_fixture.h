/* A store in a folder of its own, and the few steps that the tests of store/ repeat. */
#ifndef RUBOR_TESTS_STORE_FIXTURE_H
#define RUBOR_TESTS_STORE_FIXTURE_H

#include "store/store.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

typedef struct fixture {
    char folder[64];
    rubor_store *store;
    rubor_request *request;
} fixture;

static inline void open_store(fixture *f)
{
    rubor_error error = {0};
    if (rubor_store_open(&f->store, f->folder, RUBOR_STORE_WRITE, &error) != RUBOR_OK)
        fail_msg("%s", error.message);
}

static inline void reopen(fixture *f)
{
    rubor_store_close(&f->store);
    open_store(f);
}

static inline int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    const char *memory = "/dev/shm"; /* an fsync is free there */
    snprintf(f->folder, sizeof f->folder, "%s/rubor-store-XXXXXX",
             access(memory, W_OK) == 0 ? memory : "/tmp");
    if (!mkdtemp(f->folder))
        return -1;
    rubor_store_fault_reset();
    open_store(f);
    f->request = malloc(sizeof *f->request);
    rubor_request_init(f->request, RUBOR_VERB_ANALYZE);
    snprintf(f->request->patient, sizeof f->request->patient, "P");
    snprintf(f->request->session, sizeof f->request->session, "S");
    f->request->day = 1;
    *state = f;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline int teardown(void **state)
{
    fixture *f = *state;
    rubor_store_fault_reset();
    rubor_store_close(&f->store);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f->request);
    free(f);
    return 0;
}

static int counted_files;
static inline int count_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)path;
    (void)info;
    (void)at;
    counted_files += kind == FTW_F;
    return 0;
}

static inline int count_files(const fixture *f, const char *inside)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, inside);
    counted_files = 0;
    nftw(path, count_one, 16, FTW_PHYS);
    return counted_files;
}

static inline rubor_status put_photo(fixture *f, const char *text, char digest[RUBOR_DIGEST_SIZE])
{
    rubor_bytes bytes = {(const uint8_t *)text, strlen(text)};
    rubor_digest(digest, bytes);
    return rubor_store_file_put(f->store, RUBOR_STORE_PHOTO, digest, bytes, NULL);
}

static inline rubor_job_info submit(fixture *f, int day, const char *photo)
{
    rubor_job_info info;
    rubor_error error = {0};
    char digest[RUBOR_DIGEST_SIZE];
    f->request->day = day;
    assert_int_equal(put_photo(f, photo, digest), RUBOR_OK);
    if (rubor_store_submit(f->store, f->request, digest, NULL, (int64_t)strlen(photo), "test", &info, &error))
        fail_msg("%s", error.message);
    return info;
}

static int64_t finish_baseline_filing; /* what the result is said to have been measured with; 0: nothing is said */
static inline rubor_status finish_with(fixture *f, const rubor_job_info *job, const char *verdict,
                                       rubor_job_list *changed)
{
    rubor_job_info now;
    rubor_record *record = malloc(sizeof *record);
    rubor_wire_writer writer;
    rubor_record_init(record);
    snprintf(record->quality.verdict, sizeof record->quality.verdict, "%s", verdict);
    rubor_wire_writer_init(&writer);
    rubor_record_pack(&writer, record);
    rubor_store_job(f->store, job->job, false, &now, NULL);
    rubor_outcome outcome = {.record = record,
                             .packed = {(const uint8_t *)writer.buffer.data, writer.buffer.size},
                             .baseline = now.baseline,
                             .baseline_filing = finish_baseline_filing,
                             .attempts = 1};
    rubor_status status = rubor_store_finish(f->store, job->job, &outcome, changed, NULL);
    rubor_wire_writer_finish(&writer);
    free(record);
    return status;
}

static inline void finish_ok(fixture *f, const rubor_job_info *job, const char *verdict)
{
    rubor_job_list changed = {0};
    assert_int_equal(finish_with(f, job, verdict, &changed), RUBOR_OK);
    rubor_job_list_finish(&changed);
}

/* Amends a job into another session of its patient. */
static inline void move_to_session(fixture *f, const rubor_job_info *job, const char *session,
                                   rubor_job_info *out)
{
    rubor_job_list changed = {0};
    rubor_request *amend = malloc(sizeof *amend);
    rubor_request_init(amend, RUBOR_VERB_AMEND);
    snprintf(amend->job, sizeof amend->job, "%s", job->job);
    snprintf(amend->session, sizeof amend->session, "%s", session);
    assert_int_equal(rubor_store_amend(f->store, amend, "test", out, &changed, NULL), RUBOR_OK);
    rubor_job_list_finish(&changed);
    free(amend);
}

#endif
