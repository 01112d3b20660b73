#include "protocol/worker_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static rubor_status scan(const void *bytes, size_t size)
{
    return rubor_wire_scan((rubor_bytes){bytes, size}, RUBOR_WIRE_REQUEST_BYTES, RUBOR_WIRE_REQUEST_VALUES,
                           NULL);
}

#define SCAN(text) scan(text, sizeof(text) - 1)

static void whole_values_pass(void **state)
{
    (void)state;
    assert_int_equal(SCAN("\xc0"), RUBOR_OK);
    assert_int_equal(SCAN("\x81\xa1k\xcb\x00\x00\x00\x00\x00\x00\x00\x00"), RUBOR_OK);
    assert_int_equal(SCAN("\xdc\x00\x02\x01\xff"), RUBOR_OK);
    assert_int_equal(SCAN("\xc4\x03\x01\x02\x03"), RUBOR_OK);
}

static void every_prefix_of_a_message_is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "\x83\xa1k\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa1l\xdc\x00\x02\x01\xff\xa1m\xd9\x02hi";
    assert_int_equal(SCAN(whole), RUBOR_OK);
    for (size_t size = 0; size + 1 < sizeof whole; size++)
        assert_int_equal(scan(whole, size), RUBOR_PROTOCOL);
}

static void a_header_that_declares_more_than_there_is_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(SCAN("\xdd\xff\xff\xff\xff"), RUBOR_PROTOCOL);
    assert_int_equal(SCAN("\xdf\xff\xff\xff\xff\x01"), RUBOR_PROTOCOL);
    assert_int_equal(SCAN("\xc6\xff\xff\xff\xff\x01"), RUBOR_PROTOCOL);
    assert_int_equal(SCAN("\xdb\xff\xff\xff\xff\x01"), RUBOR_PROTOCOL);
    /* 155 bytes of nested arrays, each declaring as many elements as bytes are left */
    uint8_t nested[155];
    for (size_t i = 0; i < sizeof nested; i += 5)
        memcpy(nested + i, (uint8_t[]){0xdd, 0x00, 0x00, 0x00, (uint8_t)(sizeof nested - i - 5)}, 5);
    assert_int_equal(scan(nested, sizeof nested), RUBOR_PROTOCOL);
}

static void nesting_of_nine_is_refused_and_of_eight_is_not(void **state)
{
    (void)state;
    assert_int_equal(SCAN("\x91\x91\x91\x91\x91\x91\x91\x91\xc0"), RUBOR_OK);
    assert_int_equal(SCAN("\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"), RUBOR_PROTOCOL);
}

static void extension_types_and_the_reserved_byte_are_refused(void **state)
{
    (void)state;
    for (int byte = 0xc7; byte <= 0xc9; byte++)
        assert_int_equal(scan((uint8_t[]){(uint8_t)byte, 0, 0, 0, 0, 0}, 6), RUBOR_PROTOCOL);
    for (int byte = 0xd4; byte <= 0xd8; byte++)
        assert_int_equal(scan((uint8_t[]){(uint8_t)byte, 0, 0}, 3), RUBOR_PROTOCOL);
    assert_int_equal(SCAN("\xc1"), RUBOR_PROTOCOL);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    uint8_t *many = calloc(1, 3 + 9000);
    many[0] = 0xdc;
    many[1] = 9000 >> 8;
    many[2] = 9000 & 0xff;
    assert_int_equal(scan(many, 3 + 9000), RUBOR_TOO_LARGE);
    free(many);
}

/* Whatever the bytes are, reading ends, and reading what was read gives no more than was sent. */
static void random_bytes_never_break_the_readers(void **state)
{
    (void)state;
    uint64_t random = 7;
    uint8_t bytes[300];
    rubor_request *request = malloc(sizeof *request);
    rubor_reply *reply = malloc(sizeof *reply);
    rubor_record *record = malloc(sizeof *record);
    rubor_envelope *envelope = malloc(sizeof *envelope);
    for (int round = 0; round < 20000; round++) {
        size_t size = 0;
        for (; size < sizeof bytes; size++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            static const uint8_t likely[] = {0x81, 0x91, 0xa1, 0xc0, 0xd9, 0xdc, 0xde, 0xcb};
            uint8_t byte = (uint8_t)(random >> 40);
            bytes[size] = byte & 1 ? likely[(byte >> 1) & 7] : byte;
            if ((random >> 50) % 60 == 0)
                break;
        }
        rubor_bytes body = {bytes, size};
        rubor_request_unpack(request, (rubor_verb)(1 + round % (RUBOR_VERB_COUNT - 1)), body, NULL);
        if (rubor_reply_unpack(reply, body, NULL) == RUBOR_OK)
            rubor_reply_finish(reply);
        rubor_record_from_bytes(record, body, NULL);
        rubor_envelope_unpack(envelope, body, NULL);
    }
    free(request);
    free(reply);
    free(record);
    free(envelope);
}

