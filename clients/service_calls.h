/* The commands that ask the broker one thing and print what it says. */
#ifndef RUBOR_CLIENTS_SERVICE_CALLS_H
#define RUBOR_CLIENTS_SERVICE_CALLS_H

#include "clients/mdp_client.h"

/* A question and its answer; on the heap, since both are large. */
typedef struct rubor_question {
    const char *command; /* borrowed: whose errors they are */
    rubor_request request;
    rubor_client_reply reply;
} rubor_question;

/* NULL: out of memory, which was printed; the exit code is then RUBOR_EXIT_FAULT. */
rubor_question *rubor_question_create(const char *command, rubor_verb verb);
void rubor_question_destroy(rubor_question **question);
/* Connects, asks and disconnects. */
rubor_status rubor_question_call(rubor_question *question, const rubor_client_options *options,
                                 rubor_error *error);
/* These print the error, if any, as "rubor <command>: ..."; the result is an exit code. */
int rubor_question_about_job(rubor_question *question, const char *job);
int rubor_question_ask(rubor_question *question, const rubor_client_options *options);

#endif
