#include "calibration/calibrate_joint.h"

#include "calibration/calibrate_solve.h"

#include "imaging/fixed_math.h"

#include <math.h>
#include <string.h>

enum {
    N = RUBOR_FIT_PARAMETERS,
    TONE = RUBOR_FIT_TONE,
    TONES = RUBOR_FIT_TONES,
    ROWS = RUBOR_PRIOR_SIGNALS,
    MOST_STEPS = 30
};

static const double NOISE_FLOOR = 0.0005; /* linear: the last bits of 8 */
static const double NOISE_FLOOR_SHARE = 0.02;
static const double NOISE_MIXED = 0.1;
static const double NOISE_LEVELS[] = {0.003, 0.006, 0.012, 0.025, 0.05, 0.07, 0.1, 0.14, 0.2};

static const double SEARCH_TOLERANCE = 1e-5, REFIT_TOLERANCE = 1e-4, FINAL_TOLERANCE = 1e-9;
static const double CLEARLY_WORSE = 15.0; /* log evidence */

typedef struct state {
    rubor_fit fit;
    double residual[ROWS]; /* whitened */
    double jtj[N * N];     /* data alone */
    double jtr[N];         /* data alone */
    double cost;
} state;

bool rubor_joint_system_init(rubor_joint_system *s, const rubor_fit_patch *patches,
                             const rubor_response_prior *prior, double relative)
{
    s->rows = 0;
    for (int at = 0; at < ROWS; at++)
        if (patches[at / 3].weight > 0.0)
            s->index[s->rows++] = at;
    for (int a = 0; a < s->rows; a++) {
        s->mean[a] = prior->signal_mean[s->index[a]];
        for (int b = 0; b < s->rows; b++)
            s->factor[a * s->rows + b] = prior->signal_covariance[s->index[a]][s->index[b]];
        /* The matrix mixes the channels' errors: a channel that sees little of a patch has some of the
         * brightest's. */
        const double *patch = prior->signal_mean + s->index[a] / 3 * 3;
        double brightest = fmax(fmax(fabs(patch[0]), fabs(patch[1])), fabs(patch[2]));
        double level = (1.0 - NOISE_MIXED) * fabs(s->mean[a]) + NOISE_MIXED * brightest;
        double noise = relative * level + NOISE_FLOOR + NOISE_FLOOR_SHARE * relative;
        s->factor[a * s->rows + a] += noise * noise;
    }
    return rubor_cholesky(s->factor, s->rows);
}

void rubor_joint_linearize(double *residual, double (*jacobian)[ROWS], const rubor_joint_system *s,
                           const rubor_fit *fit, const rubor_fit_patch *patches)
{
    for (int row = 0; row < s->rows; row += 3) {
        const rubor_fit_patch *patch = &patches[s->index[row] / 3];
        double color[3], slopes[3][N];
        rubor_fit_color(color, NULL, fit, patch);
        for (int c = 0; c < 3; c++)
            residual[row + c] = color[c] - s->mean[row + c];
        if (!jacobian)
            continue;
        rubor_fit_jacobian(slopes, fit, patch);
        for (int c = 0; c < 3; c++)
            for (int n = 0; n < N; n++)
                jacobian[n][row + c] = slopes[c][n];
    }
}

static double prior_cost(const rubor_fit *fit)
{
    double sum = 0.0;
    for (int i = TONE; i < N; i++) {
        double z = (fit->theta[i] - rubor_fit_prior_mean(i)) / rubor_fit_prior_sd(i);
        sum += 0.5 * z * z;
    }
    return sum;
}

static double cost_of(double *whitened, const rubor_joint_system *s, const rubor_fit *fit,
                      const rubor_fit_patch *patches)
{
    double sum = 0.0;
    rubor_joint_linearize(whitened, NULL, s, fit, patches);
    rubor_cholesky_forward(whitened, s->factor, s->rows);
    for (int i = 0; i < s->rows; i++)
        sum += 0.5 * whitened[i] * whitened[i];
    sum += prior_cost(fit);
    return isfinite(sum) ? sum : INFINITY;
}

static void linearize(state *now, const rubor_joint_system *s, const rubor_fit_patch *patches)
{
    double jacobian[N][ROWS];
    rubor_joint_linearize(now->residual, jacobian, s, &now->fit, patches);
    rubor_cholesky_forward(now->residual, s->factor, s->rows);
    for (int n = 0; n < N; n++)
        rubor_cholesky_forward(jacobian[n], s->factor, s->rows);
    for (int a = 0; a < N; a++) {
        now->jtr[a] = rubor_dot(jacobian[a], now->residual, s->rows);
        for (int b = 0; b <= a; b++)
            now->jtj[a * N + b] = now->jtj[b * N + a] = rubor_dot(jacobian[a], jacobian[b], s->rows);
    }
}

/* jtj of the data plus the prior's. */
static void posterior(double *a, const state *now)
{
    memcpy(a, now->jtj, sizeof now->jtj);
    for (int i = TONE; i < N; i++)
        a[i * N + i] += 1.0 / (rubor_fit_prior_sd(i) * rubor_fit_prior_sd(i));
}

