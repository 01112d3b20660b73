#!/usr/bin/env python3
"""Figures of the service itself, with workers that look at no photo (--noop): jobs a second with small and 5 MB photos, beside raw
ZeroMQ through a ROUTER-DEALER proxy and SQLite's own commit rate in the same run; memory with 10,000 queued jobs.

    RUBOR=build/rubor tests/bench/service.py [JOBS]
        TMPDIR=/dev/shm takes the disk out of it; SYNC_US=8000 RUBOR_BUILD=build makes every sync of the service take 8 ms longer, as
        on a disk with plates, whatever this one does (SQLite's own figure is then 1/8 ms)
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
from helper import Service, environment, folder, png  # noqa: E402

JOBS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
IN_FLIGHT = 64
SYNC_US = int(os.environ.get("SYNC_US", "0"))
SHIM = Path(os.environ.get("RUBOR_BUILD", "build")).resolve() / "tests" / "libfault_shim.so"


def slowed(home):
    return environment(LD_PRELOAD=SHIM, RUBOR_FAULT_BELOW=home, RUBOR_FAULT_SLOW_US=SYNC_US) if SYNC_US else None


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
            head = {"request": sent, "patient": f"{patient} {sent // 20}", "session": "S", "day": sent % 3000, "lane": "batch", "no_wait": no_wait}
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


def station_beside_batch(endpoint, jobs):
    """Longest and middle time from submit to result of photos of a station, one at a time, while a batch keeps the service full."""
    batch = threading.Thread(target=submit_all, args=(endpoint, jobs, 200), kwargs={"patient": "batch"})
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    batch.start()
    times, number = [], 0
    while batch.is_alive():
        head = {"request": number, "patient": f"station {number // 20}", "session": "S", "day": number % 20}
        began = time.monotonic()
        socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), photo(number + 1, 300)])
        while socket.poll(20000) and socket.recv_multipart()[1] != b"\x03":
            pass
        times.append(time.monotonic() - began)
        number += 1
        time.sleep(0.01)
    socket.close()
    times.sort()
    return times[-1], times[len(times) // 2], len(times)


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


def sqlite_commits(home, seconds=1.5):
    """A disk's pace changes within minutes, so this is measured right before and after each run."""
    db = sqlite3.connect(home / f"commits-{time.monotonic_ns()}.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        db.execute("INSERT INTO t(b) VALUES('a row of about a hundred bytes, as long as the row of a job in the service is in the middle')")
        count += 1
    db.close()
    return count / (time.monotonic() - began)


def fsyncs(home, size, seconds=1.5):
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
        commits = [sqlite_commits(home)]
        with Service("up", "--data", home / name.replace(" ", ""), "--endpoint", "tcp://127.0.0.1:*", "--no-http", "--workers", "2",
                     "--noop", env=slowed(home), log=home / "log") as service:
            seconds, worst = submit_all(service.ready["endpoint"], jobs, size)
            commits.append(sqlite_commits(home))
            alone = sorted(submit_all(service.ready["endpoint"], 1, size, patient=f"lone {i}")[0] for i in range(21))
            if size < 1000:
                longest, middle, count = station_beside_batch(service.ready["endpoint"], jobs)
                print(f"station photos while a batch of 64 in flight runs: longest {1000 * longest:.0f} ms, middle {1000 * middle:.0f} ms of {count}")
        raw = raw_proxy(jobs, size)
        print(f"{name:6} photos: {jobs / seconds:8.0f} jobs/s, worst first answer {1000 * worst:.0f} ms with {IN_FLIGHT} in flight; one at a "
              f"time: {1000 * alone[10]:.1f} ms a job in the middle\n"
              f"  in the same run: raw proxy {jobs / raw:.0f}/s; SQLite (WAL, FULL) {commits[0]:.0f} and {commits[1]:.0f} commits/s; "
              f"files written, fsynced, renamed {fsyncs(home, size):.0f}/s")
    shm = tempfile.TemporaryDirectory(prefix="rubor-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    with shm as memory, Service("broker", "--data", memory + "/queue", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 log=home / "log") as service:
        empty = memory_kb(service.process.pid)
        seconds, _ = submit_all(service.ready["endpoint"], 10000, 200, no_wait=True, patient="Q")
        print(f"10,000 queued: {memory_kb(service.process.pid) / 1024:.1f} MiB resident ({empty / 1024:.1f} MiB empty), "
              f"accepted at {10000 / seconds:.0f}/s")
