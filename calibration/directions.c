/* How a hemoglobin and a melanin change look in a photo, against the reference observer. */
#include "calibration/calibration.h"
#include "calibration/skin_model.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = RUBOR_SPECTRUM_SAMPLES };

static const double JACQUES_EXPONENT = 3.33;
/* Gain spread over cameras and lamps when the response is not known: without and with the chart's matrix. */
static const double GAIN_SD_NONE = 0.15, GAIN_SD_MATRIX = 0.12;

/* Weights of the calibrated channels: matrix times the response of v. */
static void calibrated_weights(double weights[3][SAMPLES], const rubor_calibration *calibration)
{
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] = calibration->matrix[3 * c] * (double)calibration->response[0][i] +
                            calibration->matrix[3 * c + 1] * (double)calibration->response[1][i] +
                            calibration->matrix[3 * c + 2] * (double)calibration->response[2][i];
}

static void directions_of(rubor_directions *out, const double weights[3][SAMPLES],
                          const double reference[3][SAMPLES], const double reflectance[SAMPLES])
{
    double hemoglobin[SAMPLES], melanin[SAMPLES], own[3], seen[3];
    for (int i = 0; i < SAMPLES; i++)
        hemoglobin[i] = (double)rubor_hemoglobin_change_shape()->value[i];
    rubor_melanin_shape(melanin, JACQUES_EXPONENT);

    rubor_od_slopes(own, weights, reflectance, hemoglobin);
    rubor_od_slopes(seen, reference, reflectance, hemoglobin);
    double ei = 100.0 * (seen[1] - seen[0]);
    for (int c = 0; c < 3; c++) {
        out->hemoglobin[c] = own[c] / ei;
        out->reference_hemoglobin[c] = seen[c] / ei;
    }
    rubor_od_slopes(own, weights, reflectance, melanin);
    rubor_od_slopes(seen, reference, reflectance, melanin);
    double mi = 100.0 * seen[0];
    for (int c = 0; c < 3; c++) {
        out->melanin[c] = own[c] / mi;
        out->reference_melanin[c] = seen[c] / mi;
    }
    out->hemoglobin_gain = 100.0 * (out->hemoglobin[1] - out->hemoglobin[0]);
    out->melanin_gain = 100.0 * out->melanin[0];
}

void rubor_calibration_directions(rubor_directions *out, const rubor_calibration *calibration,
                                  const double skin_linear[3])
{
    double reference[3][SAMPLES], weights[3][SAMPLES], reflectance[SAMPLES];
    *out = (rubor_directions){0};
    rubor_reference_observer(reference);
    if (calibration->response_known)
        calibrated_weights(weights, calibration);
    else
        memcpy(weights, reference, sizeof weights);
    rubor_skin_reflectance(reflectance, (const double(*)[SAMPLES])weights, skin_linear);
    directions_of(out, (const double(*)[SAMPLES])weights, (const double(*)[SAMPLES])reference, reflectance);
    out->hemoglobin_gain_sd = out->melanin_gain_sd =
        calibration->status == RUBOR_CALIBRATION_NONE ? GAIN_SD_NONE : GAIN_SD_MATRIX;
    out->hb_to_mi_leak_sd = out->mel_to_ei_leak_sd = 0.1;
}

double rubor_calibration_lighting_distance(const rubor_calibration *one, const rubor_calibration *other)
{
    (void)one;
    (void)other;
    return NAN;
}
