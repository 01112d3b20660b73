/* What workers said of courses, on its way into the store: several at a time, some 250 ms later, so that a list that is read
 * for the first time does not wait for the disk once a session. Lost with the process, they are made again. */
#include "broker/internal.h"

#include <stdlib.h>
#include <string.h>

void rubor_broker_keep_summary(rubor_broker *broker, const rubor_errand *errand, const rubor_summary *summary)
{
    if (errand->revision < 0)
        return;
    if (broker->summary_count == RUBOR_SUMMARIES_MOST) {
        rubor_broker_settle(broker);
        rubor_broker_write_summaries(broker);
    }
    if (!broker->summaries && !(broker->summaries = calloc(RUBOR_SUMMARIES_MOST, sizeof *broker->summaries)))
        return;
    rubor_session_summary *one = &broker->summaries[broker->summary_count++];
    memcpy(one->patient, errand->patient, sizeof one->patient);
    memcpy(one->session, errand->session, sizeof one->session);
    one->revision = errand->revision;
    one->summary = *summary;
}

void rubor_broker_write_summaries(rubor_broker *broker)
{
    rubor_error error = {0};
    if (broker->summary_count == 0)
        return;
    if (rubor_store_summaries_put(broker->store, broker->summaries, (size_t)broker->summary_count, &error) != RUBOR_OK)
        rubor_broker_log(broker, RUBOR_LOG_WARNING, "headlines could not be stored count=%d: %s", broker->summary_count,
                         error.message);
    broker->summary_count = 0;
}
