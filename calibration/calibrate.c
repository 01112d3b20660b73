#include "calibration/calibration.h"

#include "calibration/calibrate_fit.h"
#include "calibration/calibrate_joint.h"
#include "calibration/calibrate_sample.h"
#include "calibration/response_prior.h"
#include "imaging/kernels.h"
#include "imaging/linsolve.h"
#include "imaging/order.h"
#include "imaging/srgb_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATCHES = RUBOR_CHART_PATCHES };

/* How well each fit converges: the last one far below what rubor_settled keeps. */
static const double SEARCH = 1e-5, LEFT_OUT = 1e-4, LAST = 1e-13;

/* Skin-like patches count double: dark skin, light skin. */
static const double SKIN_WEIGHT = 2.0;
/* A patch left out that lands this far away, and this many times further than its fellows, is not the color
 * it should be: a reflection, a shadow, dirt. */
static const double OUTLIER_DELTA_E = 14.0, OUTLIER_RATIO = 4.0, SUSPECT_DELTA_E = 8.0;
/* Mean fit error above which several patches are taken to be covered, and what then counts as covered. */
static const double BAD_FIT = 5.0, MINORITY_DELTA_E = 12.0;

typedef struct work {
    const rubor_chart_table *table;
    rubor_lab reference[PATCHES];
    double reference_linear[PATCHES][3];
    rubor_fit_patch input[PATCHES];
    rubor_fit fit;
    bool suspect[PATCHES];             /* covered, says the chart search */
    const rubor_response_prior *prior; /* NULL: the chart's spectra are not known */
    rubor_joint joint;
    bool joined;              /* joint holds an estimate */
    double left_out[PATCHES]; /* CIEDE2000 of each used patch, from a fit without it */
} work;

void rubor_calibration_none(rubor_calibration *out)
{
    *out = (rubor_calibration){.status = RUBOR_CALIBRATION_NONE};
    for (int c = 0; c < 3; c++) {
        for (int k = 0; k < RUBOR_TONE_KNOTS; k++)
            out->tone[c][k] = (float)rubor_srgb_decode(k / (RUBOR_TONE_KNOTS - 1.0));
        out->matrix[4 * c] = 1.0;
    }
    out->darkest = 1;
    out->glare_percent = out->glare_percent_sd = NAN;
    out->delta_e2000_uncorrected = out->delta_e2000_fit_mean = NAN;
    out->delta_e2000_fit_max = out->delta_e2000_loo_mean = NAN;
    out->mm_per_px = out->mm_per_px_sd = NAN;
    out->response_residual = NAN;
    for (int k = 0; k < PATCHES; k++)
        out->patches[k].delta_e2000 = NAN;
}

static void set_table(work *w, const rubor_chart_table *table)
{
    w->table = table;
    for (int k = 0; k < PATCHES; k++) {
        w->reference[k] = table->lab_d50[k];
        rubor_lab_d50_to_linear(w->reference_linear[k], table->lab_d50[k]);
    }
}

static void set_input(work *w, const rubor_patch *patches)
{
    for (int k = 0; k < PATCHES; k++) {
        rubor_fit_patch *in = &w->input[k];
        for (int c = 0; c < 3; c++)
            in->linear[c] = fmax(patches[k].linear[c], 1e-4);
        in->weight = patches[k].use != RUBOR_PATCH_USED ? 0.0 : k < 2 ? SKIN_WEIGHT : 1.0;
        in->x = k % RUBOR_CHART_COLUMNS - 2.5;
        in->y = k / RUBOR_CHART_COLUMNS - 1.5;
    }
    rubor_fit_prepare(w->input);
}

static double patch_error(const rubor_fit *fit, const work *w, int k)
{
    double color[3];
    rubor_fit_color(color, NULL, fit, &w->input[k]);
    return rubor_delta_e2000(rubor_linear_to_lab_d50(color), w->reference[k]);
}

static rubor_status fit_all(work *w, rubor_error *error)
{
    rubor_status status = rubor_fit_start(&w->fit, w->input, w->reference, error);
    if (status == RUBOR_OK)
        rubor_fit_improve(&w->fit, w->input, w->reference, SEARCH);
    return status;
}

