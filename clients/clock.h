/* The two clocks. */
#ifndef RUBOR_CLIENTS_CLOCK_H
#define RUBOR_CLIENTS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment; never goes back. */
int64_t rubor_clock_ms(void);
/* Milliseconds since 1970 as this machine has it; may jump. */
int64_t rubor_clock_wall_ms(void);
enum { RUBOR_CLOCK_DATE_SIZE = 16 };
/* The calendar date here of a time since 1970: "2026-11-21". */
void rubor_clock_date(char out[RUBOR_CLOCK_DATE_SIZE], int64_t at_ms);

#endif
