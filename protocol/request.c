#include "imaging/limits.h"
#include "protocol/messages.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void rubor_request_id_text(rubor_request_id *out, const char *text)
{
    size_t length = strnlen(text, 127);
    size_t head = length < 32 ? 1 : 2;
    if (head == 1) {
        out->packed[0] = (uint8_t)(0xa0 | length);
    } else {
        out->packed[0] = 0xd9;
        out->packed[1] = (uint8_t)length;
    }
    memcpy(out->packed + head, text, length);
    out->size = head + length;
}

bool rubor_request_id_equal(const rubor_request_id *a, const rubor_request_id *b)
{
    return a->size == b->size && memcmp(a->packed, b->packed, a->size) == 0;
}

/* ---- the table of keys ---- */

typedef enum key_kind {
    KEY_TEXT,
    KEY_PROSE,
    KEY_JOB,
    KEY_DIGEST,
    KEY_DATE,
    KEY_DAY,
    KEY_POLYGON,
    KEY_BYTES,
    KEY_INTEGER,
    KEY_NUMBER,
    KEY_BOOL
} key_kind;

#define V(name) (1u << RUBOR_VERB_##name)

typedef struct key_row {
    const char *key;
    key_kind kind;
    size_t offset, size; /* size: of texts with NUL; KEY_BYTES: most bytes; KEY_INTEGER: most value */
    unsigned needed, taken;
} key_row;

#define FIELD(member) offsetof(rubor_request, member), sizeof(((rubor_request *)0)->member)
#define AT(member) offsetof(rubor_request, member)
#define MEASURE (V(ANALYZE) | V(COMPARE))