static void improve(state *now, const rubor_joint_system *s, const rubor_fit_patch *patches, double tolerance)
{
    double lambda = 1e-4;
    now->cost = cost_of(now->residual, s, &now->fit, patches);
    for (int iteration = 0; iteration < MOST_STEPS; iteration++) {
        double gain = 0.0;
        linearize(now, s, patches);
        for (int attempt = 0; attempt < 6 && gain <= 0.0; attempt++) {
            double a[N * N], step[N], whitened[ROWS];
            posterior(a, now);
            for (int i = 0; i < N; i++) {
                double sd = i < TONE ? 1.0 : rubor_fit_prior_sd(i);
                step[i] = now->jtr[i] +
                          (i < TONE ? 0.0 : (now->fit.theta[i] - rubor_fit_prior_mean(i)) / (sd * sd));
                a[i * N + i] *= 1.0 + lambda;
            }
            rubor_fit trial = now->fit;
            double cost = INFINITY;
            if (rubor_cholesky(a, N)) {
                rubor_cholesky_solve(step, a, N);
                for (int i = 0; i < N; i++)
                    trial.theta[i] -= step[i];
                cost = cost_of(whitened, s, &trial, patches);
            }
            if (cost < now->cost) {
                gain = now->cost - cost;
                now->cost = cost;
                now->fit = trial;
                lambda = fmax(lambda * 0.1, 1e-9);
            } else {
                lambda *= 10.0;
            }
        }
        if (gain < tolerance * (1.0 + now->cost))
            break;
    }
    linearize(now, s, patches);
}

static double half_log_determinant(const double *factor, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += rubor_log(factor[i * n + i]);
    return sum;
}

/* Log evidence up to a constant: fit, Occam factors of the noise and of the parameters. */
static double evidence(const state *now, const rubor_joint_system *s)
{
    double a[N * N];
    posterior(a, now);
    if (!rubor_cholesky(a, N))
        return -INFINITY;
    return -now->cost - half_log_determinant(s->factor, s->rows) - half_log_determinant(a, N);
}

/* Precision of the tone parameters with the matrix marginalized: Schur complement of the data's jtj. */
static bool tone_precision(double *out, const state *now)
{
    double block[TONE * TONE], column[TONES][TONE];
    for (int i = 0; i < TONE; i++)
        for (int j = 0; j < TONE; j++)
            block[i * TONE + j] = now->jtj[i * N + j];
    if (!rubor_cholesky(block, TONE))
        return false;
    for (int t = 0; t < TONES; t++) {
        for (int i = 0; i < TONE; i++)
            column[t][i] = now->jtj[(TONE + t) * N + i];
        rubor_cholesky_forward(column[t], block, TONE);
    }
    for (int t = 0; t < TONES; t++) {
        for (int u = 0; u < TONES; u++) {
            double sum = now->jtj[(TONE + t) * N + TONE + u];
            for (int i = 0; i < TONE; i++)
                sum -= column[t][i] * column[u][i];
            out[t * TONES + u] = sum;
        }
    }
    return true;
}

/* The estimate at one noise level, going on from theta; returns its log evidence, -infinity when it fails. */
static double estimate_at(rubor_joint *out, rubor_fit *from, const rubor_fit_patch *patches,
                          const rubor_response_prior *prior, double level, double tolerance)
{
    rubor_joint_system system;
    state now = {.fit = *from};
    if (!rubor_joint_system_init(&system, patches, prior, level))
        return -INFINITY;
    improve(&now, &system, patches, tolerance);
    if (!tone_precision(out->precision, &now))
        return -INFINITY;
    out->relative = level;
    memcpy(out->theta, now.fit.theta, sizeof out->theta);
    out->chi2 = rubor_dot(now.residual, now.residual, system.rows) / fmax(1.0, system.rows - TONE);
    *from = now.fit;
    return evidence(&now, &system);
}

bool rubor_joint_estimate(rubor_joint *out, const rubor_fit *start, const rubor_fit_patch *patches,
                          const rubor_response_prior *prior, double relative)
{
    rubor_fit from = *start;
    if (relative > 0.0)
        return isfinite(estimate_at(out, &from, patches, prior, relative, REFIT_TOLERANCE));
    double best = -INFINITY, level = 0.0;
    for (size_t k = sizeof NOISE_LEVELS / sizeof *NOISE_LEVELS;
         k-- > 0;) { /* loose to tight: each starts from the last */
        double value = estimate_at(out, &from, patches, prior, NOISE_LEVELS[k], SEARCH_TOLERANCE);
        if (value > best) {
            best = value;
            level = NOISE_LEVELS[k];
        } else if (value < best - CLEARLY_WORSE) {
            break;
        }
    }
    return isfinite(best) && isfinite(estimate_at(out, &from, patches, prior, level, FINAL_TOLERANCE));
}

void rubor_joint_anchor(rubor_fit *fit, const rubor_joint *joint)
{
    memcpy(fit->tone_precision, joint->precision, sizeof fit->tone_precision);
    for (int t = 0; t < TONES; t++) {
        double sd = rubor_fit_prior_sd(TONE + t);
        fit->tone_at[t] = joint->theta[TONE + t];
        /* The joint estimate sits where its data and the prior balance; fit has the prior itself. */
        fit->tone_gradient[t] = -(joint->theta[TONE + t] - rubor_fit_prior_mean(TONE + t)) / (sd * sd);
    }
}
