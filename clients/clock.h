/* The monotonic clock. */
#ifndef RUBOR_CLIENTS_CLOCK_H
#define RUBOR_CLIENTS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment; never goes back. */
int64_t rubor_clock_ms(void);

#endif
