#include "imaging/photo.h"

#include <nettle/sha2.h>

/* Nettle uses the processor's SHA instructions where there are some (four times as fast), needs no initialization and
 * makes no system call, so that a confined child may digest, too. */
void rubor_digest(char out[RUBOR_DIGEST_SIZE], rubor_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[SHA256_DIGEST_SIZE];
    struct sha256_ctx state;
    sha256_init(&state);
    sha256_update(&state, bytes.size, bytes.data);
    sha256_digest(&state, sizeof hash, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * sizeof hash] = '\0';
}
