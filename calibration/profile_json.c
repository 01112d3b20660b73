#include "calibration/profile.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILE_SCHEMA = 1 };

typedef enum entry_kind { DOUBLES, FLOATS, TEXT, SWITCH, SMALL } entry_kind;

/* One table drives writing and reading. Numbers must lie in least..most; nullable ones may be null (NaN). */
typedef struct entry {
    const char *key;
    entry_kind kind;
    size_t offset; /* into rubor_profile */
    size_t count;  /* elements; bytes of a TEXT */
    double least, most;
    bool nullable;
} entry;

#define PART(member) offsetof(rubor_profile, member)
#define CAL(member) offsetof(rubor_profile, calibration.member)
#define CAL_SIZE(member) sizeof(((rubor_profile *)0)->calibration.member)

static const entry entries[] = {
    {"name", TEXT, PART(name), sizeof(((rubor_profile *)0)->name), 0, 0, false},
    {"made_at", TEXT, PART(made_at), sizeof(((rubor_profile *)0)->made_at), 0, 0, false},
    {"width", SMALL, PART(width), 1, 1, 20000, false},
    {"height", SMALL, PART(height), 1, 1, 20000, false},
    {"chart_type", TEXT, CAL(chart_type), CAL_SIZE(chart_type), 0, 0, false},
    {"edition", SMALL, CAL(edition), 1, 0, 3, false},
    {"patches_used", SMALL, CAL(patches_used), 1, 0, RUBOR_CHART_PATCHES, false},
    {"delta_e2000_uncorrected", DOUBLES, CAL(delta_e2000_uncorrected), 1, 0, 1e3, true},
    {"delta_e2000_fit_mean", DOUBLES, CAL(delta_e2000_fit_mean), 1, 0, 1e3, true},
    {"delta_e2000_fit_max", DOUBLES, CAL(delta_e2000_fit_max), 1, 0, 1e3, true},
    {"delta_e2000_loo_mean", DOUBLES, CAL(delta_e2000_loo_mean), 1, 0, 1e3, true},
    {"tone", FLOATS, CAL(tone), 3 * RUBOR_TONE_KNOTS, -1, 100, false},
    {"glare", DOUBLES, CAL(glare), 3, -1, 10, false},
    {"glare_percent", DOUBLES, CAL(glare_percent), 1, -100, 100, true},
    {"glare_percent_sd", DOUBLES, CAL(glare_percent_sd), 1, 0, 100, true},
    {"matrix", DOUBLES, CAL(matrix), 9, -1e3, 1e3, false},
    {"response_known", SWITCH, CAL(response_known), 1, 0, 1, false},
    {"response", FLOATS, CAL(response), 3 * 36, -1e3, 1e3, false},
    {"response_sd", FLOATS, CAL(response_sd), 3 * 36, 0, 1e3, false},
    {"response_residual", DOUBLES, CAL(response_residual), 1, 0, 1e9, true},
    {"response_noise", DOUBLES, CAL(response_noise), 1, 0, 1e3, true},
    {"hemoglobin_covariance", DOUBLES, CAL(hemoglobin_covariance), 9, -1e6, 1e6, true},
    {"melanin_covariance", DOUBLES, CAL(melanin_covariance), 9, -1e6, 1e6, true},
    {"mm_per_px", DOUBLES, CAL(mm_per_px), 1, 0, 100, true},
    {"mm_per_px_sd", DOUBLES, CAL(mm_per_px_sd), 1, 0, 100, true},
    {"flat_known", SWITCH, CAL(flat_known), 1, 0, 1, false},
    {"flat", FLOATS, CAL(flat), RUBOR_FLAT_ROWS *RUBOR_FLAT_COLUMNS, 0, 10, false},
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static double get_number(const rubor_profile *profile, const entry *e, size_t i)
{
    const char *at = (const char *)profile + e->offset;
    return e->kind == FLOATS ? (double)((const float *)(const void *)at)[i] : ((const double *)(const void *)at)[i];
}

static json_t *number_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *entry_json(const rubor_profile *profile, const entry *e)
{
    const char *at = (const char *)profile + e->offset;
    switch (e->kind) {
    case TEXT:
        return json_string(at);
    case SWITCH:
        return json_boolean(*(const bool *)at);
    case SMALL:
        return json_integer(*(const int *)(const void *)at);
    default:
        break;
    }
    if (e->count == 1)
        return number_json(get_number(profile, e, 0));
    json_t *list = json_array();
    for (size_t i = 0; i < e->count; i++)
        json_array_append_new(list, number_json(get_number(profile, e, i)));
    return list;
}

rubor_status rubor_profile_write(char **json, const rubor_profile *profile, rubor_error *error)
{
    json_t *root = json_pack("{s:i}", "schema", PROFILE_SCHEMA);
    bool whole = root != NULL;
    for (size_t i = 0; whole && i < ENTRIES; i++)
        whole = json_object_set_new(root, entries[i].key, entry_json(profile, &entries[i])) == 0;
    *json = whole ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    return *json ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the profile");
}

static rubor_status wrong(const entry *e, const char *why, rubor_error *error)
{
    return rubor_error_set(error, RUBOR_CORRUPT, "the profile's \"%s\" %s", e->key, why);
}

static rubor_status read_number(rubor_profile *to, const entry *e, size_t i, const json_t *value, rubor_error *error)
{
    bool null = json_is_null(value);
    double number = null ? NAN : json_number_value(value);
    if (null ? !e->nullable : !json_is_number(value))
        return wrong(e, "is not a number", error);
    if (!null && !(number >= e->least && number <= e->most))
        return wrong(e, "is out of range", error);
    char *at = (char *)to + e->offset;
    if (e->kind == FLOATS)
        ((float *)(void *)at)[i] = (float)number;
    else
        ((double *)(void *)at)[i] = number;
    return RUBOR_OK;
}

static rubor_status read_entry(rubor_profile *to, const entry *e, const json_t *value, rubor_error *error)
{
    char *at = (char *)to + e->offset;
    if (!value)
        return wrong(e, "is missing", error);
    if (e->kind == TEXT) {
        const char *text = json_string_value(value);
        if (!text || strlen(text) >= e->count)
            return wrong(e, "is not a text of that length", error);
        memcpy(at, text, strlen(text) + 1);
        return RUBOR_OK;
    }
    if (e->kind == SWITCH) {
        if (!json_is_boolean(value))
            return wrong(e, "is neither true nor false", error);
        *(bool *)at = json_is_true(value);
        return RUBOR_OK;
    }
    if (e->kind == SMALL) {
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || (double)number < e->least || (double)number > e->most)
            return wrong(e, "is not a whole number in range", error);
        *(int *)(void *)at = (int)number;
        return RUBOR_OK;
    }
    if (e->count == 1)
        return read_number(to, e, 0, value, error);
    if (json_array_size(value) != e->count)
        return wrong(e, "has another length", error);
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; i < e->count && status == RUBOR_OK; i++)
        status = read_number(to, e, i, json_array_get(value, i), error);
    return status;
}

