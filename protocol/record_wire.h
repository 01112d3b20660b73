/* The result record as msgpack: the same keys as its JSON, driven by analyzer/record.h's field table.
 * NaN, -1 and "" (the record's nulls) are nil on the wire. Reentrant. */
#ifndef RUBOR_PROTOCOL_RECORD_WIRE_H
#define RUBOR_PROTOCOL_RECORD_WIRE_H

#include "analyzer/record.h"
#include "protocol/wire.h"

void rubor_record_pack(rubor_wire_writer *writer, const rubor_record *record);
/* Keys that are missing stay null and unknown keys are passed over, so that versions can differ by keys; a
 * key with the wrong kind of value is RUBOR_PROTOCOL and names it. */
rubor_status rubor_record_unpack(rubor_record *out, const msgpack_object *map, rubor_error *error);

#endif
