#include "calibration/chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Writes text to a file of its own; the caller unlinks and frees the name. */
static char *file_with(const char *text)
{
    char *path = strdup("/tmp/rubor-chart-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static char *table_text(int rows, const char *third_row)
{
    char *text = calloc(1, 8192);
    size_t used = (size_t)snprintf(text, 8192, "name,L,a,b\n");
    for (int i = 0; i < rows; i++)
        used += (size_t)(i == 2 && third_row
                             ? snprintf(text + used, 8192 - used, "%s\n", third_row)
                             : snprintf(text + used, 8192 - used, "patch %d,%d.5,-3.25,4\n", i, 20 + i));
    return text;
}

static rubor_status load(rubor_chart_table *out, char *text, rubor_error *error)
{
    char *path = file_with(text);
    rubor_status status = rubor_chart_table_load(out, path, error);
    unlink(path);
    free(path);
    free(text);
    return status;
}

static void editions_differ_by_less_than_two_delta_e(void **state)
{
    (void)state;
    const rubor_chart_table *before = rubor_chart_table_get(RUBOR_EDITION_BEFORE_2014);
    const rubor_chart_table *after = rubor_chart_table_get(RUBOR_EDITION_AFTER_2014);
    double largest = 0;
    for (int i = 0; i < RUBOR_CHART_PATCHES; i++)
        largest = fmax(largest, rubor_delta_e2000(before->lab_d50[i], after->lab_d50[i]));
    assert_true(largest > 1.9 && largest < 2.0);
    assert_string_equal(before->names[0], "dark skin");
    assert_string_equal(after->names[23], "black 2");
    assert_string_equal(before->type, "colorchecker24");
}

static void edition_names_are_read_back(void **state)
{
    (void)state;
    for (int i = RUBOR_EDITION_GUESS; i <= RUBOR_EDITION_OWN; i++) {
        rubor_chart_edition edition;
        assert_int_equal(
            rubor_chart_edition_parse(&edition, rubor_chart_edition_name((rubor_chart_edition)i), NULL),
            RUBOR_OK);
        assert_int_equal(edition, i);
    }
    rubor_chart_edition edition;
    rubor_error error = {0};
    assert_int_equal(rubor_chart_edition_parse(&edition, "2014", &error), RUBOR_INVALID);
    assert_non_null(strstr(error.message, "before2014"));
}

static void own_table_is_loaded(void **state)
{
    (void)state;
    rubor_chart_table table;
    assert_int_equal(load(&table, table_text(24, NULL), NULL), RUBOR_OK);
    assert_int_equal(table.edition, RUBOR_EDITION_OWN);
    assert_string_equal(table.names[23], "patch 23");
    assert_true(table.lab_d50[23].L == 43.5 && table.lab_d50[0].a == -3.25 && table.lab_d50[5].b == 4);
}

static void damaged_tables_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        int rows;
        const char *third, *says;
    } bad[] = {{24, "x,400,0,0", "line 4"},
               {24, "x,abc,0,0", "line 4"},
               {24, ",50,0,0", "line 4"},
               {24, "x,50,nan,0", "line 4"},
               {23, NULL, "23 of 24"},
               {25, NULL, "more than 24"},
               {24, "a name of more than thirty-one bytes,50,0,0", "line 4"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        rubor_chart_table table;
        rubor_error error = {0};
        assert_int_equal(load(&table, table_text(bad[k].rows, bad[k].third), &error), RUBOR_CORRUPT);
        assert_int_equal(error.status, RUBOR_CORRUPT);
        if (!strstr(error.message, bad[k].says))
            fail_msg("\"%s\" lacks \"%s\"", error.message, bad[k].says);
    }
    rubor_chart_table table;
    assert_int_equal(rubor_chart_table_load(&table, "/nowhere/table.csv", NULL), RUBOR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(editions_differ_by_less_than_two_delta_e),
        cmocka_unit_test(edition_names_are_read_back),
        cmocka_unit_test(own_table_is_loaded),
        cmocka_unit_test(damaged_tables_are_refused_with_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