/* What the numbers must be besides in range: or a crafted profile could divide by nothing or turn a curve around. */
static rubor_status check_whole(const rubor_profile *profile, rubor_error *error)
{
    const rubor_calibration *calibration = &profile->calibration;
    for (int c = 0; c < 3; c++)
        for (int k = 1; k < RUBOR_TONE_KNOTS; k++)
            if (calibration->tone[c][k] < calibration->tone[c][k - 1])
                return rubor_error_set(error, RUBOR_CORRUPT, "the profile's \"tone\" falls");
    for (int i = 0; calibration->flat_known && i < RUBOR_FLAT_ROWS * RUBOR_FLAT_COLUMNS; i++)
        if (!(calibration->flat[i / RUBOR_FLAT_COLUMNS][i % RUBOR_FLAT_COLUMNS] > 0.05f))
            return rubor_error_set(error, RUBOR_CORRUPT, "the profile's \"flat\" has a dark cell");
    return RUBOR_OK;
}

rubor_status rubor_profile_read(rubor_profile *out, const char *json, size_t size, rubor_error *error)
{
    json_error_t where;
    memset(out, 0, sizeof *out);
    if (size > RUBOR_PROFILE_BYTES)
        return rubor_error_set(error, RUBOR_TOO_LARGE, "a profile has at most %d bytes, this one %zu",
                               RUBOR_PROFILE_BYTES, size);
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(root)) {
        json_decref(root);
        return rubor_error_set(error, RUBOR_CORRUPT, "not a profile: line %d: %s", where.line,
                               root ? "no JSON object" : where.text);
    }
    rubor_status status = RUBOR_OK;
    if (json_integer_value(json_object_get(root, "schema")) != PROFILE_SCHEMA)
        status = rubor_error_set(error, RUBOR_UNSUPPORTED, "the profile's \"schema\" is not %d", PROFILE_SCHEMA);
    for (size_t i = 0; i < ENTRIES && status == RUBOR_OK; i++)
        status = read_entry(out, &entries[i], json_object_get(root, entries[i].key), error);
    json_decref(root);
    if (status == RUBOR_OK)
        status = check_whole(out, error);
    out->calibration.status = RUBOR_CALIBRATION_CHART; /* it was; rubor_profile_calibration says PROFILE */
    return status;
}
