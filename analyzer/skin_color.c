#include "analyzer/skin_internal.h"
#include "analyzer/skin_prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Mean of step x step blocks; the last ones hold what is left over. column: scratch of one row of in. */
static void reduce(rubor_plane *out, const float *in, int in_width, int in_height, int step, float *column)
{
    for (int y = 0; y < out->height; y++) {
        int rows = in_height - y * step < step ? in_height - y * step : step;
        const float *top = in + (size_t)y * (size_t)step * (size_t)in_width;
        memcpy(column, top, (size_t)in_width * sizeof *column);
        for (int r = 1; r < rows; r++)
            for (int x = 0; x < in_width; x++)
                column[x] += top[(size_t)r * (size_t)in_width + (size_t)x];
        float *line = out->data + (size_t)y * (size_t)out->width;
        for (int x = 0; x < out->width; x++) {
            int columns = in_width - x * step < step ? in_width - x * step : step;
            float sum = 0;
            for (int k = 0; k < columns; k++)
                sum += column[x * step + k];
            line[x] = sum / (float)(rows * columns);
        }
    }
}

rubor_status rubor_skin_field_init(rubor_skin_field *field, const rubor_image_calibrated *image,
                                   rubor_error *error)
{
    int side = image->width > image->height ? image->width : image->height;
    int step = (side + RUBOR_SKIN_SIDE_PX / 2) / RUBOR_SKIN_SIDE_PX;
    step = step < 1 ? 1 : step;
    int width = (image->width + step - 1) / step, height = (image->height + step - 1) / step;
    memset(field, 0, sizeof *field);
    field->width = width;
    field->height = height;
    field->step = step;
    rubor_plane *ods[3] = {&field->red_od, &field->green_od, &field->blue_od};
    rubor_status status = RUBOR_OK;
    float *column = malloc((size_t)image->width * sizeof *column);
    if (!column)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for %d columns", image->width);
    for (int c = 0; c < 3 && !status; c++) {
        status = rubor_plane_init(&field->linear[c], width, height, error);
        if (!status)
            status = rubor_plane_init(ods[c], width, height, error);
        if (status)
            break;
        reduce(&field->linear[c], image->plane[c], image->width, image->height, step, column);
        size_t n = (size_t)width * (size_t)height;
        for (size_t i = 0; i < n; i++) {
            float value = field->linear[c].data[i];
            ods[c]->data[i] = (value > 0 ? value : 0) + RUBOR_PRIOR_FLOOR;
        }
        rubor_kernels_get()->optical_density(ods[c]->data, ods[c]->data, RUBOR_PRIOR_FLOOR, n);
    }
    free(column);
    if (!status)
        status = rubor_plane_init(&field->texture, width, height, error);
    if (!status)
        status = rubor_plane_init(&field->odds, width, height, error);
    if (!status)
        status = rubor_mask_init(&field->outside, width, height, error);
    if (!status)
        status = rubor_mask_init(&field->skin, width, height, error);
    return status;
}

/* Bilinear look into a table of log-likelihood ratios; beyond its rim the rim counts. */
static float look_up(const int8_t table[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS], float u, float v)
{
    float x = (u - RUBOR_PRIOR_FIRST) / RUBOR_PRIOR_STEP - 0.5f;
    float y = (v - RUBOR_PRIOR_FIRST) / RUBOR_PRIOR_STEP - 0.5f;
    float last = RUBOR_PRIOR_BINS - 1.001f;
    x = x < 0 ? 0 : x > last ? last : x;
    y = y < 0 ? 0 : y > last ? last : y;
    int i = (int)x, j = (int)y;
    float fx = x - (float)i, fy = y - (float)j;
    float top = (float)table[j][i] * (1 - fx) + (float)table[j][i + 1] * fx;
    float bottom = (float)table[j + 1][i] * (1 - fx) + (float)table[j + 1][i + 1] * fx;
    return (top * (1 - fy) + bottom * fy) / RUBOR_PRIOR_SCALE;
}

/* What a lamp that is warmer by 1 adds to log10(R/G) and log10(G/B), about along daylight and glowing wire.
 */
static const float lamp_u = 0.4f, lamp_v = 0.9f;

