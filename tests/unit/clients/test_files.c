#include "clients/file_pattern.h"
#include "clients/manifest.h"
#include "clients/photo_whole.h"
#include "clients/spool.h"
#include "samples/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64];

static int make_home(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/rubor-unit-XXXXXX");
    return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

/* ---- names of files ---- */

static void read_name(const char *expression, const char *name, rubor_status wanted, rubor_filing *filing)
{
    rubor_file_pattern *pattern;
    rubor_error error = {0};
    assert_int_equal(rubor_file_pattern_create(&pattern, expression, &error), RUBOR_OK);
    rubor_filing_init(filing);
    assert_int_equal(rubor_file_pattern_read(pattern, filing, name, &error), wanted);
    rubor_file_pattern_destroy(&pattern);
}

static void the_default_pattern_reads_patient_session_day_and_view(void **state)
{
    (void)state;
    rubor_filing filing;
    read_name(RUBOR_FILE_PATTERN_DEFAULT, "P-17_S1_before.jpg", RUBOR_OK, &filing);
    assert_string_equal(filing.patient, "P-17");
    assert_int_equal(filing.day, RUBOR_DAY_BEFORE);
    read_name(RUBOR_FILE_PATTERN_DEFAULT, "P-17_S1_03_left.JPEG", RUBOR_OK, &filing);
    assert_int_equal(filing.day, 3);
    assert_string_equal(filing.view, "left");
    read_name(RUBOR_FILE_PATTERN_DEFAULT, "IMG_0001.jpg", RUBOR_NOT_FOUND, &filing);
    read_name(RUBOR_FILE_PATTERN_DEFAULT, "P_S_9999.jpg", RUBOR_INVALID, &filing);
}

static void named_parts_are_found_behind_brackets_escapes_and_plain_groups(void **state)
{
    (void)state;
    rubor_filing filing;
    read_name("^([(]|\\(|[]()]|[[:alpha:](])(?P<session>\\d+)-(?<patient>[^-]+)-d(?<day>\\d+)",
              "(12-Anna-d7.png", RUBOR_OK, &filing);
    assert_string_equal(filing.session, "12");
    assert_string_equal(filing.patient, "Anna");
    assert_int_equal(filing.day, 7);
}

static void a_wrong_pattern_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {"(?<patient>a", "(?<name>a)", "(?<day>a)(?<day>b)", "[a", "("};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        rubor_file_pattern *pattern;
        rubor_error error = {0};
        assert_int_equal(rubor_file_pattern_create(&pattern, wrong[i], &error), RUBOR_INVALID);
        assert_null(pattern);
        assert_true(strlen(error.message) > 0);
    }
}

/* ---- half-written photos ---- */

static void a_jpeg_is_whole_only_with_its_last_byte(void **state)
{
    (void)state;
    rubor_sample_options options;
    rubor_sample_photo photo = {0};
    rubor_sample_options_default(&options);
    options.width = 320;
    options.height = 240;
    assert_int_equal(rubor_sample_render(&photo, &options, -1, NULL), RUBOR_OK);
    for (size_t size = 1; size < photo.jpeg.size; size++) {
        rubor_photo_shape shape = rubor_photo_shape_of((rubor_bytes){photo.jpeg.data, size});
        assert_int_equal(shape, RUBOR_SHAPE_PARTIAL);
    }
    assert_int_equal(rubor_photo_shape_of((rubor_bytes){photo.jpeg.data, photo.jpeg.size}),
                     RUBOR_SHAPE_WHOLE);
    rubor_sample_photo_finish(&photo);
}

static void a_png_is_whole_only_with_its_last_chunk(void **state)
{
    (void)state;
    rubor_mask mask;
    rubor_buffer png = {0};
    assert_int_equal(rubor_mask_init(&mask, 40, 30, NULL), RUBOR_OK);
    assert_int_equal(rubor_png_encode_mask(&png, &mask, NULL), RUBOR_OK);
    for (size_t size = 1; size < png.size; size++)
        assert_int_equal(rubor_photo_shape_of((rubor_bytes){png.data, size}), RUBOR_SHAPE_PARTIAL);
    assert_int_equal(rubor_photo_shape_of((rubor_bytes){png.data, png.size}), RUBOR_SHAPE_WHOLE);
    rubor_buffer_finish(&png);
    rubor_mask_finish(&mask);
}

static void other_files_are_no_photos(void **state)
{
    (void)state;
    static const uint8_t text[] = "GIF89a";
    assert_int_equal(rubor_photo_shape_of((rubor_bytes){text, sizeof text}), RUBOR_SHAPE_OTHER);
}

/* ---- the spool ---- */

