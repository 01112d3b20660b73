/* The effective response behind a finished fit, and how uncertain the directions are through it.
 *
 * With q the patch colors through the least-squares matrix A (tone parameters as finished), S the covariance
 * of what spectra and noise do to q, and K = cross S^-1: response (in linear sRGB) = mean + K (q - mean
 * signal). The channels before the matrix respond as A^-1 times that. */
#include "calibration/calibrate_joint.h"

#include "calibration/calibrate_solve.h"
#include "calibration/skin_model.h"
#include "imaging/linsolve.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = RUBOR_FIT_PARAMETERS,
    TONE = RUBOR_FIT_TONE,
    ROWS = RUBOR_PRIOR_SIGNALS,
    RESPONSE = RUBOR_PRIOR_RESPONSE,
    SAMPLES = RUBOR_SPECTRUM_SAMPLES,
    OUTPUTS = 6 /* hemoglobin direction R, G, B; melanin direction R, G, B */
};

typedef struct estimate {
    rubor_joint_system system;
    rubor_fit fit; /* tone parameters as finished, matrix the generalized least-squares one */
    double response[RESPONSE];
    double explained[RESPONSE][ROWS]; /* cross L'^-1: prior covariance minus its square is the posterior's */
    double jacobian[N][ROWS];         /* whitened */
    double covariance[N * N];         /* of theta */
    double chi2;
} estimate;

/* Matrix by generalized least squares with everything else held. */
static bool solve_matrix(estimate *e, const rubor_fit_patch *patches)
{
    double residual[ROWS], a[TONE * TONE], b[TONE];
    rubor_joint_linearize(residual, e->jacobian, &e->system, &e->fit, patches);
    rubor_cholesky_forward(residual, e->system.factor, e->system.rows);
    for (int n = 0; n < TONE; n++)
        rubor_cholesky_forward(e->jacobian[n], e->system.factor, e->system.rows);
    for (int n = 0; n < TONE; n++) {
        b[n] = 0.0;
        for (int i = 0; i < e->system.rows; i++)
            b[n] += e->jacobian[n][i] * residual[i];
        for (int m = 0; m < TONE; m++) {
            a[n * TONE + m] = 0.0;
            for (int i = 0; i < e->system.rows; i++)
                a[n * TONE + m] += e->jacobian[n][i] * e->jacobian[m][i];
        }
    }
    if (!rubor_cholesky(a, TONE))
        return false;
    rubor_cholesky_solve(b, a, TONE);
    for (int n = 0; n < TONE; n++)
        e->fit.theta[n] -= b[n];
    return true;
}

static bool parameter_covariance(estimate *e)
{
    double a[N * N];
    for (int n = 0; n < N; n++) {
        for (int m = 0; m < N; m++) {
            a[n * N + m] = 0.0;
            for (int i = 0; i < e->system.rows; i++)
                a[n * N + m] += e->jacobian[n][i] * e->jacobian[m][i];
        }
        if (n >= TONE)
            a[n * N + n] += 1.0 / (rubor_fit_prior_sd(n) * rubor_fit_prior_sd(n));
    }
    if (!rubor_cholesky(a, N))
        return false;
    rubor_cholesky_inverse(e->covariance, a, N);
    return true;
}

static bool solve_response(estimate *e, const rubor_fit_patch *patches, const rubor_response_prior *prior)
{
    double residual[ROWS], square = 0.0;
    const rubor_joint_system *s = &e->system;
    if (!solve_matrix(e, patches))
        return false;
    rubor_joint_linearize(residual, e->jacobian, s, &e->fit, patches);
    rubor_cholesky_forward(residual, s->factor, s->rows);
    for (int n = 0; n < N; n++)
        rubor_cholesky_forward(e->jacobian[n], s->factor, s->rows);
    for (int r = 0; r < RESPONSE; r++) {
        for (int i = 0; i < s->rows; i++)
            e->explained[r][i] = prior->cross[r][s->index[i]];
        rubor_cholesky_forward(e->explained[r], s->factor, s->rows);
        e->response[r] = prior->mean[r];
        for (int i = 0; i < s->rows; i++)
            e->response[r] += e->explained[r][i] * residual[i];
    }
    for (int i = 0; i < s->rows; i++)
        square += residual[i] * residual[i];
    e->chi2 = square / fmax(1.0, s->rows - TONE);
    return parameter_covariance(e);
}

