/* Area averaging along one axis (room-internal): which input pixels an output pixel covers, and how much. */
#ifndef RUBOR_IMAGING_SHRINK_H
#define RUBOR_IMAGING_SHRINK_H

/* Output pixel i covers input first .. last; the two ends count first_part and last_part, those between 1.
 * When first == last only first_part counts. The parts of one output pixel sum to length / (out_size * unit).
 */
typedef struct rubor_span {
    int first, last;
    float first_part, last_part;
} rubor_span;

/* A stretch of an axis, in whole steps of which unit make one input pixel (unit 1: input pixels; 4: the input
 * was decoded at a quarter), shared out evenly over out_size output pixels. */
typedef struct rubor_axis {
    int offset, length, unit, out_size;
} rubor_axis;

rubor_span rubor_span_of(rubor_axis axis, int index);

#endif
