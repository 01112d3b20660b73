#include "workers/job.h"

#include "analyzer/analyze.h"
#include "samples/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Runs act in a child inside the sandbox; the wait status. */
static int in_sandbox(void (*act)(void))
{
    pid_t child = fork();
    if (child == 0) {
        rubor_sandbox_limits limits = {(int64_t)512 << 20, 2};
        if (rubor_sandbox_enter(&limits, NULL) != RUBOR_OK)
            _exit(99);
        act();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static void compute(void)
{
    volatile double x = 0;
    char *memory = malloc(1 << 20);
    for (int i = 0; i < 1000; i++)
        x += i;
    free(memory);
}

static void connect_somewhere(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

static void run_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void kill_the_parent(void)
{
    kill(getppid(), 0);
}

static void open_a_file(void)
{
    _exit(open("/etc/passwd", O_RDONLY) < 0 ? 7 : 0);
}

static void take_all_memory(void)
{
    _exit(malloc((size_t)2 << 30) ? 0 : 7);
}

static void loop(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

static void computing_is_allowed_in_the_sandbox(void **state)
{
    (void)state;
    assert_int_equal(in_sandbox(compute), 0);
}

static void network_programs_and_signals_end_the_process(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    void (*const acts[])(void) = {connect_somewhere, run_a_program, kill_the_parent};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        int status = in_sandbox(acts[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

static void no_file_can_be_opened_and_no_memory_beyond_the_limit_had(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(WEXITSTATUS(in_sandbox(open_a_file)), 7);
    assert_int_equal(WEXITSTATUS(in_sandbox(take_all_memory)), 7);
}

static void a_loop_is_ended_by_the_processor_time_limit(void **state)
{
    (void)state;
    int status = in_sandbox(loop);
    assert_true(WIFSIGNALED(status));
}

/* ---- zygote ---- */

typedef struct ran {
    rubor_zygote_verdict verdict;
    rubor_job_result result;
} ran;

static rubor_buffer parameters(int day)
{
    rubor_buffer packed;
    rubor_request *request = malloc(sizeof *request);
    rubor_request_init(request, RUBOR_VERB_COMPARE);
    rubor_request_id_text(&request->request, "task");
    request->day = day;
    assert_int_equal(rubor_request_pack(&packed, request, NULL), RUBOR_OK);
    free(request);
    return packed;
}

static ran run_photo(const rubor_zygote *zygote, rubor_bytes photo)
{
    ran out = {0};
    rubor_buffer packed = parameters(RUBOR_DAY_BEFORE);
    rubor_task_header header = {0};
    rubor_bytes parts[RUBOR_TASK_PARTS] = {{packed.data, packed.size}, photo};
    int task_fd, result_fd = memfd_create("result", MFD_CLOEXEC);
    assert_int_equal(rubor_task_write(&task_fd, &header, parts, NULL), RUBOR_OK);
    assert_int_equal(rubor_zygote_send(zygote, task_fd, result_fd, NULL), RUBOR_OK);
    close(task_fd);
    assert_int_equal(rubor_zygote_receive(zygote, &out.verdict, NULL), RUBOR_OK);
    if (out.verdict.status == RUBOR_OK)
        assert_int_equal(rubor_job_result_map(&out.result, result_fd, NULL), RUBOR_OK);
    close(result_fd);
    free(packed.data);
    return out;
}

static void a_photo_is_measured_and_a_broken_one_is_told_by_the_same_zygote(void **state)
{
    (void)state;
    rubor_zygote zygote;
    rubor_sample_options options;
    rubor_sample_photo sample = {0};
    rubor_sample_options_default(&options);
    options.width = 900;
    options.height = 700;
    assert_int_equal(rubor_sample_render(&sample, &options, -1, NULL), RUBOR_OK);
    rubor_bytes photo = {sample.jpeg.data, sample.jpeg.size};
    assert_int_equal(rubor_zygote_start(&zygote, 60, (int64_t)3 << 30, NULL), RUBOR_OK);
    ran cut = run_photo(&zygote, (rubor_bytes){photo.data, photo.size / 2});
    assert_int_equal(cut.result.status, RUBOR_CORRUPT);
    assert_true(cut.result.message[0] != '\0');
    rubor_job_result_finish(&cut.result);
    ran whole = run_photo(&zygote, photo);
    assert_int_equal(whole.result.status, RUBOR_OK);
    assert_true(whole.result.picture_count >= 2);
    rubor_record *record = malloc(sizeof *record);
    char digest[RUBOR_DIGEST_SIZE];
    rubor_digest(digest, photo);
    assert_int_equal(rubor_record_from_bytes(record, whole.result.body, NULL), RUBOR_OK);
    assert_string_equal(record->photo.digest, digest);
    free(record);
    rubor_job_result_finish(&whole.result);
    rubor_zygote_stop(&zygote);
    rubor_sample_photo_finish(&sample);
}

static void a_child_without_memory_is_a_failed_job_and_not_a_dead_worker(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    rubor_zygote zygote;
    rubor_sample_options options;
    rubor_sample_photo sample = {0};
    rubor_sample_options_default(&options);
    options.width = 900;
    options.height = 700;
    assert_int_equal(rubor_sample_render(&sample, &options, -1, NULL), RUBOR_OK);
    assert_int_equal(rubor_zygote_start(&zygote, 60, (int64_t)16 << 20, NULL), RUBOR_OK);
    ran out = run_photo(&zygote, (rubor_bytes){sample.jpeg.data, sample.jpeg.size});
    rubor_status told = out.verdict.status ? (rubor_status)out.verdict.status : out.result.status;
    assert_true(told == RUBOR_NO_MEMORY || told == RUBOR_CRASHED);
    rubor_job_result_finish(&out.result);
    rubor_zygote_stop(&zygote);
    rubor_sample_photo_finish(&sample);
}

static void a_zygote_that_is_gone_is_noticed(void **state)
{
    (void)state;
    rubor_zygote zygote;
    rubor_zygote_verdict verdict;
    assert_int_equal(rubor_zygote_start(&zygote, 60, (int64_t)1 << 30, NULL), RUBOR_OK);
    kill(zygote.pid, SIGKILL);
    assert_int_equal(rubor_zygote_receive(&zygote, &verdict, NULL), RUBOR_CRASHED);
    rubor_zygote_stop(&zygote);
}

static rubor_status refuse_to_lock(void *context, rubor_error *error)
{
    (void)context;
    return rubor_error_set(error, RUBOR_INTERNAL, "no sandbox");
}

static rubor_status lock_nothing(void *context, rubor_error *error)
{
    (void)context;
    (void)error;
    return RUBOR_OK;
}

/* What becomes of a task whose chart table or else whose profile is none. */
static rubor_status compute_broken(bool table, rubor_status (*lock)(void *context, rubor_error *error))
{
    static const char text[] = "no, table\n1\n";
    rubor_buffer packed;
    rubor_request *request = malloc(sizeof *request);
    rubor_request_init(request, RUBOR_VERB_COMPARE);
    rubor_request_id_text(&request->request, "task");
    if (table)
        request->chart_table = (rubor_bytes){(const uint8_t *)text, sizeof text - 1};
    assert_int_equal(rubor_request_pack(&packed, request, NULL), RUBOR_OK);
    free(request);
    rubor_task_header header = {0};
    rubor_bytes parts[RUBOR_TASK_PARTS] = {{packed.data, packed.size}};
    if (!table)
        parts[RUBOR_TASK_PROFILE] = (rubor_bytes){(const uint8_t *)text, sizeof text - 1};
    int task_fd, result_fd = memfd_create("result", MFD_CLOEXEC);
    rubor_job_result result;
    assert_int_equal(rubor_task_write(&task_fd, &header, parts, NULL), RUBOR_OK);
    rubor_job_compute(task_fd, result_fd, lock, NULL);
    assert_int_equal(rubor_job_result_map(&result, result_fd, NULL), RUBOR_OK);
    rubor_status status = result.status;
    rubor_job_result_finish(&result);
    close(task_fd);
    close(result_fd);
    free(packed.data);
    return status;
}

static void a_clients_table_and_profile_are_not_read_before_the_sandbox(void **state)
{
    (void)state;
    for (int table = 0; table < 2; table++) {
        assert_int_equal(compute_broken(table, refuse_to_lock), RUBOR_INTERNAL);
        assert_int_not_equal(compute_broken(table, lock_nothing), RUBOR_INTERNAL);
        assert_int_not_equal(compute_broken(table, lock_nothing), RUBOR_OK);
    }
}

/* ---- what a child leaves is not trusted ---- */

static rubor_status map_result(const void *bytes, size_t size)
{
    rubor_job_result result;
    int fd = memfd_create("result", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    rubor_status status = rubor_job_result_map(&result, fd, NULL);
    rubor_job_result_finish(&result);
    close(fd);
    return status;
}

static void a_result_that_lies_about_its_sizes_is_refused(void **state)
{
    (void)state;
    struct {
        rubor_result_header header;
        uint8_t body[10];
    } whole = {{.magic = RUBOR_RESULT_MAGIC, .body_size = 4, .picture_count = 1}, {0}}, bad;
    whole.header.pictures[0].size = 6;
    size_t size = sizeof whole.header + 10;
    assert_int_equal(map_result(&whole, size), RUBOR_OK);
    assert_int_equal(map_result(&whole, size - 1), RUBOR_CRASHED);
    assert_int_equal(map_result(&whole, 3), RUBOR_CRASHED);
    bad = whole;
    bad.header.magic = 1;
    assert_int_equal(map_result(&bad, size), RUBOR_CRASHED);
    bad = whole;
    bad.header.body_size = UINT64_MAX - 2;
    assert_int_equal(map_result(&bad, size), RUBOR_CRASHED);
    bad = whole;
    bad.header.pictures[0].size = UINT64_MAX;
    assert_int_equal(map_result(&bad, size), RUBOR_CRASHED);
    bad = whole;
    bad.header.picture_count = 1000;
    assert_int_equal(map_result(&bad, size), RUBOR_CRASHED);
    bad.header.picture_count = -1;
    assert_int_equal(map_result(&bad, size), RUBOR_CRASHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computing_is_allowed_in_the_sandbox),
        cmocka_unit_test(network_programs_and_signals_end_the_process),
        cmocka_unit_test(no_file_can_be_opened_and_no_memory_beyond_the_limit_had),
        cmocka_unit_test(a_loop_is_ended_by_the_processor_time_limit),
        cmocka_unit_test(a_photo_is_measured_and_a_broken_one_is_told_by_the_same_zygote),
        cmocka_unit_test(a_child_without_memory_is_a_failed_job_and_not_a_dead_worker),
        cmocka_unit_test(a_zygote_that_is_gone_is_noticed),
        cmocka_unit_test(a_clients_table_and_profile_are_not_read_before_the_sandbox),
        cmocka_unit_test(a_result_that_lies_about_its_sizes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
