#include "protocol/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- scan ---- */

typedef struct scanner {
    const uint8_t *at, *end;
    size_t values, max_values;
    rubor_error *error;
} scanner;

static uint64_t read_be(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* What a header byte says: bytes of payload fixed, width of a length that follows, elements of a container.
 */
typedef struct header {
    size_t fixed, length_bytes, extra, per_element;
    uint64_t count;
    bool container, bad;
} header;

static header header_of(uint8_t byte)
{
    header h = {0};
    if (byte <= 0x7f || byte >= 0xe0 || byte == 0xc0 || byte == 0xc2 || byte == 0xc3)
        return h;
    if (byte <= 0x8f)
        return (header){.container = true, .count = byte & 0x0f, .per_element = 2};
    if (byte <= 0x9f)
        return (header){.container = true, .count = byte & 0x0f, .per_element = 1};
    if (byte <= 0xbf)
        return (header){.fixed = byte & 0x1f};
    switch (byte) {
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        return (header){.length_bytes = (size_t)1 << (byte - 0xc4)};
    case 0xca:
        return (header){.fixed = 4};
    case 0xcb:
        return (header){.fixed = 8};
    case 0xcc: /* unsigned and signed 8..64 */
    case 0xcd:
    case 0xce:
    case 0xcf:
        return (header){.fixed = (size_t)1 << (byte - 0xcc)};
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return (header){.fixed = (size_t)1 << (byte - 0xd0)};
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        return (header){.length_bytes = (size_t)1 << (byte - 0xd9)};
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        return (header){.container = true, .length_bytes = (size_t)2 << (byte - 0xdc), .per_element = 1};
    case 0xde: /* map 16, 32 */
    case 0xdf:
        return (header){.container = true, .length_bytes = (size_t)2 << (byte - 0xde), .per_element = 2};
    default: /* 0xc1 is reserved; extension types are not part of this protocol */
        return (header){.bad = true};
    }
}

static rubor_status scan_value(scanner *s, int depth)
{
    if (s->at == s->end)
        return rubor_error_set(s->error, RUBOR_PROTOCOL, "message is cut short");
    if (++s->values > s->max_values)
        return rubor_error_set(s->error, RUBOR_TOO_LARGE, "message holds more than %zu values",
                               s->max_values);
    header h = header_of(*s->at++);
    if (h.bad)
        return rubor_error_set(s->error, RUBOR_PROTOCOL, "message holds a reserved or extension type");
    size_t left = (size_t)(s->end - s->at);
    if (h.length_bytes > left)
        return rubor_error_set(s->error, RUBOR_PROTOCOL, "message is cut short");
    uint64_t length = h.length_bytes ? read_be(s->at, h.length_bytes) : 0;
    s->at += h.length_bytes;
    left -= h.length_bytes;
    if (!h.container) {
        uint64_t payload = h.length_bytes ? length : h.fixed;
        if (payload > left)
            return rubor_error_set(s->error, RUBOR_PROTOCOL, "message is cut short");
        s->at += payload;
        return RUBOR_OK;
    }
    uint64_t elements = (h.length_bytes ? length : h.count) * h.per_element;
    if (elements > left)
        return rubor_error_set(s->error, RUBOR_PROTOCOL, "message declares more elements than it has bytes");
    if (depth == 0)
        return rubor_error_set(s->error, RUBOR_PROTOCOL, "message is nested deeper than %d",
                               RUBOR_WIRE_DEPTH);
    for (uint64_t i = 0; i < elements; i++) {
        rubor_status status = scan_value(s, depth - 1);
        if (status)
            return status;
    }
    return RUBOR_OK;
}

rubor_status rubor_wire_scan(rubor_bytes body, size_t max_bytes, size_t max_values, rubor_error *error)
{
    if (body.size == 0)
        return rubor_error_set(error, RUBOR_PROTOCOL, "message body is empty");
    if (body.size > max_bytes)
        return rubor_error_set(error, RUBOR_TOO_LARGE, "message body is over %zu bytes", max_bytes);
    scanner s = {body.data, body.data + body.size, 0, max_values, error};
    rubor_status status = scan_value(&s, RUBOR_WIRE_DEPTH);
    if (!status && s.at != s.end)
        status = rubor_error_set(error, RUBOR_PROTOCOL, "message has %td bytes after its end", s.end - s.at);
    return status;
}

/* ---- unpack ---- */

rubor_status rubor_wire_unpack(rubor_wire_body *out, rubor_bytes body, size_t max_bytes, size_t max_values,
                               rubor_error *error)
{
    memset(out, 0, sizeof *out);
    rubor_status status = rubor_wire_scan(body, max_bytes, max_values, error);
    if (status)
        return status;
    out->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (!out->zone)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a message");
    size_t offset = 0;
    msgpack_unpack_return result =
        msgpack_unpack((const char *)body.data, body.size, &offset, out->zone, &out->root);
    if (result == MSGPACK_UNPACK_SUCCESS)
        return RUBOR_OK;
    rubor_wire_body_finish(out);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while reading a message");
    return rubor_error_set(error, RUBOR_PROTOCOL, "message is not msgpack");
}

void rubor_wire_body_finish(rubor_wire_body *body)
{
    if (!body)
        return;
    if (body->zone)
        msgpack_zone_free(body->zone);
    memset(body, 0, sizeof *body);
}

const msgpack_object *rubor_wire_find(const msgpack_object *map, const char *key)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    size_t length = strlen(key);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == length &&
            memcmp(pair->key.via.str.ptr, key, length) == 0)
            return &pair->val;
    }
    return NULL;
}

