/* labels: calibration real */
/* The wanted figures on the reference photographs; bench_calibration prints them one by one. */
#include "calibration/calibration.h"
#include "imaging/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct figures {
    int photos;
    double fit, left_out, worst_left_out;
} figures;

static void add_photo(figures *sums, const char *data_dir, const char *file, const rubor_point corners[4])
{
    char path[1024];
    uint8_t *data = NULL;
    size_t size;
    rubor_error error = {0};
    rubor_photo_info info;
    rubor_image_encoded working = {0};
    rubor_calibration calibration;
    rubor_calibrate_options options = {.corners_px = corners};
    snprintf(path, sizeof path, "%s/charts/photos/%s", data_dir, file);
    assert_int_equal(rubor_file_read(&data, &size, path, (size_t)64 << 20, &error), RUBOR_OK);
    rubor_bytes bytes = {data, size};
    assert_int_equal(rubor_photo_probe(&info, bytes, &error), RUBOR_OK);
    assert_int_equal(rubor_photo_decode(&working, bytes, NULL, &error), RUBOR_OK);
    if (rubor_calibrate(&calibration, &info, &working, bytes, &options, &error) != RUBOR_OK)
        fail_msg("%s: %s", file, error.message);
    sums->photos++;
    sums->fit += calibration.delta_e2000_fit_mean;
    sums->left_out += calibration.delta_e2000_loo_mean;
    if (calibration.delta_e2000_loo_mean > sums->worst_left_out)
        sums->worst_left_out = calibration.delta_e2000_loo_mean;
    rubor_image_encoded_finish(&working);
    free(data);
}

static void camera_jpegs_fit_below_3_2_and_left_out_below_3_8(void **state)
{
    const char *data_dir = *state;
    char path[1024];
    uint8_t *data = NULL;
    size_t size;
    rubor_error error = {0};
    rubor_csv *csv = NULL;
    bool more = true;
    figures sums = {0};
    snprintf(path, sizeof path, "%s/charts/charts.csv", data_dir);
    assert_int_equal(rubor_file_read(&data, &size, path, 1 << 20, &error), RUBOR_OK);
    assert_int_equal(rubor_csv_create(&csv, data, size, &error), RUBOR_OK);
    while (rubor_csv_next(csv, &more, &error) == RUBOR_OK && more) {
        const char *file = rubor_csv_field(csv, rubor_csv_column(csv, "file"));
        rubor_point corners[4];
        if (strcmp(rubor_csv_field(csv, rubor_csv_column(csv, "chart_type")), "none") == 0 ||
            strstr(file, ".png"))
            continue;
        for (int i = 0; i < 4; i++) {
            char x[3] = {'x', (char)('0' + i), 0}, y[3] = {'y', (char)('0' + i), 0};
            assert_int_equal(rubor_csv_number(&corners[i].x, csv, rubor_csv_column(csv, x), &error),
                             RUBOR_OK);
            assert_int_equal(rubor_csv_number(&corners[i].y, csv, rubor_csv_column(csv, y), &error),
                             RUBOR_OK);
        }
        add_photo(&sums, data_dir, file, corners);
    }
    rubor_csv_destroy(&csv);
    free(data);
    assert_true(sums.photos >= 8);
    print_message("%d camera JPEGs: fit %.2f, left out %.2f, worst left out %.2f\n", sums.photos,
                  sums.fit / sums.photos, sums.left_out / sums.photos, sums.worst_left_out);
    assert_true(sums.fit / sums.photos < 3.2);
    assert_true(sums.left_out / sums.photos < 3.8);
    assert_true(sums.worst_left_out < 8.0);
}

int main(void)
{
    static char data_dir[512];
    const char *data = getenv("RUBOR_DATA");
    FILE *probe = NULL;
    if (data) {
        char path[1024];
        snprintf(data_dir, sizeof data_dir, "%s", data);
        snprintf(path, sizeof path, "%s/charts/charts.csv", data_dir);
        probe = fopen(path, "rb");
    }
    if (!probe) {
        printf("skipped: no reference data\n");
        return 77;
    }
    fclose(probe);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(camera_jpegs_fit_below_3_2_and_left_out_below_3_8, data_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
