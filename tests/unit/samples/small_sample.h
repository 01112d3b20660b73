/* A small rendered photo, shared by the tests of the samples. Include after cmocka.h. */
#ifndef RUBOR_TESTS_SMALL_SAMPLE_H
#define RUBOR_TESTS_SMALL_SAMPLE_H

#include "imaging/photo.h"
#include "samples/sample.h"

enum { SMALL_WIDTH = 320, SMALL_HEIGHT = 240 };

static inline rubor_sample_options small(const char *course)
{
    rubor_sample_options options;
    rubor_sample_options_default(&options);
    options.width = SMALL_WIDTH;
    options.height = SMALL_HEIGHT;
    options.course = course;
    options.seed = 11;
    return options;
}

static inline void render(rubor_sample_photo *out, const rubor_sample_options *options, int day)
{
    rubor_error error = {0};
    if (rubor_sample_render(out, options, day, &error) != RUBOR_OK)
        fail_msg("%s", error.message);
}

static inline rubor_image_encoded decode(const rubor_sample_photo *photo)
{
    rubor_image_encoded image = {0};
    rubor_error error = {0};
    rubor_bytes bytes = {photo->jpeg.data, photo->jpeg.size};
    if (rubor_photo_decode(&image, bytes, NULL, &error) != RUBOR_OK)
        fail_msg("%s", error.message);
    return image;
}

#endif
