#include "calibration/calibrate_fit.h"

#include "calibration/calibrate_solve.h"
#include "imaging/fixed_math.h"

#include <math.h>
#include <string.h>

enum { N = RUBOR_FIT_PARAMETERS, TONES = RUBOR_FIT_TONES, PATCHES = RUBOR_CHART_PATCHES, MOST_STEPS = 40 };

/* What one patch is trusted to, in CIEDE2000, and where the loss turns from square to linear. */
static const double PATCH_SIGMA = 2.0, ROBUST_SIGMAS = 3.0;
/* Means and standard deviations of the priors; the matrix has its own, see prior_of. Lenses and rooms usually
 * veil by one to three percent of white. */
static const double PRIOR_MEAN[TONES] = {[RUBOR_FIT_GLARE - RUBOR_FIT_TONE] = 0.012,
                                         [RUBOR_FIT_CONTRAST - RUBOR_FIT_TONE] = 0.1};
static const double PRIOR_SD[TONES] = {0.20,  0.06,  0.06,  /* gamma */
                                       0.08,  0.03,         /* k2, k3 */
                                       0.015, 0.005, 0.005, /* glare, in units of white */
                                       0.01,  0.01,  0.15}; /* fall-off, log10 per pitch */
/* The matrix after scaling each channel to the chart's mean: near the identity for a photo that a camera has
 * developed, with room for lamps and raw-like channels. */
static const double MATRIX_DIAGONAL_SD = 0.8, MATRIX_SIDE_SD = 0.5;

static const double LN10 = 2.302585092994046;

typedef struct problem {
    const rubor_fit_patch *patches;
    const rubor_lab *reference;
    double camera_mean[3], reference_mean[3]; /* of the used patches, linear */
} problem;

double rubor_settled(double value)
{
    int exponent;
    double mantissa = frexp(value, &exponent);
    return isfinite(value) ? ldexp(rint(mantissa * 4194304.0) / 4194304.0, exponent) : value;
}

static double tone_log(const rubor_fit *fit, int channel, double x)
{
    const double *t = fit->theta;
    double difference = channel == 0   ? t[RUBOR_FIT_GAMMA + 1]
                        : channel == 1 ? t[RUBOR_FIT_GAMMA + 2]
                                       : -t[RUBOR_FIT_GAMMA + 1] - t[RUBOR_FIT_GAMMA + 2];
    double gamma = 1.0 + t[RUBOR_FIT_GAMMA] + difference;
    double k2 = t[RUBOR_FIT_CURVE], k3 = t[RUBOR_FIT_CURVE + 1];
    double inside = fmin(fmax(x, fit->low), fit->high);
    double value = inside * (gamma + inside * (k2 + inside * k3));
    double slope = gamma + inside * (2.0 * k2 + 3.0 * inside * k3);
    return value + fmax(slope, 0.3) * (x - inside);
}

/* Brings the chart's brightest channel, clipped or not, to where white usually lies. */
static double usual_scale(const rubor_fit_patch *patches)
{
    const double usual = 0.8;
    double brightest = 1e-3;
    for (int k = 0; k < PATCHES; k++)
        for (int c = 0; c < 3; c++)
            brightest = fmax(brightest, patches[k].linear[c]);
    return usual / brightest;
}

static double contrast_basis(double e)
{
    return e * (1.0 - e) * (2.0 * e - 1.0);
}

/* ln of linear light after the contrast curve is taken back, from the sRGB-encoded value e at the usual
 * scale; slope by contrast. Straight below where the sRGB curve is. */
static double plain_log(const rubor_fit *fit, double e, double *slope)
{
    double basis = contrast_basis(e);
    double y = fmax(e - fit->theta[RUBOR_FIT_CONTRAST] * basis, 1e-4);
    bool straight = y <= 0.04045;
    if (slope)
        *slope = -basis * (straight ? 1.0 / y : 2.4 / (y + 0.055));
    return (straight ? rubor_log(y / 12.92) : 2.4 * rubor_log((y + 0.055) / 1.055)) - fit->log_scale;
}

