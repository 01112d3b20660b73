/* What systemd is told, where it is there: nothing of it needs a library. One thread. */
#ifndef RUBOR_CLIENTS_SYSTEMD_H
#define RUBOR_CLIENTS_SYSTEMD_H

#include <stdbool.h>

/* sd_notify(3): "READY=1", "STOPPING=1". Silent without NOTIFY_SOCKET. */
void rubor_notify_systemd(const char *state);
/* "WATCHDOG=1", not more often than needed; to be called at least every rubor_watchdog_ms. Silent when
 * systemd does not watch this process (WatchdogSec). */
void rubor_notify_alive(void);
/* A third of WatchdogSec, at most `most`. */
int rubor_watchdog_ms(int most);
/* In a child that is about to be something else: only the main process speaks to systemd. */
void rubor_forget_systemd(void);
/* One line of log with its priority (syslog's) and its fields to the journal, when stderr leads there
 * (JOURNAL_STREAM): RUBOR_PART is part, RUBOR_JOB and RUBOR_WORKER come from "job=..." and "worker=..." in
 * the line. False: it could not be sent. */
bool rubor_journal_send(const char *part, int priority, const char *line);
/* Whether stderr is a stream of the journal. */
bool rubor_stderr_is_journal(void);

#endif
