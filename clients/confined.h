/* Work on a stranger's bytes (decoding a photo) in a child that may only compute: the worker's sandbox (no file, no
 * network, limits on memory and time). What it makes comes back as blobs. A child that dies is an error of that
 * work and of nothing else. Call from a process without threads. */
#ifndef RUBOR_CLIENTS_CONFINED_H
#define RUBOR_CLIENTS_CONFINED_H

#include "imaging/encode.h"
#include "imaging/status.h"

enum { RUBOR_CONFINED_BLOBS = 12, RUBOR_CONFINED_SECONDS = 120 };

typedef struct rubor_blobs {
    rubor_buffer blob[RUBOR_CONFINED_BLOBS]; /* malloc'ed; data NULL: none */
} rubor_blobs;

void rubor_blobs_finish(rubor_blobs *blobs);

/* Runs work(context, out, error) in the child; *out (zero-initialized) and what it returns come back here, also
 * blobs beside an error. What is in a blob was made beside hostile bytes: check it as one checks a file.
 * RUBOR_CRASHED: the child was stopped; the message says why and what to do. */
rubor_status rubor_confined_run(rubor_blobs *out,
                                rubor_status (*work)(void *context, rubor_blobs *out, rubor_error *error),
                                void *context, rubor_error *error);

#endif
