/* Compiled with -mavx2 -mno-fma (imaging/CMakeLists.txt). Nothing else of the room may be in this file: any
 * inline function it emitted could be picked by the linker for a CPU without AVX2. */
#include "imaging/kernel_bodies.h"
#include "imaging/kernels_table.h"

const rubor_kernels rubor_kernels_avx2 = KERNELS_OF_THIS_FILE("avx2");
