/* libFuzzer target for everything that reads photo bytes.
 *   cmake -B build-fuzz -G Ninja -DCMAKE_C_COMPILER=clang -DRUBOR_FUZZ=ON "-DRUBOR_SANITIZE=address;undefined"
 *   cmake --build build-fuzz --target fuzz_photo && build-fuzz/fuzz_photo -max_len=65536 CORPUS
 * The first byte chooses size and crop; the rest is the file. */
#include "imaging/photo.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    rubor_bytes bytes = {data + 1, size - 1};
    rubor_photo_info info;
    rubor_error error = {0};
    if (rubor_photo_probe(&info, bytes, &error) == RUBOR_OK && (int64_t)info.width * info.height < 4000000) {
        rubor_decode_options options = {.max_pixels = 1 << (data[0] % 20)};
        if (data[0] & 0x40)
            options.crop = (rubor_photo_crop){info.width / 3, info.height / 4, info.width / 2, info.height / 2};
        rubor_image_encoded image;
        rubor_status status = rubor_photo_decode(&image, bytes, &options, &error);
        if ((status == RUBOR_OK) != (image.rgb != NULL) || (status && !error.message[0]))
            abort();
        rubor_image_encoded_finish(&image);
    }
    return 0;
}
