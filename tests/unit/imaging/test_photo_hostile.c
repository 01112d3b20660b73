#include <setjmp.h>
#include <stdarg.h>

#include "imaging/limits.h"
#include "imaging/photo.h"
#include "tests/unit/imaging/photo_maker.h"

#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

static rubor_bytes view(made file)
{
    return (rubor_bytes){file.data, file.size};
}

static void texture(uint16_t rgba[4], int x, int y, int width, int height)
{
    (void)height;
    uint32_t seed = (uint32_t)(y / 3 * width + x / 3) * 2654435761U;
    for (int c = 0; c < 3; c++) {
        seed = seed * 1664525U + 1013904223U;
        rgba[c] = (uint16_t)(0x4000 + (seed >> 17));
    }
    rgba[3] = (uint16_t)(x * 700);
}

static rubor_status decode(made file, rubor_error *error)
{
    rubor_image_encoded image;
    rubor_status status = rubor_photo_decode(&image, view(file), NULL, error);
    if (status)
        assert_null(image.rgb);
    rubor_image_encoded_finish(&image);
    return status;
}

static void assert_refused(made file, rubor_status expected, const char *word)
{
    rubor_error error = {0};
    rubor_status status = decode(file, &error);
    if (status != expected || !strstr(error.message, word))
        fail_msg("expected %s with \"%s\", got %s: %s", rubor_status_name(expected), word,
                 rubor_status_name(status), error.message);
}

/* 0 with AddressSanitizer, which keeps freed memory for a while. */
static long peak_kilobytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#endif
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static uint8_t *find_marker(made file, uint8_t marker)
{
    for (size_t i = 0; i + 1 < file.size; i++)
        if (file.data[i] == 0xff && file.data[i + 1] == marker)
            return file.data + i;
    fail_msg("marker %02x not found", marker);
    return NULL;
}

static void jpeg_that_claims_65500_pixels_a_side_is_refused_before_allocation(void **state)
{
    (void)state;
    static const int sides[][2] = {{65500, 65500}, {20001, 100}, {100, 20001}, {20000, 5001}};
    for (int progressive = 0; progressive < 2; progressive++)
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
            made file = make_jpeg(64, 48, texture, &(made_options){.progressive = progressive});
            uint8_t *frame = find_marker(file, progressive ? 0xc2 : 0xc0);
            frame[5] = (uint8_t)(sides[i][1] >> 8), frame[6] = (uint8_t)sides[i][1];
            frame[7] = (uint8_t)(sides[i][0] >> 8), frame[8] = (uint8_t)sides[i][0];
            long before = peak_kilobytes();
            rubor_photo_info info;
            assert_int_equal(rubor_photo_probe(&info, view(file), NULL), RUBOR_TOO_LARGE);
            assert_refused(file, RUBOR_TOO_LARGE, "pixels; at most");
            assert_true(peak_kilobytes() - before < 4096);
            made_free(&file);
        }
}

static void jpeg_taller_than_its_data_is_damaged_and_not_gray(void **state)
{
    (void)state;
    made file = make_jpeg(64, 48, texture, NULL);
    uint8_t *frame = find_marker(file, 0xc0);
    frame[5] = 0x10; /* 4144 rows */
    assert_refused(file, RUBOR_CORRUPT, "damaged or truncated JPEG");
    made_free(&file);
}

