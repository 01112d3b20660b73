#include "clients/commands.h"
#include "clients/options.h"
#include "clients/service_log.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int verify(const char *where)
{
    rubor_store *store = NULL;
    rubor_error error = {0};
    int64_t lines = 0;
    rubor_status status = rubor_store_open(&store, where, RUBOR_STORE_READ, &error);
    if (!status)
        status = rubor_store_audit_verify(store, &lines, &error);
    rubor_store_close(&store);
    if (status)
        return rubor_fail("audit", &error);
    printf("%" PRId64 " lines, the chain is whole\n", lines);
    return RUBOR_EXIT_DONE;
}

int rubor_cmd_audit(int argc, char **argv)
{
    char *data = NULL, *store = NULL;
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("data", &data, "folder of the store (default: $XDG_DATA_HOME/rubor)", "DIR"),
        RUBOR_OPTION_TEXT("store", &store, "store by URI: sqlite:FOLDER", "URI"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    int code = rubor_options_parse(
        &options, argc, argv, table, "verify",
        "Reads the audit log of a store and says whether a line was changed or is missing.\n"
        "The service may run meanwhile.",
        1, 1);
    if (code < 0 && strcmp(options.arguments[0], "verify") != 0)
        code = rubor_usage("audit", "\"%.60s\" is no action; the one action is verify", options.arguments[0]);
    if (code < 0)
        code = verify(store ? store : data ? data : rubor_default_data());
    rubor_options_finish(&options);
    return code;
}
