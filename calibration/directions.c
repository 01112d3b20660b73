/* How a hemoglobin and a melanin change look in a photo, against the reference observer. */
#include "calibration/calibration.h"
#include "calibration/response_prior.h"
#include "calibration/skin_model.h"

#include "imaging/color.h"
#include "imaging/fixed_math.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = RUBOR_SPECTRUM_SAMPLES };

/* Gain spread over cameras and lamps when the response is not known: without and with the chart's matrix. */
static const double GAIN_SD_NONE = 0.20, GAIN_SD_MATRIX = 0.12;
/* Without a chart nothing tells how much stray light lies over the photo: what the chart's fit expects before
 * it looks (fractions of white), as far as the photo and the skin have that much light at all. It comes from
 * what is bright in and around the frame and is about as strong in each channel; of the darkest channel of
 * skin, however dark, it is not more than SKIN_VEIL_MOST. */
static const double VEIL = 0.012, SKIN_VEIL_MOST = 0.8;
/* Part of the photo that is darker than what is taken for its darkest: noise, and what JPEG adds at edges. */
static const double DARKEST_PART = 0.001;
/* What is drawn rather than seen: two levels of 255. */
static const int DRAWN_MOST = 2 * 257 + 128;
/* Skin that is not the model's, whatever the response: 0.008 over measured skins of groups that the model had
 * not seen (tests/bench/second_renderer/skin_rest.py). */
static const double SKIN_SD = 0.01;
/* What a lamp and a camera's settings may have drifted since the profile was made. */
static const double PROFILE_SD = 0.05;

/* Weights of the calibrated channels: matrix times the response of v. */
static void calibrated_weights(double weights[3][SAMPLES], const rubor_calibration *calibration)
{
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] = calibration->matrix[3 * c] * (double)calibration->response[0][i] +
                            calibration->matrix[3 * c + 1] * (double)calibration->response[1][i] +
                            calibration->matrix[3 * c + 2] * (double)calibration->response[2][i];
}

/* A camera aims at the reference observer's colors and on average reaches the prior's: half way, as a chart
 * would be needed to know. */
static void average_weights(double weights[3][SAMPLES])
{
    const rubor_response_prior *prior = rubor_response_prior_default();
    rubor_reference_observer(weights);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] = (weights[c][i] + prior->mean[c * SAMPLES + i]) / 2;
}

typedef struct view {
    double weights[3][SAMPLES], reference[3][SAMPLES], reflectance[SAMPLES];
} view;

/* A spectral OD change of this shape: OD change of the calibrated and of the reference channels. */
static void both_slopes(double own[3], double seen[3], const view *v, const double shape[SAMPLES])
{
    rubor_od_slopes(own, (const double(*)[SAMPLES])v->weights, v->reflectance, shape);
    rubor_od_slopes(seen, (const double(*)[SAMPLES])v->reference, v->reflectance, shape);
}

static void hemoglobin_direction(double out[3], double reference[3], const view *v,
                                 const double shape[SAMPLES])
{
    double own[3], seen[3];
    both_slopes(own, seen, v, shape);
    for (int c = 0; c < 3; c++) {
        out[c] = own[c] / (100.0 * (seen[1] - seen[0]));
        reference[c] = seen[c] / (100.0 * (seen[1] - seen[0]));
    }
}

static void melanin_direction(double out[3], double reference[3], const view *v)
{
    double own[3], seen[3], shape[SAMPLES];
    rubor_melanin_shape(shape);
    both_slopes(own, seen, v, shape);
    for (int c = 0; c < 3; c++) {
        out[c] = own[c] / (100.0 * seen[0]);
        reference[c] = seen[c] / (100.0 * seen[0]);
    }
}

/* What blood does to other measured people's skin, seen by this photo. */
static void find_hemoglobin_spread(double covariance[9], const double base[3], const view *v,
                                   const double shape[SAMPLES])
{
    double own[3], seen[3], out[3], reference[3], other[SAMPLES];
    both_slopes(own, seen, v, shape);
    for (size_t k = 0; k < RUBOR_HEMOGLOBIN_SPREADS; k++) {
        const float *component = rubor_hemoglobin_change_spread(k)->value;
        for (int i = 0; i < SAMPLES; i++)
            other[i] = shape[i] / (seen[1] - seen[0]) + (double)component[i];
        hemoglobin_direction(out, reference, v, other);
        for (int c = 0; c < 3; c++)
            for (int d = 0; d < 3; d++)
                covariance[3 * c + d] += (out[c] - base[c]) * (out[d] - base[d]);
    }
}

/* Variance of row . change for a change with this covariance. */
static double variance(const double row[3], const double covariance[9])
{
    double sum = 0.0;
    for (int c = 0; c < 3; c++)
        for (int d = 0; d < 3; d++)
            sum += row[c] * covariance[3 * c + d] * row[d];
    return fmax(sum, 0.0);
}

