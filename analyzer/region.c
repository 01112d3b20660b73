#include "analyzer/region.h"

#include <stdio.h>
#include <string.h>

/* Control skin is looked for at least this far from the treated region, as a fraction of the grid's width:
 * redness and swelling reach past the line that was drawn. */
#define CONTROL_DISTANCE 0.04
/* and only counts when it is at least this fraction of the measured skin */
#define CONTROL_SHARE 0.03
/* Treatment changes the region: when more of the skin around it than this is no skin now, something lies on it. */
#define COVERED_SHARE 0.25
#define COVERED_UNDRAWN 0.5
#define COVERED_RETAKE 0.75

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* Polygon of the full photo -> cells. */
static void draw(rubor_mask *cells, const rubor_polygon *polygon, const rubor_frame *frame, int factor)
{
    rubor_polygon_rasterize(cells, polygon, frame->scale_x / factor, frame->scale_y / factor);
}

/* Parts of the drawn baseline cells, in blocks of BLOCK x BLOCK (the middle one stands for all). */
enum { BLOCK = 4 };

static double share_of_blocks(const rubor_mask *drawn, const rubor_mask *seen)
{
    double all = 0, hit = 0;
    for (int y = 0; y < seen->height; y++)
        for (int x = 0; x < seen->width; x++) {
            size_t u = (size_t)x * BLOCK + BLOCK / 2, v = (size_t)y * BLOCK + BLOCK / 2;
            bool in = u < (size_t)drawn->width && v < (size_t)drawn->height && drawn->data[v * (size_t)drawn->width + u] >= 128;
            all += in;
            hit += in && seen->data[(size_t)y * (size_t)seen->width + (size_t)x];
        }
    return all > 0 ? hit / all : 1;
}

/* A polygon drawn on the baseline, seen from the visit. *share: how much of it the visit's frame holds. */
static rubor_status carry_over(rubor_mask *cells, double *share, const rubor_polygon *polygon, const rubor_frame *baseline,
                               const rubor_registration *registration, int factor, rubor_error *error)
{
    rubor_mask drawn = {0}, seen = {0};
    double half = (factor - 1) / 2.0;
    rubor_status status =
        rubor_mask_init(&drawn, baseline->image.width / factor, baseline->image.height / factor, error);
    if (status == RUBOR_OK)
        status = rubor_mask_init(&seen, drawn.width / BLOCK + 1, drawn.height / BLOCK + 1, error);
    if (status != RUBOR_OK)
        goto out;
    draw(&drawn, polygon, baseline, factor);
    for (int y = 0; y < cells->height; y++)
        for (int x = 0; x < cells->width; x++) {
            rubor_point there =
                rubor_registration_map(registration, (rubor_point){x * factor + half, y * factor + half});
            double u = (there.x - half) / factor + 0.5, v = (there.y - half) / factor + 0.5;
            bool inside = u >= 0 && v >= 0 && u < drawn.width && v < drawn.height &&
                          drawn.data[(size_t)v * (size_t)drawn.width + (size_t)u] >= 128;
            cells->data[(size_t)y * (size_t)cells->width + (size_t)x] = inside ? 255 : 0;
            if (inside)
                seen.data[(size_t)v / BLOCK * (size_t)seen.width + (size_t)u / BLOCK] = 255;
        }
    *share = share_of_blocks(&drawn, &seen);
out:
    rubor_mask_finish(&drawn);
    rubor_mask_finish(&seen);
    return status;
}

static rubor_status refuse_outside(const char *what, const rubor_frame *frame, rubor_error *error)
{
    return rubor_error_set(error, RUBOR_INVALID, "the %s lies outside the photo of %.0f x %.0f pixels", what,
                           frame->image.width / frame->scale_x, frame->image.height / frame->scale_y);
}

static void keep_measured(rubor_mask *cells, const rubor_plane *od)
{
    size_t count = (size_t)cells->width * (size_t)cells->height;
    for (size_t i = 0; i < count; i++)
        if (isnan(od->data[i]))
            cells->data[i] = 0;
}

static rubor_status control_outside(rubor_change *change, rubor_record *record, rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height, skin = 0;
    memcpy(change->control.data, change->region.data, count);
    rubor_status status =
        rubor_mask_dilate(&change->control, (int)(CONTROL_DISTANCE * change->width) + 1, error);
    if (status != RUBOR_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        bool measured = !isnan(change->visit_od[0].data[i]);
        skin += measured;
        change->control.data[i] = change->control.data[i] < 128 && measured ? 255 : 0;
    }
    change->control_known = (double)rubor_mask_count(&change->control) > CONTROL_SHARE * (double)skin;
    if (change->control_known)
        copy_text(record->region.control, sizeof record->region.control, "found");
    return RUBOR_OK;
}

/* Share of the measured cells outside of near (NULL: of all) that are on trial; 0 where too few are measured there to say. */
static double trial_share(const rubor_change *change, const rubor_mask *near)
{
    size_t count = (size_t)change->width * (size_t)change->height, trial = 0, outside = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        bool measured = !isnan(change->visit_od[0].data[i]), out = measured && !(near && near->data[i] >= 128);
        all += measured;
        outside += out;
        trial += out && change->trial.data[i] != 0;
    }
    return (double)outside > CONTROL_SHARE * (double)all ? (double)trial / (double)outside : 0;
}

