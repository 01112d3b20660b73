#include "imaging/csv.h"
#include "imaging/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_becomes(const char *text, const char *expected)
{
    rubor_error error;
    assert_int_equal(rubor_error_set(&error, RUBOR_CORRUPT, "%s", text), RUBOR_CORRUPT);
    assert_string_equal(error.message, expected);
}

static void a_message_is_one_line_without_control_characters(void **state)
{
    (void)state;
    assert_becomes("a\nb\033[2Jc\x7f", "a?b?[2Jc?");
    assert_becomes("a\xc2\x9b"
                   "2J",
                   "a??2J");
}

static void a_message_keeps_utf8(void **state)
{
    (void)state;
    assert_becomes("z\u00fcrich \u20ac \U0001f600 \u00a0", "z\u00fcrich \u20ac \U0001f600 \u00a0");
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
    (void)state;
    assert_becomes("\xff\xfe", "??");
    assert_becomes("\xc0\xaf", "??");           /* overlong */
    assert_becomes("\xe0\x80\xaf", "???");      /* overlong */
    assert_becomes("\xed\xa0\x80", "???");      /* a surrogate */
    assert_becomes("\xf4\x90\x80\x80", "????"); /* beyond Unicode */
    assert_becomes("\xf0\x9f\x98", "???");      /* cut short */
    assert_becomes("\xe2\x82z\x80", "??z?");
}

static void a_character_cut_by_the_size_of_the_message_is_replaced(void **state)
{
    (void)state;
    char text[RUBOR_ERROR_MESSAGE_SIZE + 2];
    memset(text, 'a', sizeof text);
    memcpy(text + RUBOR_ERROR_MESSAGE_SIZE - 2, "\u00fc", 3);
    rubor_error error;
    rubor_error_set(&error, RUBOR_CORRUPT, "%s", text);
    assert_int_equal(strlen(error.message), RUBOR_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(error.message[RUBOR_ERROR_MESSAGE_SIZE - 2], '?');
}

static void raw_bytes_in_a_csv_field_do_not_reach_the_message(void **state)
{
    (void)state;
    static const char text[] = "L\n\xff\xfe\n";
    rubor_csv *csv;
    rubor_error error;
    double value;
    bool more;
    assert_int_equal(rubor_csv_create(&csv, text, sizeof text - 1, NULL), RUBOR_OK);
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_int_not_equal(rubor_csv_number(&value, csv, 0, &error), RUBOR_OK);
    assert_non_null(strstr(error.message, "\"??\""));
    rubor_csv_destroy(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_one_line_without_control_characters),
        cmocka_unit_test(a_message_keeps_utf8),
        cmocka_unit_test(bytes_that_are_no_utf8_become_question_marks),
        cmocka_unit_test(a_character_cut_by_the_size_of_the_message_is_replaced),
        cmocka_unit_test(raw_bytes_in_a_csv_field_do_not_reach_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