static void fill_uncertainty(rubor_directions *out, const rubor_calibration *calibration)
{
    static const double ei_row[3] = {-100.0, 100.0, 0.0}, mi_row[3] = {100.0, 0.0, 0.0};
    double hemoglobin[9] = {0}, melanin[9] = {0};
    double floor = 0.0;
    if (calibration->response_known) {
        for (int i = 0; i < 9; i++) {
            hemoglobin[i] = calibration->hemoglobin_covariance[i];
            melanin[i] = calibration->melanin_covariance[i];
        }
    } else {
        floor = calibration->status == RUBOR_CALIBRATION_NONE ? GAIN_SD_NONE : GAIN_SD_MATRIX;
    }
    floor = hypot(floor, SKIN_SD);
    if (calibration->status == RUBOR_CALIBRATION_PROFILE)
        floor = hypot(floor, PROFILE_SD);
    out->hemoglobin_gain_sd = hypot(sqrt(variance(ei_row, hemoglobin)) / out->hemoglobin_gain, floor);
    out->melanin_gain_sd = hypot(sqrt(variance(mi_row, melanin)) / out->melanin_gain, floor);
}

/* The brightest channel of a pixel: a saturated color may have a channel near zero under any stray light. */
static int brightest(const rubor_image_encoded *image, int x, int y)
{
    const uint16_t *rgb = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    uint16_t most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    return most > rgb[2] ? most : rgb[2];
}

/* Is a pixel in these bounds, as far as they lie in the image, drawn? */
static bool has_drawn(const rubor_image_encoded *image, int left, int top, int right, int bottom)
{
    for (int y = top > 0 ? top : 0; y < bottom && y < image->height; y++)
        for (int x = left > 0 ? left : 0; x < right && x < image->width; x++)
            if (brightest(image, x, y) <= DRAWN_MOST)
                return true;
    return false;
}

double rubor_calibration_darkest(const rubor_image_encoded *working)
{
    enum { BINS = 4096, SIDE = 16, EDGE = 8 }; /* JPEG blurs the edge of a bar over its blocks */
    size_t pixels = 0, seen = 0, bin[BINS] = {0};
    for (int top = 0; top < working->height; top += SIDE)
        for (int left = 0; left < working->width; left += SIDE) {
            int right = left + SIDE, bottom = top + SIDE;
            if (has_drawn(working, left - EDGE, top - EDGE, right + EDGE, bottom + EDGE))
                continue;
            for (int y = top; y < bottom && y < working->height; y++)
                for (int x = left; x < right && x < working->width; x++, pixels++)
                    bin[brightest(working, x, y) / (65536 / BINS)]++;
        }
    int level = 0;
    while (level < BINS - 1 && (double)(seen += bin[level]) <= DARKEST_PART * (double)pixels)
        level++;
    return rubor_srgb_decode((level + 1.0) / BINS);
}

/* Stray light over the skin of a photo without a chart. */
typedef struct veil {
    double light[3]; /* of the skin, stray light included */
    double most;     /* in the unit of light */
} veil;

static void bound_veil(veil *out, const double skin_linear[3], double darkest)
{
    out->most = fmin(darkest, 8 * VEIL);
    for (int c = 0; c < 3; c++) {
        out->light[c] = fmax(skin_linear[c], 0.003);
        out->most = fmin(out->most, SKIN_VEIL_MOST * out->light[c]);
    }
}

/* Level of the stray light that enlarges a reading as all possible levels do on average, and how much that
 * differs, relative. A reading is divided by 1 - slope * level. */
static double expect_level(double *sd, const veil *v, double slope)
{
    enum { STEPS = 64 };
    double sum = 0, first = 0, second = 0;
    for (int k = 0; k < STEPS; k++) {
        double level = v->most * (k + 0.5) / STEPS, weight = rubor_exp(-level / VEIL);
        double scale = 1 / fmax(0.1, 1 - slope * level);
        sum += weight;
        first += weight * scale;
        second += weight * scale * scale;
    }
    first /= sum;
    *sd = sqrt(fmax(0, second / sum / (first * first) - 1));
    return fabs(slope) > 1e-9 ? (1 - 1 / first) / slope : 0;
}

/* Stray light weakens every change, the darker the channel the more. */
static void weaken(rubor_directions *out, const veil *v, double level)
{
    for (int c = 0; c < 3; c++) {
        double left = 1 - level / v->light[c];
        out->hemoglobin[c] *= left;
        out->melanin[c] *= left;
        for (int d = 0; d < 3; d++)
            out->hemoglobin_spread[3 * c + d] *= left * (1 - level / v->light[d]);
    }
}

