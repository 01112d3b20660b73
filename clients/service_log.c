#include "clients/service_log.h"

#include "clients/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A message may hold what a photo or a peer said: it stays one line. */
static void one_line(char *out, size_t size, const char *line)
{
    snprintf(out, size, "%s", line);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
}

void rubor_service_log(void *context, int level, const char *text)
{
    const char *name = context;
    char line[1400];
    one_line(line, sizeof line, text);
    if (rubor_stderr_is_journal()) {
        if (!rubor_journal_send(name, level, line))
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
