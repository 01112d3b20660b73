/* Color charts as data: one table per chart and edition; a user's own CSV can be loaded.
 *
 * Patch order everywhere: row-major with the chart upright, 6 columns x 4 rows, 0 = dark skin,
 * 5 = bluish green, 18 = white 9.5, 23 = black 2. Corners order: dark skin, bluish green, black, white, each the
 * outer corner of that outer patch, so the order also says which way the chart lies.
 * Reference values: CIELAB D50, 2 degree (X-Rite, editions before and after November 2014).
 * Tables are immutable statics; a loaded table is owned by the caller (plain struct, nothing to free). */
#ifndef RUBOR_CALIBRATION_CHART_H
#define RUBOR_CALIBRATION_CHART_H

#include "imaging/color.h"
#include "imaging/image.h"

enum { RUBOR_CHART_PATCHES = 24, RUBOR_CHART_COLUMNS = 6, RUBOR_CHART_ROWS = 4 };

typedef enum rubor_chart_edition {
    RUBOR_EDITION_GUESS = 0, /* by fit */
    RUBOR_EDITION_BEFORE_2014 = 1,
    RUBOR_EDITION_AFTER_2014 = 2,
    RUBOR_EDITION_OWN = 3 /* a user's table */
} rubor_chart_edition;

typedef struct rubor_chart_table {
    char type[32]; /* e.g. "colorchecker24" */
    rubor_chart_edition edition;
    char names[RUBOR_CHART_PATCHES][32];
    rubor_lab lab_d50[RUBOR_CHART_PATCHES];
} rubor_chart_table;

/* edition must be BEFORE_2014 or AFTER_2014. */
const rubor_chart_table *rubor_chart_table_get(rubor_chart_edition edition);
/* "before2014", "after2014", "own", "guess". */
const char *rubor_chart_edition_name(rubor_chart_edition edition);
rubor_status rubor_chart_edition_parse(rubor_chart_edition *out, const char *text, rubor_error *error);
/* CSV with header name,L,a,b and 24 rows in patch order. RUBOR_CORRUPT names the line. */
rubor_status rubor_chart_table_load(rubor_chart_table *out, const char *path, rubor_error *error);
/* The same from memory. */
rubor_status rubor_chart_table_read(rubor_chart_table *out, const void *data, size_t size, rubor_error *error);

/* Where a chart lies in a photo. Pixels of the displayed full-resolution photo, pixel centers at integers. */
typedef struct rubor_chart_location {
    char layout[24];            /* "classic", "mini", "passport", "nano" by the gaps found; "manual" */
    double confidence;          /* 0..1; a location is only returned at 0.5 or more */
    rubor_point corners_px[4];  /* see order above */
    double homography[9];       /* chart plane (0..6 x 0..4 in patch pitches: column c's patch is centered at
                                   x = c + 0.5) -> pixels, row-major */
    double fill[2];             /* patch width and height as a fraction of the pitch, 0..1 */
    rubor_point centers_px[RUBOR_CHART_PATCHES];
    double patch_px;            /* side of a typical patch */
    bool covered[RUBOR_CHART_PATCHES]; /* patch hidden or not seen as one flat color */
    bool mirrored;
} rubor_chart_location;

#endif
