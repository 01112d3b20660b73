/* Photos on their way to results: several at a time over one client, each sent again when the broker stays
 * silent and asked for by its job when the connection was lost after it had been accepted.
 *
 * A parcel is made by the caller, given to the courier with rubor_courier_add and belongs to the caller again
 * when ended() has been called with it. One thread. */
#ifndef RUBOR_CLIENTS_COURIER_H
#define RUBOR_CLIENTS_COURIER_H

#include "clients/mdp_client.h"

typedef enum rubor_parcel_state {
    RUBOR_PARCEL_READY,    /* to be sent at due_ms */
    RUBOR_PARCEL_SENT,     /* no word yet */
    RUBOR_PARCEL_ACCEPTED, /* on disk at the broker: job is set */
    RUBOR_PARCEL_ENDED
} rubor_parcel_state;

typedef struct rubor_parcel {
    rubor_request request; /* rubor.analyze; with a job already known: see rubor_parcel_expect */
    rubor_bytes photo;     /* borrowed until accepted() or ended() */
    int64_t here_ms;       /* since 1970: when the photo came here; told with it unless 0 */
    bool ask_first;        /* request.digest is set: sent only when the broker does not have it */
    bool only_ask;         /* ask_first, and never sent: ends with RUBOR_NOT_FOUND then */
    void *owner;           /* the caller's */

    /* the courier's */
    rubor_parcel_state state;
    uint64_t id;           /* of the latest request */
    int64_t due_ms;        /* when to send or ask next */
    int64_t busy_since_ms; /* 0: never told so */
    int attempts;
    int sends; /* of the photo, in all: after more than one a duplicate may be of our own making */
    char job[RUBOR_JOB_SIZE];
    bool duplicate;      /* the broker had this very job before */
    char also_filed[RUBOR_ALSO_SIZE]; /* where else the very same photo is filed; "": nowhere, or not told */
    rubor_status status; /* how it ended: of the job, or why there is no job */
    char error[RUBOR_ERROR_MESSAGE_SIZE];
    rubor_job_info info; /* of the FINAL; owned, state "" when there is no job */
} rubor_parcel;

/* A parcel for a job that was accepted earlier: only its result is fetched. */
void rubor_parcel_expect(rubor_parcel *parcel, const char *job);
void rubor_parcel_finish(rubor_parcel *parcel);

typedef struct rubor_courier {
    rubor_client *client;
    /* Either may be NULL. accepted: the broker has the photo on disk. */
    void (*accepted)(void *context, rubor_parcel *parcel);
    void (*ended)(void *context, rubor_parcel *parcel);
    void *context;
    int attempts; /* sends without any word before a parcel ends with RUBOR_UNREACHABLE, and whether a broker
                     that stays busy ends it with RUBOR_BUSY; 0: never */
    /* the courier's */
    rubor_parcel **parcels;
    size_t count, capacity;
    bool reached;           /* the broker took or answered the latest request */
    int64_t heard_ms;       /* when the latest reply came; 0: none yet */
    int64_t quiet_until_ms; /* nothing is sent before this: the last send found nobody */
} rubor_courier;

rubor_status rubor_courier_add(rubor_courier *courier, rubor_parcel *parcel, rubor_error *error);
/* Sends what is due and handles replies until one was handled, fd (or -1) is readable or timeout_ms are over.
 */
void rubor_courier_step(rubor_courier *courier, int fd, int timeout_ms);
/* Parcels go back to the caller without ended(). */
void rubor_courier_finish(rubor_courier *courier);

#endif
