/* An empty change of a visit against its baseline, for tests that fill in what they need. */
#ifndef RUBOR_TESTS_ANALYZER_CHANGE_GRID_H
#define RUBOR_TESTS_ANALYZER_CHANGE_GRID_H

#include "analyzer/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Colors of both photos and the masks (nothing inside), one pixel a cell; rubor_change_finish frees. */
static inline void change_grid_make(rubor_change *change, int width, int height)
{
    *change = (rubor_change){.width = width, .height = height, .factor = 1, .control_known = true};
    for (int c = 0; c < 3; c++) {
        assert_int_equal(rubor_plane_init(&change->visit_od[c], width, height, NULL), RUBOR_OK);
        assert_int_equal(rubor_plane_init(&change->reference_od[c], width, height, NULL), RUBOR_OK);
    }
    assert_int_equal(rubor_mask_init(&change->region, width, height, NULL), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&change->control, width, height, NULL), RUBOR_OK);
    assert_int_equal(rubor_mask_init(&change->trial, width, height, NULL), RUBOR_OK);
}

/* How far people's blood differs in red, green and blue (OD x 100 per unit of EI, squared): mean of six tones
 * under 12 cameras and 9 lamps (tests/bench/second_renderer/blood_shape.py). */
static inline void change_grid_add_blood_spread(rubor_change *change)
{
    static const double measured[9] = {0.00681, 0.00708, 0.00652, 0.00708, 0.00788,
                                       0.00772, 0.00652, 0.00772, 0.01567};
    for (int i = 0; i < 9; i++)
        change->directions.hemoglobin_spread[i] = 1e-4 * measured[i];
}

/* The maps that unmixing makes of it, where a test begins after that. */
static inline void change_grid_add_maps(rubor_change *change)
{
    rubor_plane *maps[] = {&change->delta_ei, &change->delta_mi, &change->shade_od};
    for (int k = 0; k < 3; k++)
        assert_int_equal(rubor_plane_init(maps[k], change->width, change->height, NULL), RUBOR_OK);
}

#endif
