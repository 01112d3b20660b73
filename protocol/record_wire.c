#include "protocol/record_wire.h"

#include <assert.h>
#include <string.h>

/* Number of pairs of the map that starts after table row `open` (or the whole table for open == -1). */
static size_t count_pairs(const rubor_field *fields, size_t count, size_t first)
{
    size_t pairs = 0;
    int depth = 0;
    for (size_t i = first; i < count; i++) {
        if (fields[i].kind == RUBOR_FIELD_CLOSE) {
            if (depth-- == 0)
                break;
            continue;
        }
        if (depth == 0)
            pairs++;
        if (fields[i].kind == RUBOR_FIELD_OPEN || fields[i].kind == RUBOR_FIELD_OPEN_OPTIONAL)
            depth++;
    }
    return pairs;
}

/* The row of the CLOSE that belongs to the OPEN before row `first`. */
static size_t find_close(const rubor_field *fields, size_t count, size_t first)
{
    int depth = 0;
    for (size_t i = first; i < count; i++) {
        if (fields[i].kind == RUBOR_FIELD_OPEN || fields[i].kind == RUBOR_FIELD_OPEN_OPTIONAL)
            depth++;
        else if (fields[i].kind == RUBOR_FIELD_CLOSE && depth-- == 0)
            return i;
    }
    assert(!"the record's field table is balanced");
    return count;
}

static const void *at_offset(const rubor_record *record, size_t offset)
{
    return (const char *)record + offset;
}

static int count_of(const rubor_record *record, const rubor_field *field)
{
    int count = *(const int *)at_offset(record, field->count_offset);
    return count < 0 ? 0 : count > (int)field->capacity ? (int)field->capacity : count;
}

static void pack_numbers(rubor_wire_writer *writer, const double *values, size_t count)
{
    if (isnan(values[0])) {
        rubor_wire_put_nil(writer);
        return;
    }
    rubor_wire_put_array(writer, count);
    for (size_t i = 0; i < count; i++)
        rubor_wire_put_number(writer, values[i]);
}

static void pack_points(rubor_wire_writer *writer, const double *values, size_t count)
{
    if (isnan(values[0])) {
        rubor_wire_put_nil(writer);
        return;
    }
    rubor_wire_put_array(writer, count);
    for (size_t i = 0; i < count; i++)
        pack_numbers(writer, values + 2 * i, 2);
}

static void pack_list(rubor_wire_writer *writer, const rubor_record *record, const rubor_field *field)
{
    int count = count_of(record, field);
    rubor_wire_put_array(writer, (size_t)count);
    for (int i = 0; i < count; i++) {
        if (field->kind == RUBOR_FIELD_TEXTS) {
            rubor_wire_put_text(writer,
                                (const char *)at_offset(record, field->offset) + (size_t)i * field->count);
        } else if (field->kind == RUBOR_FIELD_REASONS) {
            const rubor_reason *reason = (const rubor_reason *)at_offset(record, field->offset) + i;
            rubor_wire_put_map(writer, 2);
            rubor_wire_put_text(writer, "code");
            rubor_wire_put_text(writer, reason->code);
            rubor_wire_put_text(writer, "message");
            rubor_wire_put_text(writer, reason->message);
        } else {
            const rubor_doubt *doubt = (const rubor_doubt *)at_offset(record, field->offset) + i;
            rubor_wire_put_map(writer, 2);
            rubor_wire_put_text(writer, "source");
            rubor_wire_put_text(writer, doubt->source);
            rubor_wire_put_text(writer, "delta_ei_sd");
            rubor_wire_put_number(writer, doubt->delta_ei_sd);
        }
    }
}

static void pack_integer(rubor_wire_writer *writer, int64_t value)
{
    if (value == -1)
        rubor_wire_put_nil(writer);
    else
        rubor_wire_put_integer(writer, value);
}

static void pack_field(rubor_wire_writer *writer, const rubor_record *record, const rubor_field *field)
{
    const void *at = at_offset(record, field->offset);
    switch (field->kind) {
    case RUBOR_FIELD_NUMBER:
        rubor_wire_put_number(writer, *(const double *)at);
        break;
    case RUBOR_FIELD_INTEGER:
        pack_integer(writer, *(const int64_t *)at);
        break;
    case RUBOR_FIELD_INT:
        pack_integer(writer, *(const int *)at);
        break;
    case RUBOR_FIELD_BOOL:
        if (*(const int *)at < 0)
            rubor_wire_put_nil(writer);
        else
            rubor_wire_put_bool(writer, *(const int *)at != 0);
        break;
    case RUBOR_FIELD_TEXT:
        rubor_wire_put_text_or_nil(writer, at);
        break;
    case RUBOR_FIELD_NUMBERS:
        pack_numbers(writer, at, field->count);
        break;
    case RUBOR_FIELD_POINTS:
        pack_points(writer, at, field->count);
        break;
    default:
        pack_list(writer, record, field);
        break;
    }
}

