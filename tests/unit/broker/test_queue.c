#include "broker/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    rubor_queue *queue;
    rubor_queue_options options;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    rubor_queue_options_default(&f->options);
    f->options.seed = 42;
    rubor_queue_create(&f->queue, &f->options, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    rubor_queue_destroy(&f->queue);
    free(f);
    return 0;
}

static rubor_queue_job job_of(const char *id, rubor_lane lane)
{
    rubor_queue_job job = {.lane = lane, .bytes = 1000};
    snprintf(job.id, sizeof job.id, "%s", id);
    return job;
}

static void add(fixture *f, const char *id, rubor_lane lane, int64_t now)
{
    rubor_queue_job job = job_of(id, lane);
    assert_int_equal(rubor_queue_add(f->queue, &job, now, NULL), RUBOR_OK);
}

static void add_in_group(fixture *f, const char *id, rubor_lane lane, uint64_t group, bool baseline,
                         int64_t now)
{
    rubor_queue_job job = job_of(id, lane);
    job.group = group;
    job.is_baseline = baseline;
    assert_int_equal(rubor_queue_add(f->queue, &job, now, NULL), RUBOR_OK);
}

static void assert_claims(fixture *f, const char *worker, int64_t now, const char *id, rubor_lease *lease)
{
    rubor_lease own;
    lease = lease ? lease : &own;
    assert_true(rubor_queue_claim(f->queue, worker, now, lease));
    assert_string_equal(lease->job.id, id);
}

static void a_station_photo_goes_before_batch(void **state)
{
    fixture *f = *state;
    add(f, "batch1", RUBOR_LANE_BATCH, 0);
    add(f, "batch2", RUBOR_LANE_BATCH, 0);
    add(f, "station", RUBOR_LANE_STATION, 10);
    assert_claims(f, "w1", 20, "station", NULL);
    assert_claims(f, "w2", 20, "batch1", NULL);
    assert_claims(f, "w3", 20, "batch2", NULL);
    assert_false(rubor_queue_claim(f->queue, "w4", 20, &(rubor_lease){0}));
}

static void batch_does_not_starve_under_endless_station_load(void **state)
{
    fixture *f = *state;
    add(f, "batch", RUBOR_LANE_BATCH, 0);
    rubor_lease lease;
    int64_t now = 0;
    for (int i = 0; i < 1000; i++, now += 1000) {
        char id[16];
        snprintf(id, sizeof id, "s%d", i);
        add(f, id, RUBOR_LANE_STATION, now);
        assert_true(rubor_queue_claim(f->queue, "w", now, &lease));
        rubor_queue_finish(f->queue, lease.job.id, lease.token, RUBOR_OK, now);
        rubor_queue_remove(f->queue, lease.job.id);
        if (strcmp(lease.job.id, "batch") == 0) {
            assert_in_range(now, f->options.ageing_ms, 3 * f->options.ageing_ms);
            return;
        }
    }
    fail_msg("batch starved for %lld ms", (long long)now);
}

static void a_result_with_the_lease_is_to_be_stored(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    add(f, "a", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "a", &lease);
    assert_int_equal(lease.job.attempts, 1);
    rubor_queue_event event = rubor_queue_finish(f->queue, "a", lease.token, RUBOR_OK, 5);
    assert_int_equal(event.kind, RUBOR_EVENT_STORE);
    assert_true(rubor_queue_remove(f->queue, "a"));
    assert_int_equal(rubor_queue_find(f->queue, "a", NULL), RUBOR_QUEUE_ABSENT);
}

static void lease_expires_while_the_worker_computes_and_its_late_result_is_refused(void **state)
{
    fixture *f = *state;
    rubor_lease old, renewed;
    add(f, "a", RUBOR_LANE_STATION, 0);
    assert_claims(f, "slow", 0, "a", &old);
    assert_int_equal(rubor_queue_tick(f->queue, f->options.lease_ms - 1).kind, RUBOR_EVENT_NONE);
    rubor_queue_event event = rubor_queue_tick(f->queue, f->options.lease_ms);
    assert_int_equal(event.kind, RUBOR_EVENT_RETRY);
    int64_t now = f->options.lease_ms + event.retry_ms;
    rubor_queue_tick(f->queue, now);
    assert_claims(f, "other", now, "a", &renewed);
    assert_int_not_equal(old.token, renewed.token);
    assert_int_equal(rubor_queue_finish(f->queue, "a", old.token, RUBOR_OK, now).kind, RUBOR_EVENT_LATE);
    assert_int_equal(rubor_queue_finish(f->queue, "a", renewed.token, RUBOR_OK, now).kind, RUBOR_EVENT_STORE);
}

