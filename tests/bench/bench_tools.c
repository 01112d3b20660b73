#include "tests/bench/bench_tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_size(bench_common *common)
{
    char *end;
    common->width = (int)strtol(common->size, &end, 10);
    common->height = *end == 'x' ? (int)strtol(end + 1, &end, 10) : 0;
    bool good = common->width > 0 && common->height > 0 && *end == '\0';
    if (!good)
        fprintf(stderr, "--size %s: wanted WIDTHxHEIGHT\n", common->size);
    return good;
}

bool bench_options(bench_common *common, int argc, const char **argv, const struct poptOption *table)
{
    poptContext context = poptGetContext(NULL, argc, argv, table, 0);
    int code = poptGetNextOpt(context);
    const char *extra = poptPeekArg(context);
    if (code < -1)
        fprintf(stderr, "%s: %s; --help lists the options\n", poptBadOption(context, 0), poptStrerror(code));
    else if (extra)
        fprintf(stderr, "%s: not expected; --help lists the options\n", extra);
    bool good = code == -1 && !extra && common->jobs > 0;
    poptFreeContext(context);
    good = good && (!common->size || read_size(common));
    free(common->size);
    common->size = NULL;
    return good;
}

void *bench_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool wait_for_one(void)
{
    int status;
    return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool bench_run(int count, int jobs, void (*one)(void *context, int index), void *context)
{
    bool good = true;
    int running = 0;
    fflush(NULL);
    for (int i = 0; i < count; i++) {
        if (running == jobs) {
            good = wait_for_one() && good;
            running--;
        }
        pid_t child = fork();
        if (child == 0) {
            one(context, i);
            fflush(NULL);
            _exit(0);
        }
        good = good && child > 0;
        running += child > 0;
    }
    for (; running > 0; running--)
        good = wait_for_one() && good;
    return good;
}

int bench_compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

const char *bench_cell(char text[24], int decimals, double value)
{
    snprintf(text, 24, isfinite(value) ? "%.*f" : "-", decimals, value);
    return text;
}
