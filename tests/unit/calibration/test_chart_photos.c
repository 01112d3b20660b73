/* labels: real */
/* The chart search on the shared photographs: true corners in charts.csv. */
#include "calibration/chart_find.h"
#include "imaging/csv.h"
#include "imaging/limits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[3072];

static rubor_status find_in_file(rubor_chart_location *out, const char *name, rubor_error *error)
{
    char path[4096];
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_photo_info info;
    rubor_image_encoded image = {0};
    snprintf(path, sizeof path, "%s/charts/photos/%s", root, name);
    rubor_status status = rubor_file_read(&data, &size, path, RUBOR_LIMIT_PHOTO_BYTES, error);
    rubor_bytes bytes = {data, size};
    if (status == RUBOR_OK)
        status = rubor_photo_probe(&info, bytes, error);
    if (status == RUBOR_OK)
        status = rubor_photo_decode(&image, bytes, NULL, error);
    if (status == RUBOR_OK)
        status = rubor_chart_find(out, &info, &image, bytes, error);
    rubor_image_encoded_finish(&image);
    free(data);
    return status;
}

/* Every chart in the photographs is found with its corners within 0.12 patch; none is found in the others. */
static void charts_in_the_photographs_are_found_and_no_others(void **state)
{
    (void)state;
    static const char *const columns[] = {"x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3"};
    char path[4096];
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_csv *csv = NULL;
    bool more = true;
    int wrong = 0, rows = 0;
    snprintf(path, sizeof path, "%s/charts/charts.csv", root);
    assert_int_equal(rubor_file_read(&data, &size, path, 1 << 20, NULL), RUBOR_OK);
    assert_int_equal(rubor_csv_create(&csv, data, size, NULL), RUBOR_OK);
    while (rubor_csv_next(csv, &more, NULL) == RUBOR_OK && more) {
        const char *name = rubor_csv_field(csv, rubor_csv_column(csv, "file"));
        bool has_chart = strcmp(rubor_csv_field(csv, rubor_csv_column(csv, "chart_type")), "none") != 0;
        rubor_chart_location location = {0};
        rubor_error error = {0};
        rubor_status status = find_in_file(&location, name, &error);
        double worst = 0;
        for (int k = 0; has_chart && k < 8; k++) {
            double value = 0;
            rubor_csv_number(&value, csv, rubor_csv_column(csv, columns[k]), NULL);
            const rubor_point *p = &location.corners_px[k / 2];
            worst = fmax(worst, fabs((k % 2 ? p->y : p->x) - value) / fmax(location.patch_px, 1));
        }
        bool right = has_chart ? status == RUBOR_OK && worst < 0.12
                               : status == RUBOR_NOT_FOUND || status == RUBOR_REFUSED;
        if (!right)
            print_message("%s: %s %s, corner off by %.3f patch\n", name, rubor_status_name(status),
                          error.message, worst);
        wrong += !right;
        rows++;
    }
    rubor_csv_destroy(&csv);
    free(data);
    assert_true(rows >= 17);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const char *data = getenv("RUBOR_DATA");
    char path[4096];
    snprintf(root, sizeof root, "%s", data ? data : "");
    snprintf(path, sizeof path, "%s/charts/charts.csv", root);
    FILE *file = data ? fopen(path, "rb") : NULL;
    if (!file) {
        printf("skipped: no reference data\n");
        return 77;
    }
    fclose(file);
    const struct CMUnitTest tests[] = {cmocka_unit_test(charts_in_the_photographs_are_found_and_no_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
