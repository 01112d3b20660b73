/* FHIR R4 4.0.1: Bundle (collection) of Device, Media and Observation, hl7.org/fhir/R4. Codes are given as text: no
 * LOINC or SNOMED CT code means an erythema index read from a photograph, and a near one would mislead. */
#include "clients/review_export.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char PATIENT_SYSTEM[] = "urn:rubor:patient";

/* A name-based UUID (RFC 4122 layout, version 5 bits) from the SHA-256 of its parts: the same export has the same ids. */
static void make_urn(char out[64], const char *kind, const char *one, const char *two)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[1024];
    snprintf(text, sizeof text, "rubor\n%s\n%s\n%s", kind, one ? one : "", two ? two : "");
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);
    hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
    int used = snprintf(out, 64, "urn:uuid:");
    for (int i = 0; i < 16; i++)
        used += snprintf(out + used, 64 - (size_t)used, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                         hash[i]);
}

/* The calendar date of a visit when the session's date is known, else "". */
static void visit_date(char out[16], const json_t *treatment, const json_t *visit)
{
    out[0] = '\0';
    const char *date = json_string_value(json_object_get(treatment, "date"));
    const char *phase = json_string_value(json_object_get(visit, "phase"));
    struct tm day = {0};
    if (!date || (phase && strcmp(phase, "before") == 0) ||
        sscanf(date, "%4d-%2d-%2d", &day.tm_year, &day.tm_mon, &day.tm_mday) != 3)
        return;
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    day.tm_mday += (int)json_integer_value(json_object_get(visit, "day"));
    day.tm_hour = 12;
    time_t at = timegm(&day);
    struct tm normal;
    if (gmtime_r(&at, &normal))
        strftime(out, 16, "%Y-%m-%d", &normal);
}

static json_t *text_concept(const char *text)
{
    return json_pack("{s:s}", "text", text);
}

static json_t *absent_reason(void)
{
    return json_pack("{s:[{s:s,s:s,s:s}]}", "coding", "system",
                     "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code", "not-performed", "display",
                     "Not Performed");
}

static void set_quantity(json_t *to, const json_t *value, const char *unit)
{
    if (json_is_number(value))
        json_object_set_new(to, "valueQuantity",
                            json_pack("{s:f,s:s,s:s,s:s}", "value", json_number_value(value), "unit", unit, "system",
                                      "http://unitsofmeasure.org", "code", unit));
    else
        json_object_set_new(to, "dataAbsentReason", absent_reason());
}

static void add_component(json_t *components, const char *name, const json_t *value, const char *unit)
{
    json_t *component = json_pack("{s:o}", "code", text_concept(name));
    set_quantity(component, value, unit);
    json_array_append_new(components, component);
}

static void add_pair(json_t *components, const char *name, const json_t *pair, const char *unit)
{
    char text[96];
    snprintf(text, sizeof text, "%s, lower end of the 95 %% interval", name);
    add_component(components, text, json_array_get(pair, 0), unit);
    snprintf(text, sizeof text, "%s, upper end of the 95 %% interval", name);
    add_component(components, text, json_array_get(pair, 1), unit);
}

static json_t *subject_of(const json_t *model)
{
    return json_pack("{s:{s:s,s:s}}", "identifier", "system", PATIENT_SYSTEM, "value",
                     json_string_value(json_object_get(model, "patient")));
}

static const char *verdict_of(const json_t *visit)
{
    const char *verdict = json_string_value(json_object_get(json_object_get(visit, "quality"), "verdict"));
    return verdict ? verdict : "";
}

static bool is_compared(const json_t *visit)
{
    const char *reference = json_string_value(json_object_get(visit, "reference"));
    return reference && strcmp(reference, "baseline") == 0;
}

/* A photo without a baseline, as the one before treatment: its score tells the region from untreated skin of the same
 * photo, where there was some. */
static bool has_score_of_its_own(const json_t *visit)
{
    return !is_compared(visit) && strcmp(verdict_of(visit), "retake") != 0 &&
           (json_is_number(json_object_get(json_object_get(visit, "redness"), "score")) ||
            json_is_number(json_object_get(json_object_get(visit, "pigmentation"), "score")));
}

