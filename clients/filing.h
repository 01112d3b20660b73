/* Under what a photo is filed: patient, session, day, view, and how it is to be measured. Plain value. */
#ifndef RUBOR_CLIENTS_FILING_H
#define RUBOR_CLIENTS_FILING_H

#include "protocol/messages.h"

#include <jansson.h>

typedef struct rubor_filing {
    char patient[RUBOR_NAME_SIZE], session[RUBOR_NAME_SIZE],
        view[RUBOR_VIEW_SIZE];     /* view "": the broker's default */
    char profile[RUBOR_NAME_SIZE]; /* "": none */
    int day;                       /* RUBOR_DAY_BEFORE or 0..3650; RUBOR_DAY_UNKNOWN: not told yet */
    rubor_polygon region, control; /* count 0: not given */
} rubor_filing;

/* Empty, day unknown. */
void rubor_filing_init(rubor_filing *filing);
/* Copies a name of size bytes with its NUL; RUBOR_INVALID (empty, too long, control characters, not UTF-8) says
 * so of key. */
rubor_status rubor_name_copy(char *out, size_t size, const char *key, const char *text, rubor_error *error);
/* Sets patient, session, view or profile by key. RUBOR_INVALID: too long, control characters, not UTF-8, no
 * such key. */
rubor_status rubor_filing_set(rubor_filing *filing, const char *key, const char *text, rubor_error *error);
/* "before" or a whole number 0..3650. */
rubor_status rubor_filing_set_day(rubor_filing *filing, const char *text, rubor_error *error);
/* RUBOR_INVALID names what is missing of patient, session and day. */
rubor_status rubor_filing_complete(const rubor_filing *filing, rubor_error *error);

/* A request for rubor.analyze. */
void rubor_filing_request(rubor_request *out, const rubor_filing *filing, const char *lane);

/* {patient, session, day, view, profile, region, control}; day "before" or a number, polygons as text "x,y
 * x,y ...". NULL: out of memory. */
json_t *rubor_filing_to_json(const rubor_filing *filing);
/* Sets what the object has of these keys and leaves the rest; unknown keys are passed over. region and
 * control may also be
 * [[x,y], ...]. RUBOR_INVALID names the key. */
rubor_status rubor_filing_from_json(rubor_filing *filing, const json_t *object, rubor_error *error);

#endif
