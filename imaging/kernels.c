#include "imaging/kernels.h"

#include "imaging/kernels_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const rubor_kernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

const rubor_kernels *rubor_kernels_by_name(const char *name)
{
    if (strcmp(name, "scalar") == 0)
        return &rubor_kernels_scalar;
#ifdef RUBOR_HAVE_AVX2
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2"))
        return &rubor_kernels_avx2;
#endif
    return NULL;
}

static void choose(void)
{
    const char *wanted = getenv("RUBOR_KERNELS");
    chosen = wanted ? rubor_kernels_by_name(wanted) : rubor_kernels_by_name("avx2");
    if (!chosen)
        chosen = &rubor_kernels_scalar;
}

const rubor_kernels *rubor_kernels_get(void)
{
    pthread_once(&once, choose);
    return chosen;
}
