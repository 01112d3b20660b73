/* The visit's picture in the baseline's frame, for looking at days side by side; nothing is measured in it.
 * Reentrant. */
#ifndef RUBOR_ANALYZER_UNWARP_H
#define RUBOR_ANALYZER_UNWARP_H

#include "analyzer/registration.h"

/* out: the baseline's shape (width x height, working px), at most RUBOR_UNWARP_SIDE a side; black where the
 * visit shows nothing of it. RUBOR_NO_MEMORY; RUBOR_REFUSED when the registration cannot be turned around. */
enum { RUBOR_UNWARP_SIDE = 1600 };
rubor_status rubor_unwarp_picture(rubor_image_encoded *out, const rubor_image_encoded *visit,
                                  const rubor_registration *registration, int width, int height,
                                  rubor_error *error);

#endif
