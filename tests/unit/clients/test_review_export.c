/* labels: fast */
#include "clients/review_export.h"
#include "clients/review_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *score(const char *delta, double value, bool grade)
{
    char key[48];
    snprintf(key, sizeof key, "%s_interval95", delta);
    json_t *out = json_pack("{s:f,s:[f,f],s:f,s:[f,f],s:f,s:n}", "score", value * 2, "interval95", value * 2 - 1,
                            value * 2 + 1, delta, value, key, value - 1, value + 1, "area_percent", 40.0, "area_cm2");
    if (grade)
        json_object_set_new(out, "grade", json_integer(2));
    return out;
}

static json_t *visit(const char *phase, int day, double value)
{
    bool before = strcmp(phase, "before") == 0;
    return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:{s:s,s:[]},s:o,s:o,s:{s:i},s:[]}", "phase", phase, "day", day, "view",
                     "front", "photo", "aa11", "job", "j1", "reference", before ? "within_frame" : "baseline",
                     "quality", "verdict", "ok", "reasons", "redness",
                     before ? json_null() : score("delta_ei", value, true), "pigmentation",
                     before ? json_null() : score("delta_mi", 0.5, false), "findings", "pinpoint_count", 3, "flags");
}

static json_t *model_of(const char *patient)
{
    json_t *model = json_pack("{s:s,s:s,s:{s:s,s:s},s:{s:s,s:s},s:[],s:[]}", "patient", patient, "session", "S1",
                              "treatment", "date", "2026-02-27", "site", "left cheek", "rubor", "version", "0.1.0",
                              "algorithm", "a1", "series", "flags");
    json_t *days = json_array();
    json_array_append_new(days, visit("before", -1, 0));
    json_array_append_new(days, visit("after", 0, 18));
    json_array_append_new(days, visit("after", 2, 6));
    json_object_set_new(model, "days", days);
    return model;
}

static char *text_of(rubor_buffer *buffer)
{
    char *text = malloc(buffer->size + 1);
    assert_non_null(text);
    memcpy(text, buffer->data, buffer->size);
    text[buffer->size] = '\0';
    rubor_buffer_finish(buffer);
    return text;
}