static rubor_status read_request(rubor_request *out, rubor_verb verb, const void *bytes, size_t size,
                                 rubor_error *error)
{
    return rubor_request_unpack(out, verb, (rubor_bytes){bytes, size}, error);
}

static void a_request_comes_back_as_it_was(void **state)
{
    (void)state;
    rubor_request *sent = malloc(sizeof *sent), *got = malloc(sizeof *got);
    rubor_request_init(sent, RUBOR_VERB_ANALYZE);
    rubor_request_id_text(&sent->request, "r1");
    snprintf(sent->patient, sizeof sent->patient, "P-\xc3\xa9");
    snprintf(sent->session, sizeof sent->session, "S1");
    sent->day = RUBOR_DAY_BEFORE;
    sent->region = (rubor_polygon){3, {{1, 2}, {3.5, 4}, {5, 6}}};
    sent->deadline_s = 60;
    sent->no_wait = true;
    rubor_buffer packed;
    assert_int_equal(rubor_request_pack(&packed, sent, NULL), RUBOR_OK);
    assert_int_equal(read_request(got, RUBOR_VERB_ANALYZE, packed.data, packed.size, NULL), RUBOR_OK);
    assert_memory_equal(sent, got, sizeof *sent);
    free(packed.data);
    free(sent);
    free(got);
}

static void a_bad_request_is_told_by_the_key_and_keeps_its_id(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t size;
        rubor_verb verb;
        rubor_status status;
        const char *word;
    } cases[] = {
#define CASE(body, verb, status, word) {body, sizeof(body) - 1, RUBOR_VERB_##verb, RUBOR_##status, word}
        CASE("\x82\xa7request\x01\xa3job\xa2"
             "ok",
             RESULT, OK, ""),
        CASE("\x81\xa3job\xa2"
             "ok",
             RESULT, PROTOCOL, "id"),
        CASE("\x81\xa7request\x01", RESULT, INVALID, "job"),
        CASE("\x82\xa7request\x01\xa3job\xa2../", RESULT, PROTOCOL, ""),
        CASE("\x82\xa7request\x01\xa3job\xa3../", RESULT, INVALID, "job"),
        CASE("\x82\xa7request\x01\xa3job\x05", RESULT, INVALID, "job"),
        CASE("\x83\xa7request\x01\xa3job\xa2ok\xa4text\xa1x", RESULT, INVALID, "text"),
        CASE("\x83\xa7request\x01\xa3job\xa2ok\xa7unknown\xa1x", RESULT, OK, ""),
        CASE("\x82\xa7request\x01\xa7patient\xa3"
             "a\0b",
             FORGET, INVALID, "patient"),
        CASE("\x82\xa7request\x01\xa7patient\xa2\xc3\x28", FORGET, INVALID, "patient"),
        CASE("\x82\xa7request\x01\xa7patient\xa1p", FORGET, INVALID, "confirm"),
        CASE("\x84\xa7request\x01\xa7patient\xa1p\xa7session\xa1s\xa3"
             "day\xcd\x0e\x43",
             ANALYZE, INVALID, "day"),
        CASE("\x84\xa7request\x01\xa7patient\xa1p\xa7session\xa1s\xa3"
             "day\xff",
             ANALYZE, INVALID, "day"),
        CASE("\x84\xa7request\x01\xa7patient\xa1p\xa7session\xa1s\xa4"
             "date\xaa"
             "2026-02-30",
             SESSION, INVALID, "date"),
        CASE("\x92\x01\x02", STATUS, PROTOCOL, "map"),
    };
    rubor_request *got = malloc(sizeof *got);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rubor_error error = {0};
        rubor_status status = read_request(got, cases[i].verb, cases[i].body, cases[i].size, &error);
        if (status != cases[i].status || (status && !strstr(error.message, cases[i].word)))
            fail_msg("case %zu: status %d, %s", i, (int)status, error.message);
        if (status == RUBOR_INVALID)
            assert_int_equal(got->request.size, 1);
    }
    free(got);
}

