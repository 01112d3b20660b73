/* A highlight that only one of the two photos has is left out, and nothing else is. */
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

/* Dark skin with white light (linear) or new melanin (OD of red) on a patch of either photo; what the visit
 * lost there reads as pigment. */
typedef struct patch {
    double white_before, white_now, melanin_before, melanin_now, melanin_around_now;
} patch;

static void make(scene *s, int width, int height, const patch *p)
{
    static const double skin[3] = {0.16, 0.09, 0.06}, melanin[3] = {1, 1.7, 3};
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
                double before = there ? p->melanin_before : 0,
                       now = there ? p->melanin_now : p->melanin_around_now;
                change->reference_od[c].data[i] = (float)-log10(
                    skin[c] * grain * pow(10, -before * melanin[c]) + (there ? p->white_before : 0));
                change->visit_od[c].data[i] =
                    (float)-log10(skin[c] * grain * pow(10, -now * melanin[c]) + (there ? p->white_now : 0));
            }
            change->delta_mi.data[i] = 100 * (change->visit_od[0].data[i] - change->reference_od[0].data[i]);
        }
}

/* Shares of the patch and of the rest that are left out. */
static void look(scene *s, double *part, double *rest)
{
    double inside = 0, all_inside = 0, outside = 0, all_outside = 0;
    assert_int_equal(rubor_findings_shine(&s->findings, &s->change, NULL), RUBOR_OK);
    for (int y = 0; y < s->change.height; y++)
        for (int x = 0; x < s->change.width; x++) {
            bool out = s->findings.cells.data[(size_t)y * (size_t)s->change.width + (size_t)x] != 0;
            *(in_patch(x, y) ? &all_inside : &all_outside) += 1;
            *(in_patch(x, y) ? &inside : &outside) += out;
        }
    *part = all_inside > 0 ? inside / all_inside : 0;
    *rest = outside / all_outside;
    rubor_change_finish(&s->change);
    rubor_findings_finish(&s->findings);
}

static void a_highlight_of_one_photo_is_left_out(void **state)
{
    (void)state;
    const patch patches[] = {{.white_before = 0.05}, {.white_now = 0.05}};
    for (size_t k = 0; k < sizeof patches / sizeof *patches; k++) {
        scene s;
        double inside, rest;
        make(&s, WIDTH, HEIGHT, &patches[k]);
        look(&s, &inside, &rest);
        assert_true(inside > 0.9);
        assert_true(rest < 0.01);
    }
}

static void what_is_no_highlight_of_one_photo_stays(void **state)
{
    (void)state;
    const patch patches[] = {{0},
                             {.white_before = 0.05, .white_now = 0.05},
                             {.melanin_now = 0.05},
                             {.melanin_before = 0.05},      /* faded */
                             {.melanin_around_now = 0.05}}; /* spared */
    for (size_t k = 0; k < sizeof patches / sizeof *patches; k++) {
        scene s;
        double inside, rest;
        make(&s, WIDTH, HEIGHT, &patches[k]);
        look(&s, &inside, &rest);
        assert_true(inside == 0 && rest == 0);
    }
}

static void a_strip_flatter_than_one_block_is_looked_at_all_the_same(void **state)
{
    (void)state;
    scene s;
    double inside, rest;
    make(&s, 2000, 8, &(patch){0});
    look(&s, &inside, &rest);
    assert_true(rest == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_highlight_of_one_photo_is_left_out),
        cmocka_unit_test(what_is_no_highlight_of_one_photo_stays),
        cmocka_unit_test(a_strip_flatter_than_one_block_is_looked_at_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
