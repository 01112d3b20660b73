/* Numbers in ascending order. Not for arrays that hold NaN. Pure functions; reentrant. */
#ifndef RUBOR_IMAGING_ORDER_H
#define RUBOR_IMAGING_ORDER_H

#include <stddef.h>

/* For qsort. */
int rubor_compare_floats(const void *one, const void *other);
int rubor_compare_doubles(const void *one, const void *other);

/* What values[rank] would be after sorting, without sorting; rank < count. Time in proportion to count whatever
 * the values are. */
float rubor_float_of_rank(const float *values, size_t count, size_t rank);

#endif
