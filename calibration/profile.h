/* Station profiles: a calibration kept for later photos of the same camera, lamp and settings, without a chart
 * in the frame. JSON on disk (docs/MEASUREMENT.md "Station profiles"). Plain values: copy freely. */
#ifndef RUBOR_CALIBRATION_PROFILE_H
#define RUBOR_CALIBRATION_PROFILE_H

#include "calibration/calibration.h"

typedef struct rubor_profile {
    char name[64];
    char made_at[32];       /* YYYY-MM-DDTHH:MM:SSZ */
    rubor_calibration calibration; /* with the flat field, where one was taken */
    int width, height;      /* px of the photo it was made from */
} rubor_profile;

enum { RUBOR_PROFILE_DAYS = 180, RUBOR_PROFILE_BYTES = 256 * 1024 };

/* calibration must come from a chart. flat: an encoded working image of a gray card or white sheet filling the frame, taken
 * in the same light, or NULL. RUBOR_REFUSED when the sheet is clipped, dark, colored or not even enough to be a sheet. */
rubor_status rubor_profile_make(rubor_profile *out, const char *name, const rubor_photo_info *info,
                                const rubor_calibration *calibration, const rubor_image_encoded *flat,
                                rubor_error *error);
/* JSON text, malloc'ed. */
rubor_status rubor_profile_write(char **json, const rubor_profile *profile, rubor_error *error);
/* RUBOR_CORRUPT names the key. */
rubor_status rubor_profile_read(rubor_profile *out, const char *json, size_t size, rubor_error *error);
/* The calibration a photo of this station gets. RUBOR_REFUSED for a profile older than 180 days at now (seconds
 * since 1970; 0: not checked) or a photo of another aspect ratio. */
rubor_status rubor_profile_calibration(rubor_calibration *out, const rubor_profile *profile,
                                       const rubor_photo_info *info, int64_t now, rubor_error *error);

#endif
