#!/usr/bin/env python3
"""An MDP 0.2 client written from ZeroMQ RFC 18 and RFC 8 alone, against a running service, and the vectors of PROTOCOL.md."""
import os
import random
import re
import socket as sockets
import subprocess
import sys
import time
from pathlib import Path

import msgpack
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from helper import ROOT, check, environment, finish, folder, png, run, up  # noqa: E402

VECTORS = Path(__file__).parent / "vectors"


class Client:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def send(self, *frames):
        self.socket.send_multipart(frames)

    def receive(self, seconds=10):
        return self.socket.recv_multipart() if self.socket.poll(seconds * 1000) else None

    def ask(self, service, head, *photos):
        """PARTIALs and the FINAL of one request."""
        self.send(b"MDPC02", b"\x01", service, msgpack.packb(head), *photos)
        partials = []
        while True:
            frames = self.receive(60)
            if frames is None:
                return partials, None
            assert frames[0] == b"MDPC02" and frames[2] == service, frames[:3]
            reply = msgpack.unpackb(frames[3])
            if frames[1] == b"\x03":
                return partials, reply
            assert frames[1] == b"\x02"
            partials.append(reply)


def vectors(endpoint):
    client = Client(endpoint)
    for path in sorted(VECTORS.glob("*_request.hex")):
        frames = [bytes.fromhex(line) for line in path.read_text().splitlines() if not line.startswith("#")]
        if frames[2] == b"rubor.analyze":
            frames.append(png(40, 30))
        client.send(*frames)
        answer = client.receive()
        check(answer and answer[0] == b"MDPC02" and answer[1] in (b"\x02", b"\x03") and answer[2] == frames[2],
              f"vector {path.name} is answered", answer)
        if frames[2] != b"mmi.service" and answer:
            asked = msgpack.unpackb(frames[3])["request"]
            check(msgpack.unpackb(answer[3])["request"] == asked, f"vector {path.name}: the id comes back as it was", answer)
        while answer and answer[1] == b"\x02":
            answer = client.receive()


def mmi(endpoint):
    client = Client(endpoint)
    for name, code in [(b"rubor.analyze", b"200"), (b"rubor.status", b"200"), (b"no.such", b"404")]:
        client.send(b"MDPC02", b"\x01", b"mmi.service", name)
        check(client.receive() == [b"MDPC02", b"\x03", b"mmi.service", code], f"mmi.service {name} says {code}")
    client.send(b"MDPC02", b"\x01", b"mmi.discovery", b"x")
    check(client.receive() == [b"MDPC02", b"\x03", b"mmi.discovery", b"501"], "another mmi service says 501")
    client.send(b"", b"MDPC02", b"\x01", b"mmi.service", b"rubor.analyze")
    check(client.receive() == [b"", b"MDPC02", b"\x03", b"mmi.service", b"200"], "an empty first frame is answered with one")


def analyze(endpoint):
    client = Client(endpoint)
    head = {"request": b"\x00binary id", "patient": "P", "session": "S", "day": "before", "lane": "batch"}
    partials, final = client.ask(b"rubor.analyze", head, png(64, 48))
    check(partials and partials[0]["state"] == "queued" and partials[0]["job"], "accepted comes first", partials)
    check(final and final["status"] == 0 and final["state"] == "done" and final["result"]["quality"]["verdict"] == "retake",
          "then the result", final)
    check(final["request"] == b"\x00binary id", "with the id as it was", final["request"])
    _, again = client.ask(b"rubor.analyze", head, png(64, 48))
    check(again["job"] == final["job"] and again["duplicate"], "the same photo again is the same job", again)
    _, other = client.ask(b"rubor.analyze", dict(head, day=1), png(64, 48))
    check(other["job"] != final["job"], "the same photo under another day is a new job", other)
    partials, _ = client.ask(b"rubor.analyze", dict(head, session="S2", day=1, view="left"), png(64, 48))
    check(re.fullmatch(r"before treatment of session S, view front, sent 2\d{3}-\d\d-\d\d", partials[0]["also_filed"] or ""),
          "and is told where the very same photo is filed", partials)
    partials, _ = client.ask(b"rubor.analyze", dict(head, patient="P2"), png(64, 48))
    check((partials[0]["also_filed"] or "").startswith("another patient, sent"), "of another patient no id is told", partials)
    long = {"session": "x" + "ß" * 127, "view": "ü" * 31}
    client.ask(b"rubor.analyze", dict(head, patient="P3", **long), png(64, 48))
    partials, _ = client.ask(b"rubor.analyze", dict(head, patient="P3"), png(64, 48))
    check(f"of session {long['session']}, view {long['view']}, sent" in (partials[0]["also_filed"] or ""),
          "a long name is told whole, not cut within a letter", partials)
    _, told = client.ask(b"rubor.result", {"request": 1, "job": final["job"]})
    check((told["also_filed"] or "").startswith("day 1, sent"), "a result says so, too, of the same session first", told["also_filed"])
    _, told = client.ask(b"rubor.result", {"request": 1, "job": final["job"]})
    check(told["result"] == final["result"], "a result can be asked for later", told)
    _, refused = client.ask(b"rubor.analyze", head, b"no photo at all")
    check(refused["status"] == 4 and refused["error"]["name"] == "UNSUPPORTED", "what is no photo is refused", refused)
    _, refused = client.ask(b"rubor.analyze", head)
    check(refused["status"] == 1, "a missing photo is refused", refused)
    return final["job"]


