/* Spectral gain on rendered pairs: bench_gain (--help)
 *
 * Every pair is a before photo and one with a known hemoglobin change (every third also with a melanin
 * change) of one seed, with a camera and a lamp drawn in turn; the response prior is built without that
 * camera and that lamp (RUBOR_PRIOR_WITHOUT; --known: with them). --lamps adds a photo under another lamp for
 * the lighting distance. Corners are the true ones; region and control are the rendered polygons; no
 * registration and no masks: what is measured here is calibration alone. Prints delta_ei / truth and delta_mi
 * - truth, after the matrix alone (raw), after unmixing with this photo's directions. */
#include "analyzer/analyze.h"
#include "calibration/calibration.h"
#include "calibration/spectra.h"
#include "samples/sample.h"
#include "samples/tones.h"
#include "tests/bench/bench_tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct outcome {
    char camera[40], lamp[16];
    int tone;
    bool done;
    double truth_ei, truth_mi, raw, pure, ei, mi, sd, gain, noise, glare, glare_truth, fit, chi2, distance,
        other_lamp, across;
} outcome;

typedef struct settings {
    bench_common common;
    int pairs;
    int known, lamps, analyze;
    outcome *all;
} settings;

/* Mean OD over the polygon where the truth says plain skin. */
static rubor_status mean_od(double od[3], const rubor_image_calibrated *image, const rubor_polygon *polygon,
                            const rubor_sample_photo *photo, rubor_error *error)
{
    rubor_mask mask = {0};
    double sum[3] = {0}, count = 0.0;
    rubor_status status = rubor_mask_init(&mask, image->width, image->height, error);
    if (status != RUBOR_OK)
        return status;
    rubor_polygon_rasterize(&mask, polygon, 1.0, 1.0);
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++) {
        if (mask.data[i] < 128 || photo->skin.data[i] < 128 || photo->findings.data[i] > 0)
            continue;
        for (int c = 0; c < 3; c++)
            sum[c] += (double)image->plane[c][i];
        count++;
    }
    for (int c = 0; c < 3; c++)
        od[c] = -log10(fmax(sum[c] / count, 1e-4));
    rubor_mask_finish(&mask);
    return RUBOR_OK;
}

typedef struct measured {
    rubor_calibration calibration;
    double region[3], control[3];
} measured;

/* Another camera's tone curve on top: 1 a plain power, 2 a film-like shoulder and toe, 3 lifted blacks. */
static int another_curve;

static void lay_curve(rubor_image_encoded *image)
{
    size_t n = (size_t)image->width * (size_t)image->height * 3;
    for (size_t i = 0; i < n && another_curve; i++) {
        double e = image->rgb[i] / 65535.0;
        if (another_curve == 1)
            e = pow(e, 1.15);
        else if (another_curve == 2)
            e = rubor_srgb_encode(1.25 * pow(rubor_srgb_decode(e), 1.1) /
                                  (pow(rubor_srgb_decode(e), 1.1) + 0.25));
        else
            e = 0.03 + 0.97 * e;
        image->rgb[i] = (uint16_t)(257.0 * rint(255.0 * e));
    }
}

static rubor_status measure(measured *out, const rubor_sample_photo *photo, rubor_error *error)
{
    rubor_photo_info info;
    rubor_image_encoded working = {0};
    rubor_image_calibrated image = {0};
    rubor_bytes bytes = {photo->jpeg.data, photo->jpeg.size};
    rubor_decode_options decode = {.max_pixels = 100 * 1000 * 1000};
    rubor_calibrate_options options = {.corners_px = photo->chart_corners};
    rubor_status status = rubor_photo_probe(&info, bytes, error);
    if (status == RUBOR_OK)
        status = rubor_photo_decode(&working, bytes, &decode, error);
    if (status == RUBOR_OK)
        lay_curve(&working);
    if (status == RUBOR_OK)
        status = rubor_calibrate(&out->calibration, &info, &working, bytes, &options, error);
    if (status == RUBOR_OK)
        status = rubor_calibration_apply(&image, &working, &out->calibration, error);
    if (status == RUBOR_OK)
        status = mean_od(out->region, &image, &photo->region, photo, error);
    if (status == RUBOR_OK)
        status = mean_od(out->control, &image, &photo->control, photo, error);
    rubor_image_calibrated_finish(&image);
    rubor_image_encoded_finish(&working);
    return status;
}