bool rubor_wire_is_nil(const msgpack_object *value)
{
    return !value || value->type == MSGPACK_OBJECT_NIL;
}

/* Length of the UTF-8 sequence at text, 0 when it is none (overlong forms and surrogates are none). */
static size_t utf8_length(const uint8_t *text, size_t left)
{
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static bool read_text(char *out, size_t size, const msgpack_object *value, bool lines)
{
    out[0] = '\0';
    if (!value || value->type != MSGPACK_OBJECT_STR || value->via.str.size >= size)
        return false;
    const uint8_t *text = (const uint8_t *)value->via.str.ptr;
    size_t left = value->via.str.size;
    for (size_t at = 0; at < left;) {
        bool control = text[at] < 0x20 || text[at] == 0x7f;
        if (control && !(lines && (text[at] == '\n' || text[at] == '\t')))
            return false;
        size_t step = utf8_length(text + at, left - at);
        if (step == 0)
            return false;
        at += step;
    }
    memcpy(out, text, left);
    out[left] = '\0';
    return true;
}

bool rubor_wire_text(char *out, size_t size, const msgpack_object *value)
{
    return read_text(out, size, value, false);
}

bool rubor_wire_prose(char *out, size_t size, const msgpack_object *value)
{
    return read_text(out, size, value, true);
}

bool rubor_wire_integer(int64_t *out, const msgpack_object *value, int64_t least, int64_t most)
{
    if (!value)
        return false;
    int64_t number;
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER && value->via.u64 <= INT64_MAX)
        number = (int64_t)value->via.u64;
    else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        number = value->via.i64;
    else
        return false;
    if (number < least || number > most)
        return false;
    *out = number;
    return true;
}

bool rubor_wire_number(double *out, const msgpack_object *value)
{
    if (!value)
        return false;
    if (value->type == MSGPACK_OBJECT_FLOAT32 || value->type == MSGPACK_OBJECT_FLOAT64) {
        if (!isfinite(value->via.f64))
            return false;
        *out = value->via.f64;
        return true;
    }
    int64_t integer;
    if (!rubor_wire_integer(&integer, value, INT64_MIN, INT64_MAX))
        return false;
    *out = (double)integer;
    return true;
}

bool rubor_wire_bool(bool *out, const msgpack_object *value)
{
    if (!value || value->type != MSGPACK_OBJECT_BOOLEAN)
        return false;
    *out = value->via.boolean;
    return true;
}

/* ---- write ---- */

static int write_bytes(void *data, const char *bytes, size_t size)
{
    rubor_wire_writer *writer = data;
    if (!writer->failed && msgpack_sbuffer_write(&writer->buffer, bytes, size) != 0)
        writer->failed = true;
    return writer->failed ? -1 : 0;
}

void rubor_wire_writer_init(rubor_wire_writer *writer)
{
    writer->failed = false;
    msgpack_sbuffer_init(&writer->buffer);
    msgpack_packer_init(&writer->packer, writer, write_bytes);
}

void rubor_wire_writer_finish(rubor_wire_writer *writer)
{
    if (writer)
        msgpack_sbuffer_destroy(&writer->buffer);
}

void rubor_wire_put_map(rubor_wire_writer *writer, size_t pairs)
{
    msgpack_pack_map(&writer->packer, pairs);
}

void rubor_wire_put_array(rubor_wire_writer *writer, size_t elements)
{
    msgpack_pack_array(&writer->packer, elements);
}

void rubor_wire_put_text(rubor_wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    msgpack_pack_str(&writer->packer, length);
    msgpack_pack_str_body(&writer->packer, text, length);
}

void rubor_wire_put_text_or_nil(rubor_wire_writer *writer, const char *text)
{
    if (text[0])
        rubor_wire_put_text(writer, text);
    else
        rubor_wire_put_nil(writer);
}

void rubor_wire_put_integer(rubor_wire_writer *writer, int64_t value)
{
    msgpack_pack_int64(&writer->packer, value);
}

void rubor_wire_put_number(rubor_wire_writer *writer, double value)
{
    if (isnan(value))
        rubor_wire_put_nil(writer);
    else
        msgpack_pack_double(&writer->packer, value);
}

void rubor_wire_put_bool(rubor_wire_writer *writer, bool value)
{
    if (value)
        msgpack_pack_true(&writer->packer);
    else
        msgpack_pack_false(&writer->packer);
}

void rubor_wire_put_nil(rubor_wire_writer *writer)
{
    msgpack_pack_nil(&writer->packer);
}

void rubor_wire_put_raw(rubor_wire_writer *writer, rubor_bytes packed)
{
    write_bytes(writer, (const char *)packed.data, packed.size);
}

void rubor_wire_put_binary(rubor_wire_writer *writer, rubor_bytes bytes)
{
    msgpack_pack_bin(&writer->packer, bytes.size);
    msgpack_pack_bin_body(&writer->packer, bytes.data, bytes.size);
}

rubor_status rubor_wire_take(rubor_buffer *out, rubor_wire_writer *writer, rubor_error *error)
{
    out->data = NULL;
    out->size = 0;
    if (writer->failed)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory while writing a message");
    out->size = writer->buffer.size;
    out->data = (uint8_t *)msgpack_sbuffer_release(&writer->buffer);
    return RUBOR_OK;
}