static void fill_record(rubor_record *record)
{
    rubor_record_init(record);
    snprintf(record->photo.digest, sizeof record->photo.digest, "abc");
    record->photo.width = 4000;
    record->calibration.chart_present = true;
    snprintf(record->calibration.chart.type, sizeof record->calibration.chart.type, "colorchecker24");
    for (int i = 0; i < 8; i++)
        record->calibration.chart.corners_px[i] = i;
    record->calibration.chart.clipped_count = 1;
    snprintf(record->calibration.chart.clipped_patches[0], 32, "white");
    record->redness.score = 12.5;
    record->redness.interval95[0] = 11;
    record->redness.interval95[1] = 14;
    record->redness.changed = 1;
    record->redness.grade = 2;
    record->findings.pinpoint_count = 0;
    rubor_record_reason(record, "warn", "glare", "Turn the lamp.");
    rubor_record_flag(record, "crusting");
    record->doubt_count = 1;
    snprintf(record->doubts[0].source, sizeof record->doubts[0].source, "gain");
    record->doubts[0].delta_ei_sd = 0.25;
}

static void a_record_comes_back_with_its_nulls(void **state)
{
    (void)state;
    rubor_record *sent = malloc(sizeof *sent), *got = malloc(sizeof *got);
    fill_record(sent);
    rubor_buffer packed, again;
    assert_int_equal(rubor_record_to_bytes(&packed, sent, NULL), RUBOR_OK);
    assert_int_equal(rubor_record_from_bytes(got, (rubor_bytes){packed.data, packed.size}, NULL), RUBOR_OK);
    assert_true(isnan(got->redness.delta));
    assert_int_equal(got->pigmentation.changed, -1);
    assert_int_equal(got->findings.pinpoint_count, 0);
    assert_false(got->registration_present);
    assert_string_equal(got->quality.reasons[0].message, "Turn the lamp.");
    assert_int_equal(rubor_record_to_bytes(&again, got, NULL), RUBOR_OK);
    assert_int_equal(again.size, packed.size);
    assert_memory_equal(again.data, packed.data, packed.size);
    free(packed.data);
    free(again.data);
    free(sent);
    free(got);
}

static void a_reply_comes_back_with_all_its_sections(void **state)
{
    (void)state;
    rubor_reply *sent = malloc(sizeof *sent), *got = malloc(sizeof *got);
    rubor_request_id id;
    rubor_request_id_text(&id, "a request id that is longer than thirty-two bytes");
    rubor_reply_init(sent, &id);
    sent->has_job = true;
    snprintf(sent->job.job, sizeof sent->job.job, "0123abcd");
    snprintf(sent->job.state, sizeof sent->job.state, "done");
    sent->job.day = 3;
    sent->job.picture_count = 1;
    snprintf(sent->job.pictures[0].name, sizeof sent->job.pictures[0].name, "overlay");
    snprintf(sent->job.pictures[0].digest, sizeof sent->job.pictures[0].digest, "ff");
    sent->job.record = malloc(sizeof *sent->job.record);
    fill_record(sent->job.record);
    sent->has_notes = true;
    sent->note_count = 1;
    sent->notes = calloc(1, sizeof *sent->notes);
    sent->notes[0].day = RUBOR_DAY_UNKNOWN;
    snprintf(sent->notes[0].text, sizeof sent->notes[0].text, "two\nlines");
    sent->service = calloc(1, sizeof *sent->service);
    sent->service->workers = calloc(1, sizeof *sent->service->workers);
    sent->service->worker_count = 1;
    snprintf(sent->service->workers[0].id, sizeof sent->service->workers[0].id, "w");
    sent->next = 17;
    rubor_buffer packed, again;
    assert_int_equal(rubor_reply_pack(&packed, sent, NULL), RUBOR_OK);
    assert_int_equal(rubor_reply_unpack(got, (rubor_bytes){packed.data, packed.size}, NULL), RUBOR_OK);
    assert_true(rubor_request_id_equal(&got->request, &id));
    assert_string_equal(got->notes[0].text, "two\nlines");
    assert_int_equal(got->job.day, 3);
    assert_int_equal(got->next, 17);
    assert_int_equal(rubor_reply_pack(&again, got, NULL), RUBOR_OK);
    assert_int_equal(again.size, packed.size);
    assert_memory_equal(again.data, packed.data, packed.size);
    free(packed.data);
    free(again.data);
    rubor_reply_finish(sent);
    rubor_reply_finish(got);
    free(sent);
    free(got);
}

