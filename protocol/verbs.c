#include "protocol/messages.h"

#include <string.h>

const char *rubor_role_name(rubor_role role)
{
    switch (role) {
    case RUBOR_ROLE_STATION:
        return "station";
    case RUBOR_ROLE_REVIEWER:
        return "reviewer";
    case RUBOR_ROLE_WORKER:
        return "worker";
    case RUBOR_ROLE_ADMIN:
        return "admin";
    default:
        return "none";
    }
}

bool rubor_role_from_name(rubor_role *out, const char *name)
{
    static const rubor_role roles[] = {RUBOR_ROLE_STATION, RUBOR_ROLE_REVIEWER, RUBOR_ROLE_WORKER,
                                       RUBOR_ROLE_ADMIN};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(rubor_role_name(roles[i]), name) == 0) {
            *out = roles[i];
            return true;
        }
    return false;
}

static const struct {
    const char *service, *deed;
    unsigned roles;
} verbs[RUBOR_VERB_COUNT] = {{"", "", 0},
#define X(name, service, deed, station, reviewer, admin)                                                     \
    {service, deed, (station ? RUBOR_ROLE_STATION : 0) | (reviewer ? RUBOR_ROLE_REVIEWER : 0) |                    \
                        (admin ? RUBOR_ROLE_ADMIN : 0)},
                             RUBOR_VERB_TABLE(X)
#undef X
};

const char *rubor_verb_service(rubor_verb verb)
{
    return verb > RUBOR_VERB_NONE && verb < RUBOR_VERB_COUNT ? verbs[verb].service : "";
}

rubor_verb rubor_verb_from_service(const char *name, size_t length)
{
    for (int verb = RUBOR_VERB_NONE + 1; verb < RUBOR_VERB_COUNT; verb++)
        if (strlen(verbs[verb].service) == length && memcmp(verbs[verb].service, name, length) == 0)
            return (rubor_verb)verb;
    return RUBOR_VERB_NONE;
}

bool rubor_verb_allowed(rubor_verb verb, rubor_role role)
{
    return verb > RUBOR_VERB_NONE && verb < RUBOR_VERB_COUNT && (verbs[verb].roles & (unsigned)role) != 0;
}

rubor_status rubor_verb_refuse(rubor_verb verb, rubor_role role, const char *deed, unsigned roles, rubor_error *error)
{
    static const rubor_role people[] = {RUBOR_ROLE_STATION, RUBOR_ROLE_REVIEWER, RUBOR_ROLE_ADMIN};
    static const char *const called[] = {"a station", "a reviewer", "an admin"};
    enum { PEOPLE = sizeof people / sizeof people[0] };
    const char *self = "a worker", *may[PEOPLE];
    size_t count = 0;
    roles = roles ? roles : verbs[verb].roles;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (people[i] == role)
            self = called[i];
        if (roles & (unsigned)people[i])
            may[count++] = called[i];
    }
    /* Nobody else may is never said: an admin may do everything. */
    return rubor_error_set(error, RUBOR_FORBIDDEN, "%s may not %s; %s%s%s may", self, deed ? deed : verbs[verb].deed,
                           count ? may[0] : "an admin", count > 1 ? " or " : "", count > 1 ? may[1] : "");
}
