#include "samples/optics.h"

#include "imaging/color.h"

#include <math.h>

enum { N = RUBOR_OPTICS_N };
static const double LN10 = 2.302585092994045684;

static double wavelength(int i)
{
    return RUBOR_SPECTRUM_FIRST_NM + i * RUBOR_SPECTRUM_STEP_NM;
}

static double power10(double x)
{
    return rubor_numeric_exp(x * LN10);
}

/* Weights of the reference observer: linear sRGB under D65, each channel 1 for the perfect diffuser. */
static void reference_weights(double weight[3][N])
{
    const float(*cmf)[RUBOR_SPECTRUM_SAMPLES] = rubor_cie1931_cmf();
    const rubor_spectrum *d65 = rubor_illuminant_by_name("D65");
    double sum[3] = {0};
    for (int i = 0; i < N; i++) {
        double xyz[3], rgb[3];
        for (int c = 0; c < 3; c++)
            xyz[c] = (double)cmf[c][i] * (double)d65->value[i];
        rubor_xyz_to_linear(rgb, xyz);
        for (int c = 0; c < 3; c++)
            sum[c] += weight[c][i] = rgb[c];
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < N; i++)
            weight[c][i] /= sum[c];
}

static void apply_weights(double out[3], const double weight[3][N], const double reflectance[N])
{
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int i = 0; i < N; i++)
            sum += weight[c][i] * reflectance[i];
        out[c] = sum;
    }
}

void rubor_optics_linear(double linear[3], const double reflectance[N])
{
    double weight[3][N];
    reference_weights(weight);
    apply_weights(linear, (const double(*)[N])weight, reflectance);
}

static void indices(double *ei, double *mi, const double linear[3])
{
    double red = rubor_numeric_log10(fmax(linear[0], 1e-6)),
           green = rubor_numeric_log10(fmax(linear[1], 1e-6));
    *ei = 100 * (red - green);
    *mi = -100 * red;
}

/* EI and MI (x100) of the reference observer for any reflectance; ITA for D65. */
static void reference(double *ei, double *mi, double *ita, const double reflectance[N])
{
    double linear[3];
    rubor_optics_linear(linear, reflectance);
    indices(ei, mi, linear);
    *ita = rubor_ita(rubor_linear_to_lab_d65(linear));
}

static void moved(double out[N], const rubor_skin_optics *skin, double m, double h)
{
    for (int i = 0; i < N; i++)
        out[i] = skin->base[i] * power10(-m * skin->melanin[i] - h * skin->hemoglobin[i]);
}

/* Melanin displaces baseline tissue; the small tilt is doubt about the melanosome's power law. */
static void melanin_direction(double out[N], rubor_random *random)
{
    double tilt = rubor_random_uniform(random, -0.2, 0.2);
    const rubor_spectrum *melanosome = rubor_absorption_melanosome(),
                         *baseline = rubor_absorption_skin_baseline();
    for (int i = 0; i < N; i++)
        out[i] = ((double)melanosome->value[i] - (double)baseline->value[i]) *
                 rubor_numeric_pow(wavelength(i) / 580, tilt) / (double)melanosome->value[20];
}

/* What blood does to the average person: the measured shape, a quarter of it replaced by a power of
 * oxyhemoglobin's absorption. */
static void hemoglobin_direction(double out[N])
{
    const double share = 0.25, power = 0.38;
    const rubor_spectrum *shape = rubor_hemoglobin_change_shape(), *blood = rubor_absorption_oxyblood();
    for (int i = 0; i < N; i++)
        out[i] = (1 - share) * (double)shape->value[i] +
                 share * rubor_numeric_pow((double)blood->value[i] / (double)blood->value[20], power);
}

/* One person out of many: the components of what was measured between people, each drawn on its own and no
 * further out than measured pairs are (1.7 of the first, which is four fifths of all). The direction is in its
 * units already. */
static void vary_hemoglobin(double direction[N], rubor_random *random)
{
    for (size_t k = 0; k < RUBOR_HEMOGLOBIN_SPREADS; k++) {
        const rubor_spectrum *component = rubor_hemoglobin_change_spread(k);
        double far = rubor_numeric_clamp(rubor_random_normal(random), -2, 2);
        for (int i = 0; i < N; i++)
            direction[i] += far * (double)component->value[i];
    }
}

