#include "store_fixture.h"

#include <time.h>

/* ---- filing ---- */

static void a_job_that_is_run_again_has_the_new_deadline(void **state)
{
    fixture *f = *state;
    rubor_pending_job pending;
    f->request->deadline_s = 1;
    rubor_job_info job = submit(f, 1, "photo");
    assert_int_equal(rubor_store_pending(f->store, job.job, &pending, NULL), RUBOR_OK);
    int64_t first = pending.deadline_ms;
    assert_true(first > 0);
    rubor_store_mark(f->store, job.job, "failed", 1, 0, RUBOR_TIMEOUT, "its deadline passed", NULL);
    f->request->deadline_s = 100;
    assert_string_equal(submit(f, 1, "photo").job, job.job);
    assert_int_equal(rubor_store_pending(f->store, job.job, &pending, NULL), RUBOR_OK);
    assert_true(pending.deadline_ms >= first + 50 * 1000);
    rubor_store_mark(f->store, job.job, "canceled", 1, 0, RUBOR_CANCELED, "", NULL);
    f->request->deadline_s = 0;
    submit(f, 1, "photo");
    assert_int_equal(rubor_store_pending(f->store, job.job, &pending, NULL), RUBOR_OK);
    assert_int_equal(pending.deadline_ms, 0);
}

static void a_result_with_two_pictures_of_one_name_is_malformed_and_not_a_second_result(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo"), found;
    rubor_record *record = malloc(sizeof *record);
    rubor_job_list changed = {0};
    rubor_record_init(record);
    rubor_outcome outcome = {.record = record,
                             .packed = {(const uint8_t *)"x", 1},
                             .baseline = "",
                             .attempts = 1,
                             .picture_count = 2,
                             .pictures = {{.name = "photo"}, {.name = "photo"}}};
    assert_int_equal(rubor_store_finish(f->store, job.job, &outcome, &changed, NULL), RUBOR_PROTOCOL);
    assert_int_equal(rubor_store_job(f->store, job.job, false, &found, NULL), RUBOR_OK);
    assert_string_equal(found.state, "queued");
    free(record);
}

static void a_damaged_file_of_the_same_size_is_written_again(void **state)
{
    fixture *f = *state;
    char digest[RUBOR_DIGEST_SIZE], path[256];
    rubor_buffer file;
    assert_int_equal(put_photo(f, "photo", digest), RUBOR_OK);
    snprintf(path, sizeof path, "%s/photos/%.2s/%s", f->folder, digest, digest + 2);
    FILE *damage = fopen(path, "w");
    assert_non_null(damage);
    fputs("wrong", damage);
    fclose(damage);
    assert_int_equal(put_photo(f, "photo", digest), RUBOR_OK);
    assert_int_equal(rubor_store_file_get(f->store, RUBOR_STORE_PHOTO, digest, &file, NULL), RUBOR_OK);
    assert_int_equal(file.size, 5);
    assert_memory_equal(file.data, "photo", 5);
    free(file.data);
}

static int64_t audit_lines(fixture *f)
{
    rubor_reply *reply = malloc(sizeof *reply);
    rubor_reply_init(reply, NULL);
    assert_int_equal(rubor_store_audit_list(f->store, 0, 500, reply, NULL), RUBOR_OK);
    int64_t count = (int64_t)reply->audit_count;
    rubor_reply_finish(reply);
    free(reply);
    return count;
}

static void cancel_retry_and_note_happen_with_their_audit_line_or_not_at_all(void **state)
{
    fixture *f = *state;
    rubor_pending_job pending;
    rubor_job_info found;
    f->request->deadline_s = 1;
    rubor_job_info job = submit(f, 1, "photo");
    int64_t lines = audit_lines(f);
    assert_int_equal(rubor_store_retry(f->store, job.job, "ann", NULL), RUBOR_CONFLICT);
    assert_int_equal(audit_lines(f), lines);
    rubor_store_mark(f->store, job.job, "quarantined", 3, 3, RUBOR_CRASHED, "", NULL);
    assert_int_equal(rubor_store_cancel(f->store, job.job, "ann", NULL), RUBOR_CONFLICT);
    assert_int_equal(rubor_store_retry(f->store, job.job, "ann", NULL), RUBOR_OK);
    assert_int_equal(audit_lines(f), lines + 1);
    assert_int_equal(rubor_store_pending(f->store, job.job, &pending, NULL), RUBOR_OK);
    assert_int_equal(pending.deaths, 0);
    assert_int_equal(pending.deadline_ms, 0);
    assert_int_equal(rubor_store_cancel(f->store, job.job, "ann", NULL), RUBOR_OK);
    assert_int_equal(audit_lines(f), lines + 2);
    assert_int_equal(rubor_store_job(f->store, job.job, false, &found, NULL), RUBOR_OK);
    assert_string_equal(found.state, "canceled");
    assert_int_equal(found.status, RUBOR_CANCELED);
    snprintf(f->request->text, sizeof f->request->text, "a note");
    assert_int_equal(rubor_store_note_add(f->store, f->request, "ann", NULL), RUBOR_OK);
    assert_int_equal(audit_lines(f), lines + 3);
}