void rubor_record_pack(rubor_wire_writer *writer, const rubor_record *record)
{
    size_t count;
    const rubor_field *fields = rubor_record_fields(&count);
    rubor_wire_put_map(writer, count_pairs(fields, count, 0));
    for (size_t i = 0; i < count; i++) {
        const rubor_field *field = &fields[i];
        if (field->kind == RUBOR_FIELD_CLOSE)
            continue;
        rubor_wire_put_text(writer, field->key);
        if (field->kind == RUBOR_FIELD_OPEN_OPTIONAL && !*(const bool *)at_offset(record, field->offset)) {
            rubor_wire_put_nil(writer);
            i = find_close(fields, count, i + 1);
        } else if (field->kind == RUBOR_FIELD_OPEN || field->kind == RUBOR_FIELD_OPEN_OPTIONAL) {
            rubor_wire_put_map(writer, count_pairs(fields, count, i + 1));
        } else {
            pack_field(writer, record, field);
        }
    }
}

/* ---- reading ---- */

static bool is_array(const msgpack_object *value, size_t count)
{
    return value->type == MSGPACK_OBJECT_ARRAY && value->via.array.size == count;
}

static bool read_numbers(double *out, const msgpack_object *value, size_t count)
{
    if (!is_array(value, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!rubor_wire_number(&out[i], &value->via.array.ptr[i]) &&
            !rubor_wire_is_nil(&value->via.array.ptr[i]))
            return false;
    return true;
}

static bool read_points(double *out, const msgpack_object *value, size_t count)
{
    if (!is_array(value, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_numbers(out + 2 * i, &value->via.array.ptr[i], 2))
            return false;
    return true;
}

static bool read_element(void *at, const rubor_field *field, uint32_t index, const msgpack_object *element)
{
    if (field->kind == RUBOR_FIELD_TEXTS)
        return rubor_wire_text((char *)at + (size_t)index * field->count, field->count, element);
    if (field->kind == RUBOR_FIELD_REASONS) {
        rubor_reason *reason = (rubor_reason *)at + index;
        return rubor_wire_text(reason->code, sizeof reason->code, rubor_wire_find(element, "code")) &&
               rubor_wire_text(reason->message, sizeof reason->message, rubor_wire_find(element, "message"));
    }
    rubor_doubt *doubt = (rubor_doubt *)at + index;
    doubt->delta_ei_sd = RUBOR_NULL;
    const msgpack_object *sd = rubor_wire_find(element, "delta_ei_sd");
    return rubor_wire_text(doubt->source, sizeof doubt->source, rubor_wire_find(element, "source")) &&
           (rubor_wire_is_nil(sd) || rubor_wire_number(&doubt->delta_ei_sd, sd));
}

static bool read_list(rubor_record *record, const rubor_field *field, const msgpack_object *value)
{
    if (value->type != MSGPACK_OBJECT_ARRAY || value->via.array.size > field->capacity)
        return false;
    for (uint32_t i = 0; i < value->via.array.size; i++)
        if (!read_element((char *)record + field->offset, field, i, &value->via.array.ptr[i]))
            return false;
    *(int *)(void *)((char *)record + field->count_offset) = (int)value->via.array.size;
    return true;
}

static bool read_field(rubor_record *record, const rubor_field *field, const msgpack_object *value)
{
    void *at = (char *)record + field->offset;
    int64_t integer;
    bool flag;
    switch (field->kind) {
    case RUBOR_FIELD_NUMBER:
        return rubor_wire_number(at, value);
    case RUBOR_FIELD_INTEGER:
        return rubor_wire_integer(at, value, INT64_MIN, INT64_MAX);
    case RUBOR_FIELD_INT:
        if (!rubor_wire_integer(&integer, value, -1000000, 1000000))
            return false;
        *(int *)at = (int)integer;
        return true;
    case RUBOR_FIELD_BOOL:
        if (!rubor_wire_bool(&flag, value))
            return false;
        *(int *)at = flag;
        return true;
    case RUBOR_FIELD_TEXT:
        return rubor_wire_text(at, field->count, value);
    case RUBOR_FIELD_NUMBERS:
        return read_numbers(at, value, field->count);
    case RUBOR_FIELD_POINTS:
        return read_points(at, value, field->count);
    default:
        return read_list(record, field, value);
    }
}

rubor_status rubor_record_unpack(rubor_record *out, const msgpack_object *map, rubor_error *error)
{
    enum { NESTING = 8 };
    rubor_record_init(out);
    out->rubor.version[0] = out->rubor.algorithm[0] = out->quality.verdict[0] = '\0';
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return rubor_error_set(error, RUBOR_PROTOCOL, "record is not a map");
    size_t count;
    const rubor_field *fields = rubor_record_fields(&count);
    const msgpack_object *maps[NESTING] = {map};
    int depth = 0;
    for (size_t i = 0; i < count; i++) {
        const rubor_field *field = &fields[i];
        if (field->kind == RUBOR_FIELD_CLOSE) {
            depth--;
            continue;
        }
        const msgpack_object *value = rubor_wire_find(maps[depth], field->key);
        bool open = field->kind == RUBOR_FIELD_OPEN || field->kind == RUBOR_FIELD_OPEN_OPTIONAL;
        if (rubor_wire_is_nil(value)) {
            if (open)
                i = find_close(fields, count, i + 1);
            continue;
        }
        if (open ? value->type != MSGPACK_OBJECT_MAP : !read_field(out, field, value))
            return rubor_error_set(error, RUBOR_PROTOCOL, "record: %s has a value of the wrong kind",
                                   field->key);
        if (field->kind == RUBOR_FIELD_OPEN_OPTIONAL)
            *(bool *)(void *)((char *)out + field->offset) = true;
        if (open) {
            assert(depth + 1 < NESTING);
            maps[++depth] = value;
        }
    }
    return RUBOR_OK;
}
