/* The pictures of --maps DIR: all of them or none. */
#ifndef RUBOR_CLIENTS_MAPS_H
#define RUBOR_CLIENTS_MAPS_H

#include "analyzer/analyze.h"

/* 16-bit maps hold round((value + 100) * 100), 0 where nothing was measured. */
#define RUBOR_MAP_ZERO (-100.0)
#define RUBOR_MAP_SCALE 100.0

/* Writes working.png, ei.png, mi.png, skin_mask.png, erythema_mask.png, pigment_mask.png, findings_mask.png,
 * overlay.png, and delta_ei.png, delta_mi.png where there is a reference, into folder (made if absent). They
 * are written beside their final place first and then renamed, so that a full disk leaves the folder as it
 * was. */
rubor_status rubor_maps_write(const rubor_maps *maps, const char *folder, rubor_error *error);

#endif
