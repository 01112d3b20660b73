/* Photos that wait on disk for the broker: nothing is lost when the network, the broker or this process goes
 * away.
 *
 * Layout of the folder (made 0700; a photo of a patient is in it until the broker has it):
 *   queue/<id>.photo, queue/<id>.json   waiting to be sent; the JSON is written last and makes the item valid
 *   waiting/<id>.json                   the broker has it (job id inside), its result was not told yet
 *   sent/<id>.json                      told; kept so that a copy of the same photo is known; names nobody
 *   refused/<id>.photo, .json           the broker or the check at start will not take it (reason inside)
 * Every file is written beside its place, synced and renamed. <id> is SHA-256 over the photo's digest and how
 * it is filed, so that the same photo filed under another day is another item and a copy of it is the same
 * one.
 *
 * Any number of processes may put; one at a time may drain (rubor_spool_lock). */
#ifndef RUBOR_CLIENTS_SPOOL_H
#define RUBOR_CLIENTS_SPOOL_H

#include "clients/filing.h"

typedef struct rubor_spool rubor_spool;

typedef enum rubor_spool_place {
    RUBOR_SPOOL_NOWHERE,
    RUBOR_SPOOL_QUEUE,
    RUBOR_SPOOL_WAITING,
    RUBOR_SPOOL_SENT,
    RUBOR_SPOOL_REFUSED
} rubor_spool_place;

enum { RUBOR_SPOOL_ID_SIZE = RUBOR_DIGEST_SIZE, RUBOR_SPOOL_NAME_SIZE = 256 };

typedef struct rubor_spool_item {
    char id[RUBOR_SPOOL_ID_SIZE], digest[RUBOR_DIGEST_SIZE];
    char name[RUBOR_SPOOL_NAME_SIZE]; /* the file as the operator knows it; not in sent */
    char source[RUBOR_DIGEST_SIZE];   /* a mark of that file, so that it need not be read again; "": none */
    int64_t here_ms;                  /* since 1970: when the photo came to this machine; queue only */
    char job[RUBOR_JOB_SIZE];         /* waiting and sent only */
    rubor_filing filing;              /* queue and refused only */
} rubor_spool_item;

/* folder NULL: RUBOR_SPOOL, else XDG_STATE_HOME/rubor/spool, else HOME/.local/state/rubor/spool. Made if
 * absent. */
rubor_status rubor_spool_open(rubor_spool **out, const char *folder, rubor_error *error);
void rubor_spool_close(rubor_spool **spool);
const char *rubor_spool_folder(const rubor_spool *spool);
/* RUBOR_BUSY: another process drains this spool. Held until close or the end of the process. */
rubor_status rubor_spool_lock(rubor_spool *spool, rubor_error *error);

/* Fills item (id, digest, name, filing, here_ms: now) for a photo about to be put. */
void rubor_spool_describe(rubor_spool_item *item, const char *name, rubor_bytes photo,
                          const rubor_filing *filing);
rubor_spool_place rubor_spool_find(const rubor_spool *spool, const char *id);
/* RUBOR_OK means: on disk, synced. Nothing is done when the item is in the queue already. */
rubor_status rubor_spool_put(rubor_spool *spool, const rubor_spool_item *item, rubor_bytes photo,
                             rubor_error *error);

/* Ids of a place, oldest first, malloc'ed ((*ids)[i]); free(*ids). */
rubor_status rubor_spool_list(const rubor_spool *spool, rubor_spool_place place,
                              char (**ids)[RUBOR_SPOOL_ID_SIZE], size_t *count, rubor_error *error);
/* RUBOR_CORRUPT: not what was written. photo may be NULL; else malloc'ed and checked against the digest. */
rubor_status rubor_spool_read(const rubor_spool *spool, rubor_spool_place place, const char *id,
                              rubor_spool_item *item, rubor_buffer *photo, rubor_error *error);

/* queue -> waiting, with the broker's job, which item gets too; the photo is removed. */
rubor_status rubor_spool_accepted(rubor_spool *spool, rubor_spool_item *item, const char *job,
                                  rubor_error *error);
/* waiting -> sent. */
rubor_status rubor_spool_told(rubor_spool *spool, const rubor_spool_item *item, rubor_error *error);
/* Removes what a crash between two steps left of an item in the places before the one it has reached. */
void rubor_spool_tidy(rubor_spool *spool, const char *id);
/* queue -> refused, photo kept. */
rubor_status rubor_spool_refuse(rubor_spool *spool, const char *id, rubor_error *error);
/* queue or refused -> nowhere: of a patient who was forgotten nothing is kept. */
void rubor_spool_drop(rubor_spool *spool, const char *id);

#endif
