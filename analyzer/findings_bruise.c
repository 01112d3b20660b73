/* A bruise is blood that lies deep and, after days, what it turns into. Deep and without oxygen it takes away
 * red as much as green and, below skin that scatters blue back, less blue: all channels get darker alike.
 * Later bilirubin takes blue alone. Blood near the surface takes green and hardly red, melanin red, green and
 * blue as 1, 1.7, 3. So of the OD change of three channels a bruise leaves what no sum of the two can
 * (change->shade_od, "rest"): above zero while fresh, below when old. In between it passes zero; then it
 * shows as melanin with less blood than before, or than the reddened skin around.
 *
 * Others do that, too, and say so otherwise: light and pose change all channels alike but slowly over all the
 * skin; white light (glare, gloss) counts where skin gets very dark; doubt about the directions grows with
 * the change. What remains is weighed against its own spread over the skin. */
#include "analyzer/findings_bruise.h"

#include "analyzer/uncertainty.h"

#include "imaging/fixed_math.h"
#include "imaging/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTH 0.006 /* of the grid's width */
#define COARSE                                                                                               \
    0.020 /* likewise: blood spreads through the skin; what is gone in this map is a line or an edge */
#define COARSE_SHARE 0.7 /* of the finer map, at least, is there, too */
#define NOISE_OD 0.004   /* what smoothing leaves */
#define NOISE_UNITS 0.4
#define SPREAD_LEAST 0.003 /* OD */
/* Standard deviation of white light on the skin, linear: with control skin the veil has been taken off. */
#define WHITE 0.0015
#define WHITE_UNANCHORED 0.004
#define NORMAL_MI                                                                                            \
    1.0             /* skin of the region that got no darker than this shows how much blood is common there */
#define NORMAL 0.08 /* of the grid's width: so far around */
/* Times what the photo before treatment shows of a highlight, and so far around (of the grid's width), beyond
 * so many standard deviations of the skin's own color: it moves with light and pose. */
#define HIGHLIGHT 2.0
#define HIGHLIGHT_MOVES 0.02
#define HIGHLIGHT_SDS 3.0
#define LATE 2.0         /* times the signs: after two weeks a bruise is unlikely, and pigment is not */
#define UNCALIBRATED 5.0 /* times the doubt about directions and white light of a photo without chart */
/* Where it is sure it starts, and from there it reaches as far as the weaker signs do: its border is blurred.
 * A soft shadow of a few percent is common, so dark needs more than yellow does. */
typedef struct signs {
    double sds, dark, dark_mi; /* standard deviations; OD; delta_mi */
    double dark_share;         /* of the red that blood and melanin take: much of both leaves a rest, too */
    double color, color_mi;    /* below zero alone (yellow), or above it with less blood than around (pale) */
    double pale;               /* so much less blood: share of the delta_mi that is no shadow */
    double bloodless_mi, bloodless; /* delta_mi; delta_ei below minus this share of it */
} signs;
static const signs sure = {3, 0.030, 1.0, 0.5, 0.012, 1.5, 0.2, 2.8, 0.33},
                   possible = {2, 0.012, 0.5, 0.3, 0.006, 0.8, 0.1, 1.2, 0.20};
/* Beside what is not skin a bruise does not start, as the border or its shadow may have moved: a square that
 * reaches so far (of the grid's width) is skin but for a few hairs. */
#define INSIDE 0.025
#define INSIDE_SHARE 0.85
#define AROUND 0.020 /* of the grid's width: with the skin so far around a bruise is compared */
#define DARKER 0.5   /* delta_mi: so much more than there; a highlight looks like a bruise but is brighter */
/* Beyond the weaker signs a bruise fades out: as far as this (of the grid's width), while there is more than
 * this share of its own mean delta_mi. */
#define FADES 0.02
#define FADED 0.15
#define LEAST 0.0008 /* of the grid: smaller patches are noise */
enum { SAMPLES = 16384 };

/* Smoothed maps and how far the rest scatters where nothing happened. */
typedef struct evidence {
    rubor_plane rest, coarse, ei, mi;
    rubor_plane common_ei; /* delta_ei of the skin around that got no darker */
    rubor_plane highlight; /* linear, before the treatment: more blue than the skin around has for its red */
    double spread, coarse_spread;
    double ei_slope, mi_slope; /* doubt about the directions: OD of rest per unit */
    double white;              /* linear */
    double shadow;             /* OD: what light and pose do to the rest */
    bool late, calibrated;     /* two weeks after and more; a chart */
} evidence;

