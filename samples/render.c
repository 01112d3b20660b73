/* One photo: every pixel of skin and what lies on and around it, as light in front of the lens; then the
 * truth. */
#include "samples/device.h"
#include "samples/object.h"
#include "samples/sample.h"
#include "samples/scene.h"
#include "samples/spoil.h"
#include "samples/truth.h"
#include "samples/view.h"

#include <stdlib.h>
#include <string.h>

enum { GRID_STEP = 16 };

struct rubor_sample_series {
    rubor_scene scene;
};

typedef struct painter {
    const rubor_scene *scene;
    rubor_view view;
    rubor_device device;
    rubor_course_day day;
    rubor_lamp_optics *optics; /* one per lamp */
    const struct rubor_lamps *light;
    int lamps;
    rubor_border border[2];
    float cloth_until;   /* unflipped scene x up to which cloth covers the skin; -HUGE_VALF: none */
    float reflection[4]; /* center x, y, 1 / radius, strength */
    uint8_t *chart;      /* 255 where the chart lies */
    float *raw;          /* interleaved */
    float *grid;         /* scene coordinates every GRID_STEP pixels */
    int grid_width;
    uint8_t *film; /* per pixel: blood, crust opacity */
    rubor_truth_maps maps;
    rubor_sample_photo *photo;
    float h_scale, m_scale; /* hemoglobin and melanin units per unit of the treatment maps */
    float h_everywhere;
} painter;

static void paint_grid(painter *p)
{
    int rows = (p->scene->height + GRID_STEP - 1) / GRID_STEP + 1;
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < p->grid_width; i++) {
            double sx, sy;
            rubor_view_to_scene(&p->view, &sx, &sy, i * GRID_STEP, j * GRID_STEP);
            float *node = p->grid + 2 * ((size_t)j * (size_t)p->grid_width + (size_t)i);
            node[0] = (float)sx;
            node[1] = (float)sy;
        }
}

static void scene_point(const painter *p, float *sx, float *sy, int x, int y)
{
    int i = x / GRID_STEP, j = y / GRID_STEP;
    float u = (float)(x % GRID_STEP) / GRID_STEP, v = (float)(y % GRID_STEP) / GRID_STEP;
    const float *a = p->grid + 2 * ((size_t)j * (size_t)p->grid_width + (size_t)i), *b = a + 2;
    const float *c = a + 2 * (size_t)p->grid_width, *d = c + 2;
    *sx = (1 - v) * ((1 - u) * a[0] + u * b[0]) + v * ((1 - u) * c[0] + u * d[0]);
    *sy = (1 - v) * ((1 - u) * a[1] + u * b[1]) + v * ((1 - u) * c[1] + u * d[1]);
}

/* Spots are drawn in the photo: round where the skin is round, with an outline of their own. */
static void paint_spot(painter *p, const rubor_spot *spot, int channel, float softness)
{
    double cx, cy;
    rubor_view_to_photo(&p->view, &cx, &cy, (double)spot->x, (double)spot->y);
    int reach = (int)(spot->radius * 1.6f) + 3, w = p->scene->width, h = p->scene->height;
    if (!(cx > -reach && cy > -reach && cx < w + reach && cy < h + reach))
        return;
    int x0 = (int)cx - reach, y0 = (int)cy - reach;
    for (int y = y0 < 0 ? 0 : y0; y <= (int)cy + reach && y < h; y++)
        for (int x = x0 < 0 ? 0 : x0; x <= (int)cx + reach && x < w; x++) {
            float sx, sy;
            scene_point(p, &sx, &sy, x, y);
            float dx = sx - spot->x, dy = sy - spot->y, r = sqrtf(dx * dx + dy * dy);
            float outline = 1 + 0.35f * rubor_noise2(spot->shape, dx / spot->radius, dy / spot->radius);
            float cover = 0.5f + (spot->radius * outline - r) / softness;
            cover = spot->strength * (cover < 0 ? 0 : cover > 1 ? 1 : cover);
            uint8_t *film = p->film + 2 * ((size_t)y * (size_t)w + (size_t)x) + channel;
            uint8_t value = (uint8_t)(cover * 255);
            *film = value > *film ? value : *film;
        }
}