/* Directions of channels that respond as transform times response, for medium skin. */
static void outputs_of(double out[OUTPUTS], const double transform[9], const double response[RESPONSE])
{
    double weights[3][SAMPLES], reference[3][SAMPLES], reflectance[SAMPLES], hemoglobin[SAMPLES],
        melanin[SAMPLES];
    double own[3], seen[3];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            weights[c][i] = transform[3 * c] * response[i] + transform[3 * c + 1] * response[SAMPLES + i] +
                            transform[3 * c + 2] * response[2 * SAMPLES + i];
    rubor_reference_observer(reference);
    rubor_skin_reflectance(reflectance, (const double(*)[SAMPLES])reference, NULL);
    rubor_hemoglobin_shape(hemoglobin);
    rubor_melanin_shape(melanin);
    rubor_od_slopes(own, (const double(*)[SAMPLES])weights, reflectance, hemoglobin);
    rubor_od_slopes(seen, (const double(*)[SAMPLES])reference, reflectance, hemoglobin);
    for (int c = 0; c < 3; c++)
        out[c] = own[c] / (seen[1] - seen[0]);
    rubor_od_slopes(own, (const double(*)[SAMPLES])weights, reflectance, melanin);
    rubor_od_slopes(seen, (const double(*)[SAMPLES])reference, reflectance, melanin);
    for (int c = 0; c < 3; c++)
        out[3 + c] = own[c] / seen[0];
}

static bool transform_of(double transform[9], const double output_matrix[9], const rubor_fit *fit)
{
    double inverse[9];
    if (rubor_matrix3_inverse(inverse, fit->theta, NULL) != RUBOR_OK)
        return false;
    rubor_matrix3_multiply(transform, output_matrix, inverse);
    return true;
}

/* d ln v / d ln l of the green channel where v is skin's: what an error of the tone curve scales changes by.
 */
static double tone_contrast(const rubor_fit *fit, double linear)
{
    double glare = rubor_fit_glare(fit, 1), step = 1.0 + 1e-4;
    double high = rubor_fit_tone(fit, 1, linear * step) - glare,
           low = rubor_fit_tone(fit, 1, linear / step) - glare;
    return high > 0.0 && low > 0.0 ? rubor_log(high / low) / (2.0 * rubor_log(step)) : 1.0;
}

/* The camera's green level of the light skin patch's neighborhood: where the green tone curve gives medium
 * skin. */