static double ita_of(const rubor_skin_optics *skin, double m, double h)
{
    double spectrum[N], ei, mi, ita;
    moved(spectrum, skin, m, h);
    reference(&ei, &mi, &ita, spectrum);
    return ita;
}

/* Rescales both directions so that 0.1 means 10 printed units on this skin. */
static void set_units(rubor_skin_optics *skin)
{
    for (int pass = 0; pass < 4; pass++) {
        double spectrum[N], ei[3], mi[3], ita;
        reference(&ei[0], &mi[0], &ita, skin->base);
        moved(spectrum, skin, 0, 0.1);
        reference(&ei[1], &mi[1], &ita, spectrum);
        moved(spectrum, skin, 0.1, 0);
        reference(&ei[2], &mi[2], &ita, spectrum);
        for (int i = 0; i < N; i++) {
            skin->hemoglobin[i] *= 10 / (ei[1] - ei[0]);
            skin->melanin[i] *= 10 / (mi[2] - mi[0]);
        }
    }
}

/* 10^-(m M + h H) = 10^-(m M) 10^-(h H): one table of each instead of one exponential per product. */
static void blood_table(double blood[RUBOR_OPTICS_H][N], const rubor_skin_optics *skin)
{
    for (int b = 0; b < RUBOR_OPTICS_H; b++)
        for (int i = 0; i < N; i++)
            blood[b][i] = power10(-((double)RUBOR_OPTICS_H_FIRST + b * (double)RUBOR_OPTICS_H_STEP) *
                                  skin->hemoglobin[i]);
}

static void pigmented_skin(double out[N], const rubor_skin_optics *skin, int a)
{
    moved(out, skin, (double)RUBOR_OPTICS_M_FIRST + a * (double)RUBOR_OPTICS_M_STEP, 0);
}

static void fill_reference(rubor_skin_optics *skin)
{
    double weight[3][N], blood[RUBOR_OPTICS_H][N], pigmented[N];
    reference_weights(weight);
    blood_table(blood, skin);
    for (int a = 0; a < RUBOR_OPTICS_M; a++) {
        pigmented_skin(pigmented, skin, a);
        for (int b = 0; b < RUBOR_OPTICS_H; b++) {
            double spectrum[N], linear[3], ei, mi;
            for (int i = 0; i < N; i++)
                spectrum[i] = pigmented[i] * blood[b][i];
            apply_weights(linear, (const double(*)[N])weight, spectrum);
            indices(&ei, &mi, linear);
            skin->reference[a][b][0] = (float)ei;
            skin->reference[a][b][1] = (float)mi;
        }
    }
}

/* The step of melanin that comes closest to an ITA. Searched on a grid: ITA is not monotonic in dark skin,
 * and a last bit of the C library's atan2 cannot move a grid point. */
static double melanin_for(const rubor_skin_optics *skin, double target, double h)
{
    double best = 0, distance = 1e9;
    for (int i = -40; i <= 40; i++) {
        double m = i * 0.002, d = fabs(ita_of(skin, m, h) - target) + 20 * fabs(m);
        if (d < distance) {
            distance = d;
            best = m;
        }
    }
    return best;
}

void rubor_skin_optics_make(rubor_skin_optics *out, const rubor_tone *tone, rubor_random *random)
{
    const rubor_spectrum *start =
        rubor_skin_measured(tone->base[rubor_random_below(random, RUBOR_TONE_BASES)]);
    double wander = rubor_random_uniform(random, -4, 4);
    melanin_direction(out->melanin, random);
    hemoglobin_direction(out->hemoglobin);
    for (int i = 0; i < N; i++)
        out->base[i] = (double)start->value[i];
    set_units(out);
    /* stay near a measured skin: melanin alone does not carry one person's spectrum to another's */
    double target = rubor_numeric_clamp(ita_of(out, 0, 0) + wander, tone->draw_low, tone->draw_high);
    double h = rubor_random_uniform(random, -0.03, 0.03), m = melanin_for(out, target, h);
    double spectrum[N];
    moved(spectrum, out, m, h);
    for (int i = 0; i < N; i++)
        out->base[i] = spectrum[i];
    set_units(out);
    vary_hemoglobin(out->hemoglobin, random);
    set_units(out);
    out->ita = ita_of(out, 0, 0);
    fill_reference(out);
}

