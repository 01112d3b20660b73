#include "imaging/kernel_bodies.h"
#include "imaging/kernels_table.h"

const rubor_kernels rubor_kernels_scalar = {"scalar", matrix3, optical_density, cube_root, box_lanes};