static void the_same_photo_under_the_same_key_is_one_job(void **state)
{
    fixture *f = *state;
    rubor_job_info first = submit(f, 1, "photo"), again = submit(f, 1, "photo"),
                   other_day = submit(f, 2, "photo");
    assert_false(first.duplicate);
    assert_true(again.duplicate);
    assert_string_equal(first.job, again.job);
    assert_string_not_equal(first.job, other_day.job);
    f->request->region = (rubor_polygon){3, {{0, 0}, {9, 0}, {9, 9}}};
    assert_string_not_equal(submit(f, 1, "photo").job, first.job);
    assert_int_equal(count_files(f, "photos"), 1);
}

static void what_was_acknowledged_is_there_after_a_restart(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo"), found;
    reopen(f);
    assert_int_equal(rubor_store_job(f->store, job.job, false, &found, NULL), RUBOR_OK);
    assert_string_equal(found.state, "queued");
    rubor_pending_job pending;
    assert_int_equal(rubor_store_pending(f->store, job.job, &pending, NULL), RUBOR_OK);
    assert_int_equal(pending.bytes, 5);
}

static void a_job_has_exactly_one_result(void **state)
{
    fixture *f = *state;
    rubor_job_info job = submit(f, 1, "photo"), found;
    rubor_job_list changed = {0};
    finish_ok(f, &job, "ok");
    assert_int_equal(finish_with(f, &job, "warn", &changed), RUBOR_CONFLICT);
    assert_int_equal(rubor_store_job(f->store, job.job, true, &found, NULL), RUBOR_OK);
    assert_string_equal(found.record->quality.verdict, "ok");
    rubor_job_info_finish(&found);
}

static void a_second_broker_on_the_same_store_is_refused(void **state)
{
    fixture *f = *state;
    rubor_store *second;
    rubor_error error = {0};
    assert_int_equal(rubor_store_open(&second, f->folder, RUBOR_STORE_WRITE, &error), RUBOR_CONFLICT);
    assert_null(second);
    assert_int_equal(rubor_store_open(&second, "postgresql://localhost/rubor", RUBOR_STORE_WRITE, &error),
                     RUBOR_UNSUPPORTED);
}

static void a_store_of_an_unknown_kind_is_refused_and_makes_no_folder(void **state)
{
    fixture *f = *state;
    rubor_store *other;
    rubor_error error = {0};
    char here[4096];
    struct stat about;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(f->folder), 0);
    static const char *const unknown[] = {"foo:bar", "mysql://host/rubor", "SQLITE:bar", "file:bar"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(rubor_store_open(&other, unknown[i], RUBOR_STORE_WRITE, &error), RUBOR_UNSUPPORTED);
        assert_null(other);
        assert_int_not_equal(stat(unknown[i], &about), 0);
    }
    assert_int_equal(rubor_store_open(&other, "./foo:bar", RUBOR_STORE_WRITE, &error), RUBOR_OK);
    rubor_store_close(&other);
    assert_int_equal(chdir(here), 0);
}