void rubor_optics_weights(double weight[3][N], const rubor_camera_sensitivity *camera,
                          const rubor_spectrum *lamp, double tilt)
{
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int i = 0; i < N; i++)
            sum += weight[c][i] = (double)camera->value[c][i] * (double)lamp->value[i] *
                                  rubor_numeric_pow(wavelength(i) / 560, tilt);
        for (int i = 0; i < N; i++)
            weight[c][i] /= sum;
    }
}

void rubor_optics_weights_second(double weight[3][N], const rubor_camera_sensitivity *camera,
                                 const rubor_spectrum *first, const rubor_spectrum *second)
{
    double white[2][3] = {{0}};
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < N; i++) {
            white[0][c] += (double)camera->value[c][i] * (double)first->value[i];
            white[1][c] += (double)camera->value[c][i] * (double)second->value[i];
        }
    double level = white[0][1] / white[1][1];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < N; i++)
            weight[c][i] = (double)camera->value[c][i] * (double)second->value[i] * level / white[0][c];
}

static void to_float3(float out[3], const double in[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = (float)in[c];
}

static double absorb(double od)
{
    return power10(-od);
}

static double material_value(rubor_material material, const rubor_material_choice *choice,
                             const rubor_skin_optics *skin, int i)
{
    double nm = wavelength(i), inverse = 550 / nm;
    const float *dye = rubor_chart_reflectance((size_t)choice->cloth_patch)->value;
    double bilirubin = rubor_numeric_exp(-(nm - 460) * (nm - 460) / (2 * 35.0 * 35.0));
    switch (material) {
    case RUBOR_MATERIAL_HAIR: /* black 0.03, blond rising to the red */
        return 0.025 + (1 - choice->hair_melanin) * 0.22 * absorb(0.5 * inverse * inverse * inverse);
    case RUBOR_MATERIAL_CLOTH:
        return choice->cloth_level * (double)dye[i];
    case RUBOR_MATERIAL_BACKGROUND: /* the plain dark blue that photography guides ask for */
        return choice->background_level * (double)rubor_chart_reflectance(12)->value[i];
    case RUBOR_MATERIAL_FRAME:
        return 0.035;
    case RUBOR_MATERIAL_MAKEUP: /* opaque iron oxides: a lighter skin tone without blood's bands */
        return 0.58 * absorb(0.26 * inverse * inverse * inverse +
                             0.11 * (1 - rubor_numeric_smoothstep(540, 610, nm)));
    case RUBOR_MATERIAL_METAL:
        return 0.55 - 0.1 * inverse;
    case RUBOR_MATERIAL_BLOOD_FILM:
        return absorb(0.06 + 0.45 * skin->hemoglobin[i] / skin->hemoglobin[20]);
    case RUBOR_MATERIAL_CRUST_FILM: /* dried blood and plasma: brown */
        return absorb(0.10 + 0.30 * inverse * inverse);
    case RUBOR_MATERIAL_BRUISE_NEW_FILM: { /* deep blood: the red is lost to scattering above it */
        double red = (nm - 380) / 350;
        return absorb(0.10 + 0.10 * red);
    }
    case RUBOR_MATERIAL_BRUISE_OLD_FILM:
        return absorb(0.03 + 0.22 * bilirubin);
    case RUBOR_MATERIAL_INK_FILM: /* carbon under the epidermis: black, a little blue */
        return absorb(0.45 + 0.15 * (nm - 450) / 250);
    case RUBOR_MATERIAL_COUNT:
        break;
    }
    return 0;
}

void rubor_lamp_optics_make(rubor_lamp_optics *out, const rubor_skin_optics *skin,
                            const rubor_material_choice *choice, const double weight[3][N])
{
    double spectrum[N], value[3], bare[3], pigmented[N], blood[RUBOR_OPTICS_H][N];
    blood_table(blood, skin);
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int i = 0; i < N; i++) {
            out->weight[c][i] = (float)weight[c][i];
            sum += weight[c][i];
        }
        out->white[c] = (float)sum;
    }
    for (int a = 0; a < RUBOR_OPTICS_M; a++) {
        pigmented_skin(pigmented, skin, a);
        for (int b = 0; b < RUBOR_OPTICS_H; b++) {
            for (int i = 0; i < N; i++)
                spectrum[i] = pigmented[i] * blood[b][i];
            apply_weights(value, weight, spectrum);
            to_float3(out->skin[a][b], value);
        }
    }
    for (size_t patch = 0; patch < 24; patch++) {
        for (int i = 0; i < N; i++)
            spectrum[i] = (double)rubor_chart_reflectance(patch)->value[i];
        apply_weights(value, weight, spectrum);
        to_float3(out->chart[patch], value);
    }
    apply_weights(bare, weight, skin->base);
    for (int k = 0; k < RUBOR_MATERIAL_COUNT; k++) {
        bool film = k >= RUBOR_MATERIAL_BLOOD_FILM;
        for (int i = 0; i < N; i++)
            spectrum[i] = material_value((rubor_material)k, choice, skin, i) * (film ? skin->base[i] : 1);
        apply_weights(value, weight, spectrum);
        for (int c = 0; c < 3; c++)
            out->material[k][c] = (float)(film ? value[c] / bare[c] : value[c]);
    }
}

