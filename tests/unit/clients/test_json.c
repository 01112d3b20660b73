#include "clients/json.h"
#include "clients/record_csv.h"
#include "clients/report.h"
#include "clients/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count_rows(const json_t *json, int *maps)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        (*maps)++;
        count_rows(value, maps);
    }
}

static void an_empty_record_is_null_everywhere(void **state)
{
    (void)state;
    rubor_record record;
    rubor_record_init(&record);
    json_t *json = rubor_json_record(&record);
    assert_non_null(json);
    assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
    json_t *redness = json_object_get(json, "redness");
    assert_true(json_is_null(json_object_get(redness, "score")));
    assert_true(json_is_null(json_object_get(redness, "interval95")));
    assert_true(json_is_null(json_object_get(redness, "changed")));
    assert_true(json_is_null(json_object_get(json, "registration")));
    assert_true(json_is_null(json_object_get(json_object_get(json, "calibration"), "chart")));
    assert_true(json_is_array(json_object_get(json, "flags")));
    assert_int_equal(json_array_size(json_object_get(json, "flags")), 0);
    json_decref(json);
}

static void a_full_record_keeps_every_kind_of_field(void **state)
{
    (void)state;
    rubor_record record;
    rubor_record_init(&record);
    rubor_record_reason(&record, "warn", "glare", "Turn the lamp away.");
    rubor_record_flag(&record, "crusting");
    record.calibration.chart_present = record.registration_present = true;
    for (int i = 0; i < 8; i++)
        record.calibration.chart.corners_px[i] = i + 0.25;
    record.redness.score = 12.3456;
    record.redness.interval95[0] = 10;
    record.redness.interval95[1] = 15;
    record.redness.changed = 0;
    record.skin.lab[0] = 60;
    record.skin.lab[1] = NAN;
    record.skin.lab[2] = 20;
    json_t *json = rubor_json_record(&record);
    json_t *chart = json_object_get(json_object_get(json, "calibration"), "chart");
    json_t *corners = json_object_get(chart, "corners_px");
    assert_int_equal(json_array_size(corners), 4);
    assert_true(json_real_value(json_array_get(json_array_get(corners, 1), 0)) == 2.3); /* one decimal */
    json_t *redness = json_object_get(json, "redness");
    assert_true(json_real_value(json_object_get(redness, "score")) == 12.35);
    assert_true(json_is_false(json_object_get(redness, "changed")));
    json_t *reason = json_array_get(json_object_get(json_object_get(json, "quality"), "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(reason, "code")), "glare");
    json_t *lab = json_object_get(json_object_get(json, "skin"), "lab");
    assert_true(json_is_null(json_array_get(lab, 1)));
    int keys = 0;
    count_rows(json, &keys);
    size_t rows, wanted = 0;
    const rubor_field *fields = rubor_record_fields(&rows);
    for (size_t i = 0; i < rows; i++)
        wanted += fields[i].key != NULL;
    assert_int_equal(keys, wanted);
    json_decref(json);
}

static void hostile_text_becomes_valid_json(void **state)
{
    (void)state;
    rubor_record record;
    rubor_record_init(&record);
    snprintf(record.photo.icc, sizeof record.photo.icc, "a\xff\xc0\x80\xed\xa0\x80\n\"z");
    json_t *json = rubor_json_record(&record);
    const char *icc = json_string_value(json_object_get(json_object_get(json, "photo"), "icc"));
    assert_string_equal(icc, "a???????\"z");
    json_decref(json);
}

static void utf8_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    char out[4];
    rubor_utf8_clean(out, sizeof out, "ab\xc3\xa9");
    assert_string_equal(out, "ab");
    char wide[8];
    rubor_utf8_clean(wide, sizeof wide, "\xf0\x9f\x99\x82!");
    assert_string_equal(wide, "\xf0\x9f\x99\x82!");
    rubor_utf8_clean(wide, sizeof wide, "\xf4\x90\x80\x80"); /* beyond U+10FFFF */
    assert_string_equal(wide, "????");
}

static size_t count_commas(const char *text)
{
    size_t commas = 0;
    for (; *text; text++)
        commas += *text == ',';
    return commas;
}

static void csv_has_a_value_for_each_name(void **state)
{
    (void)state;
    rubor_record record;
    rubor_record_init(&record);
    rubor_text names = {0}, values = {0}, none = {0};
    record.redness.score = 1.5;
    rubor_record_csv_names(&names);
    rubor_record_csv_values(&values, &record);
    rubor_record_csv_values(&none, NULL);
    assert_int_equal(count_commas(names.data), count_commas(values.data));
    assert_int_equal(count_commas(names.data), count_commas(none.data));
    assert_non_null(strstr(names.data, ",redness.score,redness.interval95.0,redness.interval95.1,"));
    assert_non_null(strstr(names.data, ",calibration.chart.delta_e2000.fit_mean,"));
    assert_non_null(strstr(names.data, ",timing_ms.total"));
    assert_non_null(strstr(values.data, ",1.50,"));
    rubor_text_finish(&names);
    rubor_text_finish(&values);
    rubor_text_finish(&none);
}

static void csv_fields_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    rubor_text text = {0};
    rubor_text_put_csv(&text, "plain");
    rubor_text_put(&text, ",");
    rubor_text_put_csv(&text, "a \"b\", c\r\nd");
    assert_string_equal(text.data, "plain,\"a \"\"b\"\", c\r\nd\"");
    rubor_text_finish(&text);
}

static void a_report_of_nothing_prints_dashes(void **state)
{
    (void)state;
    rubor_record record;
    rubor_record_init(&record);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    rubor_report_record(out, "x\n.jpg", &record, RUBOR_DAY_UNKNOWN);
    fclose(out);
    assert_non_null(strstr(text, "photo         x?.jpg\n"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "-1"));
    free(text);
}

static void a_report_of_a_photo_that_failed_says_that_its_numbers_are_not_to_be_used(void **state)
{
    (void)state;
    static const char *const verdicts[] = {"ok", "warn", "retake"};
    for (int k = 0; k < 3; k++) {
        rubor_record record;
        rubor_record_init(&record);
        record.redness.score = 12;
        snprintf(record.quality.verdict, sizeof record.quality.verdict, "%s", verdicts[k]);
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        rubor_report_record(out, "x.jpg", &record, 3);
        fclose(out);
        assert_int_equal(strstr(text, "are not to be used") != NULL, k == 2);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_record_is_null_everywhere),
        cmocka_unit_test(a_full_record_keeps_every_kind_of_field),
        cmocka_unit_test(hostile_text_becomes_valid_json),
        cmocka_unit_test(utf8_is_cut_at_a_whole_character),
        cmocka_unit_test(csv_has_a_value_for_each_name),
        cmocka_unit_test(csv_fields_are_quoted_where_they_must_be),
        cmocka_unit_test(a_report_of_nothing_prints_dashes),
        cmocka_unit_test(a_report_of_a_photo_that_failed_says_that_its_numbers_are_not_to_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
