/* What one analysis costs beside decoding its files: CPU milliseconds of rubor_analyze and of
 * libjpeg-turbo alone at full size, in one process, the least of several turns; and the peak memory of the
 * analysis. Arguments: the visit, then the photo before treatment if there is one. `--turns 1` for callgrind:
 * valgrind --tool=callgrind --toggle-collect=rubor_analyze build/bench_analysis --turns 1 VISIT BEFORE */
#include "analyzer/analyze.h"
#include "imaging/limits.h"
#include "tests/bench/bench_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <jpeglib.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* What djpeg does, without writing the picture. */
static double decoder_alone(rubor_bytes bytes)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr handler;
    double start = now_ms();
    if (!bytes.size)
        return 0;
    jpeg.err = jpeg_std_error(&handler);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data, (unsigned long)bytes.size);
    jpeg_read_header(&jpeg, TRUE);
    jpeg_start_decompress(&jpeg);
    uint8_t *row = malloc((size_t)jpeg.output_width * (size_t)jpeg.output_components);
    while (row && jpeg.output_scanline < jpeg.output_height)
        jpeg_read_scanlines(&jpeg, &row, 1);
    free(row);
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return now_ms() - start;
}

static double analysis(rubor_record *record, rubor_bytes photo, rubor_bytes baseline, bool with_maps)
{
    rubor_maps maps = {0};
    rubor_error error = {0};
    double start = now_ms();
    if (rubor_analyze(record, with_maps ? &maps : NULL, photo, baseline, NULL, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    rubor_maps_finish(&maps);
    return now_ms() - start;
}

static double least(double one, double other)
{
    return one < other ? one : other;
}

static void bench(rubor_bytes photo, rubor_bytes baseline, int turns, bool with_maps)
{
    struct rusage usage;
    rubor_record *record = malloc(sizeof *record);
    if (!record)
        exit(1);
    double first = analysis(record, photo, baseline, with_maps), best = first, decoding = 1e9;
    getrusage(RUSAGE_SELF, &usage);
    for (int turn = 1; turn < turns; turn++)
        best = least(best, analysis(record, photo, baseline, with_maps));
    for (int turn = 0; turn < turns; turn++)
        decoding = least(decoding, decoder_alone(photo) + decoder_alone(baseline));
    printf("%lld x %lld, %.1f MB%s: %s, %s\n", (long long)record->photo.width,
           (long long)record->photo.height, (double)(photo.size + baseline.size) / 1e6,
           baseline.size ? " both" : "", record->calibration.status, record->quality.verdict);
    printf("  decoder alone at 1/1 %8.1f ms\n", decoding);
    printf("  first analysis       %8.1f ms   %.1f of the decoder\n", first, first / decoding);
    if (turns > 1)
        printf("  least of %2d          %8.1f ms   %.1f of the decoder\n", turns, best, best / decoding);
    printf("  peak memory          %8.1f MB   files included\n", (double)usage.ru_maxrss / 1024);
    free(record);
}

int main(int argc, const char **argv)
{
    int turns = 5, with_maps = 0, status = 2;
    rubor_bytes files[2] = {{0}, {0}};
    uint8_t *data[2] = {NULL, NULL};
    struct poptOption table[] = {
        {"turns", 0, POPT_ARG_INT, &turns, 0, "analyses, of which the quickest counts", "N"},
        {"maps", 0, POPT_ARG_NONE, &with_maps, 0, "with the pictures that a worker makes", NULL},
        POPT_AUTOHELP POPT_TABLEEND};
    poptContext context = poptGetContext("bench_analysis", argc, argv, table, 0);
    poptSetOtherOptionHelp(context, "[--turns N] [--maps] VISIT [BEFORE]");
    int code = poptGetNextOpt(context), count = 0;
    const char *name;
    for (; code == -1 && count < 2 && (name = poptGetArg(context)); count++) {
        rubor_error error = {0};
        if (rubor_file_read(&data[count], &files[count].size, name, RUBOR_LIMIT_PHOTO_BYTES, &error)) {
            fprintf(stderr, "%s\n", error.message);
            goto out;
        }
        files[count].data = data[count];
    }
    if (code != -1 || count == 0 || turns < 1) {
        poptPrintUsage(context, stderr, 0);
        goto out;
    }
    bench(files[0], files[1], turns, with_maps);
    status = 0;
out:
    free(data[0]);
    free(data[1]);
    poptFreeContext(context);
    return status;
}