static void heartbeats_keep_a_long_job_alive(void **state)
{
    fixture *f = *state;
    add(f, "long", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "long", NULL);
    for (int64_t now = 0; now < 3600 * 1000; now += 1000) {
        rubor_queue_renew(f->queue, "w", now);
        assert_int_equal(rubor_queue_tick(f->queue, now).kind, RUBOR_EVENT_NONE);
    }
}

static void a_permanent_error_is_never_retried(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    add(f, "a", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "a", &lease);
    rubor_queue_event event = rubor_queue_finish(f->queue, "a", lease.token, RUBOR_CORRUPT, 0);
    assert_int_equal(event.kind, RUBOR_EVENT_FAILED);
    assert_int_equal(event.status, RUBOR_CORRUPT);
    assert_int_equal(rubor_queue_find(f->queue, "a", NULL), RUBOR_QUEUE_ABSENT);
}

static void passing_errors_are_retried_later_and_later_and_not_for_ever(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    int64_t now = 0, before = 0;
    add(f, "a", RUBOR_LANE_STATION, 0);
    for (int attempt = 1; attempt < f->options.attempts_most; attempt++) {
        assert_claims(f, "w", now, "a", &lease);
        rubor_queue_event event = rubor_queue_finish(f->queue, "a", lease.token, RUBOR_IO, now);
        assert_int_equal(event.kind, RUBOR_EVENT_RETRY);
        int64_t least = f->options.retry_first_ms << (attempt - 1);
        assert_in_range(event.retry_ms, least, least * 3 / 2);
        assert_true(event.retry_ms > before);
        before = event.retry_ms;
        assert_false(rubor_queue_claim(f->queue, "w", now + event.retry_ms - 1, &lease));
        now += event.retry_ms;
        assert_int_equal(rubor_queue_next_ms(f->queue), now);
        assert_int_equal(rubor_queue_tick(f->queue, now).kind, RUBOR_EVENT_NONE);
    }
    assert_claims(f, "w", now, "a", &lease);
    assert_int_equal(rubor_queue_finish(f->queue, "a", lease.token, RUBOR_IO, now).kind, RUBOR_EVENT_FAILED);
}

static void a_photo_that_kills_three_workers_is_quarantined(void **state)
{
    fixture *f = *state;
    int64_t now = 0;
    rubor_queue_event event = {0};
    add(f, "killer", RUBOR_LANE_STATION, 0);
    for (int death = 1; death <= 3; death++) {
        char worker[8];
        snprintf(worker, sizeof worker, "w%d", death);
        assert_claims(f, worker, now, "killer", NULL);
        event = rubor_queue_worker_gone(f->queue, worker, false, now);
        assert_int_equal(event.job.deaths, death);
        now += event.retry_ms;
        if (death < 3)
            rubor_queue_tick(f->queue, now);
    }
    assert_int_equal(event.kind, RUBOR_EVENT_QUARANTINE);
    assert_int_equal(rubor_queue_find(f->queue, "killer", NULL), RUBOR_QUEUE_ABSENT);
}

static void a_worker_that_says_goodbye_hands_its_job_back_unharmed(void **state)
{
    fixture *f = *state;
    rubor_queue_job job;
    add(f, "a", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "a", NULL);
    assert_int_equal(rubor_queue_worker_gone(f->queue, "w", true, 1).kind, RUBOR_EVENT_NONE);
    assert_int_equal(rubor_queue_find(f->queue, "a", &job), RUBOR_QUEUE_QUEUED);
    assert_int_equal(job.deaths, 0);
    assert_int_equal(job.attempts, 0);
}

static void a_canceled_job_never_runs_and_a_running_ones_result_is_late(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    add(f, "waiting", RUBOR_LANE_BATCH, 0);
    add(f, "running", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "running", &lease);
    assert_true(rubor_queue_remove(f->queue, "waiting"));
    assert_true(rubor_queue_remove(f->queue, "running"));
    assert_int_equal(rubor_queue_finish(f->queue, "running", lease.token, RUBOR_OK, 1).kind,
                     RUBOR_EVENT_LATE);
    assert_false(rubor_queue_claim(f->queue, "w", 1, &lease));
}