static uint32_t crc_of(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void put32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Inserts a chunk behind IHDR. */
static made with_chunk(made file, const char *name, const uint8_t *data, size_t size, size_t times)
{
    made out = {0};
    made_append(&out, file.data, 33);
    uint8_t *chunk = malloc(size + 12);
    put32(chunk, (uint32_t)size);
    memcpy(chunk + 4, name, 4);
    if (size)
        memcpy(chunk + 8, data, size);
    put32(chunk + 8 + size, crc_of(chunk + 4, size + 4));
    for (size_t i = 0; i < times; i++)
        made_append(&out, chunk, size + 12);
    made_append(&out, file.data + 33, file.size - 33);
    free(chunk);
    return out;
}

static void png_that_claims_a_huge_size_is_refused_before_allocation(void **state)
{
    (void)state;
    static const uint32_t sides[][2] = {
        {0x7fffffff, 0x7fffffff}, {0xffffffff, 1}, {20001, 20}, {20, 20001}, {20000, 5001}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        made file = make_png(64, 48, texture, NULL);
        put32(file.data + 16, sides[i][0]);
        put32(file.data + 20, sides[i][1]);
        put32(file.data + 29, crc_of(file.data + 12, 17));
        long before = peak_kilobytes();
        assert_refused(file, RUBOR_TOO_LARGE, "pixels; at most");
        assert_true(peak_kilobytes() - before < 4096);
        made_free(&file);
    }
}

static void blank(uint16_t rgba[4], int x, int y, int width, int height)
{
    (void)x, (void)y, (void)width, (void)height;
    memset(rgba, 0x77, 8);
}

/* 100 million interlaced pixels would need the whole picture at once. */
static void huge_interlaced_png_is_refused_before_allocation(void **state)
{
    (void)state;
    made file = make_png(64, 48, blank, &(made_options){.interlaced = true, .bits = 16});
    put32(file.data + 16, 9000);
    put32(file.data + 20, 9000);
    put32(file.data + 29, crc_of(file.data + 12, 17));
    long before = peak_kilobytes();
    assert_refused(file, RUBOR_TOO_LARGE, "interlaced");
    assert_true(peak_kilobytes() - before < 20000);
    made_free(&file);
}

/* 12 MB deflate to 12 KB. A text chunk is never needed, a profile of that size never read. */
static void png_chunks_that_inflate_hugely_cost_nothing(void **state)
{
    (void)state;
    made file = make_png(64, 48, texture, NULL);
    made icc = {0};
    /* Deflate by way of a PNG: the IDAT of a blank picture is a zlib stream. */
    made blank_file = make_png(5000, 800, blank, NULL);
    uint8_t *data = blank_file.data + 41;
    size_t size = blank_file.size - 41 - 16;
    made_append(&icc, "name\0\0", 6);
    made_append(&icc, data, size < 65536 ? size : 65536);
    long before = peak_kilobytes();
    double start = seconds();
    static const char *names[] = {"iCCP", "zTXt", "iTXt"};
    for (size_t i = 0; i < 3; i++) {
        made hostile = with_chunk(file, names[i], icc.data, icc.size, i ? 100 : 1);
        rubor_error error = {0};
        assert_int_equal(decode(hostile, &error), RUBOR_OK);
        made_free(&hostile);
    }
    assert_true(peak_kilobytes() - before < 32 * 1024);
    assert_true(seconds() - start < 1);
    made_free(&icc);
    made_free(&blank_file);
    made_free(&file);
}

static void animated_png_is_refused_by_name(void **state)
{
    (void)state;
    made file = make_png(64, 48, texture, NULL);
    static const uint8_t frames[8] = {0, 0, 0, 2, 0, 0, 0, 0};
    made animated = with_chunk(file, "acTL", frames, 8, 1);
    assert_refused(animated, RUBOR_UNSUPPORTED, "animated");
    made_free(&file);
    made_free(&animated);
}

/* A scan that is allowed to come again: each one makes the decoder walk over the whole picture. */
static void jpeg_with_a_thousand_scans_is_stopped(void **state)
{
    (void)state;
    made file = make_jpeg(1600, 1200, blank, &(made_options){.separate_scans = true});
    uint8_t *last = NULL;
    for (size_t i = 0; i + 1 < file.size; i++)
        if (file.data[i] == 0xff && file.data[i + 1] == 0xda)
            last = file.data + i;
    assert_non_null(last);
    size_t scan = (size_t)(file.data + file.size - 2 - last);
    made bomb = {0}, few = {0};
    made_append(&bomb, file.data, file.size - 2);
    made_append(&few, file.data, file.size - 2);
    for (int i = 0; i < 1000; i++)
        made_append(&bomb, last, scan);
    for (int i = 0; i < 20; i++)
        made_append(&few, last, scan);
    made_append(&bomb, "\xff\xd9", 2);
    made_append(&few, "\xff\xd9", 2);
    double start = seconds();
    assert_refused(bomb, RUBOR_TOO_LARGE, "scans");
    assert_true(seconds() - start < 5);
    assert_int_equal(decode(few, NULL), RUBOR_OK);
    made_free(&bomb);
    made_free(&few);
    made_free(&file);
}

static void jpeg_without_a_scan_of_each_channel_is_damaged(void **state)
{
    (void)state;
    made file = make_jpeg(96, 64, texture, &(made_options){.separate_scans = true});
    int scans = 0;
    for (size_t i = 0; i + 1 < file.size; i++) {
        if (file.data[i] != 0xff || file.data[i + 1] != 0xda || scans++ == 0)
            continue;
        made some = {0};
        made_append(&some, file.data, i);
        made_append(&some, "\xff\xd9", 2);
        assert_refused(some, RUBOR_CORRUPT, "channel is missing");
        made_free(&some);
    }
    assert_int_equal(scans, 3);
    made_free(&file);
}

static void every_truncation_is_damage(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        made_options options = {.progressive = kind == 1, .restart_rows = kind == 2, .interlaced = kind == 4};
        made file = kind < 3    ? make_jpeg(96, 64, texture, &options)
                    : kind == 3 ? make_jpeg(96, 64, texture, &(made_options){.separate_scans = true})
                                : make_png(96, 64, texture, &options);
        assert_int_equal(decode(file, NULL), RUBOR_OK);
        for (size_t size = 12; size < file.size; size += file.size - size < 64 ? 1 : 37) {
            /* An exact copy, so that a sanitizer sees a read past the end. */
            made cut = {malloc(size), size};
            memcpy(cut.data, file.data, size);
            rubor_error error = {0};
            rubor_status status = decode(cut, &error);
            /* Only the marker or chunk that ends the file may be missing. */
            if (status != RUBOR_CORRUPT && file.size - size > 12)
                fail_msg("kind %d cut to %zu of %zu: %s %s", kind, size, file.size, rubor_status_name(status),
                         error.message);
            made_free(&cut);
        }
        made_free(&file);
    }
}