static double tone_of_encoded(const rubor_fit *fit, int channel, double e)
{
    return rubor_exp(fit->middle + tone_log(fit, channel, plain_log(fit, e, NULL) - fit->middle));
}

double rubor_fit_tone(const rubor_fit *fit, int channel, double linear)
{
    if (!(linear > 0.0))
        return 0.0;
    return tone_of_encoded(fit, channel, rubor_srgb_encode(linear * fit->scale));
}

/* Glare is never negative: a soft hinge at zero, so that a step can always lead away from it. */
static const double GLARE_HINGE = 0.001;

static double glare_of(double parameter, double *slope)
{
    double at = parameter / GLARE_HINGE;
    if (at > 30.0) {
        *slope = 1.0;
        return parameter;
    }
    double e = rubor_exp(at);
    *slope = e / (1.0 + e);
    return GLARE_HINGE * rubor_log(1.0 + e);
}

static double glare_parameter(const rubor_fit *fit, int channel)
{
    const double *t = fit->theta + RUBOR_FIT_GLARE;
    return t[0] + (channel == 0 ? t[1] : channel == 1 ? t[2] : -t[1] - t[2]);
}

double rubor_fit_glare(const rubor_fit *fit, int channel)
{
    double slope;
    return glare_of(glare_parameter(fit, channel), &slope);
}

void rubor_fit_color(double color[3], double v_out[3], const rubor_fit *fit, const rubor_fit_patch *patch)
{
    const double *t = fit->theta;
    double light = t[RUBOR_FIT_FALLOFF] * patch->x + t[RUBOR_FIT_FALLOFF + 1] * patch->y;
    double scale = rubor_exp(-LN10 * light);
    double v[3];
    for (int c = 0; c < 3; c++)
        v[c] = (tone_of_encoded(fit, c, patch->encoded[c]) - rubor_fit_glare(fit, c)) * scale;
    for (int i = 0; i < 3; i++)
        color[i] = t[3 * i] * v[0] + t[3 * i + 1] * v[1] + t[3 * i + 2] * v[2];
    if (v_out)
        memcpy(v_out, v, sizeof v);
}

/* Pseudo-Huber loss of one patch and the weight its squares get in the normal equations. */
static double robust_loss(const double r[3], double *weight)
{
    double root = sqrt(1.0 + (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]) / (ROBUST_SIGMAS * ROBUST_SIGMAS));
    if (weight)
        *weight = 1.0 / root;
    return ROBUST_SIGMAS * ROBUST_SIGMAS * (root - 1.0);
}

static void patch_residual(double r[3], const problem *p, int k, const double color[3])
{
    rubor_delta_e2000_vector(r, rubor_linear_to_lab_d50(color), p->reference[k]);
    for (int i = 0; i < 3; i++)
        r[i] /= PATCH_SIGMA;
}

/* Mean and standard deviation of the prior of parameter i. */
static void prior_of(double *mean, double *sd, const problem *p, int i)
{
    *mean = 0.0;
    if (i >= RUBOR_FIT_TONE) {
        *mean = PRIOR_MEAN[i - RUBOR_FIT_TONE];
        *sd = PRIOR_SD[i - 9];
        return;
    }
    double unit = p->reference_mean[i / 3] / p->camera_mean[i % 3];
    *mean = i % 4 == 0 ? unit : 0.0;
    *sd = unit * (i % 4 == 0 ? MATRIX_DIAGONAL_SD : MATRIX_SIDE_SD);
}

double rubor_fit_prior_mean(int parameter)
{
    return PRIOR_MEAN[parameter - RUBOR_FIT_TONE];
}

double rubor_fit_prior_sd(int parameter)
{
    return PRIOR_SD[parameter - RUBOR_FIT_TONE];
}

static double anchor_cost(const rubor_fit *fit)
{
    double sum = 0.0;
    for (int i = 0; i < TONES; i++) {
        double d = fit->theta[RUBOR_FIT_TONE + i] - fit->tone_at[i];
        sum += fit->tone_gradient[i] * d;
        for (int j = 0; j < TONES; j++)
            sum += 0.5 * d * fit->tone_precision[i * TONES + j] *
                   (fit->theta[RUBOR_FIT_TONE + j] - fit->tone_at[j]);
    }
    return sum;
}