/* Each visit's OD against its own control, each unmixed with its own photo's directions' mean. */
static void compare(outcome *out, const measured *before, const measured *after)
{
    rubor_directions one, other;
    double skin[3], h[3], m[3], d[3], hh = 0, hm = 0, mm = 0, hd = 0, md = 0;
    for (int c = 0; c < 3; c++)
        skin[c] = pow(10.0, -before->region[c]);
    rubor_calibration_directions(&one, &before->calibration, skin);
    rubor_calibration_directions(&other, &after->calibration, skin);
    for (int c = 0; c < 3; c++) {
        h[c] = 0.5 * (one.hemoglobin[c] + other.hemoglobin[c]);
        m[c] = 0.5 * (one.melanin[c] + other.melanin[c]);
        d[c] = after->region[c] - after->control[c] - before->region[c] + before->control[c];
    }
    for (int c = 0; c < 3; c++) {
        hh += h[c] * h[c];
        hm += h[c] * m[c];
        mm += m[c] * m[c];
        hd += h[c] * d[c];
        md += m[c] * d[c];
    }
    double determinant = hh * mm - hm * hm;
    out->raw = 100.0 * (d[1] - d[0]);
    out->pure = 0.0;
    for (int c = 0; c < 2; c++)
        out->pure += (c == 1 ? 100.0 : -100.0) * (d[c] - m[c] * out->truth_mi);
    out->pure /= 0.5 * (one.hemoglobin_gain + other.hemoglobin_gain);
    out->ei = (mm * hd - hm * md) / determinant;
    out->mi = (hh * md - hm * hd) / determinant;
    out->gain = 0.5 * (one.hemoglobin_gain + other.hemoglobin_gain);
    const double *spread = one.hemoglobin_spread; /* of green less red */
    out->sd = hypot(one.hemoglobin_gain_sd,
                    100.0 * sqrt(spread[0] + spread[4] - 2 * spread[1]) / one.hemoglobin_gain);
    out->noise = after->calibration.response_noise;
    out->glare = after->calibration.glare_percent;
    out->fit = after->calibration.delta_e2000_fit_mean;
    out->chi2 = after->calibration.response_residual;
    out->distance = rubor_calibration_lighting_distance(&before->calibration, &after->calibration);
}

/* The whole way: chart search, registration, masks, unmixing; region and control as drawn on the before
 * photo. */
static rubor_status analyze(outcome *out, const rubor_sample_photo *before, const rubor_sample_photo *after,
                            rubor_error *error)
{
    rubor_record record;
    rubor_bytes visit = {after->jpeg.data, after->jpeg.size}, base = {before->jpeg.data, before->jpeg.size};
    rubor_analyze_options options = {
        .baseline_region = &before->region, .baseline_control = &before->control, .day = 2};
    rubor_status status = rubor_analyze(&record, NULL, visit, base, &options, error);
    if (status != RUBOR_OK)
        return status;
    out->ei = record.redness.delta;
    out->mi = record.pigmentation.delta;
    if (isfinite(out->ei))
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_REFUSED, "no delta_ei: %s, %s", record.quality.verdict,
                           record.quality.reason_count > 0 ? record.quality.reasons[0].message : "no reason");
}

static void leave_out(const char *camera, const char *lamp)
{
    char without[128];
    /* the two tables of the Nikon D5100 are one body */
    snprintf(without, sizeof without, "%s,%s", strstr(camera, "5100") ? "5100" : camera, lamp);
    setenv("RUBOR_PRIOR_WITHOUT", without, 1);
}

