#include "samples/layout.h"

#include <string.h>

enum { STREAM_LAYOUT = 2, STREAM_SPOTS = 3, STREAM_FIELDS = 4 };

const char *const rubor_border_names[RUBOR_BORDER_COUNT + 1] = {
    "none", "background", "hair", "clothing", "lips", "beard", "jewelry", "brow", "nostrils", "shadow", NULL};

static void blob_draw(rubor_blob *blob, rubor_random *random, double wobble)
{
    for (int k = 0; k < 3; k++) {
        blob->cosine[k] = rubor_random_uniform(random, -wobble, wobble) / (k + 1);
        blob->sine[k] = rubor_random_uniform(random, -wobble, wobble) / (k + 1);
    }
}

/* 1 + sum over k = 2, 3, 4 of a cos(k t) + b sin(k t), from the unit vector (c, s) without a trigonometric
 * call. */
static double blob_radius(const rubor_blob *blob, double c, double s)
{
    double ck = c, sk = s, sum = 1;
    for (int k = 0; k < 3; k++) {
        double next = ck * c - sk * s;
        sk = sk * c + ck * s;
        ck = next;
        sum += blob->cosine[k] * ck + blob->sine[k] * sk;
    }
    return sum;
}

/* 0 at the center, 1 on the curve. */
static double blob_level(const rubor_blob *blob, double x, double y)
{
    double u = (x - blob->x) / blob->radius_x, v = (y - blob->y) / blob->radius_y;
    double r = sqrt(u * u + v * v);
    return r > 1e-9 ? r / blob_radius(blob, u / r, v / r) : 0;
}

static void blob_polygon(rubor_polygon *out, const rubor_blob *blob)
{
    out->count = 48;
    for (size_t i = 0; i < out->count; i++) {
        double turn = (double)i / (double)out->count;
        double c = rubor_numeric_cos_turns(turn), s = rubor_numeric_sin_turns(turn);
        double r = blob_radius(blob, c, s);
        out->points[i].x = blob->x + blob->radius_x * r * c;
        out->points[i].y = blob->y + blob->radius_y * r * s;
    }
}

static void draw_spots(rubor_spot *spots, int count, const rubor_scene *scene, rubor_random *random,
                       double radius_low, double radius_high)
{
    const rubor_blob *blob = &scene->region_blob;
    for (int i = 0; i < count; i++) {
        rubor_spot *spot = &spots[i];
        double x = blob->x, y = blob->y;
        for (int attempt = 0; attempt < 60; attempt++) { /* inside the region, apart from the others */
            x = blob->x + blob->radius_x * rubor_random_uniform(random, -1.1, 1.1);
            y = blob->y + blob->radius_y * rubor_random_uniform(random, -1.1, 1.1);
            bool apart = blob_level(blob, x, y) < 0.9;
            for (int j = 0; j < i && apart; j++) {
                double dx = x - (double)spots[j].x, dy = y - (double)spots[j].y;
                double gap = 2.6 * radius_high * scene->width + 3;
                apart = dx * dx + dy * dy > gap * gap;
            }
            if (apart)
                break;
        }
        spot->x = (float)x;
        spot->y = (float)y;
        spot->radius = (float)(rubor_random_uniform(random, radius_low, radius_high) * scene->width);
        spot->strength = (float)rubor_random_uniform(random, 0.7, 1);
        spot->shape = (uint32_t)rubor_random_next(random);
    }
}

static rubor_border draw_border(const rubor_scene *scene, rubor_random *random, int which)
{
    static const rubor_border often[] = {RUBOR_BORDER_BACKGROUND, RUBOR_BORDER_HAIR, RUBOR_BORDER_CLOTHING,
                                         RUBOR_BORDER_LIPS,       RUBOR_BORDER_NONE, RUBOR_BORDER_BACKGROUND};
    rubor_border drawn = often[rubor_random_below(random, sizeof often / sizeof often[0])];
    if (which == 1 && drawn == RUBOR_BORDER_LIPS)
        drawn = RUBOR_BORDER_CLOTHING;
    if (!scene->options.border)
        return drawn;
    if (which == 1)
        return RUBOR_BORDER_NONE;
    for (int k = 0; k < RUBOR_BORDER_COUNT; k++)
        if (strcmp(scene->options.border, rubor_border_names[k]) == 0)
            return (rubor_border)k;
    return RUBOR_BORDER_NONE;
}