/* A user's table that is not the ColorChecker's has no tabulated spectra. */
static bool spectra_apply(const work *w)
{
    double reference[PATCHES][3];
    rubor_patch_reference(reference);
    for (int k = 0; k < PATCHES; k++)
        if (rubor_delta_e2000(rubor_linear_to_lab_d50(reference[k]), w->table->lab_d50[k]) > 6.0)
            return false;
    return true;
}

/* The edition that fits better; a user's table or a given edition is taken as it is. */
static rubor_status fit_edition(work *w, const rubor_calibrate_options *options, rubor_error *error)
{
    if (options->table || options->edition == RUBOR_EDITION_BEFORE_2014 ||
        options->edition == RUBOR_EDITION_AFTER_2014) {
        set_table(w, options->table ? options->table : rubor_chart_table_get(options->edition));
        return fit_all(w, error);
    }
    set_table(w, rubor_chart_table_get(RUBOR_EDITION_AFTER_2014));
    rubor_status status = fit_all(w, error);
    if (status != RUBOR_OK)
        return status;
    rubor_fit newer = w->fit;
    set_table(w, rubor_chart_table_get(RUBOR_EDITION_BEFORE_2014));
    rubor_fit_improve(&w->fit, w->input, w->reference, SEARCH);
    if (newer.cost <= w->fit.cost) {
        set_table(w, rubor_chart_table_get(RUBOR_EDITION_AFTER_2014));
        w->fit = newer;
    } else {
        rubor_fit_improve(&w->fit, w->input, w->reference, SEARCH);
    }
    return RUBOR_OK;
}

/* An honest refit without each patch in turn; the full fit is only where the search starts. */
static void leave_one_out(work *w)
{
    for (int k = 0; k < PATCHES; k++) {
        w->left_out[k] = NAN;
        double weight = w->input[k].weight;
        if (!(weight > 0.0))
            continue;
        w->input[k].weight = 0.0;
        rubor_fit fit;
        if (rubor_fit_start(&fit, w->input, w->reference, NULL) == RUBOR_OK) {
            memcpy(fit.theta, w->fit.theta, sizeof fit.theta);
            rubor_joint joint;
            if (w->joined && rubor_joint_estimate(&joint, &fit, w->input, w->prior, w->joint.relative))
                rubor_joint_anchor(&fit, &joint);
            rubor_fit_improve(&fit, w->input, w->reference, LEFT_OUT);
            w->left_out[k] = patch_error(&fit, w, k);
        }
        w->input[k].weight = weight;
    }
}

static double median_left_out(const work *w)
{
    double sorted[PATCHES];
    int n = 0;
    for (int k = 0; k < PATCHES; k++)
        if (isfinite(w->left_out[k]))
            sorted[n++] = w->left_out[k];
    if (n == 0)
        return NAN;
    qsort(sorted, (size_t)n, sizeof *sorted, rubor_compare_doubles);
    return sorted[n / 2];
}

/* Marks at most one patch in eight; returns how many. */
static int mark_outliers(work *w, rubor_patch *patches)
{
    double limit = fmax(OUTLIER_DELTA_E, OUTLIER_RATIO * median_left_out(w));
    int used = 0, marked = 0;
    for (int k = 0; k < PATCHES; k++)
        used += w->input[k].weight > 0.0;
    for (; marked < used / 8; marked++) {
        int worst = -1;
        for (int k = 0; k < PATCHES; k++)
            if (w->input[k].weight > 0.0 && w->left_out[k] > limit &&
                (worst < 0 || w->left_out[k] > w->left_out[worst]))
                worst = k;
        if (worst < 0)
            break;
        double color[3];
        rubor_fit_color(color, NULL, &w->fit, &w->input[worst]);
        bool dark =
            color[1] < 0.5 * w->reference_linear[worst][1] && color[0] < 0.6 * w->reference_linear[worst][0];
        patches[worst].use = dark ? RUBOR_PATCH_SHADOWED : RUBOR_PATCH_OUTLIER;
        w->input[worst].weight = 0.0;
    }
    return marked;
}

/* The chart search calls patches covered that it could not see as squares; the fit decides whether their
 * color is the chart's after all. */
