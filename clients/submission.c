#include "clients/submission.h"

#include "clients/clock.h"
#include "clients/json.h"
#include "clients/report.h"
#include "clients/utf8.h"

#include <string.h>

static const char *const states[] = {"accepted", "done", "failed", "spooled"};

bool rubor_submission_is_retake(const rubor_submission *submission)
{
    return submission->record && strcmp(submission->record->quality.verdict, "retake") == 0;
}

json_t *rubor_submission_json(const rubor_submission *submission)
{
    const rubor_record *record = submission->record;
    return json_pack("{so,so,ss,so,so,so,so}", "job", rubor_json_text(submission->job), "digest",
                     rubor_json_text(submission->digest), "state", states[submission->state], "verdict",
                     record ? rubor_json_text(record->quality.verdict) : json_null(), "result",
                     record ? rubor_json_record(record) : json_null(), "error",
                     rubor_json_text(submission->error), "also_filed", rubor_json_text(submission->also_filed));
}

static void print_score(FILE *out, const char *name, const rubor_score *score)
{
    char value[32], low[32], high[32];
    fprintf(out, "%s %s", name, rubor_report_number(value, score->score, 2, 1));
    if (isfinite(score->interval95[0]))
        fprintf(out, " (%s to %s)", rubor_report_number(low, score->interval95[0], 2, 1),
                rubor_report_number(high, score->interval95[1], 2, 1));
}

static void print_reasons(FILE *out, const rubor_record *record)
{
    for (int i = 0; i < record->quality.reason_count; i++)
        fprintf(out, "%s%s", i ? " " : "", record->quality.reasons[i].message);
}

static void print_measured(FILE *out, const rubor_submission *submission)
{
    const rubor_record *record = submission->record;
    if (submission->before) {
        fprintf(out, "measured, %s: kept as the photo before treatment; the days are compared with it",
                record->quality.verdict);
    } else {
        bool compared = strcmp(record->reference, "baseline") == 0;
        fprintf(out, "measured, %s: ", record->quality.verdict);
        if (compared || isfinite(record->redness.score)) {
            print_score(out, "redness", &record->redness);
            print_score(out, ", pigmentation", &record->pigmentation);
        }
        if (!compared)
            fprintf(out, "%s: there is no usable photo before treatment yet",
                    isfinite(record->redness.score) ? ", within this photo" : "not compared");
    }
    if (record->quality.reason_count)
        fputs(". ", out);
    print_reasons(out, record);
}

void rubor_submission_print(FILE *out, const rubor_submission *submission)
{
    const rubor_record *record = submission->record;
    char name[256];
    rubor_utf8_clean(name, sizeof name, submission->name);
    fprintf(out, "%s: ", name);
    if (submission->known_since_ms) {
        char date[RUBOR_CLOCK_DATE_SIZE];
        rubor_clock_date(date, submission->known_since_ms);
        fprintf(out, "was filed so already on %s, ", date);
    }
    if (submission->state == RUBOR_SUBMISSION_SPOOLED) {
        fputs("spooled", out);
    } else if (submission->state == RUBOR_SUBMISSION_ACCEPTED) {
        fprintf(out, "sent, job %s", submission->job);
    } else if (submission->state == RUBOR_SUBMISSION_FAILED || !record) {
        fprintf(out, "failed: %s", submission->error);
    } else if (rubor_submission_is_retake(submission)) {
        fputs("retake: ", out);
        print_reasons(out, record);
    } else {
        print_measured(out, submission);
    }
    bool ended = submission->state == RUBOR_SUBMISSION_DONE && record && record->quality.reason_count; /* by a period */
    if (*submission->also_filed)
        fprintf(out, "%s The very same photo is also filed under %s; if this one is wrong: rubor amend %s --day N, or --withdraw",
                ended ? "" : ".", submission->also_filed, submission->job);
    fputc('\n', out);
    fflush(out);
}
