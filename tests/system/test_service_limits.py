#!/usr/bin/env python3
"""What one peer can make the broker hold: messages that never end, answers that are never read, courses that nobody computes. With and
without a key, measured at the process."""
import os
import socket as sockets
import struct
import subprocess
import sys
import time

import msgpack
import zmq

from fake_worker import ask
from helper import Service, check, environment, finish, folder, png, run

MIB = 1 << 20


def broker_pid(service):
    got = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(service.process.pid)], capture_output=True, text=True).stdout
    return next((int(line.split()[0]) for line in got.splitlines() if " broker " in line), None)


def memory_mib(pid):
    """The most it had resident so far; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return 0


def zmtp(endpoint):
    """A connection that has greeted as ZMTP 3.0 (RFC 23) with the NULL mechanism, and is let in where no key is asked for."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    raw = sockets.create_connection((host, int(port)), timeout=5)
    raw.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    got = b""
    while len(got) < 64:
        more = raw.recv(64 - len(got))
        if not more:
            raise ConnectionError("ended in the greeting")
        got += more
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
    raw.sendall(b"\x04" + bytes([len(ready)]) + ready)
    return raw


def endless(endpoint, frame_bytes, most_mib):
    """One message without an end, frame after frame. How much was taken before the connection ended; None: it never did."""
    head = b"\x03" + struct.pack(">Q", frame_bytes) if frame_bytes > 255 else b"\x01" + bytes([frame_bytes])
    block = (head + bytes(frame_bytes)) * max(1, MIB // (frame_bytes + len(head)))
    sent = 0
    try:
        with zmtp(endpoint) as raw:
            for sent in range(most_mib):
                raw.sendall(block)
    except OSError:
        return sent
    return None


def messages_without_end():
    with folder() as home, Service("up", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "1",
                                   "--noop", "--memory", "192", log=home / "log") as service:
        endpoint = service.ready["endpoint"]
        job = ask(endpoint, b"rubor.analyze", {"patient": "P", "session": "S", "day": 1, "no_wait": True}, png(9, 9))["job"]
        for frame in (MIB, 100):
            peak, pid = 0, broker_pid(service)
            taken = endless(endpoint, frame, 1024)
            peak = memory_mib(pid)
            check(taken is not None, f"a message without end ({frame} bytes a frame) is ended by the limit", taken)
            check(peak < 200, "within the memory that was given", peak)
            told = None
            end = time.monotonic() + 20
            while told is None and time.monotonic() < end:
                told = ask(endpoint, b"rubor.result", {"job": job}, wait_ms=1000)
            check(told and told["state"] in ("queued", "done"), "and the service goes on with what it has", told)
        print((home / "log").read_text().count("died and is started again"), "restarts of the broker")


def messages_without_end_or_key():
    with folder() as home:
        keys = home / "keys"
        run("keygen", "--role", "station", keys, "cam1")
        with Service("up", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "1", "--noop",
                     "--memory", "192", "--keys", keys, log=home / "log") as service:
            endpoint, pid = service.ready["endpoint"], broker_pid(service)
            before = memory_mib(pid)
            for frame in (MIB, 100):
                taken = endless(endpoint, frame, 64)
                check(taken is not None and taken < 32, "who has no key gets no message in, endless or not", taken)
            print(f"without a key: {memory_mib(pid) - before:.1f} MiB more resident")
            check(broker_pid(service) == pid and memory_mib(pid) < before + 30, "and costs nothing", (before, memory_mib(pid)))
            got = run("status", "--endpoint", endpoint, "--keys", keys / "cam1")
            check(got.returncode == 0, "who has one is served", got)


def answers_never_read(endpoint, pid):
    """Large answers, asked for again and again and never read."""
    slow = zmq.Context.instance().socket(zmq.DEALER)
    slow.linger, slow.rcvhwm, slow.sndhwm = 0, 1, 0
    slow.connect(endpoint)
    size = len(msgpack.packb(ask(endpoint, b"rubor.list", {"patient": "P", "results": True})))
    asked = 400 * MIB // size
    for i in range(asked):
        slow.send_multipart([b"MDPC02", b"\x01", b"rubor.list", msgpack.packb({"request": i, "patient": "P", "results": True})])
    most, longest, end = 0, 0, time.monotonic() + 10
    while time.monotonic() < end:
        began = time.monotonic()
        check(ask(endpoint, b"rubor.status", {}) is not None, "others are served beside a slow reader")
        longest, most = max(longest, time.monotonic() - began), max(most, memory_mib(pid))
        time.sleep(0.1)
    allowed = 40 + 64 + 110 * size / MIB  # what it needs, what may wait in the broker, what may wait in ZeroMQ
    check(longest < 5, "and not slowly", longest)
    check(size > 300000 and most < allowed, "a slow reader of large answers costs bounded memory", (size, most, allowed))
    print(f"{asked} answers of {size / MIB:.1f} MiB never read: {most:.0f} MiB resident, others waited {longest:.1f} s at most")
    slow.close()


def with_key(endpoint, keys, name):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.curve_serverkey = (keys / "broker.public").read_bytes().strip()
    socket.curve_secretkey = (keys / f"{name}.secret").read_bytes().strip()
    socket.curve_publickey = (keys / f"{name}.public").read_bytes().strip()
    socket.connect(endpoint)
    return socket


def send(socket, verb, **head):
    socket.send_multipart([b"MDPC02", b"\x01", f"rubor.{verb}".encode(), msgpack.packb({"request": 1, **head})])


def one_asks_for_all(home):
    """A reviewer's key asks for the largest answers over 16 connections, without a pause; a station asks now and then."""
    keys = home / "keys"
    for role, name in (("reviewer", "ann"), ("station", "cam1"), ("admin", "root")):
        run("keygen", "--role", role, keys, name)
    with Service("up", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "2", "--noop", "--keys", keys,
                 log=home / "log") as service:
        endpoint = service.ready["endpoint"]
        root = with_key(endpoint, keys, "root")
        for i in range(500):
            root.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb({"request": i, "patient": "P", "session": "S", "day": i}),
                                 png(4, 4, (i % 256, i // 256, 0))])
        done = 0
        while done < 500 and root.poll(20000):
            done += root.recv_multipart()[1] == b"\x03"
        greedy = [with_key(endpoint, keys, "ann") for _ in range(16)]
        modest = with_key(endpoint, keys, "cam1")
        ask_all = {"patient": "P", "results": True}
        for socket in greedy:
            send(socket, "list", **ask_all)
        served = told = modest_refused = 0
        worst, waits, began, next_ask, asked = 0.0, [], time.monotonic(), 0, 0.0
        while time.monotonic() - began < 8:
            for socket in greedy:
                while socket.poll(0):
                    body = socket.recv_multipart()[3]
                    head = msgpack.unpackb(body) if len(body) < 1000 else None  # what is large is an answer
                    if head and head["status"] == 10:
                        told += 1
                        waits.append(head["retry_after_ms"])
                        check(head["error"]["message"].startswith("others are waiting"), "and says why", head["error"])
                    else:
                        served += 1
                    send(socket, "list", **ask_all)  # at once, whatever it was told
            if not asked and time.monotonic() > next_ask:
                send(modest, "status")
                asked = time.monotonic()
            if asked and modest.poll(1):
                modest_refused += msgpack.unpackb(modest.recv_multipart()[3])["status"] == 10
                worst = max(worst, time.monotonic() - asked)
                asked, next_ask = 0.0, time.monotonic() + 0.3
        check(told > 0 and all(0 < w <= 501 for w in waits), "who takes more than half is told to come back, soon", (served, told, waits[:3]))
        check(modest_refused == 0, "who asks now and then is never told so", modest_refused)
        check(worst < 3, "and waits for no long", worst)
        print(f"16 connections of one key: {served} answers, {told} times told to come back; another key waited {worst:.2f} s at most")
        for socket in [*greedy, modest, root]:
            socket.close()


def courses_that_nobody_computes(home, endpoint, data):
    """More than 64 MiB of courses are not held."""
    with Service("broker", "--data", data, "--endpoint", endpoint, "--worker-endpoint", "tcp://127.0.0.1:*", log=home / "log") as service:
        size = len(msgpack.packb(ask(service.ready["endpoint"], b"rubor.list", {"patient": "P", "session": "S", "results": True})["jobs"]))
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(service.ready["endpoint"])
        for i in range(250):
            socket.send_multipart([b"MDPC02", b"\x01", b"rubor.series", msgpack.packb({"request": i, "patient": "P", "session": "S"})])
        told = msgpack.unpackb(socket.recv_multipart()[3]) if socket.poll(30000) else None
        waiting = ask(service.ready["endpoint"], b"rubor.status", {})["service"]["queue_review"]
        check(told and told["status"] == 10 and told["retry_after_ms"] > 0, "courses of more than 64 MiB together are told to come back", told)
        check(waiting < 250 and (waiting - 1) * size < 64 * MIB < (waiting + 3) * size * 1.3, "and what waits is as much as may", (waiting, size))
        check(memory_mib(service.process.pid) < 200, "in bounded memory", memory_mib(service.process.pid))
        socket.close()


def fill(endpoint, count):
    """A course of so many measured photos."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    for i in range(count):
        head = {"request": i, "patient": "P", "session": "S", "day": i}
        socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), png(4, 4, (i % 256, i // 256, 0))])
    done = 0
    while done < count and socket.poll(20000):
        done += socket.recv_multipart()[1] == b"\x03"
    check(done == count, "a long course is measured", done)
    socket.close()


if "san" in os.environ.get("RUBOR_BUILD", ""):
    print("skipped: a sanitizer's own memory would be counted")
    sys.exit(77)
for step in (messages_without_end, messages_without_end_or_key):
    began = time.monotonic()
    step()
    print(step.__name__, f"{time.monotonic() - began:.1f} s", flush=True)
with folder() as home:
    one_asks_for_all(home)
with folder() as home:
    with Service("up", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "2", "--noop",
                 log=home / "up") as service:
        endpoint = service.ready["endpoint"]
        fill(endpoint, 500)
        print('filled', flush=True)
        answers_never_read(endpoint, broker_pid(service))
    courses_that_nobody_computes(home, "tcp://127.0.0.1:*", home / "data")
finish()
