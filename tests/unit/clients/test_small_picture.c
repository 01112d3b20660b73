/* labels: fast */
#include "clients/small_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void picture(rubor_image_encoded *out, int width, int height, unsigned tint)
{
    rubor_error error = {0};
    assert_int_equal(rubor_image_encoded_init(out, width, height, &error), RUBOR_OK);
    for (size_t i = 0; i < 3 * (size_t)width * (size_t)height; i++)
        out->rgb[i] = (uint16_t)(tint + 40 * (i % 997));
}

static rubor_buffer jpeg(int width, int height, unsigned tint)
{
    rubor_image_encoded image;
    rubor_buffer out;
    rubor_error error = {0};
    picture(&image, width, height, tint);
    assert_int_equal(rubor_jpeg_encode(&out, &image, 90, true, &error), RUBOR_OK);
    rubor_image_encoded_finish(&image);
    return out;
}

static rubor_bytes bytes_of(const rubor_buffer *buffer)
{
    return (rubor_bytes){buffer->data, buffer->size};
}

static void a_large_picture_becomes_a_small_jpeg_of_the_same_shape(void **state)
{
    (void)state;
    rubor_buffer whole = jpeg(1200, 900, 9000), small;
    rubor_error error = {0};
    rubor_photo_info info;
    assert_int_equal(rubor_picture_shrink(&small, bytes_of(&whole), RUBOR_SMALL_PIXELS, &error), RUBOR_OK);
    assert_int_equal(rubor_photo_probe(&info, bytes_of(&small), &error), RUBOR_OK);
    assert_int_equal(info.format, RUBOR_FORMAT_JPEG);
    assert_true(info.width * info.height <= RUBOR_SMALL_PIXELS && info.width > 440);
    assert_true(abs(info.width * 3 - info.height * 4) <= 4);
    rubor_buffer_finish(&whole);
    rubor_buffer_finish(&small);
}

static void a_small_jpeg_stays_as_it_is_and_a_png_becomes_a_jpeg(void **state)
{
    (void)state;
    rubor_buffer whole = jpeg(200, 150, 9000), small;
    rubor_error error = {0};
    rubor_photo_info info;
    rubor_image_encoded image;
    assert_int_equal(rubor_picture_shrink(&small, bytes_of(&whole), RUBOR_SMALL_PIXELS, &error), RUBOR_OK);
    assert_int_equal(small.size, whole.size);
    assert_memory_equal(small.data, whole.data, whole.size);
    rubor_buffer_finish(&whole);
    rubor_buffer_finish(&small);
    picture(&image, 60, 40, 9000);
    assert_int_equal(rubor_png_encode_rgb8(&whole, &image, &error), RUBOR_OK);
    assert_int_equal(rubor_picture_shrink(&small, bytes_of(&whole), RUBOR_SMALL_PIXELS, &error), RUBOR_OK);
    assert_int_equal(rubor_photo_probe(&info, bytes_of(&small), &error), RUBOR_OK);
    assert_int_equal(info.format, RUBOR_FORMAT_JPEG);
    rubor_image_encoded_finish(&image);
    rubor_buffer_finish(&whole);
    rubor_buffer_finish(&small);
}

static void what_is_no_picture_is_refused_and_not_remembered(void **state)
{
    (void)state;
    rubor_small_cache *cache;
    rubor_buffer out, whole = jpeg(900, 600, 7000);
    rubor_error error = {0};
    const rubor_bytes noise = {(const uint8_t *)"\xff\xd8\xff no picture", 14};
    assert_int_equal(rubor_small_cache_create(&cache, 1 << 20, &error), RUBOR_OK);
    assert_int_not_equal(rubor_small_cache_get(cache, &out, "d1", noise, &error), RUBOR_OK);
    assert_null(out.data);
    assert_int_equal(rubor_small_cache_get(cache, &out, "d1", bytes_of(&whole), &error), RUBOR_OK);
    rubor_buffer_finish(&out);
    rubor_buffer_finish(&whole);
    rubor_small_cache_destroy(&cache);
    rubor_small_cache_destroy(&cache);
}

