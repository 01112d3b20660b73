/* labels: fast */
#include "broker/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MS = 1000, REQUEST_US = 10 * MS };

static rubor_rate *rate;

static int setup(void **state)
{
    (void)state;
    rate = calloc(1, sizeof *rate);
    return rate ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(rate);
    return 0;
}

/* One request of 10 ms at this time; whether it was served. */
static bool asks(uint64_t peer, int64_t now_us)
{
    if (rubor_rate_wait_ms(rate, peer, now_us))
        return false;
    rubor_rate_charge(rate, peer, REQUEST_US, now_us);
    return true;
}

static void who_is_alone_has_the_whole_broker(void **state)
{
    (void)state;
    for (int64_t now = 1; now < INT64_C(30) * 1000 * MS; now += REQUEST_US)
        assert_true(asks(1, now));
}

static void two_who_want_all_get_half_each_and_a_third_is_never_refused(void **state)
{
    (void)state;
    int served[4] = {0};
    int64_t now = 1, end = INT64_C(60) * 1000 * MS, third = 0;
    while (now < end) {
        bool any = false;
        for (uint64_t peer = 1; peer <= 2; peer++)
            if (asks(peer, now)) {
                served[peer]++;
                now += REQUEST_US;
                any = true;
            }
        if (now - third > 100 * MS) { /* a person at a page */
            assert_true(asks(3, now));
            third = now;
            now += REQUEST_US;
        }
        now += any ? 0 : MS;
    }
    assert_in_range(served[1], served[2] - 100, served[2] + 100);
    assert_true(served[1] > 2000); /* of 6,000 that fit into a minute */
}

static void one_among_others_gets_half_after_its_burst(void **state)
{
    (void)state;
    int served = 0;
    int64_t wait = 0;
    for (int64_t now = 1, other = 0; now < INT64_C(20) * 1000 * MS; now += REQUEST_US) {
        if (now - other > 500 * MS) {
            assert_int_equal(rubor_rate_wait_ms(rate, 2, now), 0);
            other = now;
        }
        if (asks(1, now))
            served++;
        else if (rubor_rate_wait_ms(rate, 1, now) > wait)
            wait = rubor_rate_wait_ms(rate, 1, now);
    }
    assert_in_range(served, 1100, 1300); /* 2 s of burst and half of 20 s, in steps of 10 ms */
    assert_in_range(wait, 1, 2 * RUBOR_RATE_DEBT_US / MS + 1);
}

static void after_the_time_it_was_told_a_peer_is_served(void **state)
{
    (void)state;
    int64_t now = 1, wait = 0;
    for (; !wait; now += MS) {
        rubor_rate_wait_ms(rate, 2, now);
        wait = rubor_rate_wait_ms(rate, 1, now);
        if (!wait)
            rubor_rate_charge(rate, 1, REQUEST_US, now);
    }
    now += wait * MS;
    rubor_rate_wait_ms(rate, 2, now);
    assert_int_equal(rubor_rate_wait_ms(rate, 1, now), 0);
}

static void many_peers_find_room_and_none_is_refused_for_another(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char name[16];
        size_t size = (size_t)snprintf(name, sizeof name, "peer %d", i);
        assert_true(asks(rubor_rate_peer(name, size), 1 + i * MS));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_is_alone_has_the_whole_broker),
        TEST(two_who_want_all_get_half_each_and_a_third_is_never_refused),
        TEST(one_among_others_gets_half_after_its_burst),
        TEST(after_the_time_it_was_told_a_peer_is_served),
        TEST(many_peers_find_room_and_none_is_refused_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
