/* For qsort: numbers in ascending order. Not for arrays that hold NaN. Pure functions; reentrant. */
#ifndef RUBOR_IMAGING_ORDER_H
#define RUBOR_IMAGING_ORDER_H

int rubor_compare_floats(const void *one, const void *other);
int rubor_compare_doubles(const void *one, const void *other);

#endif
