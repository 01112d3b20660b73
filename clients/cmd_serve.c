#include "clients/commands.h"
#include "clients/options.h"
#include "clients/serve.h"

#include <signal.h>
#include <stdio.h>

/* Blocks SIGTERM and SIGINT before any thread starts and waits for one of them. */
static void block_ends(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigprocmask(SIG_BLOCK, ends, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int rubor_cmd_serve(int argc, char **argv)
{
    rubor_serve_options given = {0};
    char *http = NULL, *tokens = NULL, *host = NULL;
    const struct poptOption table[] = {
        RUBOR_CLIENT_OPTIONS(given.client),
        RUBOR_OPTION_TEXT("http", &http, "where the page listens (default: " RUBOR_HTTP_DEFAULT ")", "HOST:PORT"),
        RUBOR_OPTION_TEXT("tokens", &tokens, "file of NAME ROLE TOKEN [EXPIRES] lines, mode 0600", "FILE"),
        RUBOR_OPTION_TEXT("public-host", &host, "the name browsers use, behind a proxy that adds TLS", "NAME"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(&options, argc, argv, table, "",
                                   "Runs the review page: patients, curves, photos and overlays in a browser.", 0, 0);
    if (code < 0) {
        rubor_error error = {0};
        rubor_serve *serve = NULL;
        sigset_t ends;
        int ended;
        given.http = http;
        given.tokens_path = tokens;
        given.public_host = host;
        block_ends(&ends);
        if (rubor_serve_start(&serve, &given, &error) != RUBOR_OK) {
            code = rubor_fail("serve", &error);
        } else {
            const char *token = rubor_serve_token(serve);
            printf("ready http=%s%s%s\n", rubor_serve_address(serve), token ? " token=" : "", token ? token : "");
            fflush(stdout);
            sigwait(&ends, &ended);
            code = RUBOR_EXIT_DONE;
        }
        rubor_serve_stop(&serve);
    }
    rubor_options_finish(&options);
    return code;
}