static void add_anchor(double *jtj, double *jtr, const rubor_fit *fit)
{
    for (int i = 0; i < TONES; i++) {
        jtr[RUBOR_FIT_TONE + i] += fit->tone_gradient[i];
        for (int j = 0; j < TONES; j++) {
            double precision = fit->tone_precision[i * TONES + j];
            jtj[(RUBOR_FIT_TONE + i) * N + RUBOR_FIT_TONE + j] += precision;
            jtr[RUBOR_FIT_TONE + i] += precision * (fit->theta[RUBOR_FIT_TONE + j] - fit->tone_at[j]);
        }
    }
}

static double total_cost(const problem *p, const rubor_fit *fit)
{
    double sum = 0.0;
    for (int k = 0; k < PATCHES; k++) {
        if (!(p->patches[k].weight > 0.0))
            continue;
        double color[3], r[3];
        rubor_fit_color(color, NULL, fit, &p->patches[k]);
        patch_residual(r, p, k, color);
        sum += p->patches[k].weight * robust_loss(r, NULL);
    }
    for (int i = 0; i < N; i++) {
        double mean, sd;
        prior_of(&mean, &sd, p, i);
        double z = (fit->theta[i] - mean) / sd;
        sum += 0.5 * z * z;
    }
    sum += anchor_cost(fit);
    return isfinite(sum) ? sum : INFINITY;
}

/* d ln(tone) / d (gamma, k2, k3, x) of channel at x. */
static void tone_slopes(double out[4], const rubor_fit *fit, int channel, double x)
{
    double in = fmin(fmax(x, fit->low), fit->high), rest = x - in;
    const double step = 1e-4;
    out[3] = (tone_log(fit, channel, x + step) - tone_log(fit, channel, x - step)) / (2.0 * step);
    out[0] = x;
    out[1] = in * in + 2.0 * in * rest;
    out[2] = in * in * in + 3.0 * in * in * rest;
}

void rubor_fit_jacobian(double out[3][N], const rubor_fit *fit, const rubor_fit_patch *patch)
{
    const double *m = fit->theta;
    double color[3], v[3], dv[3][N] = {{0}};
    rubor_fit_color(color, v, fit, patch);
    double light = m[RUBOR_FIT_FALLOFF] * patch->x + m[RUBOR_FIT_FALLOFF + 1] * patch->y;
    double scale = rubor_exp(-LN10 * light);
    for (int c = 0; c < 3; c++) {
        double slopes[4], contrast, hinge, glare = glare_of(glare_parameter(fit, c), &hinge);
        double tone = v[c] / scale + glare;
        /* channel c carries the differences 1 and 2 as (1, 0), (0, 1), (-1, -1) */
        double first = c == 0 ? 1.0 : c == 1 ? 0.0 : -1.0, second = c == 1 ? 1.0 : c == 0 ? 0.0 : -1.0;
        tone_slopes(slopes, fit, c, plain_log(fit, patch->encoded[c], &contrast) - fit->middle);
        for (int i = 0; i < 4; i++)
            slopes[i] *= tone * scale;
        dv[c][RUBOR_FIT_CONTRAST] = slopes[3] * contrast;
        dv[c][RUBOR_FIT_GAMMA] = slopes[0];
        dv[c][RUBOR_FIT_GAMMA + 1] = slopes[0] * first;
        dv[c][RUBOR_FIT_GAMMA + 2] = slopes[0] * second;
        dv[c][RUBOR_FIT_CURVE] = slopes[1];
        dv[c][RUBOR_FIT_CURVE + 1] = slopes[2];
        dv[c][RUBOR_FIT_GLARE] = -scale * hinge;
        dv[c][RUBOR_FIT_GLARE + 1] = -scale * hinge * first;
        dv[c][RUBOR_FIT_GLARE + 2] = -scale * hinge * second;
        dv[c][RUBOR_FIT_FALLOFF] = -LN10 * patch->x * v[c];
        dv[c][RUBOR_FIT_FALLOFF + 1] = -LN10 * patch->y * v[c];
    }
    for (int i = 0; i < 3; i++) {
        for (int n = 0; n < N; n++)
            out[i][n] = m[3 * i] * dv[0][n] + m[3 * i + 1] * dv[1][n] + m[3 * i + 2] * dv[2][n];
        for (int j = 0; j < 3; j++)
            out[i][3 * i + j] += v[j];
    }
}

