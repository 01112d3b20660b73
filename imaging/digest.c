#include "imaging/photo.h"

#include <sodium.h>

/* crypto_hash_sha256 needs no sodium_init: it uses no random numbers. */
void rubor_digest(char out[RUBOR_DIGEST_SIZE], rubor_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes.data, bytes.size);
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * sizeof hash] = '\0';
}
