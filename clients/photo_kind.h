/* Which files of a watched folder are photos to send, and what to say of those that are not. Reentrant. */
#ifndef RUBOR_CLIENTS_PHOTO_KIND_H
#define RUBOR_CLIENTS_PHOTO_KIND_H

#include "imaging/photo.h"

#include <stdbool.h>

enum { RUBOR_PHOTO_KIND_BYTES = 160 }; /* of a file's beginning tell what it is */

/* By its ending: jpg, jpeg, png. */
bool rubor_photo_kind_is_photo(const char *name);
/* By its ending: part, tmp, ...: a copy under way, which will be renamed. */
bool rubor_photo_kind_is_copying(const char *name);
/* Why a file that is not taken is not, and what to do: one sentence without a stop. head: at least its first
 * RUBOR_PHOTO_KIND_BYTES, or all of it. */
void rubor_photo_kind_refusal(char *out, size_t size, const char *name, rubor_bytes head);

#endif