static void describe(rubor_spool_item *item, const char *bytes, int day)
{
    rubor_filing filing;
    rubor_filing_init(&filing);
    rubor_filing_set(&filing, "patient", "P1", NULL);
    rubor_filing_set(&filing, "session", "S1", NULL);
    filing.day = day;
    filing.region = (rubor_polygon){3, {{1.5, 2}, {3, 4}, {20000.25, 6}}};
    rubor_spool_describe(item, "a b.jpg", (rubor_bytes){(const uint8_t *)bytes, strlen(bytes)}, &filing);
}

static rubor_spool *open_spool(void)
{
    rubor_spool *spool;
    char folder[96];
    snprintf(folder, sizeof folder, "%s/deep/spool", home);
    assert_int_equal(rubor_spool_open(&spool, folder, NULL), RUBOR_OK);
    return spool;
}

static void a_spooled_photo_comes_back_as_it_was(void **state)
{
    (void)state;
    rubor_spool *spool = open_spool();
    rubor_spool_item item, back;
    rubor_buffer photo;
    char(*ids)[RUBOR_SPOOL_ID_SIZE];
    size_t count;
    describe(&item, "bytes", 3);
    assert_int_equal(rubor_spool_find(spool, item.id), RUBOR_SPOOL_NOWHERE);
    assert_int_equal(rubor_spool_put(spool, &item, (rubor_bytes){(const uint8_t *)"bytes", 5}, NULL),
                     RUBOR_OK);
    assert_int_equal(rubor_spool_put(spool, &item, (rubor_bytes){(const uint8_t *)"bytes", 5}, NULL),
                     RUBOR_OK);
    assert_int_equal(rubor_spool_list(spool, RUBOR_SPOOL_QUEUE, &ids, &count, NULL), RUBOR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rubor_spool_read(spool, RUBOR_SPOOL_QUEUE, ids[0], &back, &photo, NULL), RUBOR_OK);
    assert_int_equal(photo.size, 5);
    assert_string_equal(back.name, "a b.jpg");
    assert_int_equal(back.filing.day, 3);
    assert_true(back.filing.region.points[2].x == 20000.25);
    rubor_buffer_finish(&photo);
    free(ids);
    rubor_spool_close(&spool);
}

static void the_same_photo_under_another_day_is_another_item(void **state)
{
    (void)state;
    rubor_spool_item one, other, copy;
    describe(&one, "bytes", 3);
    describe(&other, "bytes", 4);
    describe(&copy, "bytes", 3);
    assert_string_not_equal(one.id, other.id);
    assert_string_equal(one.id, copy.id);
    assert_string_equal(one.digest, other.digest);
}

static void an_item_moves_through_waiting_to_sent_without_patient_data(void **state)
{
    (void)state;
    rubor_spool *spool = open_spool();
    rubor_spool_item item, back;
    describe(&item, "more bytes", 5);
    assert_int_equal(rubor_spool_put(spool, &item, (rubor_bytes){(const uint8_t *)"more bytes", 10}, NULL),
                     RUBOR_OK);
    assert_int_equal(rubor_spool_accepted(spool, &item, "job7", NULL), RUBOR_OK);
    assert_int_equal(rubor_spool_find(spool, item.id), RUBOR_SPOOL_WAITING);
    assert_int_equal(rubor_spool_told(spool, &item, NULL), RUBOR_OK);
    assert_int_equal(rubor_spool_find(spool, item.id), RUBOR_SPOOL_SENT);
    assert_int_equal(rubor_spool_read(spool, RUBOR_SPOOL_SENT, item.id, &back, NULL, NULL), RUBOR_OK);
    assert_string_equal(back.job, "job7");
    assert_string_equal(back.filing.patient, "");
    rubor_spool_close(&spool);
}