static void readmit(work *w, rubor_patch *patches)
{
    for (int k = 0; k < PATCHES; k++) {
        if (!w->suspect[k] || patch_error(&w->fit, w, k) > SUSPECT_DELTA_E)
            continue;
        patches[k].use = RUBOR_PATCH_USED;
        w->suspect[k] = false;
    }
}

static void suspect_covered(work *w, rubor_patch *patches, const rubor_chart_location *location)
{
    int trusted = 0;
    for (int k = 0; k < PATCHES; k++)
        trusted += patches[k].use == RUBOR_PATCH_USED && !location->covered[k];
    if (trusted < RUBOR_FIT_MIN_PATCHES)
        return;
    for (int k = 0; k < PATCHES; k++) {
        w->suspect[k] = patches[k].use == RUBOR_PATCH_USED && location->covered[k];
        if (w->suspect[k])
            patches[k].use = RUBOR_PATCH_COVERED;
    }
}

/* The spectral estimate of tone curve, glare and fall-off, and the color fit drawn to it. */
static void join(work *w)
{
    w->joined = w->prior && rubor_joint_estimate(&w->joint, &w->fit, w->input, w->prior, 0.0);
    if (w->joined)
        rubor_joint_anchor(&w->fit, &w->joint);
    rubor_fit_improve(&w->fit, w->input, w->reference, LAST);
    leave_one_out(w);
}

/* Something flat over several patches spoils the whole fit. Weights that fall with the residual, first gently
 * and then steeply (graduated non-convexity with the Geman-McClure weight), let the majority find itself. */
static void find_majority(work *w)
{
    static const double scales[] = {30.0, 20.0, 14.0, 10.0, 7.0, 5.0};
    double original[PATCHES];
    for (int k = 0; k < PATCHES; k++)
        original[k] = w->input[k].weight;
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        for (int k = 0; k < PATCHES; k++) {
            if (!(original[k] > 0.0))
                continue;
            double r = patch_error(&w->fit, w, k) / scales[s], falls = 1.0 / (1.0 + r * r);
            w->input[k].weight = original[k] * fmax(falls * falls, 1e-3);
        }
        rubor_fit_improve(&w->fit, w->input, w->reference, SEARCH);
    }
    for (int k = 0; k < PATCHES; k++)
        w->input[k].weight = original[k];
}

/* Called when the fit is bad: drops what the majority's fit cannot explain, at most half of the patches. */
static rubor_status drop_minority(work *w, rubor_patch *patches, const rubor_calibrate_options *options,
                                  rubor_error *error)
{
    double errors[PATCHES];
    int n = 0, dropped = 0;
    for (int k = 0; k < PATCHES; k++)
        if (w->input[k].weight > 0.0)
            errors[n++] = patch_error(&w->fit, w, k);
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += errors[i];
    if (n == 0 || sum / n < BAD_FIT)
        return RUBOR_OK;
    find_majority(w);
    for (int k = 0; k < PATCHES && dropped < n / 2; k++) {
        if (w->input[k].weight > 0.0 && patch_error(&w->fit, w, k) > MINORITY_DELTA_E) {
            patches[k].use = RUBOR_PATCH_COVERED;
            dropped++;
        }
    }
    set_input(w, patches);
    return dropped > 0 ? fit_edition(w, options, error) : RUBOR_OK;
}

static rubor_status fit_robustly(work *w, rubor_patch *patches, const rubor_calibrate_options *options,
                                 rubor_error *error)
{
    set_input(w, patches);
    rubor_status status = fit_edition(w, options, error);
    if (status != RUBOR_OK)
        return status;
    readmit(w, patches);
    set_input(w, patches);
    status = fit_edition(w, options, error);
    if (status != RUBOR_OK)
        return status;
    status = drop_minority(w, patches, options, error);
    if (status != RUBOR_OK)
        return status;
    leave_one_out(w);
    if (mark_outliers(w, patches) > 0) {
        status = fit_edition(w, options, error);
        if (status != RUBOR_OK)
            return status;
    }
    join(w);
    return RUBOR_OK;
}

