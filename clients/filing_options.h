/* The options by which a command line says how a photo is filed: one table and one reading for all commands. */
#ifndef RUBOR_CLIENTS_FILING_OPTIONS_H
#define RUBOR_CLIENTS_FILING_OPTIONS_H

#include "clients/filing.h"
#include "clients/options.h"

typedef struct rubor_filing_options {
    /* as given on the command line, or NULL */
    char *patient, *session, *day, *view, *region, *control, *profile;
    int before;
} rubor_filing_options;

/* Rows of a popt table. */
#define RUBOR_OPTION_PATIENT(variable) RUBOR_OPTION_TEXT("patient", variable, "pseudonymous id of the patient", "P")
#define RUBOR_OPTION_SESSION(variable) RUBOR_OPTION_TEXT("session", variable, "treatment session", "S")
#define RUBOR_FILING_OPTIONS(given)                                                                          \
    RUBOR_OPTION_PATIENT(&(given).patient), RUBOR_OPTION_SESSION(&(given).session),                          \
        RUBOR_OPTION_SWITCH("before", &(given).before, "taken before treatment"),                            \
        RUBOR_OPTION_TEXT("day", &(given).day, "calendar days since treatment, 0 to 3650", "N"),             \
        RUBOR_OPTION_TEXT("view", &(given).view, "front, left, ... (default: front)", "V"),                  \
        RUBOR_OPTION_TEXT("region", &(given).region,                                                         \
                          "treated region, \"x,y x,y x,y ...\" in pixels of the photo as displayed", "POLY"), \
        RUBOR_OPTION_TEXT("control", &(given).control, "untreated skin to anchor the comparison on", "POLY")

/* What was given; the rest stays empty, the day RUBOR_DAY_UNKNOWN. RUBOR_INVALID names the option. */
rubor_status rubor_filing_options_read(rubor_filing *out, const rubor_filing_options *given,
                                       rubor_error *error);
/* RUBOR_INVALID names the option of patient, session and day that is missing. */
rubor_status rubor_filing_options_complete(const rubor_filing *filing, rubor_error *error);

#endif
