/* SHA-256 of photos: MB a second of processor time, and microseconds for a short text. By hand: bench_digest. */
#include "imaging/photo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double time_of(const uint8_t *data, size_t size, int rounds)
{
    char digest[RUBOR_DIGEST_SIZE];
    double began = seconds();
    for (int i = 0; i < rounds; i++)
        rubor_digest(digest, (rubor_bytes){data, size});
    return (seconds() - began) / rounds;
}

int main(void)
{
    enum { SIZE = 5 * 1000 * 1000, SHORT = 40 };
    uint8_t *photo = malloc(SIZE);
    if (!photo)
        return 1;
    memset(photo, 7, SIZE);
    printf("5 MB: %.0f MB/s; %d bytes: %.2f us\n", SIZE / 1e6 / time_of(photo, SIZE, 40), SHORT, 1e6 * time_of(photo, SHORT, 100000));
    free(photo);
    return 0;
}
