/* usage: bench_skin [seeds]            IoU per tone class on rendered scenes
 *        bench_skin PHOTO MASK.png     the mask of one photo without calibration, for looking at */
#include "analyzer/skin.h"
#include "imaging/photo.h"
#include "samples/sample.h"
#include "tests/mask_overlap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAYS = 4 };
static const char *const way_names[WAYS] = {"chart", "no calibration", "warm cast", "cold cast"};
static const double casts[WAYS][3] = {{1, 1, 1}, {1, 1, 1}, {1.10, 1, 0.85}, {0.92, 1, 1.12}};
static const char *const tones[6] = {"very_light", "light", "intermediate", "tan", "brown", "dark"};
static const char *const cameras[] = {"ampas_nikon_d200", "ampas_canon_eos_5d_mark_ii",
                                      "ampas_sony_ilce-7rm2"};
static const char *const lamps[] = {"D65", "LED-B3", "D50", "A"};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void say(const char *what, rubor_status status, const rubor_error *error)
{
    if (status)
        fprintf(stderr, "%s: %s: %s\n", what, rubor_status_name(status), error->message);
}

static rubor_status find(rubor_skin *skin, const rubor_image_encoded *working,
                         const rubor_calibration *calibration, const double cast[3],
                         const rubor_photo_info *info, double *spent, rubor_error *error)
{
    rubor_image_calibrated image = {0};
    rubor_status status = rubor_calibration_apply(&image, working, calibration, error);
    if (status)
        return status;
    size_t n = (size_t)image.width * (size_t)image.height;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            image.plane[c][i] *= (float)cast[c];
    double start = seconds();
    status = rubor_skin_find(skin, &image, calibration, info->width, info->height, error);
    *spent += seconds() - start;
    rubor_image_calibrated_finish(&image);
    return status;
}

static int one_photo(const char *path, const char *mask_path)
{
    rubor_error error = {0};
    uint8_t *data = NULL;
    size_t size = 0;
    rubor_photo_info info;
    rubor_image_encoded working = {0};
    rubor_calibration calibration;
    rubor_skin skin = {0};
    rubor_buffer png = {0};
    double spent = 0;
    rubor_status status = rubor_file_read(&data, &size, path, 64u << 20, &error);
    rubor_bytes bytes = {data, size};
    if (!status)
        status = rubor_photo_probe(&info, bytes, &error);
    if (!status)
        status = rubor_photo_decode(&working, bytes, NULL, &error);
    if (!status) {
        rubor_calibration_none(&calibration);
        status = find(&skin, &working, &calibration, casts[0], &info, &spent, &error);
    }
    if (!status)
        status = rubor_png_encode_mask(&png, &skin.skin, &error);
    if (!status)
        status = rubor_file_write(mask_path, png.data, png.size, &error);
    say(path, status, &error);
    if (!status)
        printf("%s: %.1f %% skin, ITA %.0f, %.1f ms of CPU\n", path, skin.area_percent, skin.ita,
               1000 * spent);
    rubor_buffer_finish(&png);
    rubor_skin_finish(&skin);
    rubor_image_encoded_finish(&working);
    free(data);
    return status != RUBOR_OK;
}

static void dump(const rubor_skin *skin, const rubor_image_encoded *working, const rubor_mask *truth,
                 const char *name)
{
    const char *dir = getenv("RUBOR_DUMP");
    if (!dir)
        return;
    char path[512];
    rubor_buffer b = {0};
    snprintf(path, sizeof path, "%s/%s_mask.png", dir, name);
    if (!rubor_png_encode_mask(&b, &skin->skin, NULL))
        rubor_file_write(path, b.data, b.size, NULL);
    rubor_buffer_finish(&b);
    snprintf(path, sizeof path, "%s/%s.jpeg", dir, name);
    if (!rubor_jpeg_encode(&b, working, 90, false, NULL))
        rubor_file_write(path, b.data, b.size, NULL);
    rubor_buffer_finish(&b);
    snprintf(path, sizeof path, "%s/%s_truth.png", dir, name);
    if (!rubor_png_encode_mask(&b, truth, NULL))
        rubor_file_write(path, b.data, b.size, NULL);
    rubor_buffer_finish(&b);
}

static void one_scene(double sums[WAYS], double least[WAYS], const char *tone, int seed, double *spent)
{
    rubor_sample_options options;
    rubor_sample_options_default(&options);
    options.seed = (uint64_t)seed + 9000;
    options.tone = tone;
    options.camera = cameras[seed % 3];
    options.lamp = lamps[seed % 4];
    options.width = 1280;
    options.height = 960;
    rubor_error error = {0};
    rubor_sample_photo photo = {0};
    rubor_image_encoded working = {0};
    rubor_calibration calibrated, none;
    rubor_photo_info info;
    rubor_calibration_none(&none);
    rubor_status status = rubor_sample_render(&photo, &options, seed % 3 - 1, &error);
    rubor_bytes bytes = {photo.jpeg.data, photo.jpeg.size};
    if (!status)
        status = rubor_photo_probe(&info, bytes, &error);
    if (!status)
        status = rubor_photo_decode(&working, bytes, NULL, &error);
    say(tone, status, &error);
    rubor_status charted =
        status ? status : rubor_calibrate(&calibrated, &info, &working, bytes, NULL, &error);
    say("calibration", charted, &error);
    for (int w = 0; w < WAYS && !status; w++) {
        rubor_skin skin = {0};
        status =
            find(&skin, &working, w == 0 && !charted ? &calibrated : &none, casts[w], &info, spent, &error);
        say(tone, status, &error);
        double iou = status ? 0 : mask_iou(mask_compare(&photo.skin, &skin.skin));
        sums[w] += iou;
        least[w] = iou < least[w] ? iou : least[w];
        char name[64];
        snprintf(name, sizeof name, "%s_%d_%d", tone, seed, w);
        if (getenv("RUBOR_VERBOSE"))
            printf("  %-18s %-10s %-8s IoU %.3f\n", name, options.camera, options.lamp, iou);
        if (w < 2 && !status)
            dump(&skin, &working, &photo.skin, name);
        rubor_skin_finish(&skin);
    }
    rubor_image_encoded_finish(&working);
    rubor_sample_photo_finish(&photo);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return one_photo(argv[1], argv[2]);
    int seeds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 4;
    double spent = 0;
    printf("casts on linear light, R G B:");
    for (int w = 2; w < WAYS; w++)
        printf(" %s %.2f %.2f %.2f%s", way_names[w], casts[w][0], casts[w][1], casts[w][2],
               w < WAYS - 1 ? "," : "\n");
    printf("%-14s", "mean/least IoU");
    for (int w = 0; w < WAYS; w++)
        printf(" %16s", way_names[w]);
    printf("\n");
    for (int t = 0; t < 6; t++) {
        double sums[WAYS] = {0}, least[WAYS] = {1, 1, 1, 1};
        for (int seed = 0; seed < seeds; seed++)
            one_scene(sums, least, tones[t], seed, &spent);
        printf("%-14s", tones[t]);
        for (int w = 0; w < WAYS; w++)
            printf("    %6.3f/%6.3f", sums[w] / seeds, least[w]);
        printf("\n");
    }
    printf("%.1f ms of CPU a mask (1.2 MP)\n", 1000 * spent / (6.0 * WAYS * seeds));
    return 0;
}
