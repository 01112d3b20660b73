/* What the service knows of one treatment, as the JSON that `rubor review --json` prints (the contract) and that the
 * page, the PDF, the CSV and the FHIR bundle are made from. */
#ifndef RUBOR_CLIENTS_REVIEW_MODEL_H
#define RUBOR_CLIENTS_REVIEW_MODEL_H

#include "protocol/messages.h"

#include <jansson.h>

/* A curve's axis reaches at least this day, further where there are later photos. */
enum { RUBOR_REVIEW_COURSE_DAYS = 10 };

/* series: the reply to rubor.series; session: the reply to rubor.session, or NULL. A new reference.
 * series->jobs is sorted in place by view and day; members of days are in its order. RUBOR_NO_MEMORY. */
rubor_status rubor_review_model(json_t **out, rubor_reply *series, const rubor_session_info *session,
                                rubor_error *error);

#endif