static void a_deadline_that_passes_in_the_queue_fails_the_job(void **state)
{
    fixture *f = *state;
    rubor_queue_job job = job_of("a", RUBOR_LANE_BATCH);
    job.deadline_ms = 500;
    rubor_queue_add(f->queue, &job, 0, NULL);
    assert_int_equal(rubor_queue_tick(f->queue, 499).kind, RUBOR_EVENT_NONE);
    rubor_queue_event event = rubor_queue_tick(f->queue, 500);
    assert_int_equal(event.kind, RUBOR_EVENT_FAILED);
    assert_int_equal(event.status, RUBOR_TIMEOUT);
}

static void a_visit_waits_for_the_baseline_of_its_group_only(void **state)
{
    fixture *f = *state;
    rubor_lease baseline;
    add_in_group(f, "before", RUBOR_LANE_STATION, 7, true, 0);
    add_in_group(f, "visit", RUBOR_LANE_STATION, 7, false, 1);
    add_in_group(f, "stranger", RUBOR_LANE_STATION, 8, false, 2);
    assert_claims(f, "w1", 3, "before", &baseline);
    assert_claims(f, "w2", 3, "stranger", NULL);
    assert_false(rubor_queue_claim(f->queue, "w3", 3, &(rubor_lease){0}));
    rubor_queue_finish(f->queue, "before", baseline.token, RUBOR_OK, 4);
    rubor_queue_remove(f->queue, "before");
    assert_claims(f, "w3", 5, "visit", NULL);
}

static void a_baseline_that_failed_for_now_holds_nobody(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    add_in_group(f, "before", RUBOR_LANE_STATION, 7, true, 0);
    add_in_group(f, "visit", RUBOR_LANE_STATION, 7, false, 0);
    assert_claims(f, "w", 0, "before", &lease);
    rubor_queue_finish(f->queue, "before", lease.token, RUBOR_IO, 0);
    assert_claims(f, "w", 1, "visit", NULL);
}

static void a_station_visit_hurries_a_batch_baseline_along(void **state)
{
    fixture *f = *state;
    add(f, "other", RUBOR_LANE_BATCH, 0);
    add_in_group(f, "before", RUBOR_LANE_BATCH, 7, true, 1);
    add_in_group(f, "visit", RUBOR_LANE_STATION, 7, false, 2);
    assert_claims(f, "w", 3, "before", NULL);
}

static void a_full_service_says_when_to_come_back(void **state)
{
    fixture *f = *state;
    rubor_queue *small;
    rubor_queue_options options = f->options;
    int64_t retry;
    options.count_most = 2;
    options.bytes_most = 2500;
    options.disk_free_least = 1000;
    rubor_queue_create(&small, &options, NULL);
    assert_int_equal(rubor_queue_admit(small, 1, 1000, 5000, &retry, NULL), RUBOR_OK);
    assert_int_equal(rubor_queue_admit(small, 1, 2600, 5000, &retry, NULL), RUBOR_BUSY);
    assert_true(retry > 0);
    assert_int_equal(rubor_queue_admit(small, 1, 1000, 1999, &retry, NULL), RUBOR_BUSY);
    rubor_queue_job a = job_of("a", RUBOR_LANE_BATCH), b = job_of("b", RUBOR_LANE_BATCH);
    rubor_queue_add(small, &a, 0, NULL);
    assert_int_equal(rubor_queue_admit(small, 1, 1, 5000, &retry, NULL), RUBOR_OK);
    assert_int_equal(rubor_queue_admit(small, 2, 1, 5000, &retry, NULL), RUBOR_BUSY); /* one is on its way */
    rubor_queue_add(small, &b, 0, NULL);
    assert_int_equal(rubor_queue_admit(small, 1, 1, 5000, &retry, NULL), RUBOR_BUSY);
    rubor_queue_destroy(&small);
}

