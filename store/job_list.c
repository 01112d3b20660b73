/* The jobs that a step made or changed. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

rubor_status rubor_job_list_add(rubor_job_list *list, const char *job, rubor_error *error)
{
    if ((list->count & (list->count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        size_t capacity = list->count ? 2 * list->count : 1;
        void *more = realloc(list->jobs, capacity * sizeof *list->jobs);
        if (!more)
            return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
        list->jobs = more;
    }
    snprintf(list->jobs[list->count++], RUBOR_JOB_SIZE, "%s", job);
    return RUBOR_OK;
}

void rubor_job_list_finish(rubor_job_list *list)
{
    if (!list)
        return;
    free(list->jobs);
    list->jobs = NULL;
    list->count = 0;
}
