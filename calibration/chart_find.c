/* The chart search: level by level from coarse to fine, until a chart is sure; then its edges. */
#include "calibration/chart_find_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SURE 0.6
#define MODEL_PATCH_PX 10
#define EDGE_PATCH_PX 30
#define SHARP_SIGMA 0.12
#define EDGE_PATCH_MIN_PX 9
#define EDGES_REGULAR 0.45
#define EDGES_EXPLAIN 0.94
/* of the sizes of two cells of one lattice; where gaps cross there are smaller cells to be told apart */
#define SIZE_RATIO_SHARP 1.5f
#define SIZE_RATIO_BLURRED 2.3f

/* index of the level at two thirds of level 0 */
enum { BETWEEN = RUBOR_CF_MAX_LEVELS };

enum {
    KEPT = 2,
    RANK_SURE = 23,
    RANK_MIN = 11,
    GRID_CELLS = 20,
    BLURRED_CELLS_MAX = 8000,
    MODEL_ROUNDS = 6,
    REFINED_MAX = 10,
    CELLS_SPARE = 5,
    QUICK_PIXELS = 1000 * 1000
};

typedef struct search {
    rubor_cf_image level[RUBOR_CF_MAX_LEVELS + 1]; /* the last: level 0 at two thirds, when asked for */
    rubor_cf_cells cells[RUBOR_CF_MAX_LEVELS + 1];
    int levels;
    rubor_cf_reference reference, foreign;
    rubor_cf_pose kept[KEPT]; /* most promising of this level, best first */
    int kept_count;
    rubor_cf_pose best; /* refined */
    double foreign_rank;
    int grid_cells; /* most cells in a window, whatever their colors */
    int cells_min;  /* of a lattice worth a look */
    int at;         /* level being searched */
    int refined;    /* hypotheses refined so far */
} search;

static void search_finish(search *s)
{
    for (int level = 0; level <= RUBOR_CF_MAX_LEVELS; level++) {
        rubor_cf_image_finish(&s->level[level]);
        rubor_cf_cells_finish(&s->cells[level]);
    }
}

static void keep(search *s, const rubor_cf_pose *pose)
{
    double rank = rubor_cf_pose_rank(pose);
    int at = s->kept_count < KEPT ? s->kept_count : KEPT - 1;
    if (s->kept_count == KEPT && rank <= rubor_cf_pose_rank(&s->kept[at]))
        return;
    while (at > 0 && rubor_cf_pose_rank(&s->kept[at - 1]) < rank) {
        s->kept[at] = s->kept[at - 1];
        at--;
    }
    s->kept[at] = *pose;
    if (s->kept_count < KEPT)
        s->kept_count++;
}

static bool consider(const rubor_cf_lattice *lattice, void *context)
{
    search *s = context;
    rubor_cf_pose pose, other;
    double rank = 0;
    int cells = rubor_cf_window_cells(lattice);
    if (cells < s->cells_min)
        return true;
    if (cells > s->grid_cells)
        s->grid_cells = cells;
    int cells_min = cells - CELLS_SPARE < s->cells_min ? s->cells_min : cells - CELLS_SPARE;
    if (rubor_cf_window_best(&pose, &s->reference, &s->level[s->at], lattice, cells_min)) {
        pose.level = s->at;
        if (s->at == BETWEEN) {
            static const double to_level_0[9] = {1.5, 0, 0.25, 0, 1.5, 0.25, 0, 0, 1};
            rubor_cf_matrix_multiply(pose.homography, to_level_0, pose.homography);
            pose.level = 0;
        }
        rank = rubor_cf_pose_rank(&pose);
        if (rank >= RANK_MIN)
            keep(s, &pose);
    }
    if (rank < RANK_SURE && cells >= GRID_CELLS &&
        rubor_cf_window_best(&other, &s->foreign, &s->level[s->at], lattice, cells_min) &&
        other.fit.inliers >= GRID_CELLS && rubor_cf_pose_rank(&other) > s->foreign_rank)
        s->foreign_rank = rubor_cf_pose_rank(&other);
    return rank < RANK_SURE;
}

static rubor_status build_levels(search *s, const rubor_image_encoded *working, rubor_error *error)
{
    rubor_status status = rubor_cf_image_from_encoded(&s->level[0], working, error);
    if (status != RUBOR_OK)
        return status;
    s->levels = 1;
    while (s->levels < RUBOR_CF_MAX_LEVELS) {
        const rubor_cf_image *last = &s->level[s->levels - 1];
        if (last->width < 120 || last->height < 120)
            break;
        status = rubor_cf_image_halve(&s->level[s->levels], last, error);
        if (status != RUBOR_OK)
            return status;
        s->levels++;
    }
    return RUBOR_OK;
}

