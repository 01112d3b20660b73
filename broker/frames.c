#include "broker/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_more(void *socket)
{
    int more = 0;
    size_t size = sizeof more;
    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more;
}

int rubor_frames_receive(rubor_frames *frames, void *socket)
{
    bool too_many = false;
    frames->count = 0;
    do {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, frames->count || too_many ? 0 : ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            rubor_frames_finish(frames);
            return 0;
        }
        if (frames->count < RUBOR_WIRE_FRAMES) {
            zmq_msg_init(&frames->frame[frames->count]);
            zmq_msg_move(&frames->frame[frames->count++], &message);
        } else {
            too_many = true;
        }
        zmq_msg_close(&message);
    } while (has_more(socket));
    return too_many ? -1 : 1;
}

void rubor_frames_finish(rubor_frames *frames)
{
    if (!frames)
        return;
    for (size_t i = 0; i < frames->count; i++)
        zmq_msg_close(&frames->frame[i]);
    frames->count = 0;
}

rubor_bytes rubor_frame(const rubor_frames *frames, size_t index)
{
    if (index >= frames->count)
        return (rubor_bytes){NULL, 0};
    /* zmq_msg_data takes a non-const message but only reads it */
    zmq_msg_t *message = &((rubor_frames *)(uintptr_t)frames)->frame[index];
    return (rubor_bytes){zmq_msg_data(message), zmq_msg_size(message)};
}

bool rubor_frame_is(const rubor_frames *frames, size_t index, const void *bytes, size_t size)
{
    rubor_bytes frame = rubor_frame(frames, index);
    return index < frames->count && frame.size == size && (size == 0 || memcmp(frame.data, bytes, size) == 0);
}

bool rubor_frames_add(rubor_frames *frames, const void *bytes, size_t size)
{
    if (frames->count == RUBOR_WIRE_FRAMES || zmq_msg_init_size(&frames->frame[frames->count], size) != 0)
        return false;
    if (size)
        memcpy(zmq_msg_data(&frames->frame[frames->count]), bytes, size);
    frames->count++;
    return true;
}

static void free_bytes(void *data, void *hint)
{
    (void)hint;
    free(data);
}

bool rubor_frames_add_buffer(rubor_frames *frames, rubor_buffer *buffer)
{
    bool added =
        frames->count < RUBOR_WIRE_FRAMES &&
        zmq_msg_init_data(&frames->frame[frames->count], buffer->data, buffer->size, free_bytes, NULL) == 0;
    if (added)
        frames->count++;
    else
        free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
    return added;
}

int rubor_frames_send(rubor_frames *frames, void *socket)
{
    for (size_t i = 0; i < frames->count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < frames->count ? ZMQ_SNDMORE : 0);
        if (zmq_msg_send(&frames->frame[i], socket, flags) < 0) {
            int code = errno;
            /* A ROUTER refuses at the first frame, where it looks for the peer; later frames follow it for
             * sure. */
            if (i > 0 || code != EAGAIN)
                rubor_frames_finish(frames);
            return code;
        }
    }
    frames->count = 0; /* ZeroMQ owns them now */
    return 0;
}