static void a_result_that_is_being_stored_belongs_to_no_worker(void **state)
{
    fixture *f = *state;
    rubor_lease first, second;
    add(f, "a", RUBOR_LANE_STATION, 0);
    add(f, "b", RUBOR_LANE_STATION, 1);
    assert_claims(f, "w", 2, "a", &first);
    assert_int_equal(rubor_queue_finish(f->queue, "a", first.token, RUBOR_OK, 3).kind, RUBOR_EVENT_STORE);
    assert_claims(f, "w", 3, "b", &second); /* the worker goes on meanwhile */
    assert_int_equal(rubor_queue_finish(f->queue, "a", first.token, RUBOR_OK, 4).kind, RUBOR_EVENT_LATE);
    rubor_queue_event gone = rubor_queue_worker_gone(f->queue, "w", false, 5);
    assert_string_equal(gone.job.id, "b"); /* and its death is not the stored job's */
    assert_int_equal(rubor_queue_tick(f->queue, 1000 * 1000).kind, RUBOR_EVENT_NONE);
    assert_int_equal(rubor_queue_find(f->queue, "a", NULL), RUBOR_QUEUE_LEASED);
    rubor_queue_remove(f->queue, "a");
    assert_int_equal(rubor_queue_find(f->queue, "a", NULL), RUBOR_QUEUE_ABSENT);
}

static void a_result_that_could_not_be_stored_is_measured_again_or_fails(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    rubor_queue_job job;
    add(f, "a", RUBOR_LANE_STATION, 0);
    assert_claims(f, "w", 0, "a", &lease);
    rubor_queue_finish(f->queue, "a", lease.token, RUBOR_OK, 1);
    rubor_queue_again(f->queue, "a", 2000, 1);
    assert_int_equal(rubor_queue_find(f->queue, "a", &job), RUBOR_QUEUE_DELAYED);
    assert_int_equal(job.attempts, 0);
    assert_int_equal(rubor_queue_tick(f->queue, 2001).kind, RUBOR_EVENT_NONE);
    assert_claims(f, "w", 2001, "a", &lease);
    rubor_queue_finish(f->queue, "a", lease.token, RUBOR_OK, 2002);
    assert_int_equal(rubor_queue_finish(f->queue, "a", lease.token, RUBOR_PROTOCOL, 2003).kind,
                     RUBOR_EVENT_FAILED);
}

static void the_same_job_twice_is_refused(void **state)
{
    fixture *f = *state;
    rubor_queue_job job = job_of("a", RUBOR_LANE_BATCH);
    assert_int_equal(rubor_queue_add(f->queue, &job, 0, NULL), RUBOR_OK);
    assert_int_equal(rubor_queue_add(f->queue, &job, 0, NULL), RUBOR_CONFLICT);
}

static void a_clock_that_jumps_back_breaks_nothing(void **state)
{
    fixture *f = *state;
    rubor_lease lease;
    add(f, "a", RUBOR_LANE_BATCH, 1000000);
    assert_claims(f, "w", 10, "a", &lease);
    assert_int_equal(rubor_queue_tick(f->queue, 0).kind, RUBOR_EVENT_NONE);
    assert_int_equal(rubor_queue_finish(f->queue, "a", lease.token, RUBOR_OK, 0).kind, RUBOR_EVENT_STORE);
}

static void ten_thousand_queued_jobs_leave_in_order(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10000; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        add(f, id, RUBOR_LANE_BATCH, i);
    }
    rubor_queue_counts counts;
    rubor_queue_count(f->queue, &counts);
    assert_int_equal(counts.lane[RUBOR_LANE_BATCH], 10000);
    for (int i = 0; i < 10000; i++) {
        char id[16];
        rubor_lease lease;
        snprintf(id, sizeof id, "%d", i);
        assert_claims(f, "w", 20000, id, &lease);
        rubor_queue_remove(f->queue, id);
    }
}

/* ---- a clinic's day: four workers, chance from a seed ---- */

typedef struct clinic {
    uint64_t random;
    int64_t now, worst_station_ms;
    int submitted, stored, ended;
    char *outcome; /* per job: how often it ended */
    struct {
        bool busy;
        rubor_lease lease;
        int64_t until;
    } workers[4];
} clinic;

static uint32_t chance(clinic *c, uint32_t below)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(c->random >> 33) % below;
}

static void note_end(clinic *c, const rubor_queue_event *event)
{
    if (event->kind == RUBOR_EVENT_FAILED || event->kind == RUBOR_EVENT_QUARANTINE) {
        c->outcome[strtol(event->job.id, NULL, 10)]++;
        c->ended++;
    }
}

static void arrive(fixture *f, clinic *c)
{
    enum { DAY_S = 86400, STATION_EACH_S = 20, BATCH = 2000 };
    int64_t second = c->now / 1000;
    bool station = second > 8 * 3600 && second < 18 * 3600 && chance(c, STATION_EACH_S) == 0;
    int count = station ? 1 : 0;
    if (second == 9 * 3600)
        count += BATCH;
    for (int i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", c->submitted++);
        rubor_queue_job job = job_of(id, i == 0 && station ? RUBOR_LANE_STATION : RUBOR_LANE_BATCH);
        assert_int_equal(rubor_queue_add(f->queue, &job, c->now, NULL), RUBOR_OK);
    }
}

