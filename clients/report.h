/* A record for a person to read on a terminal. */
#ifndef RUBOR_CLIENTS_REPORT_H
#define RUBOR_CLIENTS_REPORT_H

#include "analyzer/record.h"
#include "analyzer/series.h"

#include <stdio.h>

/* About fifteen lines; what was not measured is a dash. day: of the photo, or RUBOR_DAY_UNKNOWN. */
void rubor_report_record(FILE *out, const char *title, const rubor_record *record, int day);
/* The calibration's lines alone. */
void rubor_report_calibration(FILE *out, const rubor_record *record);
/* "clear", "almost clear", "mild", "moderate", "severe"; "-" for anything else. */
const char *rubor_report_grade(int grade);
/* value, or "-" for null, into out: rounded to the decimals that the JSON keeps of it (analyzer/record_fields.c)
 * and then to those shown, so that it reads as on the page, which has only the JSON. */
const char *rubor_report_number(char out[32], double value, int kept, int decimals);

#endif
