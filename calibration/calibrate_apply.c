#include "calibration/calibration.h"

#include "imaging/kernels.h"

#include <math.h>
#include <stdlib.h>

enum { LEVELS = 65536, KNOTS = RUBOR_TONE_KNOTS };

/* Monotone cubic between knots (Fritsch and Carlson 1980): straight lines would be off by 1 % in dark skin.
 */
static void knot_slopes(double slope[KNOTS], const float tone[KNOTS])
{
    slope[0] = (double)tone[1] - (double)tone[0];
    slope[KNOTS - 1] = (double)tone[KNOTS - 1] - (double)tone[KNOTS - 2];
    for (int k = 1; k < KNOTS - 1; k++) {
        double before = (double)tone[k] - (double)tone[k - 1], after = (double)tone[k + 1] - (double)tone[k];
        slope[k] = before * after > 0.0 ? 2.0 * before * after / (before + after) : 0.0;
    }
}

static void tone_levels(float *levels, const float tone[KNOTS])
{
    double slope[KNOTS];
    knot_slopes(slope, tone);
    for (int level = 0; level < LEVELS; level++) {
        double at = level * ((KNOTS - 1) / 65535.0);
        int k = (int)at;
        if (k > KNOTS - 2)
            k = KNOTS - 2;
        double t = at - k, t2 = t * t, t3 = t2 * t;
        levels[level] =
            (float)((2.0 * t3 - 3.0 * t2 + 1.0) * (double)tone[k] + (t3 - 2.0 * t2 + t) * slope[k] +
                    (3.0 * t2 - 2.0 * t3) * (double)tone[k + 1] + (t3 - t2) * slope[k + 1]);
    }
}

/* Bilinear between the cells' centers, held at the borders. */
static void divide_by_flat(float *const row[3], const rubor_calibration *calibration, int y, int width,
                           int height)
{
    double fy = (y + 0.5) * RUBOR_FLAT_ROWS / height - 0.5;
    fy = fy < 0.0 ? 0.0 : fy > RUBOR_FLAT_ROWS - 1.0 ? RUBOR_FLAT_ROWS - 1.0 : fy;
    int y0 = (int)fy, y1 = y0 + 1 < RUBOR_FLAT_ROWS ? y0 + 1 : y0;
    for (int x = 0; x < width; x++) {
        double fx = (x + 0.5) * RUBOR_FLAT_COLUMNS / width - 0.5;
        fx = fx < 0.0 ? 0.0 : fx > RUBOR_FLAT_COLUMNS - 1.0 ? RUBOR_FLAT_COLUMNS - 1.0 : fx;
        int x0 = (int)fx, x1 = x0 + 1 < RUBOR_FLAT_COLUMNS ? x0 + 1 : x0;
        double tx = fx - x0, ty = fy - y0;
        double upper =
            (1.0 - tx) * (double)calibration->flat[y0][x0] + tx * (double)calibration->flat[y0][x1];
        double lower =
            (1.0 - tx) * (double)calibration->flat[y1][x0] + tx * (double)calibration->flat[y1][x1];
        float by = (float)(1.0 / ((1.0 - ty) * upper + ty * lower));
        for (int c = 0; c < 3; c++)
            row[c][x] *= by;
    }
}

rubor_status rubor_calibration_apply(rubor_image_calibrated *out, const rubor_image_encoded *working,
                                     const rubor_calibration *calibration, rubor_error *error)
{
    float *levels = NULL;
    rubor_status status = rubor_image_calibrated_init(out, working->width, working->height, error);
    if (status != RUBOR_OK)
        return status;
    levels = malloc(sizeof *levels * 3 * LEVELS);
    if (!levels) {
        rubor_image_calibrated_finish(out);
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the tone curves");
    }
    float matrix[9], offset[3] = {0};
    for (int c = 0; c < 3; c++)
        tone_levels(levels + (size_t)c * LEVELS, calibration->tone[c]);
    for (int i = 0; i < 9; i++) {
        matrix[i] = (float)calibration->matrix[i];
        offset[i / 3] -= (float)(calibration->matrix[i] * calibration->glare[i % 3]);
    }
    const rubor_kernels *kernels = rubor_kernels_get();
    size_t width = (size_t)working->width;
    for (int y = 0; y < working->height; y++) {
        const uint16_t *in = working->rgb + 3 * width * (size_t)y;
        float *row[3];
        for (int c = 0; c < 3; c++)
            row[c] = out->plane[c] + width * (size_t)y;
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < 3; c++)
                row[c][x] = levels[c * LEVELS + in[3 * x + c]];
        kernels->matrix3(row, (const float *const *)row, matrix, offset, width);
        if (calibration->flat_known)
            divide_by_flat(row, calibration, y, working->width, working->height);
    }
    free(levels);
    return RUBOR_OK;
}
