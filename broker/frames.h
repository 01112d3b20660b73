/* Whole ZeroMQ messages as arrays of frames. */
#ifndef RUBOR_BROKER_FRAMES_H
#define RUBOR_BROKER_FRAMES_H

#include "protocol/wire.h"

#include <zmq.h>

typedef struct rubor_frames {
    size_t count;
    zmq_msg_t frame[RUBOR_WIRE_FRAMES];
} rubor_frames;

/* 1: a message; 0: none waiting; -1: one with too many frames was thrown away (frames 0 and 1, where the peer
 * is named, are kept). */
int rubor_frames_receive(rubor_frames *frames, void *socket);
void rubor_frames_finish(rubor_frames *frames);
rubor_bytes rubor_frame(const rubor_frames *frames, size_t index);
bool rubor_frame_is(const rubor_frames *frames, size_t index, const void *bytes, size_t size);

/* Adds a frame: a copy of bytes. False without memory or room. */
bool rubor_frames_add(rubor_frames *frames, const void *bytes, size_t size);
/* Adds a frame that takes over buffer's bytes (freed by ZeroMQ). buffer is empty afterwards in any case. */
bool rubor_frames_add_buffer(rubor_frames *frames, rubor_buffer *buffer);
/* Sends without waiting and finishes frames on success. 0, or errno: EAGAIN (the peer does not read; frames
 * are kept), EHOSTUNREACH (the peer is gone). */
int rubor_frames_send(rubor_frames *frames, void *socket);

#endif
