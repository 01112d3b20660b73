/* Frames of MDP 0.2 and msgpack read with care: every body from a peer is scanned before it is unpacked.
 *
 * The scan exists because msgpack-c 4.0.0 reserves memory for as many elements as a header declares: 155
 * bytes of nested arrays reserved 15.9 GB. A body passes when it is exactly one value, no container declares
 * more elements than bytes are left, nesting is at most RUBOR_WIRE_DEPTH and the number of values is below a
 * cap. Reentrant; nothing here asserts on a peer's bytes. The wire is described in PROTOCOL.md. */
#ifndef RUBOR_PROTOCOL_WIRE_H
#define RUBOR_PROTOCOL_WIRE_H

#include "imaging/encode.h"
#include "imaging/photo.h"
#include "imaging/status.h"

#include <msgpack.h>

/* ZeroMQ RFC 18 (MDP 0.2) and RFC 8 (MMI). */
#define RUBOR_MDP_CLIENT "MDPC02"
#define RUBOR_MDP_WORKER "MDPW02"
enum {
    RUBOR_MDPC_REQUEST = 0x01,
    RUBOR_MDPC_PARTIAL = 0x02,
    RUBOR_MDPC_FINAL = 0x03,
    RUBOR_MDPW_READY = 0x01,
    RUBOR_MDPW_REQUEST = 0x02,
    RUBOR_MDPW_PARTIAL = 0x03,
    RUBOR_MDPW_FINAL = 0x04,
    RUBOR_MDPW_HEARTBEAT = 0x05,
    RUBOR_MDPW_DISCONNECT = 0x06
};
#define RUBOR_MMI_SERVICE "mmi.service"
#define RUBOR_WORKER_SERVICE "rubor" /* what workers register in READY */

/* One table of limits on messages; a message over one is refused and counted. */
enum {
    RUBOR_WIRE_DEPTH = 8,
    RUBOR_WIRE_FRAMES = 16,                 /* frames of one message, routing id included */
    RUBOR_WIRE_REQUEST_BYTES = 1024 * 1024, /* the msgpack frame of a request */
    RUBOR_WIRE_REQUEST_VALUES = 8192,       /* msgpack values in it */
    RUBOR_WIRE_REPLY_BYTES = 64 * 1024 * 1024,
    RUBOR_WIRE_REPLY_VALUES = 2 * 1000 * 1000,
    RUBOR_WIRE_PICTURE_BYTES = 8 * 1024 * 1024, /* one picture made by a worker */
    RUBOR_WIRE_PICTURES = 8
};

/* RUBOR_OK, RUBOR_PROTOCOL (truncated, trailing bytes, too deep, declares more than it holds, reserved byte),
 * RUBOR_TOO_LARGE (over max_bytes or max_values). */
rubor_status rubor_wire_scan(rubor_bytes body, size_t max_bytes, size_t max_values, rubor_error *error);

/* A scanned and unpacked body. Texts and binaries in root point into the caller's bytes, which must outlive
 * it. Zero-initialize; finish accepts NULL. */
typedef struct rubor_wire_body {
    msgpack_object root;
    msgpack_zone *zone;
} rubor_wire_body;

rubor_status rubor_wire_unpack(rubor_wire_body *out, rubor_bytes body, size_t max_bytes, size_t max_values,
                               rubor_error *error);
void rubor_wire_body_finish(rubor_wire_body *body);

/* The value of key in map, NULL when map is no map or has no such key (the first wins). */
const msgpack_object *rubor_wire_find(const msgpack_object *map, const char *key);
/* Whether the value is absent or nil. */
bool rubor_wire_is_nil(const msgpack_object *value);
/* Readers: true when the value had the kind and range asked for. Texts: at most size - 1 bytes, no NUL and no
 * other control character inside (newline and tab are allowed only by _prose), valid UTF-8. */
bool rubor_wire_text(char *out, size_t size, const msgpack_object *value);
bool rubor_wire_prose(char *out, size_t size, const msgpack_object *value);
bool rubor_wire_integer(int64_t *out, const msgpack_object *value, int64_t least, int64_t most);
bool rubor_wire_number(double *out, const msgpack_object *value); /* integer or float; finite */
bool rubor_wire_bool(bool *out, const msgpack_object *value);

/* A growing body being written; any failed allocation sticks and is reported once by rubor_wire_take. */
typedef struct rubor_wire_writer {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    bool failed;
} rubor_wire_writer;

void rubor_wire_writer_init(rubor_wire_writer *writer);
void rubor_wire_writer_finish(rubor_wire_writer *writer);
void rubor_wire_put_map(rubor_wire_writer *writer, size_t pairs);
void rubor_wire_put_array(rubor_wire_writer *writer, size_t elements);
void rubor_wire_put_text(rubor_wire_writer *writer, const char *text);        /* "" is written as "" */
void rubor_wire_put_text_or_nil(rubor_wire_writer *writer, const char *text); /* "" is written as nil */
void rubor_wire_put_integer(rubor_wire_writer *writer, int64_t value);
void rubor_wire_put_number(rubor_wire_writer *writer, double value); /* float 64; NaN is written as nil */
void rubor_wire_put_bool(rubor_wire_writer *writer, bool value);
void rubor_wire_put_nil(rubor_wire_writer *writer);
void rubor_wire_put_raw(rubor_wire_writer *writer, rubor_bytes packed); /* bytes that are already msgpack */
void rubor_wire_put_binary(rubor_wire_writer *writer, rubor_bytes bytes);
/* Hands the bytes over: free() them. RUBOR_NO_MEMORY. */
rubor_status rubor_wire_take(rubor_buffer *out, rubor_wire_writer *writer, rubor_error *error);

#endif
