#include "imaging/encode.h"
#include "imaging/photo.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rubor-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            remove(in_folder(entry->d_name));
    closedir(dir);
    return rmdir(folder);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static rubor_status read_status(const char *path, size_t limit, rubor_error *error)
{
    uint8_t *data;
    size_t size;
    rubor_status status = rubor_file_read(&data, &size, path, limit, error);
    assert_true((status == RUBOR_OK) == (data != NULL));
    free(data);
    return status;
}

static void file_is_written_whole_and_read_back(void **state)
{
    (void)state;
    static const char text[] = "first", longer[] = "second and longer";
    uint8_t *data;
    size_t size;
    assert_int_equal(rubor_file_write(in_folder("a"), text, 5, NULL), RUBOR_OK);
    assert_int_equal(rubor_file_write(in_folder("a"), longer, 17, NULL), RUBOR_OK);
    assert_int_equal(rubor_file_read(&data, &size, in_folder("a"), 17, NULL), RUBOR_OK);
    assert_int_equal(size, 17);
    assert_memory_equal(data, longer, 17);
    free(data);
    assert_int_equal(count_files(), 1); /* no temporary file is left */
}

static void writing_where_it_cannot_be_leaves_nothing(void **state)
{
    (void)state;
    rubor_error error = {0};
    assert_int_equal(rubor_file_write("/nonexistent/folder/a", "x", 1, &error), RUBOR_NOT_FOUND);
    assert_non_null(strstr(error.message, "/nonexistent/folder/a"));
    size_t before = count_files();
    assert_int_equal(mkdir(in_folder("taken"), 0700), 0);
    assert_int_equal(rubor_file_write(in_folder("taken"), "x", 1, &error), RUBOR_IO);
    assert_int_equal(count_files(), before + 1);
}

static void missing_empty_large_and_special_files_are_told_apart(void **state)
{
    (void)state;
    rubor_error error = {0};
    assert_int_equal(read_status(in_folder("absent"), 10, &error), RUBOR_NOT_FOUND);
    assert_int_equal(read_status(folder, 10, &error), RUBOR_UNREADABLE);
    assert_non_null(strstr(error.message, "directory"));
    assert_int_equal(read_status("/dev/zero", 10, &error), RUBOR_UNREADABLE);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(read_status(in_folder("fifo"), 10, &error), RUBOR_UNREADABLE);
    assert_int_equal(rubor_file_write(in_folder("empty"), "", 0, NULL), RUBOR_OK);
    assert_int_equal(read_status(in_folder("empty"), 10, &error), RUBOR_CORRUPT);
    assert_int_equal(rubor_file_write(in_folder("eleven"), "elevenbytes", 11, NULL), RUBOR_OK);
    assert_int_equal(read_status(in_folder("eleven"), 10, &error), RUBOR_TOO_LARGE);
    assert_non_null(strstr(error.message, "11 bytes"));
    assert_int_equal(read_status(in_folder("eleven"), 11, &error), RUBOR_OK);
}

/* FIPS 180-2, appendix B. */
static void digest_of_the_standard_examples(void **state)
{
    (void)state;
    char out[RUBOR_DIGEST_SIZE];
    rubor_digest(out, (rubor_bytes){(const uint8_t *)"abc", 3});
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    rubor_digest(out, (rubor_bytes){(const uint8_t *)"", 0});
    assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_written_whole_and_read_back),
        cmocka_unit_test(writing_where_it_cannot_be_leaves_nothing),
        cmocka_unit_test(missing_empty_large_and_special_files_are_told_apart),
        cmocka_unit_test(digest_of_the_standard_examples),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
