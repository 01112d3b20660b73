/* Sources of every table: calibration/tables/README.md. */
#include "calibration/spectra.h"

#include "calibration/spectra_tables.h"

#include <assert.h>
#include <string.h>

enum { CHART_PATCHES = 24 };

const float (*rubor_cie1931_cmf(void))[RUBOR_SPECTRUM_SAMPLES]
{
    return rubor_table_cmf;
}

size_t rubor_illuminant_count(void)
{
    return rubor_table_illuminant_count;
}

const rubor_spectrum *rubor_illuminant(size_t index)
{
    assert(index < rubor_table_illuminant_count);
    return &rubor_table_illuminants[index];
}

const rubor_spectrum *rubor_illuminant_by_name(const char *name)
{
    for (size_t i = 0; i < rubor_table_illuminant_count; i++)
        if (strcmp(rubor_table_illuminants[i].name, name) == 0)
            return &rubor_table_illuminants[i];
    return NULL;
}

size_t rubor_camera_count(void)
{
    return rubor_table_camera_count;
}

const rubor_camera_sensitivity *rubor_camera(size_t index)
{
    assert(index < rubor_table_camera_count);
    return &rubor_table_cameras[index];
}

const rubor_camera_sensitivity *rubor_camera_by_name(const char *name)
{
    for (size_t i = 0; i < rubor_table_camera_count; i++)
        if (strcmp(rubor_table_cameras[i].name, name) == 0)
            return &rubor_table_cameras[i];
    return NULL;
}

const rubor_spectrum *rubor_chart_reflectance(size_t patch)
{
    assert(patch < CHART_PATCHES);
    return &rubor_table_chart[patch];
}

const rubor_spectrum *rubor_absorption_melanosome(void)
{
    return &rubor_table_melanosome;
}

const rubor_spectrum *rubor_absorption_skin_baseline(void)
{
    return &rubor_table_skin_baseline;
}

const rubor_spectrum *rubor_absorption_oxyblood(void)
{
    return &rubor_table_oxyblood;
}

const rubor_spectrum *rubor_hemoglobin_change_shape(void)
{
    return &rubor_table_hemoglobin_change;
}

const rubor_spectrum *rubor_hemoglobin_change_spread(size_t index)
{
    assert(index < RUBOR_HEMOGLOBIN_SPREADS);
    return &rubor_table_hemoglobin_spread[index];
}

const rubor_spectrum *rubor_skin_rest(void)
{
    return &rubor_table_skin_rest;
}

const rubor_spectrum *rubor_skin_rest_per_melanin(void)
{
    return &rubor_table_skin_rest_per_melanin;
}
