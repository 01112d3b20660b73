/* What the review says in words about one photo. Reentrant. */
#ifndef RUBOR_CLIENTS_REVIEW_SENTENCE_H
#define RUBOR_CLIENTS_REVIEW_SENTENCE_H

#include "protocol/messages.h"

/* Measured and counted, to be taken again and why, failed and why, waiting, not compared and why, not in the curve
 * and why. jobs: all photos of the session, of which job is one. */
void rubor_review_sentence(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                           size_t job_count);

/* The earliest other filing of the very same photo in this session, under another day or view; NULL: there is none. */
const rubor_job_info *rubor_review_same_photo(const rubor_job_info *job, const rubor_job_info *jobs, size_t count);

enum { RUBOR_FLAG_WORDS_SIZE = RUBOR_CODE_SIZE + 16 };
/* A flag of one record in words, the same wherever it is read: "not comparable", "crusting (normal now)". day: of the
 * photo; RUBOR_DAY_UNKNOWN where nobody said. */
void rubor_review_flag(char out[RUBOR_FLAG_WORDS_SIZE], const char *code, int day);

#endif
