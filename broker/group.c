/* Accepted photos and results that arrive together are written together: one transaction, one wait for the
 * disk. Nobody is told anything before the commit. When the commit fails, photos are refused for now (the
 * client keeps its copy) and results are measured again. */
#include "broker/internal.h"

#include <stdlib.h>
#include <string.h>

/* A group may collect for as long as its commit is going to take, within these. */
enum { COLLECT_LEAST_MS = 5, COLLECT_MOST_MS = 200, RETRY_RESULT_MS = 2000, RETRY_PHOTO_MS = 5000 };

rubor_status rubor_broker_group_open(rubor_broker *broker, rubor_error *error)
{
    rubor_group *group = &broker->group;
    if (group->open)
        return RUBOR_OK;
    if (!group->items && !(group->items = calloc(RUBOR_GROUP_MOST, sizeof *group->items)))
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = rubor_store_group_begin(broker->store, error);
    group->open = status == RUBOR_OK;
    group->opened_ms = rubor_broker_now_ms();
    return status;
}

rubor_group_item *rubor_broker_group_next(rubor_broker *broker)
{
    rubor_group_item *item = &broker->group.items[broker->group.count];
    memset(item, 0, sizeof *item);
    return item;
}

void rubor_broker_group_added(rubor_broker *broker, int64_t bytes)
{
    rubor_group *group = &broker->group;
    group->count++;
    group->bytes += bytes;
    if (group->count == RUBOR_GROUP_MOST || group->bytes >= RUBOR_GROUP_BYTES_MOST)
        rubor_broker_settle(broker);
}

static void refuse_photo(rubor_broker *broker, const rubor_group_item *item, const rubor_error *error)
{
    broker->refused++;
    rubor_broker_refuse(broker, &item->peer, item->verb, &item->request, error, RETRY_PHOTO_MS);
}

static void settle_one(rubor_broker *broker, rubor_group_item *item, rubor_status status,
                       const rubor_error *error)
{
    if (!item->is_result && status == RUBOR_OK) {
        rubor_broker_acknowledge(broker, item);
    } else if (!item->is_result) {
        refuse_photo(broker, item, error);
    } else if (status == RUBOR_OK) {
        broker->results++;
        broker->results_ms += item->took_ms;
        rubor_queue_remove(broker->queue, item->job);
        rubor_broker_reload_jobs(broker, &item->changed);
        rubor_broker_notify(broker, item->job);
    } else {
        rubor_queue_again(broker->queue, item->job, RETRY_RESULT_MS, rubor_broker_now_ms());
    }
    rubor_job_list_finish(&item->changed);
}

void rubor_broker_settle(rubor_broker *broker)
{
    rubor_group *group = &broker->group;
    if (!group->open)
        return;
    rubor_error error = {0};
    int64_t began_ms = rubor_broker_now_ms();
    rubor_status status = rubor_store_group_commit(broker->store, &error);
    group->open = false;
    if (group->count == 0)
        return;
    group->cost_ms = (3 * group->cost_ms + rubor_broker_now_ms() - began_ms) / 4;
    if (status)
        rubor_broker_log(broker, RUBOR_LOG_ERROR,
                         "a group of photos and results could not be stored count=%d: %s", group->count,
                         error.message);
    /* What is told queues and sends, but never opens a group. */
    for (int i = 0; i < group->count; i++)
        settle_one(broker, &group->items[i], status, &error);
    group->last_count = group->count;
    group->count = 0;
    group->bytes = 0;
}

/* Looking for more is worth it where the disk is slow and others came along last time; a lone photo does not
 * wait. */
long rubor_broker_group_patience_ms(const rubor_broker *broker)
{
    const rubor_group *group = &broker->group;
    return group->cost_ms >= COLLECT_LEAST_MS - 1 && (group->count > 1 || group->last_count > 1) ? 1 : 0;
}

bool rubor_broker_group_is_due(const rubor_broker *broker)
{
    int64_t most = broker->group.cost_ms;
    if (most < COLLECT_LEAST_MS)
        most = COLLECT_LEAST_MS;
    if (most > COLLECT_MOST_MS)
        most = COLLECT_MOST_MS;
    return rubor_broker_now_ms() - broker->group.opened_ms >= most;
}

void rubor_broker_group_finish(rubor_broker *broker)
{
    for (int i = 0; i < broker->group.count; i++)
        rubor_job_list_finish(&broker->group.items[i].changed);
    free(broker->group.items);
    memset(&broker->group, 0, sizeof broker->group);
}