static int share_of(int count, double share)
{
    return (int)(count * share + 0.5);
}

static void paint_spots(painter *p)
{
    const rubor_scene *scene = p->scene;
    int pinpoints = share_of(scene->pinpoint_count, p->day.pinpoint_share);
    int crusts = share_of(scene->crust_count, p->day.crust_share);
    for (int i = 0; i < pinpoints; i++)
        paint_spot(p, &scene->pinpoints[i], 0, 1.2f);
    for (int i = 0; i < crusts; i++)
        paint_spot(p, &scene->crusts[i], 1, 1.5f + 0.25f * scene->crusts[i].radius);
}

static float clamp01(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void mix(float rgb[3], const float other[3], float share, float level)
{
    for (int c = 0; c < 3; c++)
        rgb[c] += share * (level * other[c] - rgb[c]);
}

/* A film's factor, weakened to its opacity. */
static void cover(float rgb[3], const float film[3], float opacity)
{
    for (int c = 0; c < 3; c++)
        rgb[c] *= 1 + opacity * (film[c] - 1);
}

/* What one pixel is, before any lamp: shares of what lies where. */
typedef struct matter {
    float m, h, relief, shade, blood, crust, bruise_new, bruise_old, makeup, stubble, hair;
    float edge[2];         /* coverage by each border */
    float edge_texture[2]; /* its brightness */
    float object, object_texture;
    float shine;
} matter;

static float edge_coverage(const painter *p, int which, float distance, float sx, float sy, float *texture)
{
    const rubor_scene *scene = p->scene;
    float w = (float)scene->width;
    uint64_t seed = scene->options.seed + 77 + (uint64_t)which;
    *texture = 1;
    if (distance < -0.03f * w)
        return 0;
    float along = which == 0 ? sy : sx, across = which == 0 ? sx : sy;
    switch (p->border[which]) {
    case RUBOR_BORDER_HAIR:
    case RUBOR_BORDER_BROW: { /* strands along the border, thinning out beyond it */
        float sway = 0.03f * w * rubor_noise2(seed + 2, along / (0.12f * w), across / (0.2f * w));
        float strand = rubor_noise2(seed, (across + sway) * 0.55f, along * 0.012f);
        float lock = rubor_noise2(seed + 1, (across + sway) * 0.06f, along * 0.006f);
        *texture = 1 + 0.40f * strand + 0.35f * lock;
        float thin = p->border[which] == RUBOR_BORDER_BROW ? 0.006f * w : 0.014f * w;
        return clamp01(0.5f + 1.1f * distance / thin + 1.3f * strand + 0.4f * lock);
    }
    case RUBOR_BORDER_CLOTHING:
        *texture = 0.88f + 0.08f * rubor_noise2(seed, sx * 0.5f, sy * 0.07f) +
                   0.08f * rubor_noise2(seed + 1, sx * 0.07f, sy * 0.5f) +
                   0.12f * rubor_noise2(seed + 2, sx / (0.05f * w), sy / (0.05f * w));
        break;
    case RUBOR_BORDER_BACKGROUND:
        *texture = 1 + 0.15f * rubor_noise2(seed, sx / (0.3f * w), sy / (0.3f * w));
        break;
    case RUBOR_BORDER_JEWELRY: { /* links: narrow where they meet */
        float link = sx / (0.018f * w), t = link - floorf(link), waist = 4 * t * (1 - t);
        *texture =
            0.5f + 0.9f * waist * (1 + 0.5f * rubor_noise2(seed, sx / (0.004f * w), sy / (0.004f * w)));
        return clamp01(0.5f + distance - 0.0045f * w * (1 - waist));
    }
    case RUBOR_BORDER_SHADOW:
        return clamp01(0.5f + distance / (0.02f * w));
    default:
        break;
    }
    return clamp01(0.5f + distance);
}

static float shine_at(const painter *p, const matter *at, int x, int y)
{
    float sum = 0;
    for (int k = 0; k < RUBOR_SHINES; k++) {
        const float *s = p->device.shine[k];
        float dx = (float)x - s[0], dy = (float)y - s[1];
        float u = s[2] * dx + s[3] * dy, v = s[4] * dx + s[5] * dy, q = 1 + 0.25f * (u * u + v * v);
        sum += s[6] / (q * q); /* a lobe with a tail, as skin's gloss has */
    }
    float u = ((float)x - p->reflection[0]) * p->reflection[2],
          v = ((float)y - p->reflection[1]) * p->reflection[2], q = 1 + 0.25f * (u * u + v * v);
    sum += p->reflection[3] / (q * q);
    float broken = 0.9f + 10 * at->relief;
    broken = broken < 0 ? 0 : broken;
    return sum * broken * broken;
}

static void gather(const painter *p, matter *at, int x, int y, float *dm, float *dh)
{
    float sx, sy, fine[RUBOR_FINE_COUNT], coarse[RUBOR_COARSE_COUNT];
    scene_point(p, &sx, &sy, x, y);
    rubor_scene_fine(fine, p->scene, sx, sy);
    rubor_scene_coarse(coarse, p->scene, sx, sy);
    const uint8_t *film = p->film + 2 * ((size_t)y * (size_t)p->scene->width + (size_t)x);
    *dh = p->h_scale * coarse[RUBOR_COARSE_TREAT] + p->h_everywhere;
    *dm = p->m_scale * coarse[RUBOR_COARSE_TREAT_M];
    *at = (matter){.m = fine[RUBOR_FINE_M], .h = fine[RUBOR_FINE_H], .relief = fine[RUBOR_FINE_RELIEF]};
    at->shade = coarse[RUBOR_COARSE_SHADE];
    at->hair = clamp01(fine[RUBOR_FINE_HAIR]);
    at->blood = (float)film[0] / 255;
    at->crust = (float)film[1] / 255;
    float bruise = coarse[RUBOR_COARSE_BRUISE] / (float)p->day.bruise_size;
    if (bruise < 1.3f && p->day.bruise_new + p->day.bruise_old > 0) {
        float inside = clamp01((1.15f - bruise) / 0.5f), rim = clamp01((1.3f - bruise) / 0.5f);
        at->bruise_new = (float)p->day.bruise_new * inside;
        at->bruise_old = (float)p->day.bruise_old * rim;
    }
    at->makeup = (float)p->day.makeup * coarse[RUBOR_COARSE_MAKEUP];
    at->stubble = coarse[RUBOR_COARSE_STUBBLE];
    if (p->cloth_until > -HUGE_VALF) {
        float left = p->scene->flip_x ? (float)p->scene->width - 1 - sx : sx;
        coarse[RUBOR_COARSE_EDGE0] = p->cloth_until - left;
        at->stubble = 0;
    }
    for (int k = 0; k < 2; k++)
        if (p->border[k] != RUBOR_BORDER_BEARD)
            at->edge[k] = edge_coverage(p, k, coarse[RUBOR_COARSE_EDGE0 + k], sx, sy, &at->edge_texture[k]);
    at->object = rubor_object_cover(p->scene, sx, sy, &at->object_texture);
    at->shine = shine_at(p, at, x, y);
}

static void stubble(const painter *p, float rgb[3], const rubor_lamp_optics *optics, const matter *at, int x,
                    int y)
{
    float sx, sy;
    scene_point(p, &sx, &sy, x, y);
    float dot = rubor_noise2(p->scene->options.seed + 91, sx * 0.55f, sy * 0.55f);
    float share = at->stubble * (0.18f + 0.7f * clamp01(2.5f * dot - 0.4f)); /* under and above the skin */
    mix(rgb, optics->material[RUBOR_MATERIAL_HAIR], share, 1);
}

/* Light from one lamp of unit strength. */
static void reflect(const painter *p, float rgb[3], const rubor_lamp_optics *optics, const matter *at,
                    float dm, float dh, int x, int y)
{
    static const rubor_material materials[RUBOR_BORDER_COUNT] = {
        [RUBOR_BORDER_BACKGROUND] = RUBOR_MATERIAL_BACKGROUND,
        [RUBOR_BORDER_HAIR] = RUBOR_MATERIAL_HAIR,
        [RUBOR_BORDER_BROW] = RUBOR_MATERIAL_HAIR,
        [RUBOR_BORDER_CLOTHING] = RUBOR_MATERIAL_CLOTH,
        [RUBOR_BORDER_JEWELRY] = RUBOR_MATERIAL_METAL,
    };
    rubor_optics_skin(rgb, optics, at->m + dm, at->h + dh);
    if (at->blood > 0)
        cover(rgb, optics->material[RUBOR_MATERIAL_BLOOD_FILM], at->blood);
    if (at->bruise_new + at->bruise_old > 0) {
        cover(rgb, optics->material[RUBOR_MATERIAL_BRUISE_NEW_FILM], at->bruise_new);
        cover(rgb, optics->material[RUBOR_MATERIAL_BRUISE_OLD_FILM], at->bruise_old);
    }
    if (at->crust > 0)
        cover(rgb, optics->material[RUBOR_MATERIAL_CRUST_FILM], at->crust);
    if (at->makeup > 0)
        mix(rgb, optics->material[RUBOR_MATERIAL_MAKEUP], at->makeup,
            1.1f * optics->skin[32][20][1] / optics->material[RUBOR_MATERIAL_MAKEUP][1]); /* m = h = 0 */
    if (at->stubble > 0)
        stubble(p, rgb, optics, at, x, y);
    if (at->hair > 0)
        mix(rgb, optics->material[RUBOR_MATERIAL_HAIR], at->hair, 1);
    if (at->object > 0 && p->scene->object == RUBOR_OBJECT_TATTOO)
        cover(rgb, optics->material[RUBOR_MATERIAL_INK_FILM], at->object);
    for (int c = 0; c < 3; c++)
        rgb[c] *= at->shade * (1 + at->relief);
    if (at->object > 0 && p->scene->object != RUBOR_OBJECT_TATTOO)
        mix(rgb,
            optics->material[p->scene->object == RUBOR_OBJECT_PLASTER ? RUBOR_MATERIAL_MAKEUP
                                                                      : RUBOR_MATERIAL_METAL],
            at->object, at->shade * at->object_texture);
    for (int k = 0; k < 2; k++) {
        if (at->edge[k] <= 0)
            continue;
        if (p->border[k] == RUBOR_BORDER_LIPS) {
            float lips[3];
            rubor_optics_skin(lips, optics, at->m + 0.03f, at->h + 0.17f);
            mix(rgb, lips, at->edge[k], at->shade * (1 + 2.5f * at->relief));
        } else if (p->border[k] == RUBOR_BORDER_SHADOW || p->border[k] == RUBOR_BORDER_NOSTRILS) {
            for (int c = 0; c < 3; c++) /* little light comes in */
                rgb[c] *= 1 - at->edge[k] * (p->border[k] == RUBOR_BORDER_SHADOW ? 0.82f : 0.93f);
        } else {
            mix(rgb, optics->material[materials[p->border[k]]], at->edge[k], at->edge_texture[k]);
        }
    }
    float bare = 1 - at->edge[0] > 1 - at->edge[1] ? 1 - at->edge[1] : 1 - at->edge[0];
    for (int c = 0; c < 3; c++)
        rgb[c] += bare * at->shine * optics->white[c];
}

static void paint_pixel(painter *p, int x, int y)
{
    matter at;
    float dm, dh, light[2], sum[3] = {0};
    size_t i = (size_t)y * (size_t)p->scene->width + (size_t)x;
    gather(p, &at, x, y, &dm, &dh);
    rubor_device_light(light, &p->device, (float)p->scene->width, (float)x, (float)y);
    for (int k = 0; k < p->lamps; k++) {
        float rgb[3];
        reflect(p, rgb, &p->optics[k], &at, dm, dh, x, y);
        for (int c = 0; c < 3; c++)
            sum[c] += light[k] * rgb[c];
    }
    for (int c = 0; c < 3; c++)
        p->raw[3 * i + (size_t)c] = sum[c];
    bool other = at.edge[0] > 0.5f || at.edge[1] > 0.5f || at.hair > 0.6f || at.makeup > 0.5f ||
                 at.stubble > 0.35f || at.object > 0.4f;
    bool shiny = at.shine > 0.10f;
    p->photo->skin.data[i] = other || shiny ? 0 : 255;
    uint8_t finding = 0;
    if (!other)
        finding = at.blood > 0.4f                                ? RUBOR_SAMPLE_PINPOINT
                  : at.crust > 0.4f                              ? RUBOR_SAMPLE_CRUST
                  : at.bruise_new > 0.3f || at.bruise_old > 0.3f ? RUBOR_SAMPLE_BRUISE
                  : shiny                                        ? RUBOR_SAMPLE_SHINE
                                                                 : 0;
    p->photo->findings.data[i] = finding;
    rubor_truth_pixel(&p->maps, i, &p->scene->skin, at.m, at.h, dm, dh);
}

/* Light of the chart at one point of its plane: patch, or dark frame; false beyond the frame. */
static bool chart_point(const painter *p, const rubor_lamp_optics *optics, double u, double v,
                        const float **out)
{
    const double rim = 0.35;
    if (u < -rim || v < -rim || u > 6 + rim || v > 4 + rim)
        return false;
    *out = optics->material[RUBOR_MATERIAL_FRAME];
    if (u > 0 && v > 0 && u < 6 && v < 4) {
        int column = (int)u, row = (int)v;
        if (fabs(u - column - 0.5) * 2 < p->view.fill[0] && fabs(v - row - 0.5) * 2 < p->view.fill[1])
            *out = optics->chart[6 * row + column];
    }
    return true;
}

static void chart_pixel(painter *p, int x, int y)
{
    enum { SUB = 3 };
    float light[2], *raw = p->raw + 3 * ((size_t)y * (size_t)p->scene->width + (size_t)x);
    rubor_device_light(light, &p->device, (float)p->scene->width, (float)x, (float)y);
    float sum[3] = {0};
    int inside = 0;
    for (int s = 0; s < SUB * SUB; s++) {
        double u, v, px = x + (s % SUB - 1) / (double)SUB, py = y + (s / SUB - 1) / (double)SUB;
        rubor_homography_apply(p->view.photo_to_chart, &u, &v, px, py);
        const float *value;
        for (int k = 0; k < p->lamps && chart_point(p, &p->optics[k], u, v, &value); k++) {
            inside += k == 0;
            for (int c = 0; c < 3; c++)
                sum[c] += light[k] * value[c];
        }
    }
    if (inside == 0)
        return;
    float share = (float)inside / (SUB * SUB);
    for (int c = 0; c < 3; c++)
        raw[c] = (1 - share) * raw[c] + sum[c] / (SUB * SUB);
    size_t i = (size_t)y * (size_t)p->scene->width + (size_t)x;
    p->chart[i] = share >= 0.5f ? 255 : 0;
    if (share > 0.2f) {
        p->photo->skin.data[i] = 0;
        p->photo->findings.data[i] = 0;
    }
}

static void paint_chart(painter *p)
{
    if (!p->scene->options.chart)
        return;
    static const double rim[4][2] = {{-0.4, -0.4}, {6.4, -0.4}, {6.4, 4.4}, {-0.4, 4.4}};
    double x0 = p->scene->width, x1 = 0, y0 = p->scene->height, y1 = 0;
    for (int k = 0; k < 4; k++) {
        double x, y;
        rubor_homography_apply(p->view.chart_to_photo, &x, &y, rim[k][0], rim[k][1]);
        x0 = fmin(x0, x);
        x1 = fmax(x1, x);
        y0 = fmin(y0, y);
        y1 = fmax(y1, y);
    }
    for (int y = (int)fmax(y0, 0); y < p->scene->height && y <= y1; y++)
        for (int x = (int)fmax(x0, 0); x < p->scene->width && x <= x1; x++)
            chart_pixel(p, x, y);
}

static void amounts_today(painter *p, int day)
{
    const rubor_sample_options *o = &p->scene->options;
    rubor_course_on_day(&p->day, p->scene->course, &p->scene->amounts, day);
    if (!isnan(o->delta_ei) || !isnan(o->delta_mi)) {
        p->day = (rubor_course_day){.bruise_size = 1};
        p->day.delta_ei = day < 0 || isnan(o->delta_ei) ? 0 : o->delta_ei;
        p->day.delta_mi = day < 0 || isnan(o->delta_mi) ? 0 : o->delta_mi;
    }
    p->h_scale = (float)rubor_optics_hemoglobin_for(&p->scene->skin, p->day.delta_ei);
    p->m_scale = (float)rubor_optics_melanin_for(&p->scene->skin, p->day.delta_mi);
    p->h_everywhere = (float)rubor_optics_hemoglobin_for(&p->scene->skin, p->day.everywhere_ei);
}

static rubor_status allocate(painter *p, rubor_error *error)
{
    int w = p->scene->width, h = p->scene->height;
    size_t pixels = (size_t)w * (size_t)h;
    p->lamps = p->light->second ? 2 : 1;
    p->grid_width = (w + GRID_STEP - 1) / GRID_STEP + 1;
    size_t nodes = (size_t)p->grid_width * (size_t)((h + GRID_STEP - 1) / GRID_STEP + 1);
    p->optics = malloc((size_t)p->lamps * sizeof *p->optics);
    p->raw = malloc(pixels * 3 * sizeof(float));
    p->grid = malloc(nodes * 2 * sizeof(float));
    p->film = calloc(pixels, 2);
    p->chart = calloc(pixels, 1);
    if (!p->optics || !p->raw || !p->grid || !p->film || !p->chart)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a sample of %dx%d", w, h);
    rubor_status status = rubor_truth_maps_init(&p->maps, w, h, error);
    rubor_mask *masks[] = {&p->photo->skin, &p->photo->erythema, &p->photo->pigment, &p->photo->findings};
    for (int k = 0; k < 4 && status == RUBOR_OK; k++)
        status = rubor_mask_init(masks[k], w, h, error);
    return status;
}

static void paint(painter *p)
{
    double weight[3][RUBOR_OPTICS_N];
    const rubor_scene *scene = p->scene;
    rubor_optics_weights(weight, scene->camera, p->light->main, p->device.lamp_tilt);
    rubor_lamp_optics_make(&p->optics[0], &scene->skin, &scene->material,
                           (const double(*)[RUBOR_OPTICS_N])weight);
    if (p->light->second) {
        rubor_optics_weights_second(weight, scene->camera, p->light->main, p->light->second);
        rubor_lamp_optics_make(&p->optics[1], &scene->skin, &scene->material,
                               (const double(*)[RUBOR_OPTICS_N])weight);
        float share = p->device.second_share; /* the camera balances on the mixture */
        for (int c = 0; c < 3; c++)
            p->device.balance[c] /= 1 - share + share * p->optics[1].white[c];
    }
    paint_grid(p);
    paint_spots(p);
    for (int y = 0; y < scene->height; y++)
        for (int x = 0; x < scene->width; x++)
            paint_pixel(p, x, y);
    paint_chart(p);
}

static void polygon_to_photo(rubor_polygon *out, const rubor_polygon *in, const rubor_view *view)
{
    out->count = in->count;
    for (size_t i = 0; i < in->count; i++)
        rubor_view_to_photo(view, &out->points[i].x, &out->points[i].y, in->points[i].x, in->points[i].y);
}

static void place(rubor_sample_photo *out, const rubor_scene *scene, const rubor_view *view)
{
    rubor_view first;
    polygon_to_photo(&out->region, &scene->region, view);
    polygon_to_photo(&out->control, &scene->control, view);
    memcpy(out->chart_corners, view->chart_corners, sizeof out->chart_corners);
    rubor_view_draw(&first, scene, -1);
    for (int j = 0; j < 7; j++)
        for (int i = 0; i < 9; i++) {
            double sx, sy;
            rubor_view_to_scene(&first, &sx, &sy, i * (scene->width - 1) / 8.0,
                                j * (scene->height - 1) / 6.0);
            rubor_view_to_photo(view, &out->grid[j][i].x, &out->grid[j][i].y, sx, sy);
        }
}

/* What the options put in the way on days 0 and later. */
static void spoil_scene(painter *p, int day)
{
    const rubor_sample_options *o = &p->scene->options;
    double w = p->scene->width, x, y, covered = o->reflection_percent / 100 * w * p->scene->height;
    memcpy(p->border, p->scene->border, sizeof p->border);
    p->cloth_until = -HUGE_VALF;
    if (day < 0)
        return;
    if (o->skin_share < 1) {
        p->border[0] = RUBOR_BORDER_CLOTHING;
        p->cloth_until = o->skin_share > 0 ? (float)((1 - o->skin_share) * w) : HUGE_VALF;
    }
    if (covered > 0) { /* above a tenth of white within 2.41 radii */
        rubor_view_to_photo(&p->view, &x, &y, p->scene->region_blob.x, p->scene->region_blob.y);
        p->reflection[0] = (float)x;
        p->reflection[1] = (float)y;
        p->reflection[2] = (float)(2.41 / sqrt(covered / 3.14159265));
        p->reflection[3] = 0.6f;
    }
}

static rubor_status defocus_parts(painter *p, int day, rubor_error *error)
{
    const rubor_sample_options *o = &p->scene->options;
    int w = p->scene->width, h = p->scene->height;
    rubor_status status = RUBOR_OK;
    if (day >= 0 && o->skin_blur_px > 0)
        status = rubor_defocus_part(p->raw, p->chart, false, o->skin_blur_px, w, h, error);
    if (status == RUBOR_OK && day >= 0 && o->chart_blur_px > 0)
        status = rubor_defocus_part(p->raw, p->chart, true, o->chart_blur_px, w, h, error);
    return status;
}

rubor_status rubor_sample_series_render(rubor_sample_photo *out, const rubor_sample_series *series, int day,
                                        rubor_error *error)
{
    *out = (rubor_sample_photo){0};
    if (day < -1 || day > 3650)
        return rubor_error_set(error, RUBOR_INVALID, "day %d: it must be before (-1) or 0 to 3650", day);
    painter p = {.scene = &series->scene, .photo = out, .light = rubor_scene_lamps(&series->scene, day)};
    rubor_status status = allocate(&p, error);
    if (status != RUBOR_OK)
        goto out;
    amounts_today(&p, day);
    rubor_view_draw(&p.view, p.scene, day);
    rubor_device_draw(&p.device, p.scene, &p.day, day);
    spoil_scene(&p, day);
    paint(&p);
    place(out, p.scene, &p.view);
    status = rubor_truth_measure(out, &p.maps, p.scene, error);
    if (status != RUBOR_OK)
        goto out;
    out->truth.glare_percent = p.device.glare_percent;
    out->truth.mm_per_px = p.scene->options.chart ? p.view.mm_per_px : NAN;
    status = defocus_parts(&p, day, error);
    if (status != RUBOR_OK)
        goto out;
    status = rubor_device_develop(&out->jpeg, p.raw, &p.device, p.scene->width, p.scene->height, error);
out:
    free(p.optics);
    free(p.raw);
    free(p.grid);
    free(p.film);
    free(p.chart);
    rubor_truth_maps_finish(&p.maps);
    if (status != RUBOR_OK)
        rubor_sample_photo_finish(out);
    return status;
}

void rubor_sample_photo_finish(rubor_sample_photo *photo)
{
    if (!photo)
        return;
    rubor_buffer_finish(&photo->jpeg);
    rubor_mask_finish(&photo->skin);
    rubor_mask_finish(&photo->erythema);
    rubor_mask_finish(&photo->pigment);
    rubor_mask_finish(&photo->findings);
    *photo = (rubor_sample_photo){0};
}

rubor_status rubor_sample_series_create(rubor_sample_series **out, const rubor_sample_options *options,
                                        rubor_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a sample");
    rubor_status status = rubor_scene_make(&(*out)->scene, options, error);
    if (status != RUBOR_OK)
        rubor_sample_series_destroy(out);
    return status;
}

void rubor_sample_series_destroy(rubor_sample_series **series)
{
    if (!series || !*series)
        return;
    rubor_scene_finish(&(*series)->scene);
    free(*series);
    *series = NULL;
}

const rubor_scene *rubor_sample_series_scene(const rubor_sample_series *series)
{
    return &series->scene;
}

rubor_status rubor_sample_render(rubor_sample_photo *out, const rubor_sample_options *options, int day,
                                 rubor_error *error)
{
    *out = (rubor_sample_photo){0};
    rubor_sample_series *series = NULL;
    rubor_status status = rubor_sample_series_create(&series, options, error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_render(out, series, day, error);
    rubor_sample_series_destroy(&series);
    return status;
}
