#include "calibration/profile.h"

#include "imaging/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A sheet that differs more than this over the frame is not lit by one lamp, or is no sheet. */
static const double FLAT_LEAST = 0.4, FLAT_MOST = 2.5;
/* Encoded level of the sheet, 0..65535: neither dark nor near the limit. */
static const double SHEET_LEAST = 0.20 * 65535, SHEET_MOST = 0.985 * 65535;
/* Largest difference of a channel from the mean color of the sheet, after the profile's own matrix. */
static const double SHEET_COLOR_MOST = 0.12;
/* What every later photo of the station rests on must itself be sound. */
enum { PATCHES_LEAST = 16 };
static const double LEFT_OUT_MOST = 6.0;
/* Frames of another shape come from another camera or another crop. */
static const double ASPECT_TOLERANCE = 0.02;

static void cell_mean(double mean[3], const rubor_image_encoded *image, int column, int row)
{
    int x0 = column * image->width / RUBOR_FLAT_COLUMNS, x1 = (column + 1) * image->width / RUBOR_FLAT_COLUMNS;
    int y0 = row * image->height / RUBOR_FLAT_ROWS, y1 = (row + 1) * image->height / RUBOR_FLAT_ROWS;
    double sum[3] = {0};
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            for (int c = 0; c < 3; c++)
                sum[c] += image->rgb[3 * ((size_t)y * (size_t)image->width + (size_t)x) + (size_t)c];
    for (int c = 0; c < 3; c++)
        mean[c] = sum[c] / ((double)(x1 - x0) * (y1 - y0));
}

/* The sheet's encoded levels must be usable in every cell. */
static rubor_status check_sheet(const rubor_image_encoded *flat, rubor_error *error)
{
    if (flat->width < RUBOR_FLAT_COLUMNS || flat->height < RUBOR_FLAT_ROWS)
        return rubor_error_set(error, RUBOR_REFUSED, "the photo of the sheet is only %d x %d pixels", flat->width,
                               flat->height);
    for (int row = 0; row < RUBOR_FLAT_ROWS; row++)
        for (int column = 0; column < RUBOR_FLAT_COLUMNS; column++) {
            double mean[3];
            cell_mean(mean, flat, column, row);
            for (int c = 0; c < 3; c++)
                if (mean[c] < SHEET_LEAST || mean[c] > SHEET_MOST)
                    return rubor_error_set(error, RUBOR_REFUSED,
                                           "the photo of the sheet is too %s at %d %% from the left and %d %% from "
                                           "the top; fill the frame with an evenly lit white or gray sheet",
                                           mean[c] > SHEET_MOST ? "bright" : "dark",
                                           (2 * column + 1) * 50 / RUBOR_FLAT_COLUMNS,
                                           (2 * row + 1) * 50 / RUBOR_FLAT_ROWS);
        }
    return RUBOR_OK;
}

static rubor_status measure_flat(rubor_calibration *to, const rubor_image_encoded *flat, rubor_error *error)
{
    rubor_plane whole = {0}, small = {0};
    double color[3] = {0}, mean = 0.0;
    rubor_image_calibrated image = {0};
    rubor_status status = check_sheet(flat, error);
    if (status == RUBOR_OK)
        status = rubor_calibration_apply(&image, flat, to, error);
    for (int c = 0; c < 3 && status == RUBOR_OK; c++) {
        whole = (rubor_plane){image.width, image.height, image.plane[c]};
        status = rubor_plane_shrink(&small, &whole, RUBOR_FLAT_COLUMNS, RUBOR_FLAT_ROWS, error);
        for (int i = 0; i < RUBOR_FLAT_COLUMNS * RUBOR_FLAT_ROWS && status == RUBOR_OK; i++) {
            to->flat[i / RUBOR_FLAT_COLUMNS][i % RUBOR_FLAT_COLUMNS] += small.data[i] / 3.0f;
            color[c] += (double)small.data[i] / (RUBOR_FLAT_COLUMNS * RUBOR_FLAT_ROWS);
        }
        rubor_plane_finish(&small);
    }
    rubor_image_calibrated_finish(&image);
    if (status != RUBOR_OK)
        return status;
    mean = (color[0] + color[1] + color[2]) / 3.0;
    for (int c = 0; c < 3; c++)
        if (!(fabs(color[c] / mean - 1.0) < SHEET_COLOR_MOST))
            return rubor_error_set(error, RUBOR_REFUSED,
                                   "the sheet is not neutral under this calibration: it is colored, or another lamp "
                                   "was on than in the photo of the chart");
    for (int i = 0; i < RUBOR_FLAT_COLUMNS * RUBOR_FLAT_ROWS; i++) {
        float *cell = &to->flat[i / RUBOR_FLAT_COLUMNS][i % RUBOR_FLAT_COLUMNS];
        *cell = (float)((double)*cell / mean);
        if (!((double)*cell > FLAT_LEAST && (double)*cell < FLAT_MOST))
            return rubor_error_set(error, RUBOR_REFUSED,
                                   "the light on the sheet varies from the mean by a factor of %.2f; fill the frame "
                                   "with an evenly lit white or gray sheet",
                                   (double)*cell);
    }
    to->flat_known = true;
    return RUBOR_OK;
}

