#include "imaging/photo.h"

#include "imaging/limits.h"
#include "imaging/photo_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

rubor_status rubor_photo_check_size(uint64_t width, uint64_t height, rubor_error *error)
{
    if (width > RUBOR_LIMIT_PHOTO_SIDE_PX || height > RUBOR_LIMIT_PHOTO_SIDE_PX)
        return rubor_error_set(
            error, RUBOR_TOO_LARGE, "claims %llu x %llu pixels; at most %d a side are read",
            (unsigned long long)width, (unsigned long long)height, RUBOR_LIMIT_PHOTO_SIDE_PX);
    if (width * height > RUBOR_LIMIT_PHOTO_PIXELS)
        return rubor_error_set(
            error, RUBOR_TOO_LARGE, "claims %llu x %llu pixels; at most %d million are read",
            (unsigned long long)width, (unsigned long long)height, RUBOR_LIMIT_PHOTO_PIXELS / 1000000);
    if (width < RUBOR_LIMIT_PHOTO_MIN_SIDE_PX || height < RUBOR_LIMIT_PHOTO_MIN_SIDE_PX)
        return rubor_error_set(
            error, RUBOR_UNSUPPORTED, "is only %llu x %llu pixels; a photo has at least %d a side",
            (unsigned long long)width, (unsigned long long)height, RUBOR_LIMIT_PHOTO_MIN_SIDE_PX);
    return RUBOR_OK;
}

static bool has(rubor_bytes bytes, size_t at, const char *magic, size_t size)
{
    return bytes.size >= at + size && memcmp(bytes.data + at, magic, size) == 0;
}

/* Brands of the ISO base media "ftyp" box. */
static const char *iso_media_name(rubor_bytes bytes)
{
    static const struct {
        char brand[5];
        const char *name;
    } brands[] = {{"heic", "HEIC"}, {"heix", "HEIC"}, {"heim", "HEIC"},           {"heis", "HEIC"},
                  {"hevc", "HEIC"}, {"hevx", "HEIC"}, {"mif1", "HEIC"},           {"msf1", "HEIC"},
                  {"avif", "AVIF"}, {"avis", "AVIF"}, {"crx ", "RAW (Canon CR3)"}};
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (has(bytes, 8, brands[i].brand, 4))
            return brands[i].name;
    return "video";
}

/* Names what a file is that cannot be read, so that the person at the camera knows what to change. */
static const char *foreign_format(rubor_bytes bytes)
{
    static const struct {
        size_t at, size;
        const char *magic, *name;
    } known[] = {
        {0, 4, "GIF8", "GIF"},
        {0, 4, "RIFF", NULL},
        {8, 2, "CR", NULL},
        {0, 2, "BM", "BMP"},
        {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"},
        {0, 2, "\xff\x0a", "JPEG XL"},
        {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"},
        {0, 4, "\xff\x4f\xff\x51", "JPEG 2000"},
        {0, 8, "FUJIFILM", "RAW (Fujifilm)"},
        {0, 4, "IIRO", "RAW (Olympus)"},
        {0, 4, "IIRS", "RAW (Olympus)"},
        {0, 4, "IIU\0", "RAW (Panasonic)"},
        {0, 4, "\0MRM", "RAW (Minolta)"},
        {0, 4, "FOVb", "RAW (Sigma)"},
        {0, 4, "%PDF", "PDF"},
        {0, 4, "8BPS", "Photoshop document"},
        {128, 4, "DICM", "DICOM"},
    };
    if (has(bytes, 4, "ftyp", 4))
        return iso_media_name(bytes);
    if (has(bytes, 0, "RIFF", 4))
        return has(bytes, 8, "WEBP", 4) ? "WebP" : NULL;
    if (has(bytes, 0, "II*\0", 4) || has(bytes, 0, "MM\0*", 4))
        return has(bytes, 8, "CR", 2) ? "RAW (Canon CR2)" : "TIFF or camera RAW (NEF, ARW, DNG, ...)";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].name && has(bytes, known[i].at, known[i].magic, known[i].size))
            return known[i].name;
    return NULL;
}

static rubor_status tell_format(rubor_photo_format *format, rubor_bytes bytes, rubor_error *error)
{
    if (bytes.size == 0)
        return rubor_error_set(error, RUBOR_CORRUPT, "the file is empty");
    if (bytes.size > RUBOR_LIMIT_PHOTO_BYTES)
        return rubor_error_set(error, RUBOR_TOO_LARGE, "%zu bytes; at most %d MiB are read", bytes.size,
                               RUBOR_LIMIT_PHOTO_BYTES / (1024 * 1024));
    if (has(bytes, 0, "\xff\xd8\xff", 3)) {
        *format = RUBOR_FORMAT_JPEG;
        return RUBOR_OK;
    }
    if (has(bytes, 0, "\x89PNG\r\n\x1a\n", 8)) {
        *format = RUBOR_FORMAT_PNG;
        return RUBOR_OK;
    }
    const char *name = foreign_format(bytes);
    if (name)
        return rubor_error_set(error, RUBOR_UNSUPPORTED, "%s; save as JPEG or PNG", name);
    return rubor_error_set(error, RUBOR_UNSUPPORTED, "not a JPEG or PNG photo; save it as one of them");
}

