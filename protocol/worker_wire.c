#include "protocol/worker_wire.h"

#include <stdlib.h>
#include <string.h>

static void put_pair(rubor_wire_writer *writer, const char *key, const char *text)
{
    rubor_wire_put_text(writer, key);
    rubor_wire_put_text(writer, text);
}

static rubor_status take(rubor_buffer *out, rubor_wire_writer *writer, rubor_error *error)
{
    rubor_status status = rubor_wire_take(out, writer, error);
    rubor_wire_writer_finish(writer);
    return status;
}

rubor_status rubor_worker_hello_pack(rubor_buffer *out, const rubor_worker_hello *hello, rubor_error *error)
{
    rubor_wire_writer writer;
    rubor_wire_writer_init(&writer);
    rubor_wire_put_map(&writer, 7);
    put_pair(&writer, "id", hello->id);
    put_pair(&writer, "host", hello->host);
    put_pair(&writer, "version", hello->version);
    put_pair(&writer, "algorithm", hello->algorithm);
    put_pair(&writer, "sandbox", hello->sandbox);
    rubor_wire_put_text(&writer, "pid");
    rubor_wire_put_integer(&writer, hello->pid);
    rubor_wire_put_text(&writer, "job_seconds");
    rubor_wire_put_integer(&writer, hello->job_seconds);
    return take(out, &writer, error);
}

rubor_status rubor_worker_hello_unpack(rubor_worker_hello *out, rubor_bytes body, rubor_error *error)
{
    rubor_wire_body unpacked;
    memset(out, 0, sizeof *out);
    rubor_status status = rubor_wire_unpack(&unpacked, body, 4096, 64, error);
    if (status)
        return status;
    const msgpack_object *map = &unpacked.root;
    const msgpack_object *job_seconds = rubor_wire_find(map, "job_seconds");
    out->job_seconds = RUBOR_JOB_SECONDS;
    if (!rubor_wire_text(out->id, sizeof out->id, rubor_wire_find(map, "id")) || !out->id[0] ||
        !rubor_wire_text(out->host, sizeof out->host, rubor_wire_find(map, "host")) ||
        !rubor_wire_text(out->version, sizeof out->version, rubor_wire_find(map, "version")) ||
        !rubor_wire_text(out->algorithm, sizeof out->algorithm, rubor_wire_find(map, "algorithm")) ||
        !rubor_wire_text(out->sandbox, sizeof out->sandbox, rubor_wire_find(map, "sandbox")) ||
        !rubor_wire_integer(&out->pid, rubor_wire_find(map, "pid"), 0, INT64_MAX) ||
        (job_seconds && !rubor_wire_integer(&out->job_seconds, job_seconds, 1, RUBOR_JOB_SECONDS_MOST)))
        status = rubor_error_set(error, RUBOR_PROTOCOL, "a worker's READY is malformed");
    rubor_wire_body_finish(&unpacked);
    return status;
}

rubor_status rubor_envelope_pack(rubor_buffer *out, const rubor_envelope *envelope, rubor_error *error)
{
    rubor_wire_writer writer;
    rubor_wire_writer_init(&writer);
    rubor_wire_put_map(&writer, 7);
    put_pair(&writer, "job", envelope->job);
    put_pair(&writer, "kind", envelope->kind);
    rubor_wire_put_text(&writer, "attempt");
    rubor_wire_put_integer(&writer, envelope->attempt);
    put_pair(&writer, "lease", envelope->lease);
    rubor_wire_put_text(&writer, "status");
    rubor_wire_put_integer(&writer, (int64_t)envelope->status);
    put_pair(&writer, "message", envelope->message);
    rubor_wire_put_text(&writer, "pictures");
    rubor_wire_put_array(&writer, (size_t)envelope->picture_count);
    for (int i = 0; i < envelope->picture_count; i++)
        rubor_wire_put_text(&writer, envelope->pictures[i]);
    return take(out, &writer, error);
}

static bool read_pictures(rubor_envelope *out, const msgpack_object *array)
{
    if (rubor_wire_is_nil(array))
        return true;
    if (array->type != MSGPACK_OBJECT_ARRAY || array->via.array.size > RUBOR_WIRE_PICTURES)
        return false;
    for (uint32_t i = 0; i < array->via.array.size; i++)
        if (!rubor_wire_text(out->pictures[i], sizeof out->pictures[i], &array->via.array.ptr[i]))
            return false;
    out->picture_count = (int)array->via.array.size;
    return true;
}

rubor_status rubor_envelope_unpack(rubor_envelope *out, rubor_bytes body, rubor_error *error)
{
    rubor_wire_body unpacked;
    int64_t code = 0;
    memset(out, 0, sizeof *out);
    rubor_status status = rubor_wire_unpack(&unpacked, body, 8192, 128, error);
    if (status)
        return status;
    const msgpack_object *map = &unpacked.root;
    if (!rubor_wire_text(out->job, sizeof out->job, rubor_wire_find(map, "job")) || !out->job[0] ||
        !rubor_wire_text(out->kind, sizeof out->kind, rubor_wire_find(map, "kind")) ||
        !rubor_wire_integer(&out->attempt, rubor_wire_find(map, "attempt"), 0, INT32_MAX) ||
        !rubor_wire_text(out->lease, sizeof out->lease, rubor_wire_find(map, "lease")) ||
        !rubor_wire_integer(&code, rubor_wire_find(map, "status"), 0, 1000) ||
        !rubor_wire_text(out->message, sizeof out->message, rubor_wire_find(map, "message")) ||
        !read_pictures(out, rubor_wire_find(map, "pictures")))
        status = rubor_error_set(error, RUBOR_PROTOCOL, "a job's envelope is malformed");
    out->status = code == 0 ? RUBOR_OK : rubor_status_from_wire((int)code);
    rubor_wire_body_finish(&unpacked);
    return status;
}

rubor_status rubor_record_to_bytes(rubor_buffer *out, const rubor_record *record, rubor_error *error)
{
    rubor_wire_writer writer;
    rubor_wire_writer_init(&writer);
    rubor_record_pack(&writer, record);
    return take(out, &writer, error);
}

rubor_status rubor_record_from_bytes(rubor_record *out, rubor_bytes body, rubor_error *error)
{
    rubor_wire_body unpacked;
    rubor_status status =
        rubor_wire_unpack(&unpacked, body, RUBOR_WIRE_REQUEST_BYTES, RUBOR_WIRE_REQUEST_VALUES, error);
    if (!status)
        status = rubor_record_unpack(out, &unpacked.root, error);
    rubor_wire_body_finish(&unpacked);
    return status;
}