static void flip(rubor_blob *blob, const rubor_scene *scene)
{
    if (scene->flip_x)
        blob->x = scene->width - 1 - blob->x;
    if (scene->flip_y)
        blob->y = scene->height - 1 - blob->y;
}

void rubor_layout_draw(rubor_scene *scene)
{
    rubor_random random = rubor_random_stream(scene->options.seed, STREAM_LAYOUT);
    double w = scene->width, h = scene->height;
    scene->flip_x = rubor_random_below(&random, 2) == 1;
    scene->flip_y = rubor_random_below(&random, 2) == 1;
    rubor_blob *region = &scene->region_blob, *control = &scene->control_blob;
    region->x = w * rubor_random_uniform(&random, 0.31, 0.35);
    region->y = h * rubor_random_uniform(&random, 0.44, 0.50);
    region->radius_x = w * rubor_random_uniform(&random, 0.165, 0.195);
    region->radius_y = h * rubor_random_uniform(&random, 0.24, 0.29);
    blob_draw(region, &random, 0.10);
    control->x = w * rubor_random_uniform(&random, 0.74, 0.78);
    control->y = h * rubor_random_uniform(&random, 0.27, 0.30);
    control->radius_x = w * rubor_random_uniform(&random, 0.11, 0.13);
    control->radius_y = h * rubor_random_uniform(&random, 0.12, 0.14);
    blob_draw(control, &random, 0.06);
    flip(region, scene);
    flip(control, scene);
    blob_polygon(&scene->region, region);
    blob_polygon(&scene->control, control);
    for (int k = 0; k < 2; k++)
        scene->border[k] = draw_border(scene, &random, k);
    if (scene->border[1] == scene->border[0])
        scene->border[1] = RUBOR_BORDER_NONE;
    scene->material = (rubor_material_choice){
        .hair_melanin = rubor_random_uniform(&random, scene->tone->ita_high > 41 ? 0.2 : 0.8, 1),
        .cloth_patch = rubor_random_below(&random, 24),
        .cloth_level = rubor_random_uniform(&random, 0.5, 1),
        .background_level = rubor_random_uniform(&random, 0.3, 0.8),
    };
    random = rubor_random_stream(scene->options.seed, STREAM_SPOTS);
    scene->pinpoint_count = (int)rubor_numeric_clamp(scene->amounts.pinpoints, 0, RUBOR_SPOTS_MAX);
    scene->crust_count = (int)rubor_numeric_clamp(scene->amounts.crusts, 0, RUBOR_SPOTS_MAX);
    draw_spots(scene->pinpoints, scene->pinpoint_count, scene, &random, 0.0014, 0.0022);
    draw_spots(scene->crusts, scene->crust_count, scene, &random, 0.0030, 0.0058);
}

/* --- coarse maps --- */

typedef struct fields { /* what the smooth fields need, drawn once */
    uint64_t seed;
    double light_x, light_y, shade_depth, edge_wobble;
    bool limb; /* a forearm's curvature toward the background; else a cheek's gentle bumps */
} fields;

/* Signed distance in pixels, positive inside the border's material. Border 0 lies along the side of the
 * region away from the chart, border 1 along the edge opposite to the chart. x, y: unflipped scene pixels. */
