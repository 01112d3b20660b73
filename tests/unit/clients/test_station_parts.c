/* labels: fast */
#include "clients/hash_set.h"
#include "clients/photo_kind.h"
#include "clients/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_set_keeps_ten_thousand_texts_apart(void **state)
{
    (void)state;
    rubor_hash_set set = {0};
    char text[32];
    assert_false(rubor_hash_set_has(&set, "0"));
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_true(rubor_hash_set_add(&set, text));
        assert_false(rubor_hash_set_add(&set, text));
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(rubor_hash_set_has(&set, text), i < 10000);
    }
    rubor_hash_set_finish(&set);
    assert_false(rubor_hash_set_has(&set, "0"));
}

static void files_are_told_by_what_they_begin_with_and_by_their_name(void **state)
{
    (void)state;
    const struct {
        const char *name, *head, *word;
        size_t size;
    } files[] = {{"a.heic", "", "HEIC", 0},
                 {"a.jpg", "\0\0\0\x18" "ftypheix", "HEIC", 12},
                 {"a.jpg", "\0\0\0\x18" "ftypavif", "AVIF", 12},
                 {"a.NEF", "MM\0*", "raw", 4},
                 {"a.jpg", "\0\0\0\x18" "ftypcrx ", "raw", 12},
                 {"a", "II*\0", "TIFF", 4},
                 {"a.jpg", "RIFF\0\0\0\0WEBPVP8 ", "WebP", 16},
                 {"a.jpg", "GIF89a", "GIF", 6},
                 {"a.dat", "\xff\xd8\xff\xe0", "must end in .jpg", 4},
                 {"a.txt", "hello", "not a JPEG or PNG photo", 5},
                 {"a.jpg", "hello", "not a JPEG or PNG photo", 5},
                 {"a.dat", "", "the file is empty", 0}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char said[RUBOR_ERROR_MESSAGE_SIZE];
        rubor_bytes head = {(const uint8_t *)files[i].head, files[i].size};
        rubor_photo_kind_refusal(said, sizeof said, files[i].name, head);
        if (!strstr(said, files[i].word))
            fail_msg("%s: \"%s\" does not say %s", files[i].name, said, files[i].word);
    }
}

static void endings_tell_photos_copies_and_sidecars(void **state)
{
    (void)state;
    assert_true(rubor_photo_kind_is_photo("a.JPG") && rubor_photo_kind_is_photo("a.b.jpeg"));
    assert_false(rubor_photo_kind_is_photo("jpg") || rubor_photo_kind_is_photo("a.jpg.part"));
    assert_true(rubor_photo_kind_is_copying("a.jpg.part") && rubor_photo_kind_is_copying("a.jpg~"));
    assert_false(rubor_photo_kind_is_copying("a.jpg") || rubor_photo_kind_is_copying(""));
    assert_true(rubor_watch_is_sidecar("a.json") && rubor_watch_is_sidecar("a.jpg.JSON"));
    assert_false(rubor_watch_is_sidecar(".json") || rubor_watch_is_sidecar("json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_keeps_ten_thousand_texts_apart),
        cmocka_unit_test(files_are_told_by_what_they_begin_with_and_by_their_name),
        cmocka_unit_test(endings_tell_photos_copies_and_sidecars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
