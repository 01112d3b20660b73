/* The camera and the room on one day: exposure, light over the frame, glare, noise, white balance, color
 * matrix, tone curve, 8 bits, JPEG. */
#ifndef RUBOR_SAMPLES_DEVICE_H
#define RUBOR_SAMPLES_DEVICE_H

#include "samples/scene.h"

enum { RUBOR_CURVE_STEPS = 4096, RUBOR_SHINES = 3 };

typedef struct rubor_device {
    double lamp_tilt;                   /* color of the lamp this day, power of wavelength */
    double exposure;                    /* raw value of the perfect diffuser under full light */
    float balance[3];                   /* white balance error: factors */
    float matrix[9];                    /* balanced raw -> linear sRGB as the camera has it; rows sum to 1 */
    float curve[RUBOR_CURVE_STEPS + 2]; /* linear 0..1 -> encoded 0..255 */
    float glare[3];                     /* added light, share of the perfect diffuser */
    double glare_percent;
    float shot[3], read[3];                 /* noise variance per unit of light, and of darkness */
    double blur_px, motion_px, motion_turn; /* defocus; shake, its direction in turns */
    float spread;                           /* lens: weight of each next pixel */
    float center[2], falloff;               /* light = 1 / (1 + falloff r^2), r in widths */
    float second_share, second_slope;       /* a second lamp's part of the light, and its slope per width */
    /* lobes: center x, y; two axes (x, y) in 1 / pixels; strength */
    float shine[RUBOR_SHINES][7];
    uint64_t noise_seed;
    int quality;
    bool subsampled;
} rubor_device;

/* weight: what the camera sees this day, before normalization to white: its sums give the noise of each
 * channel. */
void rubor_device_draw(rubor_device *out, const rubor_scene *scene, const rubor_course_day *amounts, int day);

/* Light of the main and the second lamp at a photo pixel. */
static inline void rubor_device_light(float light[2], const rubor_device *device, float width, float x,
                                      float y)
{
    float u = (x - device->center[0]) / width, v = (y - device->center[1]) / width;
    float field = 1 / (1 + device->falloff * (u * u + v * v));
    float second = device->second_share * (1 + device->second_slope * (u + 0.4f * v));
    light[1] = second > 0 ? field * second : 0;
    light[0] = field * (1 - device->second_share * (1 - 0.5f * device->second_slope * (u + 0.4f * v)));
    light[0] = device->second_share > 0 ? light[0] : field;
}

/* Raw light (interleaved, perfect diffuser = 1 under full light) to the encoded picture. raw is used up. */
rubor_status rubor_device_develop(rubor_buffer *jpeg, float *raw, const rubor_device *device, int width,
                                  int height, rubor_error *error);

#endif