/* What a tool makes of an upload that stopped: everything that came, and an end marker. */
static made ended_at(made file, size_t size)
{
    made cut = {0};
    made_append(&cut, file.data, size);
    made_append(&cut, "\xff\xd9", 2);
    return cut;
}

static void every_truncation_with_an_end_marker_is_damage(void **state)
{
    (void)state;
    static const made_options kinds[] = {
        {0}, {.progressive = true}, {.restart_rows = 1}, {.separate_scans = true}, {.subsampled = true}};
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        made file = make_jpeg(96, 64, texture, &kinds[kind]);
        for (size_t size = 12; size < file.size - 2; size += file.size - size < 64 ? 1 : 13) {
            made cut = ended_at(file, size);
            rubor_error error = {0};
            rubor_status status = decode(cut, &error);
            if (status != RUBOR_CORRUPT)
                fail_msg("kind %zu cut to %zu of %zu: %s %s", kind, size, file.size,
                         rubor_status_name(status), error.message);
            made_free(&cut);
        }
        made_free(&file);
    }
}

static void progressive_jpeg_ended_after_any_but_its_last_scan_is_damaged(void **state)
{
    (void)state;
    made file = make_jpeg(96, 64, texture, &(made_options){.progressive = true, .subsampled = true});
    int scans = 0;
    for (size_t i = 0; i + 1 < file.size; i++) {
        if (file.data[i] != 0xff || file.data[i + 1] != 0xda || scans++ == 0)
            continue;
        made cut = ended_at(file, i);
        assert_refused(cut, RUBOR_CORRUPT, "last scans are missing");
        made_free(&cut);
    }
    assert_int_equal(scans, 10); /* jpeg_simple_progression, YCbCr */
    assert_int_equal(decode(file, NULL), RUBOR_OK);
    made_free(&file);
}

/* Cut short and ended, its decoder would go on with zeros without a warning. */
static void jpeg_with_arithmetic_coding_is_refused_by_name(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        made_options options = {.arithmetic = true, .progressive = progressive};
        made file = make_jpeg(96, 64, texture, &options);
        assert_refused(file, RUBOR_UNSUPPORTED, "arithmetic");
        made_free(&file);
    }
}