/* The bytes handed in at the second question are no picture: an answer can only come from memory. */
static bool remembered(rubor_small_cache *cache, const char *digest)
{
    rubor_buffer out;
    rubor_error error = {0};
    bool found = rubor_small_cache_get(cache, &out, digest, (rubor_bytes){(const uint8_t *)"none", 4}, &error) == RUBOR_OK;
    rubor_buffer_finish(&out);
    return found;
}

static void a_copy_is_made_once_and_the_one_asked_for_longest_ago_gives_way(void **state)
{
    (void)state;
    rubor_small_cache *cache;
    rubor_error error = {0};
    rubor_buffer whole = jpeg(900, 600, 7000), out;
    assert_int_equal(rubor_picture_shrink(&out, bytes_of(&whole), RUBOR_SMALL_PIXELS, &error), RUBOR_OK);
    size_t two = 2 * out.size + out.size / 2;
    rubor_buffer_finish(&out);
    assert_int_equal(rubor_small_cache_create(&cache, two, &error), RUBOR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rubor_small_cache_get(cache, &out, i ? "b" : "a", bytes_of(&whole), &error), RUBOR_OK);
        rubor_buffer_finish(&out);
    }
    assert_true(remembered(cache, "b"));
    assert_true(remembered(cache, "a"));
    assert_int_equal(rubor_small_cache_get(cache, &out, "c", bytes_of(&whole), &error), RUBOR_OK);
    rubor_buffer_finish(&out);
    assert_false(remembered(cache, "b"));
    assert_true(remembered(cache, "a"));
    assert_true(remembered(cache, "c"));
    rubor_small_cache_clear(cache);
    assert_false(remembered(cache, "a"));
    assert_int_equal(rubor_small_cache_get(cache, &out, "a", bytes_of(&whole), &error), RUBOR_OK);
    assert_true(remembered(cache, "a"));
    rubor_buffer_finish(&out);
    rubor_buffer_finish(&whole);
    rubor_small_cache_destroy(&cache);
}

static double resident_mib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return (double)pages * 4096 / 1024 / 1024;
}

static void two_thousand_pictures_take_no_more_memory_than_is_allowed(void **state)
{
    (void)state;
    enum { PICTURES = 2000 };
    rubor_small_cache *cache;
    rubor_error error = {0};
    rubor_buffer whole = jpeg(480, 360, 7000), out; /* is kept as it is */
    assert_true(PICTURES * whole.size > 2 * (size_t)RUBOR_SMALL_CACHE_BYTES);
    assert_int_equal(rubor_small_cache_create(&cache, RUBOR_SMALL_CACHE_BYTES, &error), RUBOR_OK);
    double before = resident_mib();
    for (int i = 0; i < PICTURES; i++) {
        char digest[RUBOR_DIGEST_SIZE];
        snprintf(digest, sizeof digest, "%064d", i);
        assert_int_equal(rubor_small_cache_get(cache, &out, digest, bytes_of(&whole), &error), RUBOR_OK);
        rubor_buffer_finish(&out);
    }
    double more = resident_mib() - before;
    print_message("%d pictures of %zu kB: %.1f MiB more resident\n", PICTURES, whole.size / 1000, more);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(more < 1.25 * RUBOR_SMALL_CACHE_BYTES / 1024 / 1024);
#endif
    rubor_buffer_finish(&whole);
    rubor_small_cache_destroy(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_picture_becomes_a_small_jpeg_of_the_same_shape),
        cmocka_unit_test(a_small_jpeg_stays_as_it_is_and_a_png_becomes_a_jpeg),
        cmocka_unit_test(what_is_no_picture_is_refused_and_not_remembered),
        cmocka_unit_test(two_thousand_pictures_take_no_more_memory_than_is_allowed),
        cmocka_unit_test(a_copy_is_made_once_and_the_one_asked_for_longest_ago_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