static double patch_px(const rubor_cf_pose *pose)
{
    double x0, y0, x1, y1, x2, y2;
    rubor_cf_project(&x0, &y0, pose->homography, 3, 2);
    rubor_cf_project(&x1, &y1, pose->homography, 3 + pose->fill[0], 2);
    rubor_cf_project(&x2, &y2, pose->homography, 3, 2 + pose->fill[1]);
    return sqrt(rubor_cf_length(x1 - x0, y1 - y0) * rubor_cf_length(x2 - x0, y2 - y0));
}

/* The same pose in pixels of the next finer level. */
static void pose_to_finer(rubor_cf_pose *pose)
{
    static const double twice[9] = {2, 0, 0.5, 0, 2, 0.5, 0, 0, 1};
    rubor_cf_matrix_multiply(pose->homography, twice, pose->homography);
    pose->sigma_px *= 2;
    pose->level--;
}

/* Down to the level where a patch is large enough for what follows. */
static void descend(rubor_cf_pose *pose, double patch)
{
    while (pose->level > 0 && patch_px(pose) < patch)
        pose_to_finer(pose);
}

/* Edges, level by level; true when they are as regular as a sharp picture's. */
static bool refine_edges(search *s, rubor_cf_pose *pose)
{
    rubor_cf_pose moved = *pose;
    descend(&moved, EDGE_PATCH_MIN_PX);
    double regular = rubor_cf_refine(&moved, &s->level[moved.level]);
    while (regular > EDGES_REGULAR && moved.level > 0 && patch_px(&moved) < EDGE_PATCH_PX) {
        pose_to_finer(&moved);
        regular = rubor_cf_refine(&moved, &s->level[moved.level]);
    }
    if (regular <= EDGES_REGULAR)
        return false;
    *pose = moved;
    pose->regular = regular;
    return true;
}

static void refine_model(search *s, rubor_cf_pose *pose)
{
    pose->sigma_px = 0;
    rubor_cf_model_fit(pose, &s->level[pose->level], MODEL_ROUNDS);
    while (pose->level > 0 && patch_px(pose) < MODEL_PATCH_PX) {
        pose_to_finer(pose);
        rubor_cf_model_fit(pose, &s->level[pose->level], MODEL_ROUNDS);
    }
}

/* Edges where the picture is sharp enough to show them; else, or when they explain the picture poorly, the
 * model, which bears a poor start, blur and few pixels. */
static void refine_through_levels(search *s, rubor_cf_pose *pose)
{
    rubor_cf_pose model = *pose, edges = *pose;
    bool sharp = refine_edges(s, &edges);
    if (sharp)
        rubor_cf_model_fit(&edges, &s->level[edges.level], 0);
    bool blurred = edges.sigma_px > SHARP_SIGMA * patch_px(&edges);
    if (!sharp || blurred || edges.explained < EDGES_EXPLAIN) {
        refine_model(s, &model);
        rubor_cf_pose_score(&model, &s->reference, &s->level[model.level]);
        if (!sharp && model.sigma_px < SHARP_SIGMA * patch_px(&model)) {
            edges = model;
            sharp = refine_edges(s, &edges);
            if (sharp)
                rubor_cf_model_fit(&edges, &s->level[edges.level], 0);
        }
    }
    *pose = sharp && edges.explained > model.explained + (blurred ? 0.01 : -0.02) ? edges : model;
    rubor_cf_pose_score(pose, &s->reference, &s->level[pose->level]);
    pose->confidence = rubor_cf_pose_confidence(pose);
}

/* Looks for lattices on one level and refines the most promising hypotheses. */
static void search_level(search *s, int level, float size_ratio, int cells_min)
{
    s->cells_min = cells_min;
    s->at = level;
    s->kept_count = 0;
    s->cells[level].size_ratio = size_ratio;
    rubor_cf_lattices_grow(&s->cells[level], consider, s);
    for (int i = 0; i < s->kept_count && s->best.confidence < SURE; i++) {
        if (s->refined++ >= REFINED_MAX)
            break;
        refine_through_levels(s, &s->kept[i]);
        if (s->kept[i].confidence > s->best.confidence)
            s->best = s->kept[i];
    }
}

