/* Calibration on the reference photographs: bench_calibration DATA [found]
 *
 * DATA is the reference data directory (charts/charts.csv, charts/photos). For every photo with a chart,
 * corners from the table (or the chart search with "found"): CIEDE2000 uncorrected, fit mean and maximum,
 * leave-one-patch-out; the same with only 9 patches left; how far the two skin patches move when the photo's
 * exposure is halved in linear light and the chart fitted again. */
#include "calibration/calibration.h"
#include "imaging/csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct totals {
    double uncorrected, fit, left_out, moved, milliseconds;
    int photos;
} totals;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void halve(rubor_image_encoded *image)
{
    size_t n = (size_t)image->width * (size_t)image->height * 3;
    for (size_t i = 0; i < n; i++) {
        double linear = 0.5 * rubor_srgb_decode(image->rgb[i] / 65535.0);
        image->rgb[i] = (uint16_t)(257.0 * rint(255.0 * rubor_srgb_encode(linear)));
    }
}

static double skin_moved(const rubor_calibration *one, const rubor_calibration *other)
{
    double worst = 0.0;
    for (int k = 0; k < 2; k++)
        if (one->patches[k].use == RUBOR_PATCH_USED && other->patches[k].use == RUBOR_PATCH_USED)
            worst = fmax(worst, rubor_delta_e2000(rubor_linear_to_lab_d50(one->patches[k].corrected),
                                                  rubor_linear_to_lab_d50(other->patches[k].corrected)));
    return worst;
}

static void print_patches(const rubor_calibration *c)
{
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++)
        printf("    %2d use %d linear %.3f %.3f %.3f corrected %.3f %.3f %.3f dE %.1f\n", k,
               c->patches[k].use, c->patches[k].linear[0], c->patches[k].linear[1], c->patches[k].linear[2],
               c->patches[k].corrected[0], c->patches[k].corrected[1], c->patches[k].corrected[2],
               c->patches[k].delta_e2000);
}

static void photo(const char *data_dir, const char *file, const rubor_point *corners, totals *sums)
{
    char path[1024];
    uint8_t *data = NULL;
    size_t size;
    rubor_error error = {0};
    rubor_photo_info info;
    rubor_image_encoded working = {0};
    rubor_calibration calibration, half;
    rubor_directions directions;
    snprintf(path, sizeof path, "%s/charts/photos/%s", data_dir, file);
    if (rubor_file_read(&data, &size, path, (size_t)64 << 20, &error) != RUBOR_OK)
        goto out;
    rubor_bytes bytes = {data, size};
    if (rubor_photo_probe(&info, bytes, &error) != RUBOR_OK ||
        rubor_photo_decode(&working, bytes, NULL, &error) != RUBOR_OK)
        goto out;
    rubor_calibrate_options options = {.corners_px = corners};
    double start = now_ms();
    if (rubor_calibrate(&calibration, &info, &working, bytes, &options, &error) != RUBOR_OK)
        goto out;
    double took = now_ms() - start;
    rubor_calibration_directions(&directions, &calibration, NULL);
    halve(&working);
    double moved = NAN;
    if (rubor_calibrate(&half, &info, &working, (rubor_bytes){0}, &options, &error) == RUBOR_OK)
        moved = skin_moved(&calibration, &half);
    printf(
        "%-38s n %2d unc %5.2f fit %.2f max %5.2f loo %.2f | half %.2f | glare %.2f+-%.2f %% gain %.3f+-%.3f "
        "%.3f noise %.3f chi2 %.2f %s %s %.0f ms\n",
        file, calibration.patches_used, calibration.delta_e2000_uncorrected, calibration.delta_e2000_fit_mean,
        calibration.delta_e2000_fit_max, calibration.delta_e2000_loo_mean, moved, calibration.glare_percent,
        calibration.glare_percent_sd, directions.hemoglobin_gain, directions.hemoglobin_gain_sd,
        directions.melanin_gain, calibration.response_noise, calibration.response_residual,
        calibration.location.layout, rubor_chart_edition_name(calibration.edition), took);
    if (getenv("PATCHES"))
        print_patches(&calibration);
    const char *end = strrchr(file, '.');
    if (end && (strcmp(end, ".png") != 0)) {
        sums->photos++;
        sums->uncorrected += calibration.delta_e2000_uncorrected;
        sums->fit += calibration.delta_e2000_fit_mean;
        sums->left_out += calibration.delta_e2000_loo_mean;
        sums->moved += moved;
        sums->milliseconds += took;
    }
out:
    if (error.status != RUBOR_OK)
        printf("%-38s %s\n", file, error.message);
    free(data);
    rubor_image_encoded_finish(&working);
}

int main(int argc, char **argv)
{
    char path[1024];
    uint8_t *data = NULL;
    size_t size;
    rubor_error error = {0};
    rubor_csv *csv = NULL;
    bool more = true;
    totals sums = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: bench_calibration DATA [found]\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/charts/charts.csv", argv[1]);
    if (rubor_file_read(&data, &size, path, 1 << 20, &error) != RUBOR_OK ||
        rubor_csv_create(&csv, data, size, &error) != RUBOR_OK) {
        fprintf(stderr, "%s\n", error.message);
        free(data);
        return 1;
    }
    while (rubor_csv_next(csv, &more, &error) == RUBOR_OK && more) {
        if (strcmp(rubor_csv_field(csv, rubor_csv_column(csv, "chart_type")), "none") == 0)
            continue;
        rubor_point corners[4];
        for (int i = 0; i < 4; i++) {
            char x[3] = {'x', (char)('0' + i), 0}, y[3] = {'y', (char)('0' + i), 0};
            rubor_csv_number(&corners[i].x, csv, rubor_csv_column(csv, x), &error);
            rubor_csv_number(&corners[i].y, csv, rubor_csv_column(csv, y), &error);
        }
        photo(argv[1], rubor_csv_field(csv, rubor_csv_column(csv, "file")), argc > 2 ? NULL : corners, &sums);
    }
    printf(
        "%d camera JPEGs: uncorrected %.2f, fit %.2f, leave-one-out %.2f, skin moved by half exposure %.2f, "
        "%.1f ms of CPU a photo\n",
        sums.photos, sums.uncorrected / sums.photos, sums.fit / sums.photos, sums.left_out / sums.photos,
        sums.moved / sums.photos, sums.milliseconds / sums.photos);
    rubor_csv_destroy(&csv);
    free(data);
    return 0;
}
