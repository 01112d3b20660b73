#!/usr/bin/env python3
"""Figures of the service itself, with workers that look at no photo (--noop): jobs a second with small and 5 MB photos, beside raw
ZeroMQ through a ROUTER-DEALER proxy and SQLite's own commit rate in the same run; memory with 10,000 queued jobs.

    RUBOR=build/rubor tests/bench/service.py [JOBS]           TMPDIR=/dev/shm takes the disk out of it
"""
import os
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgpack
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from helper import Service, folder, png  # noqa: E402

JOBS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
IN_FLIGHT = 64


def photo(number, size):
    small = png(8, 6, (number % 256, number // 256 % 256, 7))
    return small + b"\0" * max(0, size - len(small))


def submit_all(endpoint, jobs, size, no_wait=False, patient="P"):
    """Seconds for so many photos, and the longest time to the acknowledgement."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    sent = done = 0
    at, worst = {}, 0.0
    began = time.monotonic()
    while done < jobs:
        while sent < jobs and sent - done < IN_FLIGHT:
            head = {"request": sent, "patient": patient, "session": "S", "day": sent % 3000, "lane": "batch", "no_wait": no_wait}
            at[sent] = time.monotonic()
            socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), photo(sent, size)])
            sent += 1
        if not socket.poll(20000):
            raise RuntimeError("no answer")
        frames = socket.recv_multipart()
        request = msgpack.unpackb(frames[3])["request"]
        if request in at:
            worst = max(worst, time.monotonic() - at.pop(request))
        done += frames[1] == b"\x03"
    return time.monotonic() - began, worst


def raw_proxy(jobs, size):
    """The same bytes through a ROUTER-DEALER proxy to an echoing peer and back as a short answer."""
    context = zmq.Context()
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port, inner = front.bind_to_random_port("tcp://127.0.0.1"), back.bind_to_random_port("tcp://127.0.0.1")
    control = context.socket(zmq.PAIR)
    control.bind("inproc://stop")
    threading.Thread(target=lambda: zmq.proxy_steerable(front, back, None, control), daemon=True).start()

    def echo():
        peer = context.socket(zmq.DEALER)
        peer.connect(f"tcp://127.0.0.1:{inner}")
        for _ in range(jobs):
            frames = peer.recv_multipart()
            peer.send_multipart([frames[0], b"done"])
    threading.Thread(target=echo, daemon=True).start()
    client = context.socket(zmq.DEALER)
    client.connect(f"tcp://127.0.0.1:{port}")
    body, began, sent = photo(1, size), time.monotonic(), 0
    for done in range(jobs):
        while sent < jobs and sent - done < IN_FLIGHT:
            client.send(body)
            sent += 1
        client.recv_multipart()
    return time.monotonic() - began


def sqlite_commits(home, seconds=2.0):
    db = sqlite3.connect(home / "commits.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        db.execute("INSERT INTO t(b) VALUES('a row of about a hundred bytes, as long as the row of a job in the service is in the middle')")
        count += 1
    return count / (time.monotonic() - began)


def fsyncs(home, size, seconds=2.0):
    """Files of so many bytes written, fsynced, renamed and their folder fsynced, a second."""
    body, count, began = photo(1, size), 0, time.monotonic()
    folder_fd = os.open(home, os.O_RDONLY)
    while time.monotonic() - began < seconds:
        with open(home / "f.part", "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.rename(home / "f.part", home / f"f{count}")
        os.fsync(folder_fd)
        count += 1
    os.close(folder_fd)
    return count / (time.monotonic() - began)


def memory_kb(pid):
    return int(next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")).split()[1])


with folder() as home:
    for name, size, jobs in (("small", 200, JOBS), ("5 MB", 5_000_000, max(40, JOBS // 20))):
        with Service("up", "--data", home / name.replace(" ", ""), "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "2",
                     "--noop", log=home / "log") as service:
            seconds, worst = submit_all(service.ready["endpoint"], jobs, size)
        raw = raw_proxy(jobs, size)
        print(f"{name:6} photos: {jobs / seconds:8.0f} jobs/s, worst acknowledgement {1000 * worst:.0f} ms with {IN_FLIGHT} in flight; "
              f"raw proxy {jobs / raw:8.0f}/s; files fsynced {fsyncs(home, size):8.0f}/s")
    print(f"SQLite WAL, synchronous=FULL, from Python: {sqlite_commits(home):.0f} commits/s")
    shm = tempfile.TemporaryDirectory(prefix="rubor-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    with shm as memory, Service("broker", "--data", memory + "/queue", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 log=home / "log") as service:
        empty = memory_kb(service.process.pid)
        seconds, _ = submit_all(service.ready["endpoint"], 10000, 200, no_wait=True, patient="Q")
        print(f"10,000 queued: {memory_kb(service.process.pid) / 1024:.1f} MiB resident ({empty / 1024:.1f} MiB empty), "
              f"accepted at {10000 / seconds:.0f}/s")
