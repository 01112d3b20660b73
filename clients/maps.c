#include "clients/maps.h"

#include "clients/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAPS = RUBOR_MAP_FILES, PATH_SIZE = 4096 };

static const char *const map_names[MAPS] = {
    "working.png",
    "ei.png",
    "mi.png",
    "skin_mask.png",
    "erythema_mask.png",
    "pigment_mask.png",
    "findings_mask.png",
    "overlay.png",
    "delta_ei.png",
    "delta_mi.png",
};

/* A map that could not be measured is a picture without a value in it. */
static rubor_status encode_plane(rubor_buffer *out, const rubor_plane *plane,
                                 const rubor_image_encoded *frame, rubor_error *error)
{
    if (plane->data)
        return rubor_png_encode_plane16(out, plane, RUBOR_MAP_ZERO, RUBOR_MAP_SCALE, error);
    rubor_plane empty;
    rubor_status status = rubor_plane_init(&empty, frame->width, frame->height, error);
    if (status != RUBOR_OK)
        return status;
    for (size_t i = 0; i < (size_t)empty.width * (size_t)empty.height; i++)
        empty.data[i] = NAN;
    status = rubor_png_encode_plane16(out, &empty, RUBOR_MAP_ZERO, RUBOR_MAP_SCALE, error);
    rubor_plane_finish(&empty);
    return status;
}

static rubor_status encode_mask(rubor_buffer *out, const rubor_mask *mask, const rubor_image_encoded *frame,
                                rubor_error *error)
{
    if (mask->data)
        return rubor_png_encode_mask(out, mask, error);
    rubor_mask empty;
    rubor_status status = rubor_mask_init(&empty, frame->width, frame->height, error);
    if (status != RUBOR_OK)
        return status;
    status = rubor_png_encode_mask(out, &empty, error);
    rubor_mask_finish(&empty);
    return status;
}

rubor_status rubor_maps_encode(rubor_buffer out[MAPS], const rubor_maps *maps, rubor_error *error)
{
    if (!maps->working.rgb)
        return rubor_error_set(error, RUBOR_INTERNAL, "the analysis left no pictures");
    const rubor_image_encoded *frame = &maps->working;
    const rubor_image_encoded *overlay = maps->overlay.rgb ? &maps->overlay : frame;
    const rubor_mask *masks[] = {&maps->skin, &maps->erythema, &maps->pigment, &maps->findings};
    rubor_status status = rubor_png_encode_rgb8(&out[0], frame, error);
    if (status == RUBOR_OK)
        status = encode_plane(&out[1], &maps->ei, frame, error);
    if (status == RUBOR_OK)
        status = encode_plane(&out[2], &maps->mi, frame, error);
    for (size_t i = 0; status == RUBOR_OK && i < 4; i++)
        status = encode_mask(&out[3 + i], masks[i], frame, error);
    if (status == RUBOR_OK)
        status = rubor_png_encode_rgb8(&out[7], overlay, error);
    if (status == RUBOR_OK && maps->delta_ei.data)
        status = encode_plane(&out[8], &maps->delta_ei, frame, error);
    if (status == RUBOR_OK && maps->delta_mi.data)
        status = encode_plane(&out[9], &maps->delta_mi, frame, error);
    return status;
}

static rubor_status join(char out[PATH_SIZE], const char *folder, const char *name, rubor_error *error)
{
    int length = snprintf(out, PATH_SIZE, "%s/%s", folder, name);
    if (length < 0 || length >= PATH_SIZE)
        return rubor_error_set(error, RUBOR_INVALID, "the path of the folder is too long");
    return RUBOR_OK;
}

static rubor_status move_into_place(const char *folder, const char *beside, const rubor_buffer *encoded,
                                    rubor_error *error)
{
    for (size_t i = 0; i < MAPS; i++) {
        char from[PATH_SIZE], to[PATH_SIZE];
        if (join(from, beside, map_names[i], error) != RUBOR_OK ||
            join(to, folder, map_names[i], error) != RUBOR_OK)
            return error ? error->status : RUBOR_INVALID;
        if (!encoded[i].data)
            unlink(to); /* an earlier run's map that this photo does not have */
        else if (rename(from, to) != 0)
            return rubor_error_set(error, RUBOR_IO, "%.300s: cannot be written: %s", to, strerror(errno));
    }
    return RUBOR_OK;
}

static rubor_status write_beside(const char *beside, const rubor_buffer *encoded, rubor_error *error)
{
    for (size_t i = 0; i < MAPS; i++) {
        char path[PATH_SIZE];
        rubor_status status = join(path, beside, map_names[i], error);
        if (status == RUBOR_OK && encoded[i].data)
            status = rubor_file_write(path, encoded[i].data, encoded[i].size, error);
        if (status != RUBOR_OK)
            return status;
    }
    return RUBOR_OK;
}

static void remove_beside(const char *beside)
{
    for (size_t i = 0; i < MAPS; i++) {
        char path[PATH_SIZE];
        if (join(path, beside, map_names[i], NULL) == RUBOR_OK)
            unlink(path);
    }
    rmdir(beside);
}

rubor_status rubor_maps_write(const rubor_buffer encoded[MAPS], const char *folder, rubor_error *error)
{
    char beside[PATH_SIZE];
    bool made = false;
    rubor_status status = rubor_folder_make(folder, &made, error);
    if (status == RUBOR_OK)
        status = join(beside, folder, ".rubor-XXXXXX", error);
    if (status == RUBOR_OK && !mkdtemp(beside))
        status =
            rubor_error_set(error, RUBOR_IO, "%.300s: cannot be written into: %s", folder, strerror(errno));
    else if (status == RUBOR_OK) {
        status = write_beside(beside, encoded, error);
        if (status == RUBOR_OK)
            status = move_into_place(folder, beside, encoded, error);
        remove_beside(beside);
    }
    if (status != RUBOR_OK && made)
        rmdir(folder);
    return status;
}
