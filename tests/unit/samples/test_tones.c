/* labels: real */
#include "imaging/csv.h"
#include "imaging/photo.h"
#include "samples/optics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS = 40, N = RUBOR_OPTICS_N };

typedef struct measured {
    char name[16];
    double value[N]; /* NaN where the record has none */
} measured;

static measured records[RECORDS];
static int record_count;

static int load(void)
{
    char path[1024], column[8];
    const char *folder = getenv("RUBOR_DATA");
    uint8_t *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/spectra/skin_issa_subset.csv", folder ? folder : "");
    if (!folder || rubor_file_read(&data, &size, path, 1 << 20, NULL) != RUBOR_OK)
        return -1;
    rubor_csv *csv = NULL;
    bool more = true;
    if (rubor_csv_create(&csv, data, size, NULL) != RUBOR_OK)
        return -1;
    while (record_count < RECORDS && rubor_csv_next(csv, &more, NULL) == RUBOR_OK && more) {
        measured *r = &records[record_count++];
        snprintf(r->name, sizeof r->name, "%s", rubor_csv_field(csv, rubor_csv_column(csv, "issa_record")));
        for (int i = 0; i < N; i++) {
            snprintf(column, sizeof column, "R%d", 380 + 10 * i);
            if (rubor_csv_number(&r->value[i], csv, rubor_csv_column(csv, column), NULL) != RUBOR_OK)
                r->value[i] = NAN;
        }
    }
    rubor_csv_destroy(&csv);
    free(data);
    return record_count > 0 ? 0 : -1;
}

static void tabulated_skin_is_the_measured_skin(void **state)
{
    (void)state;
    int found = 0;
    for (int k = 0; k < record_count; k++) {
        const rubor_spectrum *table = rubor_skin_measured(records[k].name);
        if (!table)
            continue;
        found++;
        for (int i = 0; i < N; i++)
            if (!isnan(records[k].value[i]))
                assert_true(fabs(records[k].value[i] - RUBOR_SKIN_SURFACE_REFLECTION -
                                 (double)table->value[i]) < 1e-4);
    }
    assert_true(found >= 15);
}

/* Root mean square OD difference 420..700 nm after the best common brightness. */
static double distance(const double *one, const double *other)
{
    double mean = 0, square = 0, count = 0;
    for (int i = 4; i <= 32; i++) {
        double d = log10(one[i] / (other[i] - RUBOR_SKIN_SURFACE_REFLECTION));
        mean += d;
        square += d * d;
        count++;
    }
    mean /= count;
    return sqrt(square / count - mean * mean);
}

static void rendered_skin_is_near_some_measured_skin(void **state)
{
    (void)state;
    static rubor_skin_optics skin;
    for (int t = 0; t < RUBOR_TONE_COUNT; t++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            rubor_random random = rubor_random_stream(seed, 1);
            double best = 9;
            rubor_skin_optics_make(&skin, &rubor_tones[t], &random);
            for (int k = 0; k < record_count; k++)
                best = fmin(best, distance(skin.base, records[k].value));
            if (!(best < 0.06))
                fail_msg("%s, seed %d: %.3f OD from any measured skin", rubor_tones[t].name, (int)seed, best);
        }
}

/* Sites of one man (records 22 to 28), pale and red: blood and melanin of the model must explain what lies
 * between them. */
static void blood_and_melanin_explain_the_sites_of_one_person(void **state)
{
    (void)state;
    const measured *pale = NULL, *red = NULL;
    for (int k = 0; k < record_count; k++) {
        if (strcmp(records[k].name, "22") == 0)
            red = &records[k];
        if (strcmp(records[k].name, "26") == 0)
            pale = &records[k];
    }
    assert_non_null(pale);
    assert_non_null(red);
    static rubor_skin_optics skin;
    double mean = 0;
    enum { SEEDS = 10 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rubor_random random = rubor_random_stream(seed, 1);
        rubor_skin_optics_make(&skin, &rubor_tones[1], &random);
        double hh = 0, hm = 0, mm = 0, hd = 0, md = 0, dd = 0, left = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 4; i <= 32; i++) {
                double d = log10((pale->value[i] - 0.028) / (red->value[i] - 0.028));
                double h = skin.hemoglobin[i], m = skin.melanin[i], det = hh * mm - hm * hm;
                if (pass == 0) {
                    hh += h * h;
                    hm += h * m;
                    mm += m * m;
                    hd += h * d;
                    md += m * d;
                    dd += d * d;
                } else {
                    double fit = h * (hd * mm - md * hm) / det + m * (md * hh - hd * hm) / det;
                    left += (d - fit) * (d - fit);
                }
            }
        mean += sqrt(left / dd) / SEEDS;
    }
    if (!(mean < 0.15))
        fail_msg("%.3f of the difference is left unexplained", mean);
}

int main(void)
{
    if (load() != 0) {
        puts("skipped: no reference data");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tabulated_skin_is_the_measured_skin),
        cmocka_unit_test(rendered_skin_is_near_some_measured_skin),
        cmocka_unit_test(blood_and_melanin_explain_the_sites_of_one_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
