/* Cost of decoding photos to the working size against the JPEG decoder alone, in one run: CPU milliseconds,
 * the least of several turns, each turn doing all kinds one after the other so that a busy machine hits all
 * alike. Run by tests/bench/decode.sh. Arguments: JPEG files; none: a 24-megapixel picture is made up. */
#include "imaging/limits.h"
#include "imaging/photo.h"
#include "tests/unit/imaging/photo_maker.h"

#include <sys/resource.h>
#include <time.h>

enum { TURNS = 9 };

/* Shading, pores and noise: about 8 MB at quality 92, as cameras write. */
static void skin_like(uint16_t rgba[4], int x, int y, int width, int height)
{
    uint32_t fine = ((uint32_t)y * 40503U + (uint32_t)x) * 2654435761U;
    uint32_t coarse = ((uint32_t)(y / 9) * 30011U + (uint32_t)(x / 7)) * 2246822519U;
    int noise = (int)(fine >> 20) + (int)(coarse >> 20) - 4096;
    int light = 20000 + 20000 * x / width + 8000 * y / height;
    rgba[0] = (uint16_t)(light + 14000 + noise);
    rgba[1] = (uint16_t)(light + noise);
    rgba[2] = (uint16_t)(light - 6000 + noise * 3 / 4);
    rgba[3] = 65535;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int scale_for(const rubor_photo_info *info)
{
    int unit = 8;
    while (unit > 1 && (double)info->width / unit * ((double)info->height / unit) < RUBOR_WORKING_PIXELS)
        unit /= 2;
    return unit;
}

/* What djpeg does, without writing the picture. */
static double decoder_alone(rubor_bytes bytes, int unit)
{
    double start = now_ms();
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr handler;
    jpeg.err = jpeg_std_error(&handler);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data, (unsigned long)bytes.size);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.scale_num = 1;
    jpeg.scale_denom = (unsigned)unit;
    jpeg_start_decompress(&jpeg);
    uint8_t *row = malloc((size_t)jpeg.output_width * 3);
    while (jpeg.output_scanline < jpeg.output_height)
        jpeg_read_scanlines(&jpeg, &row, 1);
    free(row);
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return now_ms() - start;
}

static double rubor_alone(rubor_bytes bytes, const rubor_decode_options *options)
{
    rubor_image_encoded image;
    rubor_error error = {0};
    double start = now_ms();
    if (rubor_photo_decode(&image, bytes, options, &error)) {
        printf("  %s\n", error.message);
        exit(1);
    }
    double took = now_ms() - start;
    rubor_image_encoded_finish(&image);
    return took;
}

static double least(double one, double other)
{
    return one < other ? one : other;
}

static void bench(const char *name, rubor_bytes bytes)
{
    rubor_photo_info info;
    rubor_error error = {0};
    if (rubor_photo_probe(&info, bytes, &error) || info.format != RUBOR_FORMAT_JPEG) {
        printf("%s: skipped: %s\n", name, error.message);
        return;
    }
    int unit = scale_for(&info);
    double plain = 1e9, full = 1e9, ours = 1e9, crop = 1e9;
    rubor_decode_options closer = {.crop = {info.width / 2 - 256, info.height / 2 - 256, 512, 512}};
    for (int turn = 0; turn < TURNS; turn++) {
        plain = least(plain, decoder_alone(bytes, unit));
        ours = least(ours, rubor_alone(bytes, NULL));
        crop = least(crop, rubor_alone(bytes, &closer));
        if (turn < 3)
            full = least(full, decoder_alone(bytes, 1));
    }
    printf("%s: %d x %d, %.1f MB\n", name, info.width, info.height, (double)bytes.size / 1e6);
    printf("  decoder alone at 1/%d   %7.1f ms\n", unit, plain);
    printf("  decoder alone at 1/1   %7.1f ms\n", full);
    printf("  to the working size    %7.1f ms   %.2f of the decoder at 1/%d, %.2f at 1/1\n", ours,
           ours / plain, unit, ours / full);
    printf("  crop 512 x 512 at 1/1  %7.1f ms   %.2f of the decoder at 1/1\n", crop, crop / full);
}

int main(int count, char **names)
{
    if (count < 2) {
        made file = make_jpeg(6000, 4000, skin_like, &(made_options){.quality = 92, .subsampled = true});
        bench("made-up picture", (rubor_bytes){file.data, file.size});
        made_free(&file);
    }
    for (int i = 1; i < count; i++) {
        uint8_t *data;
        size_t size;
        rubor_error error = {0};
        if (rubor_file_read(&data, &size, names[i], RUBOR_LIMIT_PHOTO_BYTES, &error)) {
            printf("%s\n", error.message);
            return 1;
        }
        bench(names[i], (rubor_bytes){data, size});
        free(data);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory, encoded file and decoders alone included: %.1f MB\n",
           (double)usage.ru_maxrss / 1024);
    return 0;
}
