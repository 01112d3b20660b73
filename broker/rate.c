#include "broker/rate.h"

enum { PROBES = 8 };

uint64_t rubor_rate_peer(const void *name, size_t size)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    const unsigned char *at = name;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return hash ? hash : 1;
}

/* The peer's bucket, with the tokens it has now. Where there is no room the one that was idle longest gives way: it is
 * full again, or nearly so. */
static rubor_rate_bucket *bucket_of(rubor_rate *rate, uint64_t peer, int64_t now_us)
{
    rubor_rate_bucket *found = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        rubor_rate_bucket *at = &rate->buckets[(peer + i) % RUBOR_RATE_PEERS];
        if (at->peer == peer) {
            at->tokens_us += (now_us - at->at_us) / 2;
            at->at_us = now_us - (now_us - at->at_us) % 2;
            if (at->tokens_us > RUBOR_RATE_BURST_US)
                at->tokens_us = RUBOR_RATE_BURST_US;
            return at;
        }
        if (!found || at->at_us < found->at_us)
            found = at;
    }
    *found = (rubor_rate_bucket){peer, RUBOR_RATE_BURST_US, now_us};
    return found;
}

int64_t rubor_rate_wait_ms(rubor_rate *rate, uint64_t peer, int64_t now_us)
{
    if (rate->latest && rate->latest != peer)
        rate->other_us = rate->latest_us;
    bool alone = !rate->other_us || now_us - rate->other_us > RUBOR_RATE_ALONE_US;
    rate->latest = peer;
    rate->latest_us = now_us;
    int64_t lacking_us = -bucket_of(rate, peer, now_us)->tokens_us;
    return alone || lacking_us <= 0 ? 0 : 2 * lacking_us / 1000 + 1;
}

void rubor_rate_charge(rubor_rate *rate, uint64_t peer, int64_t took_us, int64_t now_us)
{
    rubor_rate_bucket *bucket = bucket_of(rate, peer, now_us);
    bucket->tokens_us -= took_us;
    if (bucket->tokens_us < -RUBOR_RATE_DEBT_US)
        bucket->tokens_us = -RUBOR_RATE_DEBT_US;
}