/* Chroma at two thirds of the resolution: libjpeg cannot show it. */
static void jpeg_with_chroma_between_its_pixels_is_refused_by_name(void **state)
{
    (void)state;
    made file = make_jpeg(96, 64, texture, &(made_options){.across = 3, .down = 1});
    assert_int_equal(decode(file, NULL), RUBOR_OK);
    find_marker(file, 0xc0)[14] = 0x21;
    assert_refused(file, RUBOR_UNSUPPORTED, "sampling");
    made_free(&file);
}

static void harmless_extra_bytes_are_tolerated(void **state)
{
    (void)state;
    made file = make_jpeg(96, 64, texture, NULL), tail = {0}, padded = {0};
    made_append(&tail, file.data, file.size);
    made_append(&tail, "\0\0\0\0garbage a phone adds behind the end", 38);
    assert_int_equal(decode(tail, NULL), RUBOR_OK);
    made_append(&padded, file.data, file.size - 2);
    made_append(&padded, "\0\0\0\xff\xd9", 5);
    assert_int_equal(decode(padded, NULL), RUBOR_OK);
    made_free(&tail);
    made_free(&padded);
    made_free(&file);
}

/* Zeroing a stretch of the coded picture must not pass as a photo. */
static void damaged_picture_data_is_told(void **state)
{
    (void)state;
    int told = 0, tries = 0;
    made file = make_jpeg(400, 300, texture, NULL);
    size_t start = (size_t)(find_marker(file, 0xda) - file.data) + 14;
    for (size_t at = start; at + 600 < file.size; at += 997, tries++) {
        made broken = {0};
        made_append(&broken, file.data, file.size);
        memset(broken.data + at, 0, 512);
        told += decode(broken, NULL) == RUBOR_CORRUPT;
        made_free(&broken);
    }
    assert_true(tries > 20);
    assert_int_equal(told, tries);
    made_free(&file);
}

static void too_small_and_too_big_files_are_refused(void **state)
{
    (void)state;
    made tiny = make_png(15, 40, texture, NULL);
    assert_refused(tiny, RUBOR_UNSUPPORTED, "at least 16");
    made_free(&tiny);
    made big = {calloc(1, (size_t)RUBOR_LIMIT_PHOTO_BYTES + 1), (size_t)RUBOR_LIMIT_PHOTO_BYTES + 1};
    memcpy(big.data, "\xff\xd8\xff", 3);
    assert_refused(big, RUBOR_TOO_LARGE, "64 MiB");
    made_free(&big);
}

/* ---- mutations ---- */

static uint32_t random_state;

static uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static void mutate(made *file)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, 0xd8, 0xd9, 0xda, 0xc2, 0xc4};
    int edits = 1 + (int)(random32() % 6);
    for (int i = 0; i < edits; i++) {
        size_t range = random32() % 2     ? file->size
                       : file->size < 700 ? file->size
                                          : 700; /* headers oftener */
        size_t at = random32() % range, other = random32() % range, length = random32() % 64;
        switch (random32() % 5) {
        case 0:
            file->data[at] ^= (uint8_t)(1U << random32() % 8);
            break;
        case 1:
            file->data[at] = telling[random32() % sizeof telling];
            break;
        case 2:
            if (at + length < file->size && other + length < file->size)
                memmove(file->data + at, file->data + other, length);
            break;
        case 3:
            if (file->size > 200)
                file->size -= random32() % 100;
            break;
        default:
            if (at + 4 < file->size)
                put32(file->data + at, random32());
        }
    }
}

/* A changed chunk is dropped at its check sum unless that is mended too. */
static void mend_png_sums(made *file)
{
    for (size_t at = 8; at + 12 <= file->size;) {
        uint32_t size = png_get_uint_32(file->data + at);
        if (size > file->size - at - 12)
            return;
        put32(file->data + at + 8 + size, crc_of(file->data + at + 4, size + 4));
        at += size + 12;
    }
}

