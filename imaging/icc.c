#include "imaging/limits.h"
#include "imaging/photo_internal.h"

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

struct rubor_icc {
    cmsContext context;
    cmsHTRANSFORM transform;
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

static cmsHTRANSFORM make_transform(cmsContext context, rubor_photo_info *info, const uint8_t *data,
                                    size_t size)
{
    cmsHTRANSFORM transform = NULL;
    cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR(context);
    cmsHPROFILE profile = cmsOpenProfileFromMemTHR(context, data, (cmsUInt32Number)size);
    describe(info, "invalid");
    if (!profile || !srgb || cmsGetColorSpace(profile) != cmsSigRgbData)
        goto out;
    if (!is_srgb(context, profile, srgb)) {
        transform = cmsCreateTransformTHR(context, profile, TYPE_RGB_16, srgb, TYPE_RGB_16, INTENT_PERCEPTUAL,
                                          cmsFLAGS_NOCACHE);
        if (!transform)
            goto out;
    }
    char text[sizeof info->icc] = {0};
    cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text, sizeof text);
    text[sizeof text - 1] = '\0';
    describe(info, text[0] ? text : "unnamed");
out:
    if (profile)
        cmsCloseProfile(profile);
    if (srgb)
        cmsCloseProfile(srgb);
    return transform;
}

rubor_icc *rubor_icc_create(rubor_photo_info *info, const uint8_t *data, size_t size)
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
    icc->context = cmsCreateContext(NULL, NULL);
    if (icc->context)
        icc->transform = make_transform(icc->context, info, data, size);
    if (!icc->transform)
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
    free(*icc);
    *icc = NULL;
}

void rubor_icc_apply(const rubor_icc *icc, uint16_t *rgb, int pixels)
{
    cmsDoTransform(icc->transform, rgb, rgb, (cmsUInt32Number)pixels);
}
