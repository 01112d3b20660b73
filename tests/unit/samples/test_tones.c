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
            if (!(best < 0.08))
                fail_msg("%s, seed %d: %.3f OD from any measured skin", rubor_tones[t].name, (int)seed, best);
        }
}

static const measured *record(const char *name)
{
    for (int k = 0; k < record_count; k++)
        if (strcmp(records[k].name, name) == 0)
            return &records[k];
    return NULL;
}

enum { FIRST = 4, LAST = 32 }; /* 420 .. 700 nm */

static void centered(double out[N], const double in[N])
{
    double mean = 0;
    for (int i = FIRST; i <= LAST; i++)
        mean += in[i] / (LAST - FIRST + 1);
    for (int i = FIRST; i <= LAST; i++)
        out[i] = in[i] - mean;
}

static double product(const double a[N], const double b[N])
{
    double sum = 0;
    for (int i = FIRST; i <= LAST; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Share of the OD difference of two sites that blood, melanin and a common brightness leave unexplained. */
static double unexplained(const rubor_skin_optics *skin, const measured *red, const measured *pale)
{
    double d[N], h[N], m[N], left[N];
    for (int i = FIRST; i <= LAST; i++)
        d[i] = log10((pale->value[i] - RUBOR_SKIN_SURFACE_REFLECTION) /
                     (red->value[i] - RUBOR_SKIN_SURFACE_REFLECTION));
    centered(d, d);
    centered(h, skin->hemoglobin);
    centered(m, skin->melanin);
    double hh = product(h, h), hm = product(h, m), mm = product(m, m), det = hh * mm - hm * hm;
    double hd = product(h, d), md = product(m, d), a = (hd * mm - md * hm) / det,
           b = (md * hh - hd * hm) / det;
    for (int i = FIRST; i <= LAST; i++)
        left[i] = d[i] - a * h[i] - b * m[i];
    return sqrt(product(left, left) / product(d, d));
}

static void blood_and_melanin_explain_red_and_pale_sites_of_one_person(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"22", "26"}, {"10438", "10434"}}; /* a man; a woman */
    static rubor_skin_optics skin;
    for (int k = 0; k < 2; k++) {
        const measured *red = record(pairs[k][0]), *pale = record(pairs[k][1]);
        assert_non_null(red);
        assert_non_null(pale);
        for (uint64_t seed = 0; seed < 12; seed++) {
            rubor_random random = rubor_random_stream(seed, 1);
            rubor_skin_optics_make(&skin, &rubor_tones[1], &random);
            double share = unexplained(&skin, red, pale);
            if (!(share < 0.40))
                fail_msg("%s and %s, seed %d: %.3f", red->name, pale->name, (int)seed, share);
        }
    }
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
        cmocka_unit_test(blood_and_melanin_explain_red_and_pale_sites_of_one_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