/* The probe in stored coordinates (orientation not applied). */
static rubor_status probe_stored(rubor_photo_info *out, rubor_bytes bytes, rubor_error *error)
{
    *out = (rubor_photo_info){.orientation = 1, .bits = 8};
    rubor_status status = tell_format(&out->format, bytes, error);
    if (status)
        return status;
    return out->format == RUBOR_FORMAT_JPEG ? rubor_jpeg_probe(out, bytes, error)
                                            : rubor_png_probe(out, bytes, error);
}

static void swap(int *one, int *other)
{
    int kept = *one;
    *one = *other;
    *other = kept;
}

rubor_status rubor_photo_probe(rubor_photo_info *out, rubor_bytes bytes, rubor_error *error)
{
    rubor_status status = probe_stored(out, bytes, error);
    if (!status && out->orientation >= 5)
        swap(&out->width, &out->height);
    return status;
}

/* Size of the result for a crop: never larger than the crop, at most max_pixels, same scale in both axes. */
static void working_size(int *out_width, int *out_height, int width, int height, int max_pixels)
{
    double pixels = (double)width * height;
    double scale = pixels > max_pixels ? sqrt(max_pixels / pixels) : 1;
    int w = (int)floor(width * scale + 0.5), h = (int)floor(height * scale + 0.5);
    w = w < 1 ? 1 : w > width ? width : w;
    h = h < 1 ? 1 : h > height ? height : h;
    while ((int64_t)w * h > max_pixels) { /* rounding up on both sides, or a strip one pixel high */
        if (w >= h)
            w--;
        else
            h--;
    }
    *out_width = w;
    *out_height = h;
}

/* Displayed crop to stored coordinates; width and height are the stored photo's. */
static rubor_photo_crop crop_to_stored(rubor_photo_crop crop, int orientation, int width, int height)
{
    if (orientation >= 5) { /* transposed: (x, y) of the display is (y, x) of the file, then mirrored below */
        swap(&crop.x, &crop.y);
        swap(&crop.width, &crop.height);
    }
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    if (flip_x)
        crop.x = width - crop.x - crop.width;
    if (flip_y)
        crop.y = height - crop.y - crop.height;
    return crop;
}

static rubor_status clip_crop(rubor_photo_crop *crop, int width, int height, rubor_error *error)
{
    if (crop->width == 0) {
        *crop = (rubor_photo_crop){0, 0, width, height};
        return RUBOR_OK;
    }
    int64_t left = crop->x, top = crop->y, right = left + crop->width, bottom = top + crop->height;
    left = left < 0 ? 0 : left;
    top = top < 0 ? 0 : top;
    right = right > width ? width : right;
    bottom = bottom > height ? height : bottom;
    if (crop->width < 0 || crop->height <= 0 || left >= right || top >= bottom)
        return rubor_error_set(error, RUBOR_INVALID,
                               "the crop %d,%d %dx%d lies outside the photo of %d x %d pixels", crop->x,
                               crop->y, crop->width, crop->height, width, height);
    *crop = (rubor_photo_crop){(int)left, (int)top, (int)(right - left), (int)(bottom - top)};
    return RUBOR_OK;
}

static rubor_status make_plan(rubor_decode_plan *plan, const rubor_photo_info *stored,
                              const rubor_decode_options *options, rubor_error *error)
{
    bool turned = stored->orientation >= 5;
    rubor_photo_crop crop = options ? options->crop : (rubor_photo_crop){0};
    rubor_status status = clip_crop(&crop, turned ? stored->height : stored->width,
                                    turned ? stored->width : stored->height, error);
    if (status)
        return status;
    int max_pixels = options && options->max_pixels ? options->max_pixels : RUBOR_WORKING_PIXELS;
    assert(max_pixels > 0);
    *plan = (rubor_decode_plan){.orientation = stored->orientation};
    working_size(&plan->out_width, &plan->out_height, crop.width, crop.height, max_pixels);
    plan->grid_width = turned ? plan->out_height : plan->out_width;
    plan->grid_height = turned ? plan->out_width : plan->out_height;
    plan->stored = crop_to_stored(crop, stored->orientation, stored->width, stored->height);
    return RUBOR_OK;
}

rubor_status rubor_photo_decode(rubor_image_encoded *out, rubor_bytes bytes,
                                const rubor_decode_options *options, rubor_error *error)
{
    *out = (rubor_image_encoded){0};
    rubor_photo_info stored;
    rubor_decode_plan plan;
    rubor_status status = probe_stored(&stored, bytes, error);
    if (!status)
        status = make_plan(&plan, &stored, options, error);
    if (!status)
        status = rubor_image_encoded_init(out, plan.out_width, plan.out_height, error);
    if (status)
        return status;
    status = stored.format == RUBOR_FORMAT_JPEG ? rubor_jpeg_decode(out, bytes, &plan, error)
                                                : rubor_png_decode(out, bytes, &plan, error);
    if (status)
        rubor_image_encoded_finish(out);
    return status;
}