static const key_row keys[] = {
    {"job", KEY_JOB, FIELD(job), V(RESULT) | V(AMEND) | V(CANCEL), V(OVERLAY) | V(QUARANTINE)},
    {"patient", KEY_TEXT, FIELD(patient), V(ANALYZE) | V(SERIES) | V(SESSION) | V(FORGET) | V(NOTE),
     V(COMPARE) | V(LIST) | V(AMEND)},
    {"session", KEY_TEXT, FIELD(session), V(ANALYZE) | V(SERIES) | V(SESSION) | V(NOTE),
     V(COMPARE) | V(LIST) | V(AMEND)},
    {"day", KEY_DAY, AT(day), 0, V(ANALYZE), V(COMPARE) | V(NOTE) | V(AMEND) | V(LIST)},
    {"view", KEY_TEXT, FIELD(view), 0, MEASURE | V(NOTE) | V(AMEND) | V(LIST)},
    {"region", KEY_POLYGON, AT(region), 0, 0, MEASURE | V(AMEND)},
    {"control", KEY_POLYGON, AT(control), 0, 0, MEASURE | V(AMEND)},
    {"corners", KEY_POLYGON, AT(corners), 4, 0, MEASURE},
    {"baseline_region", KEY_POLYGON, AT(baseline_region), 0, 0, V(COMPARE)},
    {"baseline_control", KEY_POLYGON, AT(baseline_control), 0, 0, V(COMPARE)},
    {"edition", KEY_TEXT, FIELD(edition), 0, MEASURE},
    {"chart_table", KEY_BYTES, AT(chart_table), 64 * 1024, 0, MEASURE},
    {"profile", KEY_TEXT, FIELD(profile), 0, MEASURE | V(PROFILE)},
    {"profile_json", KEY_BYTES, AT(profile_json), 512 * 1024, 0, V(PROFILE)},
    {"lane", KEY_TEXT, FIELD(lane), 0, MEASURE},
    {"no_wait", KEY_BOOL, AT(no_wait), 0, 0, MEASURE},
    {"deadline_s", KEY_INTEGER, AT(deadline_s), 365 * 86400, 0, MEASURE},
    {"wait_s", KEY_INTEGER, AT(wait_s), 86400, 0, V(RESULT)},
    {"waited_ms", KEY_INTEGER, AT(waited_ms), 0, 0, V(ANALYZE)},
    {"digest", KEY_DIGEST, FIELD(digest), V(PHOTO), MEASURE},
    {"picture", KEY_TEXT, FIELD(picture), 0, V(OVERLAY)},
    {"what", KEY_TEXT, FIELD(what), 0, V(LIST)},
    {"action", KEY_TEXT, FIELD(action), V(QUARANTINE), V(PROFILE) | V(SESSION)},
    {"date", KEY_DATE, FIELD(date), 0, V(SESSION)},
    {"site", KEY_TEXT, FIELD(site), 0, V(SESSION)},
    {"device", KEY_TEXT, FIELD(device), 0, V(SESSION)},
    {"needle_mm", KEY_NUMBER, AT(needle_mm), 0, 0, V(SESSION)},
    {"author", KEY_TEXT, FIELD(author), 0, V(NOTE) | V(AMEND) | V(SESSION) | V(FORGET)},
    {"text", KEY_PROSE, FIELD(text), V(NOTE), 0},
    {"results", KEY_BOOL, AT(results), 0, 0, V(LIST)},
    {"all", KEY_BOOL, AT(all), 0, 0, V(LIST)},
    {"withdraw", KEY_BOOL, AT(withdraw), 0, 0, V(AMEND)},
    {"confirm", KEY_BOOL, AT(confirm), 0, V(FORGET), 0},
    {"unsent", KEY_BOOL, AT(unsent), 0, 0, V(FORGET)},
    {"after", KEY_INTEGER, AT(after), 0, 0, V(LIST) | V(AUDIT)},
    {"limit", KEY_INTEGER, AT(limit), RUBOR_LIST_MOST, 0, V(LIST) | V(AUDIT)},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

void rubor_request_init(rubor_request *request, rubor_verb verb)
{
    memset(request, 0, sizeof *request);
    request->verb = verb;
    request->day = RUBOR_DAY_UNKNOWN;
    request->needle_mm = NAN;
}

static bool is_given(const rubor_request *request, const key_row *row)
{
    const void *at = (const char *)request + row->offset;
    switch (row->kind) {
    case KEY_DAY:
        return *(const int *)at != RUBOR_DAY_UNKNOWN;
    case KEY_POLYGON:
        return ((const rubor_polygon *)at)->count > 0;
    case KEY_BYTES:
        return ((const rubor_bytes *)at)->size > 0;
    case KEY_INTEGER:
        return *(const int64_t *)at != 0;
    case KEY_NUMBER:
        return !isnan(*(const double *)at);
    case KEY_BOOL:
        return *(const bool *)at;
    default:
        return *(const char *)at != '\0';
    }
}

static void pack_polygon(rubor_wire_writer *writer, const rubor_polygon *polygon)
{
    rubor_wire_put_array(writer, polygon->count);
    for (size_t i = 0; i < polygon->count; i++) {
        rubor_wire_put_array(writer, 2);
        rubor_wire_put_number(writer, polygon->points[i].x);
        rubor_wire_put_number(writer, polygon->points[i].y);
    }
}

static void pack_value(rubor_wire_writer *writer, const rubor_request *request, const key_row *row)
{
    const void *at = (const char *)request + row->offset;
    switch (row->kind) {
    case KEY_DAY:
        if (*(const int *)at == RUBOR_DAY_BEFORE)
            rubor_wire_put_text(writer, "before");
        else
            rubor_wire_put_integer(writer, *(const int *)at);
        break;
    case KEY_POLYGON:
        pack_polygon(writer, at);
        break;
    case KEY_BYTES:
        rubor_wire_put_binary(writer, *(const rubor_bytes *)at);
        break;
    case KEY_INTEGER:
        rubor_wire_put_integer(writer, *(const int64_t *)at);
        break;
    case KEY_NUMBER:
        rubor_wire_put_number(writer, *(const double *)at);
        break;
    case KEY_BOOL:
        rubor_wire_put_bool(writer, *(const bool *)at);
        break;
    default:
        rubor_wire_put_text(writer, at);
        break;
    }
}

rubor_status rubor_request_pack(rubor_buffer *out, const rubor_request *request, rubor_error *error)
{
    out->data = NULL;
    out->size = 0;
    if (request->verb <= RUBOR_VERB_NONE || request->verb >= RUBOR_VERB_COUNT || request->request.size == 0)
        return rubor_error_set(error, RUBOR_INVALID, "request has no verb or no id");
    unsigned verb = 1u << request->verb;
    size_t pairs = 1;
    for (size_t i = 0; i < KEYS; i++) {
        bool given = is_given(request, &keys[i]);
        if (given && !((keys[i].needed | keys[i].taken) & verb))
            return rubor_error_set(error, RUBOR_INVALID, "%s takes no %s", rubor_verb_service(request->verb),
                                   keys[i].key);
        if (!given && (keys[i].needed & verb))
            return rubor_error_set(error, RUBOR_INVALID, "%s needs %s", rubor_verb_service(request->verb),
                                   keys[i].key);
        pairs += given;
    }
    rubor_wire_writer writer;
    rubor_wire_writer_init(&writer);
    rubor_wire_put_map(&writer, pairs);
    rubor_wire_put_text(&writer, "request");
    rubor_wire_put_raw(&writer, (rubor_bytes){request->request.packed, request->request.size});
    for (size_t i = 0; i < KEYS; i++)
        if (is_given(request, &keys[i])) {
            rubor_wire_put_text(&writer, keys[i].key);
            pack_value(&writer, request, &keys[i]);
        }
    rubor_status status = rubor_wire_take(out, &writer, error);
    rubor_wire_writer_finish(&writer);
    return status;
}

/* ---- reading ---- */

static bool read_request_id(rubor_request_id *out, const msgpack_object *value)
{
    if (!value)
        return false;
    bool text = value->type == MSGPACK_OBJECT_STR && value->via.str.size <= 127;
    bool binary = value->type == MSGPACK_OBJECT_BIN && value->via.bin.size <= 127;
    bool integer =
        value->type == MSGPACK_OBJECT_POSITIVE_INTEGER || value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (!text && !binary && !integer)
        return false;
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    bool fits = msgpack_pack_object(&packer, *value) == 0 && buffer.size <= sizeof out->packed;
    if (fits) {
        memcpy(out->packed, buffer.data, buffer.size);
        out->size = buffer.size;
    }
    msgpack_sbuffer_destroy(&buffer);
    return fits;
}

static bool read_polygon(rubor_polygon *out, const msgpack_object *value, size_t exactly)
{
    if (value->type != MSGPACK_OBJECT_ARRAY || value->via.array.size < 3 ||
        value->via.array.size > RUBOR_LIMIT_POLYGON_POINTS || (exactly && value->via.array.size != exactly))
        return false;
    for (uint32_t i = 0; i < value->via.array.size; i++) {
        const msgpack_object *point = &value->via.array.ptr[i];
        if (point->type != MSGPACK_OBJECT_ARRAY || point->via.array.size != 2 ||
            !rubor_wire_number(&out->points[i].x, &point->via.array.ptr[0]) ||
            !rubor_wire_number(&out->points[i].y, &point->via.array.ptr[1]) || fabs(out->points[i].x) > 1e6 ||
            fabs(out->points[i].y) > 1e6)
            return false;
    }
    out->count = value->via.array.size;
    return true;
}

static bool read_day(int *out, const msgpack_object *value)
{
    char word[8];
    int64_t day;
    if (rubor_wire_text(word, sizeof word, value) && strcmp(word, "before") == 0) {
        *out = RUBOR_DAY_BEFORE;
        return true;
    }
    if (!rubor_wire_integer(&day, value, 0, RUBOR_DAY_LAST))
        return false;
    *out = (int)day;
    return true;
}

static bool is_made_of(const char *text, const char *alphabet, size_t least, size_t most)
{
    size_t length = strlen(text);
    return length >= least && length <= most && strspn(text, alphabet) == length;
}

static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = 10 * value + (text[i] - '0');
    return value;
}