static double edge_distance(const rubor_scene *scene, const fields *f, int which, double x, double y)
{
    double w = scene->width, h = scene->height;
    double wave = 0.012 * w *
                  (double)rubor_noise2(f->seed + 11 + (uint64_t)which, (float)(x / (0.22 * w)),
                                       (float)(y / (0.22 * w)));
    switch (scene->border[which]) {
    case RUBOR_BORDER_NONE:
        return -w;
    case RUBOR_BORDER_LIPS: { /* part of an ellipse reaching in from the region's side */
        double u = (x + 0.03 * w) / (0.10 * w), v = (y - 0.86 * h) / (0.10 * h);
        return (1 - sqrt(u * u + v * v)) * 0.09 * w + 0.3 * wave;
    }
    case RUBOR_BORDER_BEARD:
        return 0.24 * h - (h - y) + wave;
    case RUBOR_BORDER_JEWELRY: { /* a chain hanging in from the edge */
        double sag = 0.05 * w + 0.10 * w * (x / w) * (1 - x / w);
        return 0.007 * w - fabs(y - sag);
    }
    case RUBOR_BORDER_BROW: { /* an arch above the region */
        double u = (x - 0.30 * w) / (0.17 * w),
               v = (y - 0.075 * h - 0.05 * h * u * u + 0.3 * wave) / (0.032 * h);
        return (1 - sqrt(u * u + v * v)) * 0.03 * h;
    }
    case RUBOR_BORDER_NOSTRILS: {
        double v = (y - 0.90 * h) / (0.035 * h), u = (x - 0.10 * w) / (0.035 * w),
               second = (x - 0.23 * w) / (0.035 * w);
        double near = fmin(u * u, second * second);
        return (1 - sqrt(near + v * v)) * 0.03 * w;
    }
    case RUBOR_BORDER_SHADOW:
        return 0.13 * h - (h - y) - 0.15 * x + 2 * wave;
    default:
        break;
    }
    double bulge = 0.02 * w * rubor_numeric_sin_turns(0.5 * (which == 0 ? y / h : x / w));
    return which == 0 ? 0.085 * w - x - bulge + wave : 0.06 * w - y - bulge + wave;
}

static double shading(const rubor_scene *scene, const fields *f, double x, double y)
{
    double w = scene->width, h = scene->height, u = x / w - f->light_x, v = y / h - f->light_y;
    double bumps = (double)rubor_noise2(f->seed + 1, (float)(x / (0.45 * w)), (float)(y / (0.45 * w)));
    double shade = 1 - f->shade_depth * (u * u + v * v) + 0.4 * f->shade_depth * bumps;
    if (f->limb) { /* falls off toward the edge that turns away */
        double turned = rubor_numeric_clamp((0.30 - x / w) / 0.30, 0, 1.2);
        shade *= sqrt(1 - 0.42 * turned * turned);
    }
    return rubor_numeric_clamp(1 + (shade - 1) * scene->options.shading, 0.15, 1.1);
}

/* Full inside, half at the polygon, nothing a tenth beyond it. */
static double soft_disc(double level)
{
    return 1 - rubor_numeric_smoothstep(0.88, 1.12, level);
}

static double treatment(const rubor_scene *scene, const fields *f, double x, double y, uint64_t which)
{
    double w = scene->width, level = blob_level(&scene->region_blob, x, y);
    const char *pattern = scene->options.pattern;
    if (pattern && strcmp(pattern, "uniform") == 0)
        return 1 - rubor_numeric_smoothstep(1.03, 1.10, level);
    double coarse = (double)rubor_noise2(f->seed + which, (float)(x / (0.09 * w)), (float)(y / (0.09 * w)));
    double fine = (double)rubor_noise2(f->seed + which + 1, (float)(x / (0.03 * w)), (float)(y / (0.03 * w)));
    level += 0.05 * (double)rubor_noise2(f->seed + 50, (float)(x / (0.05 * w)), (float)(y / (0.05 * w)));
    if (pattern && strcmp(pattern, "patchy") == 0)
        return soft_disc(level) * rubor_numeric_smoothstep(-0.35, 0.25, coarse + 0.3 * fine);
    double depth = which == 30 ? 1.6 : 1; /* pigment settles in more uneven patches than blood */
    return soft_disc(level) * (1 + depth * (0.16 * coarse + 0.10 * fine));
}

