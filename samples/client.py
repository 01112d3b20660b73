#!/usr/bin/env python3
"""Sends one photo to Rubor and prints the result. Needs pyzmq and msgpack; the protocol is protocol/PROTOCOL.md.

    client.py ENDPOINT PATIENT SESSION DAY PHOTO        DAY is "before" or days since treatment
"""
import json
import sys
import uuid

import msgpack
import zmq

REQUEST, PARTIAL, FINAL = b"\x01", b"\x02", b"\x03"


def call(socket, service, head, *photos, timeout_s=120, on_partial=None):
    """One request; returns (reply, attached pictures). Raises RuntimeError with the broker's words."""
    head = dict(head, request=uuid.uuid4().hex)
    socket.send_multipart([b"MDPC02", REQUEST, service.encode(), msgpack.packb(head), *photos])
    while socket.poll(timeout_s * 1000):
        header, command, _, body, *pictures = socket.recv_multipart()
        reply = msgpack.unpackb(body)
        if header != b"MDPC02" or reply["request"] != head["request"]:
            continue
        if command == FINAL:
            if reply["status"]:
                raise RuntimeError(reply["error"]["message"])
            return reply, pictures
        if on_partial:
            on_partial(reply)
    raise RuntimeError("no answer: is the broker there?")


def main(endpoint, patient, session, day, path):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    with open(path, "rb") as file:
        photo = file.read()
    head = {"patient": patient, "session": session, "day": day if day == "before" else int(day)}
    reply, _ = call(socket, "rubor.analyze", head, photo,
                    on_partial=lambda r: print(f"{r['state']}: job {r['job']}", file=sys.stderr))
    print(json.dumps(reply["result"], indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