/* Standard deviation of the glare's common part, in percent of white. */
static double glare_sd(const rubor_fit *fit, double white)
{
    double variance = fit->covariance[RUBOR_FIT_GLARE * RUBOR_FIT_PARAMETERS + RUBOR_FIT_GLARE];
    return variance >= 0.0 ? 100.0 * sqrt(variance) / white : NAN;
}

static void fill_tone(rubor_calibration *out, const rubor_fit *fit)
{
    for (int c = 0; c < 3; c++) {
        out->tone[c][0] = 0.0F;
        for (int k = 1; k < RUBOR_TONE_KNOTS; k++) {
            double linear = rubor_srgb_decode(k / (RUBOR_TONE_KNOTS - 1.0));
            float value = (float)rubor_settled(rubor_fit_tone(fit, c, linear));
            out->tone[c][k] = fmaxf(value, out->tone[c][k - 1]);
        }
        out->glare[c] = rubor_settled(rubor_fit_glare(fit, c));
    }
    for (int i = 0; i < 9; i++)
        out->matrix[i] = rubor_settled(fit->theta[RUBOR_FIT_MATRIX + i]);
    /* What the camera reads at the chart's perfect white, so that glare is a part of it. */
    double inverse[9], white = 0.0;
    if (rubor_matrix3_inverse(inverse, out->matrix, NULL) == RUBOR_OK)
        white = (inverse[0] + inverse[1] + inverse[2] + inverse[3] + inverse[4] + inverse[5] + inverse[6] +
                 inverse[7] + inverse[8]) /
                3.0;
    if (white > 0.0) {
        out->glare_percent =
            rubor_settled(100.0 * (out->glare[0] + out->glare[1] + out->glare[2]) / 3.0 / white);
        out->glare_percent_sd = rubor_settled(glare_sd(fit, white));
    }
}

static void fill_patches(rubor_calibration *out, const work *w)
{
    double uncorrected = 0.0, left_out = 0.0, sum = 0.0, max = 0.0;
    int n = 0;
    for (int k = 0; k < PATCHES; k++) {
        rubor_patch *patch = &out->patches[k];
        patch->delta_e2000 = NAN;
        double color[3];
        rubor_fit_color(color, NULL, &w->fit, &w->input[k]);
        for (int c = 0; c < 3; c++)
            patch->corrected[c] = rubor_settled(color[c]);
        if (patch->use != RUBOR_PATCH_USED)
            continue;
        n++;
        patch->delta_e2000 =
            rubor_settled(rubor_delta_e2000(rubor_linear_to_lab_d50(patch->corrected), w->reference[k]));
        uncorrected += rubor_delta_e2000(rubor_linear_to_lab_d50(patch->linear), w->reference[k]);
        sum += patch->delta_e2000;
        max = fmax(max, patch->delta_e2000);
        left_out += w->left_out[k];
    }
    out->patches_used = n;
    if (n == 0)
        return;
    out->delta_e2000_uncorrected = rubor_settled(uncorrected / n);
    out->delta_e2000_fit_mean = rubor_settled(sum / n);
    out->delta_e2000_fit_max = max;
    out->delta_e2000_loo_mean = rubor_settled(left_out / n);
}

static rubor_point chart_point(const rubor_chart_location *location, double x, double y)
{
    const double *h = location->homography;
    double z = h[6] * x + h[7] * y + h[8];
    return (rubor_point){(h[0] * x + h[1] * y + h[2]) / z, (h[3] * x + h[4] * y + h[5]) / z};
}

