/* What really changed, pixel by pixel, as the reference observer would read it without lamp, camera or
 * shading. */
#ifndef RUBOR_SAMPLES_TRUTH_H
#define RUBOR_SAMPLES_TRUTH_H

#include "samples/optics.h"
#include "samples/sample.h"
#include "samples/scene.h"

/* Changes against the same skin before, x100: hemoglobin alone (EI), melanin alone (MI), both (EI, MI). */
typedef struct rubor_truth_maps {
    int width, height;
    float (*change)[4];
} rubor_truth_maps;

rubor_status rubor_truth_maps_init(rubor_truth_maps *maps, int width, int height, rubor_error *error);
void rubor_truth_maps_finish(rubor_truth_maps *maps);

static inline void rubor_truth_pixel(rubor_truth_maps *maps, size_t i, const rubor_skin_optics *skin, float m,
                                     float h, float dm, float dh)
{
    float *change = maps->change[i], before[2], blood[2], pigment[2], both[2];
    change[0] = change[1] = change[2] = change[3] = 0;
    if (dm == 0 && dh == 0)
        return;
    rubor_optics_indices(&before[0], &before[1], skin, m, h);
    rubor_optics_indices(&blood[0], &blood[1], skin, m, h + dh);
    rubor_optics_indices(&pigment[0], &pigment[1], skin, m + dm, h);
    rubor_optics_indices(&both[0], &both[1], skin, m + dm, h + dh);
    change[0] = blood[0] - before[0];
    change[1] = pigment[1] - before[1];
    change[2] = both[0] - before[0];
    change[3] = both[1] - before[1];
}

/* Fills photo->truth and the erythema and pigment masks from the maps, the region and control polygons and
 * the skin and findings masks. */
rubor_status rubor_truth_measure(rubor_sample_photo *photo, const rubor_truth_maps *maps,
                                 const rubor_scene *scene, rubor_error *error);

#endif
