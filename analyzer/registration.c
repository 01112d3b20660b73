#include "analyzer/registration_internal.h"

#include "imaging/linsolve.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What must be met for "the same place"; chosen from the table in docs/EVALUATION.md "Alignment". */
static const double least_significance = 9; /* correlation x sqrt(independent pixels) */
static const double least_correlation = 0.08;
static const double least_overlap_percent = 20;
static const double largest_residual_px = 1.2; /* forward-backward, on level 0 */
/* Noisy dark skin correlates weakly even where it lies right; there and back meeting is then the better
 * witness. Rendered pairs of different people: residual 1.7 px or more, significance 3.0 or less, or half the
 * skin missing.
 */
static const double agreeing_residual_px = 1.2, agreeing_significance = 4.0, agreeing_overlap = 0.9;
/* A pixel agrees when it comes back this near; so much of the skin must, for the rest to be set aside. */
static const double agreeing_px = 1.5, least_agreeing_share = 0.25, settled_residual_px = 1.8;
enum { LEAST_SKIN_PIXELS = 400, LEAST_SIDE_PX = 64, SEARCHED_PX = 60, SEARCHED_FINER_PX = 120 };

static rubor_status refuse(rubor_error *error, const char *why)
{
    return rubor_error_set(error, RUBOR_REFUSED, "misaligned: %s; retake from the baseline's position", why);
}

static int search_level(const rubor_structure_pyramid *pyramid, int levels, rubor_signal signal)
{
    int level = levels - 1, least = signal == RUBOR_SIGNAL_COLOR ? SEARCHED_PX : SEARCHED_FINER_PX;
    while (level > 0) {
        const rubor_structure *s = &pyramid->level[level];
        if ((s->width > s->height ? s->width : s->height) >= least)
            break;
        level--;
    }
    return level;
}

/* Tries the hits on the searched level; *best gets the one that correlates best there. */
static bool choose(rubor_warp *best, const rubor_search_hit *hits, int count,
                   const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline, int level)
{
    double best_score = 0;
    for (int i = 0; i < count; i++) {
        rubor_warp warp;
        size_t pixels;
        rubor_warp_init(&warp, hits[i].h, visit);
        rubor_align_refine(&warp, visit, baseline, level, false, 8);
        double correlation = rubor_align_correlation(&warp, visit, baseline, level, &pixels);
        double score = correlation * sqrt((double)pixels);
        if (score > best_score) {
            best_score = score;
            *best = warp;
        }
    }
    return best_score > 0;
}

/* From the searched level down to the finest: homography, then grid. */
static rubor_status descend(rubor_warp *warp, const rubor_structure_pyramid *visit,
                            const rubor_structure_pyramid *baseline, int level, rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    for (int l = level; l >= 0 && !status; l--) {
        if (l > 0 || level == 0)
            rubor_align_refine(warp, visit, baseline, l, true, l >= 2 ? 15 : 5);
        if (l <= 2)
            status = rubor_align_grid(warp, visit, baseline, l, 4 + 3 * l, error);
    }
    return status;
}

/* RMS distance (px of level 0 of the visit) after going there and back, over the skin both have in common. */
static double forward_backward(const rubor_warp *forward, const rubor_warp *backward,
                               const rubor_structure_pyramid *visit, const rubor_structure_pyramid *baseline,
                               double *overlap)
{
    const rubor_structure *v = &visit->level[0], *o = &baseline->level[0];
    rubor_unit_scale from = rubor_unit_scale_of(visit, 0), to = rubor_unit_scale_of(baseline, 0);
    double sum = 0, inside = 0, common = 0;
    int stride = rubor_structure_stride(v, 5000);
    for (int y = 0; y < v->height; y += stride)
        for (int x = 0; x < v->width; x += stride) {
            if (!v->valid[(size_t)y * (size_t)v->width + (size_t)x])
                continue;
            inside++;
            rubor_point u = rubor_to_unit(&from, x, y);
            rubor_pair q = rubor_warp_apply(forward, u.x, u.y);
            rubor_value s;
            if (!rubor_structure_sample(o, rubor_from_unit(&to, q), &s))
                continue;
            common++;
            rubor_pair back = rubor_warp_apply(backward, q[0], q[1]);
            double dx = (back[0] - u.x) * from.inverse, dy = (back[1] - u.y) * from.inverse;
            double d = dx * dx + dy * dy;
            sum += d < 400 ? d : 400;
        }
    *overlap = inside > 0 ? common / inside : 0;
    return common > 0 ? sqrt(sum / common) : INFINITY;
}

/* Leaves out of every level of pyramid what goes astray there and back by more than limit_px of level 0: new
 * pigment has a structure of its own and pulls the alignment inside it, the skin around it does not. */