/* Last resort for patches of 6 to 14 px in noise that level 0 shows and level 1 is too coarse for. */
static rubor_status search_between(search *s, rubor_error *error)
{
    rubor_status status = rubor_cf_image_two_thirds(&s->level[BETWEEN], &s->level[0], error);
    if (status == RUBOR_OK)
        status = rubor_cf_cells_find(&s->cells[BETWEEN], &s->level[BETWEEN], false, error);
    if (status == RUBOR_OK)
        search_level(s, BETWEEN, SIZE_RATIO_SHARP, 9);
    if (status == RUBOR_OK && s->best.confidence < 0.5 && s->cells[BETWEEN].count < BLURRED_CELLS_MAX)
        search_level(s, BETWEEN, SIZE_RATIO_BLURRED, 7);
    return status;
}

/* Coarse to fine with cells of nearly one size, as sharp pictures give; then again with sizes that vary, as
 * blurred ones do. */
static rubor_status search_levels(search *s, rubor_error *error)
{
    for (int level = s->levels - 1; level >= 0 && s->best.confidence < SURE; level--) {
        rubor_status status =
            rubor_cf_cells_find(&s->cells[level], &s->level[level],
                                s->level[level].width * s->level[level].height > QUICK_PIXELS, error);
        if (status != RUBOR_OK)
            return status;
        search_level(s, level, SIZE_RATIO_SHARP, 9);
    }
    for (int level = s->levels - 1; level >= 0 && s->best.confidence < 0.5; level--)
        if (s->cells[level].count < BLURRED_CELLS_MAX)
            search_level(s, level, SIZE_RATIO_BLURRED, 7);
    return s->best.confidence < 0.5 ? search_between(s, error) : RUBOR_OK;
}

static const char *layout_of(const double fill[2])
{
    double gap = 0.5 * (1 / fill[0] + 1 / fill[1]) - 1;
    return gap < 0.22 ? "classic" : gap < 0.265 ? "mini" : gap < 0.42 ? "passport" : "nano";
}

static void to_location(rubor_chart_location *out, const rubor_cf_pose *pose, const rubor_photo_info *info,
                        const rubor_image_encoded *working, const char *layout)
{
    static const int corner[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    double level = ldexp(1, pose->level);
    double sx = level * info->width / working->width, sy = level * info->height / working->height;
    double to_full[9] = {sx, 0, 0.5 * sx - 0.5, 0, sy, 0.5 * sy - 0.5, 0, 0, 1};
    *out = (rubor_chart_location){.confidence = pose->confidence, .fill = {pose->fill[0], pose->fill[1]}};
    snprintf(out->layout, sizeof out->layout, "%s", layout);
    rubor_cf_matrix_multiply(out->homography, to_full, pose->homography);
    for (int i = 0; i < 9; i++)
        out->homography[i] /= pose->homography[8];
    for (int k = 0; k < 4; k++) {
        double a = corner[k][0] ? 6 - 0.5 * (1 - pose->fill[0]) : 0.5 * (1 - pose->fill[0]);
        double b = corner[k][1] ? 4 - 0.5 * (1 - pose->fill[1]) : 0.5 * (1 - pose->fill[1]);
        rubor_cf_project(&out->corners_px[k].x, &out->corners_px[k].y, out->homography, a, b);
    }
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++) {
        rubor_cf_project(&out->centers_px[i].x, &out->centers_px[i].y, out->homography, i % 6 + 0.5,
                         i / 6 + 0.5);
        out->covered[i] = !pose->fit.inlier[i];
    }
    out->patch_px = patch_px(pose) * sqrt(sx * sy);
    const rubor_point *c = out->corners_px;
    out->mirrored = (c[1].x - c[0].x) * (c[3].y - c[0].y) - (c[1].y - c[0].y) * (c[3].x - c[0].x) < 0;
}

static rubor_status verdict(rubor_chart_location *out, search *s, const rubor_photo_info *info,
                            const rubor_image_encoded *working, rubor_error *error)
{
    const rubor_cf_pose *best = &s->best;
    if (best->confidence < 0.5 || rubor_cf_pose_rank(best) < s->foreign_rank) {
        if (s->foreign_rank > 0)
            return rubor_error_set(error, RUBOR_REFUSED,
                                   "the chart looks like a SpyderCheckr 24, which Rubor does not know; "
                                   "use a 24-patch ColorChecker");
        if (s->grid_cells >= GRID_CELLS)
            return rubor_error_set(error, RUBOR_REFUSED,
                                   "a grid of patches was found, but its colors are not those of a 24-patch "
                                   "ColorChecker; use one, or mark its corners by hand");
        if (best->confidence > 0.25)
            return rubor_error_set(error, RUBOR_REFUSED,
                                   "something like a color chart was found, but too unsurely to be used "
                                   "(%d of 24 patches agree); mark its corners by hand",
                                   best->fit.inliers);
        return rubor_error_set(error, RUBOR_NOT_FOUND, "no 24-patch color chart was found in the photo");
    }
    if (rubor_cf_pose_is_part(best, &s->level[best->level]))
        return rubor_error_set(error, RUBOR_REFUSED,
                               "the chart has more patches around the 24 of a ColorChecker (a Digital SG?); "
                               "use a 24-patch ColorChecker");
    to_location(out, best, info, working, layout_of(best->fill));
    return RUBOR_OK;
}

