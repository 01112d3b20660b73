/* What hides the skin's own mottling is told apart from redness, pigment and a bruise, which only add to it.
 */
#include "analyzer/findings_cover.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300, CELLS = WIDTH * HEIGHT };

typedef enum patch { NOTHING, REDNESS, PATCHY_REDNESS, DARK_FILM, MAKEUP } patch;

typedef struct scene {
    rubor_change change;
    rubor_findings findings;
    rubor_mottling mottling;
} scene;

static double noise(double size)
{
    return (rand() / (double)RAND_MAX - 0.5) * size;
}

static void field(rubor_plane *out, double sigma, double size)
{
    assert_int_equal(rubor_plane_init(out, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (size_t i = 0; i < CELLS; i++)
        out->data[i] = (float)noise(1);
    assert_int_equal(rubor_plane_blur(out, sigma, NULL), RUBOR_OK);
    double square = 0;
    for (size_t i = 0; i < CELLS; i++)
        square += (double)out->data[i] * (double)out->data[i];
    for (size_t i = 0; i < CELLS; i++)
        out->data[i] *= (float)(size / sqrt(square / CELLS));
}

static bool in_patch(size_t i)
{
    double x = (double)(i % WIDTH) - 120, y = (double)(i / WIDTH) - 150;
    return x * x / (50 * 50) + y * y / (45 * 45) < 1;
}

/* Skin with mottling of 1 unit of EI, seen twice; the visit has something in the middle of the region. */
static void make(scene *s, patch what)
{
    rubor_change *change = &s->change;
    rubor_plane mottles = {0}, blotches = {0};
    memset(s, 0, sizeof *s);
    srand(7);
    change_grid_make(change, WIDTH, HEIGHT);
    change_grid_add_maps(change);
    field(&mottles, 0.010 * WIDTH, 0.010);
    field(&blotches, 0.012 * WIDTH, 0.060);
    assert_int_equal(rubor_mask_init(&s->findings.cells, WIDTH, HEIGHT, NULL), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&s->findings.bruise, WIDTH, HEIGHT, NULL), RUBOR_OK);
    for (size_t i = 0; i < CELLS; i++) {
        size_t x = i % WIDTH, y = i / WIDTH;
        bool there = in_patch(i);
        double own = (double)mottles.data[i], added = 0, film = there && what == DARK_FILM ? 0.10 : 0;
        change->region.data[i] = x >= 45 && x < 195 && y >= 60 && y < 240 ? 255 : 0;
        if (there && what == REDNESS)
            added = 0.15;
        if (there && what == PATCHY_REDNESS)
            added = 0.10 + (double)blotches.data[i];
        change->shade_od.data[i] = (float)film;
        for (int c = 0; c < 3; c++) {
            double part = c == 1 ? 1 : c == 2 ? 0.6 : 0;
            double bare = 0.4 + part * (own + added) + film;
            double seen = there && what == MAKEUP ? 0.38 + 0.15 * part * own : bare;
            change->reference_od[c].data[i] = (float)(0.4 + part * own + noise(0.01));
            change->visit_od[c].data[i] = (float)(seen + noise(0.01));
        }
    }
    rubor_plane_finish(&mottles);
    rubor_plane_finish(&blotches);
}

static void look(scene *s)
{
    assert_int_equal(rubor_findings_cover(&s->findings, &s->mottling, &s->change, NULL), RUBOR_OK);
    assert_true(s->mottling.known);
}

static void finish(scene *s)
{
    rubor_change_finish(&s->change);
    rubor_findings_finish(&s->findings);
    rubor_mottling_finish(&s->mottling);
}

static void make_up_is_found_where_it_lies_and_left_out(void **state)
{
    (void)state;
    scene s;
    make(&s, MAKEUP);
    look(&s);
    double covered = 0, left_out = 0, bare = 0;
    for (size_t i = 0; i < CELLS; i++) {
        bool there = in_patch(i), found = s.findings.cover.data[i] != 0;
        covered += there;
        left_out += there && found && s.findings.cells.data[i];
        bare += !there && found;
    }
    assert_true(left_out > 0.9 * covered);
    assert_true(bare < 0.4 * covered);
    assert_true(s.findings.cover_percent > 20 && s.findings.cover_percent < 45);
    finish(&s);
}

static void redness_blotches_and_blood_below_leave_the_mottling(void **state)
{
    (void)state;
    static const patch bare[] = {NOTHING, REDNESS, PATCHY_REDNESS, DARK_FILM};
    for (size_t k = 0; k < sizeof bare / sizeof *bare; k++) {
        scene s;
        make(&s, bare[k]);
        look(&s);
        assert_true(s.findings.cover_percent == 0); /* nothing is counted: an exact zero */
        finish(&s);
    }
}

static void a_bruise_stays_one_and_make_up_is_never_called_one(void **state)
{
    (void)state;
    static const patch what[] = {DARK_FILM, MAKEUP};
    for (size_t k = 0; k < 2; k++) {
        scene s;
        make(&s, what[k]);
        look(&s);
        for (size_t i = 0; i < CELLS; i++)
            s.findings.bruise.data[i] = in_patch(i) ? 255 : 0;
        s.findings.bruise_percent = 30;
        assert_int_equal(rubor_findings_cover_bruise(&s.findings, &s.mottling, &s.change, NULL), RUBOR_OK);
        if (what[k] == DARK_FILM)
            assert_true(s.findings.bruise_percent > 20 && s.findings.cover_percent == 0);
        else
            assert_true(s.findings.bruise_percent == 0 && s.findings.cover_percent > 20);
        finish(&s);
    }
}

static void without_untreated_skin_nothing_is_said(void **state)
{
    (void)state;
    scene s;
    make(&s, MAKEUP);
    memset(s.change.region.data, 255, CELLS);
    assert_int_equal(rubor_findings_cover(&s.findings, &s.mottling, &s.change, NULL), RUBOR_OK);
    assert_false(s.mottling.known);
    assert_true(isnan(s.findings.cover_percent));
    finish(&s);
}

static void without_a_region_most_of_the_skin_says_what_bare_skin_keeps(void **state)
{
    (void)state;
    static const patch what[] = {MAKEUP, NOTHING, DARK_FILM};
    for (size_t k = 0; k < 3; k++) {
        scene s;
        make(&s, what[k]);
        memset(s.change.region.data, 255, CELLS);
        s.change.control_known = false;
        look(&s);
        double covered = 0, outside = 0, there = 0;
        for (size_t i = 0; i < CELLS; i++) {
            there += in_patch(i);
            covered += in_patch(i) && s.findings.cover.data[i];
            outside += !in_patch(i) && s.findings.cover.data[i];
        }
        if (what[k] == MAKEUP)
            assert_true(covered > 0.8 * there && outside < 0.5 * there);
        else
            assert_true(s.findings.cover_percent == 0);
        finish(&s);
    }
}

/* Lighter than bare skin: where it ends is seen far sharper than where the mottling comes back. */
static void a_cover_of_another_color_ends_where_its_color_does(void **state)
{
    (void)state;
    scene s;
    make(&s, MAKEUP);
    for (size_t i = 0; i < CELLS; i++)
        for (int c = 0; c < 3 && in_patch(i); c++)
            s.change.visit_od[c].data[i] -= 0.05f;
    look(&s);
    double wrong = 0, there = 0;
    for (size_t i = 0; i < CELLS; i++) {
        bool inside = in_patch(i) && s.change.region.data[i];
        there += inside;
        wrong += inside != (s.findings.cover.data[i] != 0);
    }
    assert_true(wrong < 0.08 * there);
    finish(&s);
}

/* Whatever the mottling says: blood is not taken away by a bruise. */
static void a_patch_that_lost_more_blood_than_it_darkened_is_a_cover(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        scene s;
        make(&s, DARK_FILM);
        look(&s);
        for (size_t i = 0; i < CELLS; i++) {
            s.findings.bruise.data[i] = in_patch(i) ? 255 : 0;
            s.change.delta_mi.data[i] = in_patch(i) ? 6 : 0;
            s.change.delta_ei.data[i] = in_patch(i) ? (k ? -12.0f : -3.0f) : 0;
        }
        s.findings.bruise_percent = 30;
        assert_int_equal(rubor_findings_cover_bruise(&s.findings, &s.mottling, &s.change, NULL), RUBOR_OK);
        assert_true(k ? s.findings.bruise_percent == 0 && s.findings.cover_percent > 20
                      : s.findings.bruise_percent > 20 && s.findings.cover_percent == 0);
        finish(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(make_up_is_found_where_it_lies_and_left_out),
        cmocka_unit_test(redness_blotches_and_blood_below_leave_the_mottling),
        cmocka_unit_test(a_bruise_stays_one_and_make_up_is_never_called_one),
        cmocka_unit_test(without_untreated_skin_nothing_is_said),
        cmocka_unit_test(without_a_region_most_of_the_skin_says_what_bare_skin_keeps),
        cmocka_unit_test(a_cover_of_another_color_ends_where_its_color_does),
        cmocka_unit_test(a_patch_that_lost_more_blood_than_it_darkened_is_a_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
