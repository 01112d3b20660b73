/* bench_gate [photos]: how often the quality gate speaks at each size of each fault, over rendered photos of
 * all tones. The table of docs/MEASUREMENT.md "Quality gate" comes from `bench_gate 12`. */
#include "analyzer/analyze.h"
#include "imaging/color.h"
#include "imaging/kernels.h"
#include "samples/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum fault {
    FAULT_NONE,
    FAULT_BLUR,
    FAULT_MOTION,
    FAULT_EXPOSURE,
    FAULT_RED,
    FAULT_GLARE,
    FAULT_COUNT
} fault;

static const char *const fault_names[FAULT_COUNT] = {"none",           "blur px",        "motion px",
                                                     "exposure stops", "red gain stops", "glare %"};
static const char *const fault_codes[FAULT_COUNT] = {
    "", "blurred", "motion", "overexposed", "channel_clipped", "glare"};
static const double sizes[FAULT_COUNT][6] = {{0},
                                             {0.5, 1, 1.5, 2, 3, 4},
                                             {2, 4, 6, 8, 12, 16},
                                             {-3, -2, -1, 0.5, 1, 2},
                                             {0.25, 0.5, 0.75, 1, 1.5, 2},
                                             {1, 2, 4, 8, 12, 16}};

static void smear_row(float *row, int width, int length)
{
    float copy[8192];
    memcpy(copy, row, (size_t)width * sizeof *row);
    for (int x = 0; x < width; x++) {
        float sum = 0;
        for (int k = 0; k < length; k++) {
            int at = x + k - length / 2;
            sum += copy[at < 0 ? 0 : at >= width ? width - 1 : at];
        }
        row[x] = sum / (float)length;
    }
}

static void disturb(rubor_image_encoded *image, fault kind, double size)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    rubor_plane plane;
    for (int c = 0; c < 3; c++) {
        if (rubor_plane_init(&plane, image->width, image->height, NULL) != RUBOR_OK)
            return;
        for (size_t i = 0; i < count; i++)
            plane.data[i] = (float)rubor_srgb_decode(image->rgb[3 * i + (size_t)c] / 65535.0);
        if (kind == FAULT_BLUR)
            rubor_plane_blur(&plane, size, NULL);
        for (int y = 0; kind == FAULT_MOTION && y < image->height; y++)
            smear_row(plane.data + (size_t)y * (size_t)image->width, image->width, (int)size);
        double gain = kind == FAULT_EXPOSURE || (kind == FAULT_RED && c == 0) ? pow(2, size) : 1;
        double veil = kind == FAULT_GLARE ? size / 100 : 0;
        for (size_t i = 0; i < count; i++)
            image->rgb[3 * i + (size_t)c] =
                (uint16_t)(65535 * rubor_srgb_encode(fmin(1, gain * (double)plane.data[i] + veil)) + 0.5);
        rubor_plane_finish(&plane);
    }
}

typedef struct answer {
    int warn, retake, named; /* named: the fault's own code is among the reasons */
} answer;

static void ask(answer *out, const rubor_image_encoded *clean, fault kind, double size)
{
    rubor_image_encoded image = {0};
    rubor_buffer jpeg = {0};
    rubor_record record;
    if (rubor_image_encoded_init(&image, clean->width, clean->height, NULL) != RUBOR_OK)
        return;
    memcpy(image.rgb, clean->rgb, (size_t)clean->width * (size_t)clean->height * 3 * sizeof *clean->rgb);
    if (kind != FAULT_NONE)
        disturb(&image, kind, size);
    if (rubor_jpeg_encode(&jpeg, &image, 92, true, NULL) == RUBOR_OK &&
        rubor_analyze(&record, NULL, (rubor_bytes){jpeg.data, jpeg.size}, (rubor_bytes){0}, NULL, NULL) ==
            RUBOR_OK) {
        out->warn += strcmp(record.quality.verdict, "warn") == 0;
        out->retake += strcmp(record.quality.verdict, "retake") == 0;
        const char *code = kind == FAULT_EXPOSURE && size < 0 ? "underexposed" : fault_codes[kind];
        for (int i = 0; i < record.quality.reason_count; i++)
            out->named += strcmp(record.quality.reasons[i].code, code) == 0;
    }
    rubor_buffer_finish(&jpeg);
    rubor_image_encoded_finish(&image);
}

int main(int argc, char **argv)
{
    static const char *const tones[] = {"very_light", "light", "intermediate", "tan", "brown", "dark"};
    static answer answers[FAULT_COUNT][6];
    int photos = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 12;
    for (int i = 0; i < photos; i++) {
        rubor_sample_options options;
        rubor_sample_photo photo = {0};
        rubor_image_encoded image = {0};
        rubor_sample_options_default(&options);
        options.seed = 700001 + (uint64_t)i;
        options.tone = tones[i % 6];
        options.width = 1200;
        options.height = 900;
        if (rubor_sample_render(&photo, &options, -1, NULL) == RUBOR_OK &&
            rubor_photo_decode(&image, (rubor_bytes){photo.jpeg.data, photo.jpeg.size}, NULL, NULL) ==
                RUBOR_OK)
            for (int kind = 0; kind < FAULT_COUNT; kind++)
                for (int k = 0; k < (kind == FAULT_NONE ? 1 : 6); k++)
                    ask(&answers[kind][k], &image, (fault)kind, sizes[kind][k]);
        rubor_image_encoded_finish(&image);
        rubor_sample_photo_finish(&photo);
    }
    printf("%-15s %6s  %6s %6s %6s   (%% of %d photos)\n", "fault", "size", "named", "warn", "retake",
           photos);
    for (int kind = 0; kind < FAULT_COUNT; kind++)
        for (int k = 0; k < (kind == FAULT_NONE ? 1 : 6); k++)
            printf("%-15s %6.2f  %6.0f %6.0f %6.0f\n", fault_names[kind], sizes[kind][k],
                   100.0 * answers[kind][k].named / photos, 100.0 * answers[kind][k].warn / photos,
                   100.0 * answers[kind][k].retake / photos);
    return 0;
}