static void work(fixture *f, clinic *c)
{
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "w%d", i);
        if (c->workers[i].busy && c->now >= c->workers[i].until) {
            uint32_t fate = chance(c, 1000);
            c->workers[i].busy = false;
            rubor_queue_event event;
            if (fate < 3) {
                event = rubor_queue_worker_gone(f->queue, name, false, c->now);
            } else {
                rubor_status status = fate < 10 ? RUBOR_IO : fate < 15 ? RUBOR_CORRUPT : RUBOR_OK;
                event = rubor_queue_finish(f->queue, c->workers[i].lease.job.id, c->workers[i].lease.token,
                                           status, c->now);
            }
            if (event.kind == RUBOR_EVENT_STORE) {
                c->outcome[strtol(event.job.id, NULL, 10)]++;
                c->stored++;
                rubor_queue_remove(f->queue, event.job.id);
            }
            note_end(c, &event);
        }
        if (!c->workers[i].busy && rubor_queue_claim(f->queue, name, c->now, &c->workers[i].lease)) {
            c->workers[i].busy = true;
            c->workers[i].until = c->now + 500 + chance(c, 4000);
            const rubor_queue_job *job = &c->workers[i].lease.job;
            if (job->lane == RUBOR_LANE_STATION && job->attempts == 1 &&
                c->now - job->queued_ms > c->worst_station_ms)
                c->worst_station_ms = c->now - job->queued_ms;
        }
        rubor_queue_renew(f->queue, name, c->now);
    }
}

static void a_clinics_day_ends_with_every_job_ended_once_and_station_photos_served_first(void **state)
{
    enum { DAY_MS = 86400 * 1000, MOST = 20000 };
    fixture *f = *state;
    clinic c = {.random = 2026, .outcome = calloc(MOST, 1)};
    for (c.now = 0; c.now < DAY_MS; c.now += 1000) {
        arrive(f, &c);
        work(f, &c);
        rubor_queue_event event;
        while ((event = rubor_queue_tick(f->queue, c.now)).kind != RUBOR_EVENT_NONE)
            note_end(&c, &event);
        assert_true(c.submitted < MOST);
    }
    assert_int_equal(c.stored + c.ended, c.submitted);
    assert_in_range(c.worst_station_ms, 0, 20 * 1000); /* jobs take up to 4.5 s on four workers */
    for (int i = 0; i < c.submitted; i++)
        assert_int_equal(c.outcome[i], 1);
    print_message("jobs %d, stored %d, longest wait of a station photo under batch load %lld ms\n",
                  c.submitted, c.stored, (long long)c.worst_station_ms);
    free(c.outcome);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_station_photo_goes_before_batch),
        TEST(batch_does_not_starve_under_endless_station_load),
        TEST(a_result_with_the_lease_is_to_be_stored),
        TEST(lease_expires_while_the_worker_computes_and_its_late_result_is_refused),
        TEST(heartbeats_keep_a_long_job_alive),
        TEST(a_permanent_error_is_never_retried),
        TEST(passing_errors_are_retried_later_and_later_and_not_for_ever),
        TEST(a_photo_that_kills_three_workers_is_quarantined),
        TEST(a_worker_that_says_goodbye_hands_its_job_back_unharmed),
        TEST(a_canceled_job_never_runs_and_a_running_ones_result_is_late),
        TEST(a_deadline_that_passes_in_the_queue_fails_the_job),
        TEST(a_visit_waits_for_the_baseline_of_its_group_only),
        TEST(a_baseline_that_failed_for_now_holds_nobody),
        TEST(a_station_visit_hurries_a_batch_baseline_along),
        TEST(a_full_service_says_when_to_come_back),
        TEST(a_result_that_is_being_stored_belongs_to_no_worker),
        TEST(a_result_that_could_not_be_stored_is_measured_again_or_fails),
        TEST(the_same_job_twice_is_refused),
        TEST(a_clock_that_jumps_back_breaks_nothing),
        TEST(ten_thousand_queued_jobs_leave_in_order),
        TEST(a_clinics_day_ends_with_every_job_ended_once_and_station_photos_served_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
