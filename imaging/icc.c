#include "imaging/color.h"
#include "imaging/limits.h"
#include "imaging/photo_internal.h"

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

struct rubor_icc {
    cmsContext context;
    cmsHTRANSFORM transform; /* tables */
    int levels;
    float *curves; /* curves and a matrix: 3 * levels */
    float matrix[9];
};

/* Printable ASCII only: the text goes into records and onto screens. */
static void describe(rubor_photo_info *info, const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < sizeof info->icc; i++)
        info->icc[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    info->icc[i] = '\0';
}

/* Primaries and curve of the profile against sRGB itself: most photos carry some maker's copy of sRGB, and
 * leaving those alone saves the transform and its rounding. */
static bool is_srgb(cmsContext context, cmsHPROFILE profile, cmsHPROFILE srgb)
{
    cmsHTRANSFORM compare = cmsCreateTransformTHR(context, profile, TYPE_RGB_16, srgb, TYPE_RGB_16,
                                                  INTENT_PERCEPTUAL, cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE);
    if (!compare)
        return false;
    enum { STEPS = 6, COUNT = STEPS * STEPS * STEPS };
    uint16_t in[COUNT * 3], out[COUNT * 3];
    for (int i = 0; i < COUNT; i++) {
        in[3 * i] = (uint16_t)(i % STEPS * 65535 / (STEPS - 1));
        in[3 * i + 1] = (uint16_t)(i / STEPS % STEPS * 65535 / (STEPS - 1));
        in[3 * i + 2] = (uint16_t)(i / STEPS / STEPS * 65535 / (STEPS - 1));
    }
    cmsDoTransform(compare, in, out, COUNT);
    cmsDeleteTransform(compare);
    for (int i = 0; i < COUNT * 3; i++)
        if (abs((int)in[i] - (int)out[i]) > 257) /* one step of 8 bits */
            return false;
    return true;
}

/* One primary's column of the matrix to linear sRGB. */
static bool read_colorant(float matrix[9], size_t column, cmsHPROFILE profile, cmsTagSignature tag)
{
    const cmsCIEXYZ *colorant = cmsReadTag(profile, tag);
    if (!colorant)
        return false;
    double xyz[3] = {colorant->X, colorant->Y, colorant->Z}, rgb[3];
    rubor_lab_d50_to_linear(rgb, rubor_xyz_to_lab(xyz, rubor_white_d50));
    for (size_t row = 0; row < 3; row++)
        matrix[3 * row + column] = (float)rgb[row];
    return true;
}

static float evaluate(const cmsToneCurve *tone, float encoded)
{
    float linear = cmsEvalToneCurveFloat(tone, encoded);
    return linear > 0.0F ? linear < 1.0F ? linear : 1.0F : 0.0F; /* NaN is 0 */
}

static bool read_curve(rubor_icc *icc, int channel, cmsHPROFILE profile, cmsTagSignature tag)
{
    const cmsToneCurve *tone = cmsReadTag(profile, tag);
    if (!tone || evaluate(tone, 0.0F) > 0.1F || evaluate(tone, 0.5F) < 0.01F || evaluate(tone, 1.0F) < 0.9F)
        return false;
    float *curve = icc->curves + (size_t)channel * (size_t)icc->levels;
    for (int i = 0; i < icc->levels; i++)
        curve[i] = evaluate(tone, (float)i / (float)(icc->levels - 1));
    return true;
}

/* A profile whose white is not white would color every photo: it is broken, or not one of a camera. */
static bool keeps_white(const float matrix[9])
{
    for (int row = 0; row < 3; row++) {
        float sum = matrix[3 * row] + matrix[3 * row + 1] + matrix[3 * row + 2];
        if (!(sum > 0.95F && sum < 1.05F))
            return false;
    }
    return true;
}

static bool read_matrix_profile(rubor_icc *icc, cmsHPROFILE profile)
{
    icc->curves = malloc((3 * (size_t)icc->levels + 1) * sizeof *icc->curves);
    return icc->curves && read_curve(icc, 0, profile, cmsSigRedTRCTag) &&
           read_curve(icc, 1, profile, cmsSigGreenTRCTag) && read_curve(icc, 2, profile, cmsSigBlueTRCTag) &&
           read_colorant(icc->matrix, 0, profile, cmsSigRedColorantTag) &&
           read_colorant(icc->matrix, 1, profile, cmsSigGreenColorantTag) &&
           read_colorant(icc->matrix, 2, profile, cmsSigBlueColorantTag) && keeps_white(icc->matrix);
}

/* True when the profile is usable; then icc holds what to do, or nothing for sRGB itself. */
static bool read_profile(rubor_icc *icc, cmsHPROFILE profile, cmsHPROFILE srgb)
{
    if (!profile || !srgb || cmsGetColorSpace(profile) != cmsSigRgbData)
        return false;
    if (is_srgb(icc->context, profile, srgb))
        return true;
    if (cmsIsMatrixShaper(profile) && !cmsIsCLUT(profile, INTENT_PERCEPTUAL, LCMS_USED_AS_INPUT))
        return read_matrix_profile(icc, profile);
    icc->transform = cmsCreateTransformTHR(icc->context, profile, TYPE_RGB_16, srgb, TYPE_RGB_16,
                                           INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE | cmsFLAGS_HIGHRESPRECALC);
    return icc->transform != NULL;
}

static bool load_profile(rubor_icc *icc, rubor_photo_info *info, const uint8_t *data, size_t size)
{
    cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR(icc->context);
    cmsHPROFILE profile = cmsOpenProfileFromMemTHR(icc->context, data, (cmsUInt32Number)size);
    bool usable = read_profile(icc, profile, srgb);
    if (usable) {
        char text[sizeof info->icc] = {0};
        cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text, sizeof text);
        text[sizeof text - 1] = '\0';
        describe(info, text[0] ? text : "unnamed");
    }
    if (profile)
        cmsCloseProfile(profile);
    if (srgb)
        cmsCloseProfile(srgb);
    return usable;
}

rubor_icc *rubor_icc_create(rubor_photo_info *info, const uint8_t *data, size_t size, int levels)
{
    if (size == 0)
        return NULL;
    info->icc_present = true;
    describe(info, "invalid");
    if (size > RUBOR_LIMIT_ICC_BYTES)
        return NULL;
    rubor_icc *icc = calloc(1, sizeof *icc);
    if (!icc)
        return NULL;
    icc->levels = levels;
    icc->context = cmsCreateContext(NULL, NULL);
    bool usable = icc->context && load_profile(icc, info, data, size);
    if (!usable || levels == 0 || (!icc->curves && !icc->transform))
        rubor_icc_destroy(&icc);
    return icc;
}

void rubor_icc_destroy(rubor_icc **icc)
{
    if (!icc || !*icc)
        return;
    if ((*icc)->transform)
        cmsDeleteTransform((*icc)->transform);
    if ((*icc)->context)
        cmsDeleteContext((*icc)->context);
    free((*icc)->curves);
    free(*icc);
    *icc = NULL;
}

const float *rubor_icc_curve(const rubor_icc *icc, int channel)
{
    return icc->curves + (size_t)channel * (size_t)icc->levels;
}

const float *rubor_icc_matrix(const rubor_icc *icc)
{
    return icc->curves ? icc->matrix : NULL;
}

void rubor_icc_apply(const rubor_icc *icc, uint16_t *rgb, int pixels)
{
    cmsDoTransform(icc->transform, rgb, rgb, (cmsUInt32Number)pixels);
}