static json_t *observation(const json_t *model, const json_t *visit, bool redness, const char *device_urn,
                           const char *media_urn)
{
    const json_t *treatment = json_object_get(model, "treatment");
    bool compared = is_compared(visit);
    /* What the curve does not count is not handed on as a value. */
    const json_t *score = compared && json_is_false(json_object_get(visit, "in_curve"))
                              ? NULL
                              : json_object_get(visit, redness ? "redness" : "pigmentation");
    const char *what = json_string_value(json_object_get(visit, "what"));
    const char *verdict = verdict_of(visit);
    const char *name = redness ? compared ? "Skin redness score (0 to 100)"
                                          : "Skin redness score against untreated skin of the same photo (0 to 100)"
                       : compared ? "Skin pigmentation score (0 to 100)"
                                  : "Skin pigmentation score against untreated skin of the same photo (0 to 100)";
    const char *delta = redness ? "delta_ei" : "delta_mi";
    const char *delta_name = redness ? "Erythema index change" : "Melanin index change";
    char pair[48], date[16];
    snprintf(pair, sizeof pair, "%s_interval95", delta);
    visit_date(date, treatment, visit);
    json_t *out = json_pack(
        "{s:s,s:s,s:[{s:[{s:s,s:s,s:s}]}],s:o,s:o,s:{s:s},s:[{s:s}]}", "resourceType", "Observation", "status",
        strcmp(verdict, "ok") == 0 ? "final" : "preliminary", "category", "coding", "system",
        "http://terminology.hl7.org/CodeSystem/observation-category", "code", "imaging", "display", "Imaging", "code",
        text_concept(name), "subject", subject_of(model), "device", "reference", device_urn, "derivedFrom", "reference",
        media_urn);
    if (date[0])
        json_object_set_new(out, "effectiveDateTime", json_string(date));
    const char *site = json_string_value(json_object_get(treatment, "site"));
    if (site)
        json_object_set_new(out, "bodySite", text_concept(site));
    set_quantity(out, json_object_get(score, "score"), "{score}");
    json_t *components = json_array();
    add_pair(components, "Score", json_object_get(score, "interval95"), "{score}");
    add_component(components, delta_name, json_object_get(score, delta), "{index}");
    add_pair(components, delta_name, json_object_get(score, pair), "{index}");
    add_component(components, "Area of the region", json_object_get(score, "area_percent"), "%");
    if (json_is_integer(json_object_get(visit, "day"))) /* the photo before treatment has none */
        add_component(components, "Days since treatment", json_object_get(visit, "day"), "d");
    json_object_set_new(out, "component", components);
    if (what && what[0])
        json_object_set_new(out, "note", json_pack("[{s:s}]", "text", what));
    return out;
}

static json_t *media(const json_t *model, const json_t *visit)
{
    const json_t *treatment = json_object_get(model, "treatment");
    const char *digest = json_string_value(json_object_get(visit, "photo"));
    const char *site = json_string_value(json_object_get(treatment, "site"));
    const char *view = json_string_value(json_object_get(visit, "view"));
    char date[16];
    visit_date(date, treatment, visit);
    json_t *out = json_pack("{s:s,s:s,s:[{s:s,s:s}],s:o,s:{s:s}}", "resourceType", "Media", "status", "completed",
                            "identifier", "system", "urn:rubor:photo:sha256", "value", digest ? digest : "unknown",
                            "subject", subject_of(model), "content", "title", "photograph");
    if (view && view[0])
        json_object_set_new(out, "view", text_concept(view));
    if (site)
        json_object_set_new(out, "bodySite", text_concept(site));
    if (date[0])
        json_object_set_new(out, "createdDateTime", json_string(date));
    return out;
}

static void add_entry(json_t *entries, const char *urn, json_t *resource)
{
    json_array_append_new(entries, json_pack("{s:s,s:o}", "fullUrl", urn, "resource", resource));
}

rubor_status rubor_review_fhir(rubor_buffer *out, const json_t *model, rubor_error *error)
{
    *out = (rubor_buffer){0};
    const char *version = json_string_value(json_object_get(json_object_get(model, "rubor"), "version"));
    const char *algorithm = json_string_value(json_object_get(json_object_get(model, "rubor"), "algorithm"));
    const char *session = json_string_value(json_object_get(model, "session"));
    char device_urn[64];
    make_urn(device_urn, "device", version, algorithm);
    json_t *entries = json_array();
    add_entry(entries, device_urn,
              json_pack("{s:s,s:s,s:[{s:s,s:s}],s:[{s:o,s:s},{s:o,s:s}]}", "resourceType", "Device", "status", "active",
                        "deviceName", "name", "Rubor", "type", "manufacturer-name", "version", "type",
                        text_concept("software"), "value", version ? version : "unknown", "type",
                        text_concept("algorithm"), "value", algorithm ? algorithm : "unknown"));
    const json_t *days = json_object_get(model, "days");
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *visit = json_array_get(days, i);
        char key[640], media_urn[64], urn[64];
        const char *job = json_string_value(json_object_get(visit, "job"));
        snprintf(key, sizeof key, "%zu %s", i, job ? job : "");
        make_urn(media_urn, "media", session, key);
        add_entry(entries, media_urn, media(model, visit));
        if (!is_compared(visit) && !has_score_of_its_own(visit))
            continue; /* there is nothing to hand over */
        make_urn(urn, "redness", session, key);
        add_entry(entries, urn, observation(model, visit, true, device_urn, media_urn));
        make_urn(urn, "pigmentation", session, key);
        add_entry(entries, urn, observation(model, visit, false, device_urn, media_urn));
    }
    json_t *bundle = json_pack("{s:s,s:s,s:o}", "resourceType", "Bundle", "type", "collection", "entry", entries);
    char *text = bundle ? json_dumps(bundle, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(bundle);
    if (!text)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the FHIR bundle");
    *out = (rubor_buffer){(uint8_t *)text, strlen(text)};
    return RUBOR_OK;
}
