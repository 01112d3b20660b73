/* Status codes and the caller-owned error that every fallible Rubor function takes as its last parameter.
 *
 * One X-macro drives the enum, the names, the texts, what may be retried and the code on the wire.
 * Thread rule: everything here is reentrant; a rubor_error belongs to one caller at a time. */
#ifndef RUBOR_IMAGING_STATUS_H
#define RUBOR_IMAGING_STATUS_H

#include <stdbool.h>

/*        name              text                                   retryable  wire code */
#define RUBOR_STATUS_TABLE(X)                                                                                \
    X(OK, "ok", false, 0)                                                                                    \
    X(INVALID, "invalid argument", false, 1)                                                                 \
    X(NOT_FOUND, "not found", false, 2)                                                                      \
    X(UNREADABLE, "cannot be read", false, 3)                                                                \
    X(UNSUPPORTED, "unsupported format", false, 4)                                                           \
    X(CORRUPT, "damaged file", false, 5)                                                                     \
    X(TOO_LARGE, "over a limit", false, 6)                                                                   \
    X(REFUSED, "cannot be measured", false, 7)                                                               \
    X(NO_MEMORY, "out of memory", true, 8)                                                                   \
    X(IO, "input/output error", true, 9)                                                                     \
    X(BUSY, "busy", true, 10)                                                                                \
    X(TIMEOUT, "timed out", true, 11)                                                                        \
    X(UNREACHABLE, "cannot be reached", true, 12)                                                            \
    X(FORBIDDEN, "not allowed", false, 13)                                                                   \
    X(PROTOCOL, "malformed message", false, 14)                                                              \
    X(CONFLICT, "conflicts with what is stored", false, 15)                                                  \
    X(CANCELED, "canceled", false, 16)                                                                       \
    X(CRASHED, "worker died", true, 17)                                                                      \
    X(INTERNAL, "internal fault", false, 18)                                                                 \
    X(FORGOTTEN, "the patient was forgotten", false, 19)

typedef enum rubor_status {
#define X(name, text, retryable, wire) RUBOR_##name = wire,
    RUBOR_STATUS_TABLE(X)
#undef X
} rubor_status;

enum { RUBOR_ERROR_MESSAGE_SIZE = 512 };

/* Owned by the caller; zero-initialize with {0}. The message is one line of UTF-8 without a trailing
 * newline that says what was wrong, with which file or value, and what to do. */
typedef struct rubor_error {
    rubor_status status;
    char message[RUBOR_ERROR_MESSAGE_SIZE];
} rubor_error;

/* The name ("NOT_FOUND") and text ("not found") of a status; "UNKNOWN" / "unknown status" for others. */
const char *rubor_status_name(rubor_status status);
const char *rubor_status_text(rubor_status status);
/* Whether doing the same again may succeed. */
bool rubor_status_retryable(rubor_status status);
/* The status with this wire code; RUBOR_INTERNAL for an unknown one. */
rubor_status rubor_status_from_wire(int wire_code);

/* Fills *error (NULL is allowed) and returns status, so that `return rubor_error_set(...)` works.
 * Control characters in the result are replaced by '?': a hostile file name cannot write a second line. */
rubor_status rubor_error_set(rubor_error *error, rubor_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the message that *error already holds and returns its status. */
rubor_status rubor_error_prefix(rubor_error *error, const char *prefix);

#endif
