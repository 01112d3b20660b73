#include "analyzer/findings.h"

#include <math.h>
#include <string.h>

void rubor_findings_finish(rubor_findings *findings)
{
    if (!findings)
        return;
    rubor_mask_finish(&findings->cells);
    memset(findings, 0, sizeof *findings);
}

/* Percent of the region that shines. Shining pixels are not measured, so they are counted where the region's
 * outline (before it was cut down to measured cells) cannot be known: over the cells around measured ones. */
static double shine_percent(const rubor_change *change, const rubor_frame *visit)
{
    size_t shining = 0, skin = 0;
    if (!visit->skin.shine.data)
        return RUBOR_NULL;
    for (int y = 0; y < change->height; y++)
        for (int x = 0; x < change->width; x++) {
            if (change->region.data[(size_t)y * (size_t)change->width + (size_t)x] < 128)
                continue;
            size_t at =
                (size_t)(y * change->factor) * (size_t)visit->image.width + (size_t)(x * change->factor);
            skin++;
            shining += visit->skin.shine.data[at] >= 128;
        }
    return skin ? 100.0 * (double)shining / (double)skin : RUBOR_NULL;
}

rubor_status rubor_findings_find(rubor_findings *out, const rubor_change *change, const rubor_frame *visit,
                                 const rubor_frame *baseline, const rubor_registration *registration,
                                 rubor_error *error)
{
    (void)baseline;
    (void)registration;
    memset(out, 0, sizeof *out);
    out->pinpoint_count = -1;
    out->crust_percent = out->bruise_percent = RUBOR_NULL;
    out->shine_percent = shine_percent(change, visit);
    return rubor_mask_init(&out->cells, change->width, change->height, error);
}
