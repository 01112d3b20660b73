/* Does the field of patches go on beyond the 6 x 4?
 *
 * A Digital SG holds the 24 colors in the same order inside a larger field. There the places one pitch
 * outside the chart are patches too: each differs from the gap color, and the gap comes back halfway to the
 * next place. Around a chart by itself lie its frame and a table, which do not change back and forth at the
 * chart's pitch. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <string.h>

enum { RING = 20, RING_MIN = 10 };

static bool sample(double rgb[3], const rubor_cf_pose *pose, const rubor_cf_image *image, double a, double b,
                   double half)
{
    double x, y, x1, y1;
    rubor_cf_project(&x, &y, pose->homography, a, b);
    rubor_cf_project(&x1, &y1, pose->homography, a + half, b);
    return rubor_cf_image_mean(rgb, image, x, y, sqrt((x1 - x) * (x1 - x) + (y1 - y) * (y1 - y)));
}

static double distance2(const double a[3], const double b[3])
{
    return (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]);
}

/* Mean color of the crossings of gaps inside the chart. */
static bool gap_color(double gap[3], const rubor_cf_pose *pose, const rubor_cf_image *image)
{
    memset(gap, 0, 3 * sizeof *gap);
    for (int r = 1; r < RUBOR_CHART_ROWS; r++)
        for (int c = 1; c < RUBOR_CHART_COLUMNS; c++) {
            double rgb[3];
            if (!sample(rgb, pose, image, c, r, 0.02))
                return false;
            for (int k = 0; k < 3; k++)
                gap[k] += rgb[k] / 15;
        }
    return true;
}

/* Ring place i: its middle and the step along the ring. */
static void ring_place(double *a, double *b, double *da, double *db, int i)
{
    bool across = i < 12;
    *da = across ? 0.5 : 0;
    *db = across ? 0 : 0.5;
    if (across) {
        *a = i % 6 + 0.5;
        *b = i < 6 ? -0.5 : 4.5;
    } else {
        *a = i < 16 ? -0.5 : 6.5;
        *b = (i - 12) % 4 + 0.5;
    }
}

/* Mean color of a thin line across the ring: a gap between two patches of it, if there are any. */
static bool across_ring(double rgb[3], const rubor_cf_pose *pose, const rubor_cf_image *image, double a,
                        double b, double da, double db)
{
    memset(rgb, 0, 3 * sizeof *rgb);
    for (int i = -2; i <= 2; i++) {
        double one[3];
        if (!sample(one, pose, image, a + 0.2 * i * db, b + 0.2 * i * da, 0.02))
            return false;
        for (int k = 0; k < 3; k++)
            rgb[k] += one[k] / 5;
    }
    return true;
}

bool rubor_cf_pose_is_part(const rubor_cf_pose *pose, const rubor_cf_image *image)
{
    double gap[3];
    int patches = 0;
    if (!gap_color(gap, pose, image))
        return false;
    for (int i = 0; i < RING; i++) {
        double a, b, da, db, middle[3], before[3], after[3];
        ring_place(&a, &b, &da, &db, i);
        if (!sample(middle, pose, image, a, b, 0.2) ||
            !across_ring(before, pose, image, a - da, b - db, da, db) ||
            !across_ring(after, pose, image, a + da, b + db, da, db))
            continue;
        double contrast = distance2(middle, gap);
        if (contrast > 20 * 20 && distance2(before, gap) < 0.25 * contrast &&
            distance2(after, gap) < 0.25 * contrast)
            patches++;
    }
    return patches >= RING_MIN;
}