rubor_status rubor_profile_make(rubor_profile *out, const char *name, const rubor_photo_info *info,
                                const rubor_calibration *calibration, const rubor_image_encoded *flat,
                                rubor_error *error)
{
    memset(out, 0, sizeof *out);
    if (calibration->status != RUBOR_CALIBRATION_CHART)
        return rubor_error_set(error, RUBOR_REFUSED, "a profile needs a photo with a chart in it");
    if (calibration->patches_used < PATCHES_LEAST || !(calibration->delta_e2000_loo_mean <= LEFT_OUT_MOST))
        return rubor_error_set(error, RUBOR_REFUSED,
                               "this chart is too poor for a profile (%d of 24 patches usable, at least %d; left-out "
                               "DeltaE2000 %.1f, at most %.0f): expose so that no patch is clipped, without glare",
                               calibration->patches_used, PATCHES_LEAST, calibration->delta_e2000_loo_mean,
                               LEFT_OUT_MOST);
    if (!name[0] || strlen(name) >= sizeof out->name)
        return rubor_error_set(error, RUBOR_INVALID, "a profile's name has 1 to %zu bytes", sizeof out->name - 1);
    time_t now = time(NULL);
    struct tm utc;
    snprintf(out->name, sizeof out->name, "%s", name);
    if (gmtime_r(&now, &utc))
        strftime(out->made_at, sizeof out->made_at, "%Y-%m-%dT%H:%M:%SZ", &utc);
    out->calibration = *calibration;
    out->calibration.flat_known = false;
    memset(out->calibration.flat, 0, sizeof out->calibration.flat);
    out->width = info->width;
    out->height = info->height;
    return flat ? measure_flat(&out->calibration, flat, error) : RUBOR_OK;
}

/* Days from 1970-01-01 to a UTC date; Howard Hinnant's civil calendar algorithm. */
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

rubor_status rubor_profile_calibration(rubor_calibration *out, const rubor_profile *profile,
                                       const rubor_photo_info *info, int64_t now, rubor_error *error)
{
    int year, month, day;
    if (now && sscanf(profile->made_at, "%4d-%2d-%2dT", &year, &month, &day) == 3) {
        int64_t age_days = now / 86400 - days_of(year, month, day);
        if (age_days > RUBOR_PROFILE_DAYS || age_days < -1)
            return rubor_error_set(error, RUBOR_REFUSED,
                                   age_days < 0 ? "profile \"%s\" was made %d days from now; set the clock right"
                                                : "profile \"%s\" is %d days old; make a new one with rubor calibrate",
                                   profile->name, (int)(age_days < 0 ? -age_days : age_days));
    }
    double aspect = (double)info->width / info->height, made = (double)profile->width / profile->height;
    if (fabs(aspect / made - 1.0) > ASPECT_TOLERANCE)
        return rubor_error_set(error, RUBOR_REFUSED,
                               "profile \"%s\" was made from a photo of %d x %d and this one is %d x %d: another "
                               "camera, crop or orientation",
                               profile->name, profile->width, profile->height, info->width, info->height);
    *out = profile->calibration;
    out->status = RUBOR_CALIBRATION_PROFILE;
    snprintf(out->profile_name, sizeof out->profile_name, "%s", profile->name);
    /* The chart was there then, not now; its scale holds only if the distance was kept. */
    memset(&out->location, 0, sizeof out->location);
    out->mm_per_px = out->mm_per_px_sd = NAN;
    return RUBOR_OK;
}
