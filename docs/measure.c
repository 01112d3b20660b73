/* Measures a visit against the photo before treatment with librubor, no broker.
 *   cc measure.c $(pkg-config --cflags --libs rubor) -o measure && ./measure before.jpg day03.jpg */
#include <rubor.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    rubor_error error = {0};
    uint8_t *data[2] = {NULL, NULL};
    size_t size[2] = {0, 0};
    rubor_record *record = malloc(sizeof *record);
    rubor_status status = argc == 3 && record ? RUBOR_OK : rubor_error_set(&error, RUBOR_INVALID, "measure BEFORE VISIT");
    for (int i = 0; status == RUBOR_OK && i < 2; i++)
        status = rubor_file_read(&data[i], &size[i], argv[1 + i], 64 << 20, &error);
    rubor_analyze_options options = {.day = RUBOR_DAY_UNKNOWN};
    if (status == RUBOR_OK)
        status = rubor_analyze(record, NULL, (rubor_bytes){data[1], size[1]}, (rubor_bytes){data[0], size[0]}, &options,
                               &error);
    if (status == RUBOR_OK)
        printf("%s: redness %.1f (%.1f to %.1f), delta_ei %.2f, pigmentation %.1f\n", record->quality.verdict,
               record->redness.score, record->redness.interval95[0], record->redness.interval95[1],
               record->redness.delta, record->pigmentation.score);
    else
        fprintf(stderr, "measure: %s\n", error.message);
    free(data[0]);
    free(data[1]);
    free(record);
    return status == RUBOR_OK ? 0 : 1;
}