static void a_store_of_a_newer_version_is_left_alone(void **state)
{
    fixture *f = *state;
    char path[128];
    sqlite3 *db;
    rubor_store_close(&f->store);
    snprintf(path, sizeof path, "%s/rubor.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(rubor_store_open(&f->store, f->folder, RUBOR_STORE_WRITE, NULL), RUBOR_UNSUPPORTED);
}

/* ---- the baseline of a visit ---- */

static rubor_job_info current_of_day(fixture *f, int day)
{
    rubor_request *list = malloc(sizeof *list);
    rubor_reply reply;
    rubor_job_info found = {0};
    rubor_request_init(list, RUBOR_VERB_LIST);
    list->day = day;
    rubor_reply_init(&reply, NULL);
    assert_int_equal(rubor_store_list(f->store, list, NULL, &reply, NULL), RUBOR_OK);
    assert_int_equal(reply.job_count, 1);
    found = reply.jobs[0];
    found.record = NULL;
    rubor_reply_finish(&reply);
    free(list);
    return found;
}

static void a_visit_uses_the_latest_usable_baseline_in_whatever_order_they_arrive(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info visit = submit(f, 3, "visit");
    finish_ok(f, &visit, "ok");
    rubor_job_info bad = submit(f, RUBOR_DAY_BEFORE, "blurred");
    finish_ok(f, &bad, "retake");
    assert_string_equal(current_of_day(f, 3).job, visit.job);
    rubor_job_info good = submit(f, RUBOR_DAY_BEFORE, "sharp");
    assert_int_equal(finish_with(f, &good, "warn", &changed), RUBOR_OK);
    assert_int_equal(changed.count, 1);
    rubor_job_info measured_again = current_of_day(f, 3), old;
    assert_string_equal(measured_again.job, changed.jobs[0]);
    assert_string_equal(measured_again.baseline, good.digest);
    assert_int_equal(rubor_store_job(f->store, visit.job, true, &old, NULL), RUBOR_OK);
    assert_string_equal(old.state, "done");
    assert_string_equal(old.superseded_by, measured_again.job);
    assert_non_null(old.record);
    rubor_job_info_finish(&old);
    rubor_job_list_finish(&changed);
    assert_string_equal(submit(f, 4, "later visit").baseline, good.digest);
}

static void a_visit_that_still_waits_takes_the_new_baseline_itself(void **state)
{
    fixture *f = *state;
    rubor_job_info before = submit(f, RUBOR_DAY_BEFORE, "before"), visit = submit(f, 0, "visit");
    assert_string_equal(visit.baseline, "");
    finish_ok(f, &before, "ok");
    assert_string_equal(current_of_day(f, 0).job, visit.job);
    assert_string_equal(current_of_day(f, 0).baseline, before.digest);
}

static void a_baseline_that_comes_back_has_its_canceled_visit_measured(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info first = submit(f, RUBOR_DAY_BEFORE, "first");
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit"), away, back;
    finish_ok(f, &visit, "ok");
    rubor_job_info second = submit(f, RUBOR_DAY_BEFORE, "second");
    finish_ok(f, &second, "ok");
    rubor_job_info again = current_of_day(f, 3), found;
    assert_string_equal(again.state, "queued");
    move_to_session(f, &second, "other", &away);
    assert_string_equal(current_of_day(f, 3).job, visit.job);
    assert_int_equal(rubor_store_job(f->store, again.job, false, &found, NULL), RUBOR_OK);
    assert_string_equal(found.state, "canceled");
    move_to_session(f, &away, "S", &back);
    assert_int_equal(finish_with(f, &back, "ok", &changed), RUBOR_OK);
    assert_string_equal(current_of_day(f, 3).job, again.job);
    assert_string_equal(current_of_day(f, 3).state, "queued");
    assert_int_equal(changed.count, 1);
    assert_string_equal(changed.jobs[0], again.job);
    rubor_job_list_finish(&changed);
}

static void a_withdrawn_baseline_that_comes_back_with_another_region_has_its_visits_measured_anew(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    f->request->region = (rubor_polygon){3, {{0, 0}, {9, 0}, {9, 9}}};
    rubor_job_info before = submit(f, RUBOR_DAY_BEFORE, "before"), gone;
    finish_ok(f, &before, "ok");
    f->request->region.count = 0;
    rubor_job_info visit = submit(f, 3, "visit");
    finish_ok(f, &visit, "ok");
    assert_int_equal(rubor_store_withdraw(f->store, before.job, "test", &gone, &changed, NULL), RUBOR_OK);
    assert_false(gone.current);
    assert_string_equal(current_of_day(f, 3).baseline, "");
    f->request->region = (rubor_polygon){3, {{0, 0}, {5, 0}, {5, 5}}};
    rubor_job_info back = submit(f, RUBOR_DAY_BEFORE, "before");
    finish_ok(f, &back, "ok");
    rubor_job_info anew = current_of_day(f, 3);
    assert_string_equal(anew.baseline, back.digest);
    assert_string_equal(anew.state, "queued");
    assert_string_not_equal(anew.job, visit.job);
    rubor_job_list_finish(&changed);
}

static rubor_job_info with_region(fixture *f, int day, const char *photo, double side)
{
    f->request->region = (rubor_polygon){side > 0 ? 3 : 0, {{0, 0}, {side, 0}, {side, side}}};
    rubor_job_info job = submit(f, day, photo);
    f->request->region.count = 0;
    return job;
}

static void the_same_baseline_filed_with_another_region_has_its_visits_measured_anew(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info first = with_region(f, RUBOR_DAY_BEFORE, "before", 9), old;
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit"), waits = submit(f, 4, "another");
    finish_ok(f, &visit, "ok");
    rubor_job_info second = with_region(f, RUBOR_DAY_BEFORE, "before", 5);
    assert_string_equal(current_of_day(f, 3).state, "done"); /* the first counts until the second is measured */
    assert_int_equal(finish_with(f, &second, "ok", &changed), RUBOR_OK);
    rubor_job_info anew = current_of_day(f, 3);
    assert_string_equal(anew.state, "queued");
    assert_string_not_equal(anew.job, visit.job);
    assert_string_equal(anew.baseline, second.digest);
    assert_string_equal(current_of_day(f, 4).job, waits.job);
    assert_string_equal(current_of_day(f, RUBOR_DAY_BEFORE).job, second.job);
    assert_int_equal(rubor_store_job(f->store, first.job, false, &old, NULL), RUBOR_OK);
    assert_false(old.current);
    assert_string_equal(old.superseded_by, second.job);
    assert_int_equal(changed.count, 3); /* the first filing and both visits */
    rubor_job_list_finish(&changed);
    /* And back again: the first region's results are not taken up unmeasured. */
    rubor_job_info third = with_region(f, RUBOR_DAY_BEFORE, "before", 9);
    assert_string_not_equal(third.job, first.job);
    finish_ok(f, &anew, "ok");
    rubor_job_info fourth = with_region(f, RUBOR_DAY_BEFORE, "before", 4);
    finish_ok(f, &fourth, "ok");
    assert_string_equal(current_of_day(f, 3).state, "queued");
    assert_string_equal(current_of_day(f, RUBOR_DAY_BEFORE).job, fourth.job); /* also of the third, which had not begun */
}

static void a_baseline_that_failed_the_gate_with_its_new_region_replaces_nothing(void **state)
{
    fixture *f = *state;
    rubor_job_info first = with_region(f, RUBOR_DAY_BEFORE, "before", 9);
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit");
    finish_ok(f, &visit, "ok");
    rubor_job_info second = with_region(f, RUBOR_DAY_BEFORE, "before", 5);
    finish_ok(f, &second, "retake");
    assert_string_equal(current_of_day(f, 3).job, visit.job);
}

static void a_visit_keeps_to_the_region_that_counts_while_another_failed_the_gate(void **state)
{
    fixture *f = *state;
    rubor_task task;
    rubor_job_info first = with_region(f, RUBOR_DAY_BEFORE, "before", 9);
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit");
    assert_int_equal(rubor_store_task(f->store, visit.job, &task, NULL), RUBOR_OK);
    int64_t good = task.baseline_filing;
    rubor_task_finish(&task);
    rubor_job_info second = with_region(f, RUBOR_DAY_BEFORE, "before", 5);
    finish_ok(f, &second, "retake");
    rubor_job_info later = submit(f, 4, "later");
    assert_int_equal(rubor_store_task(f->store, later.job, &task, NULL), RUBOR_OK);
    assert_int_equal(task.baseline_filing, good);
    rubor_task_finish(&task);
}

static rubor_job_info amend_region(fixture *f, const rubor_job_info *job, double side)
{
    rubor_job_list changed = {0};
    rubor_job_info out;
    rubor_error error = {0};
    rubor_request *amend = malloc(sizeof *amend);
    rubor_request_init(amend, RUBOR_VERB_AMEND);
    snprintf(amend->job, sizeof amend->job, "%s", job->job);
    amend->region = (rubor_polygon){3, {{0, 0}, {side, 0}, {side, side}}};
    if (rubor_store_amend(f->store, amend, "ann", &out, &changed, &error))
        fail_msg("%s", error.message);
    rubor_job_list_finish(&changed);
    free(amend);
    return out;
}

static void a_baseline_sent_once_more_does_not_undo_the_region_that_somebody_drew(void **state)
{
    fixture *f = *state;
    rubor_job_info first = submit(f, RUBOR_DAY_BEFORE, "before"), now;
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit");
    finish_ok(f, &visit, "ok");
    rubor_job_info drawn = amend_region(f, &first, 9);
    finish_ok(f, &drawn, "ok");
    rubor_job_info anew = current_of_day(f, 3);
    finish_ok(f, &anew, "ok");
    rubor_job_info again = submit(f, RUBOR_DAY_BEFORE, "before");
    assert_true(again.duplicate);
    assert_string_equal(again.job, drawn.job);
    assert_int_equal(rubor_store_job(f->store, drawn.job, false, &now, NULL), RUBOR_OK);
    assert_true(now.current);
    assert_string_equal(current_of_day(f, 3).job, anew.job);
    rubor_job_info redrawn = amend_region(f, &drawn, 5); /* and back to a region that was amended away */
    finish_ok(f, &redrawn, "ok");
    rubor_job_info back = amend_region(f, &redrawn, 9);
    assert_string_not_equal(back.job, redrawn.job);
    assert_string_equal(submit(f, RUBOR_DAY_BEFORE, "before").job, back.job);
}

static void an_amended_baseline_is_stored_though_another_filing_was_measured_before_it(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info first = with_region(f, RUBOR_DAY_BEFORE, "before", 9);
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit");
    finish_ok(f, &visit, "ok");
    rubor_job_info second = with_region(f, RUBOR_DAY_BEFORE, "before", 5);
    rubor_job_info amended = amend_region(f, &first, 7);
    finish_ok(f, &second, "ok");
    assert_int_equal(finish_with(f, &amended, "ok", &changed), RUBOR_OK);
    rubor_job_list_finish(&changed);
}

static void a_result_with_the_baselines_old_region_is_measured_again(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_task task;
    rubor_job_info first = with_region(f, RUBOR_DAY_BEFORE, "before", 9);
    finish_ok(f, &first, "ok");
    rubor_job_info visit = submit(f, 3, "visit");
    assert_int_equal(rubor_store_task(f->store, visit.job, &task, NULL), RUBOR_OK); /* a worker begins */
    int64_t old_filing = task.baseline_filing;
    rubor_task_finish(&task);
    assert_true(old_filing > 0);
    rubor_job_info second = with_region(f, RUBOR_DAY_BEFORE, "before", 5);
    assert_int_equal(rubor_store_task(f->store, visit.job, &task, NULL), RUBOR_OK);
    assert_int_equal(task.baseline_filing, old_filing); /* not the one that is not measured yet */
    rubor_task_finish(&task);
    finish_ok(f, &second, "ok");
    finish_baseline_filing = old_filing;
    assert_int_equal(finish_with(f, &visit, "ok", &changed), RUBOR_BUSY);
    assert_int_equal(rubor_store_task(f->store, visit.job, &task, NULL), RUBOR_OK);
    finish_baseline_filing = task.baseline_filing;
    assert_int_not_equal(finish_baseline_filing, old_filing);
    assert_int_equal(finish_with(f, &visit, "ok", &changed), RUBOR_OK);
    finish_baseline_filing = 0;
    rubor_task_finish(&task);
    rubor_job_list_finish(&changed);
}

static void another_view_or_session_is_no_baseline(void **state)
{
    fixture *f = *state;
    snprintf(f->request->view, sizeof f->request->view, "left");
    rubor_job_info before = submit(f, RUBOR_DAY_BEFORE, "before");
    finish_ok(f, &before, "ok");
    snprintf(f->request->view, sizeof f->request->view, "right");
    assert_string_equal(submit(f, 0, "visit").baseline, "");
}

static void an_amended_baseline_takes_its_visits_back(void **state)
{
    fixture *f = *state;
    rubor_job_list changed = {0};
    rubor_job_info before = submit(f, RUBOR_DAY_BEFORE, "before"), moved;
    finish_ok(f, &before, "ok");
    rubor_job_info visit = submit(f, 0, "visit");
    finish_ok(f, &visit, "ok");
    rubor_request *amend = malloc(sizeof *amend);
    rubor_request_init(amend, RUBOR_VERB_AMEND);
    snprintf(amend->job, sizeof amend->job, "%s", before.job);
    snprintf(amend->session, sizeof amend->session, "another session");
    assert_int_equal(rubor_store_amend(f->store, amend, "test", &moved, &changed, NULL), RUBOR_OK);
    assert_string_equal(moved.session, "another session");
    assert_string_equal(current_of_day(f, 0).baseline, "");
    assert_string_not_equal(current_of_day(f, 0).job, visit.job);
    rubor_job_list_finish(&changed);
    free(amend);
}

static void a_stored_photo_is_known_to_all_or_to_who_submitted_it(void **state)
{
    fixture *f = *state;
    int64_t bytes = 0;
    rubor_job_info job = submit(f, 1, "a photo");
    assert_int_equal(rubor_store_photo_bytes(f->store, job.digest, NULL, &bytes, NULL), RUBOR_OK);
    assert_int_equal(bytes, strlen("a photo"));
    assert_int_equal(rubor_store_photo_bytes(f->store, job.digest, "test", &bytes, NULL), RUBOR_OK);
    assert_int_equal(rubor_store_photo_bytes(f->store, job.digest, "someone", &bytes, NULL), RUBOR_NOT_FOUND);
    job.digest[0] = job.digest[0] == 'a' ? 'b' : 'a';
    assert_int_equal(rubor_store_photo_bytes(f->store, job.digest, NULL, &bytes, NULL), RUBOR_NOT_FOUND);
}

/* ---- forgetting and audit ---- */

static void forgetting_leaves_nothing_but_the_audit_line(void **state)
{
    fixture *f = *state;
    rubor_job_list stopped = {0};
    int64_t jobs = 0, photos = 0, lines = 0;
    snprintf(f->request->patient, sizeof f->request->patient, "UNIQUE-PATIENT-NAME");
    rubor_job_info job = submit(f, 1, "photo of one"), shared = submit(f, 2, "photo of two patients");
    finish_ok(f, &job, "ok");
    rubor_store_note_add(f->store, f->request, "test", NULL);
    snprintf(f->request->patient, sizeof f->request->patient, "other");
    submit(f, 2, "photo of two patients");
    assert_int_equal(count_files(f, "photos"), 2);
    assert_int_equal(
        rubor_store_forget(f->store, "UNIQUE-PATIENT-NAME", false, "test", &jobs, &photos, &stopped, NULL),
        RUBOR_OK);
    assert_int_equal(jobs, 2);
    assert_int_equal(photos, 1);
    assert_int_equal(stopped.count, 2);
    int64_t now_ms = (int64_t)time(NULL) * 1000, forgotten_ms = 0;
    assert_int_equal(rubor_store_forgotten(f->store, "UNIQUE-PATIENT-NAME", &forgotten_ms, NULL), RUBOR_OK);
    assert_in_range(forgotten_ms, now_ms - 60000, now_ms + 60000);
    assert_int_equal(rubor_store_forgotten(f->store, "other", &forgotten_ms, NULL), RUBOR_OK);
    assert_int_equal(forgotten_ms, 0);
    assert_int_equal(count_files(f, "photos"), 1);
    rubor_job_info gone;
    assert_int_equal(rubor_store_job(f->store, job.job, false, &gone, NULL), RUBOR_NOT_FOUND);
    assert_int_equal(rubor_store_job(f->store, shared.job, false, &gone, NULL), RUBOR_NOT_FOUND);
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, NULL), RUBOR_OK);
    rubor_job_list_finish(&stopped);
    rubor_store_close(&f->store);
    char command[256];
    snprintf(command, sizeof command, "grep -rqa UNIQUE-PATIENT-NAME %s", f->folder);
    assert_int_not_equal(system(command), 0); /* NOLINT: the test's own folder */
}