def pipelined(endpoint):
    client = Client(endpoint)
    for i in range(60):
        head = {"request": i, "patient": "pipeline", "session": "S", "day": i}
        client.send(b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), png(32, 24, (i, 2 * i, 255 - i)))
    finals = {}
    while len(finals) < 60:
        frames = client.receive(30)
        if frames is None:
            break
        if frames[1] == b"\x03":
            reply = msgpack.unpackb(frames[3])
            finals[reply["request"]] = reply["state"]
    check(finals == {i: "done" for i in range(60)}, "60 pipelined requests are all answered by their ids", finals)


def unknown_service(endpoint):
    client = Client(endpoint)
    client.send(b"MDPC02", b"\x01", b"rubor.nothing", msgpack.packb({"request": 5}))
    frames = client.receive()
    check(frames and frames[1] == b"\x03" and msgpack.unpackb(frames[3])["status"] == 2, "an unknown service is answered", frames)


def garbage(endpoint, rounds):
    """Frames that fit nothing, from many connections, then raw bytes on the port."""
    chance = random.Random(7)
    pieces = [b"", b"MDPC02", b"MDPW02", b"MDPC01", b"\x01", b"\x02", b"\x04", b"rubor.analyze", b"rubor.status", b"mmi.",
              b"\xdd\xff\xff\xff\xff" * 31, msgpack.packb({"request": 1}), b"\x81\xa7request\xc1", b"x" * 5000]
    for _ in range(rounds):
        client = Client(endpoint)
        for _ in range(4):
            client.send(*[chance.choice(pieces) for _ in range(chance.randint(1, 20))])
        client.socket.close(linger=100)
    host, port = endpoint.removeprefix("tcp://").split(":")
    for _ in range(rounds):
        with sockets.create_connection((host, int(port))) as raw:
            raw.sendall(chance.randbytes(chance.randint(1, 200)))
    _, told = Client(endpoint).ask(b"rubor.status", {"request": "still there"})
    check(told and told["status"] == 0, "after garbage the service answers", told)
    check(told["service"]["malformed"] > 0, "and has counted it", told["service"])


def slow_reader(endpoint):
    """A client that asks and never reads costs bounded memory and nobody else's time; what it reads late is in order."""
    slow = zmq.Context.instance().socket(zmq.DEALER)
    slow.linger, slow.rcvhwm, slow.sndhwm = 0, 1, 0
    slow.connect(endpoint)
    for i in range(20000):
        slow.send_multipart([b"MDPC02", b"\x01", b"rubor.status", msgpack.packb({"request": i})])
    began = time.monotonic()
    for i in range(20):
        check(Client(endpoint).ask(b"rubor.status", {"request": i})[1] is not None, "others are served beside a slow reader")
    check(time.monotonic() - began < 5, "and not slowly", time.monotonic() - began)
    got = []
    until = time.monotonic() + 10  # a small window and delayed acknowledgements can make the rest last minutes
    while time.monotonic() < until and slow.poll(1500):
        got.append(msgpack.unpackb(slow.recv_multipart()[3])["request"])
    check(got == sorted(got) and len(got) > 100, "what the slow reader gets late is in order", (len(got), got[:5]))
    print(f"a slow reader asked 20,000 times and got {len(got)} answers")


def example_client(home, endpoint):
    photo = home / "photo.png"
    photo.write_bytes(png(80, 60))
    got = subprocess.run(["/usr/bin/python3", ROOT / "samples" / "client.py", endpoint, "P9", "S", "before", photo],
                         capture_output=True, text=True, timeout=60, env=environment())
    check(got.returncode == 0 and '"verdict": "retake"' in got.stdout and "queued: job" in got.stderr,
          "the 40-line client submits a photo and reads the result", got)


with folder() as home:
    with up(home / "data", "--noop") as service:
        endpoint = service.ready["endpoint"]
        vectors(endpoint)
        mmi(endpoint)
        analyze(endpoint)
        pipelined(endpoint)
        unknown_service(endpoint)
        garbage(endpoint, int(os.environ.get("RUBOR_GARBAGE", "100")))
        slow_reader(endpoint)
        example_client(home, endpoint)
        check(service.process.poll() is None, "the service lives")
        code = service.stop()
    check(code == 0, "SIGTERM ends it with 0", code)
finish()
