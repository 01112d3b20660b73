/* Compiled with -mavx2 -mno-fma (imaging/CMakeLists.txt). Nothing else of the room may be in this file: any
 * inline function it emitted could be picked by the linker for a CPU without AVX2. */
#include "imaging/kernel_bodies.h"
#include "imaging/kernels_table.h"

const rubor_kernels rubor_kernels_avx2 = {.name = "avx2",
                                          .matrix3 = matrix3,
                                          .optical_density = optical_density,
                                          .cube_root = cube_root,
                                          .box_lanes = box_lanes,
                                          .find_known = find_known,
                                          .divide_known = divide_known,
                                          .add_four = add_four,
                                          .add_taps = add_taps};
