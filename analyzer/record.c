#include "analyzer/record.h"

#include <stdio.h>
#include <string.h>

static void score_init(rubor_score *score)
{
    double *numbers[] = {&score->score,     &score->interval95[0],       &score->interval95[1],
                         &score->delta,     &score->delta_interval95[0], &score->delta_interval95[1],
                         &score->delta_raw, &score->area_percent,        &score->area_cm2,
                         &score->mdc};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = RUBOR_NULL;
    score->changed = -1;
    score->grade = -1;
}

static void set_null(double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = RUBOR_NULL;
}

void rubor_record_init(rubor_record *record)
{
    memset(record, 0, sizeof *record);
    size_t count;
    const rubor_field *fields = rubor_record_fields(&count);
    for (size_t i = 0; i < count; i++) {
        char *at = (char *)record + fields[i].offset;
        switch (fields[i].kind) {
        case RUBOR_FIELD_NUMBER:
            set_null((double *)(void *)at, 1);
            break;
        case RUBOR_FIELD_NUMBERS:
            set_null((double *)(void *)at, fields[i].count);
            break;
        case RUBOR_FIELD_POINTS:
            set_null((double *)(void *)at, 2 * fields[i].count);
            break;
        case RUBOR_FIELD_INTEGER:
            *(int64_t *)(void *)at = -1;
            break;
        case RUBOR_FIELD_INT:
        case RUBOR_FIELD_BOOL:
            *(int *)(void *)at = -1;
            break;
        default:
            break;
        }
    }
    score_init(&record->redness);
    score_init(&record->pigmentation);
    record->schema = RUBOR_RECORD_SCHEMA;
    snprintf(record->rubor.version, sizeof record->rubor.version, "%s", RUBOR_VERSION);
    snprintf(record->rubor.algorithm, sizeof record->rubor.algorithm, "%s", RUBOR_ALGORITHM);
    snprintf(record->quality.verdict, sizeof record->quality.verdict, "ok");
}

static int verdict_rank(const char *verdict)
{
    return strcmp(verdict, "retake") == 0 ? 2 : strcmp(verdict, "warn") == 0 ? 1 : 0;
}

void rubor_record_reason(rubor_record *record, const char *verdict, const char *code, const char *message)
{
    if (verdict_rank(verdict) > verdict_rank(record->quality.verdict))
        snprintf(record->quality.verdict, sizeof record->quality.verdict, "%s", verdict);
    for (int i = 0; i < record->quality.reason_count; i++)
        if (strcmp(record->quality.reasons[i].code, code) == 0)
            return;
    if (record->quality.reason_count == RUBOR_RECORD_REASONS)
        return;
    rubor_reason *reason = &record->quality.reasons[record->quality.reason_count++];
    snprintf(reason->code, sizeof reason->code, "%s", code);
    snprintf(reason->message, sizeof reason->message, "%s", message);
}

bool rubor_record_has_flag(const rubor_record *record, const char *code)
{
    for (int i = 0; i < record->flag_count; i++)
        if (strcmp(record->flags[i], code) == 0)
            return true;
    return false;
}

void rubor_record_flag(rubor_record *record, const char *code)
{
    if (record->flag_count < RUBOR_RECORD_FLAGS && !rubor_record_has_flag(record, code))
        snprintf(record->flags[record->flag_count++], RUBOR_CODE_SIZE, "%s", code);
}
