#include "analyzer/skin_net.h"

#include "imaging/color.h"
#include "imaging/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void rubor_skin_finish(rubor_skin *skin)
{
    if (!skin)
        return;
    rubor_mask_finish(&skin->skin);
    rubor_mask_finish(&skin->shine);
    memset(skin, 0, sizeof *skin);
}

const char *rubor_skin_tone(double ita)
{
    if (isnan(ita))
        return "";
    if (ita > 55)
        return "very_light";
    if (ita > 41)
        return "light";
    if (ita > 28)
        return "intermediate";
    if (ita > 10)
        return "tan";
    return ita > -30 ? "brown" : "dark";
}

void rubor_skin_field_finish(rubor_skin_field *field)
{
    rubor_plane *planes[] = {&field->red_od,  &field->green_od, &field->blue_od,
                             &field->texture, &field->odds,     &field->net};
    for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++)
        rubor_plane_finish(planes[i]);
    for (int c = 0; c < 3; c++)
        rubor_plane_finish(&field->linear[c]);
    rubor_mask_finish(&field->outside);
    rubor_mask_finish(&field->skin);
    memset(field, 0, sizeof *field);
}

enum { COLOR_SAMPLES = 16384 };

/* Median color over the mask, channel by channel, from at most 16 K pixels at even steps. */
static rubor_status measure_color(rubor_skin *skin, const rubor_image_calibrated *image, rubor_error *error)
{
    size_t n = (size_t)image->width * (size_t)image->height, inside = rubor_mask_count(&skin->skin);
    skin->area_percent = n ? 100.0 * (double)inside / (double)n : 0;
    skin->lab[0] = skin->lab[1] = skin->lab[2] = skin->ita = NAN;
    if (!inside)
        return RUBOR_OK;
    size_t step = inside / COLOR_SAMPLES + 1, kept = 0, seen = 0, capacity = inside / step + 1;
    float *values = malloc(3 * capacity * sizeof *values);
    if (!values)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the color of the skin");
    for (size_t i = 0; i < n; i++) {
        if (skin->skin.data[i] < 128 || seen++ % step)
            continue;
        for (int c = 0; c < 3; c++)
            values[(size_t)c * capacity + kept] = image->plane[c][i];
        kept++;
    }
    double linear[3];
    for (size_t c = 0; c < 3; c++) {
        linear[c] = rubor_float_of_rank(values + c * capacity, kept, kept / 2);
    }
    free(values);
    rubor_lab lab = rubor_linear_to_lab_d65(linear);
    skin->lab[0] = lab.L;
    skin->lab[1] = lab.a;
    skin->lab[2] = lab.b;
    skin->ita = rubor_ita(lab);
    return RUBOR_OK;
}

rubor_status rubor_skin_find(rubor_skin *out, const rubor_image_calibrated *image,
                             const rubor_calibration *calibration, int full_width, int full_height,
                             rubor_error *error)
{
    assert(out && image && image->width > 0 && image->height > 0);
    memset(out, 0, sizeof *out);
    rubor_skin_field field = {0};
    bool calibrated = calibration && calibration->status != RUBOR_CALIBRATION_NONE;
    rubor_status status = rubor_skin_field_init(&field, image, error);
    if (status)
        goto out;
    if (calibration)
        rubor_skin_cut_chart(&field, calibration, image->width, image->height, full_width, full_height);
    status = rubor_skin_net(&field.net, &field, calibrated, error);
    if (!status)
        status = rubor_skin_color(&field, calibrated, error);
    if (!status)
        status = rubor_skin_colors(&field, calibrated, error);
    if (!status)
        status = rubor_skin_shape(&field, error);
    if (!status)
        status = rubor_skin_refine(out, &field, image, calibrated, error);
    if (!status)
        status = measure_color(out, image, error);
out:
    rubor_skin_field_finish(&field);
    if (status)
        rubor_skin_finish(out);
    return status;
}