static void set_aside(rubor_structure_pyramid *pyramid, const rubor_warp *there, const rubor_warp *back,
                      double limit_px)
{
    double limit = limit_px * rubor_unit_scale_of(pyramid, 0).scale;
    for (int l = 0; l < pyramid->levels; l++) {
        rubor_structure *level = &pyramid->level[l];
        rubor_unit_scale scale = rubor_unit_scale_of(pyramid, l);
        for (int y = 0; y < level->height; y++)
            for (int x = 0; x < level->width; x++) {
                uint8_t *valid = &level->valid[(size_t)y * (size_t)level->width + (size_t)x];
                rubor_point u = rubor_to_unit(&scale, x, y);
                rubor_pair q = rubor_warp_apply(there, u.x, u.y), at = rubor_warp_apply(back, q[0], q[1]);
                double dx = at[0] - u.x, dy = at[1] - u.y;
                if (*valid && !(dx * dx + dy * dy < limit * limit))
                    *valid = 0;
            }
        rubor_structure_find_corners(level);
    }
}

/* A second alignment by what agreed in the first; *kept gets its share of the skin. */
static rubor_status align_by_agreement(rubor_warp *forward, rubor_warp *backward, rubor_structure_pyramid *a,
                                       rubor_structure_pyramid *b, int level, double limit_px, double *kept,
                                       rubor_error *error)
{
    double inverse[9];
    size_t before = a->level[0].valid_count, after = 0;
    rubor_warp f = *forward, g = *backward;
    set_aside(a, &f, &g, limit_px);
    set_aside(b, &g, &f, limit_px);
    for (size_t i = 0; i < (size_t)a->level[0].width * (size_t)a->level[0].height; i++)
        after += a->level[0].valid[i] != 0;
    *kept = before ? (double)after / (double)before : 0;
    rubor_warp_init(forward, f.h, a);
    rubor_status status = descend(forward, a, b, level, error);
    if (!status && rubor_matrix3_inverse(inverse, forward->h, NULL))
        return refuse(error, "there and back do not lead to the same place");
    for (int k = 0; k < 9 && !status; k++)
        inverse[k] /= inverse[8] != 0 ? inverse[8] : 1;
    if (!status) {
        rubor_warp_init(backward, inverse, b);
        status = descend(backward, b, a, level, error);
    }
    return status;
}

/* Unit coordinates to working pixels, as a matrix. */
static void unit_to_pixels(double m[9], const rubor_image_calibrated *image)
{
    double side = image->width > image->height ? image->width : image->height;
    const double values[9] = {side, 0, image->width / 2.0 - 0.5, 0, side, image->height / 2.0 - 0.5, 0, 0, 1};
    memcpy(m, values, sizeof values);
}

static void publish(rubor_registration *out, const rubor_warp *warp, const rubor_image_calibrated *visit,
                    const rubor_image_calibrated *baseline)
{
    double to_visit[9], to_baseline[9], from_visit[9], half[9];
    double side = baseline->width > baseline->height ? baseline->width : baseline->height;
    unit_to_pixels(to_visit, visit);
    unit_to_pixels(to_baseline, baseline);
    rubor_status status = rubor_matrix3_inverse(from_visit, to_visit, NULL);
    assert(!status);
    (void)status;
    rubor_matrix3_multiply(half, warp->h, from_visit);
    rubor_matrix3_multiply(out->homography, to_baseline, half);
    out->width = visit->width;
    out->height = visit->height;
    out->grid_columns = warp->columns;
    out->grid_rows = warp->rows;
    for (int j = 0; j < warp->rows; j++)
        for (int i = 0; i < warp->columns; i++)
            for (int k = 0; k < 2; k++)
                out->grid[j][i][k] = (float)(warp->grid[j][i][k] * side);
    snprintf(out->model, sizeof out->model, "%s", warp->columns ? "homography+grid" : "homography");
}

/* The structure matches and the ways there and back do not meet everywhere: align again by what agrees, until
 * the ways meet or come no nearer. */
static rubor_status settle_by_agreement(rubor_registration *out, rubor_warp *forward, rubor_warp *backward,
                                        rubor_structure_pyramid *a, rubor_structure_pyramid *b, int level,
                                        const rubor_image_calibrated *visit,
                                        const rubor_image_calibrated *baseline, double residual,
                                        rubor_error *error)
{
    rubor_warp best = *forward;
    double nearest = residual;
    for (int round = 0; round < 3 && !(nearest < largest_residual_px); round++) {
        double kept, overlap;
        rubor_status status =
            align_by_agreement(forward, backward, a, b, level, fmax(agreeing_px, nearest), &kept, error);
        if (status)
            return status;
        residual = forward_backward(forward, backward, a, b, &overlap);
        if (!(residual < nearest) || kept < least_agreeing_share)
            break;
        nearest = residual;
        best = *forward;
    }
    publish(out, &best, visit, baseline);
    out->residual_px = nearest * a->level[0].step;
    return nearest < settled_residual_px ? RUBOR_OK
                                         : refuse(error, "there and back do not lead to the same place");
}