typedef struct cell {
    int a, b;
    float u, v;
} cell;

static cell locate(float m, float h)
{
    float x = (m - RUBOR_OPTICS_M_FIRST) / RUBOR_OPTICS_M_STEP,
          y = (h - RUBOR_OPTICS_H_FIRST) / RUBOR_OPTICS_H_STEP;
    const float top_x = RUBOR_OPTICS_M - 1.001f, top_y = RUBOR_OPTICS_H - 1.001f;
    x = x < 0 ? 0 : x > top_x ? top_x : x;
    y = y < 0 ? 0 : y > top_y ? top_y : y;
    cell at = {(int)x, (int)y, 0, 0};
    at.u = x - (float)at.a;
    at.v = y - (float)at.b;
    return at;
}

void rubor_optics_skin(float out[3], const rubor_lamp_optics *lamp, float m, float h)
{
    cell at = locate(m, h);
    const float *p = lamp->skin[at.a][at.b], *p_next = lamp->skin[at.a][at.b + 1];
    const float *q = lamp->skin[at.a + 1][at.b], *q_next = lamp->skin[at.a + 1][at.b + 1];
    float w00 = (1 - at.u) * (1 - at.v), w01 = (1 - at.u) * at.v, w10 = at.u * (1 - at.v), w11 = at.u * at.v;
    for (int c = 0; c < 3; c++)
        out[c] = w00 * p[c] + w01 * p_next[c] + w10 * q[c] + w11 * q_next[c];
}

void rubor_optics_indices(float *ei, float *mi, const rubor_skin_optics *skin, float m, float h)
{
    cell at = locate(m, h);
    const float *p = skin->reference[at.a][at.b], *p_next = skin->reference[at.a][at.b + 1];
    const float *q = skin->reference[at.a + 1][at.b], *q_next = skin->reference[at.a + 1][at.b + 1];
    float w00 = (1 - at.u) * (1 - at.v), w01 = (1 - at.u) * at.v, w10 = at.u * (1 - at.v), w11 = at.u * at.v;
    *ei = w00 * p[0] + w01 * p_next[0] + w10 * q[0] + w11 * q_next[0];
    *mi = w00 * p[1] + w01 * p_next[1] + w10 * q[1] + w11 * q_next[1];
}

double rubor_optics_hemoglobin_for(const rubor_skin_optics *skin, double delta_ei)
{
    float start, ei, mi;
    rubor_optics_indices(&start, &mi, skin, 0, 0);
    double h = delta_ei / 100;
    for (int i = 0; i < 8; i++) { /* the slope is close to 100 everywhere */
        rubor_optics_indices(&ei, &mi, skin, 0, (float)h);
        h += (delta_ei - (double)(ei - start)) / 100;
    }
    return h;
}

double rubor_optics_melanin_for(const rubor_skin_optics *skin, double delta_mi)
{
    float start, ei, mi;
    rubor_optics_indices(&ei, &start, skin, 0, 0);
    double m = delta_mi / 100;
    for (int i = 0; i < 8; i++) {
        rubor_optics_indices(&ei, &mi, skin, (float)m, 0);
        m += (delta_mi - (double)(mi - start)) / 100;
    }
    return m;
}
