/* The service's figures as Prometheus text (exposition format 0.0.4), once or over HTTP at /metrics. */
#ifndef RUBOR_CLIENTS_METRICS_H
#define RUBOR_CLIENTS_METRICS_H

#include "clients/mdp_client.h"

/* malloc'ed text. */
rubor_status rubor_metrics_text(char **out, const rubor_service_status *status, rubor_error *error);

typedef struct rubor_metrics rubor_metrics;

/* Answers GET /metrics with what rubor.status says at that moment (rubor_up 0 when the broker does not
 * answer). http: HOST:PORT, loopback or not: the figures name no patient; port 0 picks a free one. */
rubor_status rubor_metrics_start(rubor_metrics **out, const rubor_client_options *client, const char *http,
                                 rubor_error *error);
void rubor_metrics_stop(rubor_metrics **metrics);
const char *rubor_metrics_address(const rubor_metrics *metrics); /* "http://127.0.0.1:40123/metrics" */

#endif
