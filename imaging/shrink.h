/* Area averaging along one axis (room-internal): which input pixels an output pixel covers, and how much. */
#ifndef RUBOR_IMAGING_SHRINK_H
#define RUBOR_IMAGING_SHRINK_H

#include "imaging/status.h"

/* Output pixel i covers input first .. last; the two ends count first_part and last_part, those between 1.
 * When first == last only first_part counts. The parts of one output pixel sum to in_size / out_size. */
typedef struct rubor_span {
    int first, last;
    float first_part, last_part;
} rubor_span;

rubor_span rubor_span_of(int index, int in_size, int out_size);

#endif