/* Both ways and the checks; *out gets what was found also when it is refused. */
static rubor_status align(rubor_registration *out, rubor_structure_pyramid *a, rubor_structure_pyramid *b,
                          const rubor_image_calibrated *visit, const rubor_image_calibrated *baseline,
                          rubor_signal signal, rubor_error *error)
{
    rubor_search_hit hits[RUBOR_SEARCH_HITS];
    rubor_warp forward, backward;
    double inverse[9];
    int count, level = search_level(a, a->levels < b->levels ? a->levels : b->levels, signal);
    rubor_status status = rubor_align_search(hits, &count, a, b, level, error);
    if (status)
        return status;
    if (!choose(&forward, hits, count, a, b, level) || rubor_matrix3_inverse(inverse, forward.h, NULL))
        return refuse(error, "nothing in the visit is like the baseline");
    for (int k = 0; k < 9; k++)
        inverse[k] /= inverse[8] != 0 ? inverse[8] : 1;
    rubor_warp_init(&backward, inverse, b);
    status = descend(&forward, a, b, level, error);
    if (!status)
        status = descend(&backward, b, a, level, error);
    if (status)
        return status;
    size_t pixels;
    int middle = level > 1 ? 1 : 0;
    double overlap, residual = forward_backward(&forward, &backward, a, b, &overlap);
    double correlation = rubor_align_correlation(&forward, a, b, middle, &pixels);
    publish(out, &forward, visit, baseline);
    out->residual_px = residual * a->level[0].step;
    out->overlap_percent = 100 * overlap;
    if (100 * overlap < least_overlap_percent)
        return refuse(error, "too little of the same skin is in both photos");
    double significance = correlation * sqrt((double)pixels / 9);
    if (overlap >= agreeing_overlap && residual < agreeing_residual_px &&
        significance >= agreeing_significance)
        return RUBOR_OK;
    if (correlation < least_correlation || significance < least_significance)
        return refuse(error, "the skin's structure does not match the baseline's");
    if (residual < largest_residual_px)
        return RUBOR_OK;
    return settle_by_agreement(out, &forward, &backward, a, b, level, visit, baseline, residual, error);
}

/* Whole steps that bring both photos to like sizes of at most RUBOR_ALIGN_FINEST_PX. */
static bool choose_steps(int steps[2], const rubor_image_calibrated *visit,
                         const rubor_image_calibrated *baseline)
{
    int a = visit->width > visit->height ? visit->width : visit->height;
    int b = baseline->width > baseline->height ? baseline->width : baseline->height;
    if (a < LEAST_SIDE_PX || b < LEAST_SIDE_PX)
        return false;
    steps[0] = (a + RUBOR_ALIGN_FINEST_PX - 1) / RUBOR_ALIGN_FINEST_PX;
    steps[1] = (b + RUBOR_ALIGN_FINEST_PX - 1) / RUBOR_ALIGN_FINEST_PX;
    /* sizes a / steps[0] and b / steps[1]: take the larger one down while that brings them closer */
    for (int i = 0; i < 2; i++) {
        double one = (double)(i ? b : a) / steps[i], other = (double)(i ? a : b) / steps[1 - i];
        while (one / other > other / ((double)(i ? b : a) / (steps[i] + 1)))
            one = (double)(i ? b : a) / ++steps[i];
    }
    return true;
}

static rubor_status attempt(rubor_registration *out, const rubor_image_calibrated *visit,
                            const rubor_mask *visit_skin, const rubor_image_calibrated *baseline,
                            const rubor_mask *baseline_skin, const int steps[2], rubor_signal signal,
                            rubor_error *error)
{
    rubor_structure_pyramid a = {0}, b = {0};
    rubor_status status = rubor_structure_build(&a, visit, visit_skin, steps[0], signal, error);
    if (!status)
        status = rubor_structure_build(&b, baseline, baseline_skin, steps[1], signal, error);
    if (!status && (a.level[0].valid_count < LEAST_SKIN_PIXELS || b.level[0].valid_count < LEAST_SKIN_PIXELS))
        status = refuse(error, "there is too little skin");
    if (!status)
        status = align(out, &a, &b, visit, baseline, signal, error);
    rubor_structure_finish(&a);
    rubor_structure_finish(&b);
    return status;
}

rubor_status rubor_register(rubor_registration *out, const rubor_image_calibrated *visit,
                            const rubor_mask *visit_skin, const rubor_image_calibrated *baseline,
                            const rubor_mask *baseline_skin, rubor_error *error)
{
    assert(out && visit && visit_skin && baseline && baseline_skin);
    memset(out, 0, sizeof *out);
    int steps[2];
    if (!choose_steps(steps, visit, baseline))
        return refuse(error, "the photo is too small");
    rubor_status status =
        attempt(out, visit, visit_skin, baseline, baseline_skin, steps, RUBOR_SIGNAL_COLOR, error);
    if (status != RUBOR_REFUSED)
        return status;
    memset(out, 0, sizeof *out);
    return attempt(out, visit, visit_skin, baseline, baseline_skin, steps, RUBOR_SIGNAL_LUMA, error);
}
