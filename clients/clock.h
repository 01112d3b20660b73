/* The two clocks. */
#ifndef RUBOR_CLIENTS_CLOCK_H
#define RUBOR_CLIENTS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment; never goes back. */
int64_t rubor_clock_ms(void);
/* Milliseconds since 1970 as this machine has it; may jump. */
int64_t rubor_clock_wall_ms(void);

#endif
