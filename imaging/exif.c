#include "imaging/photo_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

static bool is_number(const char *text, size_t from, size_t count, int low, int high)
{
    int value = 0;
    for (size_t i = from; i < from + count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    return value >= low && value <= high;
}

/* "YYYY:MM:DD HH:MM:SS" to "YYYY-MM-DDTHH:MM:SS"; cameras without a set clock write zeros or spaces. */
static void read_date(rubor_photo_info *info, const uint8_t *data, size_t size)
{
    enum { LENGTH = 19 };
    char text[LENGTH + 1] = {0};
    if (size < LENGTH)
        return;
    memcpy(text, data, LENGTH);
    bool valid = is_number(text, 0, 4, 1900, 9999) && is_number(text, 5, 2, 1, 12) &&
                 is_number(text, 8, 2, 1, 31) && is_number(text, 11, 2, 0, 23) &&
                 is_number(text, 14, 2, 0, 59) && is_number(text, 17, 2, 0, 60) && text[10] == ' ' &&
                 text[13] == ':' && text[16] == ':' && (text[4] == ':' || text[4] == '-') &&
                 text[7] == text[4];
    if (!valid)
        return;
    text[4] = text[7] = '-';
    text[10] = 'T';
    memcpy(info->captured_at, text, sizeof text);
}

void rubor_exif_read(rubor_photo_info *info, const uint8_t *data, size_t size)
{
    enum { HEADER = 6, LARGEST = 0xffff };
    if (size < 8 || size > LARGEST)
        return;
    uint8_t *block = malloc(size + HEADER); /* libexif wants the marker's own header */
    ExifData *exif = exif_data_new();
    if (!block || !exif)
        goto out;
    memcpy(block, "Exif\0\0", HEADER);
    memcpy(block + HEADER, data, size);
    /* Maker notes are read by far the largest and least tested part of libexif, and nothing here needs them.
     */
    exif_data_unset_option(exif, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_set_option(exif, EXIF_DATA_OPTION_DONT_CHANGE_MAKER_NOTE);
    exif_data_load_data(exif, block, (unsigned)(size + HEADER));
    ExifEntry *entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1 && entry->size >= 2) {
        int value = exif_get_short(entry->data, exif_data_get_byte_order(exif));
        if (value >= 1 && value <= 8)
            info->orientation = value;
    }
    entry = exif_content_get_entry(exif->ifd[EXIF_IFD_EXIF], EXIF_TAG_DATE_TIME_ORIGINAL);
    if (entry && entry->format == EXIF_FORMAT_ASCII)
        read_date(info, entry->data, entry->size);
out:
    if (exif)
        exif_data_unref(exif);
    free(block);
}