static void evidence_finish(evidence *e)
{
    rubor_plane_finish(&e->rest);
    rubor_plane_finish(&e->coarse);
    rubor_plane_finish(&e->highlight);
    rubor_plane_finish(&e->ei);
    rubor_plane_finish(&e->common_ei);
    rubor_plane_finish(&e->mi);
}

static double square(double x)
{
    return x * x;
}

/* What a row of the unmixing reads of one OD of shadow. */
static double gray(const double row[3])
{
    return row[0] + row[1] + row[2];
}

/* Standard deviation by the median absolute value, at least `least`. */
static rubor_status find_spread(double *out, const rubor_plane *rest, double least, rubor_error *error)
{
    size_t count = (size_t)rest->width * (size_t)rest->height, stride = 1 + count / SAMPLES, n = 0;
    float *off = malloc((SAMPLES + 1) * sizeof *off);
    if (!off)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a bruise");
    for (size_t i = 0; i < count; i += stride)
        if (!isnan(rest->data[i]))
            off[n++] = fabsf(rest->data[i]);
    *out = fmax(least, n ? (double)rubor_float_of_rank(off, n, n / 2) / 0.6745 : 0);
    free(off);
    return RUBOR_OK;
}

/* Where the highlight may lie at the visit: every cell takes the strongest that is sure within reach. */
static rubor_status spread_highlights(rubor_plane *highlight, rubor_error *error)
{
    int width = highlight->width, height = highlight->height, reach = (int)(HIGHLIGHT_MOVES * width);
    size_t count = (size_t)width * (size_t)height;
    rubor_plane before = {0};
    double sd;
    rubor_status status = find_spread(&sd, highlight, 0, error);
    if (status == RUBOR_OK)
        status = rubor_plane_init(&before, width, height, error);
    if (status != RUBOR_OK)
        return status;
    memcpy(before.data, highlight->data, count * sizeof *before.data);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            float own = before.data[(size_t)y * (size_t)width + (size_t)x];
            if (!((double)own > HIGHLIGHT_SDS * sd))
                continue;
            int left = x > reach ? x - reach : 0, right = x + reach < width ? x + reach : width - 1;
            int top = y > reach ? y - reach : 0, bottom = y + reach < height ? y + reach : height - 1;
            for (int v = top; v <= bottom; v++)
                for (int u = left; u <= right; u++) {
                    float *at = &highlight->data[(size_t)v * (size_t)width + (size_t)u];
                    *at = fmaxf(*at, own);
                }
        }
    rubor_plane_finish(&before);
    return status;
}

/* A highlight that was there before is white light: what darkens below it darkens less than skin does, blue
 * least of all, as in a bruise. */