static bool page_is_intact(fixture *f, int64_t after)
{
    rubor_reply *reply = malloc(sizeof *reply);
    rubor_reply_init(reply, NULL);
    assert_int_equal(rubor_store_audit_list(f->store, after, 2, reply, NULL), RUBOR_OK);
    bool intact = reply->audit_intact;
    rubor_reply_finish(reply);
    free(reply);
    return intact;
}

static void a_changed_or_missing_audit_line_is_found(void **state)
{
    fixture *f = *state;
    char path[128];
    sqlite3 *db;
    int64_t lines;
    rubor_error error = {0};
    const rubor_bytes profile = {(const uint8_t *)"{}", 2};
    for (int i = 0; i < 5; i++)
        assert_int_equal(rubor_store_profile_put(f->store, "what", profile, "who", NULL), RUBOR_OK);
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, NULL), RUBOR_OK);
    assert_int_equal(lines, 5);
    for (int64_t after = 0; after < 6; after += 2)
        assert_true(page_is_intact(f, after));
    snprintf(path, sizeof path, "%s/rubor.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE audit SET who = 'x' WHERE seq = 3", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TRIGGER audit_no_update; UPDATE audit SET who = 'x' WHERE seq = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, &error), RUBOR_CORRUPT);
    assert_non_null(strstr(error.message, "line 3"));
    for (int64_t after = 0; after < 6; after += 2)
        assert_false(page_is_intact(f, after));
    sqlite3_exec(
        db,
        "UPDATE audit SET who = 'who' WHERE seq = 3; DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE"
        " seq = 4",
        NULL, NULL, NULL);
    assert_int_equal(rubor_store_audit_verify(f->store, &lines, &error), RUBOR_CORRUPT);
    assert_non_null(strstr(error.message, "line 4"));
    sqlite3_close(db);
}

