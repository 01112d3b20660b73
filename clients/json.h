/* Records as JSON, driven by the field table of analyzer/record.h. Every json_t returned is a new reference;
 * NULL means out of memory. */
#ifndef RUBOR_CLIENTS_JSON_H
#define RUBOR_CLIENTS_JSON_H

#include "analyzer/record.h"

#include <jansson.h>
#include <stdio.h>

json_t *rubor_json_record(const rubor_record *record);
/* Rounded to decimals; NaN and infinities are null. */
json_t *rubor_json_number(double value, int decimals);
/* "" is null; bytes that are not UTF-8 become '?'. */
json_t *rubor_json_text(const char *text);
/* Sets key to value (reference taken); false when value is NULL or memory ran out. */
bool rubor_json_set(json_t *object, const char *key, json_t *value);

typedef enum rubor_json_form { RUBOR_JSON_LINE, RUBOR_JSON_INDENTED } rubor_json_form;

/* Writes value and a newline and flushes. */
rubor_status rubor_json_print(FILE *out, const json_t *value, rubor_json_form form, rubor_error *error);

#endif
