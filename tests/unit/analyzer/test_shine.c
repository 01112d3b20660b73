/* A highlight that only the photo before treatment had is left out where it was, and nothing else is. */
#include "analyzer/findings_shine.h"

#include "change_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300 };

typedef struct scene {
    rubor_change change;
    rubor_findings findings;
} scene;

static bool in_patch(int x, int y)
{
    return (x - 200) * (x - 200) + (y - 150) * (y - 150) < 15 * 15;
}

/* Dark skin with white light on a patch of either photo, linear; what the visit lost there reads as pigment. */
static void make(scene *s, int width, int height, double white_before, double white_now)
{
    static const double skin[3] = {0.16, 0.09, 0.06};
    rubor_change *change = &s->change;
    memset(s, 0, sizeof *s);
    srand(3);
    change_grid_make(change, width, height);
    change_grid_add_maps(change);
    assert_int_equal(rubor_mask_init(&s->findings.cells, width, height, NULL), RUBOR_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            bool there = in_patch(x, y);
            for (int c = 0; c < 3; c++) {
                double grain = 1 + 0.02 * (rand() / (double)RAND_MAX - 0.5);
                change->reference_od[c].data[i] = (float)-log10(skin[c] * grain + (there ? white_before : 0));
                change->visit_od[c].data[i] = (float)-log10(skin[c] * grain + (there ? white_now : 0));
            }
            change->delta_mi.data[i] =
                100 * (change->visit_od[0].data[i] - change->reference_od[0].data[i]);
        }
}

/* Shares of the patch and of the rest that are left out. */
static void look(scene *s, double *patch, double *rest)
{
    double inside = 0, all_inside = 0, outside = 0, all_outside = 0;
    assert_int_equal(rubor_findings_lost_shine(&s->findings, &s->change, NULL), RUBOR_OK);
    for (int y = 0; y < s->change.height; y++)
        for (int x = 0; x < s->change.width; x++) {
            bool out = s->findings.cells.data[(size_t)y * (size_t)s->change.width + (size_t)x] != 0;
            *(in_patch(x, y) ? &all_inside : &all_outside) += 1;
            *(in_patch(x, y) ? &inside : &outside) += out;
        }
    *patch = all_inside > 0 ? inside / all_inside : 0;
    *rest = outside / all_outside;
    rubor_change_finish(&s->change);
    rubor_findings_finish(&s->findings);
}

static void a_highlight_that_is_gone_is_left_out(void **state)
{
    (void)state;
    scene s;
    double patch, rest;
    make(&s, WIDTH, HEIGHT, 0.05, 0);
    look(&s, &patch, &rest);
    assert_true(patch > 0.9);
    assert_true(rest < 0.01);
}

static void a_new_highlight_and_none_at_all_are_not_a_lost_one(void **state)
{
    (void)state;
    static const double now[] = {0, 0.05};
    for (size_t k = 0; k < 2; k++) {
        scene s;
        double patch, rest;
        make(&s, WIDTH, HEIGHT, 0, now[k]);
        look(&s, &patch, &rest);
        assert_true(patch == 0 && rest == 0);
    }
}

static void a_strip_flatter_than_one_block_is_looked_at_all_the_same(void **state)
{
    (void)state;
    scene s;
    double patch, rest;
    make(&s, 2000, 8, 0, 0);
    look(&s, &patch, &rest);
    assert_true(rest == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_highlight_that_is_gone_is_left_out),
        cmocka_unit_test(a_new_highlight_and_none_at_all_are_not_a_lost_one),
        cmocka_unit_test(a_strip_flatter_than_one_block_is_looked_at_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