static void one_process_drains_at_a_time(void **state)
{
    (void)state;
    rubor_spool *one = open_spool(), *other = open_spool();
    assert_int_equal(rubor_spool_lock(one, NULL), RUBOR_OK);
    assert_int_equal(rubor_spool_lock(other, NULL), RUBOR_BUSY);
    rubor_spool_close(&one);
    assert_int_equal(rubor_spool_lock(other, NULL), RUBOR_OK);
    rubor_spool_close(&other);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void a_spool_cut_at_any_byte_is_told_and_never_sent(void **state)
{
    (void)state;
    rubor_spool *spool = open_spool();
    rubor_spool_item item, back;
    rubor_buffer photo = {0}, json = {0};
    char json_path[256], photo_path[256];
    describe(&item, "cut me", 6);
    assert_int_equal(rubor_spool_put(spool, &item, (rubor_bytes){(const uint8_t *)"cut me", 6}, NULL),
                     RUBOR_OK);
    snprintf(json_path, sizeof json_path, "%s/queue/%s.json", rubor_spool_folder(spool), item.id);
    snprintf(photo_path, sizeof photo_path, "%s/queue/%s.photo", rubor_spool_folder(spool), item.id);
    assert_int_equal(rubor_file_read(&json.data, &json.size, json_path, 65536, NULL), RUBOR_OK);
    for (size_t size = 0; size + 1 < json.size; size++) {
        write_file(json_path, json.data, size);
        assert_int_equal(rubor_spool_read(spool, RUBOR_SPOOL_QUEUE, item.id, &back, &photo, NULL),
                         RUBOR_CORRUPT);
    }
    write_file(json_path, json.data, json.size);
    for (size_t size = 0; size < 6; size++) {
        write_file(photo_path, "cut me", size);
        assert_int_equal(rubor_spool_read(spool, RUBOR_SPOOL_QUEUE, item.id, &back, &photo, NULL),
                         RUBOR_CORRUPT);
    }
    unlink(photo_path);
    assert_int_equal(rubor_spool_read(spool, RUBOR_SPOOL_QUEUE, item.id, &back, &photo, NULL), RUBOR_CORRUPT);
    rubor_buffer_finish(&json);
    rubor_spool_close(&spool);
}

/* ---- the manifest ---- */

static void manifest_of(rubor_manifest *manifest, const char *text, rubor_status wanted)
{
    char path[96];
    snprintf(path, sizeof path, "%s/manifest.csv", home);
    write_file(path, text, strlen(text));
    assert_int_equal(rubor_manifest_read(manifest, path, NULL), wanted);
}

static void a_manifest_keeps_bad_rows_with_their_reason(void **state)
{
    (void)state;
    rubor_manifest m;
    manifest_of(&m,
                "path,patient,session,day,view,region\r\n"
                "a.jpg,P1,S1,before,front,\r\n"
                "\"b,1.jpg\",P1,S1,0,,\"1,1 5,1 5,5\"\r\n"
                "c.jpg,P1,S1,soon,,\r\n"
                "d.jpg,P1\r\n"
                "e.jpg,P1,S1,3,,\r\n",
                RUBOR_OK);
    assert_int_equal(m.count, 5);
    rubor_filing filing;
    rubor_manifest_filing(&filing, &m.rows[0]);
    assert_int_equal(filing.day, RUBOR_DAY_BEFORE);
    assert_string_equal(filing.view, "front");
    assert_true(m.rows[0].before && !m.rows[1].before);
    rubor_manifest_filing(&filing, &m.rows[1]);
    assert_int_equal(filing.region.count, 3);
    assert_string_equal(filing.session, "S1");
    assert_string_equal(m.rows[1].columns, "\"b,1.jpg\",P1,S1,0,,\"1,1 5,1 5,5\"");
    assert_non_null(strstr(m.rows[1].path, "/b,1.jpg"));
    assert_null(m.rows[2].fields);
    assert_non_null(strstr(m.rows[2].error, "soon"));
    assert_null(m.rows[3].fields);
    assert_string_equal(m.rows[3].columns, ",,,,,");
    rubor_manifest_filing(&filing, &m.rows[4]);
    assert_int_equal(filing.day, 3);
    rubor_manifest_finish(&m);
}

static void a_manifest_without_a_needed_column_is_refused(void **state)
{
    (void)state;
    rubor_manifest m;
    manifest_of(&m, "path,patient,day\na.jpg,P1,0\n", RUBOR_INVALID);
    assert_int_equal(m.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_pattern_reads_patient_session_day_and_view),
        cmocka_unit_test(named_parts_are_found_behind_brackets_escapes_and_plain_groups),
        cmocka_unit_test(a_wrong_pattern_is_refused),
        cmocka_unit_test(a_jpeg_is_whole_only_with_its_last_byte),
        cmocka_unit_test(a_png_is_whole_only_with_its_last_chunk),
        cmocka_unit_test(other_files_are_no_photos),
        cmocka_unit_test(a_spooled_photo_comes_back_as_it_was),
        cmocka_unit_test(the_same_photo_under_another_day_is_another_item),
        cmocka_unit_test(an_item_moves_through_waiting_to_sent_without_patient_data),
        cmocka_unit_test(one_process_drains_at_a_time),
        cmocka_unit_test(a_spool_cut_at_any_byte_is_told_and_never_sent),
        cmocka_unit_test(a_manifest_keeps_bad_rows_with_their_reason),
        cmocka_unit_test(a_manifest_without_a_needed_column_is_refused),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