rubor_status rubor_chart_find(rubor_chart_location *out, const rubor_photo_info *info,
                              const rubor_image_encoded *working, rubor_bytes bytes, rubor_error *error)
{
    (void)bytes;
    search s = {.levels = 0};
    rubor_cf_reference_init(&s.reference);
    rubor_cf_reference_init_foreign(&s.foreign);
    rubor_status status = build_levels(&s, working, error);
    if (status == RUBOR_OK)
        status = search_levels(&s, error);
    if (status == RUBOR_OK)
        status = verdict(out, &s, info, working, error);
    search_finish(&s);
    return status;
}

static bool quadrilateral_is_convex(const rubor_point p[4])
{
    double sign = 0;
    for (int i = 0; i < 4; i++) {
        const rubor_point *a = &p[i], *b = &p[(i + 1) % 4], *c = &p[(i + 2) % 4];
        double cross = (b->x - a->x) * (c->y - b->y) - (b->y - a->y) * (c->x - b->x);
        if (!(fabs(cross) > 16) || cross * sign < 0)
            return false;
        sign = cross;
    }
    return true;
}

/* Homography of the unit: chart-plane corners for a fill of 0.8 -> the four points. */
static bool pose_from_corners(rubor_cf_pose *pose, const rubor_point corners[4], double sx, double sy)
{
    double normal[64], right[8];
    for (int k = 0; k < 4; k++) {
        double a = k == 1 || k == 2 ? 6 - 0.5 * (1 - pose->fill[0]) : 0.5 * (1 - pose->fill[0]);
        double b = k >= 2 ? 4 - 0.5 * (1 - pose->fill[1]) : 0.5 * (1 - pose->fill[1]);
        double x = (corners[k].x + 0.5) / sx - 0.5, y = (corners[k].y + 0.5) / sy - 0.5;
        double rows[2][8] = {{a, b, 1, 0, 0, 0, -x * a, -x * b}, {0, 0, 0, a, b, 1, -y * a, -y * b}};
        memcpy(normal + 16 * k, rows, sizeof rows);
        right[2 * k] = x;
        right[2 * k + 1] = y;
    }
    if (!rubor_cf_solve(normal, right, 8))
        return false;
    memcpy(pose->homography, right, sizeof right);
    pose->homography[8] = 1;
    return true;
}

rubor_status rubor_chart_from_corners(rubor_chart_location *out, const rubor_point corners_px[4],
                                      const rubor_photo_info *info, const rubor_image_encoded *working,
                                      rubor_bytes bytes, rubor_error *error)
{
    (void)bytes;
    for (int k = 0; k < 4; k++)
        if (!(fabs(corners_px[k].x) < 1e6 && fabs(corners_px[k].y) < 1e6))
            return rubor_error_set(error, RUBOR_INVALID,
                                   "corner %d of the chart is not a position in a photo", k + 1);
    if (!quadrilateral_is_convex(corners_px))
        return rubor_error_set(error, RUBOR_INVALID,
                               "the four chart corners do not make a quadrilateral; give them in the order "
                               "dark skin, bluish green, black, white");
    search s = {.levels = 0};
    rubor_cf_reference_init(&s.reference);
    rubor_status status = build_levels(&s, working, error);
    if (status != RUBOR_OK)
        goto out;
    double sx = (double)info->width / working->width, sy = (double)info->height / working->height;
    rubor_cf_pose pose = {.fill = {0.8, 0.8}};
    /* the corners are trusted; a few rounds find the fill that goes with them */
    for (int round = 0; round < 3; round++) {
        if (!pose_from_corners(&pose, corners_px, sx, sy)) {
            status = rubor_error_set(error, RUBOR_INVALID, "the four chart corners lie nearly on a line");
            goto out;
        }
        rubor_cf_pose_score(&pose, &s.reference, &s.level[0]);
        rubor_cf_pose moved = pose;
        for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
            moved.fit.inlier[i] = true;
        if (rubor_cf_refine(&moved, &s.level[0]) <= 0)
            break;
        memcpy(pose.fill, moved.fill, sizeof pose.fill);
    }
    to_location(out, &pose, info, working, "manual");
    out->confidence = 1;
    for (int k = 0; k < 4; k++)
        out->corners_px[k] = corners_px[k];
out:
    search_finish(&s);
    return status;
}
