#include "store/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

rubor_status rubor_job_find_also_filed(rubor_store *store, rubor_job_info *of, rubor_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    rubor_status status = rubor_sql_prepare(
        store, &statement, error,
        "SELECT patient = ?2, session, day, view, submitted_ms FROM filings WHERE photo = ?1 AND kind = 'visit'"
        " AND withdrawn = 0 AND NOT (patient = ?2 AND session = ?3 AND day = ?4 AND view = ?5)"
        " ORDER BY patient <> ?2, session <> ?3, id LIMIT 1",
        "sssis", of->digest, of->patient, of->session, (int64_t)of->day, of->view);
    if (!status)
        status = rubor_sql_step(store, statement, &row, error);
    if (!status && row) {
        char session[RUBOR_NAME_SIZE], view[RUBOR_VIEW_SIZE], day[32] = "before treatment", date[RUBOR_DATE_SIZE];
        bool same_patient = sqlite3_column_int(statement, 0) != 0;
        rubor_sql_text(session, sizeof session, statement, 1);
        rubor_sql_text(view, sizeof view, statement, 3);
        int number = sqlite3_column_int(statement, 2);
        time_t at = (time_t)(sqlite3_column_int64(statement, 4) / 1000);
        struct tm local;
        strftime(date, sizeof date, "%Y-%m-%d", localtime_r(&at, &local));
        if (number != RUBOR_DAY_BEFORE)
            snprintf(day, sizeof day, "day %d", number);
        bool same_session = strcmp(session, of->session) == 0, same_view = strcmp(view, of->view) == 0;
        if (!same_patient)
            snprintf(of->also_filed, sizeof of->also_filed, "another patient, sent %s", date);
        else
            snprintf(of->also_filed, sizeof of->also_filed, "%s%s%s%s%s, sent %s", day, same_session ? "" : " of session ",
                     same_session ? "" : session, same_view ? "" : ", view ", same_view ? "" : view, date);
    }
    rubor_sql_done(store, statement);
    return status;
}
