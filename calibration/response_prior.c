#include "calibration/response_prior.h"

#include "calibration/calibrate_solve.h"
#include "calibration/skin_model.h"

#include "imaging/fixed_math.h"
#include <assert.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES = RUBOR_SPECTRUM_SAMPLES,
    PATCHES = RUBOR_CHART_PATCHES,
    RESPONSE = RUBOR_PRIOR_RESPONSE,
    SIGNALS = RUBOR_PRIOR_SIGNALS,
    MAX_LAMPS = 160
};

typedef struct lamps {
    double power[MAX_LAMPS][SAMPLES];
    int count;
} lamps;

typedef struct sums {
    double mean[RESPONSE];
    double square[RESPONSE][RESPONSE]; /* lower triangle */
    double reference[PATCHES][3];
    int count;
} sums;

/* Whether one of the comma-separated names is this one (exact), or is contained in it (part). */
static bool named(const char *list, const char *name, bool part)
{
    while (list && *list) {
        size_t n = strcspn(list, ",");
        if (n > 0 && !part && strlen(name) == n && strncmp(list, name, n) == 0)
            return true;
        for (size_t at = 0; n > 0 && part && at + n <= strlen(name); at++)
            if (strncmp(list, name + at, n) == 0)
                return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static void add_lamp(lamps *all, const double power[SAMPLES])
{
    double sum = 0.0;
    assert(all->count < MAX_LAMPS);
    for (int i = 0; i < SAMPLES; i++)
        sum += power[i];
    for (int i = 0; i < SAMPLES; i++)
        all->power[all->count][i] = power[i] * SAMPLES / sum;
    all->count++;
}

static void add_thermal(lamps *all, double kelvin)
{
    double power[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        double nm = RUBOR_SPECTRUM_FIRST_NM + i * RUBOR_SPECTRUM_STEP_NM;
        power[i] = rubor_pow(nm / 560.0, -5.0) / (rubor_exp(1.438777e7 / (nm * kelvin)) - 1.0);
    }
    add_lamp(all, power);
}

/* Tabulated lamps, all pairs of them half and half, and thermal radiators. */
static void collect_lamps(lamps *all, const char *without)
{
    all->count = 0;
    for (size_t k = 0; k < rubor_illuminant_count(); k++) {
        double power[SAMPLES];
        if (named(without, rubor_illuminant(k)->name, false))
            continue;
        for (int i = 0; i < SAMPLES; i++)
            power[i] = (double)rubor_illuminant(k)->value[i];
        add_lamp(all, power);
    }
    int single = all->count;
    for (int a = 0; a < single; a++) {
        for (int b = a + 1; b < single; b++) {
            double power[SAMPLES];
            for (int i = 0; i < SAMPLES; i++)
                power[i] = 0.5 * (all->power[a][i] + all->power[b][i]);
            add_lamp(all, power);
        }
    }
    static const double kelvins[] = {2700.0, 3200.0, 4000.0, 5000.0, 6500.0};
    for (size_t k = 0; k < sizeof kelvins / sizeof *kelvins; k++)
        add_thermal(all, kelvins[k]);
}

void rubor_patch_reference(double linear[PATCHES][3])
{
    double weights[3][SAMPLES];
    rubor_reference_observer(weights);
    for (int k = 0; k < PATCHES; k++) {
        const float *reflectance = rubor_chart_reflectance((size_t)k)->value;
        for (int c = 0; c < 3; c++) {
            linear[k][c] = 0.0;
            for (int i = 0; i < SAMPLES; i++)
                linear[k][c] += weights[c][i] * (double)reflectance[i];
        }
    }
}

/* response brought to linear sRGB by the least-squares matrix over the patches. */
static void to_reference(double out[RESPONSE], const double response[3][SAMPLES],
                         const double reference[PATCHES][3])
{
    double signal[PATCHES][3], ata[9] = {0};
    for (int k = 0; k < PATCHES; k++) {
        const float *reflectance = rubor_chart_reflectance((size_t)k)->value;
        for (int c = 0; c < 3; c++) {
            signal[k][c] = 0.0;
            for (int i = 0; i < SAMPLES; i++)
                signal[k][c] += response[c][i] * (double)reflectance[i];
        }
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++)
                ata[3 * a + b] += signal[k][a] * signal[k][b];
    }
    bool definite = rubor_cholesky(ata, 3);
    assert(definite);
    (void)definite;
    for (int row = 0; row < 3; row++) {
        double m[3] = {0};
        for (int k = 0; k < PATCHES; k++)
            for (int a = 0; a < 3; a++)
                m[a] += signal[k][a] * reference[k][row];
        rubor_cholesky_solve(m, ata, 3);
        for (int i = 0; i < SAMPLES; i++)
            out[row * SAMPLES + i] = m[0] * response[0][i] + m[1] * response[1][i] + m[2] * response[2][i];
    }
}

static void add_camera(sums *s, const rubor_camera_sensitivity *camera, const lamps *all)
{
    for (int lamp = 0; lamp < all->count; lamp++) {
        double response[3][SAMPLES], q[RESPONSE];
        for (int c = 0; c < 3; c++) {
            double sum = 0.0;
            for (int i = 0; i < SAMPLES; i++) {
                response[c][i] = (double)camera->value[c][i] * all->power[lamp][i];
                sum += response[c][i];
            }
            for (int i = 0; i < SAMPLES; i++)
                response[c][i] /= sum;
        }
        to_reference(q, (const double(*)[SAMPLES])response, (const double(*)[3])s->reference);
        for (int a = 0; a < RESPONSE; a++) {
            s->mean[a] += q[a];
            for (int b = 0; b <= a; b++)
                s->square[a][b] += q[a] * q[b];
        }
        s->count++;
    }
}

static void finish_covariance(rubor_response_prior *out, const sums *s)
{
    for (int a = 0; a < RESPONSE; a++)
        out->mean[a] = s->mean[a] / s->count;
    for (int a = 0; a < RESPONSE; a++)
        for (int b = 0; b <= a; b++)
            out->covariance[a][b] = out->covariance[b][a] =
                s->square[a][b] / s->count - out->mean[a] * out->mean[b];
}

/* Signals are the responses seen through the patch reflectances. */
static void finish_signals(rubor_response_prior *out)
{
    for (int k = 0; k < PATCHES; k++) {
        const float *reflectance = rubor_chart_reflectance((size_t)k)->value;
        for (int c = 0; c < 3; c++) {
            int at = 3 * k + c;
            out->signal_mean[at] = 0.0;
            for (int i = 0; i < SAMPLES; i++)
                out->signal_mean[at] += (double)reflectance[i] * out->mean[c * SAMPLES + i];
            for (int a = 0; a < RESPONSE; a++) {
                double sum = 0.0;
                for (int i = 0; i < SAMPLES; i++)
                    sum += (double)reflectance[i] * out->covariance[a][c * SAMPLES + i];
                out->cross[a][at] = sum;
            }
        }
    }
    for (int k = 0; k < PATCHES; k++) {
        const float *reflectance = rubor_chart_reflectance((size_t)k)->value;
        for (int c = 0; c < 3; c++) {
            for (int at = 0; at < SIGNALS; at++) {
                double sum = 0.0;
                for (int i = 0; i < SAMPLES; i++)
                    sum += (double)reflectance[i] * out->cross[c * SAMPLES + i][at];
                out->signal_covariance[3 * k + c][at] = sum;
            }
        }
    }
}

rubor_status rubor_response_prior_build(rubor_response_prior *out, const char *without, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    lamps *all = malloc(sizeof *all);
    sums *s = calloc(1, sizeof *s);
    if (!all || !s) {
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the response prior");
        goto out;
    }
    collect_lamps(all, without);
    rubor_patch_reference(s->reference);
    for (size_t k = 0; k < rubor_camera_count(); k++)
        if (!named(without, rubor_camera(k)->name, true))
            add_camera(s, rubor_camera(k), all);
    if (s->count < 2) {
        status = rubor_error_set(error, RUBOR_INVALID, "no cameras or no lamps left for the response prior");
        goto out;
    }
    finish_covariance(out, s);
    finish_signals(out);
out:
    free(all);
    free(s);
    return status;
}

static rubor_response_prior default_prior;
static pthread_once_t default_once = PTHREAD_ONCE_INIT;
static bool default_ready;

static void build_default(void)
{
    default_ready =
        rubor_response_prior_build(&default_prior, getenv("RUBOR_PRIOR_WITHOUT"), NULL) == RUBOR_OK;
}

const rubor_response_prior *rubor_response_prior_default(void)
{
    pthread_once(&default_once, build_default);
    return default_ready ? &default_prior : NULL;
}