/* Red this near the encoding's limit hides how much redder than green the skin is; the prior is not held
 * against it. */
static const float bleached_linear = 0.85f, bleached_odds = -0.5f;

/* How far from a pixel the four windows lie of which the smoothest counts. */
enum { TEXTURE_RADIUS_PX = 2, TEXTURE_REACH_PX = 3 };

/* Mean deviation of the green OD from its surroundings, in the smoothest of four windows about the pixel:
 * hair and cloth are rough on all sides, skin beside an edge is smooth on one. */
static rubor_status measure_texture(rubor_skin_field *field, rubor_error *error)
{
    int w = field->width, h = field->height;
    size_t n = (size_t)w * (size_t)h;
    rubor_plane rough = {0};
    rubor_status status = rubor_plane_init(&rough, w, h, error);
    if (status)
        return status;
    memcpy(rough.data, field->green_od.data, n * sizeof(float));
    status = rubor_plane_box(&rough, TEXTURE_RADIUS_PX, error);
    for (size_t i = 0; i < n && !status; i++)
        rough.data[i] = fabsf(field->green_od.data[i] - rough.data[i]);
    if (!status)
        status = rubor_plane_box(&rough, TEXTURE_RADIUS_PX, error);
    for (int y = 0; y < h && !status; y++)
        for (int x = 0; x < w; x++) {
            int left = x > TEXTURE_REACH_PX ? x - TEXTURE_REACH_PX : 0,
                top = y > TEXTURE_REACH_PX ? y - TEXTURE_REACH_PX : 0;
            int right = x + TEXTURE_REACH_PX < w ? x + TEXTURE_REACH_PX : w - 1;
            int bottom = y + TEXTURE_REACH_PX < h ? y + TEXTURE_REACH_PX : h - 1;
            const float *above = rough.data + (size_t)top * (size_t)w,
                        *below = rough.data + (size_t)bottom * (size_t)w;
            float one = above[left] < above[right] ? above[left] : above[right];
            float two = below[left] < below[right] ? below[left] : below[right];
            field->texture.data[(size_t)y * (size_t)w + (size_t)x] = one < two ? one : two;
        }
    rubor_plane_finish(&rough);
    return status;
}

static float prior_of(const rubor_skin_field *field, const int8_t table[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS],
                      size_t i, float lamp)
{
    float u = field->green_od.data[i] - field->red_od.data[i] - lamp_u * lamp;
    float v = field->blue_od.data[i] - field->green_od.data[i] - lamp_v * lamp;
    return look_up(table, u, v);
}

/* How much warmer than white the light is (OD): the lamp under which what the network takes for skin has the
 * likeliest colors of skin. */
static float find_lamp(const rubor_skin_field *field)
{
    enum { COLDEST = -2, WARMEST = 6, STRIDE = 3 };
    static const float unlikely = -3, likely = 2, doubt = 0.1f;
    size_t n = (size_t)field->width * (size_t)field->height;
    float best = 0, best_sum = -INFINITY;
    for (int k = COLDEST; k <= WARMEST; k++) {
        float lamp = 0.05f * (float)k;
        double sum = 0, count = 1;
        for (size_t i = 0; i < n; i += STRIDE) {
            if (!(field->net.data[i] > 0) || field->outside.data[i])
                continue;
            float one = prior_of(field, rubor_prior_uncalibrated, i, lamp);
            sum += (double)(one < unlikely ? unlikely : one > likely ? likely : one);
            count++;
        }
        float mean = (float)(sum / count) - doubt * (float)abs(k);
        if (mean > best_sum) {
            best_sum = mean;
            best = lamp;
        }
    }
    return best;
}

rubor_status rubor_skin_color(rubor_skin_field *field, bool calibrated, rubor_error *error)
{
    size_t n = (size_t)field->width * (size_t)field->height;
    float lamp = calibrated ? 0 : find_lamp(field);
    for (size_t i = 0; i < n; i++) {
        float prior =
            prior_of(field, calibrated ? rubor_prior_calibrated : rubor_prior_uncalibrated, i, lamp);
        bool bleached = !calibrated && field->linear[0].data[i] > bleached_linear;
        field->odds.data[i] = bleached && prior < bleached_odds ? bleached_odds : prior;
    }
    return measure_texture(field, error);
}