static bool is_date(const char *text)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    for (int i = 0; i < 10; i++)
        if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9'))
            return false;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1900 && month >= 1 && month <= 12 && day >= 1 && day <= month_days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

static bool read_bytes(rubor_bytes *out, const msgpack_object *value, size_t most)
{
    if (value->type == MSGPACK_OBJECT_BIN)
        *out = (rubor_bytes){(const uint8_t *)value->via.bin.ptr, value->via.bin.size};
    else if (value->type == MSGPACK_OBJECT_STR)
        *out = (rubor_bytes){(const uint8_t *)value->via.str.ptr, value->via.str.size};
    else
        return false;
    return out->size <= most;
}

static bool read_value(rubor_request *request, const key_row *row, const msgpack_object *value)
{
    void *at = (char *)request + row->offset;
    switch (row->kind) {
    case KEY_TEXT:
        return rubor_wire_text(at, row->size, value);
    case KEY_PROSE:
        return rubor_wire_prose(at, row->size, value);
    case KEY_JOB:
        return rubor_wire_text(at, row->size, value) &&
               is_made_of(at, "0123456789abcdefghijklmnopqrstuvwxyz", 1, 32);
    case KEY_DIGEST:
        return rubor_wire_text(at, row->size, value) && is_made_of(at, "0123456789abcdef", 64, 64);
    case KEY_DATE:
        return rubor_wire_text(at, row->size, value) && is_date(at);
    case KEY_DAY:
        return read_day(at, value);
    case KEY_POLYGON:
        return read_polygon(at, value, row->size);
    case KEY_BYTES:
        return read_bytes(at, value, row->size);
    case KEY_INTEGER:
        return rubor_wire_integer(at, value, 0, row->size ? (int64_t)row->size : INT64_MAX);
    case KEY_NUMBER:
        return rubor_wire_number(at, value);
    case KEY_BOOL:
        return rubor_wire_bool(at, value);
    }
    return false;
}

