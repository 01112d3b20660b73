#include "broker/zap.h"
#include "clients/commands.h"
#include "clients/options.h"

#include <stdio.h>

static const char *const text = "Makes a CURVE key pair NAME in DIR and lets it in: NAME.secret, "
                                "NAME.public, a line in DIR/authorized, and the\n"
                                "broker's own pair when it is not there. DIR/NAME holds what the client "
                                "needs: use it as --keys DIR/NAME here, or\n"
                                "copy it (cp -rL) to the client's machine. DIR itself is the broker's "
                                "--keys; SIGHUP makes it read DIR/authorized\n"
                                "again. Remove a line there to shut a key out.";

int rubor_cmd_keygen(int argc, char **argv)
{
    char *role_text = NULL;
    const struct poptOption table[] = {
        RUBOR_OPTION_TEXT("role", &role_text, "station, reviewer, worker or admin", "ROLE"),
        RUBOR_OPTIONS_END,
    };
    rubor_options options;
    rubor_role role = RUBOR_ROLE_NONE;
    int code = rubor_options_parse(&options, argc, argv, table, "DIR NAME", text, 2, 2);
    if (code < 0 && (!role_text || !rubor_role_from_name(&role, role_text)))
        code = rubor_usage("keygen", "--role is station, reviewer, worker or admin");
    if (code < 0) {
        rubor_error error = {0};
        const char *folder = options.arguments[0], *name = options.arguments[1];
        if (rubor_keys_make(folder, role, name, &error) != RUBOR_OK) {
            code = rubor_fail("keygen", &error);
        } else {
            printf("%s/%s.secret\n%s/%s.public\n", folder, name, folder, name);
            code = RUBOR_EXIT_DONE;
        }
    }
    rubor_options_finish(&options);
    return code;
}