/* Adds one patch to the normal matrix J'J and the gradient J'r. */
static void add_patch(double *jtj, double *jtr, const problem *p, const rubor_fit *fit, int k)
{
    double color[3], r[3], weight, slope[3][3], dcolor[3][N], jacobian[3][N];
    rubor_fit_color(color, NULL, fit, &p->patches[k]);
    patch_residual(r, p, k, color);
    robust_loss(r, &weight);
    weight *= p->patches[k].weight;
    for (int j = 0; j < 3; j++) {
        double step = 1e-5 + 1e-5 * fabs(color[j]), moved[3] = {color[0], color[1], color[2]}, other[3];
        moved[j] += step;
        patch_residual(other, p, k, moved);
        for (int i = 0; i < 3; i++)
            slope[i][j] = (other[i] - r[i]) / step;
    }
    rubor_fit_jacobian(dcolor, fit, &p->patches[k]);
    for (int i = 0; i < 3; i++)
        for (int n = 0; n < N; n++)
            jacobian[i][n] =
                slope[i][0] * dcolor[0][n] + slope[i][1] * dcolor[1][n] + slope[i][2] * dcolor[2][n];
    for (int a = 0; a < N; a++) {
        for (int i = 0; i < 3; i++)
            jtr[a] += weight * jacobian[i][a] * r[i];
        for (int b = 0; b <= a; b++)
            for (int i = 0; i < 3; i++)
                jtj[a * N + b] += weight * jacobian[i][a] * jacobian[i][b];
    }
}

static void normal_equations(double *jtj, double *jtr, const problem *p, const rubor_fit *fit)
{
    memset(jtj, 0, sizeof(double) * N * N);
    memset(jtr, 0, sizeof(double) * N);
    for (int k = 0; k < PATCHES; k++)
        if (p->patches[k].weight > 0.0)
            add_patch(jtj, jtr, p, fit, k);
    for (int i = 0; i < N; i++) {
        double mean, sd;
        prior_of(&mean, &sd, p, i);
        jtj[i * N + i] += 1.0 / (sd * sd);
        jtr[i] += (fit->theta[i] - mean) / (sd * sd);
    }
    add_anchor(jtj, jtr, fit);
}

static void problem_init(problem *p, const rubor_fit_patch *patches, const rubor_lab *reference)
{
    *p = (problem){.patches = patches, .reference = reference};
    int used = 0;
    for (int k = 0; k < PATCHES; k++) {
        if (!(patches[k].weight > 0.0))
            continue;
        double linear[3];
        rubor_lab_d50_to_linear(linear, reference[k]);
        for (int c = 0; c < 3; c++) {
            p->camera_mean[c] += patches[k].linear[c];
            p->reference_mean[c] += linear[c];
        }
        used++;
    }
    for (int c = 0; c < 3; c++) {
        p->camera_mean[c] = fmax(p->camera_mean[c] / used, 1e-6);
        p->reference_mean[c] = fmax(p->reference_mean[c] / used, 1e-6);
    }
}

void rubor_fit_prepare(rubor_fit_patch *patches)
{
    double scale = usual_scale(patches);
    for (int k = 0; k < PATCHES; k++)
        for (int c = 0; c < 3; c++)
            patches[k].encoded[c] = rubor_srgb_encode(patches[k].linear[c] * scale);
}

