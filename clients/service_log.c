#include "clients/service_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void rubor_service_log(void *context, int level, const char *line)
{
    const char *name = context;
    if (getenv("JOURNAL_STREAM")) {
        fprintf(stderr, "<%d>rubor %s: %s\n", level, name, line);
        return;
    }
    static const char *const words[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(stderr, "%s %s rubor %s: %s\n", stamp, words[level & 7], name, line);
}

const char *rubor_default_data(void)
{
    static char path[4096];
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/')
        snprintf(path, sizeof path, "%s/rubor", data);
    else if (home && home[0] == '/')
        snprintf(path, sizeof path, "%s/.local/share/rubor", home);
    else
        snprintf(path, sizeof path, "rubor-data");
    return path;
}
