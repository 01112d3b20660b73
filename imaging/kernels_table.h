/* The kernel versions this build may hold (room-internal). */
#ifndef RUBOR_IMAGING_KERNELS_TABLE_H
#define RUBOR_IMAGING_KERNELS_TABLE_H

#include "imaging/kernels.h"

extern const rubor_kernels rubor_kernels_scalar;
#ifdef RUBOR_HAVE_AVX2
extern const rubor_kernels rubor_kernels_avx2;
#endif

#endif
