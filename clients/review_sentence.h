/* What happened to one photo of a treatment, as one sentence for the person who reads the review. */
#ifndef RUBOR_CLIENTS_REVIEW_SENTENCE_H
#define RUBOR_CLIENTS_REVIEW_SENTENCE_H

#include "protocol/messages.h"

/* Measured and counted, to be taken again and why, failed and why, waiting, not compared and why, not in the curve
 * and why. jobs: all photos of the session, of which job is one. Reentrant. */
void rubor_review_sentence(char *out, size_t size, const rubor_job_info *job, const rubor_job_info *jobs,
                           size_t job_count);

#endif
