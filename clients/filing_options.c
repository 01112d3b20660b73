#include "clients/filing_options.h"

rubor_status rubor_filing_options_read(rubor_filing *out, const rubor_filing_options *given,
                                       rubor_error *error)
{
    const struct {
        const char *key, *text;
    } texts[] = {{"patient", given->patient},
                 {"session", given->session},
                 {"view", given->view},
                 {"profile", given->profile}};
    rubor_status status = RUBOR_OK;
    rubor_filing_init(out);
    for (size_t i = 0; status == RUBOR_OK && i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].text)
            status = rubor_filing_set(out, texts[i].key, texts[i].text, error);
    if (status == RUBOR_OK && given->before && given->day)
        status = rubor_error_set(error, RUBOR_INVALID, "--before and --day exclude each other");
    if (status == RUBOR_OK && given->before)
        out->day = RUBOR_DAY_BEFORE;
    if (status == RUBOR_OK && given->day) {
        long day = 0;
        status = rubor_parse_integer(&day, "day", given->day, 0, RUBOR_DAY_LAST, error);
        out->day = (int)day;
    }
    if (status == RUBOR_OK && given->region)
        status = rubor_parse_polygon(&out->region, "region", given->region, error);
    if (status == RUBOR_OK && given->control)
        status = rubor_parse_polygon(&out->control, "control", given->control, error);
    return status;
}

rubor_status rubor_filing_options_complete(const rubor_filing *filing, rubor_error *error)
{
    if (!*filing->patient)
        return rubor_error_set(error, RUBOR_INVALID, "--patient is missing");
    if (!*filing->session)
        return rubor_error_set(error, RUBOR_INVALID, "--session is missing");
    if (filing->day == RUBOR_DAY_UNKNOWN)
        return rubor_error_set(error, RUBOR_INVALID, "give --before or --day N");
    return RUBOR_OK;
}
