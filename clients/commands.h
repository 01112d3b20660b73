/* The subcommands of `rubor`, one table. Each is `int rubor_cmd_<name>(int argc, char **argv)` in
 * clients/cmd_<name>.c: argv[0] is the subcommand's name, the result is the exit code. A command prints its
 * results on stdout and each error as one line on stderr. */
#ifndef RUBOR_CLIENTS_COMMANDS_H
#define RUBOR_CLIENTS_COMMANDS_H

#include "imaging/status.h"

enum {
    RUBOR_EXIT_DONE = 0,
    RUBOR_EXIT_FAILED = 1,      /* a photo or job failed, or needs a retake */
    RUBOR_EXIT_USAGE = 2,       /* wrong usage */
    RUBOR_EXIT_UNREACHABLE = 3, /* the service could not be reached */
    RUBOR_EXIT_FAULT = 4        /* an internal fault */
};

/*        name        what it does, in the words of the overview */
#define RUBOR_COMMAND_TABLE(X)                                                                               \
    X(analyze, "measure one photo, or a visit against its baseline, without a service")                      \
    X(calibrate, "find the color chart in a photo and say how well it corrects the colors")                  \
    X(sample, "render a sample treatment with known truth")                                                  \
    X(up, "run broker, workers, store and web page on this machine")                                         \
    X(broker, "run the broker alone")                                                                        \
    X(worker, "run one worker for a broker")                                                                 \
    X(session, "register or change what is known about a treatment session")                                 \
    X(submit, "send photos of one visit and wait for what they show")                                        \
    X(station, "watch a folder and send each photo that appears in it")                                      \
    X(result, "ask for the result of a job")                                                                 \
    X(cancel, "cancel a job that has not begun")                                                             \
    X(amend, "file a photo under the right patient, session, day or view")                                   \
    X(forget, "delete everything of a patient")                                                              \
    X(review, "show one treatment over its days")                                                            \
    X(batch, "measure an archive of photos from a manifest")                                                 \
    X(serve, "run the review page alone")                                                                    \
    X(status, "say how the service is doing")                                                                \
    X(quarantine, "look at, retry or drop photos that killed their workers")                                 \
    X(audit, "verify the audit log")                                                                         \
    X(keygen, "make a key pair for a station, reviewer, worker or admin")

#define X(name, text) int rubor_cmd_##name(int argc, char **argv);
RUBOR_COMMAND_TABLE(X)
#undef X

/* The exit code that a status from the libraries asks for. */
int rubor_exit_code(rubor_status status);

/* Prints "rubor <command>: <message>" as one line on stderr and returns rubor_exit_code(error->status). */
int rubor_fail(const char *command, const rubor_error *error);

/* Prints "rubor <command>: <text>; see rubor <command> --help" as one line on stderr; returns
 * RUBOR_EXIT_USAGE. */
int rubor_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
