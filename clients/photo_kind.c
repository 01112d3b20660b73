#include "clients/photo_kind.h"

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

typedef struct kind {
    const char *refusal;
    const char *endings[16];
    struct {
        size_t at;
        const char *bytes;
    } marks[8];
} kind;

#define EXPORT "; export it as JPEG or PNG"
/* The first that fits counts. A raw file is a TIFF inside, so it is told by its ending before TIFF by its mark. */
static const kind kinds[] = {
    {"HEIC is not read; set the camera to JPEG (iPhone: Settings, Camera, Formats, Most Compatible)",
     {"heic", "heif", "hif", NULL},
     {{4, "ftyphei"}, {4, "ftyphev"}, {4, "ftypmif1"}, {4, "ftypmsf1"}, {0, NULL}}},
    {"camera raw is not read; set the camera to JPEG, or to raw and JPEG",
     {"dng", "cr2", "cr3", "nef", "nrw", "arw", "raf", "orf", "rw2", "pef", "srw", "3fr", "iiq", NULL},
     {{4, "ftypcrx "}, {0, "FUJIFILM"}, {0, NULL}}},
    {"AVIF is not read" EXPORT, {"avif", NULL}, {{4, "ftypavif"}, {0, NULL}}},
    {"a video is not measured; take photos",
     {"mov", "mp4", "m4v", "avi", "mts", NULL},
     {{4, "ftypqt"}, {4, "ftypisom"}, {4, "ftypmp4"}, {8, "AVI "}, {0, NULL}}},
    {"WebP is not read" EXPORT, {"webp", NULL}, {{8, "WEBP"}, {0, NULL}}},
    {"TIFF is not read" EXPORT, {"tif", "tiff", NULL}, {{0, "II*"}, {0, "MM"}, {0, NULL}}},
    {"GIF is not read" EXPORT, {"gif", NULL}, {{0, "GIF8"}, {0, NULL}}},
    {"BMP is not read" EXPORT, {"bmp", NULL}, {{0, "BM"}, {0, NULL}}},
};

static bool has_mark(const kind *one, rubor_bytes head)
{
    for (size_t i = 0; one->marks[i].bytes; i++) {
        size_t length = strlen(one->marks[i].bytes), at = one->marks[i].at;
        if (head.size >= at + length && memcmp(head.data + at, one->marks[i].bytes, length) == 0)
            return true;
    }
    return false;
}

const char *rubor_photo_kind_refusal(const char *name, rubor_bytes head)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G'};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (ends_in(name, kinds[i].endings) || has_mark(&kinds[i], head))
            return kinds[i].refusal;
    if ((head.size > sizeof jpeg && memcmp(head.data, jpeg, sizeof jpeg) == 0) ||
        (head.size > sizeof png && memcmp(head.data, png, sizeof png) == 0))
        return "its name must end in .jpg, .jpeg or .png; rename it";
    return rubor_photo_kind_is_photo(name) ? "is not a JPEG or PNG photo whatever its name says"
                                           : "is not a JPEG or PNG photo";
}
