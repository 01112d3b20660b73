#include "analyzer/chromophore.h"

#include "imaging/kernels.h"
#include "imaging/linsolve.h"

#include <assert.h>
#include <math.h>
#include <string.h>

rubor_status rubor_unmix_solve(rubor_unmix *out, const double hemoglobin[3], const double melanin[3],
                               const double covariance[9], rubor_error *error)
{
    double weight[9], wh[3] = {0}, wm[3] = {0};
    rubor_status status = rubor_spd_inverse(weight, covariance, 3, error);
    if (status != RUBOR_OK)
        return status;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            wh[i] += weight[3 * i + j] * hemoglobin[j];
            wm[i] += weight[3 * i + j] * melanin[j];
        }
    double hh = 0, hm = 0, mm = 0;
    for (int i = 0; i < 3; i++) {
        hh += hemoglobin[i] * wh[i];
        hm += hemoglobin[i] * wm[i];
        mm += melanin[i] * wm[i];
    }
    double determinant = hh * mm - hm * hm;
    if (!(determinant > 1e-9 * hh * mm))
        return rubor_error_set(error, RUBOR_REFUSED,
                               "hemoglobin and melanin cannot be told apart in this photo");
    for (int i = 0; i < 3; i++) {
        out->ei[i] = (mm * wh[i] - hm * wm[i]) / determinant;
        out->mi[i] = (hh * wm[i] - hm * wh[i]) / determinant;
    }
    /* orthogonal to both directions, 1 for a common change */
    const double *h = hemoglobin, *m = melanin;
    double normal[3] = {h[1] * m[2] - h[2] * m[1], h[2] * m[0] - h[0] * m[2], h[0] * m[1] - h[1] * m[0]};
    double sum = normal[0] + normal[1] + normal[2];
    for (int i = 0; i < 3; i++)
        out->shade[i] = fabs(sum) > 1e-12 ? normal[i] / sum : 0;
    return RUBOR_OK;
}

rubor_status rubor_indices(rubor_plane *ei, rubor_plane *mi, const rubor_image_calibrated *image,
                           const rubor_mask *skin, rubor_error *error)
{
    assert(skin->width == image->width && skin->height == image->height);
    memset(mi, 0, sizeof *mi);
    rubor_status status = rubor_plane_init(ei, image->width, image->height, error);
    if (status != RUBOR_OK)
        return status;
    status = rubor_plane_init(mi, image->width, image->height, error);
    if (status != RUBOR_OK) {
        rubor_plane_finish(ei);
        return status;
    }
    const rubor_kernels *kernels = rubor_kernels_get();
    size_t width = (size_t)image->width;
    for (size_t y = 0; y < (size_t)image->height; y++) {
        float *row_ei = ei->data + y * width, *row_mi = mi->data + y * width;
        const float *red = image->plane[0] + y * width, *green = image->plane[1] + y * width;
        kernels->optical_density(row_ei, green, RUBOR_LINEAR_FLOOR, width);
        kernels->optical_density(row_mi, red, RUBOR_LINEAR_FLOOR, width);
        const uint8_t *inside = skin->data + y * width;
        for (size_t x = 0; x < width; x++) {
            bool measured = inside[x] >= 128 && red[x] > RUBOR_LINEAR_FLOOR && green[x] > RUBOR_LINEAR_FLOOR;
            row_ei[x] = measured ? 100 * (row_ei[x] - row_mi[x]) : NAN;
            row_mi[x] = measured ? 100 * row_mi[x] : NAN;
        }
    }
    return RUBOR_OK;
}
