#include "calibration/skin_model.h"

#include "calibration/calibrate_solve.h"
#include "imaging/color.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <string.h>

#define MELANIN_EXPONENT 3.33
#define HEMOGLOBIN_SHARE 0.25
#define HEMOGLOBIN_POWER 0.38

enum { SAMPLES = RUBOR_SPECTRUM_SAMPLES, STEPS = 12 };

static const double LN10 = 2.302585092994046;
/* Prior of (a, m, h): wide, covers very light to dark, from the 27 ISSA spectra's range. */
static const double PRIOR_MEAN[3] = {0.20, 0.25, 0.15}, PRIOR_SD[3] = {0.20, 0.40, 0.20};

void rubor_reference_observer(double weights[3][SAMPLES])
{
    const float(*cmf)[SAMPLES] = rubor_cie1931_cmf();
    const rubor_spectrum *d65 = rubor_illuminant_by_name("D65");
    for (int i = 0; i < SAMPLES; i++) {
        double xyz[3], rgb[3];
        for (int c = 0; c < 3; c++)
            xyz[c] = (double)cmf[c][i] * (double)d65->value[i];
        rubor_xyz_to_linear(rgb, xyz);
        for (int c = 0; c < 3; c++)
            weights[c][i] = rgb[c];
    }
    for (int c = 0; c < 3; c++) {
        double sum = 0.0;
        for (int i = 0; i < SAMPLES; i++)
            sum += weights[c][i];
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] /= sum;
    }
}

void rubor_melanin_shape(double shape[SAMPLES])
{
    for (int i = 0; i < SAMPLES; i++)
        shape[i] =
            rubor_pow((RUBOR_SPECTRUM_FIRST_NM + i * RUBOR_SPECTRUM_STEP_NM) / 550.0, -MELANIN_EXPONENT);
}

void rubor_hemoglobin_shape(double shape[SAMPLES])
{
    enum { AT_580 = (580 - RUBOR_SPECTRUM_FIRST_NM) / RUBOR_SPECTRUM_STEP_NM };
    const float *measured = rubor_hemoglobin_change_shape()->value,
                *blood = rubor_absorption_oxyblood()->value;
    for (int i = 0; i < SAMPLES; i++)
        shape[i] = (1.0 - HEMOGLOBIN_SHARE) * (double)measured[i] +
                   HEMOGLOBIN_SHARE * rubor_pow((double)blood[i] / (double)blood[AT_580], HEMOGLOBIN_POWER);
}

void rubor_od_slopes(double slopes[3], const double weights[3][SAMPLES], const double reflectance[SAMPLES],
                     const double shape[SAMPLES])
{
    for (int c = 0; c < 3; c++) {
        double signal = 0.0, change = 0.0;
        for (int i = 0; i < SAMPLES; i++) {
            signal += weights[c][i] * reflectance[i];
            change += weights[c][i] * reflectance[i] * shape[i];
        }
        slopes[c] = change / fmax(signal, 1e-6);
    }
}

static void reflectance_of(double reflectance[SAMPLES], const double parameter[3],
                           const double shapes[3][SAMPLES])
{
    for (int i = 0; i < SAMPLES; i++) {
        double od = (double)rubor_skin_rest()->value[i] + parameter[0] * shapes[0][i] +
                    parameter[1] * shapes[1][i] + parameter[2] * shapes[2][i];
        reflectance[i] = rubor_exp(-LN10 * od);
    }
}

void rubor_skin_reflectance(double reflectance[SAMPLES], const double weights[3][SAMPLES],
                            const double color[3])
{
    const double sigma = 0.02; /* OD: how closely the color is followed */
    double shapes[3][SAMPLES], parameter[3];
    memcpy(parameter, PRIOR_MEAN, sizeof parameter);
    rubor_melanin_shape(shapes[1]);
    rubor_hemoglobin_shape(shapes[2]);
    for (int i = 0; i < SAMPLES; i++) {
        shapes[0][i] = 1.0;
        shapes[1][i] += (double)rubor_skin_rest_per_melanin()->value[i];
    }
    for (int step = 0; color && step < STEPS; step++) {
        double a[9] = {0}, b[3] = {0}, slopes[3][3];
        reflectance_of(reflectance, parameter, (const double(*)[SAMPLES])shapes);
        for (int j = 0; j < 3; j++)
            rubor_od_slopes(slopes[j], weights, reflectance, shapes[j]);
        for (int c = 0; c < 3; c++) {
            double signal = 0.0;
            for (int i = 0; i < SAMPLES; i++)
                signal += weights[c][i] * reflectance[i];
            double od_off = -rubor_log10(fmax(color[c], 1e-3)) + rubor_log10(fmax(signal, 1e-6));
            for (int j = 0; j < 3; j++) {
                b[j] += slopes[j][c] * od_off / (sigma * sigma);
                for (int m = 0; m < 3; m++)
                    a[3 * j + m] += slopes[j][c] * slopes[m][c] / (sigma * sigma);
            }
        }
        for (int j = 0; j < 3; j++) {
            a[4 * j] += 1.0 / (PRIOR_SD[j] * PRIOR_SD[j]);
            b[j] += (PRIOR_MEAN[j] - parameter[j]) / (PRIOR_SD[j] * PRIOR_SD[j]);
        }
        if (!rubor_cholesky(a, 3))
            break;
        rubor_cholesky_solve(b, a, 3);
        for (int j = 0; j < 3; j++)
            parameter[j] += fmin(fmax(b[j], -0.3), 0.3);
    }
    reflectance_of(reflectance, parameter, (const double(*)[SAMPLES])shapes);
}