static void every_verb_is_for_someone_and_only_workers_use_none(void **state)
{
    (void)state;
    for (int verb = 1; verb < RUBOR_VERB_COUNT; verb++) {
        const char *service = rubor_verb_service((rubor_verb)verb);
        assert_int_equal(rubor_verb_from_service(service, strlen(service)), verb);
        assert_true(rubor_verb_allowed((rubor_verb)verb, RUBOR_ROLE_ADMIN));
        assert_false(rubor_verb_allowed((rubor_verb)verb, RUBOR_ROLE_WORKER));
        assert_false(rubor_verb_allowed((rubor_verb)verb, RUBOR_ROLE_NONE));
    }
    assert_false(rubor_verb_allowed(RUBOR_VERB_FORGET, RUBOR_ROLE_STATION));
    assert_false(rubor_verb_allowed(RUBOR_VERB_LIST + 1000, RUBOR_ROLE_ADMIN));
}

/* ---- the vectors of PROTOCOL.md: tests/protocol/vectors/NAME.hex, one frame a line, # comments ---- */

static size_t read_frame(const char *name, int wanted, uint8_t *out, size_t size)
{
    char path[4096], line[16384];
    const char *root = getenv("RUBOR_SOURCE");
    snprintf(path, sizeof path, "%s/tests/protocol/vectors/%s.hex", root ? root : ".", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = 0;
    for (int frame = 0; fgets(line, sizeof line, file);) {
        if (line[0] == '#')
            continue;
        if (frame++ != wanted)
            continue;
        unsigned byte;
        for (const char *at = line; sscanf(at, "%2x", &byte) == 1 && count < size; at += 2)
            out[count++] = (uint8_t)byte;
        break;
    }
    fclose(file);
    return count;
}

static void the_published_vectors_are_what_is_written(void **state)
{
    (void)state;
    uint8_t expected[8192];
    rubor_buffer packed;
    rubor_request *request = malloc(sizeof *request);
    rubor_request_init(request, RUBOR_VERB_ANALYZE);
    rubor_request_id_text(&request->request, "r1");
    snprintf(request->patient, sizeof request->patient, "P1");
    snprintf(request->session, sizeof request->session, "S1");
    request->day = 3;
    assert_int_equal(rubor_request_pack(&packed, request, NULL), RUBOR_OK);
    size_t size = read_frame("analyze_request", 3, expected, sizeof expected);
    assert_int_equal(packed.size, size);
    assert_memory_equal(packed.data, expected, size);
    free(packed.data);
    rubor_reply *reply = malloc(sizeof *reply);
    rubor_reply_init(reply, &request->request);
    reply->status = RUBOR_BUSY;
    snprintf(reply->error, sizeof reply->error, "the service is full (jobs): try again in 2 s");
    reply->retry_after_ms = 2000;
    assert_int_equal(rubor_reply_pack(&packed, reply, NULL), RUBOR_OK);
    size = read_frame("busy_final", 3, expected, sizeof expected);
    assert_int_equal(packed.size, size);
    assert_memory_equal(packed.data, expected, size);
    free(packed.data);
    free(reply);
    free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_values_pass),
        cmocka_unit_test(every_prefix_of_a_message_is_refused),
        cmocka_unit_test(a_header_that_declares_more_than_there_is_costs_nothing),
        cmocka_unit_test(nesting_of_nine_is_refused_and_of_eight_is_not),
        cmocka_unit_test(extension_types_and_the_reserved_byte_are_refused),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(random_bytes_never_break_the_readers),
        cmocka_unit_test(a_request_comes_back_as_it_was),
        cmocka_unit_test(a_bad_request_is_told_by_the_key_and_keeps_its_id),
        cmocka_unit_test(a_record_comes_back_with_its_nulls),
        cmocka_unit_test(a_reply_comes_back_with_all_its_sections),
        cmocka_unit_test(every_verb_is_for_someone_and_only_workers_use_none),
        cmocka_unit_test(the_published_vectors_are_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