rubor_status rubor_fit_start(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference,
                             rubor_error *error)
{
    int used = 0;
    double sum = 0.0, low = INFINITY, high = -INFINITY;
    *fit = (rubor_fit){.scale = usual_scale(patches)};
    fit->log_scale = rubor_log(fit->scale);
    memcpy(fit->theta + RUBOR_FIT_TONE, PRIOR_MEAN, sizeof PRIOR_MEAN);
    for (int k = 0; k < PATCHES; k++) {
        if (!(patches[k].weight > 0.0))
            continue;
        used++;
        for (int c = 0; c < 3; c++) {
            double x = rubor_log(fmax(patches[k].linear[c], 1e-3));
            sum += x / 3.0;
            low = fmin(low, x);
            high = fmax(high, x);
        }
    }
    if (used < RUBOR_FIT_MIN_PATCHES)
        return rubor_error_set(
            error, RUBOR_REFUSED,
            "only %d chart patches are usable, %d are needed; light the whole chart evenly, neither glaring nor dark", used,
            (int)RUBOR_FIT_MIN_PATCHES);
    fit->middle = sum / used;
    fit->low = low - fit->middle;
    fit->high = high - fit->middle + 0.1;

    problem p;
    problem_init(&p, patches, reference);
    /* A small ridge toward a plain white balance keeps few or gray-only patches solvable. */
    for (int i = 0; i < 3; i++) {
        double ata[9] = {0}, b[3] = {0};
        for (int k = 0; k < PATCHES; k++) {
            if (!(patches[k].weight > 0.0))
                continue;
            double linear[3];
            rubor_lab_d50_to_linear(linear, reference[k]);
            for (int j = 0; j < 3; j++) {
                double lj = patches[k].linear[j] / p.camera_mean[j];
                b[j] += lj * linear[i] / p.reference_mean[i];
                for (int m = 0; m < 3; m++)
                    ata[3 * j + m] += lj * patches[k].linear[m] / p.camera_mean[m];
            }
        }
        for (int j = 0; j < 3; j++)
            ata[4 * j] += 0.02 * used;
        b[i] += 0.02 * used;
        if (!rubor_cholesky(ata, 3))
            return rubor_error_set(error, RUBOR_REFUSED, "the chart's patches cannot be told apart by color");
        rubor_cholesky_solve(b, ata, 3);
        for (int j = 0; j < 3; j++)
            fit->theta[3 * i + j] = b[j] * p.reference_mean[i] / p.camera_mean[j];
    }
    return RUBOR_OK;
}

void rubor_fit_improve(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference,
                       double tolerance)
{
    problem p;
    problem_init(&p, patches, reference);
    double lambda = 1e-3;
    fit->cost = total_cost(&p, fit);
    for (int iteration = 0; iteration < MOST_STEPS; iteration++) {
        double jtj[N * N], jtr[N], gain = 0.0;
        normal_equations(jtj, jtr, &p, fit);
        for (int attempt = 0; attempt < 6 && gain <= 0.0; attempt++) {
            double a[N * N], step[N];
            memcpy(a, jtj, sizeof a);
            memcpy(step, jtr, sizeof step);
            for (int i = 0; i < N; i++)
                a[i * N + i] *= 1.0 + lambda;
            rubor_fit trial = *fit;
            if (rubor_cholesky(a, N)) {
                rubor_cholesky_solve(step, a, N);
                for (int i = 0; i < N; i++)
                    trial.theta[i] -= step[i];
                trial.cost = total_cost(&p, &trial);
            }
            if (trial.cost < fit->cost) {
                gain = fit->cost - trial.cost;
                *fit = trial;
                lambda = fmax(lambda * 0.1, 1e-9);
            } else {
                lambda *= 10.0;
            }
        }
        if (gain < tolerance * (1.0 + fit->cost))
            break;
    }
}

void rubor_fit_covariance(rubor_fit *fit, const rubor_fit_patch *patches, const rubor_lab *reference)
{
    problem p;
    problem_init(&p, patches, reference);
    double jtj[N * N], jtr[N];
    normal_equations(jtj, jtr, &p, fit);
    if (rubor_cholesky(jtj, N))
        rubor_cholesky_inverse(fit->covariance, jtj, N);
    else
        for (int i = 0; i < N * N; i++)
            fit->covariance[i] = NAN;
}