static void decode_every_way(made file)
{
    made exact = {malloc(file.size ? file.size : 1), file.size};
    memcpy(exact.data, file.data, file.size);
    rubor_photo_info info;
    rubor_error error = {0};
    rubor_status status = rubor_photo_probe(&info, view(exact), &error);
    if (status) {
        assert_true(error.message[0] != '\0');
        made_free(&exact);
        return;
    }
    assert_in_range(info.width, RUBOR_LIMIT_PHOTO_MIN_SIDE_PX, RUBOR_LIMIT_PHOTO_SIDE_PX);
    assert_in_range(info.height, RUBOR_LIMIT_PHOTO_MIN_SIDE_PX, RUBOR_LIMIT_PHOTO_SIDE_PX);
    rubor_decode_options options = {.max_pixels = random32() % 2 ? 500 : 20000};
    if (random32() % 3 == 0)
        options.crop = (rubor_photo_crop){info.width / 4, info.height / 3, info.width / 3, info.height / 3};
    rubor_image_encoded image;
    status = rubor_photo_decode(&image, view(exact), &options, &error);
    assert_true(status == RUBOR_OK || status == RUBOR_CORRUPT || status == RUBOR_UNSUPPORTED ||
                status == RUBOR_TOO_LARGE);
    assert_true((status == RUBOR_OK) == (image.rgb != NULL));
    rubor_image_encoded_finish(&image);
    made_free(&exact);
}

static void thousands_of_mutated_files_are_survived(void **state)
{
    (void)state;
    made profile = make_p3_profile();
    uint8_t exif[128];
    size_t exif_size = made_exif(exif, 6, "2024:05:06 07:08:09");
    made_options kinds[7] = {{.subsampled = true},
                             {.progressive = true},
                             {.restart_rows = 1},
                             {.bits = 8},
                             {.interlaced = true, .bits = 16},
                             {.color_type = PNG_COLOR_TYPE_RGB_ALPHA},
                             {.color_type = PNG_COLOR_TYPE_PALETTE}};
    const int turns = getenv("RUBOR_MUTATIONS") ? (int)strtol(getenv("RUBOR_MUTATIONS"), NULL, 10) : 350;
    random_state = 20240506;
    for (int kind = 0; kind < 7; kind++) {
        kinds[kind].exif = exif;
        kinds[kind].exif_size = exif_size;
        kinds[kind].icc = profile.data;
        kinds[kind].icc_size = kind % 2 ? profile.size : 0;
        made file =
            kind < 3 ? make_jpeg(96, 64, texture, &kinds[kind]) : make_png(96, 64, texture, &kinds[kind]);
        for (int turn = 0; turn < turns; turn++) {
            made changed = {0};
            made_append(&changed, file.data, file.size);
            mutate(&changed);
            if (kind >= 3 && turn % 4)
                mend_png_sums(&changed);
            decode_every_way(changed);
            made_free(&changed);
        }
        made_free(&file);
    }
    made_free(&profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_that_claims_65500_pixels_a_side_is_refused_before_allocation),
        cmocka_unit_test(jpeg_taller_than_its_data_is_damaged_and_not_gray),
        cmocka_unit_test(png_that_claims_a_huge_size_is_refused_before_allocation),
        cmocka_unit_test(huge_interlaced_png_is_refused_before_allocation),
        cmocka_unit_test(png_chunks_that_inflate_hugely_cost_nothing),
        cmocka_unit_test(animated_png_is_refused_by_name),
        cmocka_unit_test(jpeg_with_a_thousand_scans_is_stopped),
        cmocka_unit_test(jpeg_without_a_scan_of_each_channel_is_damaged),
        cmocka_unit_test(every_truncation_is_damage),
        cmocka_unit_test(every_truncation_with_an_end_marker_is_damage),
        cmocka_unit_test(progressive_jpeg_ended_after_any_but_its_last_scan_is_damaged),
        cmocka_unit_test(jpeg_with_arithmetic_coding_is_refused_by_name),
        cmocka_unit_test(jpeg_with_chroma_between_its_pixels_is_refused_by_name),
        cmocka_unit_test(harmless_extra_bytes_are_tolerated),
        cmocka_unit_test(damaged_picture_data_is_told),
        cmocka_unit_test(too_small_and_too_big_files_are_refused),
        cmocka_unit_test(thousands_of_mutated_files_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
