/* The pictures of --maps DIR: all of them or none. */
#ifndef RUBOR_CLIENTS_MAPS_H
#define RUBOR_CLIENTS_MAPS_H

#include "analyzer/analyze.h"
#include "imaging/encode.h"

/* 16-bit maps hold round((value + 100) * 100), 0 where nothing was measured. */
#define RUBOR_MAP_ZERO (-100.0)
#define RUBOR_MAP_SCALE 100.0

enum { RUBOR_MAP_FILES = 10 };

/* working.png, ei.png, mi.png, skin_mask.png, erythema_mask.png, pigment_mask.png, findings_mask.png, overlay.png,
 * delta_ei.png, delta_mi.png as PNG; data NULL: the last two where there is no reference. The caller finishes the
 * buffers, also after an error. */
rubor_status rubor_maps_encode(rubor_buffer out[RUBOR_MAP_FILES], const rubor_maps *maps, rubor_error *error);

/* Writes what rubor_maps_encode made into folder (made if absent), beside their final place first and then
 * renamed, so that a full disk leaves the folder as it was. */
rubor_status rubor_maps_write(const rubor_buffer encoded[RUBOR_MAP_FILES], const char *folder, rubor_error *error);

#endif