static rubor_status find_highlights(evidence *e, const rubor_findings *findings, const rubor_change *change,
                                    rubor_error *error)
{
    const float *red = change->reference_od[0].data, *blue = change->reference_od[2].data;
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_status status = rubor_plane_init(&e->highlight, change->width, change->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) /* of red: shadow and pose leave this alone */
        e->highlight.data[i] = (float)rubor_pow(10, (double)red[i] - (double)blue[i]);
    if (status == RUBOR_OK)
        status = rubor_plane_blur(&e->highlight, fmax(1, SMOOTH * change->width), error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        if (isnan(blue[i]))
            e->highlight.data[i] = NAN;
    if (status == RUBOR_OK)
        status = rubor_change_detrend(NULL, &e->highlight, &findings->cover, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        e->highlight.data[i] *= (float)rubor_pow(10, -(double)red[i]);
    return status == RUBOR_OK ? spread_highlights(&e->highlight, error) : status;
}

/* The treatment reddens skin: a bruise in it has less blood near the surface than the skin around, not less
 * than before. */
static rubor_status find_common(evidence *e, const rubor_change *change, rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    rubor_status status = rubor_plane_init(&e->common_ei, change->width, change->height, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++)
        e->common_ei.data[i] =
            change->region.data[i] >= 128 && (double)e->mi.data[i] < NORMAL_MI ? e->ei.data[i] : NAN;
    return status == RUBOR_OK ? rubor_plane_blur(&e->common_ei, NORMAL * change->width, error) : status;
}

/* Crusts and bleeding are not the bruise around them. Without control skin the light has not been taken off
 * blood and melanin. */
static rubor_status gather(evidence *e, rubor_findings *findings, const rubor_change *change,
                           rubor_error *error)
{
    const rubor_plane *from[] = {&change->shade_od, &change->shade_od, &change->delta_ei, &change->delta_mi};
    rubor_plane *to[] = {&e->rest, &e->coarse, &e->ei, &e->mi};
    double unsure = e->calibrated ? 1 : UNCALIBRATED;
    rubor_status status = RUBOR_OK;
    for (int k = 0; k < 4 && status == RUBOR_OK; k++) {
        double sigma = fmax(1, (k == 1 ? COARSE : SMOOTH) * change->width);
        status = rubor_change_smooth(to[k], from[k], &findings->cells, sigma, k < 2 ? NOISE_OD : NOISE_UNITS,
                                     error);
        if (status == RUBOR_OK && (k < 2 || !change->control_known))
            status = rubor_change_detrend(k ? NULL : &findings->light_drift, to[k], &findings->cover, error);
    }
    if (status == RUBOR_OK)
        status = find_highlights(e, findings, change, error);
    if (status == RUBOR_OK)
        status = find_common(e, change, error);
    rubor_uncertainty_slopes(&e->ei_slope, &e->mi_slope, change, change->unmix.shade);
    e->ei_slope *= unsure;
    e->mi_slope *= unsure;
    e->white = unsure * (change->control_known ? WHITE : WHITE_UNANCHORED);
    if (status == RUBOR_OK)
        status = find_spread(&e->spread, &e->rest, SPREAD_LEAST, error);
    return status == RUBOR_OK ? find_spread(&e->coarse_spread, &e->coarse, SPREAD_LEAST, error) : status;
}

/* A cell's changes, the standard deviation of its rest, and what white light may do to its rest and blood. */
typedef struct cell {
    double rest, ei, mi, sd, veil_rest, veil_ei;
    /* If the rest were a shadow: what darkening is left, and how much less blood than in the skin around */
    double left_mi, lacks;
    double red; /* OD of red that blood and melanin take */
} cell;

/* How far white light may shift what two rows of the unmixing read of this change: it counts where skin gets
 * very dark, and looks like a bruise there. */
static void find_veils(cell *at, const rubor_change *change, double linear)
{
    double rest = 0, ei = 0;
    for (int c = 0; c < 3; c++) {
        double before = 1 / fmax(change->before_linear[c], 0.003);
        double od =
            at->ei * change->directions.hemoglobin[c] + at->mi * change->directions.melanin[c] + at->rest;
        double lost = 0.4343 * linear * before * (rubor_pow(10, fmin(3, od)) - 1);
        rest += change->unmix.shade[c] * lost;
        ei += change->unmix.ei[c] * lost;
    }
    at->veil_rest = fabs(rest);
    at->veil_ei = fabs(ei);
}

static bool shows(const signs *s, const cell *at, const evidence *e)
{
    double shadow = s->sds * sqrt(square(at->sd) + square(e->shadow)),
           color = fmax(s->color, s->sds * at->sd);
    double dark = fmax(fmax(s->dark, s->dark_share * at->red), shadow);
    if (at->rest > (e->late ? LATE * dark : dark))
        return at->mi > s->dark_mi;
    if (e->late) /* pigment on dark skin can look yellow */
        return false;
    bool yellow = e->calibrated && at->rest < -color && at->mi > s->color_mi;
    bool pale =
        at->rest > color && at->left_mi > s->color_mi && at->lacks > s->pale * at->left_mi + at->veil_ei;
    return yellow || pale || (at->mi > s->bloodless_mi && at->ei < -s->bloodless * at->mi - at->veil_ei);
}

/* Takes the 4-connected patch of possible cells (128) and sure ones (255) around start; they become 1.
 * Returns how many of the cells are sure. */
static size_t take_patch(rubor_mask *mask, int *cells, size_t *count, int start)
{
    int width = mask->width, height = mask->height;
    size_t surely = mask->data[start] == 255;
    *count = 1;
    cells[0] = start;
    mask->data[start] = 1;
    for (size_t next = 0; next < *count; next++) {
        int at = cells[next], x = at % width, y = at / width;
        const int around[4] = {x > 0 ? at - 1 : at, x + 1 < width ? at + 1 : at, y > 0 ? at - width : at,
                               y + 1 < height ? at + width : at};
        for (int k = 0; k < 4; k++)
            if (mask->data[around[k]] >= 128) {
                surely += mask->data[around[k]] == 255;
                mask->data[around[k]] = 1;
                cells[(*count)++] = around[k];
            }
    }
    return surely;
}

/* Is the patch darker than the skin around it (without bruises)? */
static bool is_darker(const evidence *e, const rubor_plane *around, const int *cells, size_t count)
{
    double more = 0;
    for (size_t k = 0; k < count; k++)
        if (!isnan(around->data[cells[k]]))
            more += (double)e->mi.data[cells[k]] - (double)around->data[cells[k]] - DARKER;
    return more > 0;
}

/* Does the patch's rest last in the coarse map? Where there is next to no rest nothing says otherwise. */
static bool is_broad(const evidence *e, const int *cells, size_t count)
{
    double squares = 0, products = 0;
    for (size_t k = 0; k < count; k++) {
        squares += square((double)e->rest.data[cells[k]]);
        products += (double)e->rest.data[cells[k]] * (double)e->coarse.data[cells[k]];
    }
    double noise = (double)count * square(e->spread);
    return squares < 4 * noise || products > COARSE_SHARE * (squares - noise);
}

/* Keeps the patches that hold enough sure cells, are no line, and are darker than what is around them. Lines
 * (ink, an edge) are neither bruise nor skin: they are only left out of the scores. */
static rubor_status keep_patches(rubor_findings *findings, const evidence *e, rubor_error *error)
{
    rubor_mask *mask = &findings->bruise;
    int all = mask->width * mask->height;
    rubor_plane around = {0};
    int *cells = malloc((size_t)all * sizeof *cells);
    rubor_status status = cells ? rubor_plane_init(&around, mask->width, mask->height, error)
                                : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a bruise");
    if (status != RUBOR_OK)
        goto out;
    for (int i = 0; i < all; i++)
        around.data[i] = mask->data[i] ? NAN : e->mi.data[i];
    status = rubor_plane_blur(&around, AROUND * mask->width, error);
    for (int i = 0; status == RUBOR_OK && i < all; i++) {
        size_t count;
        if (mask->data[i] != 255)
            continue;
        size_t surely = take_patch(mask, cells, &count, i);
        bool enough = (double)surely >= LEAST * (double)all, broad = is_broad(e, cells, count);
        bool kept = enough && broad && is_darker(e, &around, cells, count);
        for (size_t k = 0; k < count; k++) {
            mask->data[cells[k]] = kept ? 2 : 0;
            if (enough && !broad)
                findings->cells.data[cells[k]] = 255;
        }
    }
    for (int i = 0; i < all; i++)
        mask->data[i] = mask->data[i] == 2 ? 255 : 0;
out:
    rubor_plane_finish(&around);
    free(cells);
    return status;
}

/* Fills what depends on the rest, which `spread` is the standard deviation of. */
static void read_rest(cell *at, const evidence *e, const rubor_change *change, double rest, double spread,
                      double common_ei)
{
    at->rest = rest;
    at->sd = sqrt(square(spread) + square(at->veil_rest) + square(e->ei_slope * at->ei) +
                  square(e->mi_slope * at->mi));
    at->left_mi = at->mi - rest * gray(change->unmix.mi);
    at->lacks = common_ei - at->ei + rest * gray(change->unmix.ei);
}

/* Marks possible (128) and sure (255) cells. */
static void mark(rubor_findings *findings, const evidence *e, const rubor_change *change,
                 const rubor_plane *inside)
{
    size_t count = (size_t)change->width * (size_t)change->height;
    for (size_t i = 0; i < count; i++) {
        bool measured = change->region.data[i] >= 128 && !findings->cover.data[i];
        if (!measured || !((double)e->mi.data[i] > possible.dark_mi)) /* the least of all signs */
            continue;
        cell at = {.rest = (double)e->rest.data[i], .ei = (double)e->ei.data[i], .mi = (double)e->mi.data[i]};
        at.red = fmax(0, at.ei) * change->directions.hemoglobin[0] + at.mi * change->directions.melanin[0];
        double common = e->common_ei.data[i] > 0 ? (double)e->common_ei.data[i] : 0;
        find_veils(&at, change, e->white + HIGHLIGHT * fmax(0, (double)e->highlight.data[i]));
        read_rest(&at, e, change, at.rest, e->spread, common);
        bool may = shows(&possible, &at, e), starts = false;
        if (may && (double)inside->data[i] > INSIDE_SHARE) { /* from afar, where noise is less */
            read_rest(&at, e, change, (double)e->coarse.data[i], e->coarse_spread, common);
            starts = shows(&sure, &at, e);
        }
        findings->bruise.data[i] = starts ? 255 : may ? 128 : 0;
    }
}

/* Takes a bruise's rim, where it fades out, ring by ring around its cells; the rim becomes 1. cells has room
 * for all of the mask. */
static void take_rim(rubor_mask *mask, const rubor_plane *mi, int *cells, size_t count)
{
    int width = mask->width, height = mask->height;
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (double)mi->data[cells[k]];
    double least = FADED * sum / (double)count;
    size_t next = 0;
    for (int ring = 0; ring < (int)(FADES * width); ring++)
        for (size_t end = count; next < end; next++) {
            int x = cells[next] % width, y = cells[next] / width;
            int right = x + 1 < width ? x + 1 : x, bottom = y + 1 < height ? y + 1 : y;
            for (int v = y > 0 ? y - 1 : 0; v <= bottom; v++)
                for (int u = x > 0 ? x - 1 : 0; u <= right; u++) {
                    int at = v * width + u;
                    if (mask->data[at] || !((double)mi->data[at] > least))
                        continue;
                    mask->data[at] = 1;
                    cells[count++] = at;
                }
        }
}

/* Every bruise fades by its own depth. */
static rubor_status take_rims(rubor_mask *mask, const rubor_plane *mi, rubor_error *error)
{
    int all = mask->width * mask->height;
    int *cells = malloc((size_t)all * sizeof *cells);
    if (!cells)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a bruise");
    for (int i = 0; i < all; i++) {
        size_t count;
        if (mask->data[i] != 255)
            continue;
        take_patch(mask, cells, &count, i);
        take_rim(mask, mi, cells, count);
    }
    for (int i = 0; i < all; i++)
        mask->data[i] = mask->data[i] ? 255 : 0;
    free(cells);
    return RUBOR_OK;
}

rubor_status rubor_findings_bruise(rubor_findings *findings, const rubor_change *change, bool calibrated,
                                   int day, rubor_error *error)
{
    size_t count = (size_t)change->width * (size_t)change->height, bruised = 0;
    evidence e = {
        .late = day > RUBOR_BRUISE_LAST_DAY, .calibrated = calibrated, .shadow = change->shading_sd};
    rubor_plane inside = {0};
    rubor_status status = gather(&e, findings, change, error);
    if (status == RUBOR_OK)
        status = rubor_plane_init(&inside, change->width, change->height, error);
    if (status != RUBOR_OK)
        goto out;
    for (size_t i = 0; i < count; i++)
        inside.data[i] = isnan(change->delta_mi.data[i]) ? 0 : 1;
    status = rubor_plane_box(&inside, (int)(INSIDE * change->width), error);
    if (status != RUBOR_OK)
        goto out;
    mark(findings, &e, change, &inside);
    status = keep_patches(findings, &e, error);
    if (status == RUBOR_OK)
        status = take_rims(&findings->bruise, &e.mi, error);
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) {
        if (change->region.data[i] < 128 || findings->cover.data[i])
            findings->bruise.data[i] = 0;
        if (findings->bruise.data[i]) {
            findings->cells.data[i] = 255;
            bruised++;
        }
    }
    size_t region = rubor_mask_count(&change->region);
    if (status == RUBOR_OK && region)
        findings->bruise_percent = 100.0 * (double)bruised / (double)region;
out:
    rubor_plane_finish(&inside);
    evidence_finish(&e);
    return status;
}
