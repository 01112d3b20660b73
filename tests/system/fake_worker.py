"""A worker written from protocol/PROTOCOL.md alone, which does what a test wants and not more; and one question to a broker."""
import time

import msgpack
import zmq


class Worker:
    """The worker side of protocol/PROTOCOL.md, as far as the test wants it."""

    def __init__(self, endpoint, algorithm, **more):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        hello = {"id": "test", "host": "here", "version": "0", "algorithm": algorithm, "sandbox": "none", "pid": 1, **more}
        self.send(b"\x01", b"rubor", msgpack.packb(hello))

    def send(self, *frames):
        self.socket.send_multipart([b"MDPW02", *frames])

    def receive(self, command, seconds=8):
        """The next message with this command; heartbeats are answered meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.socket.poll(200):
                frames = self.socket.recv_multipart()
                if frames[1] == command:
                    return frames
            self.send(b"\x05")
        return None

    def job(self, seconds=8):
        frames = self.receive(b"\x02", seconds)
        return (frames[2], msgpack.unpackb(frames[4]), frames[5:]) if frames else None

    def final(self, address, head, status, *rest, message=""):
        self.send(b"\x04", address, b"", msgpack.packb({**head, "status": status, "message": message, "pictures": []}), *rest)


def ask(endpoint, service, head, *photos, wait_ms=15000):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    socket.send_multipart([b"MDPC02", b"\x01", service, msgpack.packb({"request": 1, **head}), *photos])
    reply = msgpack.unpackb(socket.recv_multipart()[3]) if socket.poll(wait_ms) else None
    socket.close()
    return reply
