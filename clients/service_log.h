/* How the long-running commands log: one line on stderr, or where that leads to the journal an entry there with
 * its priority and the fields RUBOR_PART, RUBOR_JOB, RUBOR_WORKER. */
#ifndef RUBOR_CLIENTS_SERVICE_LOG_H
#define RUBOR_CLIENTS_SERVICE_LOG_H

/* context: the command's name. level: as syslog (3 error, 4 warning, 6 information). */
void rubor_service_log(void *context, int level, const char *line);

/* The folder of the store when --data is absent: $XDG_DATA_HOME/rubor, else $HOME/.local/share/rubor, else
 * "rubor-data". Static storage. */
const char *rubor_default_data(void);

#endif
