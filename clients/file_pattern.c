#include "clients/file_pattern.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 4, GROUPS = 32, EXPRESSION_BYTES = 2048 };
static const char *const part_names[PARTS] = {"patient", "session", "day", "view"};

struct rubor_file_pattern {
    regex_t compiled;
    size_t group[PARTS]; /* 0: not named */
};

typedef struct translation {
    char text[2 * EXPRESSION_BYTES];
    size_t length, groups;
} translation;

static void put(translation *to, const char *text, size_t length)
{
    if (to->length + length < sizeof to->text) {
        memcpy(to->text + to->length, text, length);
        to->length += length;
        to->text[to->length] = '\0';
    }
}

/* The end of a bracket expression that begins at text: "]" first or after "^" is itself a member, and
 * [:class:],
 * [=x=], [.x.] are passed over as a whole. */
static size_t bracket_length(const char *text)
{
    size_t i = 1;
    if (text[i] == '^')
        i++;
    if (text[i] == ']')
        i++;
    while (text[i] && text[i] != ']') {
        char kind = text[i + 1];
        if (text[i] == '[' && (kind == ':' || kind == '=' || kind == '.')) {
            for (i += 2; text[i] && !(text[i] == kind && text[i + 1] == ']'); i++)
                continue;
            i += text[i] ? 2 : 0;
        } else {
            i++;
        }
    }
    return text[i] ? i + 1 : i;
}

/* "(?<name>" or "(?P<name>" at text: its length, 0 for anything else. */
static size_t read_name(rubor_file_pattern *pattern, const char *text, size_t group, rubor_status *status,
                        rubor_error *error)
{
    size_t lead = strncmp(text, "(?<", 3) == 0 ? 3 : strncmp(text, "(?P<", 4) == 0 ? 4 : 0;
    const char *end = lead ? strchr(text + lead, '>') : NULL;
    if (!end)
        return 0;
    size_t length = (size_t)(end - text) - lead;
    for (size_t i = 0; i < PARTS; i++) {
        if (strlen(part_names[i]) != length || strncmp(part_names[i], text + lead, length) != 0)
            continue;
        if (pattern->group[i])
            *status = rubor_error_set(error, RUBOR_INVALID, "the pattern names %s twice", part_names[i]);
        pattern->group[i] = group;
        return lead + length + 1;
    }
    *status =
        rubor_error_set(error, RUBOR_INVALID, "the pattern names \"%.*s\"; known: patient session day view",
                        length > 40 ? 40 : (int)length, text + lead);
    return lead + length + 1;
}

static rubor_status translate(translation *to, rubor_file_pattern *pattern, const char *text,
                              rubor_error *error)
{
    rubor_status status = RUBOR_OK;
    while (*text && status == RUBOR_OK) {
        size_t length = 1;
        if (text[0] == '\\' && text[1] == 'd') {
            put(to, "[0-9]", 5);
            length = 2;
        } else if (text[0] == '\\' && text[1]) {
            put(to, text, length = 2);
        } else if (text[0] == '[') {
            put(to, text, length = bracket_length(text));
        } else if (text[0] == '(') {
            size_t named = read_name(pattern, text, ++to->groups, &status, error);
            put(to, "(", 1);
            length = named ? named : 1;
        } else {
            put(to, text, 1);
        }
        text += length;
    }
    return status;
}

rubor_status rubor_file_pattern_create(rubor_file_pattern **out, const char *expression, rubor_error *error)
{
    *out = NULL;
    if (strlen(expression) >= EXPRESSION_BYTES)
        return rubor_error_set(error, RUBOR_INVALID, "the pattern is longer than %d bytes",
                               EXPRESSION_BYTES - 1);
    rubor_file_pattern *pattern = calloc(1, sizeof *pattern);
    translation *translated = calloc(1, sizeof *translated);
    rubor_status status =
        pattern && translated ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (status == RUBOR_OK)
        status = translate(translated, pattern, expression, error);
    if (status == RUBOR_OK && translated->groups >= GROUPS)
        status = rubor_error_set(error, RUBOR_INVALID, "the pattern has more than %d groups", GROUPS - 1);
    if (status == RUBOR_OK) {
        int code = regcomp(&pattern->compiled, translated->text, REG_EXTENDED);
        if (code == 0) {
            *out = pattern;
            pattern = NULL;
        } else {
            char why[128];
            regerror(code, &pattern->compiled, why, sizeof why);
            status =
                rubor_error_set(error, RUBOR_INVALID, "the pattern is not a regular expression: %s", why);
        }
    }
    free(translated);
    free(pattern);
    return status;
}

void rubor_file_pattern_destroy(rubor_file_pattern **pattern)
{
    if (!pattern || !*pattern)
        return;
    regfree(&(*pattern)->compiled);
    free(*pattern);
    *pattern = NULL;
}

rubor_status rubor_file_pattern_read(const rubor_file_pattern *pattern, rubor_filing *filing,
                                     const char *name, rubor_error *error)
{
    regmatch_t match[GROUPS];
    if (regexec(&pattern->compiled, name, GROUPS, match, 0) != 0)
        return rubor_error_set(error, RUBOR_NOT_FOUND, "the name does not match the pattern");
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; status == RUBOR_OK && i < PARTS; i++) {
        const regmatch_t *at = &match[pattern->group[i]];
        if (!pattern->group[i] || at->rm_so < 0 || at->rm_eo == at->rm_so)
            continue;
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(at->rm_eo - at->rm_so), name + at->rm_so);
        status = strcmp(part_names[i], "day") == 0 ? rubor_filing_set_day(filing, text, error)
                                                   : rubor_filing_set(filing, part_names[i], text, error);
    }
    return status;
}