static double skin_level(const rubor_fit *fit)
{
    double inverse[9], target = 0.0, low = 1e-4, high = 1.0;
    static const double medium[3] = {0.42, 0.24, 0.16};
    if (rubor_matrix3_inverse(inverse, fit->theta, NULL) != RUBOR_OK)
        return 0.2;
    for (int c = 0; c < 3; c++)
        target += inverse[3 + c] * medium[c];
    target += rubor_fit_glare(fit, 1);
    for (int i = 0; i < 40; i++) {
        double middle = sqrt(low * high);
        if (rubor_fit_tone(fit, 1, middle) < target)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Derivatives of the outputs by each response sample. */
static void response_gradient(double (*gradient)[RESPONSE], const double transform[9], const estimate *e)
{
    double response[RESPONSE], base[OUTPUTS], moved[OUTPUTS];
    memcpy(response, e->response, sizeof response);
    outputs_of(base, transform, response);
    for (int r = 0; r < RESPONSE; r++) {
        const double step = 1e-5;
        response[r] += step;
        outputs_of(moved, transform, response);
        response[r] = e->response[r];
        for (int o = 0; o < OUTPUTS; o++)
            gradient[o][r] = (moved[o] - base[o]) / step;
    }
}

/* Derivatives of the (relative) outputs by each parameter: through the response, the transform and the
 * contrast that the tone curve gives what is measured. */
static void parameter_gradient(double (*gradient)[N], const double (*seen)[ROWS],
                               const double output_matrix[9], const double base[OUTPUTS], const estimate *e)
{
    double level = skin_level(&e->fit), contrast = tone_contrast(&e->fit, level);
    for (int n = 0; n < N; n++) {
        double transform[9], moved[OUTPUTS], step = n < TONE ? 1e-6 * (1.0 + fabs(e->fit.theta[n])) : 1e-6;
        double response[RESPONSE];
        rubor_fit trial = e->fit;
        trial.theta[n] += step;
        memcpy(moved, base, sizeof moved);
        if (transform_of(transform, output_matrix, &trial)) {
            memcpy(response, e->response, sizeof response);
            outputs_of(moved, transform, response);
        }
        double scaled = (tone_contrast(&trial, level) / contrast - 1.0) / step;
        for (int o = 0; o < OUTPUTS; o++) {
            gradient[o][n] = (moved[o] - base[o]) / step - scaled * base[o];
            for (int i = 0; i < e->system.rows; i++)
                gradient[o][n] += seen[o][i] * e->jacobian[n][i];
        }
    }
}

/* Covariance of the outputs: what the patches leave open of the response, and the parameters. */
static void output_covariance(double covariance[OUTPUTS * OUTPUTS], const double output_matrix[9],
                              const estimate *e, const rubor_response_prior *prior)
{
    double transform[9], base[OUTPUTS], by_response[OUTPUTS][RESPONSE], by_parameter[OUTPUTS][N];
    double seen[OUTPUTS][ROWS] = {{0}};
    if (!transform_of(transform, output_matrix, &e->fit))
        return;
    outputs_of(base, transform, e->response);
    response_gradient(by_response, transform, e);
    for (int o = 0; o < OUTPUTS; o++)
        for (int r = 0; r < RESPONSE; r++)
            for (int i = 0; i < e->system.rows; i++)
                seen[o][i] += by_response[o][r] * e->explained[r][i];
    parameter_gradient(by_parameter, (const double(*)[ROWS])seen, output_matrix, base, e);
    for (int o = 0; o < OUTPUTS; o++) {
        for (int p = 0; p < OUTPUTS; p++) {
            double sum = 0.0;
            for (int r = 0; r < RESPONSE; r++)
                for (int q = 0; q < RESPONSE; q++)
                    sum += by_response[o][r] * prior->covariance[r][q] * by_response[p][q];
            for (int i = 0; i < e->system.rows; i++)
                sum -= seen[o][i] * seen[p][i];
            for (int n = 0; n < N; n++)
                for (int m = 0; m < N; m++)
                    sum += by_parameter[o][n] * e->covariance[n * N + m] * by_parameter[p][m];
            covariance[o * OUTPUTS + p] = sum;
        }
    }
}

static void fill_uncertainty(rubor_calibration *out, const estimate *e, const rubor_response_prior *prior)
{
    double covariance[OUTPUTS * OUTPUTS] = {0};
    output_covariance(covariance, out->matrix, e, prior);
    for (int c = 0; c < 3; c++) {
        for (int d = 0; d < 3; d++) {
            out->hemoglobin_covariance[3 * c + d] = rubor_settled(covariance[c * OUTPUTS + d] * 1e-4);
            out->melanin_covariance[3 * c + d] = rubor_settled(covariance[(3 + c) * OUTPUTS + 3 + d] * 1e-4);
        }
    }
}

void rubor_joint_response(rubor_calibration *out, const rubor_fit *fit, const rubor_joint *joint,
                          const rubor_fit_patch *patches, const rubor_response_prior *prior)
{
    double inverse[9];
    estimate *e = calloc(1, sizeof *e);
    if (!e)
        return;
    e->fit = *fit;
    if (!rubor_joint_system_init(&e->system, patches, prior, joint->relative) ||
        !solve_response(e, patches, prior) || rubor_matrix3_inverse(inverse, e->fit.theta, NULL) != RUBOR_OK)
        goto out;
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < SAMPLES; i++) {
            double value = 0.0, variance = 0.0;
            for (int j = 0; j < 3; j++) {
                int r = j * SAMPLES + i;
                double left = prior->covariance[r][r];
                for (int k = 0; k < e->system.rows; k++)
                    left -= e->explained[r][k] * e->explained[r][k];
                value += inverse[3 * c + j] * e->response[r];
                variance += inverse[3 * c + j] * inverse[3 * c + j] * fmax(left, 0.0);
            }
            out->response[c][i] = (float)rubor_settled(value);
            out->response_sd[c][i] = (float)rubor_settled(sqrt(variance));
        }
    }
    out->response_residual = rubor_settled(e->chi2);
    out->response_noise = joint->relative;
    fill_uncertainty(out, e, prior);
    out->response_known = true;
out:
    free(e);
}
