#include "imaging/kernel_bodies.h"
#include "imaging/kernels_table.h"

const rubor_kernels rubor_kernels_scalar = {.name = "scalar",
                                            .matrix3 = matrix3,
                                            .optical_density = optical_density,
                                            .cube_root = cube_root,
                                            .box_lanes = box_lanes,
                                            .find_known = find_known,
                                            .divide_known = divide_known,
                                            .add_four = add_four,
                                            .add_taps = add_taps};
