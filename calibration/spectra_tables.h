/* The generated tables of spectra_tables.c. Private to this room: others go through calibration/spectra.h. */
#ifndef RUBOR_CALIBRATION_SPECTRA_TABLES_H
#define RUBOR_CALIBRATION_SPECTRA_TABLES_H

#include "calibration/spectra.h"

extern const float rubor_table_cmf[3][RUBOR_SPECTRUM_SAMPLES];
extern const rubor_spectrum rubor_table_illuminants[];
extern const size_t rubor_table_illuminant_count;
extern const rubor_camera_sensitivity rubor_table_cameras[];
extern const size_t rubor_table_camera_count;
extern const rubor_spectrum rubor_table_chart[];
extern const rubor_spectrum rubor_table_melanosome, rubor_table_skin_baseline, rubor_table_oxyblood,
    rubor_table_hemoglobin_change, rubor_table_skin_rest, rubor_table_skin_rest_per_melanin;
extern const rubor_spectrum rubor_table_hemoglobin_spread[];

#endif
