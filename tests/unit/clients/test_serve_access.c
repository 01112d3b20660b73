/* labels: fast */
#include "clients/serve_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ANN "ann-token-of-sixteen"
#define BERTA "berta-token-of-sixteen"
static char folder[64], path[96];

static void write_tokens(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rubor-access-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/tokens", folder);
    write_tokens("ann reviewer " ANN "\nberta admin " BERTA "\n");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static rubor_access *open_access(void)
{
    rubor_access *access = NULL;
    rubor_error error = {0};
    assert_int_equal(rubor_access_create(&access, path, &error), RUBOR_OK);
    return access;
}

static rubor_status login(rubor_access *access, char *cookie, const char *token, const char *peer)
{
    rubor_error error = {0};
    return rubor_access_login(access, cookie, token, peer, &error);
}

static rubor_role role_of(rubor_access *access, const char *cookie)
{
    rubor_access_user user = {0};
    rubor_error error = {0};
    return rubor_access_check(access, &user, cookie, &error) == RUBOR_OK ? user.role : RUBOR_ROLE_NONE;
}

static void a_session_ends_when_its_token_is_taken_out_of_the_file(void **state)
{
    (void)state;
    char ann[RUBOR_ACCESS_COOKIE_SIZE], berta[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = open_access();
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_OK);
    assert_int_equal(login(access, berta, BERTA, "10.0.0.2"), RUBOR_OK);
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_REVIEWER);
    write_tokens("berta admin " BERTA "\n");
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_NONE);
    assert_int_equal(role_of(access, berta), RUBOR_ROLE_ADMIN);
    write_tokens("ann reviewer " ANN "\nberta admin " BERTA "\n");
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_NONE); /* the line's return does not bring the session back */
    rubor_access_destroy(&access);
}

static void a_changed_role_and_a_past_expiry_take_effect_at_once(void **state)
{
    (void)state;
    char ann[RUBOR_ACCESS_COOKIE_SIZE], berta[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = open_access();
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_OK);
    assert_int_equal(login(access, berta, BERTA, "10.0.0.1"), RUBOR_OK);
    write_tokens("ann admin " ANN "\nberta reviewer " BERTA " 2020-01-01\n");
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_ADMIN);
    assert_int_equal(role_of(access, berta), RUBOR_ROLE_NONE);
    rubor_access_destroy(&access);
}

static void an_expiry_that_is_in_no_calendar_opens_nothing(void **state)
{
    (void)state;
    char ann[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = open_access();
    write_tokens("ann admin " ANN " 2099-13-01\n");
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_FORBIDDEN);
    write_tokens("ann admin " ANN " 2099-02-30\n");
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_FORBIDDEN);
    write_tokens("ann admin " ANN " 2099-02-28\n");
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_OK);
    write_tokens("");
    rubor_access_destroy(&access);
}

static void no_session_outlives_a_file_that_is_gone_or_open_to_others(void **state)
{
    (void)state;
    char ann[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = open_access();
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_OK);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_NONE);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(login(access, ann, ANN, "10.0.0.1"), RUBOR_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(role_of(access, ann), RUBOR_ROLE_NONE);
    write_tokens("");
    rubor_access_destroy(&access);
}

static void wrong_tokens_close_the_door_for_their_address_only(void **state)
{
    (void)state;
    char cookie[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = open_access();
    int refused = 0, busy = 0;
    for (int i = 0; i < 3 * RUBOR_ACCESS_WRONG_TOKENS; i++) { /* a minute may begin meanwhile, two may not */
        rubor_status status = login(access, cookie, "a wrong token of length", "10.0.0.1");
        refused += status == RUBOR_FORBIDDEN;
        busy += status == RUBOR_BUSY;
    }
    assert_true(refused >= RUBOR_ACCESS_WRONG_TOKENS && refused <= 2 * RUBOR_ACCESS_WRONG_TOKENS);
    assert_true(busy >= RUBOR_ACCESS_WRONG_TOKENS);
    assert_int_equal(login(access, cookie, ANN, "10.0.0.1"), RUBOR_BUSY);
    assert_int_equal(login(access, cookie, ANN, "10.0.0.2"), RUBOR_OK);
    rubor_access_destroy(&access);
}

static void many_addresses_do_not_fill_the_table(void **state)
{
    (void)state;
    char cookie[RUBOR_ACCESS_COOKIE_SIZE], peer[RUBOR_ACCESS_PEER_SIZE];
    rubor_access *access = open_access();
    for (int i = 0; i < 10 * RUBOR_ACCESS_PEERS; i++) {
        snprintf(peer, sizeof peer, "10.1.%d.%d", i / 250, i % 250);
        assert_int_equal(login(access, cookie, "a wrong token of length", peer), RUBOR_FORBIDDEN);
    }
    assert_int_equal(login(access, cookie, BERTA, "10.9.9.9"), RUBOR_OK);
    rubor_access_destroy(&access);
}

static void a_made_token_opens_sessions_while_the_process_runs(void **state)
{
    (void)state;
    char cookie[RUBOR_ACCESS_COOKIE_SIZE];
    rubor_access *access = NULL;
    rubor_error error = {0};
    assert_int_equal(rubor_access_create(&access, NULL, &error), RUBOR_OK);
    assert_int_equal(login(access, cookie, rubor_access_made_token(access), "::1"), RUBOR_OK);
    assert_int_equal(role_of(access, cookie), RUBOR_ROLE_ADMIN);
    rubor_access_logout(access, cookie);
    assert_int_equal(role_of(access, cookie), RUBOR_ROLE_NONE);
    assert_int_equal(role_of(access, NULL), RUBOR_ROLE_NONE);
    rubor_access_destroy(&access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_ends_when_its_token_is_taken_out_of_the_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_changed_role_and_a_past_expiry_take_effect_at_once, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(an_expiry_that_is_in_no_calendar_opens_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_session_outlives_a_file_that_is_gone_or_open_to_others, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(wrong_tokens_close_the_door_for_their_address_only, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(many_addresses_do_not_fill_the_table, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_made_token_opens_sessions_while_the_process_runs, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