/* Fall-off per pitch -> per pixel, and the scale, both at the chart's center. */
static void fill_geometry(rubor_calibration *out, const work *w)
{
    rubor_point left = chart_point(&out->location, 2.5, 2.0), right = chart_point(&out->location, 3.5, 2.0);
    rubor_point top = chart_point(&out->location, 3.0, 1.5), bottom = chart_point(&out->location, 3.0, 2.5);
    double xx = right.x - left.x, xy = right.y - left.y, yx = bottom.x - top.x, yy = bottom.y - top.y;
    double determinant = xx * yy - xy * yx;
    const double *falloff = w->fit.theta + RUBOR_FIT_FALLOFF;
    if (fabs(determinant) > 1e-9) {
        out->falloff_log10_per_px[0] = rubor_settled((yy * falloff[0] - xy * falloff[1]) / determinant);
        out->falloff_log10_per_px[1] = rubor_settled((-yx * falloff[0] + xx * falloff[1]) / determinant);
    }
    /* Side of a patch in mm by layout (Passport, Mini and Nano as rounded by their users); area, so that a
     * tilt about one axis costs half. */
    static const struct {
        const char *layout;
        double patch_mm, relative_sd;
    } sizes[] = {
        {"classic", 40.0, 0.02}, {"passport", 12.0, 0.05}, {"mini", 12.0, 0.05}, {"nano", 3.46, 0.10}};
    double patch_area = fabs(determinant) * out->location.fill[0] * out->location.fill[1];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(out->location.layout, sizes[i].layout) == 0 && patch_area > 1e-9) {
            out->mm_per_px = rubor_settled(sizes[i].patch_mm / sqrt(patch_area));
            out->mm_per_px_sd = rubor_settled(out->mm_per_px * sizes[i].relative_sd);
        }
    }
}

static rubor_status locate(rubor_chart_location *out, const rubor_photo_info *info,
                           const rubor_image_encoded *working, rubor_bytes bytes,
                           const rubor_calibrate_options *options, rubor_error *error)
{
    if (options->corners_px)
        return rubor_chart_from_corners(out, options->corners_px, info, working, bytes, error);
    return rubor_chart_find(out, info, working, bytes, error);
}

/* Real charts under odd lamps stay below 5; corners in the wrong order, or on something else, are beyond 12. */
static const double FIT_MEAN_MOST = 8.0;

/* Whoever placed the grid, colors that do not fit the chart calibrate nothing. */
static rubor_status check_fit(const rubor_calibration *calibration, bool by_hand, rubor_error *error)
{
    if (calibration->delta_e2000_fit_mean <= FIT_MEAN_MOST)
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_REFUSED,
                           "the colors found do not fit the chart (mean DeltaE2000 %.1f, at most %.0f): %s",
                           calibration->delta_e2000_fit_mean, FIT_MEAN_MOST,
                           by_hand ? "check the corners and their order (dark skin, bluish green, black, white)"
                                   : "clear what covers or shades it, or give its values with --chart-table");
}

rubor_status rubor_calibrate(rubor_calibration *out, const rubor_photo_info *info,
                             const rubor_image_encoded *working, rubor_bytes bytes,
                             const rubor_calibrate_options *options, rubor_error *error)
{
    static const rubor_calibrate_options defaults = {0};
    work w = {0};
    if (!options)
        options = &defaults;
    rubor_calibration_none(out);
    rubor_status status = locate(&out->location, info, working, bytes, options, error);
    if (status != RUBOR_OK)
        return status;
    set_table(&w, options->table ? options->table : rubor_chart_table_get(RUBOR_EDITION_AFTER_2014));
    status = rubor_patches_sample(out->patches, &out->location, info, working, bytes,
                                  (const double(*)[3])w.reference_linear, error);
    if (status != RUBOR_OK)
        return status;
    w.prior = spectra_apply(&w) ? rubor_response_prior_default() : NULL;
    suspect_covered(&w, out->patches, &out->location);
    status = fit_robustly(&w, out->patches, options, error);
    if (status != RUBOR_OK)
        return status;

    rubor_fit_covariance(&w.fit, w.input, w.reference);
    memcpy(out->chart_type, w.table->type, sizeof out->chart_type);
    out->edition = w.table->edition;
    fill_tone(out, &w.fit);
    fill_patches(out, &w);
    fill_geometry(out, &w);
    status = check_fit(out, options->corners_px != NULL, error);
    if (status != RUBOR_OK) {
        rubor_calibration unfit = *out;
        rubor_calibration_none(out);
        out->location = unfit.location;
        memcpy(out->patches, unfit.patches, sizeof out->patches);
        return status;
    }
    if (w.joined)
        rubor_joint_response(out, &w.fit, &w.joint, w.input, w.prior);
    out->status = RUBOR_CALIBRATION_CHART;
    return RUBOR_OK;
}

void rubor_calibration_prepare(void)
{
    rubor_srgb_table();
    rubor_response_prior_default();
    rubor_kernels_get();
}
