#include "clients/photo_kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool ends_in(const char *name, const char *const *endings)
{
    const char *dot = strrchr(name, '.');
    for (; dot && *endings; endings++)
        if (strcasecmp(dot + 1, *endings) == 0)
            return true;
    return false;
}

bool rubor_photo_kind_is_photo(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "png", NULL};
    return ends_in(name, endings);
}

bool rubor_photo_kind_is_copying(const char *name)
{
    static const char *const endings[] = {"part", "partial", "filepart", "tmp", "temp", "crdownload", "download", NULL};
    return ends_in(name, endings) || (*name && name[strlen(name) - 1] == '~');
}

/* What is worth more than "save as JPEG or PNG": by the ending, or by how the decoder calls what is inside. */
typedef struct kind {
    const char *refusal, *called;
    const char *endings[16];
} kind;

static const kind kinds[] = {
    {"HEIC is not read; set the camera to JPEG (iPhone: Settings, Camera, Formats, Most Compatible)",
     "HEIC",
     {"heic", "heif", "hif", NULL}},
    {"camera raw is not read; set the camera to JPEG, or to raw and JPEG",
     "RAW (",
     {"dng", "cr2", "cr3", "nef", "nrw", "arw", "raf", "orf", "rw2", "pef", "srw", "3fr", "iiq", NULL}},
    {"a video is not measured; take photos", "video", {"mov", "mp4", "m4v", "avi", "mts", NULL}},
};

void rubor_photo_kind_refusal(char *out, size_t size, const char *name, rubor_bytes head)
{
    rubor_photo_info info;
    rubor_error error = {0};
    rubor_status status = rubor_photo_probe(&info, head, &error);
    bool foreign = status == RUBOR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (ends_in(name, kinds[i].endings) ||
            (foreign && strncmp(error.message, kinds[i].called, strlen(kinds[i].called)) == 0)) {
            snprintf(out, size, "%s", kinds[i].refusal);
            return;
        }
    if (!foreign && head.size && !rubor_photo_kind_is_photo(name))
        snprintf(out, size, "its name must end in .jpg, .jpeg or .png; rename it");
    else
        snprintf(out, size, "%s", error.message);
}
