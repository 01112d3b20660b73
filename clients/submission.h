/* What is said about one submitted photo: as a line of JSON (`rubor submit --json`) or as a line for a
 * person. */
#ifndef RUBOR_CLIENTS_SUBMISSION_H
#define RUBOR_CLIENTS_SUBMISSION_H

#include "clients/courier.h"

#include <jansson.h>
#include <stdio.h>

typedef enum rubor_submission_state {
    RUBOR_SUBMISSION_ACCEPTED,
    RUBOR_SUBMISSION_DONE,
    RUBOR_SUBMISSION_FAILED,
    RUBOR_SUBMISSION_SPOOLED
} rubor_submission_state;

typedef struct rubor_submission {
    const char *name; /* the photo's path */
    char digest[RUBOR_DIGEST_SIZE], job[RUBOR_JOB_SIZE];
    rubor_submission_state state;
    const rubor_record *record; /* borrowed; NULL: none */
    bool before;                /* filed as the photo before treatment */
    int64_t known_since_ms;     /* since 1970: this very filing was there already; 0: it is new */
    char also_filed[RUBOR_ALSO_SIZE]; /* where else the very same photo is filed; "": nowhere */
    char error[RUBOR_ERROR_MESSAGE_SIZE];
    rubor_status status;
} rubor_submission;

/* {job, digest, state, verdict, result, error, also_filed}; NULL: out of memory. */
json_t *rubor_submission_json(const rubor_submission *submission);
/* "day03.jpg: measured, ok: redness 12.3 (8.1 to 16.5), pigmentation 0.4 (0.0 to 1.2)", for a photo before treatment
 * that it is kept as such, for a retake what to do about it, and where the very same photo is filed already. */
void rubor_submission_print(FILE *out, const rubor_submission *submission);
bool rubor_submission_is_retake(const rubor_submission *submission);

#endif