void rubor_calibration_directions(rubor_directions *out, const rubor_calibration *calibration,
                                  const double skin_linear[3])
{
    bool blind = calibration->status == RUBOR_CALIBRATION_NONE && skin_linear;
    view v;
    veil stray;
    double hemoglobin[SAMPLES], bare[3], level_sd[2] = {0};
    *out = (rubor_directions){0};
    rubor_reference_observer(v.reference);
    if (calibration->response_known)
        calibrated_weights(v.weights, calibration);
    else if (calibration->status == RUBOR_CALIBRATION_NONE)
        average_weights(v.weights);
    else
        memcpy(v.weights, v.reference, sizeof v.weights);
    if (blind)
        bound_veil(&stray, skin_linear, calibration->darkest);
    double level = blind ? expect_level(&level_sd[0], &stray, 1 / stray.light[1]) : 0;
    for (int c = 0; c < 3 && skin_linear; c++)
        bare[c] = skin_linear[c] - level;
    rubor_skin_reflectance(v.reflectance, (const double(*)[SAMPLES])v.weights, skin_linear ? bare : NULL);
    rubor_hemoglobin_shape(hemoglobin);
    hemoglobin_direction(out->hemoglobin, out->reference_hemoglobin, &v, hemoglobin);
    melanin_direction(out->melanin, out->reference_melanin, &v);
    find_hemoglobin_spread(out->hemoglobin_spread, out->hemoglobin, &v, hemoglobin);
    if (blind) {
        const double *h = out->hemoglobin;
        double slope = (h[1] / stray.light[1] - h[0] / stray.light[0]) / (h[1] - h[0]);
        level = expect_level(&level_sd[0], &stray, slope);
        expect_level(&level_sd[1], &stray, 1 / stray.light[0]);
        weaken(out, &stray, level);
    }
    out->hemoglobin_gain = 100.0 * (out->hemoglobin[1] - out->hemoglobin[0]);
    out->melanin_gain = 100.0 * out->melanin[0];
    fill_uncertainty(out, calibration);
    out->hemoglobin_gain_sd = hypot(out->hemoglobin_gain_sd, level_sd[0]);
    out->melanin_gain_sd = hypot(out->melanin_gain_sd, level_sd[1]);
}

/* OD: lamps and cameras make at most 0.15 of skin of any tone (two pairs of cameras, four colors of skin,
 * each lamp against each). Of another color (blood, ink) the model skin may leave a channel without light,
 * and the quotient says nothing. */
static const double OFFSET_MOST = 0.2;

void rubor_calibration_offset(double od[3], const rubor_calibration *one, const rubor_calibration *other,
                              const double skin_linear[3])
{
    double weights[2][3][SAMPLES], mean[3][SAMPLES], reflectance[SAMPLES];
    memset(od, 0, 3 * sizeof *od);
    if (!one->response_known || !other->response_known)
        return;
    calibrated_weights(weights[0], one);
    calibrated_weights(weights[1], other);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            mean[c][i] = (weights[0][c][i] + weights[1][c][i]) / 2;
    rubor_skin_reflectance(reflectance, (const double(*)[SAMPLES])mean, skin_linear);
    for (int c = 0; c < 3; c++) {
        double light[2] = {0};
        for (int i = 0; i < SAMPLES; i++)
            for (int k = 0; k < 2; k++)
                light[k] += weights[k][c][i] * reflectance[i];
        double off = rubor_log10(fmax(light[1], 1e-6) / fmax(light[0], 1e-6));
        od[c] = fmin(fmax(off, -OFFSET_MOST), OFFSET_MOST);
    }
}

/* EI (printed units) that channels with these weights read off skins between light and dark, pale and red. */
enum { SKINS = 6 };

static void skin_indices(double ei[SKINS], const double weights[3][SAMPLES])
{
    static const double melanin[] = {0.1, 0.3, 0.8}, blood[] = {0.05, 0.20};
    double melanin_shape[SAMPLES], blood_shape[SAMPLES];
    rubor_melanin_shape(melanin_shape);
    rubor_hemoglobin_shape(blood_shape);
    for (int skin = 0; skin < SKINS; skin++) {
        double red = 0.0, green = 0.0;
        for (int i = 0; i < SAMPLES; i++) {
            double reflectance = rubor_pow(10.0, -0.2 - melanin[skin / 2] * melanin_shape[i] -
                                                     blood[skin % 2] * blood_shape[i]);
            red += weights[0][i] * reflectance;
            green += weights[1][i] * reflectance;
        }
        ei[skin] = 100.0 * rubor_log10(fmax(red, 1e-6) / fmax(green, 1e-6));
    }
}

double rubor_calibration_lighting_distance(const rubor_calibration *one, const rubor_calibration *other)
{
    /* delta_ei that an error is set against, and how much of a common offset untreated skin takes out */
    const double typical_ei = 10.0, offset_left = 0.5;
    double weights[3][SAMPLES], ei[2][SKINS], mean = 0.0, square = 0.0;
    if (!one->response_known || !other->response_known)
        return NAN;
    calibrated_weights(weights, one);
    skin_indices(ei[0], (const double(*)[SAMPLES])weights);
    calibrated_weights(weights, other);
    skin_indices(ei[1], (const double(*)[SAMPLES])weights);
    for (int k = 0; k < SKINS; k++)
        mean += (ei[1][k] - ei[0][k]) / SKINS;
    for (int k = 0; k < SKINS; k++)
        square += (ei[1][k] - ei[0][k] - mean) * (ei[1][k] - ei[0][k] - mean) / SKINS;
    return hypot(sqrt(square), offset_left * mean) / typical_ei;
}
