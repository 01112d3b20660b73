/* How much of the broker's one thread each peer takes, so that none starves the others.
 *
 * A token bucket per peer: handling its requests takes tokens (microseconds), which come back at half the rate of time,
 * up to RUBOR_RATE_BURST_US. A peer without tokens waits, but only while another peer has asked within the last second:
 * who is alone may have the whole broker. No clock, file or socket; one thread. */
#ifndef RUBOR_BROKER_RATE_H
#define RUBOR_BROKER_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RUBOR_RATE_BURST_US = 2 * 1000 * 1000,
    RUBOR_RATE_DEBT_US = 250 * 1000, /* at most: nobody is kept waiting for longer than twice this */
    RUBOR_RATE_ALONE_US = 1000 * 1000,
    RUBOR_RATE_PEERS = 1024
};

typedef struct rubor_rate_bucket {
    uint64_t peer; /* 0: free */
    int64_t tokens_us, at_us;
} rubor_rate_bucket;

typedef struct rubor_rate {
    rubor_rate_bucket buckets[RUBOR_RATE_PEERS];
    uint64_t latest;             /* the peer that asked last */
    int64_t latest_us, other_us; /* when it did, and when the last one before it that is another did */
} rubor_rate;

/* A peer by whatever names it: a key's name, or a connection. Never 0. */
uint64_t rubor_rate_peer(const void *name, size_t size);
/* 0: the peer may be served now; else so many milliseconds later. now_us never goes back. */
int64_t rubor_rate_wait_ms(rubor_rate *rate, uint64_t peer, int64_t now_us);
/* The peer's request has taken so long. */
void rubor_rate_charge(rubor_rate *rate, uint64_t peer, int64_t took_us, int64_t now_us);

#endif