static void photos_beside_a_database_that_never_served_are_left_alone(void **state)
{
    fixture *f = *state;
    char digest[RUBOR_DIGEST_SIZE];
    int64_t removed;
    assert_int_equal(put_photo(f, "of another database", digest), RUBOR_OK);
    for (int start = 0; start < 2; start++, reopen(f))
        assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_CONFLICT);
    assert_int_equal(count_files(f, "photos"), 1);
}

static void files_that_no_row_refers_to_are_swept(void **state)
{
    fixture *f = *state;
    char digest[RUBOR_DIGEST_SIZE], path[256];
    int64_t removed;
    submit(f, 1, "kept");
    assert_int_equal(put_photo(f, "orphan", digest), RUBOR_OK);
    snprintf(path, sizeof path, "%s/photos/%.2s/%s.part", f->folder, digest, digest + 2);
    FILE *part = fopen(path, "w");
    fputs("half", part);
    fclose(part);
    assert_int_equal(rubor_store_sweep(f->store, &removed, NULL), RUBOR_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(count_files(f, "photos"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_is_run_again_has_the_new_deadline),
        TEST(a_result_with_two_pictures_of_one_name_is_malformed_and_not_a_second_result),
        TEST(a_damaged_file_of_the_same_size_is_written_again),
        TEST(a_baseline_that_comes_back_has_its_canceled_visit_measured),
        TEST(the_same_photo_under_the_same_key_is_one_job),
        TEST(cancel_retry_and_note_happen_with_their_audit_line_or_not_at_all),
        TEST(what_was_acknowledged_is_there_after_a_restart),
        TEST(a_job_has_exactly_one_result),
        TEST(a_second_broker_on_the_same_store_is_refused),
        TEST(a_store_of_an_unknown_kind_is_refused_and_makes_no_folder),
        TEST(a_store_of_a_newer_version_is_left_alone),
        TEST(a_visit_uses_the_latest_usable_baseline_in_whatever_order_they_arrive),
        TEST(a_visit_that_still_waits_takes_the_new_baseline_itself),
        TEST(a_withdrawn_baseline_that_comes_back_with_another_region_has_its_visits_measured_anew),
        TEST(another_view_or_session_is_no_baseline),
        TEST(the_same_baseline_filed_with_another_region_has_its_visits_measured_anew),
        TEST(a_baseline_that_failed_the_gate_with_its_new_region_replaces_nothing),
        TEST(a_visit_keeps_to_the_region_that_counts_while_another_failed_the_gate),
        TEST(a_baseline_sent_once_more_does_not_undo_the_region_that_somebody_drew),
        TEST(an_amended_baseline_is_stored_though_another_filing_was_measured_before_it),
        TEST(a_result_with_the_baselines_old_region_is_measured_again),
        TEST(an_amended_baseline_takes_its_visits_back),
        TEST(a_stored_photo_is_known_to_all_or_to_who_submitted_it),
        TEST(forgetting_leaves_nothing_but_the_audit_line),
        TEST(a_changed_or_missing_audit_line_is_found),
        TEST(photos_beside_a_database_that_never_served_are_left_alone),
        TEST(files_that_no_row_refers_to_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