static void csv_has_a_row_per_photo_and_empty_cells_for_what_was_not_measured(void **state)
{
    (void)state;
    json_t *model = model_of("P1");
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_csv(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    char *line = text, *next;
    int rows = 0, columns = 0;
    for (; *line; line = next, rows++) {
        next = strchr(line, '\n');
        assert_non_null(next);
        *next++ = '\0';
        int commas = 0;
        for (const char *c = line; *c; c++)
            commas += *c == ',';
        if (rows == 0)
            columns = commas;
        assert_int_equal(commas, columns);
        if (rows == 0)
            assert_non_null(strstr(line, "redness.delta_ei_interval95.low"));
        if (rows == 1)
            assert_non_null(strstr(line, "P1,S1,front,before,-1,j1,aa11,within_frame,ok,,,"));
        if (rows == 2)
            assert_non_null(strstr(line, ",18,17,19,"));
    }
    assert_int_equal(rows, 4);
    free(text);
    json_decref(model);
}

static void csv_does_not_let_a_patient_id_run_as_a_formula(void **state)
{
    (void)state;
    json_t *model = model_of("=HYPERLINK(\"x\")");
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_csv(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    assert_non_null(strstr(text, "\n\"'=HYPERLINK(\"\"x\"\")\",S1"));
    free(text);
    json_decref(model);
}

static const json_t *need(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("%s lacks %s", json_string_value(json_object_get(object, "resourceType")), key);
    return value;
}

/* The elements FHIR R4 requires (cardinality 1..) of the four resources used, hl7.org/fhir/R4. */
static void fhir_bundle_has_every_required_element_and_no_dangling_reference(void **state)
{
    (void)state;
    json_t *model = model_of("P1");
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_fhir(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    json_t *bundle = json_loads(text, 0, NULL);
    assert_non_null(bundle);
    assert_string_equal(json_string_value(need(bundle, "type")), "collection");
    const json_t *entries = need(bundle, "entry");
    int observations = 0, dated = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *resource = need(json_array_get(entries, i), "resource");
        need(json_array_get(entries, i), "fullUrl");
        const char *type = json_string_value(need(resource, "resourceType"));
        if (strcmp(type, "Media") == 0) {
            need(resource, "status");
            need(resource, "content");
        }
        if (strcmp(type, "Observation") != 0)
            continue;
        observations++;
        need(resource, "status");
        need(need(resource, "code"), "text");
        assert_true(json_object_get(resource, "valueQuantity") || json_object_get(resource, "dataAbsentReason"));
        assert_int_equal(json_array_size(need(resource, "component")), 7);
        need(resource, "bodySite");
        const char *date = json_string_value(json_object_get(resource, "effectiveDateTime"));
        dated += date && strcmp(date, "2026-03-01") == 0; /* two days after 27 February */
        const char *from = json_string_value(need(json_array_get(need(resource, "derivedFrom"), 0), "reference"));
        bool found = false;
        for (size_t k = 0; k < json_array_size(entries); k++)
            found |= strcmp(json_string_value(need(json_array_get(entries, k), "fullUrl")), from) == 0;
        assert_true(found);
    }
    assert_int_equal(observations, 4);
    assert_int_equal(dated, 2);
    json_decref(bundle);
    json_decref(model);
    free(text);
}

static void a_visit_that_is_not_in_the_curve_is_handed_over_without_a_value_and_with_the_reason(void **state)
{
    (void)state;
    json_t *model = model_of("P1"), *visit = json_array_get(json_object_get(model, "days"), 2);
    json_object_set_new(visit, "in_curve", json_false());
    json_object_set_new(visit, "what", json_string("Take it again: Hold still."));
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_fhir(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    json_t *bundle = json_loads(text, 0, NULL);
    const json_t *entries = need(bundle, "entry");
    int valued = 0, absent = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *resource = need(json_array_get(entries, i), "resource");
        if (strcmp(json_string_value(need(resource, "resourceType")), "Observation") != 0)
            continue;
        if (json_object_get(resource, "valueQuantity")) {
            valued++;
            continue;
        }
        absent++;
        need(resource, "dataAbsentReason");
        assert_string_equal(json_string_value(need(json_array_get(need(resource, "note"), 0), "text")),
                            "Take it again: Hold still.");
    }
    assert_int_equal(valued, 2);
    assert_int_equal(absent, 2);
    json_decref(bundle);
    free(text);
    assert_int_equal(rubor_review_csv(&out, model, &error), RUBOR_OK);
    text = text_of(&out);
    assert_non_null(strstr(text, ",false,Take it again: Hold still.\n"));
    free(text);
    json_decref(model);
}

/* The score of the photo before treatment is against untreated skin of the same photo, and is called so. */
static void the_photo_before_treatment_hands_over_the_score_it_has(void **state)
{
    (void)state;
    json_t *model = model_of("P1"), *before = json_array_get(json_object_get(model, "days"), 0);
    json_object_set_new(before, "day", json_null());
    json_object_set_new(before, "redness", score("delta_ei", 1.5, true));
    json_object_set_new(before, "pigmentation", score("delta_mi", 0.5, false));
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_fhir(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    json_t *bundle = json_loads(text, 0, NULL);
    const json_t *entries = need(bundle, "entry");
    int own = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *resource = need(json_array_get(entries, i), "resource");
        const char *name = json_string_value(json_object_get(json_object_get(resource, "code"), "text"));
        if (!name || !strstr(name, "untreated skin of the same photo"))
            continue;
        own++;
        assert_true(json_number_value(need(need(resource, "valueQuantity"), "value")) ==
                    (strstr(name, "redness") ? 3.0 : 1.0));
        assert_null(json_object_get(resource, "dataAbsentReason"));
    }
    assert_int_equal(own, 2);
    json_decref(bundle);
    free(text);
    json_object_set_new(json_object_get(before, "quality"), "verdict", json_string("retake"));
    assert_int_equal(rubor_review_fhir(&out, model, &error), RUBOR_OK);
    text = text_of(&out);
    assert_null(strstr(text, "untreated skin"));
    free(text);
    json_decref(model);
}

static void html_keeps_a_script_in_a_patient_id_inert_and_fetches_nothing(void **state)
{
    (void)state;
    json_t *model = model_of("</script><script>alert(1)</script>");
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_html(&out, model, &error), RUBOR_OK);
    char *text = text_of(&out);
    assert_null(strstr(text, "<script>alert(1)"));
    assert_non_null(strstr(text, "\\u003c/script>"));
    assert_non_null(strstr(text, "default-src 'none'"));
    assert_null(strstr(text, "src=\"http"));
    assert_null(strstr(text, "<link"));
    free(text);
    json_decref(model);
}

static void pdf_of_a_treatment_without_pictures_is_still_drawn(void **state)
{
    (void)state;
    json_t *model = model_of("P1");
    rubor_buffer out;
    rubor_error error = {0};
    assert_int_equal(rubor_review_pdf(&out, model, NULL, &error), RUBOR_OK);
    assert_true(out.size > 1000 && memcmp(out.data, "%PDF-", 5) == 0);
    char *text = text_of(&out);
    free(text);
    json_decref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_row_per_photo_and_empty_cells_for_what_was_not_measured),
        cmocka_unit_test(csv_does_not_let_a_patient_id_run_as_a_formula),
        cmocka_unit_test(fhir_bundle_has_every_required_element_and_no_dangling_reference),
        cmocka_unit_test(a_visit_that_is_not_in_the_curve_is_handed_over_without_a_value_and_with_the_reason),
        cmocka_unit_test(the_photo_before_treatment_hands_over_the_score_it_has),
        cmocka_unit_test(html_keeps_a_script_in_a_patient_id_inert_and_fetches_nothing),
        cmocka_unit_test(pdf_of_a_treatment_without_pictures_is_still_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