static void run(outcome *out, const settings *s, int index)
{
    rubor_sample_options options;
    rubor_sample_series *series = NULL;
    rubor_sample_photo before = {0}, after = {0};
    measured one, other;
    rubor_error error = {0};
    size_t cameras = rubor_camera_count(), lamps = rubor_illuminant_count();
    size_t turn = (size_t)index + (size_t)s->common.seed * 7;
    rubor_sample_options_default(&options);
    options.seed = s->common.seed + (unsigned long long)index;
    out->tone = index % 6;
    options.tone = rubor_tones[out->tone].name;
    options.camera = rubor_camera(turn % cameras)->name;
    options.lamp = rubor_illuminant((turn * 5 + turn / cameras) % lamps)->name;
    options.width = s->common.width;
    options.height = s->common.height;
    options.delta_ei = 8.0 + 3.0 * (index % 5);
    options.delta_mi = index % 3 == 2 ? 6.0 : 0.0;
    options.pattern = "uniform";
    options.shine = 0.0;
    snprintf(out->camera, sizeof out->camera, "%s", options.camera);
    snprintf(out->lamp, sizeof out->lamp, "%s", options.lamp);
    if (!s->known)
        leave_out(options.camera, options.lamp);
    rubor_status status = rubor_sample_series_create(&series, &options, &error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(&before, series, -1, &error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(&after, series, 2, &error);
    if (status == RUBOR_OK)
        status = measure(&one, &before, &error);
    if (status == RUBOR_OK)
        status = measure(&other, &after, &error);
    if (status == RUBOR_OK && s->lamps) {
        const char *lamp = rubor_illuminant((turn * 5 + turn / cameras + 3) % lamps)->name;
        rubor_sample_series_destroy(&series);
        rubor_sample_photo_finish(&before);
        options.lamp = lamp;
        measured third;
        status = rubor_sample_series_create(&series, &options, &error);
        if (status == RUBOR_OK)
            status = rubor_sample_series_render(&before, series, -1, &error);
        if (status == RUBOR_OK)
            status = measure(&third, &before, &error);
        out->truth_ei = after.truth.delta_ei;
        out->truth_mi = after.truth.delta_mi;
        if (status == RUBOR_OK) {
            compare(out, &third, &other);
            out->across = out->pure / out->truth_ei;
        }
        if (status == RUBOR_OK)
            out->other_lamp = rubor_calibration_lighting_distance(&third.calibration, &other.calibration);
    }
    if (status == RUBOR_OK) {
        out->truth_ei = after.truth.delta_ei;
        out->truth_mi = after.truth.delta_mi;
        out->glare_truth = after.truth.glare_percent;
        compare(out, &one, &other);
        if (s->analyze)
            status = analyze(out, &before, &after, &error);
        out->done = status == RUBOR_OK;
    }
    if (status != RUBOR_OK) {
        printf("%s under %s: %s\n", out->camera, out->lamp, error.message);
    }
    rubor_sample_photo_finish(&before);
    rubor_sample_photo_finish(&after);
    rubor_sample_series_destroy(&series);
}

static void spread(const char *name, const double *values, int n)
{
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++)
        square += (values[i] - mean) * (values[i] - mean);
    double sd = sqrt(square / (n > 1 ? n - 1 : 1));
    printf("%-28s mean %7.3f  sd %6.3f  cv %5.1f %%\n", name, mean, sd, 100.0 * sd / fabs(mean));
}

static void report(const outcome *all, const settings *s)
{
    double *raw = malloc(sizeof *raw * 10 * (size_t)s->pairs);
    if (!raw)
        return;
    double *ei = raw + s->pairs, *mi = ei + s->pairs, *z = mi + s->pairs, *glare = z + s->pairs,
           *fit = glare + s->pairs, *pure = fit + s->pairs, *same = pure + s->pairs,
           *changed = same + s->pairs, *across = changed + s->pairs;
    int n = 0;
    for (int i = 0; i < s->pairs; i++) {
        const outcome *o = &all[i];
        if (!o->done)
            continue;
        raw[n] = o->raw / o->truth_ei;
        pure[n] = o->pure / o->truth_ei;
        ei[n] = o->ei / o->truth_ei;
        mi[n] = o->mi - o->truth_mi;
        z[n] = (pure[n] - 1.0) / o->sd;
        glare[n] = o->glare - o->glare_truth;
        fit[n] = o->fit;
        same[n] = o->distance;
        across[n] = o->across;
        changed[n] = o->other_lamp;
        if (s->common.each)
            printf("%-28s %-8s %-12s truth %5.1f %4.1f raw %.3f pure %.3f ei %.3f mi %+.2f gain %.3f+-%.3f "
                   "noise %.3f "
                   "chi2 %.2f "
                   "glare %.2f of %.2f fit %.2f distance %.3f %.3f across %.3f\n",
                   o->camera, o->lamp, rubor_tones[o->tone].name, o->truth_ei, o->truth_mi, raw[n], pure[n],
                   ei[n], mi[n], o->gain, o->sd, o->noise, o->chi2, o->glare, o->glare_truth, o->fit,
                   o->distance, o->other_lamp, o->across);
        n++;
    }
    printf("%d pairs%s\n", n,
           s->known ? ", cameras and lamps in the prior" : ", camera and lamp left out of the prior");
    spread("apparent EI / truth", raw, n);
    spread("gain removed / truth", pure, n);
    spread("delta_ei / truth", ei, n);
    spread("delta_mi - truth", mi, n);
    spread("error / stated gain sd", z, n);
    spread("glare % - truth", glare, n);
    spread("fit dE2000", fit, n);
    spread("lighting distance, same", same, n);
    if (s->lamps)
        spread("lighting distance, changed", changed, n);
    if (s->lamps)
        spread("across the lamps / truth", across, n);
    free(raw);
}

static bool parse(settings *out, int argc, const char **argv)
{
    *out = (settings){.common = {.jobs = 1, .width = 1000, .height = 750, .seed = 1}, .pairs = 60};
    const struct poptOption table[] = {
        {"pairs", 0, POPT_ARG_INT, &out->pairs, 0, "how many", "N"},
        {"curve", 0, POPT_ARG_INT, &another_curve, 0, "another tone curve on top, 1 to 3", "K"},
        {"known", 0, POPT_ARG_NONE, &out->known, 0, "leave camera and lamp in the prior", NULL},
        {"lamps", 0, POPT_ARG_NONE, &out->lamps, 0, "the visit under another lamp too", NULL},
        {"analyze", 0, POPT_ARG_NONE, &out->analyze, 0, "the whole way through the analyzer", NULL},
        BENCH_COMMON_OPTIONS(&out->common)};
    return bench_options(&out->common, argc, argv, table) && out->pairs > 0 && out->pairs <= 100000;
}

static void run_one(void *context, int index)
{
    const settings *s = context;
    run(&s->all[index], s, index);
}

int main(int argc, const char **argv)
{
    settings s;
    if (!parse(&s, argc, argv))
        return 2;
    s.all = bench_memory((size_t)s.pairs * sizeof *s.all);
    if (!s.all)
        return 4;
    bool good = bench_run(s.pairs, s.common.jobs, run_one, &s);
    report(s.all, &s);
    return good ? 0 : 4;
}
