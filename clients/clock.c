#include "clients/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rubor_clock_date(char out[RUBOR_CLOCK_DATE_SIZE], int64_t at_ms)
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm local;
    if (!localtime_r(&at, &local) || strftime(out, RUBOR_CLOCK_DATE_SIZE, "%Y-%m-%d", &local) == 0)
        out[0] = '\0';
}

int64_t rubor_clock_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t rubor_clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}
