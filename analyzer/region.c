#include "analyzer/region.h"

#include <stdio.h>
#include <string.h>

/* Control skin is looked for at least this far from the treated region, as a fraction of the grid's width:
 * redness and swelling reach past the line that was drawn. */
#define CONTROL_DISTANCE 0.04
/* and only counts when it is at least this fraction of the measured skin */
#define CONTROL_SHARE 0.03

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* Polygon of the full photo -> cells. */
static void draw(rubor_mask *cells, const rubor_polygon *polygon, const rubor_frame *frame, int factor)
{
    rubor_polygon_rasterize(cells, polygon, frame->scale_x / factor, frame->scale_y / factor);
}

/* A polygon drawn on the baseline, seen from the visit. */
static rubor_status carry_over(rubor_mask *cells, const rubor_polygon *polygon, const rubor_frame *baseline,
                               const rubor_registration *registration, int factor, rubor_error *error)
{
    rubor_mask drawn = {0};
    rubor_status status =
        rubor_mask_init(&drawn, baseline->image.width / factor, baseline->image.height / factor, error);
    if (status != RUBOR_OK)
        return status;
    draw(&drawn, polygon, baseline, factor);
    double half = (factor - 1) / 2.0;
    for (int y = 0; y < cells->height; y++)
        for (int x = 0; x < cells->width; x++) {
            rubor_point there =
                rubor_registration_map(registration, (rubor_point){x * factor + half, y * factor + half});
            double u = (there.x - half) / factor + 0.5, v = (there.y - half) / factor + 0.5;
            bool inside = u >= 0 && v >= 0 && u < drawn.width && v < drawn.height &&
                          drawn.data[(size_t)v * (size_t)drawn.width + (size_t)u] >= 128;
            cells->data[(size_t)y * (size_t)cells->width + (size_t)x] = inside ? 255 : 0;
        }
    rubor_mask_finish(&drawn);
    return RUBOR_OK;
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

rubor_status rubor_region_find(rubor_change *change, rubor_record *record,
                               const rubor_analyze_options *options, const rubor_frame *visit,
                               const rubor_frame *baseline, const rubor_registration *registration,
                               rubor_error *error)
{
    const char *source = "skin", *control = "none";
    rubor_status status = RUBOR_OK;
    bool carried = registration && baseline;
    if (options->region && options->region->count) {
        draw(&change->region, options->region, visit, change->factor);
        source = "given";
        if (rubor_mask_count(&change->region) == 0)
            return refuse_outside("region", visit, error);
    } else if (carried && options->baseline_region && options->baseline_region->count) {
        status = carry_over(&change->region, options->baseline_region, baseline, registration, change->factor,
                            error);
        source = "baseline";
    } else {
        memset(change->region.data, 255, (size_t)change->width * (size_t)change->height);
    }
    if (status != RUBOR_OK)
        return status;
    if (options->control && options->control->count) {
        draw(&change->control, options->control, visit, change->factor);
        control = "given";
        if (rubor_mask_count(&change->control) == 0)
            return refuse_outside("control", visit, error);
    } else if (carried && options->baseline_control && options->baseline_control->count) {
        status = carry_over(&change->control, options->baseline_control, baseline, registration,
                            change->factor, error);
        control = "baseline";
    }
    if (status != RUBOR_OK)
        return status;
    copy_text(record->region.source, sizeof record->region.source, source);
    copy_text(record->region.control, sizeof record->region.control, control);
    bool drawn_region = strcmp(source, "skin") != 0, drawn_control = strcmp(control, "none") != 0;
    if (drawn_region && !drawn_control)
        status = control_outside(change, record, error);
    else
        change->control_known = drawn_control;
    double drawn_cells = (double)rubor_mask_count(&change->region);
    keep_measured(&change->region, &change->visit_od[0]);
    change->region_measured = drawn_region && drawn_cells > 0
                                  ? (double)rubor_mask_count(&change->region) / drawn_cells
                                  : RUBOR_NULL;
    if (drawn_region && rubor_mask_count(&change->region) == 0)
        rubor_record_reason(
            record, "retake", "region_empty",
            "The treated region shows no measurable skin in this photo; bring it into the frame, "
            "uncovered and evenly lit.");
    keep_measured(&change->control, &change->visit_od[0]);
    return status;
}