static const key_row *find_row(const msgpack_object *key)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].key) == key->via.str.size &&
            memcmp(keys[i].key, key->via.str.ptr, key->via.str.size) == 0)
            return &keys[i];
    return NULL;
}

/* A key this version does not know is passed over, so that a newer client can be served by an older broker; a
 * key it knows on a verb that does not take it is the client's mistake. */
static rubor_status read_pair(rubor_request *request, const msgpack_object_kv *pair, rubor_error *error)
{
    if (pair->key.type != MSGPACK_OBJECT_STR)
        return rubor_error_set(error, RUBOR_INVALID, "request has a key that is no text");
    const key_row *row = find_row(&pair->key);
    if (!row || pair->val.type == MSGPACK_OBJECT_NIL)
        return RUBOR_OK;
    if (!((row->needed | row->taken) & 1u << request->verb))
        return rubor_error_set(error, RUBOR_INVALID, "%s takes no %s", rubor_verb_service(request->verb),
                               row->key);
    if (!read_value(request, row, &pair->val))
        return rubor_error_set(error, RUBOR_INVALID, "%s: %s has a value of the wrong kind, size or range",
                               rubor_verb_service(request->verb), row->key);
    return RUBOR_OK;
}

rubor_status rubor_request_unpack(rubor_request *out, rubor_verb verb, rubor_bytes body, rubor_error *error)
{
    rubor_request_init(out, verb);
    rubor_wire_body unpacked;
    rubor_status status =
        rubor_wire_unpack(&unpacked, body, RUBOR_WIRE_REQUEST_BYTES, RUBOR_WIRE_REQUEST_VALUES, error);
    if (status)
        return status;
    if (unpacked.root.type != MSGPACK_OBJECT_MAP)
        status = rubor_error_set(error, RUBOR_PROTOCOL, "request body is not a map");
    else if (!read_request_id(&out->request, rubor_wire_find(&unpacked.root, "request")))
        status =
            rubor_error_set(error, RUBOR_PROTOCOL,
                            "request id is missing or is no text, binary or integer of at most 127 bytes");
    for (uint32_t i = 0; !status && i < unpacked.root.via.map.size; i++)
        status = read_pair(out, &unpacked.root.via.map.ptr[i], error);
    for (size_t i = 0; !status && i < KEYS; i++)
        if ((keys[i].needed & 1u << verb) && !is_given(out, &keys[i]))
            status =
                rubor_error_set(error, RUBOR_INVALID, "%s needs %s", rubor_verb_service(verb), keys[i].key);
    rubor_wire_body_finish(&unpacked);
    return status;
}