static void coarse_node(float *node, const rubor_scene *scene, const fields *f, double x, double y)
{
    double w = scene->width, h = scene->height;
    double plain_x = scene->flip_x ? w - 1 - x : x, plain_y = scene->flip_y ? h - 1 - y : y;
    const rubor_blob *region = &scene->region_blob;
    node[RUBOR_COARSE_TREAT] = (float)treatment(scene, f, x, y, 20);
    node[RUBOR_COARSE_TREAT_M] = (float)treatment(scene, f, x, y, 30);
    node[RUBOR_COARSE_SHADE] = (float)shading(scene, f, plain_x, plain_y);
    node[RUBOR_COARSE_EDGE0] = (float)edge_distance(scene, f, 0, plain_x, plain_y);
    node[RUBOR_COARSE_EDGE1] = (float)edge_distance(scene, f, 1, plain_x, plain_y);
    /* distance from the bruise's center in units of its first radius */
    double bx = (x - region->x - 0.35 * region->radius_x) / (0.45 * region->radius_x);
    double by = (y - region->y + 0.2 * region->radius_y) / (0.40 * region->radius_y);
    double noise = (double)rubor_noise2(f->seed + 40, (float)(x / (0.05 * w)), (float)(y / (0.05 * w)));
    node[RUBOR_COARSE_BRUISE] = (float)(sqrt(bx * bx + by * by) + 0.25 * noise);
    double mx = (x - region->x) / (0.8 * region->radius_x), my = (y - region->y - 0.5 * region->radius_y);
    my /= 0.6 * region->radius_y;
    node[RUBOR_COARSE_MAKEUP] = (float)(1 - rubor_numeric_smoothstep(0.85, 1.05, sqrt(mx * mx + my * my)));
    bool beard = scene->border[0] == RUBOR_BORDER_BEARD;
    node[RUBOR_COARSE_STUBBLE] =
        (float)(beard ? rubor_numeric_smoothstep(-0.03 * w, 0.03 * w, (double)node[RUBOR_COARSE_EDGE0]) : 0);
}

/* Divides the treatment maps by their mean over the region: amounts then are means. */
static void normalize_treatment(rubor_scene *scene, int channel)
{
    double sum = 0, count = 0;
    for (int j = 0; j < scene->coarse_height; j++)
        for (int i = 0; i < scene->coarse_width; i++) {
            double x = i * RUBOR_COARSE_STEP - scene->margin, y = j * RUBOR_COARSE_STEP - scene->margin;
            if (blob_level(&scene->region_blob, x, y) > 1)
                continue;
            const float *node =
                scene->coarse + ((size_t)j * (size_t)scene->coarse_width + (size_t)i) * RUBOR_COARSE_COUNT;
            sum += (double)node[channel];
            count++;
        }
    float scale = sum > 0 ? (float)(count / sum) : 1;
    size_t nodes = (size_t)scene->coarse_width * (size_t)scene->coarse_height;
    for (size_t i = 0; i < nodes; i++)
        scene->coarse[i * RUBOR_COARSE_COUNT + (size_t)channel] *= scale;
}

void rubor_layout_coarse(rubor_scene *scene)
{
    rubor_random random = rubor_random_stream(scene->options.seed, STREAM_FIELDS);
    fields f = {.seed = rubor_random_next(&random)};
    f.light_x = rubor_random_uniform(&random, 0.25, 0.7);
    f.light_y = rubor_random_uniform(&random, 0.2, 0.6);
    f.shade_depth = rubor_random_uniform(&random, 0.05, 0.35);
    f.limb = scene->border[0] == RUBOR_BORDER_BACKGROUND || scene->border[0] == RUBOR_BORDER_NONE;
    for (int j = 0; j < scene->coarse_height; j++)
        for (int i = 0; i < scene->coarse_width; i++)
            coarse_node(
                scene->coarse + ((size_t)j * (size_t)scene->coarse_width + (size_t)i) * RUBOR_COARSE_COUNT,
                scene, &f, i * RUBOR_COARSE_STEP - scene->margin, j * RUBOR_COARSE_STEP - scene->margin);
    normalize_treatment(scene, RUBOR_COARSE_TREAT);
    normalize_treatment(scene, RUBOR_COARSE_TREAT_M);
}
