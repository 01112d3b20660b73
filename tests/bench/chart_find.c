/* Runs the chart search on files named on standard input, one a line, and prints one line of tab-separated
 * values for each: status, milliseconds of processor time of the search alone, confidence, layout, mirrored,
 * patch side, the four corners, the 24 centers, the number of covered patches, the message.
 * tests/bench/chart_find.py drives it. */
#include "calibration/chart_find.h"
#include "imaging/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void print_location(const rubor_chart_location *l)
{
    int covered = 0;
    printf("%.3f\t%s\t%d\t%.2f", l->confidence, l->layout, l->mirrored, l->patch_px);
    for (int k = 0; k < 4; k++)
        printf("\t%.3f\t%.3f", l->corners_px[k].x, l->corners_px[k].y);
    for (int k = 0; k < RUBOR_CHART_PATCHES; k++) {
        printf("\t%.3f\t%.3f", l->centers_px[k].x, l->centers_px[k].y);
        covered += l->covered[k];
    }
    printf("\t%d", covered);
}

static void run(const char *path)
{
    rubor_error error = {0};
    rubor_chart_location location;
    rubor_photo_info info;
    rubor_image_encoded image = {0};
    uint8_t *data = NULL;
    size_t size = 0;
    double ms = 0;
    memset(&location, 0, sizeof location);
    rubor_status status = rubor_file_read(&data, &size, path, RUBOR_LIMIT_PHOTO_BYTES, &error);
    rubor_bytes bytes = {data, size};
    if (status == RUBOR_OK)
        status = rubor_photo_probe(&info, bytes, &error);
    if (status == RUBOR_OK)
        status = rubor_photo_decode(&image, bytes, NULL, &error);
    if (status == RUBOR_OK) {
        double start = processor_ms();
        status = rubor_chart_find(&location, &info, &image, bytes, &error);
        ms = processor_ms() - start;
    }
    printf("%s\t%.3f\t", rubor_status_name(status), ms);
    print_location(&location);
    printf("\t%s\n", error.message);
    fflush(stdout);
    rubor_image_encoded_finish(&image);
    free(data);
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        run(line);
    }
    return 0;
}