/* Skin of the baseline that the visit does not show as skin is on trial, because strong marks do not look like skin. Where
 * as much of the skin outside of the region is, a cloth or another place is in the frame, and all of it is dropped: red cloth
 * would pass as redness. */
static rubor_status drop_covered(rubor_change *change, rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_mask near = {0};
    rubor_status status = rubor_mask_init(&near, change->width, change->height, error);
    if (status == RUBOR_OK) {
        memcpy(near.data, change->region.data, count);
        status = rubor_mask_dilate(&near, (int)(CONTROL_DISTANCE * change->width) + 1, error);
    }
    bool covered = status == RUBOR_OK && trial_share(change, &near) > COVERED_SHARE;
    for (size_t i = 0; i < count && covered; i++)
        if (change->trial.data[i]) {
            change->trial.data[i] = 0;
            for (int c = 0; c < 3; c++)
                change->visit_od[c].data[i] = change->reference_od[c].data[i] = NAN;
        }
    rubor_mask_finish(&near);
    return status;
}

/* Without a drawn region nobody says where skin may look so different: half of it, or three quarters, is another matter. */
static void judge_undrawn(const rubor_change *change, rubor_record *record)
{
    double share = trial_share(change, NULL);
    if (share > COVERED_UNDRAWN)
        rubor_record_reason(record, share > COVERED_RETAKE ? "retake" : "warn", "region_hidden",
                            "Much of the skin of the photo before treatment does not look like skin now: uncover it, "
                            "light it evenly, or mark the treated region.");
}

/* As drawn on the visit, or on the baseline and carried over; *source stays where neither was. *share: how much of what was
 * drawn on the baseline is in the visit's frame. */
static rubor_status draw_either(rubor_mask *cells, const char **source, double *share, const char *what,
                                const rubor_polygon *on_visit, const rubor_polygon *on_baseline, int factor,
                                const rubor_frame *visit, const rubor_frame *baseline,
                                const rubor_registration *registration, rubor_error *error)
{
    *share = 1;
    if (on_visit && on_visit->count) {
        draw(cells, on_visit, visit, factor);
        *source = "given";
        return rubor_mask_count(cells) ? RUBOR_OK : refuse_outside(what, visit, error);
    }
    if (!registration || !baseline || !on_baseline || !on_baseline->count)
        return RUBOR_OK;
    *source = "baseline";
    return carry_over(cells, share, on_baseline, baseline, registration, factor, error);
}

/* Leaves the measurable cells; how many all of what was drawn has (infinite when none of it is in the frame, so that the
 * measured share is 0), NaN where nothing was drawn. */
static double keep_of_drawn(rubor_mask *cells, const rubor_plane *od, bool drawn, double share)
{
    double in_frame = (double)rubor_mask_count(cells);
    keep_measured(cells, od);
    if (!drawn)
        return RUBOR_NULL;
    return share > 0 && in_frame > 0 ? in_frame / share : (double)INFINITY;
}

rubor_status rubor_region_find(rubor_change *change, rubor_record *record,
                               const rubor_analyze_options *options, const rubor_frame *visit,
                               const rubor_frame *baseline, const rubor_registration *registration,
                               rubor_error *error)
{
    const char *source = "skin", *control = "none";
    double region_share, control_share;
    memset(change->region.data, 255, (size_t)change->width * (size_t)change->height);
    rubor_status status = draw_either(&change->region, &source, &region_share, "region", options->region,
                                      options->baseline_region, change->factor, visit, baseline, registration, error);
    if (status == RUBOR_OK)
        status = draw_either(&change->control, &control, &control_share, "control", options->control, options->baseline_control,
                             change->factor, visit, baseline, registration, error);
    if (status != RUBOR_OK)
        return status;
    bool drawn_region = strcmp(source, "skin") != 0, drawn_control = strcmp(control, "none") != 0;
    const rubor_plane *od = &change->visit_od[0];
    if (drawn_region)
        status = drop_covered(change, error);
    else
        judge_undrawn(change, record);
    if (status != RUBOR_OK)
        return status;
    double control_cells = keep_of_drawn(&change->control, od, drawn_control, control_share);
    change->control_measured = (double)rubor_mask_count(&change->control) / control_cells;
    change->control_known = rubor_mask_count(&change->control) >= RUBOR_CONTROL_CELLS_LEAST;
    if (!change->control_known)
        control = "none";
    copy_text(record->region.source, sizeof record->region.source, source);
    copy_text(record->region.control, sizeof record->region.control, control);
    if (drawn_region && !change->control_known)
        status = control_outside(change, record, error); /* of the region as it was drawn */
    change->region_drawn = keep_of_drawn(&change->region, od, drawn_region, region_share);
    if (drawn_region && rubor_mask_count(&change->region) == 0)
        rubor_record_reason(
            record, "retake", "region_empty",
            "The treated region shows no measurable skin in this photo: bring it into the frame, "
            "uncovered and evenly lit.");
    return status;
}
