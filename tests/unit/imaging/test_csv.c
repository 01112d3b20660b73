#include "imaging/csv.h"
#include "imaging/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static rubor_csv *open_text(const char *text)
{
    rubor_csv *csv;
    rubor_error error = {0};
    if (rubor_csv_create(&csv, text, strlen(text), &error))
        fail_msg("%s", error.message);
    return csv;
}

static void quotes_line_ends_and_a_byte_order_mark_are_read(void **state)
{
    (void)state;
    rubor_csv *csv = open_text("\xef\xbb\xbfpath,day,note\r\n"
                               "a.jpg,before,\"one, \"\"two\"\"\"\r\n"
                               "\r\n"
                               "\"b\nc.jpg\",3,\n"
                               ",,\"\"");
    bool more;
    assert_int_equal(rubor_csv_column_count(csv), 3);
    assert_string_equal(rubor_csv_column_name(csv, 0), "path");
    int note = rubor_csv_column(csv, "note");
    assert_int_equal(note, 2);
    assert_int_equal(rubor_csv_column(csv, "Note"), -1);
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_true(more);
    assert_string_equal(rubor_csv_field(csv, note), "one, \"two\"");
    assert_int_equal(rubor_csv_line(csv), 2);
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_string_equal(rubor_csv_field(csv, 0), "b\nc.jpg");
    assert_string_equal(rubor_csv_field(csv, note), "");
    assert_string_equal(rubor_csv_field(csv, -1), "");
    assert_string_equal(rubor_csv_field(csv, 3), "");
    assert_int_equal(rubor_csv_line(csv), 4);
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_true(more);
    assert_int_equal(rubor_csv_line(csv), 6);
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_false(more);
    rubor_csv_destroy(&csv);
    assert_null(csv);
}

static void bad_lines_are_told_by_number_and_reading_goes_on(void **state)
{
    (void)state;
    rubor_csv *csv = open_text("a,b\n1,2\n3\n4,5,6\nx\"y,2\n\"z\"w,2\n7,8\r9\n10,11\n\"open,12\n");
    static const struct {
        rubor_status status;
        const char *text;
    } expected[] = {{RUBOR_OK, "1"},
                    {RUBOR_INVALID, "CSV line 3: 1 fields, but the header has 2"},
                    {RUBOR_INVALID, "CSV line 4: 3 fields"},
                    {RUBOR_INVALID, "CSV line 5: a quote inside"},
                    {RUBOR_INVALID, "CSV line 6: text after a closing quote"},
                    {RUBOR_INVALID, "CSV line 7: a carriage return"},
                    {RUBOR_OK, "10"},
                    {RUBOR_INVALID, "CSV line 9: a quote is opened and never closed"}};
    bool more;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        rubor_error error = {0};
        assert_int_equal(rubor_csv_next(csv, &more, &error), expected[i].status);
        if (expected[i].status)
            assert_non_null(strstr(error.message, expected[i].text));
        else
            assert_string_equal(rubor_csv_field(csv, 0), expected[i].text);
        assert_int_equal(more, !expected[i].status);
    }
    assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
    assert_false(more);
    rubor_csv_destroy(&csv);
}

static void broken_headers_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"", "\n\r\n\n", "a,,b\n", "a,b,a\n", "\"a\n", "a\"b\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        rubor_csv *csv;
        rubor_error error = {0};
        assert_int_equal(rubor_csv_create(&csv, headers[i], strlen(headers[i]), &error), RUBOR_INVALID);
        assert_null(csv);
        assert_int_equal(strncmp(error.message, "CSV", 3), 0);
    }
    rubor_csv *csv = open_text("path,day\n");
    int column;
    rubor_error error = {0};
    assert_int_equal(rubor_csv_require(&column, csv, "patient", &error), RUBOR_INVALID);
    assert_non_null(strstr(error.message, "\"patient\""));
    rubor_csv_destroy(&csv);
}

static void binary_and_endless_lines_are_refused(void **state)
{
    (void)state;
    rubor_csv *csv;
    rubor_error error = {0};
    assert_int_equal(rubor_csv_create(&csv, "a,b\0c", 5, &error), RUBOR_INVALID);
    size_t size = RUBOR_LIMIT_CSV_LINE_BYTES + 100;
    char *text = malloc(size);
    memset(text, 'x', size);
    assert_int_equal(rubor_csv_create(&csv, text, size, &error), RUBOR_INVALID);
    assert_non_null(strstr(error.message, "longer than 64 KiB"));
    memset(text, ',', size);
    assert_int_equal(rubor_csv_create(&csv, text, size, &error), RUBOR_INVALID);
    assert_non_null(strstr(error.message, "256 fields"));
    memcpy(text, "a\n\"", 3);
    bool more;
    assert_int_equal(rubor_csv_create(&csv, text, size, &error), RUBOR_OK);
    assert_int_equal(rubor_csv_next(csv, &more, &error), RUBOR_INVALID);
    assert_int_equal(rubor_csv_next(csv, &more, &error), RUBOR_OK);
    assert_false(more);
    rubor_csv_destroy(&csv);
    free(text);
}

static void numbers_are_decimal_in_every_locale(void **state)
{
    (void)state;
    rubor_csv *csv = open_text(
        "v,ok\n1.5,1\n-2e-3,1\n +7 ,1\n.5,1\n0x10,\ninf,\nnan,\n1e999,\n1.5.2,\n\"1,5\",\n,\ne5,\n");
    bool more;
    static const double expected[] = {1.5, -0.002, 7, 0.5};
    for (size_t i = 0;; i++) {
        assert_int_equal(rubor_csv_next(csv, &more, NULL), RUBOR_OK);
        if (!more)
            break;
        double value = 0;
        rubor_error error = {0};
        rubor_status status = rubor_csv_number(&value, csv, 0, &error);
        if (rubor_csv_field(csv, 1)[0] == '1') {
            assert_int_equal(status, RUBOR_OK);
            assert_true(value == expected[i]);
        } else {
            assert_int_equal(status, RUBOR_INVALID);
            assert_non_null(strstr(error.message, "column \"v\""));
        }
    }
    rubor_csv_destroy(&csv);
}

/* Reads everything of random text made of the characters that matter: must end, and stay in bounds. */
static void random_text_is_survived(void **state)
{
    (void)state;
    static const char alphabet[] = "a,\"\n\r\"1,";
    uint32_t seed = 11;
    for (int turn = 0; turn < 20000; turn++) {
        size_t size = seed % 40;
        char *text = malloc(size ? size : 1); /* exact, so that a sanitizer sees a read past the end */
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525U + 1013904223U;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        seed = seed * 1664525U + 1013904223U;
        rubor_csv *csv;
        if (!rubor_csv_create(&csv, text, size, NULL)) {
            bool more = true;
            for (int records = 0;; records++) {
                assert_true(records < 100);
                rubor_status status = rubor_csv_next(csv, &more, NULL);
                if (!status && !more)
                    break;
            }
        }
        rubor_csv_destroy(&csv);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_line_ends_and_a_byte_order_mark_are_read),
        cmocka_unit_test(bad_lines_are_told_by_number_and_reading_goes_on),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(binary_and_endless_lines_are_refused),
        cmocka_unit_test(numbers_are_decimal_in_every_locale),
        cmocka_unit_test(random_text_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
