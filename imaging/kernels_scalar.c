#include "imaging/kernel_bodies.h"
#include "imaging/kernels_table.h"

const rubor_kernels rubor_kernels_scalar = KERNELS_OF_THIS_FILE("scalar");
